#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""io.aziotd.device.GetStatus: it says plainly why the device is offline."""

import datetime
import re

import harness
from harness import tap


def time_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class Online(harness.DaemonCase):
    def test_online(self):
        status = self.daemon.status()
        self.assertEqual(status["deviceId"], "demo")
        self.assertIsNone(status.get("moduleId"))
        self.assertEqual(status["link"]["state"], "online")
        self.assertIn(status["link"]["hub"], ("127.0.0.1", "localhost", f"localhost:{self.hub.port}"))
        self.assertIsNone(status["link"].get("nextAttempt"))
        age = datetime.datetime.now(datetime.timezone.utc) - time_of(status["link"]["since"])
        self.assertLess(abs(age.total_seconds()), 60)

    def test_the_outbox_is_counted(self):
        self.hub.call("HoldPubacks", {"hold": True})
        before = self.daemon.status()["outbox"]
        self.assertEqual((before["messages"], before.get("oldest"), before["dropped"]), (0, None, 0))
        for _ in range(3):
            self.daemon.send(text="x" * 1000)
        waiting = self.daemon.status()["outbox"]
        self.assertEqual(waiting["messages"], 3)
        self.assertGreaterEqual(waiting["bytes"], 3000)
        self.assertGreaterEqual(waiting["capacityBytes"], waiting["bytes"])
        self.assertTrue(time_of(waiting["oldest"]))
        self.hub.call("HoldPubacks", {"hold": False})
        self.daemon.wait_for_empty_outbox()
        self.assertIsNone(self.daemon.status()["outbox"].get("oldest"))


class Offline(harness.DaemonCase):
    """Each reason in words that say what to do; and there is always a next attempt."""

    starts_daemon = False

    def connection_string(self, **changes):
        """The hub's connection string with some parts replaced, as a file for the daemon."""
        text = self.hub.connection_string_file.read_text().strip()
        for key, value in changes.items():
            text = re.sub(rf"\b{key}=[^;]*", f"{key}={value}", text)
        path = self.directory / "changed-connection-string"
        path.write_text(text + "\n")
        path.chmod(0o600)
        self.daemon.config["Hub"]["ConnectionStringFile"] = path

    def assert_waiting_because(self, pattern):
        self.daemon.start()
        status = self.daemon.wait_for_status(
            lambda s: s["link"]["state"] == "waiting" and s["link"].get("lastError"), "waiting, with a reason")
        self.assertRegex(status["link"]["lastError"], pattern)
        self.assertTrue(time_of(status["link"]["nextAttempt"]))
        self.daemon.send(text="accepted all the same")

    def test_the_hub_is_down(self):
        self.hub.stop()
        self.assert_waiting_because("(?i)connection refused")

    def test_the_key_is_wrong(self):
        self.connection_string(SharedAccessKey="d3Jvbmcga2V5IHdyb25nIGtleSB3cm9uZyBrZXkhISE=")
        self.assert_waiting_because("(?i)authori[sz]|credential|key")

    def test_the_device_is_unknown(self):
        self.connection_string(DeviceId="nobody")
        self.assert_waiting_because("(?i)authori[sz]|credential|device|key")

    def test_the_hub_is_not_available(self):
        self.hub.call("RefuseConnect", {"code": 3, "count": 1})
        self.assert_waiting_because("(?i)not available")

    def test_the_authority_is_not_trusted(self):
        self.daemon.config["Hub"]["TrustedCAFile"] = None
        self.assert_waiting_because("(?i)certificate")

    def test_the_host_is_unknown(self):
        self.connection_string(HostName="hub.invalid")
        self.assert_waiting_because("(?i)hub.invalid|name|resolve")

    def test_the_server_is_another_one(self):
        self.connection_string(HostName=f"127.0.0.2:{self.hub.port}")
        self.assert_waiting_because("(?i)refused|certificate|name")

    def test_the_certificate_file_is_missing(self):
        self.daemon.config["Hub"]["TrustedCAFile"] = self.directory / "no-such-file.pem"
        self.assert_waiting_because("no-such-file.pem")

    def test_nothing_is_configured(self):
        self.daemon.config["Hub"] = {}
        self.assert_waiting_because("(?i)configur|ConnectionStringFile|Host")

    def test_it_comes_online_when_the_reason_is_gone(self):
        self.hub.stop()
        self.assert_waiting_because("(?i)connection refused")
        self.hub.start()
        self.daemon.wait_online()
        self.hub.wait_for_messages(1)


if __name__ == "__main__":
    tap.main()
