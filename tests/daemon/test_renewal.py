#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A renewal is a planned reconnect: local programs notice nothing, and nothing is lost.

Reconnect asks for one, so that nobody has to wait for a token to expire.
"""

import threading
import time

import harness
from harness import Load, Traffic, assert_delivered, eventually, tap

SEND = "io.aziotd.telemetry.Send"
RECONNECT = "io.aziotd.device.Reconnect"
TAKE = "io.aziotd.methods.Take"
SETTLE = "io.aziotd.methods.Settle"

RENEWALS = 200


class Renewal(harness.DaemonCase):
    def renew(self, watcher):
        """Asks for a renewal; returns the states up to 'online' and how long the link was not online."""
        self.daemon.call(RECONNECT)
        states, begin = [], None
        while "online" not in states:
            status = watcher.receive()
            if status["link"]["state"] == "online" and not states:
                continue  # counters changed
            begin = begin or time.monotonic()
            states.append(status["link"]["state"])
        return states, time.monotonic() - begin

    def watch(self):
        wire = self.daemon.connect()
        wire.call("io.aziotd.device.WatchStatus", {}, more=True)
        return wire

    def test_it_is_a_state_of_its_own_and_no_error(self):
        states, _ = self.renew(self.watch())
        self.assertEqual(states, ["renewing", "online"])
        self.assertNotIn("lastError", self.daemon.status()["link"])
        self.daemon.program.wait_for_output("Renewed the connection")
        self.assertNotRegex(self.daemon.program.output(), "lost|retrying")

    def test_what_is_in_flight_is_waited_for(self):
        self.hub.call("DelayPuback", {"milliseconds": 500})
        wire = self.daemon.connect()
        for n in range(10):
            wire.send(SEND, {"message": {"body": {"n": n}}, "stage": "delivered"})
        self.hub.wait_for_messages(10)
        self.renew(self.watch())
        for _ in range(10):
            wire.receive()
        self.assertEqual(len(self.hub.messages()), 10)

    def test_what_does_not_finish_in_time_goes_out_again(self):
        self.hub.call("HoldPubacks", {"hold": True})
        wire = self.daemon.connect()
        for n in range(10):
            wire.send(SEND, {"message": {"body": {"n": n}}, "stage": "delivered"})
        self.hub.wait_for_messages(10)
        begin = time.monotonic()
        self.renew(self.watch())
        self.assertGreater(time.monotonic() - begin, 4)
        self.hub.call("HoldPubacks", {"hold": False})
        for _ in range(10):
            wire.receive()
        assert_delivered(self, self.hub.messages(), 10)

    def test_a_call_under_way_is_answered_first(self):
        worker = self.daemon.connect()
        worker.send(TAKE, {"names": ["slow"], "timeoutSeconds": 60})
        eventually(lambda: self.daemon.call("io.aziotd.methods.List")["names"], "slow is served")
        answers = []
        caller = threading.Thread(target=lambda: answers.append(self.hub.invoke("slow")))
        caller.start()
        call = worker.receive()["call"]
        watcher = self.watch()
        self.daemon.call(RECONNECT)
        self.assertEqual(watcher.receive()["link"]["state"], "renewing")
        worker.call(SETTLE, {"id": call["id"], "status": 200, "payload": {"done": True}})
        caller.join()
        self.assertEqual(answers, [(200, '{"done": true}')])
        self.assertEqual(watcher.receive()["link"]["state"], "online")

    def test_many_under_load(self):
        traffic, gaps = Traffic(self), []
        watcher = self.watch()
        with Load(traffic.send, traffic.send_and_wait, traffic.work, traffic.invoke):
            for _ in range(RENEWALS):
                states, gap = self.renew(watcher)
                self.assertEqual(states, ["renewing", "online"])
                gaps.append(gap)
        gaps.sort()
        print(f"# {len(traffic.accepted)} messages, {len(traffic.answered)} calls, {RENEWALS} renewals: not online for "
              f"{gaps[len(gaps) // 2] * 1000:.0f} ms, at most {gaps[-1] * 1000:.0f} ms")
        traffic.assert_nothing_is_lost()


if __name__ == "__main__":
    tap.main()
