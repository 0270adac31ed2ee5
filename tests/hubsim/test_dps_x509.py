# SPDX-License-Identifier: MIT
"""Provisioning by certificates: enrollments by thumbprint and by CA, of single devices and of groups."""

import json
import shlex
import subprocess

import device as mqtt
from device import ProvisionedDevice
from hub import ENVIRONMENT, PROGRAM, X509Case, enforces
import tap  # hub knows where it is


class DpsX509Case(X509Case):
    def setUp(self):
        super().setUp()
        self.name = self.name.replace("_", "-").rstrip("-")

    def enroll(self, *options, name=None):
        """A new enrollment, whose device need not wait; its line."""
        return self.run_command("enrollment", "add", name or self.name, "--retry-after", "0", *options)

    def remove(self, name=None):
        self.run_command("enrollment", "remove", name or self.name)

    def member(self, line, name=None):
        """The line of a device of a group."""
        fields = mqtt.parse_connection_string(line)
        return f"Endpoint={fields['Endpoint']};IdScope={fields['IdScope']};RegistrationId={name or self.name};x509=true"

    def hub_line(self, state):
        return f"HostName={state['assignedHub']};DeviceId={state['deviceId']};x509=true"

    def provision(self, certificate, line):
        """Registers; the state it is told. With the same certificate, it is a device of the hub then."""
        with self.open_with(certificate, line, ProvisionedDevice) as d:
            document = d.provision()
        self.assertEqual(document["status"], "assigned", document)
        state = document["registrationState"]
        self.assertEqual(state["x509"]["certificateInfo"]["sha256Thumbprint"], certificate.sha256)
        d = self.open_with(certificate, self.hub_line(state))
        self.assertEqual(d.connect()[1], 0)
        d.telemetry()
        return state

    def refused(self, certificate, line, reason, **options):
        del self.hub.errors[:]
        d = self.open_with(certificate, line, ProvisionedDevice)
        self.assertEqual(d.connect(**options), (False, mqtt.NOT_AUTHORIZED))
        self.wait_for_log(f"401002 CONNECT refused with code 5: {reason}")


class Individual(DpsX509Case):
    @enforces(31, 34)
    def test_a_thumbprint(self):
        own = self.create("--self-signed")
        line = self.enroll("--thumbprint", f"{'0' * 40},{own.sha1}", "--device", "of-a-thumbprint")
        self.assertRegex(line, rf"^Endpoint=localhost:\d+;IdScope=\w+;RegistrationId={self.name};x509=true\n$")
        state = self.provision(own, line)
        self.assertEqual((state["deviceId"], list(state["x509"])), ("of-a-thumbprint", ["certificateInfo"]))
        info = state["x509"]["certificateInfo"]
        self.assertEqual(list(info), ["subjectName", "sha1Thumbprint", "sha256Thumbprint", "issuerName", "notBeforeUtc",
                                      "notAfterUtc", "serialNumber", "version"])
        name = f"CN={self.name}"
        self.assertEqual((info["subjectName"], info["issuerName"], info["sha1Thumbprint"], info["version"]),
                         (name, name, own.sha1, 3))
        self.assertRegex(info["notAfterUtc"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        devices = json.loads(self.run_command("device", "list", "--json"))["devices"]
        device = next(d for d in devices if d["device"] == "of-a-thumbprint")
        self.assertEqual((device["authentication"], device["primaryThumbprint"]), ("selfSigned", own.sha256))

    @enforces(31)
    def test_a_ca(self):
        line = self.enroll("--ca")
        self.provision(self.create("--intermediate", "factory"), line)

    @enforces(31, 40)
    def test_what_is_no_certificate_of_it(self):
        own, other = self.create("--self-signed"), self.create("--self-signed", folder="b")
        renamed = self.create("--self-signed", name="renamed")
        expired = self.create("--self-signed", "--days", "-1", folder="c")
        line = self.enroll("--thumbprint", f"{own.sha256},{renamed.sha256}")
        self.refused(other, line, "the certificate has another thumbprint")
        self.refused(renamed, line, "the certificate's common name is not the registration id")
        self.refused(None, line, "the password is not a SAS token")
        token = mqtt.sas_token(f"{mqtt.parse_connection_string(line)['IdScope']}/registrations/{self.name}", "A" * 44,
                               4000000000) + "&skn=registration"
        self.refused(own, line, "a certificate and a password, too", password=token)
        self.refused(None, line, "a token, where a certificate is needed", password=token)
        self.remove()
        line = self.enroll("--thumbprint", expired.sha256)
        self.refused(expired, line, "the certificate has expired")
        self.remove()
        line = self.enroll("--ca")
        self.refused(own, line, "the certificate does not lead to a CA that is trusted for devices")
        self.remove()
        line = self.member(self.enroll())
        self.refused(own, line, "a certificate, where a token is needed")

    @enforces(31)
    def test_an_enrollment_of_its_own_decides_alone(self):
        own = self.create()
        self.enroll("--group", "--ca", name="everybody")
        line = self.enroll("--thumbprint", "0" * 40)
        self.refused(own, line, "the certificate has another thumbprint")
        self.remove()
        self.assertEqual(self.provision(own, line)["x509"]["enrollmentGroupId"], "everybody")
        self.remove("everybody")

    def test_a_renewed_certificate_is_the_hubs_once_it_registers_again(self):
        old, new = self.create("--self-signed"), self.create("--self-signed", folder="b")
        line = self.enroll("--thumbprint", f"{old.sha1},{new.sha256}")
        state = self.provision(old, line)
        self.assertEqual(self.open_with(new, self.hub_line(state)).connect(), (False, mqtt.NOT_AUTHORIZED))
        self.provision(new, line)
        self.assertEqual(self.open_with(old, self.hub_line(state)).connect(), (False, mqtt.NOT_AUTHORIZED))

    def test_two_commands_enroll_a_device(self):
        for i, options in enumerate([[], ["--self-signed"], ["--intermediate", "factory"]]):
            with self.subTest(options):
                self.name = f"two-commands-{i}"
                made = self.create(*options)
                words = shlex.split(made.printed["to enroll"])[1:]
                line = subprocess.run([PROGRAM, *words, "--retry-after", "0"], env=ENVIRONMENT, text=True,
                                      capture_output=True, timeout=60, check=True).stdout
                self.provision(made, line)


class Groups(DpsX509Case):
    @enforces(31)
    def test_a_group_has_a_ca(self):
        by_root = self.create()
        root = self.run_command("certificate", "list").split()[0]
        factory = self.create("--intermediate", "factory", folder="b")
        line = self.enroll("--group", "--ca", "--thumbprint", root)
        group, self.name = self.name, "of-the-root"
        self.assertTrue(line.endswith(f";EnrollmentGroup={group};x509=true\n"), line)
        for folder, options in [("c", []), ("d", ["--intermediate", "factory"])]:
            state = self.provision(self.create(*options, folder=folder), self.member(line))
            self.assertEqual((state["deviceId"], state["x509"]["enrollmentGroupId"]), ("of-the-root", group))
        self.provision(self.create(name="Of-The-Root", folder="f"), self.member(line))
        self.refused(by_root, self.member(line), "the certificate's common name is not the registration id")
        self.refused(self.create("--self-signed", folder="e"), self.member(line),
                     "the certificate does not lead to a CA that is trusted for devices")
        self.remove(group)

        line = self.enroll("--group", "--ca", "--thumbprint", factory.printed["its CA"], name=group)
        self.provision(self.create("--intermediate", "factory", folder="f"), self.member(line))
        self.refused(self.create(folder="g"), self.member(line), "the certificate is of another CA")
        self.refused(self.create("--intermediate", "other", folder="h"), self.member(line),
                     "the certificate is of another CA")
        self.remove(group)

    def test_the_group_whose_ca_it_is(self):
        made = {name: self.create("--intermediate", name, folder=name) for name in ("north", "south")}
        for name, certificate in made.items():
            line = self.enroll("--group", "--ca", "--thumbprint", certificate.printed["its CA"], name=name)
        self.enroll("--group", name="with-keys")
        for name in ("south", "north"):
            self.assertEqual(self.provision(made[name], self.member(line))["x509"]["enrollmentGroupId"], name)
        for name in ("north", "south", "with-keys"):
            self.remove(name)

    def test_an_enrollment_shows_what_it_asks_for(self):
        rows = {"shows-keys": ([], {"authentication": "sas"}),
                "shows-one": (["--thumbprint", "ab" * 20],
                              {"authentication": "selfSigned", "primaryThumbprint": "AB" * 20}),
                "shows-any-ca": (["--group", "--ca"], {"authentication": "certificateAuthority"}),
                "shows-two": (["--group", "--ca", "--thumbprint", "ab" * 20 + "," + "cd" * 32],
                              {"authentication": "certificateAuthority", "primaryThumbprint": "AB" * 20,
                               "secondaryThumbprint": "CD" * 32})}
        for name, (options, _) in rows.items():
            self.enroll(*options, name=name)
        listed = json.loads(self.run_command("enrollment", "list", "--json"))["enrollments"]
        listed = {e["enrollment"]: e for e in listed}
        for name, (_, expected) in rows.items():
            with self.subTest(name):
                self.assertLessEqual(expected.items(), listed[name].items())
                self.remove(name)

    def test_what_nobody_is_enrolled_with(self):
        for parameters in [{"group": True, "authentication": "selfSigned", "primaryThumbprint": "ab" * 20},
                           {"authentication": "selfSigned"}, {"authentication": "tpm"}, {"primaryKey": "short"},
                           {"authentication": "certificateAuthority", "primaryKey": "A" * 44}]:
            with self.subTest(parameters):
                error, _ = self.hub.control("AddEnrollment", enrollment="x", **parameters)
                self.assertEqual(error, "org.varlink.service.InvalidParameter")
        for arguments in [("change", "x", "--ca"), ("change", "x", "--thumbprint", "ab" * 20),
                          ("add", "x", "--group", "--thumbprint", "ab" * 20)]:
            self.assertEqual(self.hub.command("enrollment", *arguments).returncode, 2)


if __name__ == "__main__":
    tap.main()
