#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""aziotd asks the provisioning service of aziot-hubsim for its hub."""

import subprocess

import harness
from harness import BUILD, eventually, tap


class ProvisioningCase(harness.CliCase):
    """A daemon that is configured for the enrollment "pump-17" and not yet started; the service sends it to hall."""

    starts_daemon = False

    def setUp(self):
        super().setUp()
        self.key_file = self.directory / "key"
        self.provisioning = {"Endpoint": "localhost", "Port": self.hub.port, "RegistrationId": "pump-17",
                             "KeyFile": self.key_file}
        self.daemon.config = {"Hub": {"TrustedCAFile": self.hub.ca_file, "Port": self.hub.port},
                              "Provisioning": self.provisioning}

    def enroll(self, name="pump-17", **parameters):
        parameters = {"enrollment": name, "retryAfterSeconds": 2, **parameters}
        line = self.hub.call("AddEnrollment", parameters)["connectionString"]
        fields = dict(field.split("=", 1) for field in line.split(";"))
        self.provisioning["IdScope"] = fields["IdScope"]
        self.key_file.write_text(fields.get("SharedAccessKey", ""))
        self.key_file.chmod(0o600)

    def use_certificate(self, *options):
        """Gives the device a certificate in place of the key, and returns what was printed with it."""
        argv = [BUILD / "aziot-hubsim", "certificate", "create", "pump-17", self.directory / "certificates", *options,
                "--state-dir", self.hub.state]
        printed = subprocess.run(argv, env=harness.environment(), check=True, capture_output=True, text=True).stdout
        made = {field: value.strip() for field, value in (line.split(":", 1) for line in printed.splitlines())}
        self.provisioning |= {"KeyFile": None, "RegistrationId": None}
        self.daemon.config["Hub"] |= {"CertificateFile": made["certificate"], "PrivateKeyFile": made["key"]}
        return made

    def start_online(self):
        self.daemon.start()
        return self.daemon.wait_online()


class Attestation(ProvisioningCase):
    def assert_becomes(self, device):
        self.assertEqual(self.start_online()["deviceId"], device)
        self.daemon.send(text="here")
        self.assertEqual(self.hub.wait_for_messages(1)[0]["device"], device)

    def test_a_device_with_its_own_key(self):
        self.enroll(device="hall")
        self.assert_becomes("hall")

    def test_a_device_with_a_key_made_of_its_groups(self):
        self.enroll("pumps", group=True)
        self.provisioning |= {"KeyFile": None, "GroupKeyFile": self.key_file, "RegistrationId": "Pump-17"}
        self.assert_becomes("pump-17")

    def test_a_device_with_a_certificate_of_its_own(self):
        made = self.use_certificate("--self-signed")
        self.enroll(authentication="selfSigned", primaryThumbprint=made["SHA-256"])
        self.assert_becomes("pump-17")

    def test_a_device_of_a_group_with_a_certificate_and_its_intermediate(self):
        made = self.use_certificate("--intermediate", "factory")
        self.enroll("pumps", group=True, authentication="certificateAuthority", primaryThumbprint=made["its CA"])
        self.assert_becomes("pump-17")


class Reload(ProvisioningCase):
    """While the service is being asked: it takes two seconds to answer."""

    def setUp(self):
        super().setUp()
        self.enroll(device="hall")
        self.daemon.start()
        self.daemon.wait_for_link("provisioning")

    def reload(self, section, **keys):
        self.daemon.config.setdefault(section, {}).update(keys)
        self.daemon.write_config()
        return self.daemon.call("io.aziotd.device.Reload")["applied"]

    def count_questions(self):
        return self.daemon.program.output().count("Asking the provisioning service")

    def test_what_does_not_concern_the_link_does_not_disturb_it(self):
        for level in "notice", "info":
            self.assertEqual(self.reload("Log", Level=level), ["Log.Level"])
        self.assertEqual(self.reload("Log"), [])
        self.assertEqual(self.daemon.wait_online()["deviceId"], "hall")
        self.assertEqual(self.count_questions(), 1)

    def test_what_does_makes_it_begin_anew(self):
        for seconds in 20, 30, 40:
            self.reload("Hub", KeepAliveSec=seconds)
        self.assertEqual(self.daemon.wait_online()["deviceId"], "hall")
        self.assertEqual(self.count_questions(), 4)

    def test_it_may_have_become_another_enrollment(self):
        self.enroll("pump-18", device="yard", retryAfterSeconds=1)
        self.reload("Provisioning", RegistrationId="pump-18")
        self.assertEqual(self.daemon.wait_online()["deviceId"], "yard")


class Cache(ProvisioningCase):
    def setUp(self):
        super().setUp()
        self.enroll(device="hall")
        self.file = self.daemon.state_path / "assignment"

    def test_the_service_is_not_asked_at_the_next_start(self):
        self.start_online()
        self.daemon.stop()
        self.provisioning["Port"] = 1  # nobody is there
        self.assertEqual(self.start_online()["deviceId"], "hall")
        self.assertNotIn("Asking the provisioning service", self.daemon.program.output())

    def test_a_damaged_file_is_set_aside_and_the_service_is_asked(self):
        self.start_online()
        self.daemon.stop()
        whole = self.file.read_bytes()
        self.file.write_bytes(whole[:-3])
        self.start_online()
        self.daemon.program.wait_for_output(r"damaged.*kept as .*assignment\.damaged-1")
        self.daemon.program.wait_for_output("Asking the provisioning service")

    def test_another_registration_id_or_key_is_another_device(self):
        self.start_online()
        self.daemon.stop()
        self.enroll("pump-18", device="roof")
        self.provisioning["RegistrationId"] = "pump-18"
        self.assertEqual(self.start_online()["deviceId"], "roof")
        self.daemon.program.wait_for_output("'hall' no longer|assigned to another")


PAYLOADS = {
    "object": '{"region":"weu", "n":9007199254740993, "x":1.10}',
    "array": "[1, 1e400]",
    "string": '"x\\u0000y"',
    "number": "1.10",
    "true": "true",
}


class Api(ProvisioningCase):
    def provisioning_now(self):
        return self.daemon.call("io.aziotd.device.GetProvisioning")

    def test_what_the_service_says_is_told(self):
        self.enroll(device="hall", payload=PAYLOADS["object"])
        self.start_online()
        now = self.provisioning_now()
        self.assertEqual((now["endpoint"], now["idScope"], now["registrationId"], now["isRunning"], now["runs"]),
                         ("localhost", self.provisioning["IdScope"], "pump-17", False, 1))
        self.assertNotIn("lastError", now)
        self.assertEqual((now["assignment"]["deviceId"], now["assignment"]["substatus"]), ("hall", "initialAssignment"))
        out, _ = self.aziot("provisioning")
        self.assertRegex(self.aziot("why")[0], "hub +localhost\\nservice +localhost\\n")
        self.assertRegex(out, "device +hall\\nassigned +20.* ago\\), initialAssignment\\npayload +{\"region\":\"weu\", ")

    def test_a_payload_of_each_kind_is_told_byte_for_byte(self):
        self.enroll(payload=PAYLOADS["object"])
        self.start_online()
        for kind, payload in PAYLOADS.items():
            with self.subTest(kind):
                self.hub.call("ChangeEnrollment", {"enrollment": "pump-17", "payload": payload})
                self.aziot("reprovision", "--wait")
                self.assertEqual(self.aziot("provisioning", "--payload")[0], payload + "\n")
        self.daemon.stop()
        self.start_online()
        self.assertEqual(self.aziot("provisioning", "--payload")[0], PAYLOADS["true"] + "\n")

    def test_without_a_payload_there_is_none(self):
        self.enroll(payload="null")
        self.start_online()
        self.aziot("provisioning", "--payload", code=3)

    def test_the_payload_of_the_request_arrives(self):
        self.provisioning["PayloadFile"] = self.directory / "payload"
        self.provisioning["PayloadFile"].write_text('{"site": "%s"}\n' % ("n" * 2000))
        self.enroll()
        self.start_online()
        registration = self.hub.call("GetRegistration", {"registration": "pump-17"})
        self.assertEqual(registration["payload"], self.provisioning["PayloadFile"].read_text().strip())

    def test_a_hub_that_is_configured_is_not_provisioned(self):
        self.daemon.config = {"Hub": {"TrustedCAFile": self.hub.ca_file,
                                      "ConnectionStringFile": self.hub.connection_string_file}}
        self.start_online()
        for method in "GetProvisioning", "Reprovision":
            with self.refused("io.aziotd.device.NotProvisioned"):
                self.daemon.call("io.aziotd.device." + method)
        self.assertIn("names no provisioning service", self.aziot("provisioning", code=1)[1])
        self.assertIn("names no provisioning service", self.aziot("reprovision", "--wait", code=1)[1])

    def test_two_identities_are_refused_in_words(self):
        self.enroll()
        self.daemon.config["Hub"]["ConnectionStringFile"] = self.hub.connection_string_file
        self.daemon.start()
        status = self.daemon.wait_for_link("waiting")
        self.assertRegex(status["link"]["lastError"], "IdScope=.*ConnectionStringFile=")


class Again(ProvisioningCase):
    """The service is asked while the device is online."""

    def setUp(self):
        super().setUp()
        self.enroll(device="hall")

    def test_the_same_hub_is_connected_to_again_and_nothing_is_lost(self):
        self.start_online()
        wire = self.daemon.connect()
        for n in range(50):
            wire.call("io.aziotd.telemetry.Send", {"message": {"body": {"n": n}}})
            if n == 20:
                self.daemon.call("io.aziotd.device.Reprovision")
        self.daemon.wait_for_empty_outbox()
        harness.assert_delivered(self, self.hub.messages(), 50)
        self.daemon.program.wait_for_output("still assigns 'hall'")

    def test_progress_is_told(self):
        self.start_online()
        out, _ = self.aziot("reprovision", "--wait")
        self.assertEqual(out, "asking the provisioning service\nassigned: 'hall' at 'localhost'\n")
        events = [e["event"] for e in self.daemon.call("io.aziotd.device.GetHistory")["events"]]
        self.assertIn("provisioned", events)

    def test_a_daemon_that_is_restarted_meanwhile_is_asked_again(self):
        self.start_online()
        self.hub.call("ChangeEnrollment", {"enrollment": "pump-17", "assigning": 1000})
        waiting = self.run_cli("reprovision", "--wait")
        waiting.wait_for_output("asking")
        self.daemon.kill()
        self.hub.call("ChangeEnrollment", {"enrollment": "pump-17", "assigning": 0, "device": "roof"})
        self.daemon.start()
        waiting.wait_for_output("assigned: 'roof' at 'localhost'")
        self.assertEqual(waiting.wait(), 0)

    def test_another_device_is_another_device(self):
        self.start_online()
        self.hub.call("ChangeEnrollment", {"enrollment": "pump-17", "device": "roof"})
        self.aziot("reprovision", "--wait")
        self.daemon.wait_for_status(lambda s: s["deviceId"] == "roof" and s["link"]["state"] == "online", "roof")
        self.daemon.program.wait_for_output("'roof' at 'localhost', no longer 'hall'")
        self.daemon.program.wait_for_output("This is device 'roof' now and no longer 'hall'")

    def test_a_service_that_cannot_be_reached_does_not_cost_the_hub(self):
        self.start_online()
        self.daemon.stop()
        self.provisioning["Port"] = 1
        self.start_online()
        _, err = self.aziot("reprovision", "--wait", code=3)
        self.assertIn("refused", err)
        self.daemon.wait_online()


class AnotherHub(ProvisioningCase):
    """The service moves the device from one hub to another, which knows it already."""

    def setUp(self):
        super().setUp()
        self.enroll(device="hall")
        folder = self.directory / "2"
        folder.mkdir()
        self.other = harness.Hub(folder)
        self.other.start()
        self.addCleanup(self.other.stop)
        self.other.call("AddDevice", {"device": "hall", "primaryKey": self.key_file.read_text()})
        trusted = self.directory / "trusted.pem"
        trusted.write_text(self.hub.ca_file.read_text() + self.other.ca_file.read_text())
        self.daemon.config["Hub"]["TrustedCAFile"] = trusted
        self.start_online()
        # Between two runs that nobody wishes are ten minutes, but for a restart.
        self.daemon.stop()
        self.start_online()

    def move(self):
        self.hub.call("ChangeEnrollment", {"enrollment": "pump-17", "hub": f"localhost:{self.other.port}"})

    def wait_for_the_other(self):
        self.other.wait_for_messages(lambda messages: any(m["body"] == {"n": 99} for m in messages))
        self.daemon.wait_for_empty_outbox()

    def test_a_hub_that_refuses_three_times_is_left_and_the_outbox_goes_along(self):
        self.move()
        self.hub.call("SetDeviceStatus", {"device": "hall", "status": "disabled"})  # which ends its connection
        eventually(lambda: "CONNECT refused" in self.hub.program.output(), "a refusal")
        for n in range(100):
            self.daemon.send(body={"n": n})
        for n in range(2, 4):
            # Half a minute would be between the second refusal and the third.
            self.daemon.call("io.aziotd.device.Reconnect")
            eventually(lambda n=n: self.hub.program.output().count("CONNECT refused") == n, f"refusal {n}")
        self.wait_for_the_other()
        harness.assert_delivered(self, self.other.messages(), 100)
        self.daemon.program.wait_for_output("what waits to be sent goes there")
        # And that is remembered.
        self.daemon.stop()
        self.provisioning["Port"] = 1
        self.start_online()
        self.assertEqual(self.hub.messages(), [])

    def test_an_operator_moves_it_while_messages_are_in_flight(self):
        wire = self.daemon.connect()
        self.move()
        for n in range(100):
            wire.call("io.aziotd.telemetry.Send", {"message": {"body": {"n": n}}})
            if n == 50:
                self.daemon.call("io.aziotd.device.Reprovision")
        self.wait_for_the_other()
        # What was in flight was finished, so that not one came twice.
        arrived = [m["body"]["n"] for m in self.hub.messages() + self.other.messages()]
        self.assertEqual(arrived, list(range(100)))


class Failures(ProvisioningCase):
    def test_a_disabled_enrollment_is_asked_for_again_when_an_operator_says_so(self):
        self.enroll(status="disabled")
        self.daemon.start()
        status = self.daemon.wait_for_link("waiting")
        self.assertIn("disabled", status["link"]["lastError"])
        self.assertIn("nextAttempt", status["link"])
        self.hub.call("ChangeEnrollment", {"enrollment": "pump-17", "status": "enabled"})
        self.aziot("reprovision", "--wait")
        self.daemon.wait_online()

    def test_a_failed_assignment_says_its_code(self):
        self.enroll(failure=400207)
        self.daemon.start()
        status = self.daemon.wait_for_link("waiting")
        self.assertIn("400207", status["link"]["lastError"])
        self.assertIn("400207", self.aziot("provisioning", code=3)[0])

    def test_a_refused_request_says_its_tracking_id(self):
        self.enroll()
        self.hub.call("DpsFault", {"registers": 1, "status": 400})
        self.daemon.start()
        status = self.daemon.wait_for_link("waiting")
        self.assertRegex(status["link"]["lastError"], "[0-9a-f]{8}-[0-9a-f]{4}-")

    def test_a_service_that_throttles_is_asked_later(self):
        self.enroll()
        self.hub.call("DpsFault", {"registers": 1, "status": 429, "retryAfterSeconds": 2})
        self.start_online()
        self.daemon.program.wait_for_output("asked too often.*429001")

    def test_a_wrong_key_is_corrected_without_a_restart(self):
        self.enroll()
        right = self.key_file.read_text()
        self.key_file.write_text("AAAA")
        self.daemon.start()
        self.daemon.wait_for_link("waiting")
        self.key_file.write_text(right)
        self.daemon.call("io.aziotd.device.Reconnect")
        self.daemon.wait_online()

    def test_a_run_that_is_under_way_can_be_stopped(self):
        self.enroll(assigning=1000)
        self.daemon.start()
        self.daemon.wait_for_link("provisioning")
        self.daemon.notify.wait_for("^STATUS=provisioning: localhost$")
        eventually(lambda: "registers" in self.hub.program.output(), "a registration")
        self.assertEqual(self.daemon.stop(), 0)

    def test_a_service_that_comes_later_is_found(self):
        self.enroll()
        self.hub.stop()
        self.daemon.start()
        self.daemon.program.wait_for_output("retrying")
        self.assertEqual(self.daemon.status()["link"]["state"], "provisioning")
        self.hub.start()
        self.daemon.wait_online()


if __name__ == "__main__":
    tap.main()
