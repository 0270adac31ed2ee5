# SPDX-License-Identifier: MIT
"""Azure's own SDK for Python, unmodified, is provisioned by aziot-hubsim and connects to what it was assigned.

HUBSIM is the program.
"""

import json
import os
import sys

from sdk import find_address  # first: it knows where the others are
from azure.iot.device import IoTHubDeviceClient, ProvisioningDeviceClient, X509, exceptions
from device import parse_connection_string
from hub import Certificate, HubCase
import tap


class PythonProvisioning(HubCase):
    address = find_address()
    options = ("--listen", f"{address}:8883", "--host", address)
    transport = {}  # of the SDK

    def enroll(self, name, *options):
        """A new enrollment; what its device needs."""
        self.name = name
        return self.fields("add", name, "--retry-after", "1", *options)

    def fields(self, *command):
        run = self.hub.command("enrollment", *command)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        return parse_connection_string(run.stdout)

    def certificate(self, *options):
        run = self.hub.command("certificate", "create", self.name, self.hub.state / "devices", *options)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        made = Certificate(run.stdout)
        return made, X509(str(made.path), str(made.key))

    def make_client(self, fields, x509=None):
        options = {"server_verification_cert": (self.hub.state / "ca.pem").read_text(), **self.transport}
        where = (fields["Endpoint"], fields["RegistrationId"], fields["IdScope"])
        if x509:
            return ProvisioningDeviceClient.create_from_x509_certificate(*where, x509, **options)
        return ProvisioningDeviceClient.create_from_symmetric_key(*where, fields["SharedAccessKey"], **options)

    def check(self, fields, x509=None, payload=None):
        """Registers, then sends a message to the hub that was assigned; what the SDK was answered."""
        client = self.make_client(fields, x509)
        client.provisioning_payload = payload
        result = client.register()
        state = result.registration_state
        self.assertEqual((result.status, state.assigned_hub), ("assigned", self.address))

        options = {"server_verification_cert": (self.hub.state / "ca.pem").read_text(), **self.transport}
        if x509:
            device = IoTHubDeviceClient.create_from_x509_certificate(x509, state.assigned_hub, state.device_id, **options)
        else:
            device = IoTHubDeviceClient.create_from_symmetric_key(fields["SharedAccessKey"], state.assigned_hub,
                                                                  state.device_id, **options)
        self.addCleanup(device.shutdown)
        device.send_message('{"n":1}')
        self.name = state.device_id
        self.assertEqual([line["body"] for line in self.arrived()], [{"n": 1}])
        return state

    def test_a_device_of_its_own(self):
        fields = self.enroll("pump-17", "--assigning", "1", "--device", "main-pump", "--payload", '{"region":"weu"}')
        state = self.check(fields, payload={"modelId": "dtmi:contoso:Pump;1"})
        self.assertEqual((state.device_id, state.sub_status, json.loads(state.response_payload)),
                         ("main-pump", "initialAssignment", {"region": "weu"}))
        self.assertEqual(self.hub.control("GetRegistration", registration="pump-17")[1]["payload"],
                         '{"modelId": "dtmi:contoso:Pump;1"}')

    def test_a_device_of_a_group(self):
        self.enroll("pumps", "--group")
        self.assertEqual(self.check(self.fields("show", "pumps", "pump-18")).device_id, "pump-18")

    def test_a_device_with_a_certificate(self):
        self.name = "camera-1"
        made, x509 = self.certificate("--self-signed")
        self.check(self.enroll(self.name, "--thumbprint", made.sha256), x509)

    def test_a_device_with_a_certificate_of_a_group(self):
        self.enroll("cameras", "--group", "--ca")
        self.name = "camera-2"
        self.check(self.fields("show", "cameras", self.name), self.certificate("--intermediate", "factory")[1])

    def test_a_registration_that_fails(self):
        for options in (("--failure", "400208"), ("--status", "disabled")):
            with self.subTest(options), self.assertRaises(exceptions.ClientError) as failure:
                self.make_client(self.enroll(options[1], *options)).register()
            self.assertIsInstance(failure.exception.__cause__, exceptions.ServiceError)

    def test_a_wrong_key(self):
        fields = self.enroll("burglar")
        fields["SharedAccessKey"] = "A" * 43 + "="
        with self.assertRaises(exceptions.CredentialError):
            self.make_client(fields).register()
        self.wait_for_log("401002 CONNECT refused with code 5: the token's signature is wrong")

    def test_what_goes_wrong_on_the_way_is_tried_again(self):
        fields = self.enroll("patient")
        self.hub.control("DpsFault", registers=1, polls=1, retryAfterSeconds=1, foreign=4)
        self.check(fields)
        self.assertEqual(self.hub.control("ListFaults")[1]["faults"], [])


if __name__ == "__main__":
    try:
        tap.main()
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(end.code)  # without the timers of half a minute that the SDK leaves behind
