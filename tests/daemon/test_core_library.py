#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""libaziot-core as a stranger has it: installed, found by pkg-config, compiled as C and as C++ with every warning."""

import subprocess
import unittest
from pathlib import Path

import harness
from harness import tap
from installed import SOURCE, STRICT, install, run

HEADERS = {"aio": "lib/aio", "azure": "lib/azure", "session": "lib/session"}  # as they are installed, and where they come from
CPP_STRICT = ["-Wold-style-cast", "-Wzero-as-null-pointer-constant"]
C99 = ["cc", "-std=c99", "-x", "c"]
CPP17 = ["c++", "-std=c++17", "-x", "c++", *CPP_STRICT]

CONSUMER = Path(__file__).with_name("core-consumer.c")
PRINTED = """\
{"temperature":21.5}
devices/device/messages/events/%24.ct=application%2Fjson
hub-lab.azure-devices.net%2Fdevices%2Fdevice
1800003600
signing
8000 ms
1000000 us
plant/press/7
001800000000000:00000:device
"""

CBOR = """\
#include <aio/cbor.h>
#include <cbor.h>
int main(void) {
        aio_serializer serializer = aio_serializer_cbor();
        cbor_item_t *item = cbor_build_uint8(42);
        uint8_t buffer[8];
        aio_error error;
        az_span payload;
        az_result r = aio_serialize(&serializer, item, AZ_SPAN_FROM_BUFFER(buffer), &payload, &error);
        cbor_decref(&item);
        return r == AZ_OK ? 0 : 3;
}
"""

PLATFORM = """\
#include <azure/core/az_platform.h>
int main(void) {
        int64_t now;
        return az_platform_clock_msec(&now) == AZ_OK && az_platform_sleep_msec(1) == AZ_OK ? 0 : 3;
}
"""


def setUpModule():
    global installed
    installed = install()


def public_headers():
    """Those of the source, as a program names them."""
    return sorted(str(name / header.relative_to(SOURCE / folder))
                  for name, folder in ((Path(name), folder) for name, folder in HEADERS.items())
                  for header in (SOURCE / folder).rglob("*.h") if not header.stem.endswith("_internal"))


class Headers(unittest.TestCase):
    def test_the_public_ones_are_installed_and_no_others(self):
        folder = next(installed.root.rglob("include/aziot-core"))
        found = sorted(str(header.relative_to(folder)) for header in folder.rglob("*.h"))
        self.assertEqual(found, public_headers(), "the lists of install_headers() in meson.build")

    def test_each_is_c_and_cplusplus(self):
        flags = installed.pkg_config("--cflags", "libaziot-core")
        for header in public_headers():
            for compiler in (C99, ["cc", "-std=c17", "-x", "c"], CPP17,
                             ["c++", "-std=c++11", "-x", "c++", *CPP_STRICT]):
                with self.subTest(header, compiler=compiler):
                    run(*compiler, *STRICT, "-Wconversion", "-Wshadow", *flags, "-fsyntax-only", "-",
                        input=f"#include <{header}>\ntypedef int unit;\n")


class Consumer(unittest.TestCase):
    def test_it_prints_the_same_in_c_and_cplusplus(self):
        for compiler in (C99, CPP17):
            with self.subTest(compiler):
                program = installed.compile(CONSUMER, "libaziot-core", compiler=compiler)
                self.assertEqual(run(program), PRINTED)

    def test_it_is_linked_without_a_platform(self):
        names = run("nm", "-u", installed.libraries / "libaziot-core.a")
        self.assertNotIn("az_platform", names)

    def test_a_program_chooses_its_platform(self):
        source = installed.root / "platform.c"
        source.write_text(PLATFORM)
        for name, code in (("posix", 0), ("none", 3)):
            with self.subTest(name):
                program = installed.compile(source, "libaziot-platform-" + name, compiler=C99)
                self.assertEqual(subprocess.run([program], timeout=harness.TIMEOUT_S, check=False).returncode, code)

    def test_CBOR_is_apart(self):
        source = installed.root / "cbor.c"
        source.write_text(CBOR)
        program = installed.compile(source, "libaziot-cbor", compiler=C99)
        self.assertEqual(subprocess.run([program], timeout=harness.TIMEOUT_S, check=False).returncode, 0)
        self.assertNotIn("cbor_load", run("nm", "-u", installed.libraries / "libaziot-core.a"))


if __name__ == "__main__":
    tap.main()
