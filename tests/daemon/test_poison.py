#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A message for which the hub closes the connection each time: it alone is set aside, and nothing else ever is."""

import base64
import json
import signal
import time

import harness
from harness import TIMEOUT_S, Wire, assert_delivered, eventually, tap

SEND = "io.aziotd.telemetry.Send"


class Poison(harness.DaemonCase):
    def send_numbers(self, numbers, bad=()):
        """Sends {"n": number} for each; the hub does not like the bad ones."""
        with Wire(self.daemon.socket_path, TIMEOUT_S) as wire:
            for n in numbers:
                wire.send(SEND, {"message": {"body": {"n": n}, "properties": {"is": "bad" if n in bad else "good"}}})
            for _ in numbers:
                wire.receive()

    def impatiently(self, condition, what):
        """Waits until condition(status) holds, and shortens each wait for the next attempt to connect."""
        with Wire(self.daemon.socket_path, TIMEOUT_S) as wire:
            def look():
                status = wire.call("io.aziotd.device.GetStatus")
                if condition(status):
                    return status
                if status["link"]["state"] == "waiting":
                    wire.call("io.aziotd.device.Reconnect")
                return None

            return eventually(look, what)

    def letters(self):
        return sorted((self.daemon.state_path / "dead-letters").glob("*"))

    def test_it_is_set_aside_and_the_others_arrive_in_order(self):
        self.hub.call("Poison", {"text": "bad"})
        self.send_numbers(range(10), bad={4})
        self.impatiently(lambda status: status["outbox"]["messages"] == 0, "the outbox is empty")
        self.assertEqual(self.daemon.status()["outbox"]["dropped"], harness.dropped(poison=1))
        self.assertEqual([m["body"]["n"] for m in self.hub.messages()], [0, 1, 2, 3, 5, 6, 7, 8, 9])

        letter, = self.letters()
        head, text = letter.read_text().split("\n", 1)
        self.assertRegex(head, "^aziotd message-[0-9]+ 1 [0-9a-f]{8}$")
        document = json.loads(text)
        self.assertEqual(base64.b64decode(document["data"]), b'{"n": 4}')
        self.assertIn("is=bad", document["properties"])
        self.assertEqual(letter.name, f"message-{document['sequence']}")
        self.daemon.program.wait_for_output(f"message {document['sequence']} .*set aside as '{letter}'")

    def test_who_waits_for_it_hears_that_it_is_refused(self):
        self.hub.call("Poison", {"text": "bad"})
        wire = self.daemon.connect()
        wire.send(SEND, {"message": {"text": "x", "properties": {"is": "bad"}}, "stage": "delivered"})
        # Two connections have no order: what proves that it is the message has to come behind it.
        eventually(lambda: self.daemon.status()["outbox"]["messages"] == 1, "it is in the outbox")
        self.daemon.send(text="y")
        self.impatiently(lambda status: status["outbox"]["messages"] == 0, "the outbox is empty")
        with self.refused("io.aziotd.telemetry.NotDelivered", reason="refused"):
            wire.receive()

    def test_alone_it_does_not_keep_the_link_down(self):
        self.hub.call("Poison", {"text": "bad"})
        self.send_numbers([0], bad={0})
        # Of three losses the second and the third are taken for throttling, and then it is withheld.
        self.impatiently(lambda status: self.daemon.program.output().count("daily quota is used up") == 2, "lost three times")
        online = self.impatiently(lambda status: status["link"]["state"] == "online", "online")
        time.sleep(2)
        self.assertEqual(self.daemon.status()["link"]["state"], "online")
        self.assertEqual(self.daemon.program.output().count("daily quota is used up"), 2)
        self.assertEqual(online["outbox"]["messages"], 1)

    def test_a_hub_that_takes_no_message_costs_none(self):
        self.hub.call("DropBeforePuback", {"count": 8})
        self.send_numbers(range(10))
        self.impatiently(lambda status: status["outbox"]["messages"] == 0, "the outbox is empty")
        self.assertEqual(self.daemon.status()["outbox"]["dropped"], harness.dropped())
        self.assertEqual({m["body"]["n"] for m in self.hub.messages()}, set(range(10)))
        self.assertEqual(self.letters(), [])

    def test_a_hub_that_is_killed_again_and_again_costs_none(self):
        self.send_numbers(range(10))
        self.daemon.wait_for_empty_outbox()
        for round in range(1, 5):
            self.hub.call("HoldPubacks", {"hold": True})
            before = len(self.hub.messages())
            self.send_numbers(range(10 * round, 10 * round + 10))
            self.hub.wait_for_messages(before + 1)
            self.hub.stop(signal.SIGKILL)
            self.hub.start()
            self.impatiently(lambda status: status["link"]["state"] == "online", "online")
        self.impatiently(lambda status: status["outbox"]["messages"] == 0, "the outbox is empty")
        self.assertEqual(self.letters(), [])
        assert_delivered(self, self.hub.messages(), 50)


if __name__ == "__main__":
    tap.main()
