#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is dropped is counted by cause, over restarts and kills, and the cloud is told of it: of each message once."""

import json
import random
import time

import harness
from harness import eventually, tap

SEND = "io.aziotd.telemetry.Send"


class Drops(harness.DaemonCase):
    config = {"Outbox": {"ReportDrops": "yes"}}

    def send(self, priority="normal", **message):
        self.daemon.call(SEND, {"message": message, "priority": priority})

    def send_expiring(self, n, n_high=0):
        """Messages that are too old when this returns."""
        for i in range(n):
            self.send(body={"too": "late"}, ttlSeconds=1, priority="high" if i < n_high else "normal")
        time.sleep(1.1)

    def reports(self):
        """What the hub was told, by message id; the same id always says the same."""
        found = {}
        for message in self.hub.messages():
            if message["properties"].get("aziotd") == "dropped":
                report = found.setdefault(message["system"]["message-id"], message["body"])
                self.assertEqual(report, message["body"])
        return list(found.values())

    def wait_for_reports(self, n):
        return eventually(lambda: len(self.reports()) >= n and self.reports(), f"{n} reports")

    def dropped(self):
        return self.daemon.status()["outbox"]["dropped"]

    def restart(self):
        self.daemon.kill()
        self.daemon.start()


class EachCause(Drops):
    config = {"Outbox": {"ReportDrops": "yes", "MaxMessages": 16}}  # two of them for high priority

    def test_expired_and_refused(self):
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            self.send_expiring(5, n_high=2)
            for _ in range(11):
                self.send(text="x")
            for _ in range(3):
                with self.refused("io.aziotd.telemetry.OutboxFull"):
                    self.send(text="one too many")
            self.assertEqual(self.reports(), [])
        report, = self.wait_for_reports(1)
        self.assertEqual(report["dropped"], {"expired": 5, "refused": 3})
        self.assertEqual(report["ofHighPriority"], {"expired": 2})
        self.assertLess(report["since"], report["until"])
        self.assertEqual(self.dropped(), harness.dropped(expired=5, refused=3))
        high = self.daemon.status()["outbox"]["priorities"][1]
        self.assertEqual((high["priority"], high["dropped"]), ("high", harness.dropped(expired=2)))

        self.daemon.stop()
        self.daemon.start()
        self.daemon.wait_online()
        self.daemon.wait_for_empty_outbox()
        self.assertEqual(self.dropped(), harness.dropped(expired=5, refused=3))
        self.assertEqual(len(self.reports()), 1)

    def test_damaged(self):
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            for i in range(5):
                self.send(text=f"message {i} of five")
            self.daemon.kill()
            segment = self.daemon.state_path / "outbox" / "segment-0000"
            segment.write_bytes(segment.read_bytes().replace(b"message 2 of five", b"message ? of five"))
            self.daemon.start()
            self.assertEqual(self.dropped(), harness.dropped(damaged=1))
            self.restart()  # it is found once
            self.assertEqual(self.dropped(), harness.dropped(damaged=1))
        report, = self.wait_for_reports(1)
        self.assertEqual(report["dropped"], {"damaged": 1})
        self.assertEqual(len(self.hub.messages()), 5)

    def test_poison(self):
        self.hub.call("Poison", {"text": "bad"})
        self.send(text="bad")
        self.send(text="good")

        def look():
            if self.daemon.status()["link"]["state"] == "waiting":
                self.daemon.call("io.aziotd.device.Reconnect")
            return self.reports()

        report, = eventually(look, "a report")
        self.assertEqual(report["dropped"], {"poison": 1})


class MakingRoom(Drops):
    config = {"Outbox": {"ReportDrops": "yes", "MaxMessages": 16, "WhenFull": "drop-oldest"}}

    def test_overflow(self):
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            for i in range(20):
                self.send(body={"n": i})
        report, = self.wait_for_reports(1)
        self.assertEqual(report["dropped"], {"overflow": 6})


class Killed(Drops):
    def test_each_drop_is_reported_once_whenever_the_daemon_is_killed(self):
        seed = random.randrange(1 << 32)
        print(f"# seed {seed}")
        chance = random.Random(seed)
        total = 0
        for _ in range(4):
            with self.hub.gone():
                self.daemon.wait_for_link("waiting")
                n = chance.randrange(1, 5)
                self.send_expiring(n)
                total += n
            self.daemon.wait_online()
            delay_s = chance.choice([0, 0.02, 0.05, 0.1, 0.5, 1.5])
            time.sleep(delay_s)
            self.restart()
            print(f"# {n} dropped, killed {delay_s} s after the link came up")

        def told():
            return sum(report["dropped"]["expired"] for report in self.reports())

        eventually(lambda: told() == total, f"{total} messages are reported")
        time.sleep(1.5)  # for a report too many
        self.assertEqual(told(), total)
        self.assertEqual(self.dropped(), harness.dropped(expired=total))
        text = (self.daemon.state_path / "counters").read_text().split("\n", 1)[1]
        self.assertNotIn("body", json.loads(text))


class Silent(Drops):
    config = {}

    def test_unless_told_so_nothing_is_reported(self):
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            self.send_expiring(2)
            self.send(text="last")
        self.hub.wait_for_messages(1)
        self.daemon.wait_for_empty_outbox()
        self.assertEqual(self.dropped(), harness.dropped(expired=2))
        self.assertEqual(self.reports(), [])
        self.assertFalse((self.daemon.state_path / "counters").exists())


if __name__ == "__main__":
    tap.main()
