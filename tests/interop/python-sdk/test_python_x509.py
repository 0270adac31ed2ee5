# SPDX-License-Identifier: MIT
"""Azure's own device SDK for Python, unmodified, with client certificates against aziot-hubsim. HUBSIM is the program."""

from sdk import find_address  # first: it knows where the others are
from azure.iot.device import IoTHubDeviceClient, MethodResponse, X509, exceptions
from hub import HubCase
import tap


class PythonX509(HubCase):
    address = find_address()
    options = ("--listen", f"{address}:8883", "--host", address)
    transport = {}  # of the SDK

    def make_certificate(self, name, *options):
        """What "certificate create" has printed."""
        run = self.hub.command("certificate", "create", name, self.hub.state / "devices", *options)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        return {key: value.strip() for key, value in (line.split(": ", 1) for line in run.stdout.splitlines())}

    def make_client(self, made, *device_options):
        """A client of a new device."""
        self.assertEqual(self.hub.command("device", "add", self.name, *device_options).returncode, 0)
        client = IoTHubDeviceClient.create_from_x509_certificate(
            X509(made["certificate"], made["key"]), self.address, self.name,
            server_verification_cert=(self.hub.state / "ca.pem").read_text(), connection_retry_interval=1,
            **self.transport)
        self.addCleanup(client.shutdown)
        return client

    def check(self, client):
        client.on_method_request_received = lambda request: client.send_method_response(
            MethodResponse.create_from_method_request(request, 200))
        client.send_message('{"n":1}')
        client.patch_twin_reported_properties({"firmware": "1.2"})
        self.assertEqual([line["body"] for line in self.arrived()], [{"n": 1}])
        self.assertEqual(self.hub.command("invoke", self.name, "ping", "--connect-timeout", "10").returncode, 0)

    def test_thumbprint(self):
        self.name = "thumbprint"
        made = self.make_certificate(self.name, "--self-signed")
        self.check(self.make_client(made, "--thumbprint", made["SHA-256"]))

    def test_ca(self):
        self.name = "ca"
        self.check(self.make_client(self.make_certificate(self.name), "--ca"))

    def test_intermediate_ca_and_a_kick(self):
        self.name = "intermediate"
        client = self.make_client(self.make_certificate(self.name, "--intermediate", "factory"), "--ca")
        self.check(client)
        self.assertEqual(self.hub.control("Kick", device=self.name), (None, {"wasConnected": True}))
        self.wait_for_log("connected, session present")
        self.eventually(lambda: client.connected)
        client.send_message("2")
        self.eventually(lambda: len(self.arrived()) == 2)

    def test_another_device_is_refused(self):
        self.name = "victim"
        client = self.make_client(self.make_certificate("burglar"), "--ca")
        with self.assertRaises(exceptions.CredentialError):
            client.connect()
        self.wait_for_log("401003 CONNECT refused with code 5: the certificate's common name is another one")


if __name__ == "__main__":
    tap.main()
