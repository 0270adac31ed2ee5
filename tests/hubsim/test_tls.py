# SPDX-License-Identifier: MIT
"""What goes wrong below MQTT on demand, and with the clock: certificates of the server, how connections end, tokens."""

import errno
import socket
import ssl
import subprocess
import time

import device as mqtt
from device import Device
from hub import ENVIRONMENT, PROGRAM, C2dCase, X509Case, enforces
import tap  # hub knows where it is

DAY_S = 86400


class ServerCertificate(C2dCase):
    def tearDown(self):
        self.hub.control("ClearFaults")

    def fault(self, *words):
        run = self.hub.command("fault", *words)
        self.assertEqual((run.returncode, run.stderr), (0, ""))

    def why(self, line):
        """What is wrong with the certificate, None: nothing."""
        try:
            self.open(line).connect()
        except ssl.SSLCertVerificationError as e:
            return e.verify_message
        return None

    def test_clients_have_to_refuse_each_kind(self):
        line = self.add_device()
        for kind, reason in [("wrong-name", "Hostname mismatch"), ("expired", "certificate has expired"),
                             ("not-yet-valid", "certificate is not yet valid"),
                             ("untrusted", "unable to get local issuer certificate")]:
            with self.subTest(kind):
                self.fault("server-certificate", kind)
                self.assertEqual(self.hub.control("ListFaults")[1]["faults"], [f"server-certificate {kind}"])
                for _ in range(2):
                    self.assertIn(reason, self.why(line) or "accepted")
        self.fault("server-certificate", "off")
        self.assertIsNone(self.why(line))

    def test_it_is_shown_as_often_as_was_asked_for(self):
        line = self.add_device()
        self.fault("server-certificate", "expired", "2")
        self.assertEqual([self.why(line) for _ in range(3)], ["certificate has expired"] * 2 + [None])
        self.assertEqual(self.hub.control("ListFaults")[1]["faults"], [])
        self.fault("server-certificate", "expired", "0")
        self.assertIsNone(self.why(line))

    def test_a_session_of_before_is_not_resumed(self):
        line = self.add_device()
        first = self.open_connected(line)
        first.ping()
        self.fault("server-certificate", "expired")
        with self.assertRaises(ssl.SSLCertVerificationError):
            Device(line, None, tls_session=first)

    def test_an_unknown_kind_is_refused(self):
        for words in (["server-certificate", "odd"], ["server-certificate"], ["silent-close", "nobody", "odd"]):
            with self.subTest(words):
                self.assertNotEqual(self.hub.command("fault", *words).returncode, 0)


class SilentClose(C2dCase):
    def close(self, *how):
        d = self.open_connected()
        self.assertEqual(self.hub.command("fault", "silent-close", self.name, *how).returncode, 0)
        self.wait_for_log("400029 closed without a word, as it was asked to")
        return d.socket

    @staticmethod
    def last_bytes(s):
        """What comes before the end of the stream, as it is: of TLS, each Python makes something else."""
        with socket.socket(fileno=s.detach()) as raw:
            raw.settimeout(30)
            return raw.recv(4096)

    def test_a_connection_ends_without_a_goodbye(self):
        for how in ([], ["fin"]):
            with self.subTest(how):
                self.assertEqual(self.last_bytes(self.close(*how)), b"")
            self.hub.command("device", "remove", self.name)

    def test_a_connection_is_reset(self):
        s = self.close("reset")
        self.eventually(lambda: s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET)

    def test_any_other_end_says_goodbye(self):
        d = self.open_connected()
        self.hub.control("Kick", device=self.name)
        self.assertNotEqual(self.last_bytes(d.socket), b"")

    def test_a_device_that_is_not_there(self):
        self.add_device()
        self.assertEqual(self.hub.control("SilentClose", device=self.name), (None, {"wasConnected": False}))


class Clock(C2dCase):
    def tearDown(self):
        self.hub.control("ClearFaults")

    def set(self, seconds):
        run = subprocess.run([PROGRAM, "--state-dir", self.hub.state, "--", "fault", "clock-offset", str(seconds)],
                             env=ENVIRONMENT, capture_output=True, text=True)
        self.assertEqual((run.returncode, run.stderr), (0, ""))

    @enforces(39, 3)
    def test_tokens_are_judged_by_it(self):
        line = self.add_device()
        self.set(7200)
        self.assertEqual(self.hub.control("ListFaults")[1]["faults"], ["clock-offset 7200"])
        self.assertEqual(self.open(line).connect(lifetime_s=3600)[1], mqtt.NOT_AUTHORIZED)
        self.wait_for_log("401003 CONNECT refused with code 5: the token has expired")
        self.assertEqual(self.open(line).connect(lifetime_s=10000)[1], 0)
        self.set(-7200)
        self.assertEqual(self.open(line).connect(lifetime_s=-3600)[1], 0)

    @enforces(39, 7)
    def test_a_connection_ends_when_it_steps_past_the_end_of_its_token(self):
        d = self.open_connected(lifetime_s=3600)
        self.set(3000)
        d.ping()
        self.set(4000)
        d.wait_for_close()
        self.wait_for_log("401003 closed: the token has expired")

    @enforces(39)
    def test_a_connection_goes_on_when_it_steps_back(self):
        d = self.open_connected(lifetime_s=2)
        self.set(-3600)
        time.sleep(2.5)
        d.ping()

    def test_answers_of_twins_are_dated_by_it(self):
        d = self.open_connected(lifetime_s=500 * DAY_S)
        d.subscribe("$iothub/twin/res/#")
        self.set(400 * DAY_S)
        d.report("[]")
        year = time.gmtime(time.time() + 400 * DAY_S).tm_year
        self.assertIn(f'"timestampUtc":"{year}-', d.receive_twin()[1])


class ClockOfCertificates(X509Case):
    def tearDown(self):
        self.hub.control("ClearFaults")

    @enforces(39, 4)
    def test_certificates_are_judged_by_it(self):
        own = self.create("--self-signed", "--days", "10")
        line = self.run_command("device", "add", self.name, "--thumbprint", own.sha1)
        for days, reason in [(20, "the certificate has expired"), (-20, "the certificate is not valid yet"), (0, None)]:
            with self.subTest(days):
                self.hub.control("ClockOffset", seconds=days * DAY_S)
                self.assertEqual(self.open_with(own, line).connect()[1], mqtt.NOT_AUTHORIZED if reason else 0)
                if reason:
                    self.wait_for_log(f"401003 CONNECT refused with code 5: {reason}")

    @enforces(39)
    def test_a_ca_is_judged_by_it(self):
        own = self.create("--days", "20000")
        line = self.run_command("device", "add", self.name, "--ca")
        self.hub.control("ClockOffset", seconds=4000 * DAY_S)
        self.assertEqual(self.open_with(own, line).connect()[1], mqtt.NOT_AUTHORIZED)
        self.wait_for_log("401003 CONNECT refused with code 5: certificate has expired")


if __name__ == "__main__":
    tap.main()
