#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What operations of the protocol library cost, beside azure-sdk-for-c: bench/protocol.py BUILD-DIRECTORY

Prints two tables, with preconditions and logging and without, and fails if the first misses the aim: the median of
the rows is at most 0.7 of the original's instructions, and no row is above it. Instructions are counted by callgrind
between the calls of measure(), so they are the same each time; nanoseconds are those of a machine in use.
"""

import csv
import re
import statistics
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

MEDIAN_MAX, ROW_MAX = 0.7, 1.0
N_COUNTED = 1000  # as in bench-protocol.c
LOOP = "null"  # a row that does nothing: what the loop around the others costs
FIGURES = Path(__file__).with_name("protocol-original.csv")

Row = namedtuple("Row", "name ns instructions original ratio")


def read_original(column):
    lines = [line for line in FIGURES.read_text().splitlines() if not line.startswith("#")]
    return {row["operation"]: int(row[column]) for row in csv.DictReader(lines)}


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()


def count_instructions(program):
    """Returns instructions per operation: callgrind writes a file each time that measure() returns."""
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory, "out")
        names = run(
            "valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={out}",
            "--zero-before=measure", "--dump-after=measure", program, "--count",
        )  # fmt: skip
        totals = [
            int(re.search(r"^totals: (\d+)", Path(f"{out}.{i}").read_text(), re.M)[1])
            for i in range(1, len(names) + 1)
        ]
    return {name: round(total / N_COUNTED) for name, total in zip(names, totals)}


def read_rows(program, column):
    original = read_original(column)
    ns = {name: float(time) for name, time in (line.split() for line in run(program, "--time"))}
    return [
        Row(name, ns[name], n, original[name], n / original[name])
        for name, n in count_instructions(program).items()
    ]


def print_table(title, rows):
    print(f"\n{title}\n")
    print("| operation | ns | instructions | the original's | ratio |")
    print("|---|---:|---:|---:|---:|")
    for row in rows:
        above = " (above)" if row.name != LOOP and row.ratio > ROW_MAX else ""
        print(f"| {row.name} | {row.ns:.1f} | {row.instructions} | {row.original} | {row.ratio:.2f}{above} |")


def is_aim_met(rows):
    ratios = [row.ratio for row in rows if row.name != LOOP]
    median, highest = statistics.median(ratios), max(ratios)
    print(f"\nmedian {median:.2f} (at most {MEDIAN_MAX}), highest {highest:.2f} (at most {ROW_MAX})")
    return median <= MEDIAN_MAX and highest <= ROW_MAX


def main():
    build = Path(sys.argv[1])
    checked = read_rows(build / "bench-protocol", "instructions")
    unchecked = read_rows(build / "bench-protocol-unchecked", "instructions unchecked")
    print_table("With preconditions and logging", checked)
    is_met = is_aim_met(checked)
    print_table("Without (AZ_NO_PRECONDITION_CHECKING, AZ_NO_LOGGING)", unchecked)
    is_aim_met(unchecked)
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
