#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The compiler's commands without repeats: lint/commands.py BUILD DIRECTORY

A file that is compiled for many programs is in compile_commands.json as often, and would be analysed as often. Writes
one to DIRECTORY in which it is once, or once for each set of macros that it is compiled with.
"""

import json
import re
import sys
from pathlib import Path


def distinct(commands):
    """The first of the commands that show an analyser the same code."""
    found = {}
    for command in commands:
        macros = sorted(re.findall(r"(?<=\s)'?-[DU]\S+", command["command"]))
        found.setdefault((command["file"], *macros), command)
    return list(found.values())


def main():
    build, directory = map(Path, sys.argv[1:])
    commands = json.loads((build / "compile_commands.json").read_text())
    (directory / "compile_commands.json").write_text(json.dumps(distinct(commands)))


if __name__ == "__main__":
    main()
