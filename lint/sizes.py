#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""How long a function and a file may be: lint/sizes.py FILE…

A function counts from its opening brace to its closing one, both at the left edge, where clang-format puts them.
Tests are tables and stories and may be longer. lint/sizes-exceptions.txt names the few exceptions, each with its
reason; an exception that is no longer needed fails too.
"""

import re
import sys
from pathlib import Path

FUNCTION_MAX, FILE_MAX = 60, 600
TEST_FUNCTION_MAX, TEST_FILE_MAX = 120, 800
EXCEPTIONS = Path(__file__).with_name("sizes-exceptions.txt")


def functions(lines):
    """Yields (name, number of lines) of each function of a C file."""
    name, begin = None, None
    for number, line in enumerate(lines):
        if begin is None and re.match(r"\w", line):
            # A signature, which may go on over indented lines. START_TEST(name) is one too.
            match = re.match(r"(?!typedef\b)(?:[^=;]*\W)?(\w+)\s*\((?!\*)(\w*)[^;]*$", line)
            name = match and (match[2] if match[1].isupper() else match[1])
        if begin is None and name and line.endswith("{"):
            begin = number
        if begin is not None and line.startswith("}"):
            yield name, number - begin + 1
            name, begin = None, None


def too_long(path):
    """Yields (key, length, limit); the key is what an exception names: 'FILE' or 'FILE:FUNCTION'."""
    lines = Path(path).read_text().splitlines()
    is_test = path.startswith("tests/")
    limit = TEST_FILE_MAX if is_test else FILE_MAX
    if len(lines) > limit:
        yield path, len(lines), limit
    limit = TEST_FUNCTION_MAX if is_test else FUNCTION_MAX
    for name, length in functions(lines) if path.endswith((".c", ".h")) else ():
        if length > limit:
            yield f"{path}:{name}", length, limit


def main():
    excused = {line.split()[0] for line in EXCEPTIONS.read_text().splitlines() if line and line[0] != "#"}
    found = {key: (length, limit) for path in sys.argv[1:] for key, length, limit in too_long(path)}
    bad = 0
    for key in sorted(found.keys() - excused):
        print("{}: {} lines, the limit is {}".format(key, *found[key]))
        bad += 1
    for key in sorted(excused - found.keys()):
        print(f"{key}: needs no exception any more, take it out of {EXCEPTIONS.name}")
        bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
