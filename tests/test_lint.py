#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The checks of lint/ that are ours find what they are for, and nothing else."""

import importlib.util
import unittest
from pathlib import Path

import tap

LINT = Path(__file__).resolve().parent.parent / "lint"


def load(name):
    spec = importlib.util.spec_from_file_location(name, LINT / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


commands, documented, fence, sizes, source, versions = (
    load(n) for n in ("commands", "documented", "include-fence", "sizes", "source", "versions"))

DEPS = """\
a.o: #deps 3, deps mtime 1 (VALID)
    ../lib/azure/core/az_span.c
    ../lib/azure/core/az_span.h
    /usr/include/string.h

b.o: #deps 3, deps mtime 1 (VALID)
    ../cli/send.c
    ../ipc/aziot.h
    ../lib/session/hub_session.h

c.o: #deps 1, deps mtime 1 (STALE)
    ../cli/gone.c

"""


class Fence(unittest.TestCase):
    def test_reads_the_sources_of_ninja_and_what_they_reached(self):
        self.assertEqual(
            fence.read_objects(DEPS.splitlines()),
            [
                ("lib/azure/core/az_span.c", ["lib/azure/core/az_span.h"]),
                ("cli/send.c", ["ipc/aziot.h", "lib/session/hub_session.h"]),
            ],
        )

    def test_each_pair_of_rooms(self):
        for source_file, header, allowed in (
            ("daemon/main.c", "lib/session/retry.h", True),
            ("daemon/main.c", "daemon/manager.h", True),
            ("lib/session/retry.c", "lib/azure/iot/az_iot_common.h", True),
            ("lib/session/retry.c", "util/util.h", False),
            ("lib/azure/core/az_span.c", "lib/azure/iot/az_iot_common.h", False),
            ("lib/mqtt/link.c", "lib/session/retry.h", False),
            ("hubsim/hub.c", "lib/azure/iot/az_iot_common.h", False),
            ("ipc/server.c", "daemon/manager.h", False),
            ("cli/send.c", "lib/mqtt/link.h", False),
            ("docs/examples/embedded/hub.c", "lib/azure/az_iot.h", True),
            ("docs/examples/embedded/hub.c", "lib/mqtt/link.h", False),
            ("docs/clients/c/device.c", "lib/session/hub_session.h", False),
            ("tests/unit/test-x.c", "lib/mqtt/link.h", True),
            ("elsewhere/x.c", "util/util.h", False),
        ):
            with self.subTest(source_file=source_file, header=header):
                self.assertEqual(list(fence.check_object(source_file, [header])) == [], allowed)


class Documented(unittest.TestCase):
    def test_each_declaration(self):
        for text, names in (
            ("int f(void);", ["f"]),
            ("/* Does. */\nint f(void);", []),
            ("/* Does. */\n\nint f(void);", ["f"]),
            ("/* Both. */\nint f(void);\nint g(void);", []),
            ("/*\n   Without stars;\n\n   and a blank line.\n*/\nint f(void);", []),
            ("AZ_NODISCARD az_result\nf(int a,\n  int b);", ["f"]),
            ("typedef struct X X;", []),
            ("typedef struct X {\n        int a;\n} X;", ["X"]),
            ("typedef struct X {\n        int a; /* why */\n} X;", []),
            ("typedef enum {\n        A,\n} kind;", ["kind"]),
            ("typedef int (*callback)(void);", ["callback"]),
            ("#define LIMIT 5", ["LIMIT"]),
            ("#define LONG(x) \\\n        (x)", ["LONG"]),
            ("#define LIMIT 5 /* why */", []),
            ("#pragma once\n#include <a.h>\n#ifdef X\n#endif", []),
            ("#ifndef A_H\n#define A_H\n#endif", []),
            ("void _private(void);\nX *x_free(X *x);\n#define X_NULL 0", []),
            ('extern "C" {\n}', []),
        ):
            with self.subTest(text=text):
                self.assertEqual([name for _, name in documented.undocumented(text)], names)


class Sizes(unittest.TestCase):
    def test_functions_are_measured_and_tables_are_not(self):
        text = """\
typedef struct A {
        struct {
                int b;
        } c;
} A;

static const A table[] = {
        {
                1,
        },
};

static int one(int a,
               int b) {
        return a;
}

START_TEST(two) {
}
END_TEST
"""
        self.assertEqual(list(sizes.functions(text.splitlines())), [("one", 3), ("two", 2)])


class Commands(unittest.TestCase):
    def test_a_file_is_analysed_once_for_each_set_of_macros(self):
        def command(file, text):
            return {"file": file, "command": text}

        first, other = command("a.c", "cc -Ip -DX -o p/a.o a.c"), command("b.c", "cc -DX -o p/b.o b.c")
        unchecked = command("a.c", "cc -Iq '-DX' -DNO_CHECKS=1 -o q/a.o a.c")
        again = command("a.c", "cc -Ir -DX -o r/a.o a.c")
        self.assertEqual(commands.distinct([first, again, unchecked, other]), [first, unchecked, other])


class Source(unittest.TestCase):
    def test_each_rule(self):
        unfinished = "TO" "DO"
        for path, body, wanted in (
            ("a.c", "goto out;", ["goto"]),
            ("a.c", '/* goto // */ char *s = "// goto";', []),
            ("a.c", "int a; // b", ["a // comment"]),
            ("a.c", "        static int n;", ["a static variable in a function that can change"]),
            ("a.c", "        static uint8_t const n = 1;", []),
            ("a.py", f"# {unfinished}: later", [f"{unfinished} without an issue number"]),
            ("a.py", f"# {unfinished}(#12): later", []),
        ):
            with self.subTest(body=body):
                found = source.complaints(path, f"/* {source.LICENCE} */\n{body}\n")
                self.assertEqual([what for _, what in found], wanted)

    def test_the_licence_is_on_the_first_line_or_below_the_interpreter(self):
        for text, found in (
            (f"# {source.LICENCE}\n", 0),
            (f"#!/bin/sh\n# {source.LICENCE}\n", 0),
            (f"\n# {source.LICENCE}\n", 1),
            ("", 1),
        ):
            with self.subTest(text=text):
                self.assertEqual(len(list(source.complaints("a.sh", text))), found)


class Versions(unittest.TestCase):
    def test_each_file_is_read_and_another_version_named(self):
        build = "project(\n    'aziotd', 'c',\n    version: '0.2.0',\n    meson_version: '>= 1.0.0',\n"
        changelog = "aziotd (0.2.0) bookworm; urgency=medium\n\n  * New.\n\naziotd (0.1.0) bookworm\n"
        for news, found in (
            ("# News\n\n## 0.2.0 (not yet released)\n\n## 0.1.0\n", []),
            ("# News\n\n## 0.1.0\n", ["not the same version: meson.build 0.2.0, debian/changelog 0.2.0, NEWS.md 0.1.0"]),
            ("# News\n", ["NEWS.md: no version", "not the same version: meson.build 0.2.0, debian/changelog 0.2.0, "
                          "NEWS.md None"]),
        ):
            with self.subTest(news=news):
                texts = {"meson.build": build, "debian/changelog": changelog, "NEWS.md": news}
                self.assertEqual(list(versions.complaints(texts)), found)


if __name__ == "__main__":
    tap.main()
