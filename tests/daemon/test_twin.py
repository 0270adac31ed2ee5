#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The twin: read and watched, also offline; reported, once and by the newest value."""

import contextlib
from datetime import datetime, timezone

import harness
from harness import eventually, tap

GET, WATCH, REPORT = ("io.aziotd.twin." + method for method in ("Get", "Watch", "Report"))
DEMO = {"device": "demo"}


class TwinCase(harness.DaemonCase):
    def update(self, patch):
        return self.hub.call("UpdateDesired", {**DEMO, "patch": patch})["version"]

    def reported(self):
        return self.hub.call("GetTwin", DEMO)["reported"]

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

    def report(self, patch, **parameters):
        """Returns the version: None if the patch is just stored."""
        return self.daemon.call(REPORT, {"patch": patch, **parameters}).get("version")

    def wait_for_reported(self, expected):
        eventually(lambda: self.reported() == expected, f"reported {expected}: {self.reported()}")


class Read(TwinCase):
    def test_the_twin_is_told_as_the_hub_has_it(self):
        self.update({"a": 1, "deep": {"b": [1, 2, {"c": "x"}]}})
        twin = self.wait_for_twin(lambda twin: "a" in twin["desired"], "the change")
        self.assertEqual(twin["desired"], {"a": 1, "deep": {"b": [1, 2, {"c": "x"}]}})
        self.assertEqual(twin["reported"], {})
        self.assertEqual(twin["desiredVersion"], 2)
        self.assertEqual(twin["reportedVersion"], 1)
        self.assertFalse(twin["stale"])
        age = datetime.now(timezone.utc) - datetime.fromisoformat(twin["asOf"].replace("Z", "+00:00"))
        self.assertLess(abs(age.total_seconds()), 10)

    def test_a_watcher_gets_everything_and_then_the_changes(self):
        self.wait_fresh()
        wire = self.watch()
        self.assertEqual(wire.receive(), {"desired": {}, "version": 1, "complete": True, "stale": False})
        self.update({"a": 1, "b": {"c": 2}})
        self.update({"a": None, "b": {"d": 3}})
        self.assertEqual(wire.receive(),
                         {"desired": {"a": 1, "b": {"c": 2}}, "version": 2, "complete": False, "stale": False})
        self.assertEqual(wire.receive(),
                         {"desired": {"a": None, "b": {"d": 3}}, "version": 3, "complete": False, "stale": False})
        self.assertEqual(self.watch().receive(),
                         {"desired": {"b": {"c": 2, "d": 3}}, "version": 3, "complete": True, "stale": False})

    def test_report(self):
        self.wait_fresh()
        self.assertEqual(self.report({"a": 1}), 2)
        self.assertEqual(self.reported(), {"a": 1})
        self.assertEqual(self.get()["reported"], {"a": 1})


if __name__ == "__main__":
    tap.main()
