# SPDX-License-Identifier: MIT
"""Azure's own device SDK for Python, unmodified, against aziot-hubsim: a second stranger as judge.

HUBSIM is the program.
"""

import datetime
import json
import queue

from sdk import TIMEOUT_S, find_address  # first: it knows where the others are
from azure.iot.device import IoTHubDeviceClient, Message, MethodResponse, exceptions
from hub import HubCase
import tap


class PythonSdk(HubCase):
    address = find_address()
    options = ("--listen", f"{address}:8883", "--host", address)
    transport = {}  # of the SDK

    def open_client(self, **options):
        """A connected client of a new device."""
        client = IoTHubDeviceClient.create_from_connection_string(
            self.add_device().strip(), server_verification_cert=(self.hub.state / "ca.pem").read_text(),
            connection_retry_interval=1, **self.transport, **options)
        self.addCleanup(client.shutdown)
        client.connect()
        return client

    def twin(self):
        return json.loads(self.hub.command("twin", self.name).stdout)

    def count(self, event):
        """How often the hub has logged this of the device."""
        return sum(line.startswith(f"aziot-hubsim: {self.name}: {event}") for line in self.hub.errors)

    def test_telemetry_arrives_with_all_its_properties(self):
        client = self.open_client()
        message = Message('{"n":9007199254740993,"x":1.10}', "mid/1", "utf-8", "application/json", "output1")
        message.correlation_id, message.user_id = "c 1", "ü&me"
        message.expiry_time_utc = datetime.datetime(2030, 1, 2, 3, 4, 5)
        message.set_as_security_message()
        message.custom_properties = {"alert": "yes & no", "sp ace": "ü/#+?%", "empty": ""}
        client.send_message(message)
        client.send_message("plain text")

        first, second = self.arrived()
        self.assertEqual(first["system"], {
            "message-id": "mid/1", "correlation-id": "c 1", "user-id": "ü&me", "content-type": "application/json",
            "content-encoding": "utf-8", "absolute-expiry-time": "2030-01-02T03:04:05", "iothub-output-name": "output1",
            "iothub-interface-id": "urn:azureiot:Security:SecurityAgent:1"})
        self.assertEqual(first["properties"], message.custom_properties)
        self.assertEqual(first["body"], {"n": 9007199254740993, "x": 1.10})
        self.assertEqual(second["data"], "cGxhaW4gdGV4dA==")

    def test_a_method_is_called_and_answered(self):
        client = self.open_client()

        def answer(request):
            client.send_method_response(MethodResponse.create_from_method_request(
                request, 201 if request.name == "echo" else 404, {"name": request.name, "got": request.payload}))

        client.on_method_request_received = answer
        call = self.hub.command("invoke", self.name, "echo", '{"delay":[5]}')
        self.assertEqual(json.loads(call.stdout), {"status": 201, "payload": {"name": "echo", "got": {"delay": [5]}}})
        call = self.hub.command("invoke", self.name, "un*known")
        self.assertEqual(json.loads(call.stdout), {"status": 404, "payload": {"name": "un*known", "got": None}})

    def test_a_twin_is_read_and_reported_to(self):
        client = self.open_client()
        self.hub.command("twin", self.name, "update", '{"rate":5,"mode":{"name":"eco"}}')
        self.assertEqual(client.get_twin(), {"desired": {"rate": 5, "mode": {"name": "eco"}, "$version": 2},
                                             "reported": {"$version": 1}})
        client.patch_twin_reported_properties({"firmware": "1.2", "net": {"ip": "::1", "mask": 64}})
        client.patch_twin_reported_properties({"net": {"mask": None}})
        self.assertEqual(self.twin()["reported"], {"firmware": "1.2", "net": {"ip": "::1"}})
        self.assertEqual(client.get_twin()["reported"]["$version"], 3)

        for patch in ({"a.b": 1}, {"text": "x" * 4097}, {f"k{i}": "x" * 4096 for i in range(9)}):
            with self.assertRaises(exceptions.ClientError):
                client.patch_twin_reported_properties(patch)
        self.assertEqual(self.twin()["reportedVersion"], 3)

    def test_desired_properties_are_followed_across_an_absence(self):
        client, patches = self.open_client(), queue.Queue()
        client.get_twin()  # subscribes to answers, without which the SDK asks in vain after its absence
        client.on_twin_desired_properties_patch_received = patches.put
        self.hub.command("twin", self.name, "update", '{"rate":6,"old":null}')
        self.assertEqual(patches.get(timeout=TIMEOUT_S), {"rate": 6, "old": None, "$version": 2})
        self.hub.command("twin", self.name, "replace", '{"mode":"eco"}')
        self.assertEqual(patches.get(timeout=TIMEOUT_S), {"mode": "eco", "$version": 3})

        client.disconnect()
        self.hub.command("twin", self.name, "update", '{"rate":7}')
        client.connect()
        # The hub does not say it again; the SDK asks for the twin and hands out what is new in it.
        self.assertEqual(patches.get(timeout=TIMEOUT_S), {"mode": "eco", "rate": 7, "$version": 4})

    def test_a_kicked_device_comes_back_with_all_it_serves(self):
        client, patches = self.open_client(), queue.Queue()
        client.on_twin_desired_properties_patch_received = patches.put
        client.on_method_request_received = lambda request: client.send_method_response(
            MethodResponse.create_from_method_request(request, 200))
        client.send_message("1")

        self.assertEqual(self.hub.control("Kick", device=self.name), (None, {"wasConnected": True}))
        self.eventually(lambda: self.count("connected") == 2 and client.connected)
        client.send_message("2")
        self.assertEqual(self.hub.command("invoke", self.name, "ping").returncode, 0)
        self.hub.command("twin", self.name, "update", '{"a":1}')
        self.assertEqual(patches.get(timeout=TIMEOUT_S), {"a": 1, "$version": 2})
        self.assertEqual([line["body"] for line in self.arrived()], [1, 2])

    def test_a_token_is_renewed_and_nobody_notices(self):
        # The SDK renews two minutes before the end.
        client = self.open_client(sastoken_ttl=122)
        self.eventually(lambda: self.count("connected") >= 3)
        client.send_message("1")
        self.assertEqual([line["body"] for line in self.arrived()], [1])
        self.assertEqual(self.count("401003"), 0)

    def test_a_cloud_to_device_message_arrives_with_its_properties(self):
        client, messages = self.open_client(), queue.Queue()
        client.on_message_received = messages.put
        error, _ = self.hub.control(
            "SendMessage", device=self.name, body='{"n":1.10}', messageId="m/1", correlationId="c 1", userId="ü&me",
            contentType="application/json", contentEncoding="utf-8", properties={"alert": "yes & no", "sp ace": "ü/#+"},
            ack="full")
        self.assertIsNone(error)
        m = messages.get(timeout=TIMEOUT_S)
        self.assertEqual((m.data, m.message_id, m.correlation_id, m.user_id, m.content_type, m.content_encoding, m.ack),
                         (b'{"n":1.10}', "m/1", "c 1", "ü&me", "application/json", "utf-8", "full"))
        self.assertEqual(m.custom_properties, {"alert": "yes & no", "sp ace": "ü/#+"})
        self.eventually(lambda: self.hub.control("ListMessages", device=self.name)[1]["messages"] == [])
        records = self.hub.control("Feedback", device=self.name)[1]["records"]
        self.assertEqual([(r["messageId"], r["status"]) for r in records], [("m/1", "Success")])


if __name__ == "__main__":
    tap.main()
