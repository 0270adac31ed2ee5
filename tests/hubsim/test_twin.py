# SPDX-License-Identifier: MIT
"""Device twins of aziot-hubsim: what a device asks and is told, what the back end does, and their faults."""

import json
import signal

import device as mqtt
from device import publish
from hub import HubCase, enforces
import tap  # hub knows where it is

RESPONSES = "$iothub/twin/res/#"
DESIRED = "$iothub/twin/PATCH/properties/desired/#"


class TwinCase(HubCase):
    def open_subscribed(self, *filters):
        d = self.open_connected()
        d.subscribe(*(filters or (RESPONSES, DESIRED)))
        return d

    def twin(self):
        error, parameters = self.hub.control("GetTwin", device=self.name)
        self.assertIsNone(error)
        return parameters

    def update(self, patch):
        """The back end merges 'patch', JSON text, into the desired properties."""
        done = self.hub.command("twin", self.name, "update", patch)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return int(done.stdout)

    def replace(self, desired):
        done = self.hub.command("twin", self.name, "replace", desired)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return int(done.stdout)

    def fault(self, **faults):
        self.assertEqual(self.hub.control("TwinFault", device=self.name, **faults), (None, {}))

    def assert_answer(self, d, topic, payload=""):
        self.assertEqual(d.receive_twin(), ("res/" + topic, payload))

    def assert_notified(self, d, version, payload):
        self.assertEqual(d.receive_twin(), (f"PATCH/properties/desired/?$version={version}", payload))

    def assert_refused(self, d, code, request_id="1"):
        topic, payload = d.receive_twin()
        self.assertEqual(topic, f"res/{code // 1000}/?$rid={request_id}")
        error = json.loads(payload)
        self.assertEqual(list(error), ["errorCode", "trackingId", "message", "timestampUtc"])
        self.assertEqual(error["errorCode"], code)
        self.assertRegex(error["timestampUtc"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}0Z$")
        self.eventually(lambda: any(f"{self.name}: {code} " in line for line in self.hub.errors))
        return error["message"]


class Requests(TwinCase):
    @enforces(25)
    def test_a_fresh_twin_is_empty_and_of_version_1(self):
        d = self.open_subscribed()
        d.get_twin("a-1")
        self.assert_answer(d, "200/?$rid=a-1", '{"desired":{"$version":1},"reported":{"$version":1}}')

    @enforces(24, 25)
    def test_reported_properties_are_merged_and_kept_as_they_were_written(self):
        d = self.open_subscribed()
        d.report('{"a":{"x":1.10,"y":[1, 2]},"b":"\\u00e9"}', "7")
        self.assert_answer(d, "204/?$rid=7&$version=2")
        d.report('{"a":{"x":null,"z":1E+2},"c":-0}', "8")
        self.assert_answer(d, "204/?$rid=8&$version=3")
        d.report("{}", "9")
        self.assert_answer(d, "204/?$rid=9&$version=4")
        d.get_twin()
        self.assert_answer(d, "200/?$rid=1", '{"desired":{"$version":1},'
                           '"reported":{"a":{"y":[1, 2],"z":1E+2},"b":"\\u00e9","c":-0,"$version":4}}')

    def test_a_request_of_qos_1_is_acknowledged_and_answered(self):
        d = self.open_subscribed()
        d.send(publish("$iothub/twin/GET/?$rid=1", b" ", qos=1, packet_id=5))
        packets = {d.receive()[0], d.receive()[0]}
        self.assertEqual(packets, {mqtt.PUBACK, mqtt.PUBLISH})

    @enforces(24)
    def test_a_patch_that_breaks_a_rule_is_refused_and_changes_nothing(self):
        d = self.open_subscribed()
        d.report('{"a":1}')
        self.assert_answer(d, "204/?$rid=1&$version=2")
        rows = {"nonsense": 400012, '{"a":2': 400012, "[]": 400004, '{"a":2,"$version":5}': 400004,
                '{"a":2,"b":{"c.d":1}}': 400004, '{"a":4503599627370496}': 400004,
                json.dumps({f"k{i}": "x" * 4096 for i in range(8)}): 413001}
        for patch, code in rows.items():
            with self.subTest(patch[:40]):
                d.report(patch)
                self.assertNotEqual(self.assert_refused(d, code), "")
        self.assertEqual((self.twin()["reported"], self.twin()["reportedVersion"]), ({"a": 1}, 2))

    @enforces(23)
    def test_an_answer_is_lost_without_a_subscription(self):
        d = self.open_subscribed(DESIRED)
        d.get_twin("early")
        d.report('{"a":1}', "early")
        d.report("nonsense", "early")
        d.subscribe(RESPONSES)
        d.get_twin("late")
        self.assert_answer(d, "200/?$rid=late", '{"desired":{"$version":1},"reported":{"a":1,"$version":2}}')

    @enforces(5)
    def test_without_api_version_there_is_no_twin(self):
        line = self.add_device()
        host = mqtt.parse_connection_string(line)["HostName"]
        for query in ("", "?", "?DeviceClientType=x"):
            with self.subTest(query):
                d = self.open_connected(line, user_name=f"{host}/{self.name}/{query}")
                d.subscribe(RESPONSES)
                d.telemetry()
                d.get_twin()
                self.assert_refused(d, 400004)
                d.report("{}")
                self.assert_refused(d, 400004)
        self.assertEqual(self.twin()["reportedVersion"], 1)


class BackEnd(TwinCase):
    @enforces(24, 25, 26)
    def test_a_change_is_notified_by_the_patch_as_it_was_written(self):
        d = self.open_subscribed()
        self.assertEqual(self.update('{"rate": 1.50, "old": {"x": null}}'), 2)
        self.assert_notified(d, 2, '{"rate": 1.50, "old": {"x": null},"$version":2}')
        self.assertEqual(self.update('{"old":null}'), 3)
        self.assert_notified(d, 3, '{"old":null,"$version":3}')
        self.assertEqual(self.replace('{"new":{"a":1,"b":null}}'), 4)
        self.assert_notified(d, 4, '{"new":{"a":1},"$version":4}')
        self.assertEqual(self.twin(), {"desired": {"new": {"a": 1}}, "reported": {},
                                       "desiredVersion": 4, "reportedVersion": 1})

    @enforces(26)
    def test_a_change_is_not_notified_to_who_is_away_or_not_subscribed_and_not_replayed(self):
        d = self.open_subscribed(RESPONSES)
        self.update('{"a":1}')
        d.subscribe(DESIRED)
        self.update('{"a":2}')
        self.assert_notified(d, 3, '{"a":2,"$version":3}')
        line = f"HostName={d.host};DeviceId={d.id};SharedAccessKey={d.key}"
        d.close()
        self.eventually(lambda: "offline" in next(
            row for row in self.hub.command("device", "list").stdout.splitlines() if row.startswith(self.name + " ")))
        self.update('{"a":3}')
        d = self.open(line)
        self.assertEqual(d.connect(), (True, 0))
        d.get_twin()
        self.assert_answer(d, "200/?$rid=1", '{"desired":{"a":3,"$version":4},"reported":{"$version":1}}')

    @enforces(24)
    def test_the_back_end_keeps_to_the_rules_too(self):
        self.add_device()
        rows = [("update", '{"a.b":1}', "400004 ArgumentInvalid: 'a.b': "),
                ("replace", '{"a":[null]}', "400004 ArgumentInvalid: 'a': "),
                ("update", json.dumps({f"k{i}": "x" * 4096 for i in range(8)}), "413001 MessageTooLarge: ")]
        for verb, patch, error in rows:
            with self.subTest(verb):
                done = self.hub.command("twin", self.name, verb, patch)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn(error, done.stderr)
        self.assertEqual(self.twin()["desiredVersion"], 1)
        self.assertEqual(self.hub.control("GetTwin", device="nobody")[0], "io.aziotd.hubsim.ServiceError")

    def test_the_command_prints_the_twin_and_knows_what_it_can_do(self):
        self.add_device()
        self.update('{"n":1.0}')
        self.assertEqual(self.hub.command("twin", self.name).stdout,
                         '{"desired":{"n":1.0},"reported":{},"desiredVersion":2,"reportedVersion":1}\n')
        for arguments, code in [(["delete", "{}"], 2), (["update"], 2), (["update", "{"], 1), (["update", "1"], 1)]:
            with self.subTest(arguments):
                self.assertEqual(self.hub.command("twin", self.name, *arguments).returncode, code)

    def test_twins_outlive_the_hub(self):
        d = self.open_subscribed()
        d.report('{"r":1.0}')
        self.assert_answer(d, "204/?$rid=1&$version=2")
        self.update('{"d":[1, {"e":2}]}')
        before = self.hub.command("twin", self.name).stdout
        self.hub.stop(signal.SIGKILL)
        self.hub.start()
        self.assertEqual(self.hub.command("twin", self.name).stdout, before)

    def test_a_damaged_file_is_an_error_of_the_service(self):
        d = self.open_subscribed()
        (self.hub.state / f"twin-{self.name}.json").write_text('{"desired":{}}')
        d.get_twin()
        self.assert_refused(d, 500001)
        self.assertIn("500001", self.hub.command("twin", self.name).stderr)


class Faults(TwinCase):
    @enforces(28)
    def test_so_many_requests_of_a_kind_get_a_status(self):
        d = self.open_subscribed()
        self.fault(gets=1, patches=2)
        d.report('{"a":1}')
        self.assert_refused(d, 429005)
        d.get_twin()
        self.assert_refused(d, 429005)
        d.report('{"a":1}')
        self.assert_refused(d, 429005)
        self.assertEqual(self.twin()["reported"], {})
        d.report('{"a":1}')
        self.assert_answer(d, "204/?$rid=1&$version=2")
        self.fault(gets=1, status=503)
        d.get_twin()
        self.assert_refused(d, 503003)

    def test_versions_grow_by_more_than_one(self):
        d = self.open_subscribed()
        self.fault(versionStep=5)
        self.assertEqual(self.update("{}"), 6)
        self.assert_notified(d, 6, '{"$version":6}')
        d.report("{}")
        self.assert_answer(d, "204/?$rid=1&$version=6")
        self.fault()
        self.assertEqual(self.update("{}"), 7)

    def test_an_answer_does_not_say_the_version(self):
        d = self.open_subscribed()
        self.fault(omitVersion=True)
        d.report("{}")
        self.assert_answer(d, "204/?$rid=1")
        self.assertEqual(self.twin()["reportedVersion"], 2)

    def test_a_request_is_carried_out_and_not_answered(self):
        d = self.open_subscribed()
        self.fault(drop=1)
        d.report('{"a":1}', "lost")
        d.report('{"a":1}', "again")
        self.assert_answer(d, "204/?$rid=again&$version=3")

    def test_an_answer_is_overtaken_by_a_change(self):
        d = self.open_subscribed()
        self.fault(delayMilliseconds=2000)
        d.get_twin()
        d.ping()
        self.hub.control("UpdateDesired", device=self.name, patch={})
        self.assert_notified(d, 2, '{"$version":2}')
        self.assert_answer(d, "200/?$rid=1", '{"desired":{"$version":1},"reported":{"$version":1}}')

    def test_a_delayed_answer_goes_with_its_connection(self):
        d = self.open_subscribed()
        line = f"HostName={d.host};DeviceId={d.id};SharedAccessKey={d.key}"
        self.fault(delayMilliseconds=1000)
        d.get_twin("old")
        d.ping()
        d = self.open_connected(line)
        d.get_twin("new")
        self.assertEqual(d.receive_twin()[0], "res/200/?$rid=new")

    @enforces(27)
    def test_a_change_just_as_the_device_asks_comes_in_every_order(self):
        d = self.open_subscribed()
        answer = '{"desired":{%s"$version":%d},"reported":{"$version":1}}'

        self.fault(race="before", racePatch={"a": 1})
        d.get_twin()
        self.assert_notified(d, 2, '{"a": 1,"$version":2}')
        self.assert_answer(d, "200/?$rid=1", answer % ('"a":1,', 2))

        self.fault(race="middle", racePatch={"a": 2})
        d.get_twin()
        self.assert_notified(d, 3, '{"a": 2,"$version":3}')
        self.assert_answer(d, "200/?$rid=1", answer % ('"a":1,', 2))

        self.fault(race="after", racePatch={"a": 3})
        d.get_twin()
        self.assert_answer(d, "200/?$rid=1", answer % ('"a":2,', 3))
        self.assert_notified(d, 4, '{"a": 3,"$version":4}')

        d.get_twin()
        self.assert_answer(d, "200/?$rid=1", answer % ('"a":3,', 4))

    def test_a_race_needs_its_patch(self):
        self.add_device()
        self.assertEqual(self.hub.control("TwinFault", device=self.name, race="before"),
                         ("org.varlink.service.InvalidParameter", {"parameter": "racePatch"}))


class BasicTier(TwinCase):
    options = ("--basic",)

    @enforces(38)
    def test_it_has_no_twins_methods_and_messages_but_telemetry(self):
        d = self.open_subscribed(RESPONSES, "$iothub/methods/POST/#")
        d.get_twin()
        self.assert_refused(d, 403010)
        d.report("{}")
        self.assert_refused(d, 403010)
        calls = [("Invoke", {"method": "ping"}), ("GetTwin", {}), ("UpdateDesired", {"patch": {}}),
                 ("ReplaceDesired", {"desired": {}}), ("SendMessage", {"body": "1"})]
        for name, parameters in calls:
            with self.subTest(name):
                error, reply = self.hub.control(name, device=self.name, **parameters)
                self.assertEqual((error, reply["code"]), ("io.aziotd.hubsim.ServiceError", 403010))
        d.telemetry()


if __name__ == "__main__":
    tap.main()
