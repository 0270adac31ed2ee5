# SPDX-License-Identifier: MIT
"""A device with a certificate: what the cases about it share."""

import re
import subprocess

import harness
from harness import BUILD, environment

__all__ = ["PASSWORD", "X509Case"]

PASSWORD = "correct horse"


class X509Case(harness.DaemonCase):
    """Hub and daemon are not connected yet; certificates and devices are made by the hub's own commands."""

    starts_daemon = False

    def setUp(self):
        super().setUp()
        self.files = self.directory / "files"
        self.files.mkdir()
        self.certificate = self.files / "demo.pem"
        self.key = self.files / "demo.key"

    def hubsim(self, *arguments):
        """Runs a command of the local hub; what it prints."""
        return subprocess.run([BUILD / "aziot-hubsim", *arguments, "--state-dir", self.hub.state, "--socket",
                               self.hub.socket_path], env=environment(), text=True, check=True,
                              stdout=subprocess.PIPE).stdout

    def create(self, *options, folder="files", device="demo"):
        """Makes a certificate and a key in a folder; its thumbprint."""
        printed = self.hubsim("certificate", "create", device, self.directory / folder, *options)
        return re.search("[0-9A-F]{64}", printed)[0]

    def add(self, *options):
        """The device of this case is one with a certificate; the daemon has its connection string."""
        self.hubsim("device", "remove", "demo")
        line = self.hubsim("device", "add", "demo", *options)
        path = self.directory / "connection-string"
        path.write_text(line)
        path.chmod(0o600)
        self.configure(ConnectionStringFile=path)

    def configure(self, **keys):
        self.daemon.config["Hub"].update({"CertificateFile": self.certificate, "PrivateKeyFile": self.key, **keys})

    def lock(self, password=PASSWORD):
        """Encrypts the key."""
        subprocess.run(["openssl", "pkcs8", "-topk8", "-in", self.key, "-out", self.files / "locked", "-passout",
                        f"pass:{password}"], check=True, stderr=subprocess.DEVNULL)
        (self.files / "locked").replace(self.key)

    def write_password(self, text=PASSWORD + "\n"):
        path = self.files / "password"
        path.write_text(text)
        path.chmod(0o600)
        return path

    def expect_delivery(self):
        self.daemon.wait_online()
        self.daemon.send(body={"n": 0})
        self.hub.wait_for_messages(1)
