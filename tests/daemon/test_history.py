#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What became of the link is known after restarts and crashes, whatever became of the file."""

import json
import re
import signal
import time

import harness
from harness import eventually, tap

RECORD = 512


class HistoryCase(harness.CliCase):
    def events(self, **parameters):
        return self.daemon.call("io.aziotd.device.GetHistory", parameters)["events"]

    def names(self):
        return [event["event"] for event in self.events()]

    def wait_for_event(self, name, **members):
        def look():
            return [e for e in self.events() if e["event"] == name and members.items() <= e.items()]

        return eventually(look, f"an event {name} with {members}")[-1]

    @property
    def path(self):
        return self.daemon.state_path / "history"


class History(HistoryCase):
    def test_a_life_is_told(self):
        with self.hub.gone():
            lost = self.wait_for_event("lost")
            self.assertEqual(lost["layer"], "link")
            failed = self.wait_for_event("failed", problem="tcp-refused")
            self.assertEqual(failed["layer"], "tcp")
            self.assertRegex(failed["text"], "(?i)refused")
        self.daemon.wait_online()
        self.daemon.call("io.aziotd.device.Reconnect")
        self.wait_for_event("renewed")
        self.daemon.stop()
        self.daemon.start()
        names = self.names()
        for earlier, later in (("started", "identity-loaded"), ("connected", "renewed"), ("lost", "renewed"),
                               ("failed", "renewed"), ("renewed", "stopped")):
            self.assertLess(names.index(earlier) if earlier != "started" else -1, names.index(later), names)
        self.assertRegex(self.wait_for_event("identity-loaded")["text"], "^'demo' at '.*', by a key$")
        connected = [e for e in self.events() if e["event"] == "connected"][0]
        self.assertEqual(connected["transport"], "mqtt")
        self.assertRegex(connected["address"], rf":{self.hub.port}$")
        self.assertEqual(self.wait_for_event("started", count=2)["text"][:7], "aziotd ")

    def test_a_failure_that_lasts_is_one_event(self):
        with self.hub.gone():
            self.wait_for_event("failed")
            for _ in range(3):
                before = self.failures()
                self.daemon.call("io.aziotd.device.Reconnect")
                eventually(lambda n=before: self.failures() > n, "one more failure")
            failed = [e for e in self.events() if e["event"] == "failed"]
            self.assertEqual(len({e["problem"] for e in failed}), len(failed))

    def failures(self):
        return sum(e["count"] for e in self.events() if e["event"] == "failed")

    def test_the_last_ones_can_be_asked_for(self):
        everything = self.events()
        self.assertEqual(self.events(limit=2), everything[-2:])
        with self.assertRaises(harness.VarlinkError):
            self.events(limit=0)

    def test_nothing_secret_is_in_the_file(self):
        text = self.hub.connection_string_file.read_text().strip()
        key = re.search("SharedAccessKey=([^;]*)", text)[1]
        self.daemon.send(text="nobody's business")
        self.hub.wait_for_messages(1)
        self.daemon.stop()
        content = self.path.read_bytes()
        for secret in (key, "SharedAccess", "nobody's business"):
            self.assertNotIn(secret.encode(), content)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        self.daemon.start()


class Crash(HistoryCase):
    def is_written(self, events):
        content = self.path.read_bytes()
        return all(e["event"].encode() in content for e in events)

    def test_sigkill_loses_nothing_that_was_written(self):
        highest, seen = 0, 1
        for i in range(12):
            self.daemon.call("io.aziotd.device.Reconnect")
            time.sleep(0.02 * i)
            before = self.events()
            highest = max(e["sequence"] for e in before)
            eventually(lambda events=before: self.is_written(events), "each event on disk")
            self.daemon.kill()
            self.daemon.start()
            after = self.events()
            sequences = [e["sequence"] for e in after]
            self.assertEqual(sequences, sorted(set(sequences)))
            started = [e for e in after if e["event"] == "started"]
            self.assertEqual(len(started), 1)
            self.assertEqual(started[0]["count"], seen + 1)
            seen = started[0]["count"]
            self.assertEqual({e["event"] for e in before} - {e["event"] for e in after}, set())
        self.assertGreater(highest, 12)

    def restart_with(self, change):
        self.daemon.stop()
        content = bytearray(self.path.read_bytes())
        change(content)
        self.path.write_bytes(content)
        self.daemon.start()
        return self.names()

    def test_a_damaged_record_is_left_out(self):
        before = len(self.events())

        def damage(content):
            content[RECORD + 200] ^= 1

        self.assertGreaterEqual(len(self.restart_with(damage)), before - 1)
        self.assertRegex(self.daemon.program.output(), "1 of 256 records are damaged")

    def test_a_file_that_is_cut_short_is_read_as_far_as_it_goes(self):
        self.assertIn("started", self.restart_with(lambda content: content.__delitem__(slice(2 * RECORD, None))))
        self.assertIn("stopped", self.restart_with(lambda content: None))

    def test_what_is_no_history_is_set_aside(self):
        def overwrite(content):
            content[:8] = b"NOTHING!"

        names = self.restart_with(overwrite)
        self.assertEqual(names[0], "started")
        self.assertNotIn("stopped", names)
        self.assertTrue((self.daemon.state_path / "history.damaged-1").exists())
        self.assertRegex(self.daemon.program.output(), "history' is no history of ours: kept as history.damaged-1")


class Command(HistoryCase):
    def test_a_line_for_each_event(self):
        self.wait_for_event("connected")
        out, _ = self.aziot("history")
        lines = out.splitlines()
        self.assertEqual(len(lines), len(self.events()))
        self.assertRegex(lines[0], r"^20\d\d-\d\d-\d\dT\S+Z  started +aziotd \d")
        self.assertRegex(out, rf"(?m)  connected +\S+ at \S+:{self.hub.port} over mqtt$")
        self.assertEqual(self.aziot("history", "-n", 1)[0].splitlines()[0][20:], lines[-1][20:])

    def test_what_has_no_text_and_comes_again_is_counted(self):
        for _ in range(2):
            self.daemon.stop()
            self.daemon.start()
        self.assertRegex(self.aziot("history")[0], r"(?m)Z  stopped +[0-9] times since ")

    def test_json_is_an_event_each_line(self):
        out, _ = self.aziot("--json", "history")
        self.assertEqual([json.loads(line) for line in out.splitlines()], self.events())

    def test_it_follows_over_a_restart_and_repeats_nothing(self):
        program = self.run_cli("history", "--follow", "--lines", 1)
        program.wait_for_output("connected|identity|started")
        self.daemon.call("io.aziotd.device.Reconnect")
        program.wait_for_output("renewed")
        self.daemon.stop()
        self.daemon.start()
        program.wait_for_output("stopped")
        program.wait_for_output("started .*, 2 times since ")
        self.assertEqual(program.stop(signal.SIGINT), 0)
        lines = [line for line in program.output().splitlines() if not line.startswith("aziot: ")]
        self.assertEqual(len(lines), len(set(lines)))

    def test_a_wrong_command_line(self):
        for arguments in (("history", "x"), ("history", "-n", "0"), ("history", "-n", "257")):
            self.aziot(*arguments, code=2)


if __name__ == "__main__":
    tap.main()
