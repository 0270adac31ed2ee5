#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Offline and back: what was accepted arrives, in order; repeats are only of what was in flight."""

import signal

import harness
from harness import assert_delivered, tap

SEND = "io.aziotd.telemetry.Send"


class Offline(harness.DaemonCase):
    def send_numbers(self, numbers, **parameters):
        """Sends {"n": number} for each, pipelined on one connection."""
        wire = self.daemon.connect()
        numbers = list(numbers)
        for n in numbers:
            wire.send(SEND, {"message": {"body": {"n": n}}, **parameters})
        for _ in numbers:
            wire.receive()

    def wait_for_numbers(self, n):
        """Everything from 0 to n - 1 has arrived and is acknowledged."""
        messages = self.hub.wait_for_messages(lambda ms: len({m["body"]["n"] for m in ms}) == n)
        self.daemon.wait_for_empty_outbox()
        assert_delivered(self, self.hub.messages(), n)
        return messages

    def test_what_is_accepted_during_a_cut_arrives_in_order(self):
        self.send_numbers(range(100))
        with self.hub.gone():
            self.send_numbers(range(100, 1100))
            self.assertNotEqual(self.daemon.status()["link"]["state"], "online")
        self.wait_for_numbers(1100)

    def test_what_was_in_flight_comes_again_under_the_same_id(self):
        self.hub.call("HoldPubacks", {"hold": True})
        self.send_numbers(range(10))
        self.hub.wait_for_messages(10)
        self.hub.call("Kick", {"device": "demo"})
        self.hub.call("HoldPubacks", {"hold": False})
        self.send_numbers(range(10, 12))
        self.wait_for_numbers(12)
        ids = [m["system"]["message-id"] for m in self.hub.messages()]
        self.assertEqual((len(ids), len(set(ids))), (22, 12))
        self.assertEqual(ids[:10], ids[10:20])

    def test_no_more_than_a_window_is_in_flight(self):
        self.hub.call("HoldPubacks", {"hold": True})
        self.send_numbers(range(500))
        self.hub.wait_for_messages(harness.WINDOW)
        self.daemon.send(body={"n": 500})
        self.assertEqual(len(self.hub.messages()), harness.WINDOW)
        self.hub.call("HoldPubacks", {"hold": False})
        self.wait_for_numbers(501)

    def test_a_puback_that_never_comes_back_costs_a_repeat_and_nothing_else(self):
        self.hub.call("DropBeforePuback", {"count": 1})
        self.send_numbers(range(50))
        self.wait_for_numbers(50)

    def test_an_id_of_the_application_stays(self):
        self.hub.call("DropBeforePuback", {"count": 1})
        self.daemon.send(text="x", messageId="mine")
        self.daemon.wait_for_empty_outbox()
        self.assertEqual({m["system"]["message-id"] for m in self.hub.messages()}, {"mine"})
        self.assertEqual(len(self.hub.messages()), 2)

    def test_a_hub_that_restarts_is_found_again(self):
        self.send_numbers(range(10))
        self.daemon.wait_for_empty_outbox()
        self.assertEqual(self.hub.stop(), 0)
        self.send_numbers(range(10, 20))
        self.daemon.wait_for_link("waiting")
        self.hub.start()
        self.wait_for_numbers(20)

    def test_why_the_last_link_ended_is_told_while_the_next_one_lives(self):
        before = self.daemon.status()
        self.assertNotIn("lastError", before["link"])
        self.hub.call("Kick", {"device": "demo"})
        self.assertIn("closed", self.daemon.wait_for_new_link(before)["link"]["lastError"])

    def test_a_clean_stop_offline_keeps_everything(self):
        with self.hub.gone():
            self.send_numbers(range(300))
            self.assertEqual(self.daemon.stop(signal.SIGTERM), 0)
            self.daemon.start()
            self.send_numbers(range(300, 310))
        self.wait_for_numbers(310)

    def test_a_hub_that_hangs_up_for_a_while_is_tried_again(self):
        self.hub.call("RefuseConnect", {"code": 0, "count": 2})
        self.hub.call("Kick", {"device": "demo"})
        self.send_numbers(range(5))
        self.wait_for_numbers(5)

    def test_subscriptions_that_fail_are_not_taken_for_online(self):
        self.hub.call("SubackFailure", {"count": 1})
        online = self.daemon.status()
        self.hub.call("Kick", {"device": "demo"})
        self.daemon.wait_for_new_link(online)
        self.send_numbers(range(5))
        self.wait_for_numbers(5)


if __name__ == "__main__":
    tap.main()
