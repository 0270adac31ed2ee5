# SPDX-License-Identifier: MIT
"""MQTT over WebSocket: the upgrade, frames, and that hub and provisioning service are the same behind them."""

import base64
import hashlib
import os
import socket
import ssl
import struct
import time

import device as mqtt
from device import DPS_FILTER, Closed, Device, ProvisionedDevice, publish
from hub import METHODS, C2dCase, HubCase, X509Case, enforces
import tap  # hub knows where it is

PATH = "/$iothub/websocket"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN = 0x80


def frame(first, payload=b"", masked=True):
    n, mask = len(payload), os.urandom(4) if masked else b""
    header = bytes([first]) + (bytes([0x80 * masked | n]) if n < 126 else
                               bytes([0x80 * masked | 126]) + struct.pack(">H", n) if n < 65536 else
                               bytes([0x80 * masked | 127]) + struct.pack(">Q", n))
    return header + mask + (bytes(b ^ mask[i & 3] for i, b in enumerate(payload)) if masked else payload)


class Refused(Exception):
    """The upgrade was; with the status of HTTP."""


class WebSocket:
    """A TLS socket whose bytes are those of the messages of a WebSocket."""

    def __init__(self, tls, host, path=PATH, fields=(), protocol="mqtt"):
        self.tls, self.context, self.session = tls, tls.context, tls.session
        self.frames, self.received = [], b""  # (first byte, payload) of all that came
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13",
                 *([f"Sec-WebSocket-Protocol: {protocol}"] if protocol else []), *fields, "", ""]
        tls.sendall("\r\n".join(lines).encode())
        while b"\r\n\r\n" not in self.received:
            self._receive()
        head, self.received = self.received.split(b"\r\n\r\n", 1)
        self.head = head.decode().split("\r\n")
        if not self.head[0].startswith("HTTP/1.1 101 "):
            raise Refused(int(self.head[0].split()[1]))
        accept = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        assert f"Sec-WebSocket-Accept: {base64.b64encode(accept).decode()}" in self.head, self.head
        assert "Sec-WebSocket-Protocol: mqtt" in self.head, self.head

    def _receive(self, n=65536):
        data = self.tls.recv(n)
        if not data:
            raise Closed
        self.received += data

    def _take(self, n):
        while len(self.received) < n:
            self._receive()
        taken, self.received = self.received[:n], self.received[n:]
        return taken

    def receive_frame(self):
        first, n = self._take(2)
        assert n < 0x80, "a server does not mask"
        n = struct.unpack(">H", self._take(2))[0] if n == 126 else struct.unpack(">Q", self._take(8))[0] if n == 127 else n
        self.frames.append((first, self._take(n)))
        return self.frames[-1]

    # What Device asks of a socket.
    def sendall(self, data):
        self.tls.sendall(frame(FIN | BINARY, data))

    def recv(self, _):
        while True:
            try:
                first, payload = self.receive_frame()
            except Closed:
                return b""
            if first & 15 in (BINARY, CONTINUATION) and payload:
                return payload
            if first & 15 == CLOSE:
                return b""

    def close(self):
        self.tls.close()

    def settimeout(self, seconds):
        self.tls.settimeout(seconds)


def over_websocket(kind):
    class OverWebSocket(kind):
        def __init__(self, *arguments, port, path=PATH, **options):
            self.port, self.path = port, path
            super().__init__(*arguments, **options)

        def _open(self, host, *arguments, **options):
            super()._open(f"{host.split(':')[0]}:{self.port}", *arguments, **options)
            self.socket = WebSocket(self.socket, self.host, self.path)
            self.host = host
    return OverWebSocket


WebSocketDevice, WebSocketProvisionedDevice = over_websocket(Device), over_websocket(ProvisionedDevice)


class WebSocketCase(C2dCase):
    def tearDown(self):
        self.hub.control("ClearFaults")

    def open(self, connection_string=None, **options):
        d = WebSocketDevice(connection_string or self.add_device(), str(self.hub.state / "ca.pem"), port=self.port(),
                            **options)
        self.addCleanup(d.close)
        return d

    def port(self):
        return int((self.hub.state / "websocket-port").read_text())

    def open_tls(self):
        context = ssl.create_default_context(cafile=str(self.hub.state / "ca.pem"))
        s = context.wrap_socket(socket.create_connection(("localhost", self.port()), mqtt.TIMEOUT_S),
                                server_hostname="localhost")
        self.addCleanup(s.close)
        return s


class Upgrade(WebSocketCase):
    def status(self, **options):
        try:
            WebSocket(self.open_tls(), options.pop("host", "localhost"), **options)
        except Refused as e:
            return e.args[0]
        return 101

    @enforces(41)
    def test_what_is_granted_and_what_is_not(self):
        for options, status, reason in [
                ({}, 101, None), ({"path": PATH + "?iothub-no-client-cert=true"}, 101, None),
                ({"protocol": "AMQPWSB10, mqtt"}, 101, None), ({"host": f"LOCALHOST:{self.port()}"}, 101, None),
                ({"path": "/mqtt"}, 404, "not the path /$iothub/websocket"),
                ({"protocol": None}, 400, "the sub-protocol mqtt is not asked for"),
                ({"protocol": "AMQPWSB10"}, 400, "the sub-protocol mqtt is not asked for"),
                ({"host": "other.example"}, 404, "the request is for another host"),
                ({"fields": ["Host: localhost"]}, 400, "a header field is missing or there twice")]:
            with self.subTest(options):
                del self.hub.errors[:]
                self.assertEqual(self.status(**options), status)
                if reason:
                    self.eventually(lambda: f"aziot-hubsim: 400004 closed: WebSocket: {reason}" in self.hub.errors)

    @enforces(41)
    def test_another_protocol_is_refused_at_once(self):
        s = self.open_tls()
        s.sendall(b"\x10\x0d\0\4MQTT\4\2\0\x3c\0\1a")
        self.assertTrue(s.recv(100).startswith(b"HTTP/1.1 400 "))
        self.assertEqual(s.recv(100), b"")

    def test_it_is_refused_on_demand(self):
        self.assertEqual(self.hub.command("fault", "refuse-websocket", "503", "2").returncode, 0)
        self.assertEqual(self.hub.control("ListFaults")[1]["faults"], ["refuse-websocket 503 2"])
        self.assertEqual([self.status() for _ in range(3)], [503, 503, 101])


class Frames(WebSocketCase):
    def test_a_device_does_all_that_it_does_over_mqtt(self):
        d = self.open_subscribed()
        d.subscribe(METHODS)
        call = self.hub.invoke(self.name, "ping", "[1]")
        name, request_id, payload = d.receive_call()
        self.assertEqual((name, payload), ("ping", b"[1]"))
        d.answer_call(request_id, 200, "{}")
        self.assertEqual(call.result().returncode, 0)
        d.telemetry('"x"' * 1)
        self.send("hello")
        d.puback(d.receive_message())
        d.ping()
        self.assertEqual([m["body"] for m in self.arrived()], ["x"])

    @enforces(17)
    def test_a_ping_of_the_websocket_does_not_keep_the_connection(self):
        d = self.open(self.add_device())
        self.assertEqual(d.connect(keep_alive_s=1), (False, 0))
        with self.assertRaises((Closed, OSError)):
            for _ in range(100):
                d.socket.tls.sendall(frame(FIN | PING))
                if d.socket.receive_frame()[0] == FIN | CLOSE:
                    raise Closed
                time.sleep(0.1)
        self.wait_for_log("404104 closed: silent for 1.5 x its keep-alive")

    def test_large_messages_in_both_directions(self):
        d = self.open_subscribed()
        d.telemetry('"' + "x" * 200000 + '"')
        self.send("y" * 60000)
        self.assertEqual(len(d.receive_message().payload), 60000)

    def test_packets_in_pieces_with_pings_in_between(self):
        d = self.open_connected()
        data = publish(f"devices/{d.id}/messages/events/", "{}", packet_id=7)
        for i, byte in enumerate(data):
            last = i == len(data) - 1
            d.socket.tls.sendall(frame((FIN if last else 0) | (CONTINUATION if i else BINARY), bytes([byte])))
            d.socket.tls.sendall(frame(FIN | PING, bytes([i])))
        self.assertEqual(d.receive(mqtt.PUBACK), struct.pack(">H", 7))
        d.ping()
        pongs = [payload for first, payload in d.socket.frames if first == FIN | PONG]
        self.assertEqual(pongs, [bytes([i]) for i in range(len(data))])

    def test_what_is_sent_comes_in_pieces_on_demand(self):
        self.hub.command("fault", "fragment-websocket", "3")
        self.assertEqual(self.hub.control("ListFaults")[1]["faults"], ["fragment-websocket 3"])
        d = self.open_subscribed()
        self.send("hello")
        self.assertEqual(d.receive_message().payload, b"hello")
        self.assertEqual({first for first, _ in d.socket.frames}, {BINARY, CONTINUATION, FIN | CONTINUATION, FIN | PING,
                                                                  FIN | BINARY} & {f for f, _ in d.socket.frames})
        self.assertIn((FIN | PING, b"?"), d.socket.frames)
        self.assertLessEqual(max(len(payload) for _, payload in d.socket.frames), 3)

    def refusal(self, data):
        """What a connected client is told that sends this."""
        d = self.open_connected()
        d.socket.tls.sendall(data)
        while True:
            first, payload = d.socket.receive_frame()
            if first == FIN | CLOSE:
                self.assertEqual(d.socket.tls.recv(1), b"")
                return struct.unpack(">H", payload)[0] if payload else None

    @enforces(42)
    def test_violations_end_the_connection(self):
        for data, code, reason in [(frame(FIN | BINARY, b"\xc0\0", masked=False), 1002, "a frame is not masked"),
                                   (frame(FIN | TEXT, b"\xc0\0"), 1003, "a text frame"),
                                   (frame(FIN | 0x40 | BINARY, b"x"), 1002, "a reserved bit is set"),
                                   (frame(FIN | 3), 1002, "a reserved opcode"),
                                   (frame(PING), 1002, "a control frame is fragmented or too long"),
                                   (frame(FIN | CONTINUATION), 1002, "nothing is to be continued"),
                                   (frame(FIN | CLOSE, b"x"), 1002, "not a code to close with")]:
            with self.subTest(reason):
                self.assertEqual(self.refusal(data), code)
                self.wait_for_log(f"400004 closed: WebSocket: {reason}")
                self.hub.command("device", "remove", self.name)

    def test_a_close_is_answered_and_is_a_lost_connection(self):
        line = self.add_device()
        d = self.open_connected(line, will=(f"devices/{self.name}/messages/events/", "{}"))
        d.socket.tls.sendall(frame(FIN | CLOSE, struct.pack(">H", 1000) + b"bye"))
        self.assertEqual(d.socket.receive_frame(), (FIN | CLOSE, struct.pack(">H", 1000)))
        self.assertEqual(d.socket.tls.recv(1), b"")
        self.wait_for_log("404104 connection lost: WebSocket closed with code 1000")
        self.assertEqual(self.arrived()[0]["properties"], {"iothub-MessageType": "Will"})

    def test_what_comes_before_a_close_counts(self):
        line = self.add_device()
        d = self.open_connected(line, will=(f"devices/{self.name}/messages/events/", "{}"))
        d.socket.tls.sendall(frame(FIN | BINARY, b"\xe0\0") + frame(FIN | CLOSE, struct.pack(">H", 1000)))
        d.wait_for_close()
        self.wait_for_log("disconnected")
        self.assertEqual(self.arrived(), [])

    def test_the_hub_closes_it_before_its_connection(self):
        d = self.open_connected()
        self.hub.control("Kick", device=self.name)
        self.assertEqual(d.socket.receive_frame(), (FIN | CLOSE, struct.pack(">H", 1000)))

    def test_malformed_mqtt_ends_it(self):
        d = self.open_connected()
        d.send(b"\xff\xff")
        self.assertEqual(d.socket.receive_frame(), (FIN | CLOSE, struct.pack(">H", 1000)))
        self.wait_for_log("400004 closed: malformed MQTT")


class Connections(WebSocketCase):
    @enforces(6)
    def test_a_device_has_one_connection_over_either(self):
        line = self.add_device()
        first = self.open_connected(line)
        second = C2dCase.open(self, line)
        self.assertEqual(second.connect(), (True, 0))
        first.wait_for_close()
        third = self.open_connected(line)
        second.wait_for_close()
        third.ping()

    def test_the_provisioning_service_is_there_too(self):
        line = self.hub.command("enrollment", "add", "over-websocket", "--retry-after", "1").stdout
        d = WebSocketProvisionedDevice(line, str(self.hub.state / "ca.pem"), port=self.port())
        self.addCleanup(d.close)
        document = d.provision()
        self.assertEqual(document["registrationState"]["deviceId"], "over-websocket")
        self.assertEqual(d.socket.head[0], "HTTP/1.1 101 Switching Protocols")
        d.subscribe(DPS_FILTER)

    def test_a_cut_is_of_both(self):
        line = self.add_device()
        d = self.open_connected(line)
        port = self.port()
        self.hub.command("cut", "600")
        d.wait_for_close()
        with self.assertRaises(ConnectionRefusedError):
            self.open(line)
        self.hub.control("ClearFaults")
        self.eventually(lambda: any("listening again" in error for error in self.hub.errors))
        self.assertEqual(self.port(), port)
        self.open_connected(line)


class Certificates(X509Case):
    def open_with(self, certificate, line, kind=WebSocketDevice, **options):
        return super().open_with(certificate, line, kind, port=int((self.hub.state / "websocket-port").read_text()),
                                 **options)

    @enforces(4)
    def test_a_device_with_a_certificate(self):
        own = self.create("--intermediate", "factory")
        line = self.run_command("device", "add", self.name, "--ca")
        self.assertEqual(self.open_with(own, line).connect()[1], 0)
        self.assertEqual(self.open_with(None, line).connect()[1], mqtt.NOT_AUTHORIZED)

    @enforces(4)
    def test_who_says_that_it_has_no_certificate_has_none(self):
        own = self.create("--self-signed")
        line = self.run_command("device", "add", self.name, "--thumbprint", own.sha1)
        d = self.open_with(own, line, path=PATH + "?iothub-no-client-cert=true")
        self.assertEqual(d.connect()[1], mqtt.NOT_AUTHORIZED)
        self.wait_for_log("401003 CONNECT refused with code 5: there is no client certificate")

    def test_provisioning_with_a_certificate(self):
        own = self.create()
        line = self.run_command("enrollment", "add", self.name, "--ca", "--retry-after", "1")
        d = self.open_with(own, line, WebSocketProvisionedDevice)
        self.assertEqual(d.provision()["registrationState"]["status"], "assigned")


class Listening(HubCase):
    def banner(self):
        return (self.hub.state / "websocket-port").read_text()

    def restart(self, *options):
        self.assertEqual(self.hub.stop(), 0)
        self.hub.start(*options)

    def test_the_port_stays_and_may_be_chosen_and_switched_off(self):
        port = self.banner()
        self.restart()
        self.assertEqual(self.banner(), port)
        with socket.create_server(("127.0.0.1", 0)) as s:
            other = s.getsockname()[1]
        self.restart("--listen-websocket", f"127.0.0.1:{other}")
        self.assertEqual(self.banner(), f"{other}\n")
        self.restart("--listen-websocket", "off")
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", other))
        self.assertFalse((self.hub.state / "websocket-port").exists())
        self.restart()

    def test_another_port_will_do_when_that_of_the_last_run_is_taken(self):
        port = self.banner()
        self.assertEqual(self.hub.stop(), 0)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", int(port)))
            s.listen()
            self.hub.start()
        self.assertNotEqual(self.banner(), port)


if __name__ == "__main__":
    tap.main()
