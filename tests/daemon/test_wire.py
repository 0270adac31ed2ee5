#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The socket: what is wrong gets its named error or the close, and the next client is served."""

import json
import shutil
import socket
import subprocess
import time
import unittest

import harness
from harness import Wire, eventually, tap

GET_STATUS = b'{"method":"io.aziotd.device.GetStatus"}\0'
MESSAGE_MAX = 512 * 1024


class Garbage(harness.DaemonCase):
    def assert_served(self):
        self.assertEqual(self.daemon.status()["deviceId"], "demo")

    def test_what_is_no_varlink_is_closed_and_the_next_client_is_served(self):
        rows = [
            (b"hello\0", "no JSON"),
            (b"\0", "nothing"),
            (b"[]\0", "no object"),
            (b"{}\0", "no method"),
            (b'{"method":1}\0', "method is no string"),
            (b'{"method":"io.aziotd.device.GetStatus"\0', "cut JSON"),
            (b'{"method":"io.aziotd.device.GetStatus"}x\0', "bytes behind the call"),
            (b'{"method":"io.aziotd.device.GetStatus","method":"x.y"}\0', "a key twice"),
            (b'{"method":"io.aziotd.device.GetStatus","parameters":[]}\0', "parameters are no object"),
            (b'{"method":"io.aziotd.device.GetStatus","unheard-of":1}\0', "a member that Varlink has not"),
            (b'{"method":"io.aziotd.device.GetStatus","more":true,"oneway":true}\0', "more and oneway"),
            (b'{"method":"io.aziotd.device.Get\xff"}\0', "invalid UTF-8"),
            (b'{"method":"io.aziotd.device.Get\xed\xa0\x80"}\0', "a surrogate"),
            (b'{"method":"io.aziotd.telemetry.Send","parameters":{"message":{"text":"\x01"}}}\0', "raw control"),
            (b'{"method":"a.b","parameters":' + b'{"a":' * 40 + b"1" + b"}" * 40 + b"}\0", "too deep"),
            (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n\0", "HTTP"),
            (b"x" * (MESSAGE_MAX + 2), "endless"),
        ]
        for data, name in rows:
            with self.subTest(name):
                wire = self.daemon.connect()
                try:
                    wire.send_bytes(data)
                except OSError:
                    pass  # closed before it had all of it
                self.assertTrue(wire.is_closed())
                self.assert_served()

    def test_calls_before_the_garbage_are_answered(self):
        wire = self.daemon.connect()
        wire.send_bytes(GET_STATUS * 3 + b"garbage\0" + GET_STATUS)
        for _ in range(3):
            self.assertIn("link", wire.receive())
        self.assertIsNone(wire.receive_bytes())

    def test_what_is_unknown_gets_a_named_error_and_the_connection_stays(self):
        rows = [
            ("io.aziotd.telemetry.Nothing", {}, "org.varlink.service.MethodNotFound", "method"),
            ("io.aziotd.nothing.Send", {}, "org.varlink.service.InterfaceNotFound", "interface"),
            ("io.aziotd.device.GetStatus", {"x": 1}, "org.varlink.service.InvalidParameter", "parameter"),
            ("org.varlink.service.GetInterfaceDescription", {"interface": "io.aziotd.nothing"},
             "org.varlink.service.InterfaceNotFound", "interface"),
            ("org.varlink.service.GetInterfaceDescription", {"interface": 1},
             "org.varlink.service.InvalidParameter", "parameter"),
        ]
        wire = self.daemon.connect()
        for method, parameters, error, field in rows:
            with self.subTest(method=method):
                with self.assertRaises(harness.VarlinkError) as caught:
                    wire.call(method, parameters)
                self.assertEqual(caught.exception.name, error)
                self.assertTrue(caught.exception.parameters[field])
        self.assertIn("link", wire.call("io.aziotd.device.GetStatus"))

    def test_a_member_that_a_vendor_added_to_the_call_is_ignored(self):
        wire = self.daemon.connect()
        wire.send_bytes(b'{"com.example.trace":{"id":[1]},"method":"io.aziotd.device.GetStatus","parameters":{}}\0')
        self.assertIn("link", wire.receive())

    def test_a_message_as_large_as_allowed_is_read(self):
        wire = self.daemon.connect()
        call = b'{"method":"io.aziotd.telemetry.Send","parameters":{"message":{"text":"%s"}}}'
        wire.send_bytes(call.replace(b"%s", b"x" * (MESSAGE_MAX - len(call) + 2)) + b"\0")
        with self.refused("io.aziotd.telemetry.MessageTooLarge"):
            wire.receive()

    def test_a_call_may_come_byte_by_byte(self):
        wire = self.daemon.connect()
        for i in range(len(GET_STATUS)):
            wire.send_bytes(GET_STATUS[i:i + 1])
        self.assertIn("link", wire.receive())

    def test_a_oneway_call_has_no_reply(self):
        wire = self.daemon.connect()
        wire.send("io.aziotd.telemetry.Nothing", {}, oneway=True)
        wire.send("io.aziotd.telemetry.Send", {"message": {"text": "x"}}, oneway=True)
        self.assertIn("link", wire.call("io.aziotd.device.GetStatus"))
        self.hub.wait_for_messages(1)


class Introspection(harness.DaemonCase):
    def test_the_service_describes_itself(self):
        info = self.daemon.call("org.varlink.service.GetInfo")
        for interface in ("io.aziotd.telemetry", "io.aziotd.methods", "io.aziotd.device", "org.varlink.service"):
            self.assertIn(interface, info["interfaces"])
            text = self.daemon.call("org.varlink.service.GetInterfaceDescription", {"interface": interface})
            self.assertIn(f"interface {interface}\n", text["description"])


class HalfClose(harness.DaemonCase):
    def test_complete_calls_are_served_then_the_connection_is_closed(self):
        wire = self.daemon.connect()
        wire.send("io.aziotd.telemetry.Send", {"message": {"text": "x"}, "stage": "delivered"})
        wire.send("io.aziotd.device.GetStatus")
        wire.half_close()
        self.assertIn("sequence", wire.receive())
        self.assertIn("link", wire.receive())
        self.assertIsNone(wire.receive_bytes())

    @unittest.skipUnless(shutil.which("socat"), "needs socat")
    def test_a_shell_can_send(self):
        script = ("""printf '{"method":"io.aziotd.telemetry.Send","parameters":{"message":{"body":{"t":21.5}}}}\\0' | """
                  f"socat - UNIX-CONNECT:{self.daemon.socket_path}")
        reply = subprocess.run(["sh", "-c", script], capture_output=True, timeout=harness.TIMEOUT_S, check=True).stdout
        self.assertIn("sequence", json.loads(reply.rstrip(b"\0"))["parameters"])
        self.assertEqual([m["body"] for m in self.hub.wait_for_messages(1)], [{"t": 21.5}])

    def test_a_take_that_waits_ends(self):
        wire = self.daemon.connect()
        wire.send("io.aziotd.methods.Take", {"names": ["reboot"]})
        wire.half_close()
        self.assertIsNone(wire.receive_bytes())
        eventually(lambda: self.daemon.call("io.aziotd.methods.List") == {"names": []}, "the name is given up")
        self.assertEqual(self.hub.invoke("reboot")[0], 501)


class SlowReaders(harness.DaemonCase):
    def test_who_never_reads_is_not_waited_for_and_closed(self):
        wire = self.daemon.connect()
        call = b'{"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":"io.aziotd.telemetry"}}\0'
        wire.socket.setblocking(False)
        n_sent = 0
        try:
            while n_sent < 100_000_000:
                n_sent += wire.socket.send(call * 100)
        except BlockingIOError:
            pass  # the daemon has stopped reading
        self.assertLess(n_sent, 100_000_000)
        for _ in range(20):
            started = time.monotonic()
            self.daemon.status()
            self.assertLess(time.monotonic() - started, 2)
        # Closed after ten seconds: sending fails then.
        eventually(lambda: self.is_reset(wire.socket, call), "the client is closed")

    @staticmethod
    def is_reset(sock, data):
        try:
            sock.send(data)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return False

    def test_one_user_has_a_limit_of_connections_and_others_are_free_again_after(self):
        wires = [self.daemon.connect() for _ in range(80)]
        for wire in wires[:64]:
            wire.call("io.aziotd.device.GetStatus")
        for wire in wires[64:]:
            # It says so before it is asked.
            with self.refused("io.aziotd.device.TooManyConnections", limit=64, of="user"):
                wire.receive()
            self.assertTrue(wire.is_closed())
        for wire in wires:
            wire.close()
        eventually(self.is_served, "a new client is served")

    def is_served(self):
        try:
            with Wire(self.daemon.socket_path) as wire:
                return wire.call("io.aziotd.device.GetStatus")
        except (OSError, harness.VarlinkError):
            return None

    def test_takes_of_one_user_have_a_limit(self):
        wires = [self.daemon.connect() for _ in range(17)]
        for wire in wires[:16]:
            wire.send("io.aziotd.methods.Take", {"names": ["x"]})
        # The calls of different connections have no order: wait until all sixteen wait.
        eventually(lambda: self.is_refused(wires[16]), "the seventeenth is refused")

    @staticmethod
    def is_refused(wire):
        try:
            wire.call("io.aziotd.methods.Take", {"names": ["x"], "timeoutSeconds": 1})
        except harness.VarlinkError as error:
            return error.name == "io.aziotd.methods.TooManyTakers" and error.parameters["limit"] == 16
        return False

    def test_a_client_that_is_gone_is_no_trouble(self):
        for _ in range(50):
            wire = self.daemon.connect()
            wire.send("io.aziotd.telemetry.Send", {"message": {"text": "x"}, "stage": "delivered"})
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            wire.close()
        self.hub.wait_for_messages(50)


if __name__ == "__main__":
    tap.main()
