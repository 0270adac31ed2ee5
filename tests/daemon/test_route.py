#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The way to the hub: over MQTT or WebSocket, and through a proxy."""

import base64
import socket
import threading

import harness
from harness import eventually, tap


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Proxy:
    """A proxy for HTTP that knows CONNECT, and asks for a user and password if it has one."""

    def __init__(self, user=None):
        self.expected = user and "Basic " + base64.b64encode(user.encode()).decode()
        self.asked = []  # for which host and port, and whether that was granted
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as file:
            target = file.readline().decode().split()[1]
            fields = {}
            while line := file.readline().strip():
                name, value = line.decode().split(": ", 1)
                fields[name.lower()] = value
            is_granted = fields.get("proxy-authorization") == self.expected
            self.asked.append((target, is_granted))
            if not is_granted:
                connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                                   b"Proxy-Authenticate: Basic realm=\"test\"\r\nContent-Length: 0\r\n\r\n")
                return
            host, port = target.rsplit(":", 1)
            with socket.create_connection((host, int(port))) as far:
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=pump, args=(far, connection), daemon=True)
                back.start()
                pump(connection, far)
                back.join()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # close() alone would leave accept() waiting
        self.listener.close()


class RouteCase(harness.DaemonCase):
    starts_daemon = False

    def expect_delivery(self):
        self.daemon.wait_online()
        self.daemon.send(text="x")
        self.hub.wait_for_messages(1)


class ByWebSocket(RouteCase):
    def setUp(self):
        super().setUp()
        port = self.hub.program.wait_for_output(r"WebSocket: +\S+:(\d+)")[1]
        self.daemon.config["Network"] = {"WebSocketPort": port}

    def block_mqtt(self):
        """Nothing listens where the daemon looks for the hub."""
        line = self.hub.connection_string_file.read_text().replace(f":{self.hub.port};", ":1;")
        path = self.directory / "connection-string"
        path.write_text(line)
        path.chmod(0o600)
        self.daemon.config["Hub"]["ConnectionStringFile"] = path

    def transport(self):
        return self.daemon.call("io.aziotd.device.Explain")["connection"]["transport"]

    def test_it_is_taken_where_mqtt_is_blocked_and_remembered(self):
        self.block_mqtt()
        self.daemon.start()
        self.expect_delivery()
        self.assertEqual(self.transport(), "websocket")
        eventually((self.daemon.state_path / "transport").exists, "what worked is on disk")
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.start()
        self.daemon.wait_online()
        self.assertEqual(self.transport(), "websocket")
        self.assertNotIn("retrying", self.daemon.program.output(), "there was another attempt first")

    def test_mqtt_is_preferred(self):
        self.daemon.start()
        self.expect_delivery()
        self.assertEqual(self.transport(), "mqtt")

    def test_it_can_be_the_only_one(self):
        self.daemon.config["Network"]["Transports"] = "websocket"
        self.daemon.start()
        self.expect_delivery()
        self.assertEqual(self.transport(), "websocket")

    def test_a_hub_that_is_away_for_a_while_does_not_change_the_transport(self):
        self.daemon.config["Network"]["WebSocketPort"] = 1
        self.daemon.start()
        self.daemon.wait_online()
        self.hub.stop()
        eventually(lambda: self.daemon.program.output().count("retrying") >= 2, "two attempts")
        tried = self.daemon.call("io.aziotd.device.Explain")["tried"]
        self.assertEqual([t["transport"] for t in tried], ["mqtt"])


class ByProxy(RouteCase):

    def start_proxy(self, user=None):
        self.proxy = Proxy(user)
        self.addCleanup(self.proxy.close)
        self.daemon.config["Network"] = {"Proxy": self.proxy.url}

    def test_everything_goes_through_it(self):
        self.start_proxy()
        self.daemon.start()
        self.expect_delivery()
        self.assertEqual(self.proxy.asked, [(f"localhost:{self.hub.port}", True)])

    def test_a_websocket_goes_through_it(self):
        port = self.hub.program.wait_for_output(r"WebSocket: +\S+:(\d+)")[1]
        self.start_proxy()
        self.daemon.config["Network"] |= {"Transports": "websocket", "WebSocketPort": port}
        self.daemon.start()
        self.expect_delivery()
        self.assertEqual(self.proxy.asked, [(f"localhost:{port}", True)])

    def test_a_password_is_told_and_can_be_corrected(self):
        self.start_proxy("user:pass:word")
        secret = self.directory / "proxy-credential"
        secret.write_text("user:wrong\n")
        secret.chmod(0o600)
        self.daemon.config["Network"]["ProxyCredentialFile"] = secret
        self.daemon.start()
        status = self.daemon.wait_for_link("waiting")
        self.assertIn("407", status["link"]["lastError"])
        secret.write_text("user:pass:word\n")
        self.daemon.call("io.aziotd.device.Reconnect")
        self.expect_delivery()
        self.assertNotIn("pass:word", self.daemon.program.output())

    def test_a_password_that_cannot_be_read_is_told_once(self):
        self.start_proxy("user:password")
        self.daemon.config["Network"]["ProxyCredentialFile"] = self.directory / "missing"
        self.daemon.start()
        eventually(lambda: len(self.proxy.asked) >= 2, "two attempts")
        self.assertEqual(self.daemon.program.output().count("cannot be read"), 1)

    def test_one_that_is_not_there(self):
        self.daemon.config["Network"] = {"Proxy": "http://127.0.0.1:1"}  # where nothing listens
        self.daemon.start()
        self.assertIn("proxy", self.daemon.wait_for_link("waiting")["link"]["lastError"])


if __name__ == "__main__":
    tap.main()
