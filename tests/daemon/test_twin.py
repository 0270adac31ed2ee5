#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The twin: read and watched, also offline; reported, once and by the newest value."""

import contextlib
import json
import os
import random
import signal
import socket
import threading
import time
from datetime import datetime, timezone

import harness
from harness import DAEMON_UID, eventually, tap

GET, WATCH, REPORT = ("io.aziotd.twin." + method for method in ("Get", "Watch", "Report"))
RECONNECT = "io.aziotd.device.Reconnect"
DEMO = {"device": "demo"}


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


class TwinCase(harness.DaemonCase):
    """Online, and the twin has been read."""

    def setUp(self):
        super().setUp()
        if self.starts_hub and self.starts_daemon:
            self.wait_fresh()

    def update(self, patch):
        return self.hub.call("UpdateDesired", {**DEMO, "patch": patch})["version"]

    def fault(self, **members):
        self.hub.call("TwinFault", {**DEMO, **members})

    def kick(self):
        online = self.daemon.status()
        self.hub.call("Kick", DEMO)
        self.daemon.wait_for_new_link(online)

    @contextlib.contextmanager
    def offline(self):
        """The hub is away while the block runs; the daemon is not left to find out for itself that it is back."""
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            yield
        eventually(self.hub_listens, "the hub listens again")
        self.daemon.call(RECONNECT)

    def hub_listens(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.hub.port)) == 0

    def get(self):
        return self.daemon.call(GET)

    def wait_for_twin(self, condition, what):
        def look():
            with contextlib.suppress(harness.VarlinkError):
                twin = self.get()
                return twin if condition(twin) else None

        return eventually(look, what)

    def wait_fresh(self):
        return self.wait_for_twin(lambda twin: not twin["stale"], "a fresh twin")

    def watch(self, **parameters):
        wire = self.daemon.connect()
        wire.send(WATCH, parameters, more=True)
        return wire

    def expect(self, wire, desired, version, complete=False, stale=False):
        self.assertEqual(wire.receive(),
                         {"desired": desired, "version": version, "complete": complete, "stale": stale})

    def report(self, patch, **parameters):
        """Returns the version: None if the patch is just stored."""
        return self.daemon.call(REPORT, {"patch": patch, **parameters})["version"]

    def send_report(self, patch):
        """The same on a connection whose reply is for later."""
        wire = self.daemon.connect()
        wire.send(REPORT, {"patch": patch})
        return wire

    def reported(self):
        return self.hub.call("GetTwin", DEMO)["reported"]

    def wait_for_reported(self, expected):
        eventually(lambda: self.reported() == expected, f"reported {expected}")

    def assert_reported_at_once(self, n, since=1):
        """So many patches have arrived."""
        self.assertEqual(self.hub.call("GetTwin", DEMO)["reportedVersion"], since + n)

    def twin_file(self, name="twin"):
        return self.daemon.state_path / name


class Get(TwinCase):
    def test_the_twin_is_told_as_the_hub_has_it(self):
        self.update({"a": 1, "deep": {"b": [1, 2, {"c": "x"}]}})
        twin = self.wait_for_twin(lambda twin: "a" in twin["desired"], "the change")
        self.assertEqual(twin["desired"], {"a": 1, "deep": {"b": [1, 2, {"c": "x"}]}})
        self.assertEqual(twin["reported"], {})
        self.assertEqual((twin["desiredVersion"], twin["reportedVersion"]), (2, 1))
        self.assertFalse(twin["stale"])
        age = datetime.now(timezone.utc) - datetime.fromisoformat(twin["asOf"].replace("Z", "+00:00"))
        self.assertLess(abs(age.total_seconds()), 10)

    def test_values_are_told_byte_for_byte(self):
        patch = b'{"n":1.10,"m":-0.0,"big":4503599627370495,"s":"\\u0041\\/"}'
        with harness.Wire(self.hub.socket_path) as hub:
            hub.send_bytes(b'{"method":"io.aziotd.hubsim.UpdateDesired","parameters":{"device":"demo","patch":'
                           + patch + b'}}\0')
            hub.receive()
        self.wait_for_twin(lambda twin: "n" in twin["desired"], "the change")
        wire = self.daemon.connect()
        wire.send(GET)
        self.assertIn(patch, wire.receive_bytes())

    def test_the_stored_twin_is_readable_offline(self):
        self.update({"a": 1})
        self.report({"b": 2})
        fresh = self.wait_for_twin(lambda twin: "a" in twin["desired"], "the change")
        self.assertEqual(self.daemon.stop(), 0)
        self.hub.stop()
        self.daemon.start()
        twin = self.get()
        self.assertTrue(twin["stale"])
        self.assertGreaterEqual(twin["asOf"], fresh["asOf"])
        for member in ("desired", "reported", "desiredVersion", "reportedVersion"):
            self.assertEqual(twin[member], fresh[member])
        self.expect(self.watch(), {"a": 1}, 2, complete=True, stale=True)

    def test_the_stored_twin_survives_a_kill(self):
        version = self.update({"a": 1})
        # Written some seconds after the one before.
        written = f'"desiredVersion":{version}'
        eventually(lambda: self.twin_file().exists() and written in self.twin_file().read_text(), "the twin on disk")
        self.daemon.kill()
        self.hub.stop()
        self.daemon.start()
        self.assertEqual(self.get()["desired"], {"a": 1})

    def test_a_link_that_is_lost_makes_it_stale(self):
        with self.offline():
            self.wait_for_twin(lambda twin: twin["stale"], "a stale twin")
        self.wait_fresh()

    def test_a_hub_that_does_not_answer_is_asked_again(self):
        self.fault(gets=2, status=500)
        self.kick()
        self.wait_fresh()
        self.assertRegex(self.daemon.program.output(), "did not give the twin .status 500., asking again in")


class Stored(TwinCase):
    """The files of the state directory."""

    def restart_with(self, text):
        self.daemon.stop()
        self.hub.stop()
        self.twin_file().write_bytes(text)
        self.daemon.start()

    @staticmethod
    def file_of(name, content):
        text = json.dumps(content, separators=(",", ":")).encode()
        return f"aziotd {name} 1 {crc32c(text):08x}\n".encode() + text

    def content(self, **members):
        return {"device": "demo", "asOf": 1, "desiredVersion": 7, "reportedVersion": -1, "desired": {"a": 1},
                "reported": {}, **members}

    def test_a_file_that_is_whole_is_used(self):
        self.restart_with(self.file_of("twin", self.content()))
        self.assertEqual(self.get(), {"desired": {"a": 1}, "reported": {}, "desiredVersion": 7, "stale": True,
                                      "asOf": "1970-01-01T00:00:00.000Z"})

    def test_a_file_that_is_not_is_set_aside(self):
        rows = {
            "cut": self.file_of("twin", self.content())[:-1],
            "of another device": self.file_of("twin", self.content(device="other")),
            "without a member": self.file_of("twin", {"device": "demo"}),
            "not JSON": f"aziotd twin 1 {crc32c(b'x'):08x}\nx".encode(),
            "empty": b"",
        }
        self.daemon.stop()
        self.hub.stop()
        for i, (what, text) in enumerate(rows.items(), 1):
            with self.subTest(what):
                self.twin_file().write_bytes(text)
                self.daemon.start()
                with self.refused("io.aziotd.twin.TwinUnavailable"):
                    self.get()
                self.daemon.program.wait_for_output(
                    "/state/twin' is " + ("of another device" if "device" in what else "damaged")
                    + ("; kept as" if i <= 4 else "; deleted"))
                self.assertEqual(self.twin_file(f"twin.damaged-{i}").exists(), i <= 4)
                self.daemon.stop()
        self.daemon.start()

    def test_reports_of_another_device_are_not_sent(self):
        self.daemon.stop()
        self.twin_file("twin-reports").write_bytes(
            self.file_of("twin-reports", {"device": "other", "patches": [{"uid": 0, "patch": {"a": 1}}]}))
        self.daemon.start()
        self.daemon.wait_online()
        self.assertEqual(self.report({"b": 1}), 2)
        self.assertEqual(self.reported(), {"b": 1})
        self.assertTrue(self.twin_file("twin-reports.damaged-1").exists())


class Unknown(TwinCase):
    starts_hub = False

    def start_daemon(self):
        self.hub.start()  # for its files
        self.hub.stop()
        self.daemon.start()

    def test_nothing_is_known_until_the_hub_was_there_once(self):
        with self.refused("io.aziotd.twin.TwinUnavailable"):
            self.get()
        wire = self.watch()
        self.assertIsNone(self.report({"a": 1}))
        self.hub.start()
        self.expect(wire, {}, 1, complete=True)
        self.wait_for_reported({"a": 1})


class Watch(TwinCase):
    def test_a_watcher_gets_everything_and_then_the_changes(self):
        wire = self.watch()
        self.expect(wire, {}, 1, complete=True)
        self.update({"a": 1, "b": {"c": 2}})
        self.update({"a": None, "b": {"d": 3}})
        self.expect(wire, {"a": 1, "b": {"c": 2}}, 2)
        self.expect(wire, {"a": None, "b": {"d": 3}}, 3)
        self.expect(self.watch(), {"b": {"c": 2, "d": 3}}, 3, complete=True)

    def test_a_change_while_offline_arrives_as_the_difference(self):
        self.update({"keep": 1, "change": {"x": 1, "y": 1}, "remove": 1})
        wire = self.watch()
        wire.receive()
        self.wait_for_twin(lambda twin: "keep" in twin["desired"], "the change")
        wire = self.watch()
        self.expect(wire, {"keep": 1, "change": {"x": 1, "y": 1}, "remove": 1}, 2, complete=True)
        with self.offline():
            self.update({"change": {"y": 2}, "remove": None})
            self.update({"add": 1})
        self.expect(wire, {"change": {"y": 2}, "remove": None, "add": 1}, 4)
        self.update({"add": 2})
        self.expect(wire, {"add": 2}, 5)

    def test_an_outage_without_a_change_is_not_told(self):
        wire = self.watch()
        wire.receive()
        self.kick()
        self.wait_fresh()
        self.update({"a": 1})
        self.expect(wire, {"a": 1}, 2)

    def test_who_was_told_a_stale_twin_hears_that_it_is_fresh(self):
        self.update({"a": 1, "pump": {}})
        self.wait_for_twin(lambda twin: "a" in twin["desired"], "the change")
        with self.offline():
            self.wait_for_twin(lambda twin: twin["stale"], "a stale twin")
            everything, component = self.watch(), self.watch(component="pump")
            self.expect(everything, {"a": 1, "pump": {}}, 2, complete=True, stale=True)
            self.expect(component, {}, 2, complete=True, stale=True)
        self.expect(everything, {}, 2)
        self.expect(component, {}, 2)

    def test_a_component_is_watched_without_the_others(self):
        self.update({"pump": {"__t": "c", "speed": 1}, "other": 1})
        self.wait_for_twin(lambda twin: "pump" in twin["desired"], "the change")
        wire = self.watch(component="pump")
        self.expect(wire, {"__t": "c", "speed": 1}, 2, complete=True)
        self.update({"other": 2})
        self.update({"pump": {"speed": 2}})
        self.expect(wire, {"speed": 2}, 4)
        self.update({"pump": None})
        self.expect(wire, {}, 5, complete=True)
        self.update({"pump": {"speed": 3}})
        self.expect(wire, {"speed": 3}, 6)
        with self.refused("org.varlink.service.InvalidParameter", parameter="component"):
            self.watch(component="a.b").receive()

    def check_race(self, race):
        wire = self.watch()
        wire.receive()
        self.fault(race=race, racePatch={"a": 1})
        self.kick()
        self.expect(wire, {"a": 1}, 2)
        self.assertEqual(self.wait_fresh()["desired"], {"a": 1})

    def test_a_change_that_overtakes_the_answer_is_told_once(self):
        self.check_race("before")

    def test_a_change_that_the_answer_does_not_have_is_not_lost(self):
        self.check_race("middle")

    def test_a_change_behind_the_answer_is_told(self):
        self.check_race("after")

    def test_versions_that_jump_are_followed(self):
        self.fault(versionStep=5)
        wire = self.watch()
        wire.receive()
        told = {}
        for i in range(3):
            self.update({f"p{i}": i})
        while set(told) != {"p0", "p1", "p2"}:
            told.update(wire.receive()["desired"])
        self.assertEqual(self.get()["desired"], {"p0": 0, "p1": 1, "p2": 2})

    def test_a_watcher_that_does_not_read_is_not_waited_for(self):
        for _ in range(5):
            self.watch()
        reader = self.watch()
        reader.receive()
        for i in range(30):
            self.update({"text": f"{i:04000}"})
            self.assertEqual(reader.receive()["desired"], {"text": f"{i:04000}"})


class Report(TwinCase):
    def test_the_reply_comes_with_the_version_of_the_hub(self):
        self.assertEqual(self.report({"a": 1, "b": {"c": None}}), 2)
        self.assertEqual(self.reported(), {"a": 1, "b": {}})
        self.assertEqual(self.report({"a": None}), 3)
        twin = self.get()
        self.assertEqual((twin["reported"], twin["reportedVersion"]), ({"b": {}}, 3))
        self.assertFalse(self.twin_file("twin-reports").exists())

    def test_an_answer_from_before_it_does_not_undo_it(self):
        self.report({"a": 1})
        self.fault(delayMilliseconds=2000)
        self.kick()
        self.fault()
        self.assertEqual(self.report({"a": 2}), 3)
        self.assertTrue(self.get()["stale"], "the answer to the GET is still to come")
        self.wait_fresh()
        self.assertEqual(self.get()["reported"], {"a": 2})
        self.assertEqual(self.get()["reportedVersion"], 3)

    def test_a_hub_that_does_not_tell_the_version(self):
        self.fault(omitVersion=True)
        self.assertIsNone(self.report({"a": 1}))
        self.assertEqual(self.reported(), {"a": 1})

    def test_calls_that_come_together_are_one_patch(self):
        wire = self.daemon.connect()
        for i in range(10):
            wire.send(REPORT, {"patch": {"last": i, f"p{i}": i}})
        self.assertEqual([wire.receive()["version"] for _ in range(10)], [2] * 10)
        self.assertEqual(self.reported(), {"last": 9, **{f"p{i}": i for i in range(10)}})

    def test_a_component_is_marked_as_plug_and_play_wants_it(self):
        ack = {"value": 21.5, "ac": 200, "av": 3, "ad": "applied"}
        self.report({"target": ack}, component="thermo")
        self.assertEqual(self.reported(), {"thermo": {"__t": "c", "target": ack}})

    def test_what_breaks_a_rule_is_refused_at_once(self):
        rows = [
            ({"a": {"$version": 1}}, {}, "a.$version"),
            ({"a": [1, None]}, {}, "a[1]"),
            ({"a": 2 ** 52}, {}, "a"),
            ({"a": "x" * 4097}, {}, "a"),
            ({"a.b": 1}, {"component": "pump"}, "pump.a.b"),
            ({}, {"component": "a b"}, "a b"),
            ({f"s{i}": "x" * 4096 for i in range(8)}, {}, ""),
        ]
        for patch, parameters, path in rows:
            with self.subTest(path=path), self.refused("io.aziotd.twin.InvalidPatch", path=path):
                self.report(patch, **parameters)
        self.assert_reported_at_once(0)

    def test_oneway(self):
        wire = self.daemon.connect()
        wire.send(REPORT, {"patch": {"a": 1}}, oneway=True)
        self.wait_for_reported({"a": 1})

    def test_who_hangs_up_has_reported(self):
        self.fault(delayMilliseconds=300)
        self.send_report({"a": 1}).close()
        self.wait_for_reported({"a": 1})

    def test_a_refusal_reaches_its_author(self):
        for status in (400, 413):
            with self.subTest(status):
                self.fault(patches=1, status=status)
                with self.refused("io.aziotd.twin.PatchRefused", status=status):
                    self.report({"a": 1})
        self.assertEqual(self.report({"a": 2}), 2)
        self.assertEqual(self.get()["reported"], {"a": 2})

    def test_only_the_guilty_hear_of_it(self):
        self.fault(patches=2, status=400)  # the union, and the first alone
        wire = self.daemon.connect()
        for name in "abc":
            wire.send(REPORT, {"patch": {name: 1}})
        with self.refused("io.aziotd.twin.PatchRefused", status=400):
            wire.receive()
        self.assertEqual([wire.receive()["version"] for _ in range(2)], [2, 3])
        self.assertEqual(self.reported(), {"b": 1, "c": 1})

    def test_a_hub_that_is_busy_is_asked_again(self):
        self.fault(patches=1, status=503)
        self.assertEqual(self.report({"a": 1}), 2)

    def test_an_answer_that_is_lost_with_the_link_is_made_up_for(self):
        self.fault(drop=1)
        wire = self.send_report({"a": 1})
        self.wait_for_reported({"a": 1})
        self.kick()
        version = wire.receive()["version"]
        self.assertIn(version, (None, 3))  # by the hub, or by the disk if that was faster
        self.wait_for_reported({"a": 1})


    def test_a_hub_that_never_takes_it_is_not_waited_for(self):
        self.fault(patches=1000, status=429)
        wire = self.daemon.connect(timeout_s=60)
        begin = time.monotonic()
        self.assertIsNone(wire.call(REPORT, {"patch": {"a": 1}})["version"])
        self.assertGreater(time.monotonic() - begin, 25)
        self.assertTrue(self.twin_file("twin-reports").exists())


class Offline(TwinCase):
    def test_reports_are_merged_and_sent_once(self):
        with self.offline():
            for i in range(20):
                self.assertIsNone(self.report({"n": i, "deep": {f"p{i % 3}": i}}))
            self.assertIsNone(self.report({"gone": 1}))
            self.assertIsNone(self.report({"gone": None}))
        self.wait_for_reported({"n": 19, "deep": {"p0": 18, "p1": 19, "p2": 17}})
        self.assert_reported_at_once(1)
        eventually(lambda: not self.twin_file("twin-reports").exists(), "nothing left on disk")
        self.assertEqual(self.report({"n": 20}), 3)

    def test_a_stored_report_survives_kills_and_stops(self):
        expected = {}
        with self.offline():
            for i, number in enumerate((signal.SIGKILL, signal.SIGTERM, signal.SIGKILL)):
                self.assertIsNone(self.report({f"p{i}": i, "last": i}))
                expected |= {f"p{i}": i, "last": i}
                self.daemon.stop(number)
                self.daemon.start()
        self.wait_for_reported(expected)
        self.assert_reported_at_once(1)

    def test_what_is_in_flight_when_the_link_goes_is_stored(self):
        self.fault(drop=1)
        wire = self.send_report({"a": 1, "b": 1})
        self.wait_for_reported({"a": 1, "b": 1})
        with self.offline():
            self.assertIsNone(wire.receive()["version"])
            self.assertIsNone(self.report({"a": 2}))
            self.daemon.kill()
            self.daemon.start()
        self.wait_for_reported({"a": 2, "b": 1})

    def test_a_stop_stores_what_waits(self):
        self.fault(drop=1)
        wire = self.send_report({"a": 1})
        self.wait_for_reported({"a": 1})
        self.daemon.wires.remove(wire)
        self.daemon.stop()
        self.assertIsNone(wire.receive()["version"])
        wire.close()
        self.assertIn('"a":1', self.twin_file("twin-reports").read_text())
        self.daemon.start()
        eventually(lambda: not self.twin_file("twin-reports").exists(), "the report has been sent")

    def test_a_stored_report_that_is_refused_is_logged(self):
        with self.offline():
            self.assertIsNone(self.report({"a": 1}))
            self.fault(patches=1, status=413)
        self.daemon.program.wait_for_output("refused a stored twin patch of uid 0 with status 413.*; dropped")
        self.assertEqual(self.report({"b": 1}), 2)
        self.assertEqual(self.reported(), {"b": 1})

    def test_a_disk_that_fails_is_told(self):
        with self.offline():
            self.twin_file("twin-reports.new").mkdir()  # in the way
            with self.refused("io.aziotd.twin.StorageFailed", reason="Is a directory"):
                self.report({"a": 1})
            self.twin_file("twin-reports.new").rmdir()
            self.assertIsNone(self.report({"b": 1}))
        self.wait_for_reported({"a": 1, "b": 1})

    def test_too_much_is_refused(self):
        with self.offline():
            with self.refused("io.aziotd.twin.TwinFull", limitBytes=128 * 1024):
                for i in range(100):
                    self.report({f"p{i}": "x" * 4000})


class Reporter:
    """Reports {"k0": n}, {"k1": n + 1}, … one after the other, over every restart of the daemon."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.n = 0
        self.promised = {}
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.stopping.is_set():
            try:
                with harness.Wire(self.daemon.socket_path, harness.TIMEOUT_S) as wire:
                    while not self.stopping.is_set():
                        self._report(wire)
            except OSError:
                self.stopping.wait(0.02)  # nobody listens yet

    def _report(self, wire):
        self.n += 1
        patch = {f"k{self.n % 4}": self.n}
        wire.call(REPORT, {"patch": patch})
        self.promised |= patch

    def stop(self):
        self.stopping.set()
        self.thread.join()


class Kill(TwinCase):
    """More rounds: ROUNDS=100 SEED=7 test_twin.py random"""

    def trouble(self, rng):
        kind = rng.randrange(3)
        if kind == 0:
            self.daemon.kill()
            self.daemon.start()
        elif kind == 1:
            self.hub.call("Cut", {"seconds": 1})
        else:
            self.fault(drop=2, delayMilliseconds=rng.randrange(100))

    def test_random_kills_and_losses_bring_back_nothing_old(self):
        rng = random.Random(int(os.environ.get("SEED", 20261122)))
        reporter = Reporter(self.daemon)
        seen = {}
        try:
            for _ in range(int(os.environ.get("ROUNDS", 6))):
                time.sleep(rng.uniform(0, 1.5))
                self.trouble(rng)
                now = self.reported()
                self.assertEqual({k: v for k, v in seen.items() if now.get(k, 0) < v}, {}, f"in {now}")
                seen = now
        finally:
            reporter.stop()
        self.assertGreater(len(reporter.promised), 0)

        def arrived():
            now = self.reported()
            return all(now.get(k, 0) >= v for k, v in reporter.promised.items())

        # An answer that was dropped would be waited for for a minute.
        self.fault()
        self.daemon.wait_online()
        self.daemon.call(RECONNECT)
        eventually(arrived, f"reported {reporter.promised}")


class Renewal(TwinCase):
    """Reconnect asks for one, so that nobody has to wait for a token to expire."""

    def renew(self):
        online = self.daemon.status()
        self.daemon.call(RECONNECT)
        return online

    def test_nobody_notices_it(self):
        watcher = self.watch()
        watcher.receive()
        for i in range(10):
            online = self.renew()
            self.assertFalse(self.get()["stale"])
            self.assertEqual(self.report({"n": i}), i + 2)
            self.update({"n": i})
            self.expect(watcher, {"n": i}, i + 2)
            self.daemon.wait_for_new_link(online)
        self.assertFalse(self.twin_file("twin-reports").exists())

    def test_it_waits_for_what_is_in_flight(self):
        self.fault(delayMilliseconds=1000)
        wire = self.send_report({"a": 1})
        self.wait_for_reported({"a": 1})
        online = self.renew()
        self.assertEqual(wire.receive()["version"], 2)
        self.daemon.wait_for_new_link(online)
        self.assert_reported_at_once(1)


class Users(harness.UsersCase, TwinCase):
    def test_the_later_of_two_users_wins(self):
        def report_as(uid, patch):
            self.client(uid, REPORT, json.dumps({"patch": patch})).wait_for_output("reply .*None")

        with self.offline():
            report_as(0, {"a": 1, "b": 1})
            report_as(DAEMON_UID, {"a": 2, "c": 2})
            report_as(0, {"c": 3})
            self.daemon.kill()
            self.start_daemon_again()
        self.wait_for_reported({"a": 2, "b": 1, "c": 3})
        self.assert_reported_at_once(2)


if __name__ == "__main__":
    tap.main()
