#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""aziot watch: a line for each change of the link."""

import json
import signal

import harness
from harness import tap

TIME = r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ  "


class Watch(harness.CliCase):
    def test_a_line_says_when_and_how(self):
        program = self.run_cli("watch")
        program.wait_for_output(TIME + r"online +outbox 0$")
        with self.hub.gone():
            program.wait_for_output(TIME + r"waiting +outbox 0, .*refused")
            self.aziot("send", "x")
            program.wait_for_output(TIME + r"\w+ +outbox 1, .*refused")
        self.daemon.wait_for_empty_outbox()
        program.wait_for_output(TIME + r"\w+ +outbox 0, .*")
        lines = program.output().splitlines()
        self.assertEqual([a for a, b in zip(lines, lines[1:]) if a[20:] == b[20:]], [], "the same twice")
        self.assertEqual(program.stop(signal.SIGINT), 0)

    def test_json_is_what_the_daemon_replied(self):
        program = self.run_cli("watch", "--json")
        program.wait_for_output('"online"')
        status = json.loads(program.lines[0])
        self.assertEqual(status.keys(), self.daemon.status().keys())

    def test_it_says_when_the_daemon_goes_and_comes(self):
        program = self.run_cli("watch")
        program.wait_for_output("online")
        self.daemon.kill()
        program.wait_for_output("aziotd is not running")
        self.daemon.start()
        program.wait_for_output("Connected to")
        self.daemon.wait_online()


if __name__ == "__main__":
    tap.main()
