#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Counts a run of 'meson test': summarize.py BUILD

Every TAP subtest counts as one test, and so does every test that does not speak TAP. Names what failed and
what was skipped; the last line is 'N passed, N failed, N skipped'. Exits with 1 unless something passed and
nothing failed.

The subtests are in testlog.junit.xml. The verdict on each program is in testlog.json, and is needed too: the
junit file says nothing of a program that timed out, or that crashed after its last subtest.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

PROJECT = "aziotd"


def subtests_by_program(junit):
    """Maps the name of each TAP program to its list of (subtest, verdict)."""
    programs = {}
    # meson copies what a test printed as it is, control characters included, which XML forbids.
    text = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f]", "?", junit.read_text(errors="replace"))
    for suite in ElementTree.fromstring(text).iter("testsuite"):
        if suite.get("name") == PROJECT:
            continue  # the suite of the programs that do not speak TAP
        rows = []
        for case in suite.iter("testcase"):
            verdict = "passed"
            if case.find("skipped") is not None:
                verdict = "skipped"
            if case.find("failure") is not None or case.find("error") is not None:
                verdict = "failed"
            reason = case.findtext("system-out")
            rows.append((case.get("name") + (f" ({reason})" if reason else ""), verdict))
        programs[suite.get("name").removeprefix(PROJECT + ".")] = rows
    return programs


def verdict_of(result):
    return {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}.get(result, "failed")


def results(logs):
    """Yields (name, verdict) for each thing that counts as a test."""
    programs = subtests_by_program(logs / "testlog.junit.xml")
    for line in (logs / "testlog.json").read_text().splitlines():
        program = json.loads(line)
        name, verdict = program["name"], verdict_of(program["result"])
        rows = programs.get(name, [])
        for subtest, subverdict in rows:
            yield f"{name}: {subtest}", subverdict
        if not rows:
            reason = re.search("^1..0 # SKIP (.*)", program.get("stdout", ""), re.MULTILINE)
            yield f"{name} ({reason[1]})" if reason else name, verdict
        elif verdict == "failed" and all(v != "failed" for _, v in rows):
            yield f"{name}: the program itself ({program['result'].lower()})", verdict


def main():
    logs = Path(sys.argv[1]) / "meson-logs"
    try:
        rows = list(results(logs))
    except (OSError, ElementTree.ParseError, ValueError) as error:
        print(f"No results to count: {error}", file=sys.stderr)
        rows = [("meson test", "failed")]

    for wanted in ("skipped", "failed"):
        for name, verdict in rows:
            if verdict == wanted:
                print(f"{wanted.upper()}: {name}")

    counts = {v: sum(verdict == v for _, verdict in rows) for v in ("passed", "failed", "skipped")}
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    return 0 if counts["passed"] and not counts["failed"] else 1


if __name__ == "__main__":
    sys.exit(main())
