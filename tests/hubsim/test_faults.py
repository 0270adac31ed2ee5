# SPDX-License-Identifier: MIT
"""Faults on demand."""

import socket
import struct
import time

import device as mqtt
from device import Closed, publish
from hub import METHODS, C2dCase, enforces
import tap  # hub knows where it is

IP_LOCAL_PORT_RANGE = 51  # Linux 6.3


class FaultsCase(C2dCase):
    def tearDown(self):
        self.hub.control("ClearFaults")

    def faults(self):
        return self.hub.control("ListFaults")[1]["faults"]


class Cut(FaultsCase):
    """Of a hub that nobody was ever connected to: those would keep the port for a minute."""

    def test_a_cut_keeps_the_port(self):
        """Another program that asks for any free port does not get it, and the hub comes back."""
        port = int((self.hub.state / "port").read_text())
        self.hub.command("cut", "600")
        with socket.socket() as other:
            try:
                other.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, struct.pack("=I", port << 16 | port))
            except OSError:
                self.skipTest("this kernel has no IP_LOCAL_PORT_RANGE")
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with self.assertRaisesRegex(OSError, "in use"):
                other.bind(("127.0.0.1", 0))


class Connections(FaultsCase):
    def test_connects_are_refused_on_demand(self):
        line = self.add_device()
        self.hub.control("RefuseConnect", code=3, count=1)
        self.assertEqual(self.open(line).connect(), (False, 3))
        self.hub.control("RefuseConnect", code=0, count=1)
        with self.assertRaises(Closed):
            self.open(line).connect()
        self.assertEqual(self.open(line).connect(), (False, 0))

    def test_pubacks_are_delayed_on_demand(self):
        d = self.open_connected()
        self.hub.control("DelayPuback", milliseconds=300)
        started = time.monotonic()
        d.telemetry()
        self.assertGreater(time.monotonic() - started, 0.29)
        self.hub.control("DelayPuback", milliseconds=0)

    def test_pubacks_are_held_on_demand_and_come_in_order(self):
        d = self.open_connected()
        self.hub.control("HoldPubacks", hold=True)
        for i in range(1, 4):
            d.send(publish(f"devices/{d.id}/messages/events/", packet_id=i))
        d.send(b"\xc0\0")
        d.receive(mqtt.PINGRESP)
        self.eventually(lambda: len(self.arrived()) == 3)
        self.hub.control("HoldPubacks", hold=False)
        self.assertEqual([d.receive(mqtt.PUBACK) for _ in range(3)], [b"\0\1", b"\0\2", b"\0\3"])

    def test_a_connection_is_dropped_before_puback_on_demand(self):
        d = self.open_connected()
        self.hub.control("DropBeforePuback", count=1)
        with self.assertRaises(Closed):
            d.telemetry()
        self.assertEqual(len(self.arrived()), 1)

    def test_a_subscription_fails_on_demand(self):
        d = self.open_connected()
        self.hub.control("SubackFailure", count=1)
        self.assertEqual(d.subscribe(METHODS), [0x80])
        self.assertEqual(d.subscribe(METHODS), [0])

    def test_a_cut_keeps_the_state(self):
        line = self.add_device()
        d = self.open_connected(line)
        d.subscribe(METHODS)
        before = len(self.hub.errors)
        self.assertEqual(self.hub.command("cut", "4").returncode, 0)
        d.wait_for_close()
        with self.assertRaises(ConnectionRefusedError):
            self.open(line)
        self.eventually(lambda: any("listening again" in error for error in self.hub.errors[before:]))
        self.assertEqual(self.open(line).connect(), (True, 0))

    def test_connections_of_a_device_end_after_connack_on_demand(self):
        line = self.add_device()
        bystander = self.open_connected(self.hub.command("device", "add", "bystander").stdout)
        self.hub.control("CloseAfterConnect", milliseconds=200, count=2, device=self.name)
        for _ in range(2):
            started = time.monotonic()
            self.open_connected(line).wait_for_close()
            self.assertGreater(time.monotonic() - started, 0.19)
        self.wait_for_log("400029 ")
        self.open_connected(line).telemetry()
        self.hub.control("CloseAfterConnect", milliseconds=0, count=1)
        self.open_connected(line).wait_for_close()
        bystander.telemetry()

    def test_a_poisonous_message_costs_the_connection_on_demand(self):
        line = self.add_device()
        self.hub.control("Poison", text="po ison")
        for body, bag in [('"a po ison b"', ""), ("{}", "a=po%20ison"), ("{}", "po%20ison=")]:
            with self.subTest(body + bag), self.assertRaises(Closed):
                self.open_connected(line).telemetry(body, bag)
        self.open_connected(line).telemetry('"po-ison"')
        self.assertEqual([m["body"] for m in self.arrived()], ["po-ison"])
        self.hub.control("Poison", text="x", count=1)
        with self.assertRaises(Closed):
            self.open_connected(line).telemetry('"x"')
        self.open_connected(line).telemetry('"x"')

    def test_a_connection_goes_silent_on_demand(self):
        line = self.add_device()
        d = self.open_connected(line, keep_alive_s=1)
        self.assertEqual(self.hub.control("HalfOpen", device=self.name), (None, {"wasConnected": True}))
        self.assertEqual(self.faults(), [f"half-open {self.name}"])
        d.send(publish(f"devices/{d.id}/messages/events/"))
        d.socket.settimeout(2.5)
        with self.assertRaises(TimeoutError):
            d.receive()
        second = self.open_connected(line)
        d.wait_for_close()
        second.telemetry()
        self.assertEqual(len(self.arrived()), 1)
        self.assertEqual(self.faults(), [])

    def test_a_subscription_is_not_answered_on_demand(self):
        d = self.open_connected()
        self.hub.control("DropSuback", count=1)
        d.send(mqtt.subscribe(METHODS))
        d.ping()
        call = self.hub.invoke(self.name, "ping")
        d.answer_call(d.receive_call()[1])
        self.assertEqual(call.result().returncode, 0)
        self.assertEqual(d.subscribe(METHODS), [0])


class Messages(FaultsCase):
    @enforces(19, 40)
    def test_a_lock_that_ends_brings_the_message_again(self):
        d = self.open_subscribed()
        self.hub.control("MessageLock", milliseconds=100)
        self.send("1", ack="full")
        first, second = d.receive_message(), d.receive_message()
        self.assertEqual(second, first._replace(dup=True))
        self.hub.control("MessageLock", milliseconds=0)
        third = d.receive_message()
        d.puback(first)
        d.puback(second)
        d.ping()
        self.wait_for_log("412002 ")
        self.assertEqual(self.queue()[0]["deliveryCount"], 0)
        d.puback(third)
        d.ping()
        self.assertEqual(self.queue(), [])
        self.assertEqual([r["status"] for r in self.feedback()], ["Success"])

    def test_a_message_comes_before_the_suback_on_demand(self):
        d = self.open_connected()
        self.send("1")
        self.hub.control("EarlyMessages", early=True)
        d.send(mqtt.subscribe(self.filter(), qos=1))
        self.assertEqual(d.receive_message().payload, b"1")
        d.receive(mqtt.SUBACK)

    def test_a_topic_is_written_in_other_ways_on_demand(self):
        d = self.open_subscribed()
        self.hub.control("MessageForm", bareKeys=True, questionMark=True)
        self.send(messageId="", properties={"a": "", "b": "1"})
        self.assertEqual(d.receive_message().bag,
                         f"?%24.to=%2Fdevices%2F{d.id}%2Fmessages%2FdeviceBound&a&b=1")

    @enforces(20)
    def test_messages_to_a_device_that_never_connected(self):
        line = self.add_device()
        self.hub.control("NeverConnected", messages="refuse")
        self.assertEqual(self.refusal(body=""), 404103)
        self.hub.control("NeverConnected", messages="drop")
        self.send("dropped")
        self.assertEqual(self.queue(), [])
        self.open_connected(line, clean=True).close()
        self.send("kept")
        self.assertEqual(len(self.queue()), 1)


class Command(FaultsCase):
    def test_it_asks_for_each_fault_lists_and_clears_it(self):
        d = self.open_connected()
        self.assertEqual(self.faults(), [])
        for words in ["refuse-connect 3 5", f"close-after-connect 9 2 {d.id}", "close-after-connect 9 2", "poison x 2",
                      "delay-puback 7", "hold-pubacks on", "drop-before-puback 1", "suback-failure 1",
                      "drop-suback 1", "early-messages on", "message-lock 8", "message-form on off",
                      "never-connected drop", f'twin {d.id} {{"gets":3,"status":429}}',
                      f'twin {d.id} {{"race":"after","racePatch":{{"a":1}}}}', f"half-open {d.id}", "cut 100"]:
            with self.subTest(words):
                run = self.hub.command("fault", *words.split())
                self.assertEqual((run.returncode, run.stdout, run.stderr), (0, "", ""))
                self.assertEqual(self.hub.command("fault").stdout, words + "\n")
                self.assertEqual(self.hub.command("fault", "clear").returncode, 0)
                self.assertEqual(self.faults(), [])

    def test_it_kicks(self):
        d = self.open_connected()
        self.assertEqual(self.hub.command("fault", "kick", d.id).returncode, 0)
        d.wait_for_close()

    def test_what_it_does_not_know_is_refused(self):
        names = [line.split()[0] for line in self.hub.command("fault", "help").stdout.splitlines()]
        self.assertIn("half-open", names)
        for words in ["flood", "cut", "cut ten", "cut 1 2", "hold-pubacks maybe", "poison", "clear now",
                      "refuse-connect 3", "twin x [1]", "twin x {"]:
            with self.subTest(words):
                run = self.hub.command("fault", *words.split())
                self.assertEqual(run.returncode, 2)
                self.assertIn("fault", run.stderr)
        for words in ["refuse-connect 9 1", "never-connected maybe", "kick nobody", 'twin x {"a":1}']:
            with self.subTest(words):
                self.assertEqual(self.hub.command("fault", *words.split()).returncode, 1)


if __name__ == "__main__":
    tap.main()
