#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the documents for those who write programs say is so."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "daemon"))
import harness  # noqa: E402
from harness import eventually, tap  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ROOT / "docs/clients"
README = (CLIENTS / "README.md").read_text()


def programs():
    """Every program, and every client that they share."""
    found = [path for path in CLIENTS.rglob("*") if path.suffix in (".c", ".cpp", ".go", ".mjs", ".py", ".rs")]
    return [*found, *(CLIENTS / "shell").iterdir()]


def anchors(document):
    """The names by which a link reaches the headings of a document."""
    return [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", document.read_text(), re.M)]


class Links(unittest.TestCase):
    def test_each_link_leads_somewhere(self):
        for document in (*CLIENTS.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "README.md"):
            for link in re.findall(r"\]\(([^)]+)\)", document.read_text()):
                path, _, anchor = link.partition("#")
                target = document.parent / path if path else document
                if not link.startswith("https:"):
                    self.assertTrue(target.exists(), f"{document.name}: {link}")
                    self.assertTrue(not anchor or anchor in anchors(target), f"{document.name}: {link}")

    def test_each_program_is_in_the_table(self):
        for path in programs():
            self.assertIn(f"({path.relative_to(CLIENTS)})", README)


class Readme(unittest.TestCase):
    def test_the_programs_are_small(self):
        for path in programs():
            if path.name not in ("device.c", "take.cpp"):
                self.assertLessEqual(len(path.read_text().splitlines()), 120, path)

    def test_the_first_page_shows_a_script(self):
        first_page = (ROOT / "README.md").read_text()
        for line in (CLIENTS / "shell/follow").read_text().splitlines()[-3:]:
            self.assertIn("    " + line, first_page)

    def test_the_unit_is_the_file(self):
        unit = (CLIENTS / "boiler.service").read_text()
        self.assertIn("```ini\n" + unit[unit.index("[Unit]"):] + "```\n", README)

    def test_the_unit_is_valid(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("needs systemd-analyze")
        unit = re.sub("^ExecStart=.*$", "ExecStart=/bin/true", (CLIENTS / "boiler.service").read_text(), flags=re.M)
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "boiler.service")
            path.write_text(unit)
            verified = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
        self.assertEqual((verified.returncode, verified.stderr), (0, ""))


class Own(harness.DaemonCase):
    """The conversations of own.md: an arrow to the right is sent, one to the left comes; … stands for anything."""

    def pattern(self, line):
        return ".*".join(map(re.escape, line.split("…")))

    def play(self, wire, conversation):
        reply = None
        for line in conversation.splitlines():
            direction, message = line.split(" ", 1)
            if direction == "→":
                if "…" in message:  # the id of what was taken
                    message = message.replace("…", json.loads(reply)["parameters"]["call"]["id"])
                wire.send_bytes(message.encode() + b"\0")
            else:
                reply = wire.receive_bytes().decode()
                self.assertRegex(reply, "^" + self.pattern(message) + "$")

    def call_reboot(self):
        eventually(lambda: "reboot" in self.daemon.call("io.aziotd.methods.List")["names"], "reboot is served")
        self.answer = self.hub.invoke("reboot", '{"delay":5}')

    def test_the_daemon_says_what_stands_there(self):
        conversations = re.findall(r"^```\n(→.*?)\n```$", (CLIENTS / "own.md").read_text(), re.M | re.S)
        self.assertGreater(len(conversations), 5)
        caller = threading.Thread(target=self.call_reboot)
        caller.start()
        for conversation in conversations:
            with self.subTest(conversation=conversation):
                wire = self.daemon.connect()
                self.play(wire, conversation)
                wire.close()
        caller.join()
        self.assertEqual(self.answer, (200, '{"done":true}'))


if __name__ == "__main__":
    tap.main()
