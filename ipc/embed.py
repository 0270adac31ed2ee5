#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Embeds interface files in a C file: "io.example.ftl.varlink" becomes "const char io_example_ftl_varlink[]".

usage: embed.py OUTPUT INPUT...
"""

import pathlib
import re
import sys


def quoted(line):
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"'


def main():
    output, inputs = pathlib.Path(sys.argv[1]), map(pathlib.Path, sys.argv[2:])
    parts = ["/* Made by embed.py from the interface files. */\n"]
    for path in inputs:
        name = re.sub(r"[^A-Za-z0-9]", "_", path.name)
        lines = path.read_text(encoding="ascii").splitlines()
        text = "\n".join("        " + quoted(line) for line in lines)
        parts.append(f"extern const char {name}[];\nconst char {name}[] =\n{text};\n")
    output.write_text("\n".join(parts), encoding="ascii")


main()
