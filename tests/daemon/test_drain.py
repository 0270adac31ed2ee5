#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A backlog leaves at the pace that is configured; what is of high priority overtakes it, and nothing else is held."""

import time

import harness
from harness import tap

SEND = "io.aziotd.telemetry.Send"
SEND_BATCH = "io.aziotd.telemetry.SendBatch"

PER_S = 300
BURST = 100
BACKLOG = 20_000


class Backlog(harness.DaemonCase):
    config = {"Outbox": {"DrainPerSec": PER_S, "DrainBurst": BURST}}

    def fill(self, n):
        for first in range(0, n, 1000):
            self.daemon.call(SEND_BATCH, {"messages": [{"body": {"n": i}} for i in range(first, min(first + 1000, n))]})

    def alarm(self, n):
        self.daemon.call(SEND, {"message": {"body": {"alarm": n}}, "priority": "high"})

    @staticmethod
    def split(messages):
        """The numbers of the normal messages, and of the alarms, in the order in which they arrived."""
        bodies = [message["body"] for message in messages]
        return [b["n"] for b in bodies if "n" in b], [b["alarm"] for b in bodies if "alarm" in b]

    def test_alarms_overtake_it_also_while_it_drains(self):
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            self.fill(BACKLOG)
            for i in range(3):
                self.alarm(i)
        messages = self.hub.wait_for_messages(BURST)
        self.assertEqual([m["body"].get("alarm") for m in messages[:3]], [0, 1, 2])
        for i in range(3, 8):
            before = len(self.hub.messages())
            self.alarm(i)
            messages = self.hub.wait_for_messages(lambda all, i=i: any(m["body"].get("alarm") == i for m in all))
            at = next(k for k, m in enumerate(messages) if m["body"].get("alarm") == i)
            self.assertLess(at - before, harness.WINDOW + PER_S, f"alarm {i} stood behind the backlog")
        normal, alarms = self.split(messages)
        self.assertEqual(alarms, list(range(8)))
        self.assertEqual(normal, list(range(len(normal))))
        self.assertLess(len(normal), BACKLOG / 2)
        self.assertGreater(self.daemon.status()["outbox"]["messages"], BACKLOG / 2)

    def test_it_leaves_at_the_pace_that_is_configured(self):
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            self.fill(5 * PER_S + BURST)
        self.hub.wait_for_messages(BURST)
        begun, before = time.monotonic(), len(self.hub.messages())
        messages = self.hub.wait_for_messages(before + 3 * PER_S)
        took_s = time.monotonic() - begun
        print(f"# {len(messages) - before} messages in {took_s:.2f} s, of at most {PER_S} a second")
        self.assertGreater(took_s, 2.8)
        harness.assert_delivered(self, self.hub.wait_for_messages(5 * PER_S + BURST), 5 * PER_S + BURST)


class NoBacklog(harness.DaemonCase):
    config = {"Outbox": {"DrainPerSec": 1, "DrainBurst": 1}}

    def test_what_comes_while_nothing_waits_is_not_held(self):
        for i in range(100):
            self.daemon.call(SEND, {"message": {"body": {"n": i}}})
        harness.assert_delivered(self, self.hub.wait_for_messages(100, timeout_s=20), 100)


if __name__ == "__main__":
    tap.main()
