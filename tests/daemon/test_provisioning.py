#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""aziotd asks the provisioning service of aziot-hubsim for its hub."""

import subprocess

import harness
from harness import BUILD, tap


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

    def use_certificate(self, name, *options):
        """Gives the device a certificate in place of the key, and returns what was printed with it."""
        argv = [BUILD / "aziot-hubsim", "certificate", "create", name, self.directory / "certificates", *options,
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
        made = self.use_certificate("pump-17", "--self-signed")
        self.enroll(authentication="selfSigned", primaryThumbprint=made["SHA-256"])
        self.assert_becomes("pump-17")

    def test_a_device_of_a_group_with_a_certificate_and_its_intermediate(self):
        made = self.use_certificate("pump-17", "--intermediate", "factory")
        self.enroll("pumps", group=True, authentication="certificateAuthority", primaryThumbprint=made["its CA"])
        self.assert_becomes("pump-17")


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


if __name__ == "__main__":
    tap.main()
