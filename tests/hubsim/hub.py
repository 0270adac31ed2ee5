# SPDX-License-Identifier: MIT
"""The running aziot-hubsim, and a test case that has one of its own."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import device as mqtt  # noqa: E402
from device import Device  # noqa: E402

PROGRAM = os.environ["HUBSIM"]
METHODS = "$iothub/methods/POST/#"
ENVIRONMENT = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8",
               "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", ""), "UBSAN_OPTIONS": os.environ.get("UBSAN_OPTIONS", "")}


def enforces(*numbers):
    """Says which rules of "aziot-hubsim rules" a case is a test of."""
    def mark(function):
        function.rules = numbers
        return function
    return mark


def loopback_addresses():
    """What localhost may mean here: not every machine has IPv6."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return ["127.0.0.1"]
    return ["127.0.0.1", "::1"]


def _read_until_nul(s):
    data = b""
    while (byte := s.recv(1)) not in (b"", b"\0"):
        data += byte
    return data


class HubGone(Exception):
    """The hub closed its control connection without an answer."""


class Hub:
    """The running program, on the same state directory and port after the first start."""

    def __init__(self, state):
        self.state = Path(state)
        self.socket_path = str(self.state / "socket")
        self.process = None
        self.errors = []

    def start(self, *options, before=None):
        """'before' runs in the new process, before the program."""
        self.process = subprocess.Popen(
            [PROGRAM, "run", "--state-dir", self.state, "--listen", "127.0.0.1:0", *options],
            env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=before)
        for line in self.process.stdout:
            if line.startswith("  for Azure"):
                break
        else:
            raise AssertionError(self.process.stderr.read())
        threading.Thread(target=self._read_errors, args=(self.process.stderr,), daemon=True).start()

    def _read_errors(self, stream):
        for line in stream:
            self.errors.append(line.rstrip("\n"))

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(30)
        self.process.stdout.close()
        return code

    def command(self, *arguments):
        return subprocess.run([PROGRAM, *arguments, "--state-dir", self.state], env=ENVIRONMENT, text=True,
                              capture_output=True, timeout=60)

    def control(self, call, **parameters):
        """Calls a method of the control socket; returns (error, parameters)."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(mqtt.TIMEOUT_S)
            s.connect(self.socket_path)
            s.sendall(json.dumps({"method": "io.aziotd.hubsim." + call, "parameters": parameters}).encode() + b"\0")
            data = b""
            while not data.endswith(b"\0"):
                part = s.recv(65536)
                if not part:
                    raise HubGone
                data += part
        reply = json.loads(data[:-1])
        return reply.get("error"), reply.get("parameters")

    @contextlib.contextmanager
    def begin(self, call, more=False, **parameters):
        """Calls a method of the control socket and does not wait; its replies, one by one."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(mqtt.TIMEOUT_S)
            s.connect(self.socket_path)
            s.sendall(json.dumps({"method": "io.aziotd.hubsim." + call, "more": more,
                                  "parameters": parameters}).encode() + b"\0")
            yield map(json.loads, iter(lambda: _read_until_nul(s), b""))

    def monitor(self, device):
        return self.begin("Monitor", more=True, device=device)

    def invoke(self, name, *options):
        """Starts a method call beside the test; .result() is its finished process."""
        return Background(lambda: self.command("invoke", name, *options))

    def journal(self):
        return [json.loads(line) for line in (self.state / "telemetry.jsonl").read_text().splitlines()]


class Background:
    def __init__(self, function):
        self.value = None
        self.thread = threading.Thread(target=self._run, args=(function,))
        self.thread.start()

    def _run(self, function):
        self.value = function()

    def result(self):
        self.thread.join()
        return self.value


class Certificate:
    """What "certificate create" has made and printed."""

    def __init__(self, printed):
        fields = dict(line.split(": ", 1) for line in printed.splitlines())
        self.printed = {name: value.strip() for name, value in fields.items()}
        self.path, self.key = Path(self.printed["certificate"]), Path(self.printed["key"])
        self.sha1, self.sha256 = self.printed["SHA-1"], self.printed["SHA-256"]
        self.pair = (self.path, self.key)


class HubCase(unittest.TestCase):
    options = ()  # of aziot-hubsim run

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.hub = Hub(Path(cls.directory.name) / "state")
        cls.hub.start(*cls.options)

    @classmethod
    def tearDownClass(cls):
        if cls.hub.stop() != 0:
            raise AssertionError("\n".join(cls.hub.errors))

    def failure_details(self):
        return "\n".join(self.hub.errors[-20:])

    def add_device(self):
        """A new device; its connection string."""
        self.name = self._testMethodName
        return self.hub.command("device", "add", self.name).stdout

    def open(self, connection_string=None):
        d = Device(connection_string or self.add_device(), str(self.hub.state / "ca.pem"))
        self.addCleanup(d.close)
        return d

    def open_connected(self, connection_string=None, **options):
        d = self.open(connection_string)
        self.assertEqual(d.connect(**options)[1], 0)
        return d

    def arrived(self):
        return [line for line in self.hub.journal() if line["device"] == self.name]

    def wait_for_log(self, text):
        """What the hub prints and what it does reach us on two ways, in any order."""
        self.eventually(lambda: any(f"{self.name}: {text}" in line for line in self.hub.errors))

    def eventually(self, condition):
        deadline = time.monotonic() + mqtt.TIMEOUT_S
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)


class C2dCase(HubCase):
    """With cloud-to-device messages."""

    def filter(self):
        return f"devices/{self.name}/messages/devicebound/#"

    def send(self, body="{}", **parameters):
        """Sends a message; its message id."""
        error, reply = self.hub.control("SendMessage", device=self.name, body=body, **parameters)
        self.assertIsNone(error, reply)
        return reply["messageId"]

    def refusal(self, **parameters):
        """The code by which the service refuses to send this."""
        error, reply = self.hub.control("SendMessage", device=self.name, **parameters)
        self.assertEqual(error, "io.aziotd.hubsim.ServiceError")
        return reply["code"]

    def queue(self):
        return self.hub.control("ListMessages", device=self.name)[1]["messages"]

    def feedback(self):
        return self.hub.control("Feedback", device=self.name)[1]["records"]

    def open_subscribed(self, line=None, qos=1, **options):
        d = self.open_connected(line, **options)
        self.assertEqual(d.subscribe(self.filter(), qos=qos), [qos])
        return d


class X509Case(HubCase):
    """With certificates for devices."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        self.name = self._testMethodName[:60]  # a common name is no longer

    def run_command(self, *arguments, state=None):
        """Runs a command that works; what it prints."""
        run = subprocess.run([PROGRAM, *arguments, "--state-dir", state or self.hub.state], env=ENVIRONMENT,
                             text=True, capture_output=True, timeout=60)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        return run.stdout

    def create(self, *options, name=None, folder="a", state=None):
        """A new certificate, by itself the device's of this case."""
        return Certificate(self.run_command("certificate", "create", name or self.name, self.directory / folder,
                                            *options, state=state))

    def open_with(self, certificate, line, kind=Device, **options):
        """A connection with this certificate, or None; 'kind' is what it is to."""
        d = kind(line, str(self.hub.state / "ca.pem"), client_certificate=certificate and certificate.pair, **options)
        self.addCleanup(d.close)
        return d
