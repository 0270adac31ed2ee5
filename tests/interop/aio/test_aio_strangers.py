# SPDX-License-Identifier: MIT
"""Azure's own SDK (for Rust) and a plain MQTT 5 client, each at both ends of telemetry and commands with ours.

Ours are the programs of docs/examples/aio, built by their own Makefile against what is installed; and the daemon.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import types
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "broker"), str(HERE.parents[1] / "daemon")]
from broker import Broker  # noqa: E402
from harness import BUILD, SANITIZER, Daemon, Program, tap  # noqa: E402
from installed import SOURCE, STRICT, install, run  # noqa: E402

EXAMPLES = SOURCE / "docs/examples/aio"
RUST_TARGET = BUILD / "interop-rust"
OLDEST_CARGO = (1, 85)  # edition 2024

built = None  # where our programs are


def setUpModule():
    global built
    installed = install()
    built = installed.root / "aio"
    shutil.copytree(EXAMPLES, built)
    run("make", "-C", built, "-j2", "CFLAGS=" + " ".join([*STRICT, "-g", *installed.extra]), env=installed.environment)


class Aio:
    """Cases with one stranger at the other end; a subclass says by 'stranger' which."""

    name = None

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="aziot-aio-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.broker = Broker(self.directory, is_verbose=True)
        self.addCleanup(self.broker.end)
        self.broker.start()
        self.programs = []
        self.addCleanup(self.end)

    def end(self):
        for program in self.programs:
            program.kill_session()
            self.assertNotRegex(program.output(), SANITIZER)

    def failure_details(self):
        return "\n".join(f"--- {p.name}:\n{p.output()}" for p in [*self.programs, *self.broker.programs()])

    def start(self, argv, client_id):
        program = Program(argv, {
            "AIO_BROKER_HOSTNAME": self.broker.host, "AIO_BROKER_TCP_PORT": str(self.broker.port),
            "AIO_TLS_CA_FILE": str(self.broker.ca_file), "AIO_MQTT_CLIENT_ID": client_id, "VERBOSE": "1",
            "HOME": os.environ.get("HOME", "/"), "XDG_RUNTIME_DIR": str(self.directory)})
        self.programs.append(program)
        return program

    def ours(self, name, *arguments):
        return self.start([built / name, *arguments], "ours")

    def theirs(self, *arguments):
        return self.start([*self.stranger(), *arguments], "theirs")

    def documents(self, program):
        """What a stranger saw, and the end of its work."""
        self.assertEqual(program.wait(), 0)
        return [d for d in map(json.loads, program.output().splitlines()) if "payload" in d]

    def wait_for_subscription(self, client_id, topic):
        """What is sent to nobody is gone."""
        self.broker.wait_for(rf"{client_id} 1 {re.escape(topic)}$")

    def test_it_invokes_a_command_of_ours(self):
        server = self.ours("counter-server")
        for command in ("increment", "readCounter", "reset"):
            self.wait_for_subscription("ours", f"rpc/command-samples/ours/{command}")
        responses = self.documents(self.theirs("invoke", "rpc/command-samples/ours/increment", "3", "1"))
        self.assertEqual([r["payload"] for r in responses], [f'{{"CounterResponse":{n}}}' for n in (1, 2, 3)])
        self.assertEqual({(r["from"], r["contentType"]) for r in responses}, {("ours", "application/json")})
        server.send_signal(15)
        self.assertEqual((server.wait(), server.output()), (0, ""))

    def test_it_serves_a_command_to_ours(self):
        server = self.theirs("serve", "rpc/command-samples/theirs/increment")
        self.wait_for_subscription("theirs", "rpc/command-samples/theirs/increment")
        client = self.ours("counter-client", "theirs", "3")
        self.assertEqual(client.wait(), 0)
        self.assertEqual(client.output().splitlines(), [f'{{"CounterResponse":{n}}}' for n in (1, 2, 3)])
        request = json.loads(server.wait_for_output("IncrementValue").string)
        self.assertEqual((request["from"], request["user"]), ("ours", [["language", "C"]]))

    def test_it_serves_many_at_once(self):
        self.theirs("serve", "rpc/command-samples/theirs/increment")
        self.wait_for_subscription("theirs", "rpc/command-samples/theirs/increment")
        client = self.ours("counter-client", "theirs", "500", "64")
        self.assertEqual(client.wait(), 0)
        tally = json.loads(client.output())
        self.assertEqual((tally["n"], tally["failed"]), (500, 0))

    def test_it_sends_to_a_receiver_of_ours(self):
        receiver = self.ours("telemetry-receiver", "2")
        self.wait_for_subscription("ours", "sensors/+/temperature")
        self.assertEqual(self.theirs("send", "sensors/oven/temperature", "2", "1").wait(), 0)
        self.assertEqual(receiver.wait(), 0)
        self.assertEqual(
            [line for line in receiver.output().splitlines() if line != "subscribed"],
            [f'oven {{"n":{n}}} from theirs, cloud event of aio://stranger/{self.name}' for n in (0, 1)])

    def test_it_receives_what_ours_sends(self):
        receiver = self.theirs("receive", "sensors/oven/temperature", "2")
        self.wait_for_subscription("theirs", "sensors/oven/temperature")
        self.assertEqual(self.ours("telemetry-sender", "oven", "2").wait(), 0)
        self.assertEqual(
            [(d["topic"], d["payload"], d["from"], d["contentType"], d["cloudEvent"]) for d in self.documents(receiver)],
            [("sensors/oven/temperature", f'{{"n":{n},"temperature":{20 + n / 10:.1f}}}', "ours", "application/json",
              "aio://oven/sample ms.aio.telemetry 1.0") for n in (0, 1)])


class AioDaemon(Aio):
    """The same with the daemon in place of our programs, and what a shell does with it."""

    def setUp(self):
        super().setUp()
        self.daemon = Daemon(self.directory, types.SimpleNamespace(connection_string_file=None, ca_file=None))
        self.addCleanup(self.daemon.notify.close)
        self.daemon.config = {"Broker": {"Host": self.broker.host, "Port": self.broker.port,
                                         "TrustedCAFile": self.broker.ca_file, "ClientId": "ours"}}
        self.daemon.start()
        self.addCleanup(lambda: self.assertEqual(self.daemon.stop(), 0))

    def aziot(self, *arguments):
        program = Program([BUILD / "aziot", "--socket", self.daemon.socket_path, "broker", *arguments])
        self.programs.append(program)
        return program

    def test_it_invokes_a_command_of_ours(self):
        server = self.aziot("serve", "rpc/command-samples/{executorId}/increment", "--token", "executorId=ours", "--",
                            "sh", "-c", """sed 's/.*:\\([0-9]*\\).*/{"CounterResponse":\\1}/'""")
        self.wait_for_subscription("ours", "rpc/command-samples/ours/increment")
        responses = self.documents(self.theirs("invoke", "rpc/command-samples/ours/increment", "3", "1"))
        self.assertEqual([r["payload"].strip() for r in responses], ['{"CounterResponse":1}'] * 3)
        self.assertEqual({(r["from"], r["contentType"]) for r in responses}, {("ours", "application/json")})
        self.assertEqual(server.stop(), 0)

    def test_it_serves_a_command_to_ours(self):
        self.theirs("serve", "rpc/command-samples/theirs/increment")
        self.wait_for_subscription("theirs", "rpc/command-samples/theirs/increment")
        for n in (1, 2, 3):
            client = self.aziot("invoke", "rpc/command-samples/theirs/increment", '{"IncrementValue":1}')
            self.assertEqual((client.wait(), client.output()), (0, f'{{"CounterResponse":{n}}}'))

    def test_it_serves_many_at_once(self):
        self.theirs("serve", "rpc/command-samples/theirs/increment")
        self.wait_for_subscription("theirs", "rpc/command-samples/theirs/increment")
        wire = self.daemon.connect()
        for _ in range(256):
            wire.send("io.aziotd.broker.Invoke", {"topic": "rpc/command-samples/theirs/increment",
                                                  "request": {"body": {"IncrementValue": 1}}, "timeoutSeconds": 30})
        answers = sorted(wire.receive()["response"]["body"]["CounterResponse"] for _ in range(256))
        self.assertEqual(answers, list(range(1, 257)))

    def test_it_sends_to_a_receiver_of_ours(self):
        watcher = self.aziot("watch", "sensors/{name}/temperature", "--count", "2", "-v")
        self.wait_for_subscription("ours", "sensors/+/temperature")
        self.assertEqual(self.theirs("send", "sensors/oven/temperature", "2", "1").wait(), 0)
        self.assertEqual(watcher.wait(), 0)
        self.assertEqual(watcher.output().splitlines(), [f'sensors/oven/temperature {{"n":{n}}}' for n in (0, 1)])

    def test_it_receives_what_ours_sends(self):
        receiver = self.theirs("receive", "sensors/oven/temperature", "2")
        self.wait_for_subscription("theirs", "sensors/oven/temperature")
        for n in (0, 1):
            sender = self.aziot("send", "sensors/oven/temperature", f'{{"n":{n}}}', "--event-source", "aio://oven/sample")
            self.assertEqual(sender.wait(), 0, sender.output())
        self.assertEqual(
            [(d["topic"], d["payload"], d["from"], d["contentType"], d["cloudEvent"]) for d in self.documents(receiver)],
            [("sensors/oven/temperature", f'{{"n":{n}}}', "ours", "application/json",
              "aio://oven/sample ms.aio.telemetry 1.0") for n in (0, 1)])


class Plain(Aio, unittest.TestCase):
    name = "plain"

    def stranger(self):
        return ["/usr/bin/python3", HERE / "plain_client.py"]


class Rust(Aio, unittest.TestCase):
    name = "rust"

    @classmethod
    def setUpClass(cls):
        cargo = shutil.which("cargo")
        version = re.search(r"(\d+)\.(\d+)", run(cargo, "--version")) if cargo else None
        if not version or tuple(map(int, version.groups())) < OLDEST_CARGO:
            raise unittest.SkipTest("the Azure IoT Operations SDK for Rust needs a cargo of 1.85 or later")
        build = subprocess.run(
            [cargo, "build", "--locked", "--quiet", "--target-dir", RUST_TARGET], cwd=HERE / "rust-sdk",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if build.returncode != 0 and re.search("failed to (download|get|fetch)|Could not resolve", build.stdout):
            raise unittest.SkipTest(f"cannot download the Azure IoT Operations SDK for Rust: {build.stdout[-300:]}")
        if build.returncode != 0:
            raise AssertionError(build.stdout)

    def stranger(self):
        return [RUST_TARGET / "debug/aio-stranger"]


class DaemonPlain(AioDaemon, unittest.TestCase):
    name, stranger = Plain.name, Plain.stranger


class DaemonRust(AioDaemon, unittest.TestCase):
    name, stranger = Rust.name, Rust.stranger

    @classmethod
    def setUpClass(cls):
        Rust.setUpClass()


if __name__ == "__main__":
    tap.main()
