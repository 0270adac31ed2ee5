#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Keys, certificates and authorities are replaced under a daemon that runs."""

import json
import shutil
import subprocess
import threading

import harness
from harness import assert_delivered, eventually, tap
from x509 import X509Case

IN_USE = "What the files of the identity hold now is in use"
HELD = "does not work, the old one is used"


class RolloverCase(X509Case):
    def history(self):
        return [event["event"] for event in self.daemon.call("io.aziotd.device.GetHistory")["events"]]

    def wait_for_history(self, event):
        eventually(lambda: event in self.history(), f"history: {event}")

    def make_new(self, *options):
        """Another certificate and key, in another folder; its thumbprint."""
        return self.create(*(options or ["--self-signed"]), folder="new")

    def install_new(self):
        """As certbot and the like do: one file after the other is renamed over the old one."""
        for path in (self.key, self.certificate):
            shutil.copy(self.directory / "new" / path.name, self.files / "temporary")
            (self.files / "temporary").replace(path)

    def notices(self):
        return [notice["problem"] for notice in self.daemon.call("io.aziotd.device.Explain")["notices"]]

    def check_undisturbed(self, status):
        self.assertEqual(self.daemon.status()["link"], status["link"])


class Certificate(RolloverCase):
    def setUp(self):
        super().setUp()
        self.old = self.create("--self-signed")
        self.new = self.make_new()

    def start(self, *thumbprints):
        self.add("--thumbprint", ",".join(thumbprints))
        self.daemon.start()
        return self.daemon.wait_online()

    def forget_old(self):
        """From now on the hub takes only the new one."""
        self.hubsim("device", "change", "demo", "--thumbprint", self.new)

    def check_replaced(self, status, replace):
        """No message is lost, and the link is renewed, not lost."""
        is_over = threading.Event()
        sent = []

        def send():
            with harness.Wire(self.daemon.socket_path) as wire:
                while not is_over.is_set():
                    wire.call("io.aziotd.telemetry.Send", {"message": {"body": {"n": len(sent)}}})
                    sent.append(None)

        thread = threading.Thread(target=send)
        thread.start()
        try:
            replace()
            self.daemon.program.wait_for_output(IN_USE)
            self.daemon.wait_for_new_link(status)
        finally:
            is_over.set()
            thread.join()
        assert_delivered(self, self.hub.wait_for_messages(len(sent)), len(sent))
        self.assertNotRegex(self.daemon.program.output(), "retrying|lost")
        self.wait_for_history("identity-changed")
        self.forget_old()
        self.daemon.wait_for_empty_outbox()
        self.daemon.send(body={"n": len(sent)})
        self.hub.wait_for_messages(len(sent) + 1)

    def test_files_are_renamed_over(self):
        self.check_replaced(self.start(self.old, self.new), self.install_new)

    def test_files_are_written_to(self):
        status = self.start(self.old, self.new)

        def write():
            for path in (self.key, self.certificate):
                path.write_text((self.directory / "new" / path.name).read_text())

        self.check_replaced(status, write)

    def test_a_symbolic_link_is_made_to_lead_elsewhere(self):
        """The layout of a volume of Kubernetes: files are links through "..data"."""
        volume = self.directory / "volume"
        volume.mkdir()
        self.files.rename(volume / "..1")
        (self.directory / "new").rename(volume / "..2")
        (volume / "..data").symlink_to("..1")
        for name in ("demo.pem", "demo.key"):
            (volume / name).symlink_to(f"..data/{name}")
        self.certificate, self.key = volume / "demo.pem", volume / "demo.key"
        status = self.start(self.old, self.new)

        def swap():
            (volume / "..new").symlink_to("..2")
            (volume / "..new").replace(volume / "..data")

        self.check_replaced(status, swap)

    def test_one_that_the_hub_refuses_is_rolled_back(self):
        status = self.start(self.old)
        self.install_new()
        self.daemon.program.wait_for_output(HELD)
        self.daemon.wait_for_new_link(status)
        self.wait_for_history("identity-rolled-back")
        self.assertEqual(self.notices(), ["credentials-rolled-back"])
        self.daemon.send(body={"n": 0})
        self.hub.wait_for_messages(1)

        # It is not tried again by itself...
        status = self.daemon.status()
        self.daemon.call("io.aziotd.device.Reconnect")
        self.daemon.wait_for_new_link(status)
        self.assertEqual(self.history().count("identity-rolled-back"), 1)

        # ... but when the files change, and when the old one is refused as well.
        self.hubsim("device", "change", "demo", "--thumbprint", f"{self.old},{self.new}")
        self.daemon.wait_online()
        self.install_new()
        self.daemon.program.wait_for_output(IN_USE)
        self.assertEqual(self.notices(), [])

    def test_the_hub_hears_of_a_new_one_after_the_device(self):
        self.start(self.old)
        self.install_new()
        self.daemon.program.wait_for_output(HELD)
        self.daemon.wait_online()
        self.forget_old()
        self.hub.call("Cut", {"seconds": 1})
        self.daemon.program.wait_for_output(IN_USE)
        self.daemon.wait_online()

    def test_files_that_do_not_fit_together_disturb_nobody(self):
        status = self.start(self.old, self.new)
        shutil.copy(self.directory / "new" / "demo.key", self.key)
        self.daemon.program.wait_for_output(f"{HELD}.*'{self.key}' does not belong")
        self.check_undisturbed(status)

        # A link that has to be made anew is made with what is in memory.
        self.daemon.call("io.aziotd.device.Reconnect")
        status = self.daemon.wait_for_new_link(status)
        self.certificate.unlink()
        self.hub.call("Cut", {"seconds": 1})
        self.daemon.wait_for_new_link(status)
        self.install_new()
        self.daemon.program.wait_for_output(IN_USE)

    def test_the_same_contents_are_nothing_new(self):
        status = self.start(self.old)
        shutil.copy(self.certificate, self.files / "copy")
        shutil.copy(self.directory / "new" / "demo.key", self.files / "other")
        (self.files / "copy").replace(self.certificate)
        shutil.copy(self.key, self.files / "copy")
        (self.files / "other").replace(self.key)
        self.daemon.program.wait_for_output(HELD)
        (self.files / "copy").replace(self.key)
        self.daemon.program.wait_for_output("hold again what is in use")
        self.assertEqual(self.notices(), [])
        self.check_undisturbed(status)

    def test_its_end_is_told_ahead(self):
        self.add("--thumbprint", self.create("--self-signed", "--days", "5", folder="short"))
        for name in ("demo.pem", "demo.key"):
            (self.directory / "short" / name).replace(self.files / name)
        self.daemon.start()
        self.daemon.program.wait_for_output("certificate of this device expires at")
        self.wait_for_history("certificate-expires")
        self.daemon.wait_online()
        self.assertEqual(self.notices(), ["own-certificate-expires"])

        self.hubsim("device", "change", "demo", "--thumbprint", self.new)
        self.install_new()
        eventually(lambda: self.notices() == [], "the new one ends later")


class Provisioned(RolloverCase):
    """The provisioning service knows the authority of the certificates, and tells the hub of each."""

    def setUp(self):
        super().setUp()
        self.create()
        line = self.hubsim("enrollment", "add", "all", "--group", "--ca")
        scope = dict(field.split("=", 1) for field in line.split()[0].split(";"))["IdScope"]
        self.daemon.config = {"Hub": {"TrustedCAFile": self.hub.ca_file},
                              "Provisioning": {"Endpoint": "localhost", "Port": self.hub.port, "IdScope": scope}}
        self.configure()

    def test_a_new_certificate_is_shown_to_the_service_first(self):
        self.hubsim("device", "remove", "demo")
        self.daemon.start()
        self.daemon.wait_online()
        self.create(folder="new")
        self.install_new()
        self.daemon.program.wait_for_output(IN_USE)
        self.daemon.stop()
        self.assertEqual(self.daemon.ended[-1].output().count("Asking the provisioning service"), 2)
        self.assertNotRegex(self.daemon.ended[-1].output(), "refused|lost")
        self.daemon.start()
        self.daemon.wait_online()
        self.assertNotIn("Asking the provisioning service", self.daemon.program.output())


class Authority(RolloverCase):
    def setUp(self):
        super().setUp()
        self.ca_file = self.files / "ca.pem"
        shutil.copy(self.hub.ca_file, self.ca_file)
        self.daemon.config["Hub"]["TrustedCAFile"] = self.ca_file
        self.daemon.start()
        self.status = self.daemon.wait_online()

    def make_stranger(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=stranger", "-keyout", "/dev/null", "-out", self.files / "stranger"], check=True,
                       stderr=subprocess.DEVNULL)
        return self.files / "stranger"

    def test_one_is_added(self):
        self.ca_file.write_text(self.make_stranger().read_text() + self.ca_file.read_text())
        self.daemon.program.wait_for_output(IN_USE)
        self.daemon.wait_for_new_link(self.status)
        self.assertNotRegex(self.daemon.program.output(), "retrying|lost")

    def test_one_that_does_not_vouch_for_the_hub_disturbs_nobody(self):
        self.make_stranger().replace(self.ca_file)
        self.daemon.program.wait_for_output(HELD)
        self.check_undisturbed(self.status)
        self.hub.call("Cut", {"seconds": 1})
        status = self.daemon.wait_for_new_link(self.status)
        self.ca_file.unlink()
        self.daemon.call("io.aziotd.device.Reconnect")
        self.daemon.wait_for_new_link(status)

    def test_the_hub_has_another_one(self):
        self.hub.stop()
        for name in ("ca", "server"):
            for path in self.hub.state.glob(f"{name}.*"):
                path.unlink()
        self.hub.start()
        self.daemon.wait_for_status(lambda s: "certificate" in s["link"].get("lastError", ""), "a refusal")
        shutil.copy(self.hub.ca_file, self.ca_file)
        self.daemon.wait_online()


class Key(RolloverCase):
    """A shared access key, in a connection string."""

    NEW = "bmV3IGtleSBvZiB0aGUgZGV2aWNlLCAzMiBieXRlcyEh"

    def setUp(self):
        super().setUp()
        self.path = self.directory / "connection-string"
        shutil.copy(self.hub.connection_string_file, self.path)
        self.daemon.config["Hub"]["ConnectionStringFile"] = self.path
        self.daemon.start()
        self.status = self.daemon.wait_online()
        self.names, _, self.old = self.path.read_text().strip().partition("SharedAccessKey=")

    def install(self, key):
        (self.directory / "temporary").write_text(f"{self.names}SharedAccessKey={key}\n")
        (self.directory / "temporary").chmod(0o600)
        (self.directory / "temporary").replace(self.path)

    def test_a_new_one_is_taken(self):
        self.install(json.loads((self.hub.state / "devices.json").read_text())["devices"][0]["secondaryKey"])
        self.daemon.program.wait_for_output(IN_USE)
        self.daemon.wait_for_new_link(self.status)
        self.assertNotRegex(self.daemon.program.output(), "retrying|lost")

    def test_one_that_the_hub_refuses_is_rolled_back(self):
        self.install(self.NEW)
        self.daemon.program.wait_for_output(HELD)
        status = self.daemon.wait_for_new_link(self.status)
        self.daemon.send(body={"n": 0})
        self.hub.wait_for_messages(1)
        self.daemon.call("io.aziotd.device.Reconnect")
        self.daemon.wait_for_new_link(status)
        self.hubsim("device", "change", "demo", "--key", self.NEW)
        self.daemon.call("io.aziotd.device.Reconnect")
        self.daemon.program.wait_for_output(IN_USE)

    def test_a_broken_file_does_not_end_a_renewal(self):
        for text in (None, "rubbish"):
            status = self.daemon.status()
            if text:
                self.path.write_text(text)
            else:
                self.path.unlink()
            self.daemon.call("io.aziotd.device.Reconnect")
            self.daemon.wait_for_new_link(status)
        self.assertNotRegex(self.daemon.program.output(), "retrying|lost")
        self.daemon.program.wait_for_output(HELD)
        self.wait_for_history("identity-rolled-back")


if __name__ == "__main__":
    tap.main()
