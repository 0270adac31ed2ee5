#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""io.aziotd.broker: telemetry to and from a stock mosquitto, by a daemon that has no hub."""

import json
import sys
import time
from pathlib import Path

import harness
from harness import Wire, eventually, tap

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "broker"))
from broker import Broker, assert_complete, numbers  # noqa: E402

SEND, WATCH = "io.aziotd.broker.Send", "io.aziotd.broker.Watch"
ERROR = "io.aziotd.broker."


class Case(harness.DaemonCase):
    starts_hub = False
    broker_options = {"with_tls": False}
    keys = {}

    def start_daemon(self):
        self.broker = Broker(self.directory, **self.broker_options)
        self.addCleanup(self.broker.end)
        self.broker.start()
        self.daemon.config["Hub"] = {}
        self.daemon.config["Broker"] = {"Host": self.broker.host, "Port": self.broker.port, "ClientId": "dev",
                                        "TLS": "no", **self.keys}
        self.daemon.start()
        self.wait_for_broker("online")

    def wait_for_broker(self, state):
        return self.daemon.wait_for_status(lambda status: status["broker"]["link"]["state"] == state, f"broker {state}")

    def send(self, topic, message=None, **parameters):
        return self.daemon.call(SEND, {"topic": topic, "message": message or {}, **parameters})

    def watch(self, topic, **parameters):
        """A connection that watches, and has heard that it is subscribed."""
        wire = self.daemon.connect()
        wire.send(WATCH, {"topic": topic, **parameters}, more=True)
        wire.filter = wire.receive()["filter"]
        return wire


class Telemetry(Case):
    def test_a_message_has_all_that_its_program_gave(self):
        watcher = self.watch("line/+/state")
        self.send("line/{n}/state", {
            "body": {"n": 9007199254740993}, "metadata": [{"key": "b", "value": "2"}, {"key": "a", "value": "1"},
                                                          {"key": "b", "value": "3"}],
            "cloudEvent": {"source": "urn:press", "id": "7", "time": "2026-11-22T21:00:00Z"}},
            tokens={"n": "3"}, expirySeconds=60, stage="delivered")
        message = watcher.receive()["message"]
        self.assertEqual(message.pop("expirySeconds") in (59, 60), True)
        self.assertRegex(message.pop("timestamp"), r"^\d{15}:\d{5}:[0-9a-f-]{36}$")
        self.assertEqual(message, {
            "topic": "line/3/state", "body": {"n": 9007199254740993}, "contentType": "application/json",
            "formatIndicator": 1, "metadata": [{"key": "b", "value": "2"}, {"key": "a", "value": "1"},
                                               {"key": "b", "value": "3"}],
            "cloudEvent": {"source": "urn:press", "id": "7", "specversion": "1.0", "type": "ms.aio.telemetry",
                           "subject": "line/3/state", "time": "2026-11-22T21:00:00Z"},
            "sender": "dev", "retained": False, "redelivered": False})


if __name__ == "__main__":
    tap.main()
