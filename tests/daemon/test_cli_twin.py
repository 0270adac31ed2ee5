#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""aziot twin: what a person or a shell script gets to see of the twin, and says."""

import json
import os
import signal
import socket
import subprocess

import harness
from harness import BUILD, VarlinkError, eventually, tap


class TwinCase(harness.CliCase):
    def setUp(self):
        super().setUp()
        if self.starts_daemon:
            self.wait_for_desired(1)

    def want(self, patch):
        """The cloud changes what it wants; returns the version."""
        return self.hub.call("UpdateDesired", {"device": "demo", "patch": patch})["version"]

    def reported(self):
        return self.hub.call("GetTwin", {"device": "demo"})["reported"]

    def twin(self):
        """{} before anything is known."""
        try:
            return self.daemon.call("io.aziotd.twin.Get")
        except VarlinkError:
            return {}

    def wait_for_desired(self, version):
        eventually(lambda: self.twin().get("desiredVersion") == version, f"desired version {version}")


class Get(TwinCase):
    def setUp(self):
        super().setUp()
        self.wait_for_desired(self.want({"rate": 5, "name": "my pump", "pump": {"speed": 1.5, "on": True}}))
        self.aziot("twin", "report", '{"rate":4}')

    def test_both_sections_have_a_line_and_a_version(self):
        desired, reported = self.aziot("twin", "get")[0].splitlines()
        self.assertRegex(desired, r'^desired +version 2: \{"rate":5,')
        self.assertRegex(reported, r'^reported +version 2: \{"rate":4\}$')

    def test_json_is_the_reply_of_the_daemon(self):
        out, _ = self.aziot("twin", "get", "--json")
        self.assertEqual(json.loads(out), self.daemon.call("io.aziotd.twin.Get") | {"asOf": json.loads(out)["asOf"]})

    def test_a_section_is_json(self):
        self.assertEqual(json.loads(self.aziot("twin", "get", "--desired")[0])["rate"], 5)
        self.assertEqual(self.aziot("twin", "get", "--reported")[0], '{"rate":4}\n')

    def test_a_property_is_its_value(self):
        rows = [(["rate"], "5"), (["pump.speed"], "1.5"), (["name"], "my pump"), (["name", "--json"], '"my pump"'),
                (["pump"], '{"speed":1.5,"on":true}'), (["rate", "--reported"], "4"), (["rate", "--desired"], "5")]
        for arguments, value in rows:
            with self.subTest(arguments):
                self.assertEqual(self.aziot("twin", "get", "--property", *arguments)[0], value + "\n")

    def test_a_property_that_is_not_there_has_a_code(self):
        for path in ("speed", "pump.rate", "rate.x", "name --reported"):
            with self.subTest(path):
                self.assertEqual(self.aziot("twin", "get", "--property", *path.split(), code=3), ("", ""))

    def test_while_offline_it_says_how_old_it_is(self):
        self.hub.stop()
        eventually(lambda: self.twin()["stale"], "stale")
        self.assertRegex(self.aziot("twin", "get")[0], r"(?m)^stale +the device is offline; this is of 20\S+ \(\d+ s ago\)$")
        self.assertEqual(self.aziot("twin", "get", "--property", "rate")[0], "5\n")


class Unknown(TwinCase):
    starts_daemon = False

    def test_before_the_first_link_it_says_so(self):
        self.hub.stop()
        self.daemon.start()
        self.assertIn("before the device has been online", self.aziot("twin", "get", code=1)[1])


class Watch(TwinCase):
    def test_everything_then_each_change_is_a_line(self):
        self.wait_for_desired(self.want({"a": 1}))
        program = self.run_cli("twin", "watch")
        program.wait_for_output('^{"a":1}$')
        self.want({"b": {"c": 4503599627370495}})
        program.wait_for_output('^{"b":{"c":4503599627370495}}$')
        self.want({"a": None})
        program.wait_for_output('^{"a":null}$')
        self.assertEqual(len(program.lines), 3)

    def test_json_tells_version_and_completeness(self):
        program = self.run_cli("twin", "watch", "--json")
        program.wait_for_output(r'"complete":true')
        self.want({"a": 1})
        program.wait_for_output(r'"complete":false')
        self.assertEqual(json.loads(program.lines[-1]),
                         {"desired": {"a": 1}, "version": 2, "complete": False, "stale": False})

    def test_a_line_is_a_line_whatever_the_cloud_writes(self):
        program = self.run_cli("twin", "watch")
        program.wait_for_output("^{}$")
        subprocess.run([BUILD / "aziot-hubsim", "twin", "demo", "update", '{\n "a":\r\n 1\n}', "--socket",
                        self.hub.socket_path], check=True, stdout=subprocess.DEVNULL)
        program.wait_for_output(r'^\{ *"a": *1 *\}$')

    def test_a_property_is_printed_at_once_and_when_it_changes(self):
        self.wait_for_desired(self.want({"pump": {"speed": 1, "name": "a b"}}))
        speed = self.run_cli("twin", "watch", "--property", "pump.speed")
        name = self.run_cli("twin", "watch", "--component", "pump", "--property", "name")
        quoted = self.run_cli("twin", "watch", "--component", "pump", "--property", "name", "--json")
        for program, value in ((speed, "1"), (name, "a b"), (quoted, '"a b"')):
            program.wait_for_output(f"^{value}$")
        self.want({"other": 1})
        self.want({"pump": {"speed": 2}})
        speed.wait_for_output("^2$")
        self.want({"pump": None})
        for program in (speed, name, quoted):
            program.wait_for_output("^null$")
        self.want({"pump": {"name": "c"}})
        name.wait_for_output("^c$")
        quoted.wait_for_output('^"c"$')
        self.assertEqual([p.lines for p in (speed, name)], [["1", "2", "null"], ["a b", "null", "c"]])

    def test_a_property_that_is_an_object_is_whole(self):
        self.wait_for_desired(self.want({"pump": {"speed": 1}}))
        program = self.run_cli("twin", "watch", "--property", "pump")
        program.wait_for_output('^{"speed":1}$')
        self.want({"pump": {"on": True}})
        program.wait_for_output('^{"speed":1,"on":true}$')

    def test_others_are_not_told_to_who_watches_a_component(self):
        program = self.run_cli("twin", "watch", "--component", "pump")
        program.wait_for_output("^{}$")
        self.want({"rate": 1})
        self.want({"pump": {"speed": 1}})
        program.wait_for_output('^{"speed":1}$')
        self.assertEqual(len(program.lines), 2)

    def test_what_changed_while_the_daemon_was_away_is_told(self):
        self.wait_for_desired(self.want({"rate": 1}))
        program = self.run_cli("twin", "watch", "--property", "rate")
        program.wait_for_output("^1$")
        self.daemon.kill()
        program.wait_for_output("aziotd is not running")
        self.want({"rate": 2})
        self.daemon.start()
        program.wait_for_output("^2$")
        self.daemon.wait_online()

    def test_it_ends_when_nobody_reads_it_any_more(self):
        for theirs, ours in (os.pipe(), [s.detach() for s in socket.socketpair()]):
            process = subprocess.Popen([BUILD / "aziot", "--socket", self.daemon.socket_path, "twin", "watch"],
                                       stdout=ours, stderr=subprocess.PIPE, env=harness.environment())
            os.close(ours)
            self.assertEqual(os.read(theirs, 3), b"{}\n")
            os.close(theirs)
            self.assertEqual((process.wait(harness.TIMEOUT_S), process.stderr.read()), (0, b""))
            process.stderr.close()

    def test_a_signal_ends_it(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            program = self.run_cli("twin", "watch")
            program.wait_for_output("^{}$")
            self.assertEqual(program.stop(number), 0)


class Report(TwinCase):
    def test_a_patch_is_merged_byte_for_byte(self):
        self.assertEqual(self.aziot("twin", "report", '{"a":4503599627370495,"b":{"c":1}}'), ("", ""))
        self.assertEqual(self.aziot("twin", "report", '{"b":{"c":null,"d":1.10}}', "-v")[0], "version 3\n")
        self.assertEqual(json.loads(self.aziot("twin", "report", "{}", "--json")[0]).keys(), {"version"})
        self.assertEqual(self.reported(), {"a": 4503599627370495, "b": {"d": 1.1}})
        self.assertIn('"d":1.10', self.aziot("twin", "get", "--reported")[0])

    def test_standard_input_is_a_patch(self):
        self.aziot("twin", "report", "-", stdin=b'{\n  "a": 1\n}\n')
        self.assertEqual(self.reported(), {"a": 1})
        self.aziot("twin", "report", "-", stdin=b"", code=2)
        self.aziot("twin", "report", "-", stdin=b'{"a":2}\0', code=1)
        self.assertEqual(self.reported(), {"a": 1})

    def test_a_component_is_marked_as_one(self):
        self.aziot("twin", "report", "--component", "pump", '{"speed":1}')
        self.assertEqual(self.reported(), {"pump": {"__t": "c", "speed": 1}})

    def test_a_refusal_says_what_and_where(self):
        _, err = self.aziot("twin", "report", '{"a":{"$b":1}}', code=1)
        self.assertIn("would not take this patch", err)
        self.assertIn("a.$b", err)

    def test_while_offline_it_is_stored(self):
        with self.hub.gone():
            self.daemon.wait_for_status(lambda s: s["link"]["state"] != "online", "offline")
            self.assertEqual(self.aziot("twin", "report", '{"a":1}', "-v")[0], "stored\n")
            self.assertEqual(self.aziot("twin", "report", '{"b":1}', "--json")[0], '{"version":null}\n')
        eventually(lambda: self.reported() == {"a": 1, "b": 1}, "reported")


class Acknowledge(TwinCase):
    def test_it_follows_the_conventions(self):
        self.wait_for_desired(self.want({"rate": 5}))
        self.aziot("twin", "acknowledge", "rate", "5")
        self.assertEqual(self.reported(), {"rate": {"value": 5, "ac": 200, "av": 2}})
        self.aziot("twin", "acknowledge", "rate", '"ü"', "--status", "400", "--version", "1", "--description", 'no "ü"')
        self.assertEqual(self.reported(), {"rate": {"value": "ü", "ac": 400, "av": 1, "ad": 'no "ü"'}})

    def test_a_component_has_properties_of_its_own(self):
        out, _ = self.aziot("twin", "acknowledge", "speed", "true", "--component", "pump", "-v")
        self.assertEqual(out, "version 2\n")
        self.assertEqual(self.reported(), {"pump": {"__t": "c", "speed": {"value": True, "ac": 200, "av": 1}}})


if __name__ == "__main__":
    tap.main()
