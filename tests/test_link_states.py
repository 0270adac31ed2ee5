#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every row of the tables of lib/session is in a diagram of docs/link-states.md, and no arrow is without one.

Reads the diagrams as a person would: an arrow may stand for several rows, and a box for several states. The rows
come from the program that wrote the document, which knows nothing of this.
"""

import os
import re
import subprocess
import unittest
from pathlib import Path

import tap

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "link-states.md"
MACHINES = ("hub", "dps", "recovery", "broker")  # in the order of the diagrams


def rows_of_tables():
    """{machine: {(from, to, on, event)}}"""
    rows = {machine: set() for machine in MACHINES}
    output = subprocess.run([os.environ["LINK_STATES"], "rows"], capture_output=True, text=True, check=True).stdout
    for line in output.splitlines():
        machine, *row = line.split("|")
        assert tuple(row) not in rows[machine], line
        rows[machine].add(tuple(row))
    return rows


def split_triggers(text):
    """'a (b, c) if d, e' is 'a (b, c) if d' and 'e'."""
    return re.findall(r"(?:[^,(]|\([^)]*\))+", text)


def rows_of_label(label):
    for line in label.split("<br/>"):
        triggers, _, event = line.partition(" / ")
        for trigger in split_triggers(triggers):
            yield trigger.strip(), event or trigger.strip()


def states_of_box(name, states):
    """Which states a box stands for."""
    if not name.startswith("any state"):
        return {name}
    excluded = name.removeprefix("any state").removeprefix(" but ")
    return states - set(excluded.split(", "))


def rows_of_diagram(text, states):
    names = dict((identifier, name) for name, identifier in re.findall(r'state "(.*)" as (\w+)', text))
    rows = []
    for start, end, label in re.findall(r"^ +(\w+) --> (\w+): (.*)$", text, re.MULTILINE):
        for state in sorted(states_of_box(names.get(start, start), states)):
            rows += [(state, names.get(end, end), *row) for row in rows_of_label(label)]
    return rows


class LinkStates(unittest.TestCase):
    def check(self, machine):
        diagrams = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
        self.assertEqual(len(diagrams), len(MACHINES))
        rows = rows_of_tables()[machine]
        states = {row[0] for row in rows}
        drawn = rows_of_diagram(diagrams[MACHINES.index(machine)], states)
        self.assertEqual(sorted(drawn), sorted(rows))

    def test_the_diagram_of_the_hub_has_each_row_once_and_nothing_else(self):
        self.check("hub")

    def test_the_diagram_of_dps_has_each_row_once_and_nothing_else(self):
        self.check("dps")

    def test_the_diagram_of_the_recovery_has_each_row_once_and_nothing_else(self):
        self.check("recovery")

    def test_the_diagram_of_the_broker_has_each_row_once_and_nothing_else(self):
        self.check("broker")


if __name__ == "__main__":
    tap.main()
