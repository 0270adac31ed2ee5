# SPDX-License-Identifier: MIT
"""The provisioning service of aziot-hubsim: who may register, what is answered, and what becomes of the device."""

import base64
import hashlib
import hmac
import json
import time

import device as mqtt
from device import DPS_FILTER, Closed, ProvisionedDevice, publish, subscribe
from hub import METHODS, HubCase, enforces
import tap  # hub knows where it is

REGISTER = "$dps/registrations/PUT/iotdps-register/?$rid="
POLL = "$dps/registrations/GET/iotdps-get-operationstatus/?$rid="
OPERATION_ID = r"5\.[0-9a-f]{16}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TIMESTAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z"


class DpsCase(HubCase):
    def tearDown(self):
        self.hub.control("ClearFaults")

    def enroll(self, *options, name=None):
        """A new enrollment, whose device need not wait; its line."""
        self.name = name or self._testMethodName.replace("_", "-")[:128]
        r = self.hub.command("enrollment", "add", self.name, "--retry-after", "0", *options)
        self.assertEqual(r.returncode, 0, r.stderr)
        return r.stdout

    def member(self, group, registration_id):
        """The line of a device of a group."""
        r = self.hub.command("enrollment", "show", group, registration_id)
        self.assertEqual(r.returncode, 0, r.stderr)
        return r.stdout

    def change(self, *options):
        r = self.hub.command("enrollment", "change", self.name, *options)
        self.assertEqual(r.returncode, 0, r.stderr)

    def open_dps(self, line):
        d = ProvisionedDevice(line, str(self.hub.state / "ca.pem"))
        self.addCleanup(d.close)
        return d

    def open_subscribed(self, line):
        d = self.open_dps(line)
        self.assertEqual(d.connect(), (False, 0))
        self.assertEqual(d.subscribe(DPS_FILTER), [0])
        return d

    def provision(self, line, body=None):
        with self.open_dps(line) as d:
            return d.provision(body)

    def hub_device(self, line, state):
        """A connection to what was assigned, with the key by which that happened."""
        fields = mqtt.parse_connection_string(line)
        return self.open(f"HostName={state['assignedHub']};DeviceId={state['deviceId']};"
                         f"SharedAccessKey={fields['SharedAccessKey']}")

    def assert_error(self, answer, status, code, retry_after=(None,)):
        self.assertEqual(answer[0], status)
        self.assertIn(answer[1], retry_after)
        self.assertEqual(list(answer[2]), ["errorCode", "trackingId", "message", "timestampUtc"])
        self.assertEqual(answer[2]["errorCode"], code)
        self.assertRegex(answer[2]["timestampUtc"], f"^{TIMESTAMP}$")

    def faults(self):
        return self.hub.control("ListFaults")[1]["faults"]


class Connecting(DpsCase):
    @enforces(31, 40)
    def test_connect_is_refused_with_its_code(self):
        line = self.enroll()
        fields = mqtt.parse_connection_string(line)
        scope, key, name = fields["IdScope"], fields["SharedAccessKey"], self.name
        user, resource, soon = f"{scope}/registrations/{name}/", f"{scope}/registrations/{name}", int(time.time()) + 60
        rows = [
            ({"client_id": ""}, 2), ({"client_id": "other"}, 2),
            ({"client_id": "a b", "user_name": f"{scope}/registrations/a b/api-version=2019-03-31"}, 2),
            ({"user_name": user + "?api-version=2019-03-31"}, 4), ({"user_name": user}, 4),
            ({"user_name": f"{scope}/registrations/{name}"}, 4), ({"user_name": f"/registrations/{name}/"}, 4),
            ({"user_name": f"0ne00000000/registrations/{name}/api-version=2019-03-31"}, 5),
            ({"user_name": user + "api-version=1999-01-01"}, 5), ({"user_name": user + "api-version="}, 5),
            ({"will": ("$dps/registrations/x", "y")}, 5), ({"level": 5}, 1),
            ({"password": ""}, 5), ({"password": "secret"}, 5), ({"lifetime_s": -1}, 5),
            ({"skn": "&skn=device"}, 5), ({"skn": "&skn=Registration"}, 5),
            ({"password": mqtt.sas_token(f"{scope}/registrations/other", key, soon) + "&skn=registration"}, 5),
            ({"password": mqtt.sas_token(f"{scope}/registrations", key, soon) + "&skn=registration"}, 5),
            ({"password": mqtt.sas_token(f"localhost/devices/{name}", key, soon) + "&skn=registration"}, 5),
            ({"password": mqtt.sas_token(resource, "A" * 43 + "=", soon) + "&skn=registration"}, 5),
        ]
        for options, code in rows:
            with self.subTest(**options), self.open_dps(line) as d:
                self.assertEqual(d.connect(**options), (False, code))
                d.wait_for_close()
        self.wait_for_log("401002 CONNECT refused with code 5: the token's signature is wrong")
        stranger = line.replace(f"RegistrationId={name}", "RegistrationId=stranger")
        self.assertEqual(self.open_dps(stranger).connect(), (False, 5))
        self.name = "stranger"
        self.wait_for_log("401002 CONNECT refused with code 5: there is no enrollment for it")

    @enforces(31)
    def test_who_may_connect(self):
        line = self.enroll()
        fields = mqtt.parse_connection_string(line)
        name, scope = self.name, fields["IdScope"]
        keys = json.loads((self.hub.state / "enrollments.json").read_text())["enrollments"][-1]
        resource, soon = f"{scope}/registrations/{name}", int(time.time()) + 60
        rows = [{"user_name": f"{scope}/registrations/{name}/api-version={version}"}
                for version in ("2019-03-31", "2021-06-01", "2021-10-01", "2025-07-01-preview")]
        rows += [
            {"user_name": f"{scope}/registrations/{name}/api-version=2021-06-01&ClientVersion=x%2F1"},
            {"user_name": f"{scope}/registrations/{name.upper()}/api-version=2021-06-01"},
            {"client_id": name.upper()}, {"clean": False}, {"skn": ""},
            {"password": mqtt.sas_token(resource, keys["secondaryKey"], soon) + "&skn=registration"},
            {"password": mqtt.sas_token(f"{scope}/registrations/{name.upper()}", keys["primaryKey"], soon)
             + "&skn=registration"},
        ]
        for options in rows:
            with self.subTest(**options):
                self.assertEqual(self.open_dps(line).connect(**options), (False, 0))

        self.wait_for_log("connected to the provisioning service, by a token without skn=registration")

        # Separators in lower case, as the Azure SDK for Embedded C writes them.
        uri = f"{scope}%2fregistrations%2f{name}"
        signature = base64.b64encode(hmac.digest(base64.b64decode(fields["SharedAccessKey"]),
                                                 f"{uri}\n{soon}".encode(), hashlib.sha256)).decode()
        signature = signature.replace("+", "%2b").replace("/", "%2f").replace("=", "%3d")
        password = f"SharedAccessSignature sr={uri}&sig={signature}&se={soon}&skn=registration"
        self.assertEqual(self.open_dps(line).connect(password=password), (False, 0))

    @enforces(31)
    def test_devices_of_a_group_have_keys_that_are_made_of_its_key(self):
        # From Microsoft's documentation of group enrollments.
        group = "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw=="
        line = self.enroll("--group", "--key", group)
        self.assertIn(f"EnrollmentGroup={self.name};SharedAccessKey={group}", line)
        member = self.member(self.name, "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6")
        self.assertIn("RegistrationId=sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6;"
                      "SharedAccessKey=Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=\n", member)
        self.assertEqual(self.open_dps(member).connect(), (False, 0))

        d = self.open_dps(member)
        d.key = group
        self.assertEqual(d.connect(), (False, 5))
        self.name = d.id
        self.wait_for_log("401002 CONNECT refused with code 5: the token is signed with the key of its group")

    @enforces(31)
    def test_an_enrollment_of_its_own_decides_alone(self):
        self.enroll("--group", name="fleet")
        member = self.member("fleet", "loner")
        self.assertEqual(self.open_dps(member).connect(), (False, 0))
        self.enroll(name="loner")
        self.assertEqual(self.open_dps(member).connect(), (False, 5))
        self.assertEqual(self.hub.command("enrollment", "remove", "loner").returncode, 0)
        self.assertEqual(self.open_dps(member).connect(), (False, 0))

    def test_a_second_connection_ends_the_first_one(self):
        line = self.enroll()
        first = self.open_subscribed(line)
        self.open_subscribed(line)
        first.wait_for_close()
        self.wait_for_log("400027 closed")

    def test_a_connection_ends_with_its_token(self):
        d = self.open_dps(self.enroll())
        self.assertEqual(d.connect(lifetime_s=1), (False, 0))
        d.wait_for_close()
        self.wait_for_log("401002 closed: the token has expired")


class Talking(DpsCase):
    @enforces(32, 40)
    def test_what_breaks_a_rule_ends_its_connection_alone(self):
        bystander = self.open_subscribed(self.enroll(name="bystander"))
        line = self.enroll()
        rows = {
            "a filter of the hub": subscribe(METHODS),
            "a filter of everything": subscribe("#"),
            "a filter that is narrower": subscribe("$dps/registrations/res/200/#"),
            "telemetry": publish(f"devices/{self.name}/messages/events/"),
            "no request id": publish(REGISTER),
            "another verb": publish("$dps/registrations/POST/iotdps-register/?$rid=1"),
            "a poll of nothing": publish(POLL + "1"),
            "QoS 2": publish(REGISTER + "1", qos=2),
            "RETAIN": publish(REGISTER + "1", flags=1),
            "96 KiB and a byte": publish(REGISTER + "1", b" " * (96 * 1024 + 1)),
            "a second CONNECT": mqtt.packet(0x10, mqtt.text("MQTT") + b"\4\2\0\0" + mqtt.text("x")),
            "PUBREL": b"\x62\2\0\1",
        }
        for what, data in rows.items():
            with self.subTest(what), self.open_subscribed(line) as d:
                with self.assertRaises(Closed):
                    d.send(data)
                    d.receive()
        self.assertEqual(bystander.register()[0], 202)

    @enforces(32)
    def test_an_answer_is_lost_unless_it_is_subscribed_to(self):
        d = self.open_dps(self.enroll())
        self.assertEqual(d.connect(), (False, 0))
        body = json.dumps({"registrationId": d.id})
        d.send(publish(REGISTER + "1", body))
        d.receive(mqtt.PUBACK)
        d.ping()
        self.assertEqual(d.subscribe(DPS_FILTER, qos=2), [1])
        d.ping()
        d.send(mqtt.packet(mqtt.UNSUBSCRIBE << 4 | 2, b"\0\7" + mqtt.text(DPS_FILTER)))
        self.assertEqual(d.receive(mqtt.UNSUBACK), b"\0\7")
        d.send(publish(REGISTER + "2", body, qos=0))
        d.ping()

        self.assertEqual(d.subscribe(DPS_FILTER), [0])
        self.assertEqual(d.register()[0], 202)

    @enforces(32)
    def test_a_device_registers_and_polls_until_it_is_assigned(self):
        line = self.enroll("--assigning", "2", "--payload", '{"region":"weu","n":1.10}')
        d = self.open_subscribed(line)
        status, retry_after, document = d.register()
        self.assertEqual((status, retry_after), (202, 0))
        self.assertEqual(list(document), ["operationId", "status"])
        self.assertEqual(document["status"], "assigning")
        self.assertRegex(document["operationId"], f"^{OPERATION_ID}$")
        operation_id = document["operationId"]
        assigning = {"operationId": operation_id, "status": "assigning",
                     "registrationState": {"registrationId": d.id, "status": "assigning"}}
        for _ in range(2):
            self.assertEqual(d.poll(operation_id), (202, 0, assigning))

        status, retry_after, document = d.poll(operation_id.replace(".", "%2E").replace("-", "%2d"))
        self.assertEqual((status, retry_after), (200, None))
        state = document.pop("registrationState")
        self.assertEqual(document, {"operationId": operation_id, "status": "assigned"})
        self.assertEqual(list(state), ["registrationId", "assignedHub", "deviceId", "status", "substatus",
                                       "createdDateTimeUtc", "lastUpdatedDateTimeUtc", "etag", "symmetricKey",
                                       "payload"])
        for name in ("createdDateTimeUtc", "lastUpdatedDateTimeUtc"):
            self.assertRegex(state.pop(name), f"^{TIMESTAMP}$")
        self.assertRegex(base64.b64decode(state.pop("etag")).decode(), '^"[0-9a-f-]{36}"$')
        self.assertEqual(state, {
            "registrationId": d.id, "assignedHub": d.host, "deviceId": d.id, "status": "assigned",
            "substatus": "initialAssignment", "symmetricKey": {}, "payload": {"region": "weu", "n": 1.10}})
        self.assertEqual(d.poll(operation_id)[2]["registrationState"]["deviceId"], d.id)  # it stays so

        self.name = d.id
        h = self.hub_device(line, state)
        self.assertEqual(h.connect(), (False, 0))
        h.telemetry('{"t":1}')
        self.assertEqual([m["body"] for m in self.arrived()], [{"t": 1}])

    def test_a_device_of_a_group_is_assigned_with_its_own_key(self):
        self.enroll("--group")
        line = self.member(self.name, "Pump-18")
        state = self.provision(line)["registrationState"]
        self.assertEqual(state["symmetricKey"], {"enrollmentGroupId": self.name})
        self.assertEqual(state["deviceId"], "pump-18")
        self.assertNotIn("payload", state)
        self.assertEqual(self.hub_device(line, state).connect(), (False, 0))

    @enforces(33)
    def test_a_poll_that_comes_too_early_is_refused(self):
        d = self.open_subscribed(self.enroll("--retry-after", "2"))
        status, retry_after, document = d.register()
        self.assertEqual((status, retry_after), (202, 2))
        self.assert_error(d.poll(document["operationId"]), 429, 429001, (2, 1))
        time.sleep(2)
        self.assertEqual(d.poll(document["operationId"])[2]["status"], "assigned")

    @enforces(33)
    def test_polls_that_are_refused_are_not_counted(self):
        d = self.open_subscribed(self.enroll("--retry-after", "2"))
        operation_id = d.register()[2]["operationId"]
        for _ in range(6):
            self.assert_error(d.poll(operation_id), 429, 429001, (2, 1))
        time.sleep(2)
        self.assertEqual(d.poll(operation_id)[2]["status"], "assigned")

    @enforces(33)
    def test_a_sixth_poll_in_ten_seconds_is_refused(self):
        line = self.enroll("--assigning", "100")
        with self.open_subscribed(line) as d:
            operation_id = d.register()[2]["operationId"]
            self.assertEqual([d.poll(operation_id)[0] for _ in range(5)], [202] * 5)
        with self.open_subscribed(line) as d:  # it is the device that is counted
            operation_id = d.register()[2]["operationId"]
            self.assert_error(d.poll(operation_id), 429, 429001, range(6, 11))

    @enforces(33)
    def test_an_operation_is_its_devices_own_and_the_latest(self):
        first = self.open_subscribed(self.enroll(name="first"))
        second = self.open_subscribed(self.enroll(name="second"))
        operation_id = first.register()[2]["operationId"]
        self.assert_error(second.poll(operation_id), 404, 404202)
        self.assertEqual(second.register()[0], 202)
        self.assert_error(second.poll(operation_id), 404, 404202)
        self.assertEqual(first.register()[0], 202)
        self.assert_error(first.poll(operation_id), 404, 404202)
        self.assert_error(first.poll("x" * 300), 404, 404202)

    def test_a_body_that_is_no_registration_is_refused(self):
        d = self.open_subscribed(self.enroll())
        own = f'"registrationId":"{d.id}"'
        rows = [("", 400012), ("x", 400012), ("[]", 400012), ("{}", 400012), ('{"registrationId":7}', 400012),
                ("{" + own, 400012), ("{" + own + "}x", 400012), ("{" + own + ',"payload":x}', 400012),
                ("{" + own + ',"payload":[1,]}', 400012), ('{"registrationId":"a b"}', 400012),
                ('{"registrationId":""}', 400012), ('{"registrationId":"other"}', 400004),
                ("{" + own + ',"csr":"MII="}', 400004)]
        for body, code in rows:
            with self.subTest(body):
                self.assert_error(d.register(body), 400, code)
        for body in ("{" + own.upper().replace("REGISTRATIONID", "registrationId") + "}",
                     " {" + own + ',"tpm":null,"payload":null} ',
                     "{" + own + ',"payload":"' + "x" * (96 * 1024 - 200) + '"}'):
            with self.subTest(body[:100]):
                self.assertEqual(d.register(body)[0], 202)

    def test_a_register_of_an_enrollment_that_has_gone_is_refused(self):
        d = self.open_subscribed(self.enroll())
        operation_id = d.register()[2]["operationId"]
        self.assertEqual(self.hub.command("enrollment", "remove", d.id).returncode, 0)
        self.assert_error(d.register(), 404, 404201)
        self.assert_error(d.poll(operation_id), 404, 404201)
        self.assertEqual(self.open_dps(f"Endpoint={d.host};IdScope={d.scope};RegistrationId={d.id};"
                                       f"SharedAccessKey={d.key}").connect(), (False, 5))


class Outcomes(DpsCase):
    @enforces(34)
    def test_an_enrollment_of_that_name_that_came_later_is_another_one(self):
        d = self.open_subscribed(self.enroll())
        self.assertEqual(self.hub.command("enrollment", "remove", self.name).returncode, 0)
        self.enroll("--ca", name=self.name)
        self.assert_error(d.register(), 404, 404201)
        self.assertNotIn(f'"device":"{self.name}"', self.hub.command("device", "list", "--json").stdout)

    def test_a_registration_fails_as_it_was_asked_to(self):
        line = self.enroll("--failure", "400207")
        document = self.provision(line)
        state = document["registrationState"]
        self.assertEqual(document["status"], "failed")
        self.assertRegex(state.pop("lastUpdatedDateTimeUtc"), f"^{TIMESTAMP}$")
        self.assertEqual(state, {"registrationId": self.name, "status": "failed", "errorCode": 400207,
                                 "errorMessage": "Custom allocation failed with status code: 500"})
        self.change("--failure", "0")
        self.assertEqual(self.provision(line)["status"], "assigned")

    @enforces(34)
    def test_a_disabled_enrollment_is_told_so(self):
        line = self.enroll("--status", "disabled")
        document = self.provision(line)
        self.assertEqual((document["status"], document["registrationState"]),
                         ("disabled", {"registrationId": self.name, "status": "disabled"}))
        self.change("--status", "enabled")
        self.assertEqual(self.provision(line)["status"], "assigned")

    @enforces(34)
    def test_a_payload_of_any_kind_comes_as_it_was_written(self):
        line = self.enroll()
        d = self.open_subscribed(line)
        for payload in ('{"n":9007199254740993,"x":1.10}', '"text \\u00fc"', "[1,[2.50],null]", "17e300", "null",
                        "false"):
            with self.subTest(payload):
                self.change("--payload", payload)
                operation_id = d.register()[2]["operationId"]
                self.hub.control("ClearFaults")
                d.send(publish(f"{POLL}x&operationId={operation_id}", b" ", qos=0))
                self.assertTrue(d.receive(mqtt.PUBLISH).endswith(f',"payload":{payload}}}}}'.encode()))
                d.close()
                self.hub.stop()  # also what is counted of polls ends with the program
                self.hub.start()
                d = self.open_subscribed(line)

    @enforces(34)
    def test_what_a_device_says_of_itself_can_be_seen(self):
        for payload in ('{"modelId":"dtmi:contoso:Pump;1","x":1.10}', "[1,2.50]", '"text"', "7", "null"):
            with self.subTest(payload):
                name = f"teller{len(payload)}"
                self.provision(self.enroll(name=name), f'{{"registrationId":"{name}","payload":{payload}}}')
                reply = json.loads(self.hub.command("registration", name).stdout)
                self.assertEqual((reply["enrollment"], reply["payload"]), (name, payload))
                self.assertEqual(reply["state"]["status"], "assigned")

    @enforces(34)
    def test_a_device_becomes_another_one_of_another_hub(self):
        line = self.enroll("--device", "Other_1", "--payload", "1")
        state = self.provision(line)["registrationState"]
        self.assertEqual((state["registrationId"], state["deviceId"]), (self.name, "Other_1"))
        self.assertEqual(self.hub_device(line, state).connect(), (False, 0))

        port = state["assignedHub"].split(":")[1]
        rows = [
            ("migrate", f"127.0.0.1:{port}", "deviceDataMigrated"),  # another name of the same hub
            ("reset", "elsewhere.azure-devices.net", "deviceDataReset"),
            ("reset", "elsewhere.azure-devices.net", "reprovisionedToInitialAssignment"),
            ("never", "", "reprovisionedToInitialAssignment"),
        ]
        for policy, hub, substatus in rows:
            with self.subTest(policy=policy, hub=hub):
                self.change("--reprovision", policy, "--hub", hub, "--device", "Other_2")
                before, state = state, self.provision(line)["registrationState"]
                self.assertEqual((state["assignedHub"], state["substatus"]),
                                 (before["assignedHub"] if policy == "never" else hub, substatus))
                self.assertEqual(state["deviceId"], "Other_2")
                self.assertEqual(state["createdDateTimeUtc"], before["createdDateTimeUtc"])
        self.assertNotIn("elsewhere", self.hub.command("device", "list").stdout)

    def test_a_device_has_one_registration_by_whichever_enrollment_it_came(self):
        self.enroll("--group", name="fleet")
        first = self.provision(self.member("fleet", "wanderer"))["registrationState"]
        second = self.provision(self.enroll(name="wanderer"))["registrationState"]
        self.assertEqual(second["substatus"], "reprovisionedToInitialAssignment")
        self.assertEqual(second["createdDateTimeUtc"], first["createdDateTimeUtc"])
        reply = self.hub.control("GetRegistration", registration="wanderer")[1]
        self.assertEqual((reply["enrollment"], reply["state"]), ("wanderer", second))
        listed = {e["enrollment"]: e["registrations"] for e in self.hub.control("ListEnrollments")[1]["enrollments"]}
        self.assertEqual((listed["fleet"], listed["wanderer"]), ([], ["wanderer"]))

    def test_a_device_that_was_there_gets_the_keys_of_its_enrollment(self):
        old = self.hub.command("device", "add", "veteran").stdout
        line = self.enroll(name="veteran")
        self.assertEqual(self.open(old).connect(), (False, 0))
        state = self.provision(line)["registrationState"]
        self.assertEqual(self.hub_device(line, state).connect(), (True, 0))  # and all else that was there
        self.assertEqual(self.open(old).connect(), (False, 5))

    def test_what_was_assigned_outlives_the_program(self):
        line = self.enroll("--payload", '{"x":1.10}', "--assigning", "1", "--reprovision", "never")
        d = self.open_subscribed(line)
        operation_id = d.register()[2]["operationId"]
        first = self.provision(line)["registrationState"]
        listed = self.hub.command("enrollment", "list", "--json").stdout
        self.hub.stop()
        self.hub.start()
        self.assertEqual(self.hub.command("enrollment", "list", "--json").stdout, listed)
        self.assertEqual(json.loads(self.hub.command("registration", self.name).stdout)["state"], first)
        self.change("--hub", "elsewhere", "--assigning", "0")
        d = self.open_subscribed(line)
        self.assert_error(d.poll(operation_id), 404, 404202)
        self.assertEqual(self.provision(line)["registrationState"], first)


class Faults(DpsCase):
    def test_requests_are_answered_with_a_status_on_demand(self):
        d = self.open_subscribed(self.enroll())
        fault = '{"registers":1,"polls":1,"status":500,"retryAfterSeconds":7}'
        self.assertEqual(self.hub.command("fault", "dps", fault).returncode, 0)
        self.assertEqual(self.faults(), ["dps " + fault])
        self.assert_error(d.register(), 500, 500001, (7,))
        operation_id = d.register()[2]["operationId"]
        self.assert_error(d.poll(operation_id), 500, 500001, (7,))
        self.assertEqual(d.poll(operation_id)[0], 200)
        self.assertEqual(self.faults(), [])
        self.hub.control("DpsFault", registers=1)
        self.assert_error(d.register(), 429, 429001)

    def test_answers_are_dropped_and_delayed_on_demand(self):
        d = self.open_subscribed(self.enroll())
        self.hub.control("DpsFault", drop=1)
        d.send(publish(REGISTER + "x", json.dumps({"registrationId": d.id}), qos=0))
        d.ping()
        self.hub.control("DpsFault", delayMilliseconds=300)
        started = time.monotonic()
        self.assertEqual(d.register()[0], 202)
        self.assertGreater(time.monotonic() - started, 0.29)
        d.send(publish(REGISTER + "y", json.dumps({"registrationId": d.id}), qos=0))
        d.ping()
        d.close()  # with an answer under way
        self.wait_for_log("404104 connection lost")

    def test_an_answer_to_a_foreign_request_comes_first_on_demand(self):
        d = self.open_subscribed(self.enroll())
        self.hub.control("DpsFault", foreign=1)
        d.send(publish(REGISTER + "abc", json.dumps({"registrationId": d.id}), qos=0))
        self.assert_error(d.receive_answer("abc0"), 401, 401002)
        self.assertEqual(d.receive_answer("abc")[0], 202)

    @enforces(34)
    def test_a_final_answer_has_no_state_on_demand(self):
        line = self.enroll()
        self.hub.control("DpsFault", nullStates=1)
        document = self.provision(line)
        self.assertEqual((document["status"], document["registrationState"]), ("assigned", None))
        self.assertIsNotNone(self.provision(line)["registrationState"])

    def test_connections_are_refused_and_closed_on_demand(self):
        line = self.enroll()
        self.hub.control("RefuseConnect", code=5, count=1)  # which concerns the hub alone
        self.hub.control("DpsFault", refuse=2)
        self.assertEqual([self.open_dps(line).connect() for _ in range(2)], [(False, 5)] * 2)
        self.hub.control("DpsFault", refuse=1, refuseCode=0, close=1)
        with self.assertRaises(Closed):
            self.open_dps(line).connect()
        with self.assertRaises(Closed):
            self.open_subscribed(line).register()
        self.assertEqual(self.open_subscribed(line).register()[0], 202)
        self.assertEqual(self.faults(), ["refuse-connect 5 1"])

    def test_subscriptions_fail_on_demand(self):
        d = self.open_dps(self.enroll())
        d.connect()
        self.hub.control("SubackFailure", count=1)
        self.assertEqual(d.subscribe(DPS_FILTER), [0x80])
        self.hub.control("DropSuback", count=1)
        d.send(subscribe(DPS_FILTER))
        d.ping()
        self.assertEqual(d.register()[0], 202)


class Commands(DpsCase):
    def test_enrollments_are_listed_and_removed(self):
        line = self.enroll("--device", "d-1", name="Listed").strip()
        self.assertIn(";RegistrationId=listed;", line)
        self.provision(line)
        self.assertIn(f"listed enabled 1 registered {line}\n", self.hub.command("enrollment", "list").stdout)
        self.assertEqual(self.hub.command("enrollment", "show", "LISTED").stdout.strip(), line)
        listed = json.loads(self.hub.command("enrollment", "list", "--json").stdout)["enrollments"][-1]
        self.assertEqual(listed, {
            "enrollment": "listed", "group": False, "connectionString": line, "authentication": "sas",
            "device": "d-1", "status": "enabled", "failure": 0, "assigning": 0, "retryAfterSeconds": 0,
            "reprovision": "migrate", "registrations": ["listed"]})
        self.change("--device", "", "--hub", "h", "--failure", "400208", "--status", "disabled")
        listed = json.loads(self.hub.command("enrollment", "list", "--json").stdout)["enrollments"][-1]
        self.assertEqual((listed.get("device"), listed["hub"], listed["failure"], listed["status"]),
                         (None, "h", 400208, "disabled"))
        for command in (("remove", "listed"), ("remove", "listed")):
            r = self.hub.command("enrollment", *command)
        self.assertEqual((r.returncode, "404201 EnrollmentNotFound" in r.stderr), (1, True))
        self.assertIn("404202", self.hub.command("registration", "listed").stderr)

    def test_what_makes_no_sense_is_refused(self):
        self.enroll(name="single")
        rows = [
            (("add", "single"), 1, "409201"), (("add", "SINGLE", "--group"), 1, "409201"),
            (("add", "a b"), 1, '"enrollment"'), (("add", "x", "--payload", "{"), 1, '"payload"'),
            (("add", "x", "--group", "--device", "y"), 1, '"device"'), (("add", "x", "--device", "a/b"), 1, '"device"'),
            (("add", "x", "--failure", "42"), 1, '"failure"'), (("add", "x", "--key", "short"), 1, '"primaryKey"'),
            (("add", "x", "--reprovision", "maybe"), 1, '"reprovision"'),
            (("add", "x", "--status", "on"), 1, '"status"'),
            (("add", "x", "--thumbprint", "12"), 1, '"primaryThumbprint"'),
            (("add", "x", "--group", "--thumbprint", "0" * 40), 2, "--ca --thumbprint"),
            (("add", "x", "--ca", "--key", "A" * 43 + "="), 1, '"primaryKey"'),
            (("add", "x", "--failure", "seven"), 2, "not a number"), (("change", "single", "--ca"), 2, "what to do?"),
            (("change", "single", "--group"), 2, "what to do?"),
            (("change", "nobody"), 1, "404201"), (("show", "nobody"), 1, "404201"),
            (("show", "single", "x"), 1, '"registration"'), (("add",), 2, "what to do?"), ((), 2, "too few"),
        ]
        for words, code, text in rows:
            with self.subTest(words):
                r = self.hub.command("enrollment", *words)
                self.assertEqual((r.returncode, text in r.stderr), (code, True), r.stderr)


if __name__ == "__main__":
    tap.main()
