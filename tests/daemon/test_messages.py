#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""io.aziotd.messages: what the cloud sends is kept until a program has settled it."""

import base64
import resource
import signal
import time

import harness
from harness import eventually, tap

TAKE = "io.aziotd.messages.Take"
SETTLE = "io.aziotd.messages.Settle"
ERROR = "io.aziotd.messages."


class MessageCase(harness.DaemonCase):
    def post(self, body=None, **parameters):
        """The cloud sends a message; returns its id."""
        return self.hub.call("SendMessage", {"device": "demo", "body": body, **parameters})["messageId"]

    def at_the_hub(self):
        return self.hub.call("ListMessages", {"device": "demo"})["messages"]

    def wait_until_acknowledged(self):
        eventually(lambda: self.at_the_hub() == [], "all messages acknowledged")

    def inbox(self):
        return self.daemon.status()["inbox"]

    def wait_for_inbox(self, condition, what):
        return self.daemon.wait_for_status(lambda status: condition(status["inbox"]), what)["inbox"]

    def take(self, wire, timeout_s=10):
        return wire.call(TAKE, {"timeoutSeconds": timeout_s})["message"]

    def consume(self, n, wire=None):
        """Takes and settles so many; returns their texts."""
        wire = wire or self.daemon.connect()
        texts = []
        for _ in range(n):
            message = self.take(wire)
            wire.call(SETTLE, {"id": message["id"]})
            texts.append(message["text"])
        return texts

    def assert_empty(self):
        with self.daemon.connect() as wire:
            self.assertIsNone(self.take(wire, 1))


class Contents(MessageCase):
    def test_a_message_has_all_that_its_sender_gave(self):
        self.post("open the door", messageId="c2d-1", correlationId="c/2", userId="me", contentType="text/plain",
                  contentEncoding="utf-8", properties={"Straße": "50 % & more", "empty": ""}, ack="full", ttlSeconds=60)
        message = self.take(self.daemon.connect())
        enqueued, expires = message.pop("enqueued"), message.pop("expires")
        self.assertEqual(message, {
            "id": "1", "text": "open the door", "messageId": "c2d-1", "correlationId": "c/2", "userId": "me",
            "contentType": "text/plain", "contentEncoding": "utf-8", "redelivered": False,
            "properties": {"Straße": "50 % & more", "empty": "", "iothub-ack": "full"}})
        self.assertRegex(enqueued, r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertLess(enqueued, expires)

    def test_a_bare_message_has_nothing_but_its_text(self):
        self.post("x", messageId="")
        message = self.take(self.daemon.connect())
        del message["enqueued"]
        self.assertEqual(message, {"id": "1", "text": "x", "properties": {}, "redelivered": False})

    def test_what_is_not_written_as_it_should_be_is_understood(self):
        self.hub.call("MessageForm", {"bareKeys": True, "questionMark": True})
        self.post("x", messageId="m", properties={"a": "", "b": "1"})
        message = self.take(self.daemon.connect())
        self.assertEqual((message["messageId"], message["properties"]), ("m", {"a": "", "b": "1"}))

    def test_a_json_object_passes_byte_for_byte(self):
        body = '{ "n":9007199254740993, "x":1.10 , "y":"\\u0041" }'
        self.post(body)
        wire = self.daemon.connect()
        wire.send(TAKE)
        self.assertIn(b'"body":' + body.encode(), wire.receive_bytes())

    def test_other_bodies_are_text_or_data(self):
        deep = '{"a":' * 30 + "1" + "}" * 30
        for body in ["", "[1, 2]", '{"cut":', "tab\tline\nquote\"", "Grüße \U0001F600", deep, "x" * 65000]:
            self.post(body, messageId="")
            with self.daemon.connect() as wire:
                message = self.take(wire)
                self.assertEqual(message["text"], body)
                wire.call(SETTLE, {"id": message["id"]})
        for body in [bytes(range(256)), b"\xff", b"\0"]:
            self.post(data=base64.b64encode(body).decode(), messageId="")
            with self.daemon.connect() as wire:
                message = self.take(wire)
                got = base64.b64decode(message["data"]) if "data" in message else message["text"].encode()
                self.assertEqual(got, body)
                wire.call(SETTLE, {"id": message["id"]})


class Taking(MessageCase):
    def test_messages_come_in_order(self):
        for i in range(10):
            self.post(str(i))
        self.assertEqual(self.consume(10), [str(i) for i in range(10)])
        self.wait_until_acknowledged()
        self.assertEqual(self.inbox()["messages"], 0)

    def test_calls_may_be_pipelined(self):
        wire = self.daemon.connect()
        for i in range(3):
            self.post(str(i))
        wire.send(TAKE)
        for i in range(3):
            message = wire.receive()["message"]
            self.assertEqual(message["text"], str(i))
            wire.send(SETTLE, {"id": message["id"]})
            wire.send(TAKE, {"timeoutSeconds": 1})
            self.assertEqual(wire.receive(), {})
        self.assertIsNone(wire.receive()["message"])

    def test_one_message_goes_to_one_taker_at_a_time(self):
        first, second = self.daemon.connect(), self.daemon.connect()
        self.post("one")
        self.post("two")
        one, two = self.take(first), self.take(second)
        self.assertEqual((one["text"], two["text"]), ("one", "two"))
        with self.refused(ERROR + "MessageGone", id=one["id"]):
            second.call(SETTLE, {"id": one["id"]})
        first.call(SETTLE, {"id": one["id"]})
        with self.refused(ERROR + "MessageGone", id=one["id"]):
            first.call(SETTLE, {"id": one["id"]})
        with self.refused(ERROR + "MessageGone", id="one"):
            first.call(SETTLE, {"id": "one"})

    def test_what_was_not_settled_is_given_again(self):
        for text in ("one", "two", "three"):
            self.post(text)
        first = self.daemon.connect()
        self.assertEqual(self.take(first)["text"], "one")
        second = self.take(first)
        first.call(SETTLE, {"id": second["id"]})
        first.close()

        wire = self.daemon.connect()
        eventually(lambda: self.inbox()["messages"] == 2, "two left")
        again, third = self.take(wire), self.take(wire)
        self.assertEqual((again["text"], again["redelivered"]), ("one", True))
        self.assertEqual((third["text"], third["redelivered"]), ("three", False))

    def test_a_take_ends_in_time_and_with_its_connection(self):
        wire = self.daemon.connect()
        self.assertIsNone(self.take(wire, 1))
        wire.send(TAKE, {"timeoutSeconds": 3600})
        wire.half_close()
        self.assertTrue(wire.is_closed())
        with self.daemon.connect() as oneway:
            oneway.send(TAKE, oneway=True)
            self.post("x")
            self.assertEqual(self.take(oneway)["redelivered"], False)

    def test_a_connection_has_so_many_messages(self):
        for _ in range(65):
            eventually(lambda: len(self.at_the_hub()) < 50, "room at the hub")
            self.post("x")
        wire = self.daemon.connect()
        messages = [self.take(wire) for _ in range(64)]
        with self.refused(ERROR + "TooManyUnsettled", limit=64):
            self.take(wire)
        wire.call(SETTLE, {"id": messages[0]["id"]})
        self.assertIsNotNone(self.take(wire))


class Keeping(MessageCase):
    config = {"Hub": {"InboxMaxMessages": 2}}

    def test_messages_sent_while_the_device_was_away_arrive(self):
        self.daemon.stop()
        for text in ("one", "two", "three"):
            self.post(text)
        # Right after CONNACK, before any SUBACK.
        self.hub.call("EarlyMessages", {"early": True})
        self.daemon.start()
        self.assertEqual(self.consume(3), ["one", "two", "three"])
        self.wait_until_acknowledged()

    def test_messages_wait_for_a_program_over_restarts(self):
        self.post("one")
        self.post("two")
        self.wait_until_acknowledged()
        self.daemon.kill()
        self.hub.stop(signal.SIGKILL)
        self.daemon.start()
        self.assertEqual(self.consume(2), ["one", "two"])
        self.assert_empty()

    def test_a_killed_daemon_gives_again_what_was_not_settled(self):
        self.post("one")
        self.post("two")
        wire = self.daemon.connect()
        one, two = self.take(wire), self.take(wire)
        wire.call(SETTLE, {"id": one["id"]})
        self.daemon.kill()
        self.daemon.start()
        again = self.take(self.daemon.connect())
        self.assertEqual((again["text"], again["redelivered"], again["id"]), ("two", True, two["id"]))

    def test_a_full_inbox_leaves_messages_at_the_hub(self):
        self.hub.call("MessageLock", {"milliseconds": 500})
        for text in ("one", "two", "three", "four"):
            self.post(text)
        inbox = self.wait_for_inbox(lambda inbox: inbox["stalled"], "stalled")
        self.assertEqual(inbox["reason"], "the inbox is full with 2 messages that no program has settled")
        out = self.run_cli("status")
        out.wait()
        self.assertRegex(out.output(), r"(?m)^inbox +2 of 2 messages.*\nstalled +the inbox is full")
        # The hub's lock runs out, it sends them again, and nothing comes of that.
        self.wait_for_inbox(lambda inbox: inbox["repeated"] >= 4, "repeats")
        self.assertEqual([m["state"] for m in self.at_the_hub()], ["invisible"] * 2)

        self.assertEqual(self.consume(4), ["one", "two", "three", "four"])
        self.wait_until_acknowledged()
        self.assertFalse(self.inbox()["stalled"])
        self.assert_empty()

    def test_a_stall_of_minutes_takes_the_link_down_for_a_moment_only(self):
        """Every delivery of a waiting message occupies the connection; see INBOX_DELIVERIES_MAX."""
        self.hub.call("MessageLock", {"milliseconds": 100})
        for text in ("one", "two", "three"):
            self.post(text)
        self.wait_for_inbox(lambda inbox: inbox["repeated"] >= 8, "repeats")
        self.daemon.send(text="telemetry")
        self.hub.wait_for_messages(1)
        self.assertEqual(self.consume(3), ["one", "two", "three"])

    def test_a_stall_survives_a_restart(self):
        for text in ("one", "two", "three"):
            self.post(text)
        self.wait_for_inbox(lambda inbox: inbox["stalled"], "stalled")
        self.daemon.kill()
        self.daemon.start()
        self.wait_for_inbox(lambda inbox: inbox["stalled"], "stalled again")
        self.assertEqual(self.consume(3), ["one", "two", "three"])
        self.wait_until_acknowledged()
        self.assert_empty()

    def test_what_expired_is_not_given(self):
        self.post("short", ttlSeconds=2)
        self.post("long")
        self.wait_until_acknowledged()
        self.wait_for_inbox(lambda inbox: inbox["expired"] == 1, "expired")
        self.assertEqual(self.consume(1), ["long"])
        out = self.run_cli("status")
        out.wait()
        self.assertRegex(out.output(), r"(?m)^lost +1 expired since aziotd started$")

    def test_damaged_files_do_not_matter(self):
        self.post("one")
        self.post("two")
        self.wait_until_acknowledged()
        self.daemon.kill()
        path = self.daemon.state_path / "inbox" / "message-000000000001"
        path.write_bytes(path.read_bytes()[:-1])
        self.daemon.start()
        self.daemon.program.wait_for_output(r"message-000000000001' is damaged.* kept as")
        self.assertEqual(self.consume(1), ["two"])
        self.assertEqual(self.inbox()["damaged"], 1)


class Repeats(MessageCase):
    def test_a_message_id_names_one_message(self):
        self.post("one", messageId="a")
        self.post("one", messageId="a")
        self.wait_until_acknowledged()
        self.assertEqual(self.consume(1), ["one"])
        self.daemon.kill()
        self.daemon.start()
        self.daemon.wait_online()
        self.post("one", messageId="a")
        self.wait_until_acknowledged()
        self.assert_empty()
        self.assertEqual(self.inbox()["repeated"], 1)

    def test_equal_messages_without_an_id_are_all_given(self):
        for _ in range(3):
            self.post("toggle", messageId="")
        self.assertEqual(self.consume(3), ["toggle"] * 3)

    def test_a_message_that_was_lost_with_a_connection_is_not_taken_for_an_equal_one(self):
        self.post("toggle", messageId="")
        self.wait_until_acknowledged()
        # The hub has sent the second one, but nothing of it was read.
        self.daemon.program.send_signal(signal.SIGSTOP)
        self.post("toggle", messageId="")
        eventually(lambda: self.at_the_hub()[0]["state"] == "invisible", "sent")
        self.daemon.kill()
        self.daemon.start()
        self.wait_until_acknowledged()
        self.assertEqual(self.consume(2), ["toggle"] * 2)

    def test_a_repeat_after_a_lost_connection_is_recognized(self):
        """The hub does not hear of what it sent, with and without an id."""
        for message_id in ("a", ""):
            # On disk it goes, but its PUBACK is lost with the hub.
            self.daemon.kill()
            self.post("x", messageId=message_id)
            self.daemon.start()
            self.wait_for_inbox(lambda inbox: inbox["messages"] == 1, "stored")
            self.assertEqual(self.consume(1), ["x"])
            self.wait_until_acknowledged()
        self.assert_empty()


class Disk(MessageCase):
    def start_daemon(self):
        # A write beyond the limit is an error then, not a signal.
        self.daemon.start(restore_signals=False)

    def break_disk(self, is_broken=True):
        limit = 0 if is_broken else resource.RLIM_INFINITY
        resource.prlimit(self.daemon.program.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    def test_a_failing_disk_leaves_messages_at_the_hub(self):
        self.hub.call("MessageLock", {"milliseconds": 500})
        self.post("before")
        self.wait_until_acknowledged()
        self.break_disk()
        for text in ("one", "two", "three"):
            self.post(text)
        inbox = self.wait_for_inbox(lambda inbox: inbox["stalled"], "stalled")
        self.assertEqual(inbox["reason"], "the disk failed: File too large")
        self.assertEqual(len(self.at_the_hub()), 3)
        # What is there can be read and removed.
        self.assertEqual(self.consume(1), ["before"])
        time.sleep(1)
        self.assertEqual(len(self.at_the_hub()), 3)

        self.break_disk(False)
        self.assertEqual(self.consume(3), ["one", "two", "three"])
        self.wait_until_acknowledged()
        self.assertFalse(self.inbox()["stalled"])
        self.assert_empty()


if __name__ == "__main__":
    tap.main()
