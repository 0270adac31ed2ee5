#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""io.aziotd.telemetry: what is sent arrives as it was sent; every stage and every error."""

import base64
import json

import harness
from harness import tap

SEND = "io.aziotd.telemetry.Send"
SEND_BATCH = "io.aziotd.telemetry.SendBatch"
FLUSH = "io.aziotd.telemetry.Flush"
ERROR = "io.aziotd.telemetry."


class Bytes(harness.DaemonCase):
    def arrived(self, **message):
        """Sends one message and returns it as the hub has it."""
        self.daemon.send(**message)
        return self.hub.wait_for_messages(1)[0]

    def test_a_json_body_arrives_byte_for_byte(self):
        call = b'{"method":"io.aziotd.telemetry.Send","parameters":{"message":{"body": {"n":9007199254740993,"x":1.10} }}}\0'
        wire = self.daemon.connect()
        wire.send_bytes(call)
        self.assertIn("sequence", wire.receive())
        message = self.hub.wait_for_messages(1)[0]
        self.hub.log_line(b'"body":{"n":9007199254740993,"x":1.10}')
        self.assertEqual(message["system"]["content-type"], "application/json")
        self.assertEqual(message["system"]["content-encoding"], "utf-8")

    def test_a_json_body_keeps_its_white_space_and_escapes(self):
        body = b'{ "a" : [1e400, "\\u0041\\/"],\t"b":-0.0 }'
        self.daemon.connect().send_bytes(
            b'{"method":"io.aziotd.telemetry.Send","parameters":{"message":{"body":' + body + b"}}}\0")
        self.hub.wait_for_messages(1)
        self.hub.log_line(b'"body":' + body)

    def test_text_arrives_as_utf8(self):
        message = self.arrived(text='grüß "dich"\n\0€')
        self.assertEqual(base64.b64decode(message["data"]), 'grüß "dich"\n\0€'.encode())
        self.assertNotIn("content-type", message["system"])

    def test_data_arrives_decoded(self):
        data = bytes(range(256))
        message = self.arrived(data=base64.b64encode(data).decode(), contentType="application/octet-stream")
        self.assertEqual(base64.b64decode(message["data"]), data)
        self.assertEqual(message["system"]["content-type"], "application/octet-stream")

    def test_an_empty_text_is_a_message(self):
        message = self.arrived(text="")
        self.assertEqual(message.get("data", ""), "")

    def test_properties_arrive_whatever_they_contain(self):
        properties = {"alert": "yes & no", "sp ace": "ü/#+?=%", "日本": "\"\\'", "a=b": "c&d=e"}
        message = self.arrived(text="x", properties=properties)
        self.assertEqual(message["properties"], properties)

    def test_system_properties_arrive(self):
        message = self.arrived(text="x", contentType="text/plain", contentEncoding="utf-16", messageId="m-1",
                               correlationId="c/1", component="pump")
        self.assertEqual(message["system"]["content-type"], "text/plain")
        self.assertEqual(message["system"]["content-encoding"], "utf-16")
        self.assertEqual(message["system"]["message-id"], "m-1")
        self.assertEqual(message["system"]["correlation-id"], "c/1")
        self.assertEqual(message["system"]["dt-subject"], "pump")

    def test_a_message_without_an_id_gets_one_of_its_own(self):
        for _ in range(3):
            self.daemon.send(text="x")
        ids = [m["system"]["message-id"] for m in self.hub.wait_for_messages(3)]
        self.assertEqual(len(set(ids)), 3)

    def test_a_message_of_256_KiB_passes(self):
        text = "x" * (256 * 1024 - 200)
        message = self.arrived(text=text)
        self.assertEqual(len(base64.b64decode(message["data"])), len(text))


class Stages(harness.DaemonCase):
    def test_each_stage_is_answered_with_rising_numbers(self):
        wire = self.daemon.connect()
        sequences = [wire.call(SEND, {"message": {"body": {"n": i}}, "stage": stage})["sequence"]
                     for i, stage in enumerate(["accepted", "durable", "delivered"] * 3)]
        self.assertEqual(sequences, sorted(set(sequences)))
        self.assertEqual([m["body"]["n"] for m in self.hub.wait_for_messages(9)], list(range(9)))

    def test_delivered_means_that_the_hub_has_it(self):
        self.daemon.call(SEND, {"message": {"body": {"n": 1}}, "stage": "delivered"})
        self.assertEqual([m["body"] for m in self.hub.messages()], [{"n": 1}])

    def test_pipelined_calls_are_answered_in_order(self):
        wire = self.daemon.connect()
        for i in range(200):
            wire.send(SEND, {"message": {"body": {"n": i}}, "stage": "durable" if i % 3 else "delivered"})
        sequences = [wire.receive()["sequence"] for _ in range(200)]
        self.assertEqual(sequences, sorted(set(sequences)))
        self.assertEqual([m["body"]["n"] for m in self.hub.wait_for_messages(200)], list(range(200)))

    def test_a_stage_that_is_not_reached_in_time_is_named(self):
        self.hub.call("HoldPubacks", {"hold": True})
        with self.refused(ERROR + "NotDelivered", reason="timeout"):
            self.daemon.call(SEND, {"message": {"text": "x"}, "stage": "delivered", "timeoutSeconds": 1})
        self.hub.call("HoldPubacks", {"hold": False})
        self.daemon.wait_for_empty_outbox()

    def test_a_message_that_expires_is_named(self):
        self.hub.call("Cut", {"seconds": 3})
        with self.refused(ERROR + "NotDelivered", reason="expired"):
            self.daemon.call(SEND, {"message": {"text": "x", "ttlSeconds": 1}, "stage": "delivered"})
        status = self.daemon.wait_for_status(lambda s: s["outbox"]["messages"] == 0, "the outbox is empty")
        self.assertEqual(status["outbox"]["dropped"], harness.dropped(expired=1))

    def test_flush_waits_for_what_was_sent_before(self):
        wire = self.daemon.connect()
        for i in range(20):
            wire.send(SEND, {"message": {"body": {"n": i}}}, oneway=True)
        wire.send(SEND, {"message": {}}, oneway=True)
        self.assertEqual(wire.call(FLUSH, {"stage": "delivered"}), {"accepted": 20, "refused": 1})
        self.assertEqual([m["body"]["n"] for m in self.hub.messages()], list(range(20)))
        self.assertEqual(wire.call(FLUSH), {"accepted": 0, "refused": 0})


class Batch(harness.DaemonCase):
    def test_a_batch_has_consecutive_numbers_and_keeps_its_order(self):
        reply = self.daemon.call(SEND_BATCH, {"messages": [{"body": {"n": i}} for i in range(50)]})
        self.assertEqual(reply["lastSequence"] - reply["firstSequence"], 49)
        self.assertEqual([m["body"]["n"] for m in self.hub.wait_for_messages(50)], list(range(50)))

    def test_a_batch_with_one_bad_message_is_refused_as_a_whole(self):
        with self.refused(ERROR + "InvalidMessage"):
            self.daemon.call(SEND_BATCH, {"messages": [{"text": "good"}, {"text": "a", "data": "Yg=="}]})
        self.daemon.send(text="next")
        self.assertEqual([base64.b64decode(m["data"]) for m in self.hub.wait_for_messages(1)], [b"next"])

    def test_an_empty_batch_is_refused(self):
        with self.refused("org.varlink.service.InvalidParameter", parameter="messages"):
            self.daemon.call(SEND_BATCH, {"messages": []})


class Refusals(harness.DaemonCase):
    def test_a_message_that_is_not_as_described_is_refused_by_field(self):
        # Message → the field that is named
        rows = [
            ({}, "body"),
            ({"text": "a", "data": "Yg=="}, "body"),
            ({"body": {}, "text": "a"}, "body"),
            ({"data": "not base64!"}, "data"),
            ({"text": "a", "messageId": "x" * 129}, "messageId"),
            ({"text": "a", "messageId": "ü"}, "messageId"),
            ({"text": "a", "messageId": ""}, "messageId"),
            ({"text": "a", "correlationId": "x" * 129}, "correlationId"),
            ({"text": "a", "properties": {"": "empty key"}}, "properties"),
            ({"text": "a", "properties": {"empty value": ""}}, "properties"),
            ({"text": "a", "properties": {"$.mid": "forged"}}, "properties"),
            ({"text": "a", "properties": {"long": "x" * 10_000}}, "properties"),
        ]
        for message, field in rows:
            with self.subTest(message=str(message)[:80]), self.refused(ERROR + "InvalidMessage", field=field):
                self.daemon.send(**message)
        self.assertEqual(self.daemon.status()["outbox"]["messages"], 0)

    def test_a_reason_says_what_is_wrong(self):
        with self.assertRaises(harness.VarlinkError) as caught:
            self.daemon.send(data="not base64!")
        self.assertTrue(caught.exception.parameters["reason"])

    def test_a_message_larger_than_the_hub_takes_is_refused_with_the_limit(self):
        with self.assertRaises(harness.VarlinkError) as caught:
            self.daemon.send(text="x" * (256 * 1024 + 1))
        self.assertEqual(caught.exception.name, ERROR + "MessageTooLarge")
        self.assertEqual(caught.exception.parameters["limitBytes"], 256 * 1024)

    def test_a_parameter_of_the_wrong_kind_is_named_with_its_path(self):
        rows = [
            ({}, "message"),
            ({"message": []}, "message"),
            ({"message": {"text": 1}}, "message.text"),
            ({"message": {"body": [1]}}, "message.body"),
            ({"message": {"text": "a", "ttlSeconds": "1"}}, "message.ttlSeconds"),
            ({"message": {"text": "a", "nonsense": 1}}, "message.nonsense"),
            ({"message": {"text": "a", "properties": {"k": 1}}}, "message.properties"),
            ({"message": {"text": "a"}, "stage": "nowhere"}, "stage"),
            ({"message": {"text": "a"}, "timeoutSeconds": -1}, "timeoutSeconds"),
            ({"message": {"text": "a"}, "more": True}, "more"),
        ]
        wire = self.daemon.connect()
        for parameters, name in rows:
            with self.subTest(parameters=json.dumps(parameters)), \
                    self.refused("org.varlink.service.InvalidParameter", parameter=name):
                wire.call(SEND, parameters)


class Priorities(harness.DaemonCase):
    def test_an_alarm_overtakes_a_backlog(self):
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            for i in range(20):
                self.daemon.send(body={"n": i})
            for i in range(20, 23):
                self.daemon.call(SEND, {"message": {"body": {"n": i}}, "priority": "high"})
            self.daemon.call(SEND_BATCH, {"messages": [{"body": {"n": i}} for i in range(23, 26)], "priority": "high"})
        self.assertEqual([m["body"]["n"] for m in self.hub.wait_for_messages(26)], [*range(20, 26), *range(20)])

    def test_messages_of_both_have_ids_of_their_own(self):
        self.daemon.call(SEND, {"message": {"text": "a"}})
        self.daemon.call(SEND, {"message": {"text": "b"}, "priority": "high"})
        messages = self.hub.wait_for_messages(2)
        self.assertEqual(len({m["system"]["message-id"] for m in messages}), 2, messages)

    def test_a_flush_waits_for_what_was_sent_in_either(self):
        wires = [(self.daemon.connect(), sent) for sent in (["normal"], ["high"], ["high", "normal"])]
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            for wire, sent in wires:
                for timeout_s in (1, 60):
                    for priority in sent:
                        wire.send(SEND, {"message": {"text": "a"}, "priority": priority}, oneway=True)
                    wire.send(FLUSH, {"stage": "delivered", "timeoutSeconds": timeout_s})
                with self.refused(ERROR + "NotDelivered", reason="timeout"):
                    wire.receive()
        for wire, sent in wires:
            self.assertEqual(wire.receive(), {"accepted": len(sent), "refused": 0})


class Expiry(harness.DaemonCase):
    config = {"Outbox": {"MessageTTLSec": 2}}

    def test_who_waits_hears_that_a_message_expired_although_the_device_is_offline(self):
        rows = [
            (SEND, {"message": {"text": "its own", "ttlSeconds": 1}}),
            (SEND, {"message": {"text": "as configured"}, "priority": "high"}),
            (SEND_BATCH, {"messages": [{"text": "a", "ttlSeconds": 1}, {"text": "b", "ttlSeconds": 2}]}),
        ]
        wires = [self.daemon.connect() for _ in rows]
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            self.daemon.send(body={"n": 1}, ttlSeconds=3600)
            for wire, (method, parameters) in zip(wires, rows):
                wire.send(method, {**parameters, "stage": "delivered", "timeoutSeconds": 3600})
            for wire in wires:
                with self.refused(ERROR + "NotDelivered", reason="expired"):
                    wire.receive()
            self.assertEqual(self.daemon.status()["link"]["state"], "waiting")
        self.daemon.wait_for_status(lambda status: status["outbox"]["messages"] == 0, "the outbox is empty")
        self.assertEqual([m["body"] for m in self.hub.messages()], [{"n": 1}])
        self.assertEqual(self.daemon.status()["outbox"]["dropped"], harness.dropped(expired=4))

    def test_a_shorter_time_limit_of_the_call_comes_first(self):
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            with self.refused(ERROR + "NotDelivered", reason="timeout"):
                self.daemon.call(SEND, {"message": {"text": "a"}, "stage": "delivered", "timeoutSeconds": 1})

    def test_what_the_hub_may_have_by_then_is_not_called_expired(self):
        wire = self.daemon.connect()
        self.hub.call("HoldPubacks", {"hold": True})
        wire.send(SEND, {"message": {"text": "a", "ttlSeconds": 1}, "stage": "delivered"})
        self.hub.wait_for_messages(1)
        with self.refused(ERROR + "NotDelivered", reason="timeout"):
            self.daemon.call(SEND, {"message": {"text": "b"}, "stage": "delivered", "timeoutSeconds": 3})
        self.hub.call("HoldPubacks", {"hold": False})
        self.assertIn("sequence", wire.receive())


class FullOutbox(harness.DaemonCase):
    config = {"Outbox": {"MaxMessages": 11}}  # one of them is kept for high priority

    def test_a_full_outbox_says_when_to_try_again(self):
        self.hub.call("Cut", {"seconds": 300})
        self.daemon.wait_for_link("waiting")
        for i in range(10):
            self.daemon.send(body={"n": i})
        with self.assertRaises(harness.VarlinkError) as caught:
            self.daemon.send(body={"n": 10})
        self.assertEqual(caught.exception.name, ERROR + "OutboxFull")
        self.assertGreater(caught.exception.parameters["retryAfterMs"], 0)
        self.assertEqual(caught.exception.parameters["limit"], "outbox")
        status = self.daemon.status()
        self.assertEqual(status["outbox"]["messages"], 10)
        self.assertEqual(status["outbox"]["dropped"], harness.dropped(refused=1))

    def test_it_has_room_for_an_alarm(self):
        self.hub.call("Cut", {"seconds": 300})
        self.daemon.wait_for_link("waiting")
        for i in range(10):
            self.daemon.send(body={"n": i})
        self.daemon.call(SEND, {"message": {"text": "alarm"}, "priority": "high"})
        self.assertEqual(self.daemon.status()["outbox"]["messages"], 11)


class DropOldest(harness.DaemonCase):
    config = {"Outbox": {"MaxMessages": 11, "WhenFull": "drop-oldest"}}  # one for high priority

    def test_the_oldest_make_room_and_are_counted(self):
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            for i in range(25):
                self.daemon.send(body={"n": i})
            self.assertEqual(self.daemon.status()["outbox"]["dropped"], harness.dropped(overflow=15))
        self.assertEqual([m["body"]["n"] for m in self.hub.wait_for_messages(10)], list(range(15, 25)))

    def test_whoever_waits_for_a_dropped_message_hears_it(self):
        wire = self.daemon.connect()
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            wire.send(SEND, {"message": {"text": "first"}, "stage": "delivered"})
            self.daemon.wait_for_status(lambda status: status["outbox"]["messages"] == 1, "the first is there")
            for i in range(10):
                self.daemon.send(body={"n": i})
        with self.refused(ERROR + "NotDelivered", reason="dropped"):
            wire.receive()


if __name__ == "__main__":
    tap.main()
