#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""io.aziotd.device: it says plainly why the device is offline, and tells each change to who watches."""

import datetime
import re
import signal
import time

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
        self.assertEqual((before["messages"], before.get("oldest"), before["dropped"]),
                         (0, None, harness.dropped()))
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


class Watch(harness.DaemonCase):
    def watch(self):
        """A connection that watches, and what it is told first."""
        wire = self.daemon.connect()
        return wire, wire.call("io.aziotd.device.WatchStatus", {}, more=True)

    @staticmethod
    def receive_until(wire, condition):
        """Everything that is told up to a status that meets the condition."""
        told = []
        while not told or not condition(told[-1]):
            told.append(wire.receive())
        return told

    def test_the_first_reply_is_the_present_state(self):
        _, first = self.watch()
        now = self.daemon.status()
        for status in (first, now):
            status["link"].pop("since")  # reckoned anew each time, to the millisecond
        self.assertEqual(first, now)

    def test_it_has_to_be_called_with_more(self):
        with self.refused("org.varlink.service.ExpectedMore"):
            self.daemon.call("io.aziotd.device.WatchStatus")

    def test_each_state_of_the_link_is_told(self):
        wire, _ = self.watch()
        self.hub.call("Kick", {"device": "demo"})
        told = self.receive_until(wire, lambda status: status["link"]["state"] == "online")
        self.assertEqual([status["link"]["state"] for status in told], ["waiting", "connecting", "online"])
        self.assertIn("closed", told[0]["link"]["lastError"])
        self.assertTrue(time_of(told[0]["link"]["nextAttempt"]))

    def test_a_flood_of_messages_is_no_flood_of_replies(self):
        wire, _ = self.watch()
        begin, n = time.monotonic(), 0
        while time.monotonic() < begin + 2:
            self.daemon.send(text="x")
            n += 1
        self.daemon.wait_for_empty_outbox()
        self.daemon.program.send_signal(signal.SIGTERM)
        told = self.receive_until(wire, lambda status: status["link"]["state"] == "stopped")
        told = [status for status in told if status["link"]["state"] == "online"]
        self.assertGreater(n, 20)
        self.assertLessEqual(len(told), (time.monotonic() - begin) + 1)
        self.assertGreaterEqual(len(told), 1)

    def test_all_watchers_are_told_the_last_word(self):
        wires = [self.watch()[0] for _ in range(3)]
        self.hub.call("HoldPubacks", {"hold": True})
        for _ in range(5):
            self.daemon.send(text="x")
        for wire in wires:
            self.receive_until(wire, lambda status: status["outbox"]["messages"] == 5)
        self.hub.call("HoldPubacks", {"hold": False})
        for wire in wires:
            self.receive_until(wire, lambda status: status["outbox"]["messages"] == 0)


class Rival(harness.DaemonCase):
    def test_three_links_that_the_hub_closes_at_once_are_taken_for_a_second_device(self):
        status = self.daemon.status()
        for _ in range(2):
            self.hub.call("Kick", {"device": "demo"})
            status = self.daemon.wait_for_new_link(status)
        self.hub.call("Kick", {"device": "demo"})
        status = self.daemon.wait_for_link("waiting")
        self.assertIn("connects as the same device", status["link"]["lastError"])
        wait = time_of(status["link"]["nextAttempt"]) - time_of(status["link"]["since"])
        self.assertGreater(wait.total_seconds(), 59)


class Lost(harness.DaemonCase):
    """Why a link was lost, where the hub does not say."""

    def test_the_hub_takes_no_messages(self):
        self.hub.call("DropBeforePuback", {"count": 2})
        self.daemon.send(text="x")
        self.daemon.wait_for_status(lambda s: "daily quota is used up" in s["link"].get("lastError", ""), "throttled")


class HalfOpen(harness.DaemonCase):
    config = {"Hub": {"KeepAliveSec": 5}}

    def test_the_network_drops_the_connection_without_a_word(self):
        self.hub.call("HalfOpen", {"device": "demo"})
        status = self.daemon.wait_for_status(lambda s: s["link"].get("lastError"), "lost")
        self.assertIn("network in between may have dropped the connection", status["link"]["lastError"])


class Reconnect(harness.DaemonCase):
    def test_it_ends_a_wait_for_the_next_attempt(self):
        self.hub.call("RefuseConnect", {"code": 2, "count": 1})  # the next attempt is half a minute away at least
        self.hub.call("Kick", {"device": "demo"})
        refused = self.daemon.wait_for_status(lambda s: "CONNACK 2" in s["link"].get("lastError", ""), "refused")
        self.assertEqual(refused["link"]["state"], "waiting")
        begin = time.monotonic()
        self.daemon.call("io.aziotd.device.Reconnect")
        self.daemon.wait_online()
        self.assertLess(time.monotonic() - begin, 10)


if __name__ == "__main__":
    tap.main()
