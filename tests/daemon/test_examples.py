#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The shell scripts of docs/examples/shell, as the README shows them."""

import os
import signal
from pathlib import Path

import harness
from harness import BUILD, eventually, tap

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "docs/examples/shell"


class Shell(harness.DaemonCase):
    def run_script(self, name):
        program = self.run_program(SCRIPTS / name, cwd=self.directory,
                                   env={"PATH": f"{BUILD}:{os.environ['PATH']}", "AZIOT_SOCKET": self.daemon.socket_path})
        self.addCleanup(os.killpg, program.pid, signal.SIGTERM)  # the commands of the script, too
        return program

    def test_follow_rate_reports_what_is_desired(self):
        def twin():
            return self.hub.call("GetTwin", {"device": "demo"})

        self.run_script("follow-rate")
        for rate in (5, 7.5, "fast", {"up": 1}):
            self.hub.call("UpdateDesired", {"device": "demo", "patch": {"rate": rate}})
            eventually(lambda: twin()["reported"].get("rate") == rate, f"rate {rate} is reported")
        self.hub.call("UpdateDesired", {"device": "demo", "patch": {"rate": None}})
        eventually(lambda: twin()["reported"] == {}, "no rate is reported")

    def test_take_messages_keeps_each(self):
        taken = self.directory / "messages"
        with self.hub.gone():
            for body in ("hello", "two words"):
                self.hub.call("SendMessage", {"device": "demo", "body": body})
            self.run_script("take-messages")
        eventually(lambda: taken.exists() and len(taken.read_text().splitlines()) == 2, "both messages are taken")
        self.assertEqual([line.split(" ", 1)[1] for line in taken.read_text().splitlines()], ["hello", "two words"])
        self.daemon.wait_for_status(lambda status: status["inbox"]["messages"] == 0, "inbox empty")

    def test_the_readme_shows_them(self):
        readme = (ROOT / "README.md").read_text()
        for script in SCRIPTS.iterdir():
            for line in script.read_text().splitlines()[-3:]:
                self.assertIn("    " + line, readme, script.name)


if __name__ == "__main__":
    tap.main()
