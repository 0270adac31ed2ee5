#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sections of the twin: programs that have some see and write only these, and nobody else writes them."""

import random
import threading
import time

import harness
from harness import eventually, tap
from test_twin import GET, REPORT, WATCH, TwinCase

# One has a member of the twin, one has two, another one has none.
PUMP_UID, PRESS_UID, OTHER_UID = 65001, 65002, 65003
ADMIN_UID = 65004
CONFINED_ADMIN_UID = 65005
NOT_YOURS = "io.aziotd.twin.NotYourSection"


class SectionCase(harness.UsersCase, TwinCase):
    config = {"Access": [
        {"User": PUMP_UID, "Grants": "read send", "TwinSection": "/pump"},
        {"User": PRESS_UID, "Grants": "read send", "TwinSection": "/press"},
        {"Group": PRESS_UID, "TwinSection": "/lights/press"},
        {"User": OTHER_UID, "Grants": "read send"},
        {"User": ADMIN_UID, "Grants": "read send admin"},
        {"User": CONFINED_ADMIN_UID, "Grants": "read send admin", "TwinSection": "/own"},
    ]}

    def place(self, n):
        return f"{self.daemon.config_path}:{self.line(n)}"

    def get_as(self, uid):
        return self.call_as(uid, GET)

    def report_as(self, uid, patch, **parameters):
        return self.call_as(uid, REPORT, {"patch": patch, **parameters})["version"]

    def watch_as(self, uid, **parameters):
        wire = self.connect_as(uid)
        wire.send(WATCH, parameters, more=True)
        return wire


class Get(SectionCase):
    def test_a_program_sees_its_sections_alone(self):
        desired = {"pump": {"speed": {"max": 1}}, "press": [1, {"x": 2}], "lights": {"press": "on", "door": "off"},
                   "free": 1}
        self.update(desired)
        self.report({"pump": 1, "lights": {"door": 2}, "free": 3})
        self.wait_for_twin(lambda twin: "free" in twin["desired"] and twin["reported"], "the change")
        rows = {
            PUMP_UID: ({"pump": {"speed": {"max": 1}}}, {"pump": 1}),
            PRESS_UID: ({"press": [1, {"x": 2}], "lights": {"press": "on"}}, {"lights": {}}),
            OTHER_UID: (desired, {"pump": 1, "lights": {"door": 2}, "free": 3}),
            0: (desired, {"pump": 1, "lights": {"door": 2}, "free": 3}),
        }
        for uid, (desired, reported) in rows.items():
            with self.subTest(uid=uid):
                twin = self.get_as(uid)
                self.assertEqual((twin["desired"], twin["reported"]), (desired, reported))
                self.assertEqual((twin["desiredVersion"], twin["reportedVersion"]), (2, 2))


class Report(SectionCase):
    def test_a_patch_within_is_taken(self):
        self.report_as(PUMP_UID, {"pump": {"speed": 1, "old": None}})
        self.report_as(PUMP_UID, {"speed": 2}, component="pump")
        self.report_as(PRESS_UID, {"press": 5, "lights": {"press": "on"}})
        self.report_as(OTHER_UID, {"free": 1, "lights": {"door": "off"}})
        self.report_as(ADMIN_UID, {"press": None, "other": 1})
        self.assertEqual(self.reported(), {"pump": {"speed": 2, "__t": "c"}, "lights": {"press": "on", "door": "off"},
                                           "free": 1, "other": 1})

    def test_a_patch_outside_is_refused_by_name(self):
        pump, press, lights, nobody = "/pump", "/press", "/lights/press", None
        rows = [
            (PUMP_UID, {"pump": {"speed": 1}, "press": 1}, "/press", press),
            (PUMP_UID, {"free": 1}, "/free", nobody),
            (PUMP_UID, {"lights": {"press": {"a": 1}}}, "/lights", lights),
            (PUMP_UID, {"lights": {"door": 1}}, "/lights", lights),
            (PRESS_UID, {"lights": {"door": 1}}, "/lights/door", nobody),
            (PRESS_UID, {"lights": None}, "/lights", lights),
            (PRESS_UID, {"pump": None}, "/pump", pump),
            (OTHER_UID, {"free": 1, "pump": {"speed": 1}}, "/pump", pump),
            (OTHER_UID, {"free": 1, "pump": {}}, "/pump", pump),
            (OTHER_UID, {"lights": {"press": None}}, "/lights/press", lights),
            (OTHER_UID, {"lights": None}, "/lights", lights),
            (OTHER_UID, {"lights": [1]}, "/lights", lights),
        ]
        own_rules = {PUMP_UID: self.place(1), PRESS_UID: self.place(2)}
        for uid, patch, path, section in rows:
            with self.subTest(uid=uid, patch=patch):
                with self.refused(NOT_YOURS, path=path, section=section, owner=None, rule=own_rules.get(uid)):
                    self.report_as(uid, patch)
        with self.refused(NOT_YOURS, path="/press"):
            self.report_as(PUMP_UID, {"x": 1}, component="press")
        self.daemon.program.wait_for_output(f"uid {OTHER_UID} .*may not write '/pump' .* {self.place(1)}$")

    def test_whose_the_section_is_an_administrator_is_told(self):
        with self.refused(NOT_YOURS, path="/pump", section="/pump", owner=f"User={PUMP_UID}", rule=self.place(6)):
            self.report_as(CONFINED_ADMIN_UID, {"pump": 1})

    def test_what_is_offline_is_refused_likewise(self):
        with self.offline():
            with self.refused(NOT_YOURS, path="/press"):
                self.report_as(PUMP_UID, {"press": 1})
        self.assertEqual(self.reported(), {})

    def test_the_command_line_says_by_which_rule(self):
        program = self.run_cli("twin", "report", '{"press":1}', user=PUMP_UID, group=PUMP_UID, extra_groups=[])
        program.wait_for_output(rf"this part of the twin is not this program's.*{self.place(1)}")
        self.assertNotEqual(program.wait(), 0)


class Watch(SectionCase):
    def setUp(self):
        super().setUp()
        self.update({"pump": {"speed": 1}, "press": 1, "lights": {"press": "on", "door": "on"}})
        self.wait_for_twin(lambda twin: "pump" in twin["desired"], "the change")

    def test_only_changes_inside_are_told(self):
        pump, press = self.watch_as(PUMP_UID), self.watch_as(PRESS_UID)
        self.expect(pump, {"pump": {"speed": 1}}, 2, complete=True)
        self.expect(press, {"press": 1, "lights": {"press": "on"}}, 2, complete=True)
        self.update({"free": 1, "lights": {"door": "off"}})
        self.update({"pump": {"speed": 2}, "free": 2})
        self.expect(pump, {"pump": {"speed": 2}}, 4)
        self.update({"press": 2, "lights": {"press": {"left": "on"}, "door": None}})
        self.expect(press, {"press": 2, "lights": {"press": {"left": "on"}}}, 5)
        self.update({"lights": {"press": {"right": "on"}}})
        self.expect(press, {"lights": {"press": {"right": "on"}}}, 6)

    def test_a_section_that_goes_is_told_as_null(self):
        removals = [{"press": None}, {"lights": {"press": None}}, {"lights": None}, {"lights": 5}, {"lights": [1]}]
        for removal in removals:
            with self.subTest(removal=removal):
                self.update({"press": 1, "lights": None})
                version = self.update({"lights": {"press": "on", "door": "on"}})
                self.wait_for_twin(lambda twin: twin["desiredVersion"] == version, "the change")
                press = self.watch_as(PRESS_UID)
                self.expect(press, {"press": 1, "lights": {"press": "on"}}, version, complete=True)
                told = {"press": None} if "press" in removal else {"lights": {"press": None}}
                self.update(removal)
                self.expect(press, told, version + 1)
                self.update({"lights": None, "free": version})  # nothing of it is there any more
                version = self.update({"lights": {"press": "off"}})
                change = press.receive()
                if "press" in removal:
                    self.assertEqual(change["desired"], {"lights": {"press": None}})
                    change = press.receive()
                self.assertEqual((change["desired"], change["version"]), ({"lights": {"press": "off"}}, version))
                press.close()

    def test_after_an_outage_the_difference_inside_is_told(self):
        pump, press = self.watch_as(PUMP_UID), self.watch_as(PRESS_UID)
        pump.receive()
        press.receive()
        with self.offline():
            self.update({"press": 2, "lights": None, "free": 1})
            self.update({"press": 3})
        self.expect(press, {"press": 3, "lights": {"press": None}}, 4)
        self.update({"pump": {"speed": 3}})
        self.expect(pump, {"pump": {"speed": 3}}, 5)

    def test_a_twin_that_begins_anew_is_told_completely(self):
        press = self.watch_as(PRESS_UID)
        press.receive()
        self.hub.stop()
        (self.hub.state / "twin-demo.json").unlink()
        self.hub.start()
        self.daemon.call("io.aziotd.device.Reconnect")
        self.expect(press, {"lights": {}}, 1, complete=True)

    def test_who_was_told_a_stale_twin_hears_that_it_is_fresh(self):
        with self.offline():
            self.wait_for_twin(lambda twin: twin["stale"], "a stale twin")
            pump = self.watch_as(PUMP_UID)
            self.expect(pump, {"pump": {"speed": 1}}, 2, complete=True, stale=True)
            self.update({"free": 1})
        self.expect(pump, {}, 3)

    def test_a_component_is_cut_out_of_what_is_seen(self):
        lights, pump = self.watch_as(PRESS_UID, component="lights"), self.watch_as(PRESS_UID, component="pump")
        self.expect(lights, {"press": "on"}, 2, complete=True)
        self.expect(pump, {}, 2, complete=True)
        self.update({"pump": {"speed": 2}, "lights": {"door": 1}})
        self.update({"lights": {"press": "off"}})
        self.expect(lights, {"press": "off"}, 4)


class Reporter:
    """A program with a section of its own reports {section: {"k0": n}}, {section: {"k1": n + 1}} …"""

    def __init__(self, case, uid, section):
        self.case, self.uid, self.section = case, uid, section
        self.n = 0
        self.promised, self.errors = {}, []
        self.stopping = threading.Event()
        self.wire = None
        self.connected = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def connect(self):
        """Only one thread may be another user."""
        self.wire = self.case.connect_as(self.uid)
        self.case.daemon.wires.remove(self.wire)
        self.connected.set()

    def _run(self):
        while not self.stopping.is_set():
            if not self.connected.wait(0.02):
                continue
            try:
                self._report(self.wire)
            except OSError:
                self.connected.clear()
            except harness.VarlinkError as error:
                self.errors.append(error)
                return

    def _report(self, wire):
        self.n += 1
        patch = {f"k{self.n % 3}": self.n}
        wire.call(REPORT, {"patch": {self.section: patch}})
        self.promised |= patch

    def stop(self):
        self.stopping.set()
        self.thread.join()
        if self.wire:
            self.wire.close()


class Together(SectionCase):
    def arrived(self, reporters):
        now = self.reported()
        return all(now.get(r.section, {}).get(k, 0) >= v for r in reporters for k, v in r.promised.items())

    def test_programs_report_at_once_and_through_kills(self):
        rng = random.Random(20261122)
        reporters = [Reporter(self, PUMP_UID, "pump"), Reporter(self, PRESS_UID, "press")]
        try:
            for i in range(6):
                for reporter in reporters:
                    reporter.connect()
                if i % 2 == 1:
                    self.hub.call("Cut", {"seconds": 1})
                time.sleep(rng.uniform(0, 1))
                self.daemon.kill()
                self.start_daemon_again()
        finally:
            for reporter in reporters:
                reporter.stop()
        self.daemon.wait_online()
        self.assertEqual([reporter.errors for reporter in reporters], [[], []])
        self.assertTrue(all(reporter.promised for reporter in reporters))
        eventually(lambda: self.arrived(reporters), f"reported {[r.promised for r in reporters]}")
        self.assertEqual(set(self.reported()), {"pump", "press"})

    def test_what_they_reported_offline_arrives_after_a_kill(self):
        with self.offline():
            self.assertIsNone(self.report_as(PUMP_UID, {"pump": {"a": 1, "b": 1}}))
            self.assertIsNone(self.report_as(PRESS_UID, {"press": {"a": 1}, "lights": {"press": 1}}))
            self.assertIsNone(self.report_as(PUMP_UID, {"pump": {"a": 2}}))
            self.assertIsNone(self.report_as(PRESS_UID, {"press": None}))
            self.daemon.kill()
            self.start_daemon_again()
        self.wait_for_reported({"pump": {"a": 2, "b": 1}, "lights": {"press": 1}})

    def test_one_that_takes_all_the_room_leaves_some(self):
        with self.offline():
            with self.refused("io.aziotd.twin.TwinFull"):
                for i in range(100):
                    self.report_as(PUMP_UID, {"pump": {f"p{i}": "x" * 4000}})
            self.assertIsNone(self.report_as(PRESS_UID, {"press": "x" * 4000}))


if __name__ == "__main__":
    tap.main()
