# SPDX-License-Identifier: MIT
"""Cloud-to-device messages: the queue, what a PUBACK does, and how a topic is written."""

import base64
import contextlib
import json
import resource
import signal
import subprocess
import tempfile
import threading
import urllib.parse
from pathlib import Path
from random import Random

import device as mqtt
from device import Closed
from hub import ENVIRONMENT, PROGRAM, C2dCase, HubGone, enforces
import tap  # hub knows where it is


def properties(message):
    """Those of a topic; None for a bare key."""
    pairs = [pair.split("=", 1) for pair in message.bag.split("&")]
    return {urllib.parse.unquote(p[0]): urllib.parse.unquote(p[1]) if len(p) > 1 else None for p in pairs}


class Queue(C2dCase):
    @enforces(19)
    def test_a_message_is_completed_by_its_puback(self):
        d = self.open_subscribed()
        self.send('{"line":3}', messageId="m1")
        m = d.receive_message()
        self.assertEqual((m.payload, m.qos, m.dup), (b'{"line":3}', 1, False))
        self.assertEqual([x["state"] for x in self.queue()], ["invisible"])
        d.puback(m)
        d.ping()
        self.assertEqual(self.queue(), [])

    def test_messages_wait_for_the_device_and_come_in_order(self):
        line = self.add_device()
        for i in range(3):
            self.send(str(i))
        d = self.open_subscribed(line)
        for i in range(3):
            m = d.receive_message()
            self.assertEqual(m.payload, str(i).encode())
            d.puback(m)
        d.ping()
        self.assertEqual(self.queue(), [])

    @enforces(18)
    def test_a_queued_message_comes_straight_after_connack(self):
        line = self.add_device()
        self.open_subscribed(line).close()
        self.send("1")
        d = self.open(line)
        self.assertEqual(d.connect(), (True, 0))
        self.assertEqual(d.receive_message().payload, b"1")

    @enforces(18, 19)
    def test_what_was_not_acknowledged_comes_again_with_dup(self):
        line = self.add_device()
        first = self.open_subscribed(line)
        self.send("1")
        m = first.receive_message()
        second = self.open_connected(line)
        again = second.receive_message()
        self.assertEqual(again, m._replace(dup=True))
        self.assertEqual(self.queue()[0]["deliveryCount"], 1)
        second.puback(again)
        second.ping()
        self.assertEqual(self.queue(), [])

    def test_in_a_new_session_a_message_comes_for_the_first_time(self):
        line = self.add_device()
        with self.open_subscribed(line, clean=True) as d:
            self.send("1")
            m = d.receive_message()
        d = self.open(line)
        self.assertEqual(d.connect(), (False, 0))
        d.send(mqtt.subscribe(self.filter(), qos=1))
        d.receive(mqtt.SUBACK)
        self.assertEqual(d.receive_message(), m)

    @enforces(19)
    def test_the_queue_holds_fifty(self):
        self.add_device()
        for i in range(50):
            self.send(str(i))
        self.assertEqual(self.refusal(body="50"), 403004)
        self.assertEqual(self.hub.control("PurgeMessages", device=self.name), (None, {"count": 50}))
        self.send("50")

    def test_a_full_queue_of_the_largest_messages_is_delivered(self):
        line = self.add_device()
        for i in range(50):
            self.send("x" * (64 * 1024 - 2), messageId=str(i % 10) * 2)
        d = self.open_subscribed(line)
        for _ in range(50):
            d.puback(d.receive_message())
        d.ping()

    @enforces(19)
    def test_a_message_is_at_most_64_kib(self):
        self.add_device()
        fits = "x" * (64 * 1024 - 3)
        self.send(fits, messageId="", properties={"a": "bc"})
        self.assertEqual(self.refusal(body=fits, messageId="", properties={"a": "bcd"}), 413001)
        self.assertEqual(self.refusal(body="", properties={"a": "ü" * 16384}), 413001)

    @enforces(19)
    def test_a_message_expires(self):
        self.add_device()
        self.send(messageId="gone", ttlSeconds=1, ack="full")
        self.send(messageId="stays", ttlSeconds=60)
        self.eventually(lambda: len(self.queue()) == 1)
        self.assertEqual(self.queue()[0]["messageId"], "stays")
        self.assertEqual([(r["messageId"], r["status"]) for r in self.feedback()], [("gone", "Expired")])

    @enforces(19)
    def test_after_ten_lost_deliveries_a_message_is_dropped(self):
        line = self.add_device()
        self.open_subscribed(line).close()
        self.send(messageId="poison", ack="negative")
        for _ in range(10):
            d = self.open_connected(line)
            d.receive_message()
            d.close()
        self.eventually(lambda: self.queue() == [])
        self.assertEqual([r["status"] for r in self.feedback()], ["DeliveryCountExceeded"])

    @enforces(18)
    def test_a_clean_session_drops_the_queue(self):
        line = self.add_device()
        self.open_subscribed(line).close()
        self.send(ack="full")
        self.open_connected(line, clean=True)
        self.assertEqual(self.queue(), [])
        self.assertEqual([r["status"] for r in self.feedback()], ["Purged"])

    def test_pubacks_come_in_the_order_of_delivery(self):
        d = self.open_subscribed()
        self.send("1")
        self.send("2")
        d.receive_message()
        d.puback(d.receive_message())
        d.wait_for_close()
        self.wait_for_log("400004 ")

    def test_a_puback_for_nothing_is_passed_over(self):
        d = self.open_subscribed()
        d.puback(mqtt.Message("", b"", 1, False, 7))
        d.ping()
        self.wait_for_log("412002 ")

    def test_with_qos_0_a_message_is_done_when_it_is_sent(self):
        d = self.open_subscribed(qos=0)
        self.send("1", ack="positive")
        self.assertEqual(d.receive_message()[1:], (b"1", 0, False, None))
        self.assertEqual([r["status"] for r in self.feedback()], ["Success"])
        self.assertEqual(self.queue(), [])

    def test_a_device_without_the_subscription_gets_nothing(self):
        d = self.open_connected()
        self.send()
        d.ping()
        d.subscribe(self.filter(), qos=1)
        d.puback(d.receive_message())
        d.send(mqtt.packet(mqtt.UNSUBSCRIBE << 4 | 2, b"\0\7" + mqtt.text(self.filter())))
        d.receive(mqtt.UNSUBACK)
        self.send()
        d.ping()

    def test_any_device_is_a_filter_of_the_device_itself(self):
        d = self.open_connected()
        d.subscribe("devices/+/messages/devicebound/#", qos=1)
        self.send("1")
        self.assertEqual(d.receive_message().payload, b"1")


class Feedback(C2dCase):
    @enforces(19)
    def test_it_is_given_to_whoever_asked_for_it(self):
        d = self.open_subscribed()
        rows = [("none", []), ("positive", ["Success"]), ("negative", ["Purged"]), ("full", ["Success", "Purged"])]
        for ack, statuses in rows:
            with self.subTest(ack):
                self.send(messageId="done", ack=ack)
                d.puback(d.receive_message())
                d.ping()
                self.send(messageId="purged", ack=ack)
                late = d.receive_message()
                self.hub.control("PurgeMessages", device=self.name)
                d.puback(late)
                self.assertEqual([r["status"] for r in self.feedback()], statuses)
                self.assertEqual(self.feedback(), [])


class Topic(C2dCase):
    def test_it_tells_the_properties(self):
        d = self.open_subscribed()
        self.send("1", messageId="m 1", correlationId="c/1", userId="u", contentType="application/json",
                  contentEncoding="utf-8", properties={"line": "3", "ü&=": "a+b#", "empty": ""}, ttlSeconds=60,
                  ack="full")
        m = d.receive_message()
        expiry = properties(m).pop("$.exp")
        self.assertRegex(expiry, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(
            m.bag, f"%24.to=%2Fdevices%2F{d.id}%2Fmessages%2FdeviceBound&%24.mid=m%201&%24.cid=c%2F1&%24.uid=u"
            f"&%24.ct=application%2Fjson&%24.ce=utf-8&%24.exp={urllib.parse.quote(expiry)}&iothub-ack=full"
            "&line=3&%C3%BC%26%3D=a%2Bb%23&empty=")

    def test_what_was_not_said_is_not_told(self):
        d = self.open_subscribed()
        self.send(messageId="")
        self.assertEqual(properties(d.receive_message()), {"$.to": f"/devices/{d.id}/messages/deviceBound"})
        message_id = self.send()
        self.assertRegex(message_id, r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.assertEqual(properties(d.receive_message())["$.mid"], message_id)

    def test_a_body_is_any_bytes(self):
        d = self.open_subscribed()
        for body in [b"", b"\0\xff\n", bytes(range(256))]:
            error, _ = self.hub.control("SendMessage", device=self.name, data=base64.b64encode(body).decode())
            self.assertIsNone(error)
            self.assertEqual(d.receive_message().payload, body)
        for wrong in [{"data": "?"}, {"data": "", "body": ""}, {"ttlSeconds": 0}, {"ack": "maybe"}]:
            with self.subTest(**wrong):
                error, _ = self.hub.control("SendMessage", device=self.name, **wrong)
                self.assertEqual(error, "org.varlink.service.InvalidParameter")


class Command(C2dCase):
    def messages(self, *arguments):
        run = self.hub.command("messages", self.name, *arguments)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        return run.stdout

    def test_it_sends_lists_purges_and_tells_feedback(self):
        d = self.open_subscribed()
        sent = self.messages("send", '{"a":1}', "--message-id", "m1", "--correlation-id", "c", "--user-id", "u",
                             "--content-type", "ct", "--content-encoding", "ce", "--property", "a=b=c",
                             "--property", "d", "--ttl", "60", "--ack", "full")
        self.assertEqual(sent, "m1\n")
        m = d.receive_message()
        told = properties(m)
        self.assertEqual(m.payload, b'{"a":1}')
        self.assertEqual({name: told.get(name) for name in ("$.mid", "$.cid", "$.uid", "$.ct", "$.ce", "iothub-ack",
                                                            "a", "d")},
                         {"$.mid": "m1", "$.cid": "c", "$.uid": "u", "$.ct": "ct", "$.ce": "ce", "iothub-ack": "full",
                          "a": "b=c", "d": ""})
        self.messages("send")
        lines = [json.loads(line) for line in self.messages().splitlines()]
        self.assertEqual([(x["messageId"], x["size"]) for x in lines][0], ("m1", 7))
        self.assertEqual(len(lines), 2)
        self.assertEqual(self.messages("purge"), "2\n")
        self.assertEqual(json.loads(self.messages("feedback"))["status"], "Purged")
        self.assertEqual(self.messages("feedback") + self.messages("list"), "")

    def test_what_it_does_not_know_is_refused(self):
        self.add_device()
        for arguments in [("receive",), ("list", "x"), ("send", "--ttl", "x"), ("--ttl",)]:
            with self.subTest(arguments):
                self.assertEqual(self.hub.command("messages", self.name, *arguments).returncode, 2)
        self.assertIn("404001", self.hub.command("messages", "nobody").stderr)
        self.assertEqual(self.hub.command("messages", self.name, "send", "--ack", "maybe").returncode, 1)


class Restart(C2dCase):
    def kill(self):
        self.hub.stop(signal.SIGKILL)
        self.hub.start()

    @enforces(18)
    def test_a_session_and_its_queue_survive_a_kill(self):
        line = self.add_device()
        d = self.open_subscribed(line)
        d.subscribe("$iothub/methods/POST/#", qos=0)
        sent = {"messageId": "m1", "properties": {"a": "ü"}, "ack": "full", "ttlSeconds": 3000}
        self.send("first", **sent)
        self.send("", messageId="m2")
        first, _ = d.receive_message(), d.receive_message()
        queue = self.queue()
        self.kill()
        self.assertEqual(self.queue(), [{**m, "state": "enqueued"} for m in queue])
        d = self.open(line)
        self.assertEqual(d.connect(), (True, 0))
        self.assertEqual(d.receive_message(), first._replace(dup=True))
        self.assertEqual(d.receive_message()[1:4], (b"", 1, True))
        self.assertEqual(d.subscribe("$iothub/methods/POST/#", qos=0), [0])

    def test_what_was_completed_stays_so(self):
        line = self.add_device()
        d = self.open_subscribed(line)
        for i in range(20):
            self.send(str(i), messageId=str(i), ack="positive")
        for _ in range(10):
            d.puback(d.receive_message())
        for _ in range(10):
            d.receive_message()
        d.ping()
        self.kill()
        self.assertEqual([m["messageId"] for m in self.queue()], [str(i) for i in range(10, 20)])
        self.assertEqual([r["messageId"] for r in self.feedback()], [str(i) for i in range(10)])
        self.kill()
        self.assertEqual(self.feedback(), [])

    def test_the_delivery_count_survives_and_a_restart_does_not_add_to_it(self):
        line = self.add_device()
        self.open_subscribed(line).close()
        self.send("1")
        for _ in range(3):
            self.open_connected(line).receive_message()
        self.kill()
        self.hub.stop()
        self.hub.start()
        self.assertEqual(self.queue()[0]["deliveryCount"], 2)

    def acknowledge_all(self, d, seen):
        """Acknowledges what comes until the hub has nothing more to say; what was before on this connection is certain."""
        d.send(mqtt.packet(mqtt.PINGREQ << 4))
        while True:
            kind, flags, body = d.receive()
            if kind == mqtt.PINGRESP:
                return
            m = d.parse_message(flags, body)
            self.assertNotIn(m.payload, seen["certain"])
            d.puback(m)
            seen["acknowledged"].add(m.payload)
            seen["here"].add(m.payload)

    @enforces(19)
    def test_kills_at_any_time_lose_nothing_and_bring_nothing_back(self):
        random, line = Random(3), self.add_device()
        self.open_subscribed(line).close()
        sent, seen = set(), {"acknowledged": set(), "here": set(), "certain": set()}
        for _ in range(8):
            killer = threading.Timer(random.uniform(0, 0.2), self.hub.process.kill)
            killer.start()
            with contextlib.suppress(OSError, HubGone, Closed):
                d = self.open_connected(line)
                seen["here"] = set()
                while True:
                    body = random.randbytes(8).hex()
                    self.send(body)
                    sent.add(body.encode())
                    before = set(seen["here"])
                    self.acknowledge_all(d, seen)
                    seen["certain"] |= before
            killer.join()
            self.hub.stop(signal.SIGKILL)
            self.hub.start()
        d = self.open_connected(line)
        while self.queue():
            self.acknowledge_all(d, seen)
        self.assertGreater(len(sent), 8)
        self.assertLessEqual(sent, seen["acknowledged"])

    def test_a_clean_session_leaves_nothing(self):
        line = self.add_device()
        self.open_subscribed(line).close()
        self.open_subscribed(line, clean=True)
        self.send("1")
        self.kill()
        d = self.open(line)
        self.assertEqual(d.connect(), (False, 0))
        d.ping()
        self.assertEqual(len(self.queue()), 1)

    def test_what_expired_meanwhile_is_gone(self):
        self.add_device()
        self.send(messageId="m", ttlSeconds=1, ack="negative")
        self.kill()
        self.eventually(lambda: [r["status"] for r in self.feedback()] == ["Expired"])

    def test_a_filter_that_was_given_back_stays_so(self):
        line = self.add_device()
        d = self.open_subscribed(line)
        d.send(mqtt.packet(mqtt.UNSUBSCRIBE << 4 | 2, b"\0\7" + mqtt.text(self.filter())))
        d.receive(mqtt.UNSUBACK)
        self.send("1")
        self.kill()
        d = self.open(line)
        self.assertEqual(d.connect(), (True, 0))
        d.ping()

    def test_a_line_that_was_being_written_is_passed_over(self):
        self.add_device()
        self.send(messageId="whole")
        self.hub.stop(signal.SIGKILL)
        with (self.hub.state / "sessions.jsonl").open("a") as state:
            state.write('{"message":"torn')
        self.hub.start()
        self.assertEqual([m["messageId"] for m in self.queue()], ["whole"])

    def test_a_damaged_file_is_named_and_not_overwritten(self):
        for damage in ['{"change":"a-damaged-file","number":1,"delivered":true,"deliveryCount":0}', "{}", "[]", "x",
                       '{"session":"a-damaged-file"}', '{"message":"a-damaged-file","number":1}', '{"gone":null}']:
            with self.subTest(damage), tempfile.TemporaryDirectory() as directory:
                state = Path(directory)
                devices = {"deviceId": "a-damaged-file", "authentication": "certificateAuthority", "enabled": True}
                (state / "devices.json").write_text(json.dumps({"devices": [devices]}))
                (state / "sessions.jsonl").write_text(damage + "\n")
                run = subprocess.run([PROGRAM, "run", "--state-dir", state, "--listen", "127.0.0.1:0"],
                                     env=ENVIRONMENT, text=True, capture_output=True, timeout=60)
                self.assertEqual(run.returncode, 1)
                self.assertIn("sessions.jsonl: line 1", run.stderr)
                self.assertEqual((state / "sessions.jsonl").read_text(), damage + "\n")

    def test_a_full_disk_refuses_messages_and_loses_none(self):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

        self.add_device()
        self.hub.stop()
        self.hub.start(before=limit)
        sent = [self.send("x" * 1000, messageId=str(i)) for i in range(5)]
        self.assertEqual(self.refusal(body="x" * 20_000), 500001)
        sent.append(self.send("small"))
        self.hub.stop()
        self.hub.start()
        self.assertEqual([m["messageId"] for m in self.queue()], sent)
        self.hub.control("PurgeMessages", device=self.name)

    def test_the_file_does_not_grow_for_ever(self):
        d = self.open_subscribed()
        for _ in range(100):
            self.send("x" * 60000)
            d.puback(d.receive_message())
        d.ping()
        self.assertLess((self.hub.state / "sessions.jsonl").stat().st_size, 2_000_000)
        self.assertEqual(self.queue(), [])


if __name__ == "__main__":
    tap.main()
