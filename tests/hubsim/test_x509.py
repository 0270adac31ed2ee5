# SPDX-License-Identifier: MIT
"""Devices with certificates: who may connect, and the commands that make certificates and trust CAs."""

import json
import shlex
import signal
import ssl
import stat
import subprocess

import device as mqtt
from device import publish
from hub import ENVIRONMENT, PROGRAM, X509Case, enforces
import tap  # hub knows where it is

DAY_S = 86400


class CertificateCase(X509Case):
    def add(self, *options):
        return self.run_command("device", "add", self.name, *options)

    def check(self, certificate, line, reason, **options):
        """Tries to connect; without a 'reason' that has to work."""
        del self.hub.errors[:]
        d = self.open_with(certificate, line)
        self.assertEqual(d.connect(**options)[1], mqtt.NOT_AUTHORIZED if reason else 0)
        self.wait_for_log(f"401003 CONNECT refused with code 5: {reason}" if reason else "connected")
        return d


class Connect(CertificateCase):
    @enforces(4)
    def test_a_thumbprint_in_any_form_and_either_place(self):
        own = self.create("--self-signed")
        colons = ":".join(own.sha1[i:i + 2] for i in range(0, 40, 2)).lower()
        for i, text in enumerate([own.sha256, own.sha1, colons, f"{'0' * 64},{own.sha1}", f"{own.sha256},{'0' * 40}"]):
            with self.subTest(text):
                self.name = f"thumbprint-{i}"
                line = self.add("--thumbprint", text)
                self.assertTrue(line.endswith(";DeviceId=thumbprint-%d;x509=true\n" % i), line)
                self.check(own, line, None)

    @enforces(4)
    def test_a_certificate_of_the_ca(self):
        line = self.add("--ca")
        self.check(self.create(), line, None)
        self.check(self.create("--intermediate", "factory", folder="b"), line, None)
        self.check(self.create("--intermediate", "other.key", folder="c"), line, None)

    @enforces(4)
    def test_a_certificate_of_one_ca_alone(self):
        factory = self.create("--intermediate", "factory")
        root = self.run_command("certificate", "list").split()[0]
        for i, (thumbprint, reason) in enumerate([(root, None), (factory.printed["its CA"], None),
                                                  (f"{'0' * 40},{root}", None),
                                                  (factory.sha256, "the certificate is of another CA")]):
            with self.subTest(thumbprint):
                self.name = f"one-ca-{i}"
                line = self.add("--ca", "--thumbprint", thumbprint)
                self.check(self.create("--intermediate", "factory", folder="b"), line, reason)

    @enforces(4, 40)
    def test_what_is_no_certificate_of_the_device(self):
        own, late = self.create("--self-signed"), self.create("--self-signed", "--days", "-1", folder="late")
        line = self.add("--thumbprint", f"{own.sha256},{late.sha1}")
        token = mqtt.sas_token(f"{mqtt.parse_connection_string(line)['HostName']}/devices/{self.name}", "AAAA" * 8,
                               4000000000)
        self.check(late, line, "the certificate has expired")
        self.check(None, line, "there is no client certificate")
        self.check(None, line, "a password of a device that has a certificate", password=token)
        self.check(own, line, "both a password and a client certificate", password=token)
        self.check(self.create(folder="ca"), line, "the certificate has another thumbprint")
        self.check(own, line, None, password="")

    @enforces(4, 40)
    def test_what_no_ca_vouches_for(self):
        line = self.add("--ca")
        for i, (options, reason) in enumerate([
                (["--days", "-3"], "the certificate has expired"),
                (["--intermediate", "factory", "--days", "-1"], "the certificate has expired"),
                (["--days", "60", "--from", "30"], "the certificate is not valid yet"),
                (["--self-signed"], "the certificate does not lead to a CA that is trusted for devices")]):
            with self.subTest(options):
                self.check(self.create(*options, folder=str(i)), line, reason)
        self.check(self.create(name="someone-else"), line, "the certificate's common name is another one")
        alone = self.create("--intermediate", "factory", folder="alone")
        leaf, end, _ = alone.path.read_text().partition("-----END CERTIFICATE-----\n")
        alone.path.write_text(leaf + end)
        self.check(alone, line, "the certificate does not lead to a CA that is trusted for devices")

    @enforces(4)
    def test_a_device_with_keys_shows_none(self):
        line = self.add()
        self.check(self.create(), line, "a client certificate of a device that has keys")
        self.check(None, line, None)

    @enforces(3, 4)
    def test_a_policy_does_not_replace_a_certificate(self):
        line = self.add("--ca")
        host = mqtt.parse_connection_string(line)["HostName"]
        key = json.loads((self.hub.state / "devices.json").read_text())["policy"]["primaryKey"]
        token = mqtt.sas_token(f"{host}/devices", key, 4000000000) + "&skn=device"
        self.check(None, line, "a password of a device that has a certificate", password=token)
        self.name = "of-the-policy"
        self.check(None, self.add(), None, password=token)

    def test_a_foreign_ca_is_trusted_from_the_next_connection_on(self):
        foreign, line = self.directory / "foreign", self.add("--ca")
        own = self.create(state=foreign)
        self.check(own, line, "the certificate does not lead to a CA that is trusted for devices")
        pem = self.directory / "foreign.pem"
        pem.write_text(self.run_command("certificate", "ca", state=foreign))
        self.assertIn("CN = aziot-hubsim device CA", self.run_command("certificate", "trust", pem))
        self.check(own, line, None)
        self.check(self.create(folder="b"), line, None)

        # One in the middle is enough, and its certificate need not be sent.
        other = self.directory / "other"
        pem.write_text(self.run_command("certificate", "ca", "--intermediate", "factory", state=other))
        own = self.create("--intermediate", "factory", folder="c", state=other)
        self.check(own, line, "the certificate does not lead to a CA that is trusted for devices")
        self.run_command("certificate", "trust", pem)
        self.check(own, line, None)

    def test_a_damaged_list_of_cas_refuses_certificates_alone(self):
        trusted = self.hub.state / "trusted-ca.pem"
        before = trusted.read_text() if trusted.exists() else None
        own, line, keys = self.create(), self.add("--ca"), self.hub.command("device", "add", "with-keys").stdout
        trusted.write_text("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")
        try:
            self.assertEqual(self.open_with(own, line).connect(), (False, 3))
            self.wait_for_log("500001 CONNECT refused with code 3: the CAs")
            self.assertEqual(self.open_with(None, keys).connect(), (False, 0))
            run = self.hub.command("certificate", "list")
            self.assertEqual(run.returncode, 1)
            self.assertIn("no certificates in PEM form, or damaged", run.stderr)
        finally:
            trusted.unlink() if before is None else trusted.write_text(before)


class Session(CertificateCase):
    def connect(self, **options):
        d = self.open_with(self.certificate, self.line)
        self.assertEqual(d.connect(**options)[1], 0)
        return d

    def setUp(self):
        super().setUp()
        self.certificate, self.line = self.create("--intermediate", "factory"), self.add("--ca")

    @enforces(4, 16, 18)
    def test_will_session_and_messages_are_those_of_any_device(self):
        will = (f"devices/{self.name}/messages/events/", '{"gone":true}')
        d = self.connect(will=will)
        d.telemetry('{"n":1}')
        self.assertEqual(d.subscribe(f"devices/{self.name}/messages/devicebound/#", "$iothub/methods/POST/#"), [0, 0])
        call = self.hub.invoke(self.name, "reboot")
        _, request_id, _ = d.receive_call()
        d.answer_call(request_id, 200, "{}")
        self.assertEqual(call.result().returncode, 0)
        d.close()
        self.eventually(lambda: len(self.arrived()) == 2)
        self.assertEqual([line["body"] for line in self.arrived()], [{"n": 1}, {"gone": True}])
        self.hub.control("SendMessage", device=self.name, body="hello")

        d = self.open_with(self.certificate, self.line)
        self.assertEqual(d.connect(), (True, 0))
        self.assertEqual(d.receive_message().payload, b"hello")

    @enforces(6)
    def test_a_second_connection_ends_the_first_one(self):
        first = self.connect()
        self.connect()
        first.wait_for_close()

    @enforces(15)
    def test_the_will_is_the_devices_own(self):
        d = self.open_with(self.certificate, self.line)
        self.assertEqual(d.connect(will=("devices/other/messages/events/", "{}")), (False, 5))

    @enforces(12)
    def test_it_may_do_no_more_than_others(self):
        d = self.connect()
        d.send(publish("devices/other/messages/events/"))
        d.wait_for_close()

    def test_a_resumed_tls_session_brings_its_chain_again(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for certificate, line in [(self.certificate, self.line), (None, self.hub.command("device", "list").stdout)]:
                line = line if certificate else next(x.split()[2] for x in line.splitlines() if "SharedAccessKey" in x)
                with self.subTest(version, certificate=bool(certificate)):
                    first = self.open_with(certificate, line, tls_version=version)
                    self.assertEqual(first.connect(clean=True), (False, 0))
                    again = self.open_with(certificate, line, tls_session=first)
                    self.assertEqual(again.connect(clean=True), (False, 0))
                    self.assertEqual(again.socket.session_reused, not certificate)

    def test_it_is_known_after_a_restart(self):
        thumbprint = self.create("--self-signed", folder="b")
        self.name += "-2"
        line = self.add("--thumbprint", thumbprint.sha1)
        self.hub.stop(signal.SIGKILL)
        self.hub.start()
        self.assertEqual(self.open_with(thumbprint, line).connect(), (False, 0))
        self.connect()


class Commands(CertificateCase):
    def fails(self, code, text, *arguments):
        run = self.hub.command(*arguments)
        self.assertEqual((run.returncode, run.stdout), (code, ""))
        self.assertIn(text, run.stderr)

    def test_two_commands_make_a_device(self):
        for i, options in enumerate([[], ["--self-signed"], ["--intermediate", "factory"]]):
            with self.subTest(options):
                self.name = f"two-commands-{i}"
                made = self.create(*options)
                words = shlex.split(made.printed["to register"])
                self.assertEqual(words[0], "aziot-hubsim")
                line = subprocess.run([PROGRAM, *words[1:]], env=ENVIRONMENT, text=True, capture_output=True,
                                      timeout=60, check=True).stdout
                self.check(made, line, None)

    def test_the_second_command_is_quoted_where_a_shell_needs_it(self):
        state = self.directory / "it's a state"
        printed = self.create(name="pump!", state=state).printed["to register"]
        self.assertEqual(shlex.split(printed)[1:], ["device", "add", "pump!", "--ca", "--state-dir", str(state)])
        self.assertIn(" 'pump!' ", printed)

    def test_what_is_written(self):
        made = self.create("--intermediate", "factory", "--days", "30", "--from", "-10")
        self.assertEqual([made.path, made.key], [self.directory / f"a/{self.name}.{end}" for end in ("pem", "key")])
        self.assertEqual(stat.S_IMODE(made.key.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE((self.hub.state / "device-ca.key").stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE((self.hub.state / "intermediate-factory.key").stat().st_mode), 0o600)
        self.assertTrue(made.key.read_text().startswith("-----BEGIN PRIVATE KEY-----\n"))
        leaf, chain = [part + "-----END CERTIFICATE-----\n"
                       for part in made.path.read_text().split("-----END CERTIFICATE-----\n")[:-1]]
        self.assertEqual(chain, self.run_command("certificate", "ca", "--intermediate", "factory"))
        for pem, subject, thumbprint in [(leaf, self.name, made.sha256),
                                         (chain, "aziot-hubsim factory", made.printed["its CA"]),
                                         (self.run_command("certificate", "ca"), "aziot-hubsim device CA", None)]:
            facts = subprocess.run(["openssl", "x509", "-noout", "-subject", "-fingerprint", "-sha256", "-dates"],
                                   input=pem, text=True, capture_output=True, check=True).stdout.splitlines()
            _, fingerprint, begin, end = (line.split("=", 1)[1] for line in facts)
            self.assertEqual(facts[0], f"subject=CN = {subject}")
            self.assertIn(thumbprint, (None, fingerprint.replace(":", "")))
            if pem is leaf:
                self.assertEqual(ssl.cert_time_to_seconds(end) - ssl.cert_time_to_seconds(begin), 40 * DAY_S)

    def test_what_cannot_be_made(self):
        made = self.create()
        before = made.key.read_text()
        self.fails(1, f"will not replace {made.key}", "certificate", "create", self.name, made.path.parent)
        self.assertEqual(made.key.read_text(), before)
        made.key.unlink()
        self.fails(1, f"will not replace {made.path}", "certificate", "create", self.name, made.path.parent)
        made.key.write_text(before)
        self.fails(1, "not a device id", "certificate", "create", "../x", self.directory)
        self.fails(1, "at most 64 characters", "certificate", "create", "x" * 65, self.directory)
        self.fails(1, "not a name", "certificate", "create", "x", self.directory, "--intermediate", "a/b")
        self.fails(1, "cannot make", "certificate", "create", "x", made.key / "y")
        self.fails(1, "no certificates in PEM form", "certificate", "trust", made.key)
        self.fails(1, "not all of these are certificates of CAs", "certificate", "trust", made.path)
        self.fails(1, "No such file", "certificate", "trust", "/nonexistent")
        for arguments in [("create", "x"), ("create", "x", "y", "--days", "1", "--from", "1"), ("make",), ("trust",),
                          ("list", "x"), ("ca", "x"), ("create", "x", "y", "--days", "soon"),
                          ("create", "x", "y", "--days", "-"), ("create", "x", "y", "z"),
                          ("create", "x", "y", "--self-signed", "--intermediate", "z")]:
            with self.subTest(arguments):
                self.assertEqual(self.hub.command("certificate", *arguments).returncode, 2)
        self.assertFalse((self.directory / "x.pem").exists())

    def test_the_list_has_each_trusted_ca_once(self):
        self.run_command("certificate", "ca")
        before = self.run_command("certificate", "list").splitlines()
        pem = self.directory / "foreign.pem"
        pem.write_text(self.run_command("certificate", "ca", "--intermediate", "a", state=self.directory / "foreign") +
                       self.run_command("certificate", "ca", state=self.directory / "foreign"))
        printed = self.run_command("certificate", "trust", pem)
        self.assertEqual(self.run_command("certificate", "trust", pem), printed)
        self.assertEqual(self.run_command("certificate", "list").splitlines(), before + printed.splitlines())
        self.assertRegex(printed, r"^[0-9A-F]{64} \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d CN = aziot-hubsim a\n")

    def test_no_hub_is_needed_and_many_at_once_make_one_ca(self):
        state = self.directory / "new/state"
        jobs = [subprocess.Popen([PROGRAM, "certificate", "create", f"d{i}", self.directory / "many", "--intermediate",
                                  "factory", "--state-dir", state], env=ENVIRONMENT, stdout=subprocess.DEVNULL)
                for i in range(8)]
        self.assertEqual([job.wait(60) for job in jobs], [0] * 8)
        ca = self.directory / "ca.pem"
        ca.write_text(self.run_command("certificate", "ca", state=state))
        for i in range(8):
            path = self.directory / f"many/d{i}.pem"
            subprocess.run(["openssl", "verify", "-CAfile", ca, "-untrusted", path, path], check=True,
                           stdout=subprocess.DEVNULL)

    def test_a_device_shows_how_it_proves_itself(self):
        rows = {
            "list-keys": ([], "sas", None, None, ""),
            "list-key": (["--key", "A" * 44], "sas", None, None, ""),
            "list-this-ca": (["--ca", "--thumbprint", "ab" * 20], "certificateAuthority", "AB" * 20, None,
                             " ca thumbprint=" + "AB" * 20),
            "list-ca": (["--ca"], "certificateAuthority", None, None, " ca"),
            "list-one": (["--thumbprint", "ab" * 20], "selfSigned", "AB" * 20, None, " thumbprint=" + "AB" * 20),
            "list-two": (["--thumbprint", "ab" * 20 + "," + "cd" * 32], "selfSigned", "AB" * 20, "CD" * 32,
                         " thumbprint=" + "AB" * 20 + "," + "CD" * 32),
        }
        for self.name, (options, *_) in rows.items():
            self.add(*options)
        printed = {line.split()[0]: line for line in self.run_command("device", "list").splitlines()}
        listed = {d["device"]: d for d in json.loads(self.run_command("device", "list", "--json"))["devices"]}
        for name, (_, *authentication, text) in rows.items():
            with self.subTest(name):
                d = listed[name]
                self.assertEqual([d.get(x) for x in ("authentication", "primaryThumbprint", "secondaryThumbprint")],
                                 authentication)
                self.assertEqual(printed[name], f"{name} offline {d['connectionString']}{text}")

    def test_what_no_device_proves_itself_with(self):
        for thumbprint in ("", "ab", "xy" * 20, "ab" * 20 + ",", "ab" * 21, "ab" * 20 + ",cd", "ab:" * 60):
            with self.subTest(thumbprint):
                run = self.hub.command("device", "add", self.name, "--thumbprint", thumbprint)
                self.assertEqual((run.returncode, run.stdout), (1, ""))
                self.assertIn("InvalidParameter", run.stderr)
        for parameters in [{"authentication": "selfSigned"}, {"authentication": "tpm"},
                           {"primaryThumbprint": "ab" * 20}, {"primaryKey": "A" * 16}, {"secondaryKey": "A" * 43},
                           {"authentication": "certificateAuthority", "secondaryThumbprint": "ab"},
                           {"authentication": "certificateAuthority", "secondaryKey": "A" * 44},
                           {"authentication": "selfSigned", "primaryKey": "A" * 44, "primaryThumbprint": "ab" * 20},
                           {"authentication": "selfSigned", "secondaryThumbprint": "ab" * 20},
                           {"authentication": "selfSigned", "primaryThumbprint": "ab" * 19 + "a\0"}]:
            with self.subTest(parameters):
                error, _ = self.hub.control("AddDevice", device=self.name, **parameters)
                self.assertEqual(error, "org.varlink.service.InvalidParameter")

    def test_keys_may_be_given(self):
        keys = ["A" * 43 + "=", "B" * 43 + "="]
        for self.name, given in [("one-key", keys[0]), ("two-keys", ",".join(keys))]:
            line = self.add("--key", given)
            self.assertTrue(line.endswith(f";SharedAccessKey={keys[0]}\n"), line)
            self.check(None, line, None)
        self.check(None, line.replace(keys[0], keys[1]), None)
        error, reply = self.hub.control("AddDevice", device="second-key", secondaryKey=keys[1])
        self.assertIsNone(error)
        self.assertNotIn(keys[1], reply["connectionString"])


if __name__ == "__main__":
    tap.main()
