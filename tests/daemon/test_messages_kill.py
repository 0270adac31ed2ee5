#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Cloud-to-device messages while the program that takes them, the daemon and the hub are killed at random.

None is lost, and none comes again behind a Settle that was answered, unless the hub has sent it twice in a way
that cannot be known: without a message id. The moments come from a seed. Another run: SEED=7 MESSAGES=5000
test_messages_kill.py
"""

import collections
import json
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import harness
from harness import VarlinkError, Wire, eventually, tap

MESSAGES = int(os.environ.get("MESSAGES", 1000))
SEED = int(os.environ.get("SEED", random.randrange(1_000_000)))
KILLS_MIN = int(os.environ.get("KILLS", 40))

# One message of so many has no message id.
ANONYMOUS = 5

QUEUE_FULL = 403004


def take_for_ever(socket_path, log_path):
    """The program: notes what it does before and after, so that the notes are right whenever it is killed."""
    log = os.open(log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(what, message):
        os.write(log, json.dumps([what, message["body"]["n"], message["id"], message["redelivered"]]).encode() + b"\n")

    while True:
        try:
            with Wire(socket_path, harness.TIMEOUT_S) as wire:
                while True:
                    message = wire.call("io.aziotd.messages.Take")["message"]
                    if message:
                        note("taken", message)
                        wire.call("io.aziotd.messages.Settle", {"id": message["id"]})
                        note("settled", message)
        except OSError:
            time.sleep(0.01)  # nobody listens, or not any more


class Cloud:
    """Sends {"n": 0}, {"n": 1}, … over every restart of the hub, and as fast as its queue allows."""

    def __init__(self, hub):
        self.hub = hub
        self.n_sent = 0
        self.error = None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        try:
            while self.n_sent < MESSAGES:
                try:
                    with Wire(self.hub.socket_path, harness.TIMEOUT_S) as wire:
                        while self.n_sent < MESSAGES:
                            self._send(wire)
                except OSError:
                    time.sleep(0.01)
        except Exception as error:
            self.error = error

    def _send(self, wire):
        n = self.n_sent
        message_id = "" if n % ANONYMOUS == 0 else f"message-{n}"
        try:
            wire.call("io.aziotd.hubsim.SendMessage",
                      {"device": "demo", "body": json.dumps({"n": n}), "messageId": message_id})
        except VarlinkError as error:
            if error.parameters.get("code") != QUEUE_FULL:
                raise
            time.sleep(0.01)
        else:
            self.n_sent += 1


class Kill(harness.DaemonCase):
    config = {"Hub": {"InboxMaxMessages": 30}}

    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        self.notes_path = self.directory / "notes"
        self.taker = None
        self.landed = collections.Counter()
        self.start_taker()

    def start_taker(self):
        self.taker = self.run_program(sys.executable, __file__, "taker", self.daemon.socket_path, self.notes_path)

    def notes(self):
        text = self.notes_path.read_bytes() if self.notes_path.exists() else b""
        return [json.loads(line) for line in text.splitlines()]

    def kill_taker(self):
        self.taker.kill_session()
        self.taker.wait()
        self.start_taker()

    def kill_daemon(self):
        self.daemon.kill()
        self.daemon.start()

    def kill_hub(self):
        self.hub.stop(signal.SIGKILL)
        self.hub.start()

    def where(self):
        """What was going on, as far as it can be seen from outside, just before a kill."""
        notes = self.notes()
        try:
            status = self.daemon.status()
        except OSError:
            return "daemon away"
        inbox = status["inbox"]
        stored = "inbox full" if inbox["stalled"] else "inbox empty" if inbox["messages"] == 0 else "inbox in use"
        program = "message taken" if notes and notes[-1][0] == "taken" else "between messages"
        return f"{status['link']['state']}, {stored}, {program}"

    def disturb(self):
        victim = self.random.choice(["taker", "daemon", "hub"])
        time.sleep(self.random.uniform(0.0, 0.3))
        where = self.where()
        time.sleep(self.random.uniform(0.0, 0.003))
        {"taker": self.kill_taker, "daemon": self.kill_daemon, "hub": self.kill_hub}[victim]()
        self.landed[f"{victim}: {where}"] += 1

    def check(self, notes):
        taken, settled = collections.Counter(), collections.Counter()
        for what, n, _, redelivered in notes:
            named = n % ANONYMOUS != 0
            if what == "taken":
                if named:
                    self.assertEqual(settled[n], 0, f"{n} came again after it was settled")
                    # It may also be set the first time: a program that was killed while it got the message.
                    self.assertTrue(redelivered or taken[n] == 0, f"{n} came again unmarked")
                taken[n] += 1
            else:
                settled[n] += 1
        self.assertEqual([n for n in range(MESSAGES) if taken[n] == 0], [], "lost")
        return taken

    def test_none_is_lost_and_none_is_settled_twice(self):
        cloud = Cloud(self.hub)
        started = time.monotonic()
        try:
            while cloud.thread.is_alive() or sum(self.landed.values()) < KILLS_MIN:
                self.disturb()
        finally:
            cloud.thread.join()
            print(f"# SEED={SEED}: {MESSAGES} messages, {sum(self.landed.values())} kills")
            for where, n in sorted(self.landed.items()):
                print(f"#   {n:3} {where}")
        self.assertIsNone(cloud.error)
        self.daemon.wait_online()
        eventually(lambda: self.hub.call("ListMessages", {"device": "demo"})["messages"] == [], "nothing at the hub")
        self.daemon.wait_for_status(lambda status: status["inbox"]["messages"] == 0, "inbox empty")
        self.taker.kill_session()
        self.taker.wait()

        taken = self.check(self.notes())
        again = sum(1 for n in range(MESSAGES) if taken[n] > 1)
        print(f"# {again} were given again; {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    if sys.argv[1:2] == ["taker"]:
        take_for_ever(sys.argv[2], Path(sys.argv[3]))
    tap.main()
