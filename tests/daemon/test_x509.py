#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A device that has a certificate instead of a key."""

from harness import tap
from x509 import X509Case


class Connect(X509Case):
    def test_by_thumbprint(self):
        self.add("--thumbprint", self.create("--self-signed"))
        self.daemon.start()
        self.expect_delivery()

    def test_by_authority_with_the_intermediate_in_the_file(self):
        self.create("--intermediate", "factory")
        self.add("--ca")
        self.daemon.start()
        self.expect_delivery()

    def test_names_that_are_configured_and_one_file_for_all(self):
        self.add("--thumbprint", self.create("--self-signed"))
        self.certificate.write_text(self.certificate.read_text() + self.key.read_text())
        self.configure(ConnectionStringFile=None, PrivateKeyFile=None, Host="localhost", DeviceId="demo",
                       Port=self.hub.port)
        self.daemon.start()
        self.expect_delivery()

    def test_an_encrypted_key(self):
        self.add("--thumbprint", self.create("--self-signed"))
        self.lock()
        self.configure(PrivateKeyPasswordFile=self.write_password())
        self.daemon.start()
        self.expect_delivery()

    def test_credentials_of_systemd(self):
        self.add("--thumbprint", self.create("--self-signed"))
        self.lock()
        credentials = self.directory / "credentials"
        credentials.mkdir()
        for name, path in (("certificate", self.certificate), ("private-key", self.key),
                           ("private-key-password", self.write_password())):
            path.replace(credentials / f"aziotd.{name}")
        self.configure(CertificateFile=None, PrivateKeyFile=None)
        self.daemon.start(env={"CREDENTIALS_DIRECTORY": str(credentials)})
        self.expect_delivery()

    def test_a_password_is_neither_sent_nor_needed_to_stay(self):
        """A token is renewed, a certificate is not: nothing is planned while all is well."""
        self.add("--thumbprint", self.create("--self-signed"))
        self.daemon.start()
        self.daemon.wait_online()
        status = self.daemon.status()
        self.daemon.call("io.aziotd.device.Reconnect")
        self.daemon.wait_for_new_link(status)
        self.assertNotRegex(self.daemon.program.output(), "lost|refused")


class Broken(X509Case):
    """What is wrong is said with the name of the file, and once it is mended no restart is needed."""

    def check(self, text, mend):
        self.daemon.start()
        status = self.daemon.wait_for_status(lambda s: s["link"].get("lastError"), "an error")
        self.assertRegex(status["link"]["lastError"], text)
        mend()
        self.daemon.wait_online()

    def setUp(self):
        super().setUp()
        self.add("--thumbprint", self.create("--self-signed"))

    def test_no_certificate(self):
        text = self.certificate.read_text()
        self.certificate.unlink()
        self.check(f"certificate file '{self.certificate}': No such file", lambda: self.certificate.write_text(text))

    def test_a_damaged_certificate(self):
        text = self.certificate.read_text()
        self.certificate.write_text(text[:200])
        self.check(f"'{self.certificate}' is damaged", lambda: self.certificate.write_text(text))

    def test_the_key_of_another(self):
        key = self.key.read_text()
        self.create("--self-signed", folder="other")
        (self.directory / "other" / "demo.key").replace(self.key)
        self.check(f"'{self.key}' does not belong to .*'{self.certificate}'", lambda: self.key.write_text(key))

    def test_a_wrong_password(self):
        self.lock()
        path = self.write_password("wrong")
        self.configure(PrivateKeyPasswordFile=path)
        self.check(f"password in '{path}' does not open .*'{self.key}'", self.write_password)

    def test_no_password(self):
        key = self.key.read_text()
        self.lock()
        self.check(f"'{self.key}' is encrypted", lambda: self.key.write_text(key))

    def test_a_connection_string_without_a_certificate(self):
        self.configure(CertificateFile=None, PrivateKeyFile=None)
        self.daemon.start()
        status = self.daemon.wait_for_status(lambda s: s["link"].get("lastError"), "an error")
        self.assertIn("CertificateFile=", status["link"]["lastError"])


if __name__ == "__main__":
    tap.main()
