#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""aziot why: what it says of each failure, made for real, and that it fits on a screen."""

import json
import os
import pty
import re
import socket
import ssl
import subprocess
import threading
import unittest
from pathlib import Path

import harness
import test_provisioning
import test_route
import x509
from harness import BUILD, environment, eventually, tap

ROOT = Path(__file__).resolve().parents[2]

EXPLAIN = "io.aziotd.device.Explain"


class Impostor:
    """Answers at a port in place of a hub: 'answer' gets each connection, in a thread of its own."""

    def __init__(self, answer):
        self.answer = answer
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.held = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.held.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            self.answer(connection)
        except OSError:
            pass

    def close(self):
        self.listener.close()
        for connection in self.held:
            connection.close()


def answer_http(connection):
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/login\r\nContent-Length: 0\r\n\r\n")
    connection.close()


def answer_ssh(connection):
    connection.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    connection.recv(4096)


def answer_forbidden(connection):
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")


def answer_nothing(connection):
    connection.recv(4096)


def hang_up(connection):
    connection.recv(4096)
    connection.close()


class WhyCase(harness.CliCase):
    def explain(self):
        return self.daemon.call(EXPLAIN)

    def wait_for(self, problem):
        """Waits until that is the reason why the device is offline, and returns all that is said."""
        def look():
            reply = self.explain()
            found = reply.get("lastFailure", {}).get("problem")
            return reply if not reply["online"] and re.fullmatch(problem, found or "") else None

        try:
            return eventually(look, problem)
        except AssertionError as error:
            raise AssertionError(f"{error}: {json.dumps(self.explain(), indent=1)}") from None

    def screen(self, code):
        out, _ = self.aziot("why", code=code)
        lines = out.splitlines()
        self.assertLessEqual(len(lines), 24, out)
        self.assertLessEqual(max(map(len, lines)), 80, out)
        # One line again of what was wrapped.
        return re.sub(r"\n {10}", " ", out)

    def assert_offline(self, problem, layer, pattern, **facts):
        """It is this problem, at this layer, and the screen says so in words that match."""
        reply = self.wait_for(problem)
        failure = reply["lastFailure"]
        self.assertRegex(failure["layer"], f"^{layer}$")
        self.assertRegex(reply["summary"], pattern)
        self.assertRegex(reply["advice"], r"\w.*\.$")
        self.assertNotIn("(unknown)", reply["summary"] + reply["advice"])
        self.assertIn("failingSince", reply)
        for name, value in facts.items():
            self.assertEqual(failure.get(name), value, name)
        out = self.screen(3)
        self.assertRegex(out, r"(?m)^link +OFFLINE, \w+ since \d{4}-\d\d-\d\dT\S+Z \(\d+ \w+")
        self.assertRegex(out, rf"(?m)^where +{layer} \[({problem})\]")
        self.assertRegex(out, r"(?m)^to do +\S")
        return reply


class Offline(WhyCase):
    """The daemon never came online."""

    starts_daemon = False

    def connect_to(self, host=None, port=None, **parts):
        """The daemon's connection string with other parts."""
        text = self.hub.connection_string_file.read_text().strip()
        if host:
            parts["HostName"] = f"{host}:{port}" if port else host
        for key, value in parts.items():
            text = re.sub(rf"\b{key}=[^;]*", f"{key}={value}", text)
        path = self.directory / "connection-string"
        path.write_text(text + "\n")
        path.chmod(0o600)
        self.daemon.config["Hub"]["ConnectionStringFile"] = path

    def meet(self, answer):
        """Something answers in place of the hub; its port."""
        impostor = Impostor(answer)
        self.addCleanup(impostor.close)
        self.connect_to("127.0.0.1", impostor.port)
        return impostor.port

    def start_in_a_network_of_its_own(self, preparation):
        self.connect_to("hub.example.com")
        command = f'{preparation} && exec "$@"'
        argv = ["unshare", "--net", "sh", "-c", command, "sh", *self.daemon.argv()]
        self.daemon.argv = lambda: argv
        self.daemon.start()

    def test_nothing_is_configured(self):
        self.daemon.config["Hub"] = {}
        self.daemon.start()
        reply = self.assert_offline("identity-missing", "identity", "ConnectionStringFile|configur")
        self.assertTrue(reply["nextAttempt"])
        self.assertEqual(reply["tried"], [])

    def test_the_key_file_is_broken(self):
        self.connect_to(SharedAccessKey="%%%")
        self.daemon.start()
        self.assert_offline("identity-file", "identity", "connection-string")

    def test_the_name_is_unknown(self):
        self.connect_to("hub.invalid")
        self.daemon.start()
        self.assert_offline("name-(unknown|server)", "name", "hub.invalid", host="hub.invalid")

    @unittest.skipUnless(os.geteuid() == 0, "only root can take the network away")
    def test_there_is_no_network(self):
        self.start_in_a_network_of_its_own("true")
        self.assert_offline("no-network", "route", "not connected to any network", **{"class": "network"})

    @unittest.skipUnless(os.geteuid() == 0, "only root can take the network away")
    def test_there_is_no_way_out_of_the_network(self):
        self.start_in_a_network_of_its_own(
            "ip link add ve0 type veth peer name ve1 && ip link set ve0 up && ip link set ve1 up && "
            "ip address add 192.0.2.1/24 dev ve0")
        self.assert_offline("no-route", "route", "no way to 'hub.example.com'", **{"class": "network"})

    def test_nothing_listens(self):
        self.hub.stop()
        self.daemon.start()
        reply = self.assert_offline("tcp-refused", "tcp", f"refused by .*:{self.hub.port}", error="Connection refused",
                                    **{"class": "network"}, transport="mqtt")
        self.assertEqual([tried["problem"] for tried in reply["tried"]], ["tcp-refused"])
        self.assertRegex(self.screen(3), r"(?m)^tried +mqtt to \S+: tcp-refused, \d+ s ago$")
        eventually(lambda: self.explain()["failedAttempts"] >= 2, "a second attempt")

    def test_a_web_server_answers(self):
        port = self.meet(answer_http)
        self.daemon.start()
        self.assert_offline("captive-portal", "tls", f"web server answers at 127.0.0.1:{port}.*captive portal",
                            **{"class": "network"})

    def test_something_else_answers(self):
        self.meet(answer_ssh)
        self.daemon.start()
        self.assert_offline("not-tls", "tls", "does not speak TLS", **{"class": "network"})

    def test_nobody_answers(self):
        self.meet(answer_nothing)
        self.daemon.config["Network"] = {"TLSTimeoutSec": 1}
        self.daemon.start()
        self.assert_offline("tls-timeout", "tls", "in time")

    def test_it_hangs_up(self):
        self.meet(hang_up)
        self.daemon.start()
        self.assert_offline("tls-reset", "tls", "TLS handshake")

    def test_a_captive_portal_with_a_certificate_of_its_own(self):
        certificate, key = self.directory / "portal.pem", self.directory / "portal.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=portal.example", "-keyout", key, "-out", certificate], check=True,
                       stderr=subprocess.DEVNULL, env=environment())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.meet(lambda connection: context.wrap_socket(connection, server_side=True))
        self.daemon.start()
        reply = self.assert_offline("certificate-self-signed", "tls", "subject CN=portal.example",
                                    **{"class": "network"})
        self.assertEqual(reply["lastFailure"]["serverCertificate"]["issuer"], "CN=portal.example")
        self.assertIn("not to blame", reply["advice"])

    def test_the_certificate_is_wrong(self):
        rows = [("wrongName", "certificate-name", "another host"),
                ("expired", "certificate-expired", r"valid until \d{4}.* the clock of this device says \d{4}"),
                ("notYetValid", "certificate-not-yet-valid", r"valid from \d{4}.* the clock of this device says \d{4}"),
                ("untrusted", "certificate-(untrusted|self-signed)", "nobody that this device trusts")]
        for certificate, problem, pattern in rows:
            with self.subTest(certificate=certificate):
                self.hub.call("ServerCertificate", {"certificate": certificate})
                self.daemon.start()
                reply = self.assert_offline(problem, "tls", pattern, **{"class": "network"})
                shown = reply["lastFailure"]["serverCertificate"]
                self.assertTrue(shown["subject"] and shown["issuer"] and shown["notBefore"] and shown["notAfter"])
                self.daemon.stop()

    def test_the_file_of_trusted_certificates_is_missing(self):
        self.daemon.config["Hub"]["TrustedCAFile"] = self.directory / "no-such-file.pem"
        self.daemon.start()
        self.assert_offline("trust-file", "tls", "no-such-file.pem")

    def test_the_hub_refuses(self):
        rows = [(1, "mqtt-version"), (2, "device-unknown"), (3, "hub-unavailable"), (4, "key-refused"),
                (5, "not-authorized")]
        for code, problem in rows:
            with self.subTest(code=code):
                self.hub.call("RefuseConnect", {"code": code, "count": 1000})
                self.daemon.start()
                self.assert_offline(problem, "connack", f"CONNACK {code}", connackCode=code, host="127.0.0.1"
                                    if "127.0.0.1" in self.hub.connection_string_file.read_text() else "localhost")
                self.daemon.stop()

    def test_the_hub_hangs_up_instead(self):
        self.hub.call("RefuseConnect", {"code": 0, "count": 1000})
        self.daemon.start()
        self.assert_offline("connack-closed", "connack", "closed the connection")

    def test_the_device_is_unknown(self):
        self.connect_to(DeviceId="nobody")
        self.daemon.start()
        reply = self.assert_offline("not-authorized", "connack", "not authorized")
        for word in ("key", "clock", "exists", "moved or deleted", "enabled"):
            self.assertIn(word, reply["advice"])

    def test_the_hub_refuses_a_subscription(self):
        self.hub.call("SubackFailure", {"count": 1000})
        self.daemon.start()
        self.assert_offline("subscription-refused", "subscription", "refused a subscription")


class Certificate(WhyCase, x509.X509Case):
    """The device has a certificate."""

    def test_it_has_expired(self):
        self.add("--thumbprint", self.create("--self-signed", "--days", "-1"))
        self.daemon.start()
        reply = self.assert_offline("own-certificate-expired", "tls", r"was valid until \d{4}-.*subject CN=demo")
        self.assertEqual(reply["lastFailure"]["deviceCertificate"]["subject"], "CN=demo")

    def test_it_is_another_one(self):
        self.create("--self-signed")
        self.add("--thumbprint", self.create("--self-signed", folder="other"))
        self.daemon.start()
        reply = self.assert_offline("not-authorized", "connack", "not authorized", connackCode=5)
        self.assertIn("certificate", reply["advice"])

    def test_it_is_damaged(self):
        self.add("--thumbprint", self.create("--self-signed"))
        self.certificate.write_text(self.certificate.read_text()[:200])
        self.daemon.start()
        self.assert_offline("identity-file", "identity", f"'{self.certificate}' is damaged")

    def test_a_new_one_that_does_not_work_is_a_notice(self):
        self.add("--thumbprint", self.create("--self-signed"))
        self.daemon.start()
        self.daemon.wait_online()
        self.certificate.write_text("damaged")
        notices = eventually(lambda: self.explain()["notices"], "a notice")
        self.assertEqual(notices[0]["problem"], "credentials-rolled-back")
        self.assertRegex(self.screen(0), rf"(?m)^note +.*the old one is used: .*'{self.certificate}'")


class Proxy(WhyCase):
    """Between the daemon and the hub stands a proxy, or what is taken for one."""

    starts_daemon = False

    def assert_in_the_way(self, url, problem, pattern, **facts):
        self.daemon.config["Network"] = {"Proxy": url, "ProxyTimeoutSec": 1}
        self.daemon.start()
        reply = self.assert_offline(problem, "proxy", pattern, proxy=url.removeprefix("http://"),
                                    **{"class": "network"}, **facts)
        # Over whichever transport.
        self.assertEqual({tried["problem"] for tried in reply["tried"]}, {problem})

    def meet(self, answer):
        impostor = Impostor(answer)
        self.addCleanup(impostor.close)
        return f"http://127.0.0.1:{impostor.port}"

    def test_it_wants_a_password(self):
        proxy = test_route.Proxy("user:password")
        self.addCleanup(proxy.close)
        self.assert_in_the_way(proxy.url, "proxy-authentication", "HTTP status 407", httpStatus=407)

    def test_it_refuses(self):
        self.assert_in_the_way(self.meet(answer_forbidden), "proxy-refused", r"'localhost' port \d+ \(HTTP status 403",
                               httpStatus=403)

    def test_it_is_no_proxy(self):
        self.assert_in_the_way(self.meet(answer_ssh), "proxy-answer", "no HTTP proxy")

    def test_it_does_not_answer(self):
        self.assert_in_the_way(self.meet(answer_nothing), "proxy-timeout", "does not answer")

    def test_it_is_not_there(self):
        self.assert_in_the_way("http://127.0.0.1:1", "proxy-unreachable", "cannot be reached: Connection refused")


class WebSocket(WhyCase):
    starts_daemon = False

    def setUp(self):
        super().setUp()
        port = int(self.hub.program.wait_for_output(r"WebSocket: +\S+:(\d+)")[1])
        self.daemon.config["Network"] = {"Transports": "websocket", "WebSocketPort": port}

    def test_online(self):
        self.daemon.start()
        self.daemon.wait_online()
        self.assertRegex(self.screen(0), r"(?m)^how +websocket to \S+:\d+, TLSv1.3")

    def test_the_server_refuses(self):
        self.hub.call("RefuseWebSocket", {"status": 503, "count": 1000})
        self.daemon.start()
        self.assert_offline("websocket-refused", "websocket", "HTTP status 503", httpStatus=503,
                            transport="websocket", **{"class": "network"})

    def test_the_server_does_not_know_it(self):
        self.daemon.config["Network"]["WebSocketPort"] = self.hub.port
        self.daemon.start()
        self.assert_offline("websocket-(reset|answer)", "websocket", "WebSocket", **{"class": "network"})


class Lost(WhyCase):
    """The link was up."""

    def test_online(self):
        reply = self.explain()
        self.assertEqual((reply["state"], reply["online"], reply["tried"][0].get("problem")), ("online", True, None))
        self.assertEqual(reply["connection"]["transport"], "mqtt")
        self.assertEqual(reply["connection"]["tlsVersion"], "TLSv1.3")
        self.assertNotIn("lastFailure", reply)
        out = self.screen(0)
        self.assertRegex(out, r"(?m)^link +online since ")
        self.assertRegex(out, rf"(?m)^how +mqtt to .*:{self.hub.port}, TLSv1.3")
        self.assertRegex(out, r"(?m)^to do +Nothing has to be done")

    def test_json_is_one_line(self):
        out, _ = self.aziot("why", "--json")
        self.assertEqual(len(out.splitlines()), 1)
        self.assertTrue(json.loads(out)["online"])

    def test_it_goes_on_telling_what_failed_last(self):
        before = self.daemon.status()
        self.hub.call("Kick", {"device": "demo"})
        self.daemon.wait_for_new_link(before)
        reply = self.explain()
        self.assertEqual(reply["lastFailure"]["problem"], "closed")
        self.assertNotIn("failingSince", reply)
        self.assertRegex(self.screen(0), r"(?m)^earlier +\S+Z \(\d+ s ago\): .*closed.*\[closed\]")

    def test_the_device_is_disabled(self):
        self.hub.call("SetDeviceStatus", {"device": "demo", "status": "disabled"})
        self.assertIn("enabled", self.assert_offline("not-authorized", "connack", "not authorized")["advice"])

    def test_somebody_else_has_the_same_identity(self):
        self.hub.call("CloseAfterConnect", {"milliseconds": 200, "count": 1000})
        self.hub.call("Kick", {"device": "demo"})
        self.assert_offline("duplicate-identity", "link", "same device", **{"class": "conflict"})

    def test_the_hub_takes_no_messages(self):
        self.hub.call("DropBeforePuback", {"count": 1000})
        self.daemon.send(text="x")
        self.assert_offline("hub-throttles", "link", "daily quota", **{"class": "throttled"})

    def test_the_daily_quota_is_used_up(self):
        self.hub.call("SetLimits", {"messagesPerDay": 1, "quotaConnack": 0})
        for _ in range(3):
            self.daemon.send(text="x")
        # The twin's answer tells as much.
        self.assert_offline("quota", "link", r"until 00:00 UTC, in \d+ h \d+ min", **{"class": "throttled"})

    def test_after_messages_it_refuses_the_connection(self):
        self.hub.call("DropBeforePuback", {"count": 2})
        self.daemon.send(text="x")
        self.wait_for("hub-throttles")
        self.hub.call("RefuseConnect", {"code": 3, "count": 1000})
        self.daemon.call("io.aziotd.device.Reconnect")
        self.assert_offline("quota", "link", r"until 00:00 UTC, in \d+ h \d+ min", connackCode=3)

    def test_too_many_messages(self):
        self.hub.call("SetLimits", {"d2cPerSecond": 1})
        for i in range(60):
            self.daemon.send(text=str(i))
        self.assert_offline("hub-throttles", "link", "throttles", **{"class": "throttled"})

    def test_a_message_that_was_set_aside_is_a_notice(self):
        self.hub.call("Poison", {"text": "poison"})
        self.daemon.send(text="poison")
        for _ in range(3):
            self.daemon.send(text="x")

        def notices():
            if self.explain()["state"] == "waiting":
                self.daemon.call("io.aziotd.device.Reconnect")
            return self.explain()["notices"]

        self.assertEqual(eventually(notices, "a notice")[0]["problem"], "poison-message")
        self.daemon.wait_online()
        self.assertRegex(self.screen(0), r"(?m)^note +.*was set aside")


class HalfOpen(WhyCase):
    config = {"Hub": {"KeepAliveSec": 5}}

    def test_the_network_drops_the_connection_without_a_word(self):
        self.hub.call("HalfOpen", {"device": "demo"})
        reply = eventually(lambda: (lambda r: r if "lastFailure" in r else None)(self.explain()), "lost")
        self.assertEqual(reply["lastFailure"]["problem"], "half-open")


class Provisioning(WhyCase, test_provisioning.ProvisioningCase):
    """The device has no hub yet."""

    def assert_not_assigned(self, problem, layer, pattern, **facts):
        self.daemon.start()
        reply = self.assert_offline(problem, layer, pattern, service="provisioning", **facts)
        self.assertEqual(reply["provisioning"], "localhost")
        self.assertRegex(self.screen(3), r"(?m)^service +localhost$")
        return reply["lastFailure"]

    def test_the_enrollment_is_disabled(self):
        self.enroll(status="disabled")
        self.assert_not_assigned("provisioning-disabled", "provisioning", "'localhost'")

    def test_there_is_no_enrollment(self):
        self.enroll()
        self.hub.call("RemoveEnrollment", {"enrollment": "pump-17"})
        self.assert_not_assigned("provisioning-(unknown|unauthorized|refused)", "(provisioning|connack)", "'localhost'")

    def test_the_key_is_wrong(self):
        self.enroll()
        self.key_file.write_text("d3Jvbmcga2V5IHdyb25nIGtleSB3cm9uZyBrZXkhISE=")
        self.assert_not_assigned("provisioning-(unauthorized|refused)", "(provisioning|connack)", "'localhost'")

    def test_the_assignment_fails(self):
        rows = [(400207, "provisioning-webhook"), (400208, "provisioning-no-hub"),
                (400209, "provisioning-hub-not-linked")]
        for code, problem in rows:
            with self.subTest(code=code):
                self.enroll(f"pump-{code}", failure=code)
                self.provisioning["RegistrationId"] = f"pump-{code}"
                self.assert_not_assigned(problem, "provisioning", rf"\(code {code}\)", code=code)
                self.daemon.stop()

    def test_the_service_is_too_busy(self):
        self.enroll()
        self.hub.call("DpsFault", {"registers": 1000, "status": 429, "retryAfterSeconds": 30})
        failure = self.assert_not_assigned("provisioning-throttled", "provisioning", "too often", status=429)
        self.assertEqual(failure["class"], "throttled")

    def test_the_service_fails(self):
        self.enroll()
        self.hub.call("DpsFault", {"registers": 1000, "status": 500})
        failure = self.assert_not_assigned("provisioning-error", "provisioning", "'localhost'", status=500)
        # Microsoft's support wants to know it.
        self.assertRegex(failure["trackingId"], r"\S{8}")
        self.assertIn(failure["trackingId"], self.screen(3))

    def test_the_service_refuses(self):
        self.enroll()
        self.hub.call("DpsFault", {"refuse": 1000, "refuseCode": 5})
        self.assert_not_assigned("provisioning-refused", "connack", "CONNACK 5", connackCode=5)

    def test_the_service_is_gone(self):
        self.enroll()
        self.hub.stop()
        self.assert_not_assigned("tcp-refused", "tcp", "provisioning service 'localhost'")


class NoDaemon(harness.CliCase):
    starts_hub = starts_daemon = False

    def why(self, *arguments, **options):
        """What it prints when it cannot ask."""
        done = subprocess.run([BUILD / "aziot", "why", *arguments], capture_output=True, text=True,
                              env=environment(), check=False, timeout=harness.TIMEOUT_S, **options)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        return done.stderr

    def test_there_is_no_socket(self):
        err = self.why("--socket", self.directory / "nothing")
        self.assertRegex(err, r"(?m)^aziot: There is no socket at .*/nothing: aziotd is not running")
        self.assertRegex(err, r"(?m)^To do: systemctl start")

    def test_nobody_listens(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(self.directory / "left"))
        err = self.why("--socket", self.directory / "left")
        self.assertRegex(err, r"(?m)^aziot: Nobody listens at ")
        self.assertIn("aziotd --check-config", err)

    def test_who_waits_at_a_terminal_for_an_answer_is_told_so(self):
        ours, its = pty.openpty()
        self.addCleanup(os.close, ours)
        verbs = [["why"], ["send", "{}"], ["check"], ["reload"], ["call", "io.aziotd.device.GetStatus"]]
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(self.directory / "mute"))
            s.listen()
            programs = [subprocess.Popen([BUILD / "aziot", *verb, "--socket", self.directory / "mute"], stderr=its,
                                         env=environment()) for verb in verbs]
            os.close(its)
            said = ""
            while said.count("No answer yet") < len(verbs):
                said += os.read(ours, 1000).decode()
            for program in programs:
                with self.assertRaises(subprocess.TimeoutExpired):  # it goes on
                    program.wait(0.2)
                program.kill()
                program.wait()
        self.assertEqual(said.count("systemctl status aziotd"), len(verbs), said)

    @unittest.skipUnless(os.geteuid() == 0, "only root can be another user")
    def test_one_may_not_connect(self):
        path = self.directory / "forbidden"
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(path))
            s.listen()
            path.chmod(0o600)
            self.directory.chmod(0o755)
            err = self.why("--socket", path, user=harness.STRANGER_UID, group=harness.STRANGER_UID, extra_groups=[])
        self.assertRegex(err, r"(?m)^aziot: You may not connect to .*'aziot'")
        self.assertIn("usermod -aG aziot", err)


class Manual(unittest.TestCase):
    def test_each_word_is_in_the_manual(self):
        table = (ROOT / "daemon/diagnosis-table.c").read_text()
        words = re.findall(r'ROW\([A-Z_]+, "([a-z-]+)"', table)
        self.assertGreater(len(words), 60)
        manual = (ROOT / "cli/aziot.1").read_text()
        self.assertEqual([word for word in words if not re.search(rf"^\.It {word}$", manual, re.M)], [])


if __name__ == "__main__":
    tap.main()
