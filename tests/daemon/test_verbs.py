#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What every verb of aziot has in common. The verbs are those that --help lists, so that none can be forgotten."""

import json
import os
import pty
import re
import subprocess
import unittest
from pathlib import Path

import harness
from harness import BUILD, tap

ROOT = Path(__file__).resolve().parents[2]
MANUAL = ROOT / "cli/aziot.1"

LISTED = re.compile(r"(?m)^  ([a-z][a-z-]*)(?: (.*?))?  +(\S.*)$")

# What a verb is to be called with, so that it ends by itself and has something to say with --json; others need nothing.
ARGUMENTS = {
    "send": ["x"],
    "messages": ["--count", "1"],
    "twin report": ['{"n":1}'],
    "twin acknowledge": ["rate", "5"],
    "call": ["io.aziotd.device.GetStatus"],
    "broker send": ["a", "x"],
    "broker watch": ["a"],
    "broker invoke": ["a"],
}

# These run until they are stopped, and print their first line at once.
STREAMS = ("watch", "twin watch")

# There is no provisioning service here, and no broker: by which error they end.
REFUSED = {"provisioning": "NotProvisioned", "reprovision": "NotProvisioned", "broker send": "NoBroker",
           "broker watch": "NoBroker", "broker invoke": "NoBroker"}


def help_of(*words):
    return subprocess.run([BUILD / "aziot", *words, "--help"], env=harness.environment(), capture_output=True,
                          text=True, check=True)


def verbs():
    """Each verb, and each verb behind one that takes others: "status", "twin get" ..."""
    found = []
    for name, arguments, _ in LISTED.findall(help_of().stdout):
        behind = LISTED.findall(help_of(name).stdout) if arguments == "VERB" else ()
        found += [f"{name} {other[0]}" for other in behind] or [name]
    return found


class Help(unittest.TestCase):
    def test_each_has_the_same_structure(self):
        for verb in ["", "twin", "broker", *verbs()]:
            with self.subTest(verb):
                done = help_of(*verb.split())
                self.assertEqual(done.stderr, "")
                self.assertRegex(done.stdout, rf"\AUsage: aziot {verb} ?\[OPTION\]\.\.\..*\n\n[A-Z]")
                self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80)
                self.assertNotRegex(done.stdout, r"\n\n\n|[ \t]\n|\n\n\Z")
                parts = [done.stdout.find(part) for part in ("      --socket PATH", "      --color WHEN", "      --help",
                                                             "Exit code: 0  ", "           3  ")]
                self.assertEqual(parts, sorted(parts) if parts[-1] > 0 else [*sorted(parts[:3]), -1, -1])

    def test_a_wrong_command_line_has_its_own_exit_code(self):
        for verb in verbs():
            for arguments in (["--no-such-option"], ["--color", "sometimes"]):
                with self.subTest(verb, arguments=arguments):
                    done = subprocess.run([BUILD / "aziot", *verb.split(), *arguments], env=harness.environment(),
                                          capture_output=True, text=True, check=False)
                    self.assertEqual((done.returncode, done.stdout), (2, ""))
                    self.assertTrue(done.stderr)

    def test_json_is_there_or_refused(self):
        for verb in verbs():
            with self.subTest(verb):
                done = subprocess.run([BUILD / "aziot", *verb.split(), "--json", "--no-such-option"], capture_output=True,
                                      env=harness.environment(), text=True, check=False)
                self.assertEqual(done.returncode, 2)
                self.assertEqual("There is no --json" in done.stderr, "--json" not in help_of(*verb.split()).stdout)

    def test_each_has_a_section_in_the_manual_with_its_options(self):
        sections = dict(re.findall(r"(?ms)^\.S[hs] ([\w -]+)\n(.*?)(?=^\.S[hs] |\Z)", MANUAL.read_text()))
        common = sections["DESCRIPTION"]
        for verb in verbs():
            with self.subTest(verb):
                text = common + sections[verb]
                options = re.findall(r"(?m)^  (?:    |-(\w), )--([a-z-]+)( [A-Z])?", help_of(*verb.split()).stdout)
                self.assertTrue(options)
                for short, name, argument in options:
                    pattern = rf"Fl {'' if not short else short + ' , Fl '}-{name}\b{'.* Ar ' if argument else ''}"
                    self.assertRegex(text, pattern)
                self.assertRegex(sections["SYNOPSIS"], rf"(?m)^\.Cm {verb}$")

    def test_the_manual_has_each_exit_code_that_help_tells(self):
        status = re.search(r"(?ms)^\.Sh EXIT STATUS\n(.*?)^\.Sh ", MANUAL.read_text())[1]
        for verb in verbs():
            if re.search("(?m)^ +3  ", help_of(*verb.split()).stdout):
                with self.subTest(verb):
                    self.assertRegex(status.split(".It 3")[1], rf"(?m)^\.It Cm (\w+ , )*{verb}\b")


class Json(harness.CliCase):
    def test_each_line_of_each_verb_parses(self):
        self.daemon.wait_online()
        for verb in verbs():
            if verb in STREAMS or "--json" not in help_of(*verb.split()).stdout:
                continue
            with self.subTest(verb):
                if verb == "messages":
                    self.hub.call("SendMessage", {"device": "demo", "body": "x"})
                out, err = self.aziot(*verb.split(), "--json", *ARGUMENTS.get(verb, []),
                                      code=1 if verb in REFUSED else 0)
                self.assertIn(REFUSED.get(verb, ""), err)
                self.assertEqual(not out, verb in REFUSED)
                for line in out.splitlines():
                    self.assertIsInstance(json.loads(line), dict)

    def test_what_goes_on_begins_with_such_a_line(self):
        self.daemon.wait_online()
        for verb in STREAMS:
            with self.subTest(verb):
                program = self.run_cli(*verb.split(), "--json")
                self.assertIsInstance(json.loads(program.wait_for_output(r"^\{.*\}$")[0]), dict)
                self.assertEqual(program.stop(), 0)


class Screen(harness.CliCase):
    """What a person sees at a terminal."""

    def at_terminal(self, *arguments, columns=80, **environment):
        """What it prints there, where standard output and standard error are the same."""
        pid, terminal = pty.fork()
        if pid == 0:
            env = {"TERM": "xterm", **harness.environment(**environment)}
            os.execve("/usr/bin/env", ["env", "sh", "-c", f'stty cols {columns}; exec "$@"', "sh", str(BUILD / "aziot"),
                                       "--socket", self.daemon.socket_path, *arguments], env)
        printed = b""
        while True:
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # its last process has ended
                piece = b""
            if not piece:
                break
            printed += piece
        os.waitpid(pid, 0)
        os.close(terminal)
        return printed.decode().replace("\r\n", "\n")

    def test_colours_are_for_terminals(self):
        self.daemon.wait_online()
        rows = [
            ({}, [], True),
            ({"NO_COLOR": "1"}, [], False),
            ({"NO_COLOR": ""}, [], True),
            ({"NO_COLOR": "1"}, ["--color=always"], True),
            ({"TERM": "dumb"}, [], False),
            ({}, ["--color=never"], False),
        ]
        for environment, arguments, expected in rows:
            for verb in ("status", "why", "check", "history"):
                with self.subTest(verb, environment=environment, arguments=arguments):
                    self.assertEqual("\x1b[3" in self.at_terminal(verb, *arguments, **environment), expected)
        self.assertNotIn("\x1b", self.aziot("status")[0])
        self.assertIn("\x1b[32m", self.aziot("status", "--color=always")[0])
        self.assertNotIn("\x1b[33m\x1b[0m", self.aziot("status", "--color=always")[0])  # of a trouble that is none

    def test_lines_break_at_the_width_of_the_terminal(self):
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            for columns in (60, 80, 100):
                for verb in ("status", "why", "check", "history"):
                    with self.subTest(verb, columns=columns):
                        lines = self.at_terminal(verb, "--color=never", columns=columns).splitlines()
                        self.assertLessEqual(max(map(len, lines)), columns)
            self.assertGreater(max(map(len, self.aziot("check", code=3)[0].splitlines())), 100)

    def test_what_lasts_is_told_and_goes_away(self):
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            arguments = ["send", "--stage", "delivered", "--timeout", "2", "x"]
            printed = self.at_terminal(*arguments)
            self.assertRegex(printed, "\r\x1b\\[K0 messages delivered, waiting for 1 more")
            self.assertRegex(printed, "\r\x1b\\[Kaziot: ")
            self.assertNotIn("waiting", self.at_terminal("--json", *arguments))
            self.assertNotIn("waiting", self.aziot(*arguments, code=1)[1])


if __name__ == "__main__":
    tap.main()
