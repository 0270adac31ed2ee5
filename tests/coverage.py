#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the unit tests of lib/azure, lib/session and lib/aio have run of them: coverage.py BUILD

BUILD was made with -Db_coverage=true and its tests were run. Prints a table with a row for each file, and where it
was not run: '12' is a line, '12?' one with a branch that was not taken. Exits with 1 below a limit.
"""

import json
import subprocess
import sys

LINES_MIN, BRANCHES_MIN = 97.0, 90.0


class Count:
    """How much of something there is, and how much of it was run."""

    def __init__(self):
        self.total = self.run = 0

    def add(self, run):
        self.total += 1
        self.run += bool(run)

    def percent(self):
        return 100.0 * self.run / self.total if self.total else 100.0


def read_coverage(build):
    """Returns what gcovr knows of each file of these libraries, with its lines and their branches."""
    command = ["gcovr", "--root", ".", "--filter", "lib/(azure|session|aio)/", "--json", "-", build]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["files"]


def print_row(name, lines, branches, missed=""):
    print(f"{name:52} {lines.total:5} {lines.percent():6.1f} {branches.total:5} {branches.percent():6.1f}  {missed}")


def main():
    all_lines, all_branches = Count(), Count()
    print(f"{'file':52} {'lines':>5} {'%':>6} {'brch.':>5} {'%':>6}  missed")
    for file in read_coverage(sys.argv[1]):
        lines, branches, missed = Count(), Count(), []
        for line in file["lines"]:
            if line["gcovr/noncode"]:
                continue
            taken = [branch["count"] > 0 for branch in line["branches"]]
            for counts in (lines, all_lines):
                counts.add(line["count"])
            for counts in (branches, all_branches):
                for one in taken:
                    counts.add(one)
            if not line["count"]:
                missed.append(str(line["line_number"]))
            elif not all(taken):
                missed.append(f"{line['line_number']}?")
        print_row(file["file"], lines, branches, " ".join(missed))
    print_row("all", all_lines, all_branches)
    enough = all_lines.percent() >= LINES_MIN and all_branches.percent() >= BRANCHES_MIN
    print(f"{'enough' if enough else 'NOT ENOUGH'}: {LINES_MIN} % of lines and {BRANCHES_MIN} % of branches are wanted")
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
