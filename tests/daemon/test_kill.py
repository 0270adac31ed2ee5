#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""SIGKILL and SIGTERM of either side at random moments: nothing that was accepted is lost, and the order stays.

The moments come from a fixed seed. More rounds: ROUNDS=1000 SEED=7 test_kill.py
"""

import os
import random
import signal
import threading
import time

import harness
from harness import VarlinkError, assert_delivered, tap

SEND = "io.aziotd.telemetry.Send"
ROUNDS = int(os.environ.get("ROUNDS", 6))
SEED = int(os.environ.get("SEED", 20261122))

# Calls under way at a time; more than the send window, so that a kill finds something everywhere.
PIPELINE = 100


class Publisher:
    """Sends {"n": 0}, {"n": 1}, … as fast as they are accepted, over every restart of the daemon."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.accepted = []
        self.n_sent = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.stopping.is_set():
            try:
                with harness.Wire(self.daemon.socket_path, harness.TIMEOUT_S) as wire:
                    self._publish(wire)
            except (OSError, VarlinkError):
                self.stopping.wait(0.02)  # nobody listens yet

    def _publish(self, wire):
        waiting = []
        while not self.stopping.is_set():
            while len(waiting) < PIPELINE:
                wire.send(SEND, {"message": {"body": {"n": self.n_sent}}})
                waiting.append(self.n_sent)
                self.n_sent += 1
            wire.receive()
            self.accepted.append(waiting.pop(0))
            time.sleep(0.0005)
        for n in waiting:
            wire.receive()
            self.accepted.append(n)

    def stop(self):
        self.stopping.set()
        self.thread.join()


class Kill(harness.DaemonCase):
    config = {"Outbox": {"MaxBytes": "64M"}}

    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)

    def rounds(self, disturb):
        """Publishes while disturb() is called at random moments, then checks what arrived."""
        publisher = Publisher(self.daemon)
        try:
            for _ in range(ROUNDS):
                time.sleep(self.random.uniform(0.05, 0.4))
                disturb()
        finally:
            publisher.stop()
        self.daemon.wait_online()
        self.daemon.wait_for_empty_outbox()
        messages = self.hub.messages()
        arrived = {m["body"]["n"] for m in messages}
        self.assertGreater(len(publisher.accepted), ROUNDS)
        self.assertEqual([n for n in publisher.accepted if n not in arrived], [], "accepted and lost")
        return messages

    def test_killing_the_daemon_loses_nothing(self):
        def disturb():
            self.daemon.kill()
            self.daemon.start()

        messages = self.rounds(disturb)
        # The cursor on disk may be a second old, so that a killed daemon repeats more than a window.
        assert_delivered(self, messages, window=None)

    def test_killing_the_hub_loses_nothing(self):
        def disturb():
            self.hub.stop(signal.SIGKILL)
            self.hub.start()

        assert_delivered(self, self.rounds(disturb))

    def test_stopping_the_daemon_loses_nothing(self):
        def disturb():
            self.assertEqual(self.daemon.stop(signal.SIGTERM), 0)
            self.daemon.start()

        assert_delivered(self, self.rounds(disturb))


if __name__ == "__main__":
    tap.main()
