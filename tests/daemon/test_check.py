#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""aziot check: each layer is looked at, what is wrong is found where it is, and a live link notices nothing."""

import json
import re
import socket
import subprocess
import threading
from pathlib import Path

import harness
from harness import BUILD, tap

LOCAL = ["clock", "identity", "permissions", "certificate", "outbox", "disk"]


class CheckCase(harness.CliCase):
    def check(self, wire=None):
        """The results of a check, in order."""
        wire = wire or self.daemon.connect()
        results = [wire.call("io.aziotd.device.Check", {}, more=True)]
        while results[-1]["step"] != "link":
            results.append(wire.receive())
        return results

    def find(self, results, step):
        return [result for result in results if result["step"] == step][0]

    def assert_outcomes(self, results, **outcomes):
        """So are these, and all others are well."""
        for result in results:
            expected = outcomes.get(result["step"], "ok")
            self.assertEqual(result["outcome"], expected, result)
            self.assertEqual("advice" in result, expected in ("warning", "failed"), result)


class Online(CheckCase):
    def test_all_is_well(self):
        results = self.check()
        self.assertEqual([result["step"] for result in results[:len(LOCAL)]], LOCAL)
        self.assert_outcomes(results, certificate="skipped")
        hub = [result for result in results if (result.get("service"), result.get("transport")) == ("hub", "mqtt")]
        self.assertEqual([result["step"] for result in hub], ["name", "tcp", "tls"])
        self.assertRegex(self.find(results, "identity")["text"], "'demo' at '.*', proven by a key")
        self.assertRegex(self.find(results, "tcp")["text"], f":{self.hub.port}")
        self.assertRegex(self.find(results, "tls")["text"], r"TLSv1\.3, .*certificate of .+, issued by .+, valid until 20")
        self.assertRegex(self.find(results, "link")["text"], "^online since 20.*left alone")

    def test_a_live_link_is_left_alone(self):
        """Messages flow all the while, over the connection that was there before; the hub saw no other."""
        since = self.daemon.status()["link"]["since"]
        stop, sent = threading.Event(), []

        def flow():
            with harness.Wire(self.daemon.socket_path) as wire:
                while not stop.is_set():
                    wire.call("io.aziotd.telemetry.Send",
                              {"message": {"body": {"n": len(sent)}}, "stage": "delivered"})
                    sent.append(len(sent))

        sender = threading.Thread(target=flow)
        sender.start()
        try:
            for _ in range(5):
                before = len(sent)
                self.assert_outcomes(self.check(), certificate="skipped")
                harness.eventually(lambda n=before: len(sent) > n, "messages flow")
        finally:
            stop.set()
            sender.join()
        self.assertEqual(self.daemon.status()["link"]["since"], since)
        harness.assert_delivered(self, self.hub.messages(), len(sent), window=0)
        self.assertEqual(len(re.findall(r"demo: connected", self.hub.program.output())), 1)
        self.assertNotIn("demo: disconnected", self.hub.program.output())

    def test_it_needs_more(self):
        with self.assertRaisesRegex(harness.VarlinkError, "ExpectedMore"):
            self.daemon.call("io.aziotd.device.Check", {})

    def test_a_line_for_each_step(self):
        out, _ = self.aziot("check")
        lines = out.splitlines()
        self.assertRegex(lines[0], r"^ok +clock +It is 20")
        self.assertRegex(out, r"(?m)^ok +tls +hub, mqtt: TLSv1")
        self.assertRegex(lines[-1], r"^ok +link ")
        objects = [json.loads(line) for line in self.aziot("--json", "check")[0].splitlines()]
        self.assertEqual([o["step"] for o in objects], [line.split()[1] for line in lines])


class Bounded(CheckCase):
    """As many messages as there may be are as bad as as many bytes."""

    config = {"Outbox": {"MaxMessages": 16}}

    def test_an_outbox_that_is_nearly_full_is_warned_of(self):
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            for _ in range(12):
                self.daemon.send(text="x")
            self.assertEqual(self.find(self.check(), "outbox")["outcome"], "ok")
            self.daemon.send(text="x")
            outbox = self.find(self.check(), "outbox")
        self.assertEqual(outbox["outcome"], "warning", outbox)
        self.assertRegex(outbox["text"], "^13 messages wait in .* KiB, 16 may be there$")
        self.assertIn("WhenFull=", outbox["advice"])


class Transports(CheckCase):
    starts_daemon = False

    def start(self, websocket_port):
        self.daemon.config["Network"] = {"Transports": "mqtt websocket", "WebSocketPort": websocket_port}
        self.daemon.start()
        self.daemon.wait_online()

    def over(self, results, transport):
        return [(r["step"], r["outcome"]) for r in results if r.get("transport") == transport]

    def test_each_is_looked_at(self):
        self.start(self.hub.program.wait_for_output(r"WebSocket: +\S+:(\d+)")[1])
        results = self.check()
        self.assertEqual(self.over(results, "mqtt"), [("name", "ok"), ("tcp", "ok"), ("tls", "ok")])
        self.assertEqual(self.over(results, "websocket"),
                         [("name", "ok"), ("tcp", "ok"), ("tls", "ok"), ("websocket", "ok")])

    def test_one_that_the_link_does_not_need_is_a_warning(self):
        self.start(1)
        results = self.check()
        self.assertEqual(self.over(results, "mqtt"), [("name", "ok"), ("tcp", "ok"), ("tls", "ok")])
        self.assertEqual(self.over(results, "websocket"), [("name", "ok"), ("tcp", "warning")])
        advice = next(step["advice"] for step in results if step["outcome"] == "warning" and "transport" in step)
        self.assertIn("only where its own way is blocked", advice)
        self.aziot("check")


class Provisioned(CheckCase):
    """A device with a certificate, which the provisioning service has sent to the hub."""

    starts_daemon = False

    def setUp(self):
        super().setUp()
        argv = [BUILD / "aziot-hubsim", "certificate", "create", "pump-17", self.directory / "certificates",
                "--self-signed", "--state-dir", self.hub.state]
        printed = subprocess.run(argv, env=harness.environment(), check=True, capture_output=True, text=True).stdout
        made = {field: value.strip() for field, value in (line.split(":", 1) for line in printed.splitlines())}
        line = self.hub.call("AddEnrollment", {"enrollment": "pump-17", "authentication": "selfSigned",
                                               "primaryThumbprint": made["SHA-256"]})["connectionString"]
        self.daemon.config |= {
            "Hub": {"TrustedCAFile": self.hub.ca_file, "Port": self.hub.port, "CertificateFile": made["certificate"],
                    "PrivateKeyFile": made["key"]},
            "Provisioning": {"Endpoint": "localhost", "Port": self.hub.port,
                             "IdScope": re.search("IdScope=([^;]*)", line)[1]}}
        self.daemon.start()
        self.daemon.wait_online()

    def test_certificate_and_provisioning_service_are_looked_at(self):
        results = self.check()
        self.assert_outcomes(results)
        self.assertRegex(self.find(results, "identity")["text"], "Registration 'pump-17' in id scope .* a certificate")
        self.assertRegex(self.find(results, "certificate")["text"], "Subject CN=pump-17, .* to 20")
        for service in ("hub", "provisioning"):
            steps = [r["step"] for r in results if (r.get("service"), r.get("transport")) == (service, "mqtt")]
            self.assertEqual(steps, ["name", "tcp", "tls"])
        self.assertEqual(len(re.findall("(?m)pump-17: connected$", self.hub.program.output())), 1)

    def test_a_certificate_that_cannot_be_read(self):
        path = Path(self.daemon.config["Hub"]["CertificateFile"])
        path.write_text("nothing")
        identity = self.find(self.check(), "identity")
        self.assertEqual(identity["outcome"], "failed")
        self.assertIn(str(path), identity["text"])


class Broken(CheckCase):
    starts_daemon = False

    def test_the_hub_is_down(self):
        self.hub.stop()
        self.daemon.start()
        self.daemon.wait_for_link("waiting")
        results = self.check()
        self.assert_outcomes(results[:-1], certificate="skipped", tcp="failed")
        self.assertNotEqual(results[-1]["outcome"], "ok")
        self.assertRegex(self.find(results, "tcp")["text"], "(?i)refused")
        out, _ = self.aziot("check", code=3)
        self.assertRegex(out, r"(?m)^failed +tcp .*(?i:refused).*\n +-> ")
        self.hub.start()

    def test_the_authority_is_not_trusted(self):
        self.daemon.config["Hub"]["TrustedCAFile"] = None
        self.daemon.start()
        results = self.check()
        self.assert_outcomes(results[:-1], certificate="skipped", tls="failed")
        self.assertRegex(self.find(results, "tls")["text"], "(?i)certificate")

    def test_nothing_is_configured(self):
        self.daemon.config["Hub"] = {}
        self.daemon.start()
        results = self.check()
        self.assert_outcomes(results, identity="failed", permissions="skipped", certificate="skipped", link="failed")
        self.assertRegex(self.find(results, "identity")["advice"], "aziotd --check-config")

    def test_a_key_that_others_can_read(self):
        path = self.directory / "readable"
        path.write_text(self.hub.connection_string_file.read_text())
        path.chmod(0o644)
        self.daemon.config["Hub"]["ConnectionStringFile"] = path
        self.daemon.start()
        self.daemon.wait_online()
        results = self.check()
        self.assert_outcomes(results, permissions="warning", certificate="skipped")
        self.assertIn(str(path), self.find(results, "permissions")["text"])
        self.aziot("check")

    def test_a_state_directory_that_is_gone(self):
        self.daemon.start()
        self.daemon.wait_online()
        self.daemon.state_path.rename(self.directory / "elsewhere")
        results = self.check()
        self.assert_outcomes(results, disk="failed", certificate="skipped")
        self.assertIn(str(self.daemon.state_path), self.find(results, "disk")["text"])
        (self.directory / "elsewhere").rename(self.daemon.state_path)

    def test_one_at_a_time_and_it_ends_with_who_asked(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            text = self.hub.connection_string_file.read_text()
            path = self.directory / "silent"
            path.write_text(re.sub(r"HostName=[^;]*", "HostName=127.0.0.1:%u" % silent.getsockname()[1], text))
            path.chmod(0o600)
            self.daemon.config["Hub"]["ConnectionStringFile"] = path
            self.daemon.start()
            first = self.daemon.connect()
            step = first.call("io.aziotd.device.Check", {}, more=True)
            while step["step"] != "tcp":
                step = first.receive()
            with self.assertRaisesRegex(harness.VarlinkError, "io.aziotd.device.CheckRunning"):
                self.daemon.connect().call("io.aziotd.device.Check", {}, more=True)
            first.close()

            def runs():
                with harness.Wire(self.daemon.socket_path) as wire:
                    try:
                        return wire.call("io.aziotd.device.Check", {}, more=True)
                    except harness.VarlinkError:
                        return None

            self.assertEqual(harness.eventually(runs, "a check after the first one was given up")["step"], "clock")

    def test_a_proxy_that_wants_a_password(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def refuse():
                while True:
                    try:
                        peer = listener.accept()[0]
                    except OSError:
                        return
                    with peer:
                        peer.recv(4096)
                        peer.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

            threading.Thread(target=refuse, daemon=True).start()
            self.daemon.config["Network"] |= {"Proxy": "http://127.0.0.1:%u" % listener.getsockname()[1]}
            self.daemon.start()
            results = self.check()
            listener.shutdown(socket.SHUT_RDWR)
        self.assert_outcomes(results[:-1], certificate="skipped", proxy="failed")
        self.assertEqual([r["step"] for r in results if r.get("transport")], ["name", "tcp", "proxy"])
        self.assertRegex(self.find(results, "name")["text"], "The proxy '127.0.0.1:")
        self.assertRegex(self.find(results, "proxy")["advice"], "ProxyCredentialFile")

    def test_without_a_daemon(self):
        _, err = self.aziot("check", code=1)
        self.assertRegex(err, "aziotd is not running")
        self.assertIn("aziotd --check-config", err)


if __name__ == "__main__":
    tap.main()
