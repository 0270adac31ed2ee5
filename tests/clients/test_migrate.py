#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/migrate.md, tried: the mosquitto bridge as it stands there, and what comes in its place."""

import base64
import hashlib
import hmac
import os
import re
import shutil
import socket
import sys
import time
import unittest
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "daemon"))
import harness  # noqa: E402
from harness import BUILD, tap  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
RELAY = ROOT / "docs/clients/shell/relay"


def bridge_section():
    return re.search(r"^```\n(connection .*?)^```", (ROOT / "docs/migrate.md").read_text(), re.M | re.S)[1]


def token(host, device, key):
    """A SAS token for an hour."""
    resource = urllib.parse.quote(f"{host}/devices/{device}", safe="")
    expiry = int(time.time()) + 3600
    signature = hmac.new(base64.b64decode(key), f"{resource}\n{expiry}".encode(), hashlib.sha256).digest()
    return f"sr={resource}&sig={urllib.parse.quote(base64.b64encode(signature), safe='')}&se={expiry}"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Bridge(harness.DaemonCase):
    starts_daemon = False

    def setUp(self):
        for command in ("mosquitto", "mosquitto_pub", "mosquitto_sub"):
            if not shutil.which(command):
                self.skipTest(f"needs {command}")
        super().setUp()
        self.port = free_port()

    def run_broker(self, section=""):
        path = self.directory / "mosquitto.conf"
        path.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\n{section}")
        broker = self.run_program("mosquitto", "-c", path, "-v")
        broker.wait_for_output("running")
        return broker

    def run_bridge(self):
        line = self.hub.connection_string_file.read_text().strip()
        key = re.search("SharedAccessKey=(.*)", line)[1]
        section = bridge_section()
        for placeholder, value in (
            ("example.azure-devices.net:8883", f"localhost:{self.hub.port}"),
            ("example.azure-devices.net", "localhost"),
            ("my-device", "demo"),
            ("sr=…&sig=…&se=…", token("localhost", "demo", key)),
            ("bridge_capath /etc/ssl/certs", f"bridge_cafile {self.hub.ca_file}"),
        ):
            self.assertIn(placeholder, section)
            section = section.replace(placeholder, value)
        broker = self.run_broker(section)
        broker.wait_for_output("Received SUBACK from local.demo")
        return broker

    def publish(self, topic, body):
        published = self.run_program("mosquitto_pub", "-p", str(self.port), "-q", "1", "-t", topic, "-m", body)
        self.assertEqual(published.wait(), 0, published.output())

    def run_relay(self):
        relay = self.run_program(RELAY, "-p", str(self.port), "--topic", "sensors/#",
                                 env={"PATH": f"{BUILD}:{os.environ['PATH']}", "AZIOT_SOCKET": self.daemon.socket_path})
        self.addCleanup(relay.kill_session)
        return relay

    def test_a_bridge_before_and_a_relay_after(self):
        broker = self.run_bridge()
        listener = self.run_program("mosquitto_sub", "-p", str(self.port), "-q", "1", "-F", "%p",
                                    "-t", "devices/demo/messages/devicebound/#")
        broker.wait_for_output("Sending SUBACK to auto-")
        self.publish("devices/demo/messages/events/sensor=boiler", '{"n":0}')
        self.hub.call("SendMessage", {"device": "demo", "body": "before"})
        listener.wait_for_output("^before$")
        listener.stop()
        broker.stop()

        self.start_daemon()
        self.daemon.wait_online()
        broker = self.run_broker()
        relay = self.run_relay()
        broker.wait_for_output("Sending SUBACK to aziot-relay")
        self.publish("sensors/boiler", '{"n":1}')
        for body in "-5", "-":  # these are no options
            self.publish("sensors/frost", body)
        self.hub.wait_for_messages(4)
        relay.kill_session()
        relay.wait()
        self.publish("sensors/kettle", '{"n":2}')  # the broker keeps it
        self.run_relay()
        self.hub.call("SendMessage", {"device": "demo", "body": "after"})

        messages = self.hub.wait_for_messages(5)
        self.assertEqual([(message.get("body", message.get("data")), message["properties"]) for message in messages],
                         [({"n": 0}, {"sensor": "boiler"}), ({"n": 1}, {"topic": "sensors/boiler"}),
                          (-5, {"topic": "sensors/frost"}), (base64.b64encode(b"-").decode(), {"topic": "sensors/frost"}),
                          ({"n": 2}, {"topic": "sensors/kettle"})])
        self.assertEqual(self.daemon.call("io.aziotd.messages.Take")["message"]["text"], "after")


class Tables(unittest.TestCase):
    def test_each_configuration_key_is_one(self):
        keys = set(re.findall(r"^#(\w+=)", (ROOT / "conf/aziotd.conf").read_text(), re.M))
        text = (ROOT / "docs/migrate.md").read_text()
        named = set(re.findall(r"`([A-Z]\w+=)", text)) - {"HostName=", "GatewayHostName="}
        self.assertGreater(len(named), 15)
        self.assertEqual(named - keys, set())


if __name__ == "__main__":
    tap.main()
