# SPDX-License-Identifier: MIT
"""What the scenarios know of the other end, twice: aziot-hubsim on this machine, and Azure.

A cloud has one device. It tells how the daemon is configured to be it, and does what a service does: it reads
telemetry, sends messages, calls methods and edits the twin. What is needed and not there is a Missing, with which a
scenario is skipped.
"""

import base64
import json
import os
import re
import sys
import subprocess
import threading
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "daemon"), str(HERE.parent / "interop")]
import harness  # noqa: E402
import pypi  # noqa: E402


# The property by which a scenario knows its messages again among those of others.
NAME = "e2e-name"


class Missing(unittest.SkipTest):
    """What a scenario needs is not there."""


def parts(connection_string):
    return dict(part.split("=", 1) for part in connection_string.strip().split(";"))


def secret_file(directory, name, text):
    path = directory / name
    path.touch(0o600)
    path.write_text(text)
    return path


class LocalCloud:
    """aziot-hubsim, with a device "demo"."""

    patience_s = harness.TIMEOUT_S

    def __init__(self, directory):
        self.directory = directory
        self.hub = harness.Hub(directory)

    @staticmethod
    def close():
        pass

    def require(self, what):
        pass

    def start(self):
        self.hub.start()

    def stop(self):
        if self.hub.stop() != 0:
            raise AssertionError(f"aziot-hubsim failed:\n{self.hub.ended[0].output()}")

    def identity(self):
        return {"Hub": {"ConnectionStringFile": self.hub.connection_string_file, "TrustedCAFile": self.hub.ca_file}}

    def websocket_port(self):
        return self.hub.program.wait_for_output(r"WebSocket: +\S+:(\d+)")[1]

    def enroll(self, **parameters):
        """The daemon's configuration for a new enrollment "pump", and what else its connection string has."""
        line = self.hub.call("AddEnrollment", {"enrollment": "pump", "retryAfterSeconds": 1, **parameters})
        found = parts(line["connectionString"])
        return {"Hub": {"TrustedCAFile": self.hub.ca_file},
                "Provisioning": {"Endpoint": "localhost", "Port": self.hub.port, "IdScope": found["IdScope"]}}, found

    def enrolled_by_key(self):
        config, found = self.enroll()
        config["Provisioning"] |= {"RegistrationId": "pump",
                                   "KeyFile": secret_file(self.directory, "key", found["SharedAccessKey"])}
        return "pump", config

    def enrolled_by_certificate(self):
        printed = subprocess.run([harness.BUILD / "aziot-hubsim", "certificate", "create", "pump", self.directory,
                                  "--self-signed", "--state-dir", self.hub.state, "--socket", self.hub.socket_path],
                                 env=harness.environment(), text=True, check=True, stdout=subprocess.PIPE).stdout
        config, _ = self.enroll(authentication="selfSigned",
                                primaryThumbprint=re.search("[0-9A-F]{64}", printed)[0])
        config["Hub"] |= {"CertificateFile": self.directory / "pump.pem", "PrivateKeyFile": self.directory / "pump.key"}
        return "pump", config

    def listen(self):
        pass

    def wait_for_telemetry(self, name):
        def named(messages):
            return [m for m in messages if m.get("properties", {}).get(NAME) == name]

        message = named(self.hub.wait_for_messages(named, self.patience_s))[0]
        body = json.dumps(message["body"]) if "body" in message else base64.b64decode(message["data"]).decode()
        return {"body": body, "properties": message["properties"],
                "contentType": message["system"].get("content-type")}

    def send_message(self, text, message_id, properties):
        self.hub.call("SendMessage", {"device": "demo", "body": text, "messageId": message_id,
                                      "properties": properties})

    def invoke(self, name, payload):
        status, text = self.hub.invoke(name, json.dumps(payload))
        return status, json.loads(text)

    def update_desired(self, patch):
        self.hub.call("UpdateDesired", {"device": "demo", "patch": patch})

    def reported(self):
        return self.hub.call("GetTwin", {"device": "demo"})["reported"]


# What Azure's scenarios take from the environment; docs/e2e.md says where each comes from.
SERVICE, EVENTS, DEVICE = ("AZIOT_E2E_HUB_CONNECTION_STRING", "AZIOT_E2E_EVENTS_CONNECTION_STRING",
                           "AZIOT_E2E_DEVICE_CONNECTION_STRING")
SCOPE, REGISTRATION, KEY = "AZIOT_E2E_DPS_ID_SCOPE", "AZIOT_E2E_DPS_REGISTRATION_ID", "AZIOT_E2E_DPS_KEY"
CERTIFICATE, PRIVATE_KEY = "AZIOT_E2E_DPS_CERTIFICATE_FILE", "AZIOT_E2E_DPS_PRIVATE_KEY_FILE"
NEEDS = {
    "hub": (SERVICE, EVENTS, DEVICE),
    "key": (EVENTS, SCOPE, REGISTRATION, KEY),
    "certificate": (EVENTS, SCOPE, CERTIFICATE, PRIVATE_KEY),
}

PACKAGES = harness.BUILD / "e2e-packages"


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


class Events:
    """What arrives at the hub's built-in endpoint from now on."""

    def __init__(self, connection_string):
        from azure.eventhub import EventHubConsumerClient
        self.client = EventHubConsumerClient.from_connection_string(connection_string, "$Default")
        self.client.get_partition_ids()  # fails if it cannot be reached
        self.arrived = threading.Condition()
        self.events = {}
        self.begin = datetime.now(timezone.utc) - timedelta(minutes=5)  # clocks differ
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        self.client.receive(self._on_event, starting_position=self.begin)

    def _on_event(self, _, event):
        with self.arrived:
            properties = {text(k): text(v) for k, v in (event.properties or {}).items()}
            self.events[properties.get(NAME)] = {"body": event.body_as_str(), "properties": properties,
                                                 "contentType": event.content_type}
            self.arrived.notify_all()

    def wait_for(self, name, timeout_s):
        with self.arrived:
            if not self.arrived.wait_for(lambda: name in self.events, timeout_s):
                raise AssertionError(f"not within {timeout_s} s: message {name} at the built-in endpoint")
            return self.events[name]

    def close(self):
        self.client.close()
        self.thread.join(30)


class AzureCloud:
    """Azure, through Microsoft's own packages for services."""

    # A hub is far away, and a free one is slow.
    patience_s = 120
    shared = {}  # the clients, made once

    def __init__(self, directory):
        self.directory = directory

    def require(self, what):
        missing = [name for name in NEEDS[what] if not os.environ.get(name)]
        if missing:
            raise Missing(f"needs {', '.join(missing)}")

    def start(self):
        pass

    def stop(self):
        pass

    @classmethod
    def close(cls):
        for client in cls.shared.values():
            if isinstance(client, Events):
                client.close()
        cls.shared.clear()

    @classmethod
    def client(cls, name, make):
        if name not in cls.shared:
            failure = pypi.fetch(PACKAGES, HERE / "requirements.txt")
            if failure:
                raise AssertionError(f"Microsoft's packages from PyPI: {failure}")
            cls.shared[name] = make(os.environ[name])
        return cls.shared[name]

    def registry(self):
        def make(secret):
            from azure.iot.hub import IoTHubRegistryManager
            return IoTHubRegistryManager.from_connection_string(secret)
        return self.client(SERVICE, make)

    def events(self):
        return self.client(EVENTS, Events)

    def device(self):
        return parts(os.environ[DEVICE])["DeviceId"]

    def identity(self):
        return {"Hub": {"ConnectionStringFile": secret_file(self.directory, "device", os.environ[DEVICE])}}

    @staticmethod
    def websocket_port():
        return 443

    def enrolled_by_key(self):
        key = secret_file(self.directory, "key", os.environ[KEY])
        return os.environ[REGISTRATION], {"Provisioning": {
            "IdScope": os.environ[SCOPE], "RegistrationId": os.environ[REGISTRATION], "KeyFile": key}}

    def enrolled_by_certificate(self):
        certificate = os.environ[CERTIFICATE]
        printed = subprocess.run(["openssl", "x509", "-noout", "-subject", "-nameopt", "multiline", "-in", certificate],
                                 text=True, check=True, stdout=subprocess.PIPE).stdout
        return re.search(r"commonName += (.*)", printed)[1], {
            "Hub": {"CertificateFile": Path(certificate).resolve(),
                    "PrivateKeyFile": Path(os.environ[PRIVATE_KEY]).resolve()},
            "Provisioning": {"IdScope": os.environ[SCOPE]}}

    def listen(self):
        """What arrives from now on can be waited for."""
        self.events()

    def wait_for_telemetry(self, name):
        return self.events().wait_for(name, self.patience_s)

    def send_message(self, text, message_id, properties):
        self.registry().send_c2d_message(self.device(), text, {"messageId": message_id, **properties})

    def invoke(self, name, payload):
        registry = self.registry()
        from azure.iot.hub.models import CloudToDeviceMethod
        result = registry.invoke_device_method(self.device(), CloudToDeviceMethod(
            method_name=name, payload=payload, response_timeout_in_seconds=30, connect_timeout_in_seconds=30))
        return result.status, result.payload

    def update_desired(self, patch):
        registry = self.registry()
        from azure.iot.hub.models import Twin, TwinProperties
        registry.update_twin(self.device(), Twin(properties=TwinProperties(desired=patch)))

    def reported(self):
        return self.registry().get_twin(self.device()).properties.reported
