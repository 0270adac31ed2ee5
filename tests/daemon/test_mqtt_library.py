#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""libaziot-mqtt as a stranger has it: installed, found by pkg-config, compiled as C and as C++ with every warning."""

import re
import unittest
from pathlib import Path

from harness import tap
from installed import STRICT, install, run

HEADERS = ["link.h", "report.h", "runner.h"]
CONSUMER = Path(__file__).with_name("mqtt-consumer.c")
PREFIXES = r"(mqtt|runner|file_watch|ca_files|sas)_"


def setUpModule():
    global installed
    installed = install()


class Headers(unittest.TestCase):
    def test_the_public_ones_are_installed_and_no_others(self):
        folder = next(installed.root.rglob("include/aziot-mqtt"))
        self.assertEqual(sorted(str(h.relative_to(folder)) for h in folder.rglob("*.h")), [f"mqtt/{h}" for h in HEADERS])

    def test_each_is_c_and_cplusplus(self):
        flags = installed.pkg_config("--cflags", "libaziot-mqtt")
        for header in HEADERS:
            # A union without a name is more than C99 has, and pedantic C++ of a struct in it.
            for compiler in ("cc -std=c11 -x c", "cc -std=c17 -x c", "c++ -std=c++17 -x c++"):
                with self.subTest(header, compiler=compiler):
                    run(*compiler.split(), *STRICT, *flags, "-fsyntax-only", "-",
                        input=f"#include <mqtt/{header}>\ntypedef int unit;\n")


class Library(unittest.TestCase):
    def test_a_program_links_and_runs(self):
        for compiler in (["cc", "-std=c11", "-D_GNU_SOURCE"], ["c++", "-std=c++17", "-x", "c++"]):
            with self.subTest(compiler):
                program = installed.compile(CONSUMER, "libaziot-mqtt", compiler=compiler)
                self.assertEqual(run(program), "connecting\nsession-lost\n")

    def test_its_names_are_its_own(self):
        lines = run("nm", "-g", "--defined-only", installed.libraries / "libaziot-mqtt.a").splitlines()
        names = [line.split()[-1] for line in lines if len(line.split()) == 3]
        strangers = [n for n in names if not re.match(PREFIXES, n) and not n.startswith("__")]
        self.assertEqual(strangers, [])


if __name__ == "__main__":
    tap.main()
