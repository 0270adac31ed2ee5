#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The examples of docs/examples/embedded that know their hub, on each MQTT client."""

import json
import re
import signal
import unittest

import harness
from embedded import EXAMPLES, EmbeddedCase, build
from harness import eventually, tap
from installed import run


def setUpModule():
    EmbeddedCase.built = build()


class HubCases:
    """What a device does, whatever its MQTT client is."""

    def run_device(self, **settings):
        """Starts it and waits until it has the twin."""
        device = self.run_example("hub-" + self.client, **settings)
        device.wait_for_output("^reported: accepted$")
        return device

    def reported(self):
        return self.hub.call("GetTwin", {"device": "demo"})["reported"]

    def update_desired(self, patch):
        return self.hub.call("UpdateDesired", {"device": "demo", "patch": patch})["version"]

    def test_telemetry_arrives_with_its_properties(self):
        self.run_device()
        message = self.hub.wait_for_messages(1)[0]
        self.assertIsInstance(message["body"]["temperature"], float)
        self.assertEqual(message["properties"], {"alarm": "false"})
        self.assertEqual({name: message["system"].get(name) for name in ("content-type", "content-encoding", "dt-subject")},
                         {"content-type": "application/json", "content-encoding": "utf-8",
                          "dt-subject": "thermostat"})

    def test_a_message_is_taken_and_acknowledged(self):
        device = self.run_device()
        message = self.hub.call("SendMessage", {"device": "demo", "body": "hello, device", "properties": {"k": "v"},
                                                "ack": "full"})["messageId"]
        device.wait_for_output("^message hello, device$")
        device.wait_for_output("^  k=v$")
        records = eventually(lambda: self.hub.call("Feedback", {"device": "demo"})["records"], "feedback")
        self.assertEqual([(r["messageId"], r["status"]) for r in records], [(message, "Success")])

    def test_commands_are_answered(self):
        self.run_device()
        self.assertEqual(self.hub.invoke("echo", '{"n": [1, 2]}'), (200, '{"n": [1, 2]}'))
        status, payload = self.hub.invoke("thermostat*getMaxMin")
        self.assertEqual(status, 200)
        self.assertGreater(json.loads(payload)["max"], json.loads(payload)["min"])
        self.assertEqual(self.hub.invoke("reboot")[0], 404)

    def test_writable_properties_are_answered(self):
        device = self.run_device()
        self.assertEqual(self.reported()["serialNumber"], "A7-0042")
        self.assertEqual(self.reported()["interval"], {"ac": 203, "av": 0, "value": 10})
        self.assertEqual(self.reported()["thermostat"]["targetTemperature"], {"ac": 203, "av": 0, "value": 21})

        version = self.update_desired({"interval": 1, "thermostat": {"targetTemperature": 25.5}, "other": {"a": [1]}})
        answer = {"ac": 200, "av": version, "value": 25.5}
        eventually(lambda: self.reported()["thermostat"]["targetTemperature"] == answer, f"{answer} is reported")
        self.assertEqual(self.reported()["interval"], {"ac": 200, "av": version, "value": 1})
        self.assertEqual(self.reported()["thermostat"]["__t"], "c")

        refused = self.update_desired({"thermostat": {"targetTemperature": 99}})
        answer = {"ac": 400, "av": refused, "value": 25.5, "ad": "not a number in the range"}
        eventually(lambda: self.reported()["thermostat"]["targetTemperature"] == answer, f"{answer} is reported")
        self.assertEqual(self.reported()["interval"]["av"], version)

        # A message a second, from now on.
        self.hub.wait_for_messages(len(self.hub.messages()) + 3)
        self.assertEqual(device.stop(), 0)

    def test_what_was_desired_meanwhile_is_answered(self):
        version = self.update_desired({"interval": 2})
        self.run_device()
        self.assertEqual(self.reported()["interval"], {"ac": 200, "av": version, "value": 2})

    def test_it_connects_again(self):
        device = self.run_device()
        self.assertTrue(self.hub.call("Kick", {"device": "demo"})["wasConnected"])
        device.wait_for_output("^lost: closed")
        eventually(lambda: len(re.findall("^connected to localhost$", device.output(), re.MULTILINE)) == 2, "connected")
        self.assertEqual(self.hub.invoke("echo", "1"), (200, "1"))

    def test_a_certificate_known_by_its_thumbprint_is_enough(self):
        thumbprint = self.use_certificate("lamp", "--self-signed")["SHA-256"]
        self.hub.call("AddDevice", {"device": "lamp", "authentication": "selfSigned", "primaryThumbprint": thumbprint})
        self.assert_sends(self.run_device(AZIOT_DEVICE_ID="lamp"), "lamp")

    def test_a_certificate_of_a_ca_is_enough(self):
        self.use_certificate("lamp", "--intermediate", "factory")
        self.hub.call("AddDevice", {"device": "lamp", "authentication": "certificateAuthority"})
        self.assert_sends(self.run_device(AZIOT_DEVICE_ID="lamp"), "lamp")

    def test_a_new_key_is_taken_without_a_loss(self):
        device = self.run_device()
        device.send_signal(signal.SIGHUP)
        device.wait_for_output("^the link is renewed$")
        eventually(lambda: len(re.findall("^connected to localhost$", device.output(), re.MULTILINE)) == 2, "connected")
        self.assertEqual(self.hub.invoke("echo", "1"), (200, "1"))
        self.assertNotIn("lost", device.output())

    def test_a_new_key_is_taken_at_once_after_a_wrong_one(self):
        key = self.key_file.read_text()
        self.key_file.write_text("d3Jvbmc=")
        device = self.run_example("hub-" + self.client)
        device.wait_for_output(r"^lost: refused \(\d\), next attempt in [3-6]\d\.")
        self.key_file.write_text(key)
        device.send_signal(signal.SIGHUP)
        device.wait_for_output("^connected to localhost$", timeout_s=20)

    def test_a_hub_that_is_another_is_not_spoken_to(self):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
            "/CN=other", "-keyout", self.directory / "other-key.pem", "-out", self.directory / "other.pem",
            env=harness.environment())
        device = self.run_example("hub-" + self.client, AZIOT_CA_FILE=str(self.directory / "other.pem"))
        device.wait_for_output("^lost: tls")

    def test_a_wrong_key_is_refused(self):
        self.key_file.write_text("AAAA")
        self.run_example("hub-" + self.client).wait_for_output(r"^lost: refused \(5\)")

    def test_it_runs_as_long_as_it_is_told(self):
        device = self.run_example("hub-" + self.client, "1")
        self.assertEqual(device.wait(), 0)


class HubOnMosquitto(HubCases, EmbeddedCase):
    client = "mosquitto"


class HubOnPaho(HubCases, EmbeddedCase):
    client = "paho"


class Plain(EmbeddedCase):
    def test_telemetry(self):
        self.assertEqual(self.run_example("plain-telemetry").wait(), 0)
        self.assertEqual([(m["body"], m["properties"]) for m in self.hub.messages()],
                         [({"n": n}, {"kind": "counter"}) for n in range(1, 6)])


class Readme(unittest.TestCase):
    def test_it_names_each_file(self):
        readme = (EXAMPLES / "README.md").read_text()
        for path in EXAMPLES.iterdir():
            if path.suffix in (".c", ".h"):
                self.assertIn(f"[{path.name}]({path.name})", readme)


if __name__ == "__main__":
    tap.main()
