#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The examples of docs/examples/embedded that ask the provisioning service for their hub, on each MQTT client."""

import json
import re

import harness
from embedded import EmbeddedCase, build
from harness import tap


def setUpModule():
    EmbeddedCase.built = build()


class ProvisioningCases:
    """A device that asks where it belongs, with the enrollment "thermo-1"."""

    def enroll(self, name="thermo-1", **parameters):
        line = self.hub.call("AddEnrollment", {"enrollment": name, "retryAfterSeconds": 1, **parameters})["connectionString"]
        if parameters.get("group"):
            line = self.hub.call("FormatEnrollment", {"enrollment": name, "registration": "thermo-1"})["connectionString"]
        fields = dict(field.split("=", 1) for field in line.split(";"))
        self.key_file.write_text(fields.get("SharedAccessKey", ""))
        self.settings |= {"AZIOT_ID_SCOPE": fields["IdScope"], "AZIOT_REGISTRATION_ID": "thermo-1"}

    def run_device(self, **settings):
        return self.run_example("provisioning-" + self.client, **settings)

    def test_a_device_with_its_own_key_is_assigned(self):
        self.enroll(payload='{"room":7}', device="hall")
        device = self.run_device()
        device.wait_for_output("^assigned to localhost as hall$")
        device.wait_for_output(r'^  with {"room":7}$')
        self.assert_sends(device, "hall")
        registration = self.hub.call("GetRegistration", {"registration": "thermo-1"})
        self.assertEqual(json.loads(registration["payload"]), {"modelId": "dtmi:com:example:Thermostat;1"})

    def test_a_device_with_a_key_of_its_group_is_assigned(self):
        self.enroll("plant", group=True)
        self.assert_sends(self.run_device(), "thermo-1")

    def test_a_device_is_assigned_by_the_thumbprint_of_its_certificate(self):
        thumbprint = self.use_certificate("thermo-1", "--self-signed")["SHA-256"]
        self.enroll(authentication="selfSigned", primaryThumbprint=thumbprint)
        self.assert_sends(self.run_device(), "thermo-1")

    def test_a_device_is_assigned_by_the_ca_of_its_certificate(self):
        self.use_certificate("thermo-1")
        self.enroll(authentication="certificateAuthority")
        self.assert_sends(self.run_device(), "thermo-1")

    def test_a_device_of_a_group_is_assigned_by_the_ca_of_its_certificate(self):
        ca = self.use_certificate("thermo-1", "--intermediate", "factory")["its CA"]
        self.enroll("plant", group=True, authentication="certificateAuthority", primaryThumbprint=ca)
        self.assert_sends(self.run_device(), "thermo-1")

    def test_it_waits_while_it_is_being_assigned(self):
        self.enroll(assigning=1, retryAfterSeconds=4)
        device = self.run_device()
        self.assert_sends(device, "thermo-1")
        self.assertEqual(len(re.findall("^waiting for 4.0 s$", device.output(), re.MULTILINE)), 2)

    def test_a_service_that_is_busy_is_asked_again(self):
        self.enroll()
        self.hub.call("DpsFault", {"registers": 1, "status": 429, "retryAfterSeconds": 4})
        device = self.run_device()
        self.assert_sends(device, "thermo-1")
        self.assertRegex(device.output(), "waiting for 4")

    def test_a_lost_connection_does_not_end_it(self):
        self.enroll()
        self.hub.call("DpsFault", {"close": 1})
        device = self.run_device()
        device.wait_for_output("^lost: closed")
        self.assert_sends(device, "thermo-1")

    def test_a_failed_assignment_is_tried_later(self):
        self.enroll(failure=400207)
        device = self.run_device()
        device.wait_for_output(r"^failed: assignment \(0, 400207\)")
        device.wait_for_output(r"^next registration in \d+ s$")

    def test_a_disabled_enrollment_is_tried_later(self):
        self.enroll(status="disabled")
        device = self.run_device()
        device.wait_for_output("^failed: disabled")
        device.wait_for_output(r"^next registration in \d+ s$")

    def test_a_wrong_key_is_refused(self):
        self.enroll()
        self.key_file.write_text("AAAA")
        self.run_device().wait_for_output(r"^failed: refused \(5, 0\)")


class ProvisioningOnMosquitto(ProvisioningCases, EmbeddedCase):
    client = "mosquitto"

    def test_a_device_that_was_moved_finds_its_hub(self):
        assignment = self.directory / "assignment"
        self.enroll()
        whose = "{AZIOT_ID_SCOPE} {AZIOT_REGISTRATION_ID}".format_map(self.settings)
        assignment.write_text(f"localhost gone {whose}\n")
        device = self.run_device(AZIOT_ASSIGNMENT_FILE=str(assignment))
        # Between the second refusal and the third are 30 to 60 seconds.
        device.wait_for_output("^assigned to localhost as thermo-1$", timeout_s=4 * harness.TIMEOUT_S)
        self.assertEqual(len(re.findall(r"^lost: refused \(5\)", device.output(), re.MULTILINE)), 3)
        self.assert_sends(device, "thermo-1")
        self.assertEqual(assignment.read_text(), f"localhost thermo-1 {whose}\n")

    def test_what_another_was_assigned_is_not_for_it(self):
        assignment = self.directory / "assignment"
        assignment.write_text("localhost other 0ne00000000 other\n")
        self.enroll()
        device = self.run_device(AZIOT_ASSIGNMENT_FILE=str(assignment))
        device.wait_for_output("^assigned to localhost as thermo-1$")
        self.assert_sends(device, "thermo-1")

    def test_what_it_was_assigned_is_kept(self):
        assignment = self.directory / "assignment"
        self.enroll()
        for is_first in (True, False):
            device = self.run_device(AZIOT_ASSIGNMENT_FILE=str(assignment))
            self.assert_sends(device, "thermo-1")
            self.assertEqual("assigned to" in device.output(), is_first)
            device.stop()


class ProvisioningOnPaho(ProvisioningCases, EmbeddedCase):
    client = "paho"


if __name__ == "__main__":
    tap.main()
