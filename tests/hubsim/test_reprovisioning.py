# SPDX-License-Identifier: MIT
"""Devices that are assigned another hub, which is one of these, too, and registrations that outlive the program."""

import re
import tempfile
import time
from pathlib import Path

import device as mqtt
from device import DPS_FILTER, Device, ProvisionedDevice
from hub import Hub, X509Case, enforces
import tap  # hub knows where it is


class ReprovisioningCase(X509Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.other_directory.cleanup)
        cls.other = Hub(Path(cls.other_directory.name) / "state")
        cls.other.start()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        if cls.other.stop() != 0:
            raise AssertionError("\n".join(cls.other.errors))

    def tearDown(self):
        self.hub.control("ClearFaults")

    def enroll(self, *options):
        return self.run_command("enrollment", "add", self.name, "--retry-after", "0", *options)

    def change(self, *options):
        self.run_command("enrollment", "change", self.name, *options)

    def move(self, *options):
        """The other hub is the one from now on."""
        self.change("--hub", self.host(self.other), "--hub-socket", self.other.socket_path, *options)

    def host(self, hub):
        return f"localhost:{(hub.state / 'port').read_text().strip()}"

    def open_dps(self, line, certificate=None):
        d = ProvisionedDevice(line, str(self.hub.state / "ca.pem"), client_certificate=certificate and certificate.pair)
        self.addCleanup(d.close)
        return d

    def provision(self, line, certificate=None):
        with self.open_dps(line, certificate) as d:
            return d.provision()["registrationState"]

    def connect(self, hub, line, device=None, certificate=None):
        """The code of CONNACK at this hub, with what the device was provisioned by."""
        key = mqtt.parse_connection_string(line).get("SharedAccessKey")
        credential = f"SharedAccessKey={key}" if key else "x509=true"
        with Device(f"HostName={self.host(hub)};DeviceId={device or self.name};{credential}", str(hub.state / "ca.pem"),
                    client_certificate=certificate and certificate.pair) as d:
            return d.connect()[1]


class OtherHub(ReprovisioningCase):
    @enforces(34)
    def test_a_device_goes_to_another_hub_and_comes_back(self):
        line = self.enroll()
        self.assertEqual(self.provision(line)["assignedHub"], self.host(self.hub))
        self.assertEqual((self.connect(self.hub, line), self.connect(self.other, line)), (0, 5))
        self.move()
        state = self.provision(line)
        self.assertEqual((state["assignedHub"], state["substatus"]), (self.host(self.other), "deviceDataMigrated"))
        self.assertEqual((self.connect(self.hub, line), self.connect(self.other, line)), (5, 0))
        self.wait_for_log("404001 CONNECT refused with code 5: there is no such device")
        self.change("--hub", "", "--reprovision", "reset")
        self.assertEqual(self.provision(line)["substatus"], "deviceDataReset")
        self.assertEqual(self.connect(self.hub, line), 0)

    def test_a_live_connection_ends_when_its_device_goes(self):
        line = self.enroll()
        self.provision(line)
        key = mqtt.parse_connection_string(line)["SharedAccessKey"]
        d = self.open(f"HostName={self.host(self.hub)};DeviceId={self.name};SharedAccessKey={key}")
        self.assertEqual(d.connect()[1], 0)
        self.move()
        self.provision(line)
        d.wait_for_close()
        self.wait_for_log("404001 closed: the device has been removed")

    def test_a_device_of_a_group(self):
        self.enroll("--group")
        self.move()
        group, self.name = self.name, "member-1"
        line = self.run_command("enrollment", "show", group, self.name)
        self.assertEqual(self.provision(line)["assignedHub"], self.host(self.other))
        self.assertEqual(self.connect(self.other, line), 0)

    def test_a_device_with_a_certificate(self):
        own, second = self.create("--self-signed"), self.create("--self-signed", folder="b")
        line = self.enroll("--thumbprint", f"{own.sha1},{second.sha256}", "--device", "Other_1")
        self.move()
        for certificate in (own, second):
            self.assertEqual(self.provision(line, certificate)["deviceId"], "Other_1")
            self.assertEqual(self.connect(self.other, line, "Other_1", certificate), 0)

    @enforces(34)
    def test_a_hub_that_cannot_be_reached_is_a_failure(self):
        line = self.enroll()
        self.change("--hub", "elsewhere", "--hub-socket", "/nowhere/socket")
        state = self.provision(line)
        self.assertEqual((state["status"], state["errorCode"]), ("failed", 400209))
        self.wait_for_log("cannot be registered at /nowhere/socket: ")
        self.move()
        self.assertEqual(self.provision(line)["substatus"], "initialAssignment")

    def test_a_device_that_stays_is_not_told_elsewhere(self):
        line = self.enroll("--reprovision", "never")
        self.provision(line)
        self.move()
        self.assertEqual(self.provision(line)["assignedHub"], self.host(self.hub))
        self.assertEqual((self.connect(self.hub, line), self.connect(self.other, line)), (0, 5))


class Operations(ReprovisioningCase):
    def poll_over_restart(self, line, polls_before=0):
        """Registers, restarts the hub and polls; the document."""
        with self.open_dps(line) as d:
            d.connect()
            d.subscribe(DPS_FILTER)
            operation_id = d.register('{"registrationId":"%s","payload":{"a":1}}' % self.name)[2]["operationId"]
            for _ in range(polls_before):
                d.poll(operation_id)
        self.assertEqual(self.hub.stop(), 0)
        self.hub.start()
        d = self.open_dps(line)
        d.connect()
        d.subscribe(DPS_FILTER)
        document = d.poll(operation_id)[2]
        self.assertEqual(document["operationId"], operation_id)
        self.assertEqual(self.hub.control("GetRegistration", registration=self.name)[1]["payload"], '{"a":1}')
        return document

    def test_a_device_goes_on_polling_after_a_restart(self):
        line = self.enroll()
        self.assertEqual(self.poll_over_restart(line)["registrationState"]["substatus"], "initialAssignment")
        self.assertEqual(self.connect(self.hub, line), 0)

    def test_what_has_failed_or_was_assigned_still_is(self):
        line = self.enroll("--failure", "400207", "--failure-message", "no tenant")
        state = self.poll_over_restart(line, 1)["registrationState"]
        self.assertEqual((state["errorCode"], state["errorMessage"]), (400207, "no tenant"))
        self.change("--failure", "0")
        self.assertEqual(self.poll_over_restart(line, 1)["status"], "assigned")


class Failures(ReprovisioningCase):
    @enforces(34)
    def test_a_webhook_fails_in_its_own_words(self):
        line = self.enroll("--failure", "400207", "--failure-message", "Custom allocation failed with status code: 418")
        state = self.provision(line)
        self.assertEqual((state["status"], state["errorCode"], state["errorMessage"]),
                         ("failed", 400207, "Custom allocation failed with status code: 418"))
        self.change("--failure-message", "")
        self.assertEqual(self.provision(line)["errorMessage"], "Custom allocation failed with status code: 500")

    def test_errors_have_the_code_that_was_asked_for_and_their_tracking_id_is_logged(self):
        d = self.open_dps(self.enroll())
        d.connect()
        d.subscribe(DPS_FILTER)
        self.hub.control("DpsFault", registers=1, errorCode=409203, retryAfterSeconds=7)
        self.assertEqual(self.hub.control("ListFaults")[1]["faults"],
                         ['dps {"registers":1,"errorCode":409203,"retryAfterSeconds":7}'])
        status, retry_after, document = d.register()
        self.assertEqual((status, retry_after, document["errorCode"]), (409, 7, 409203))
        self.wait_for_log(f"409203 registration refused: as it was asked to (tracking id {document['trackingId']})")

    @enforces(34)
    def test_unassigned_is_not_the_end(self):
        self.hub.control("DpsFault", unassigned=1)
        d = self.open_dps(self.enroll("--assigning", "2"))
        d.connect()
        d.subscribe(DPS_FILTER)
        operation_id = d.register()[2]["operationId"]
        documents = [d.poll(operation_id)[::2] for _ in range(3)]
        self.assertEqual([(status, document["status"]) for status, document in documents],
                         [(202, "unassigned"), (202, "assigning"), (200, "assigned")])

    @enforces(39)
    def test_answers_are_dated_by_the_clock_of_the_hub(self):
        line = self.enroll()
        self.hub.control("ClockOffset", seconds=400 * 86400)
        with self.open_dps(line) as d:
            self.assertEqual(d.connect(lifetime_s=500 * 86400)[1], 0)
            d.subscribe(DPS_FILTER)
            state = d.poll(d.register()[2]["operationId"])[2]["registrationState"]
        year = time.gmtime(time.time() + 400 * 86400).tm_year
        self.assertTrue(re.match(f"{year}-", state["createdDateTimeUtc"]), state)


if __name__ == "__main__":
    tap.main()
