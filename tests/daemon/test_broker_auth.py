#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a daemon with a broker goes through in years, in seconds: credentials that change, brokers that die, and the
daemon itself.

A program sends numbered messages all the while, and at the end nothing is lost and nothing has overtaken.
"""

import json
import shutil
import sys
import time
from pathlib import Path

import harness
from harness import Load, Wire, eventually, tap

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "broker"))
from broker import HOSTS, Authority, Broker, ProjectedVolume, assert_complete, numbers, replace  # noqa: E402

SEND = "io.aziotd.broker.Send"

# So long the broker reads nothing before it dies, or the daemon does: a window of messages is under way then.
FROZEN_S = 0.1


class Sender:
    """Sends {"n": 0}, {"n": 1}… to "load"; calls that a daemon has not answered are made again to the next."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.n_accepted = 0

    def run(self, goes_on):
        while goes_on():
            try:
                with Wire(self.daemon.socket_path, harness.TIMEOUT_S) as wire:
                    while goes_on():
                        self.send_some(wire)
                        time.sleep(0.01)
            except OSError:
                time.sleep(0.02)  # there is no daemon

    def send_some(self, wire, n=10):
        for i in range(n):
            wire.send(SEND, {"topic": "load", "message": {"body": {"n": self.n_accepted + i}}})
        for _ in range(n):
            wire.receive()
            self.n_accepted += 1


class BrokerCase(harness.DaemonCase):
    """A daemon that has a broker and no hub."""

    starts_hub = False
    starts_daemon = False

    def start_broker(self, **options):
        self.broker = Broker(self.directory, **options)
        self.addCleanup(self.broker.end)
        self.broker.start()

    def start_load(self, **keys):
        """Starts the daemon with these keys of [Broker], and the load."""
        self.daemon.config = {"Broker": {"Host": self.broker.host, "Port": self.broker.port, "ClientId": "dev",
                                         "TrustedCAFile": self.broker.ca_file, **keys}}
        self.daemon.start()
        self.sender = Sender(self.daemon)
        return Load(self.sender.run)

    def wait_for_load(self, n=50):
        before = len(self.broker.messages("load"))
        eventually(lambda: len(self.broker.messages("load")) >= before + n, f"{n} messages")

    def expect_complete(self, **options):
        """What has been accepted arrives, in order."""
        n = self.sender.n_accepted
        eventually(lambda: n - 1 in numbers(self.broker.messages("load")[-200:]), "the last one has come")
        assert_complete(self, numbers(self.broker.messages("load")), n, **options)


class Token(BrokerCase):
    def setUp(self):
        super().setUp()
        self.start_broker(with_tokens=True)
        self.volume = ProjectedVolume(self.directory / "volume")
        self.volume.write(token=self.broker.add_token("first"))

    def test_a_token_is_rotated_and_the_connection_stays(self):
        with self.start_load(TokenFile=self.volume / "token"):
            for n in range(3):
                self.wait_for_load()
                self.volume.write(token=self.broker.add_token(f"next-{n}"))
                self.broker.wait_for(f"k8s-sat: dev reauthenticated with next-{n}$")
                self.broker.revoke_token("first" if n == 0 else f"next-{n - 1}")
            self.wait_for_load()
        self.expect_complete()
        self.broker.wait_for_verdicts("dev", {"connected": 1, "reauthenticated": 3})

    def test_a_token_that_is_refused_is_followed_by_a_fresh_one(self):
        with self.start_load(TokenFile=self.volume / "token"):
            self.wait_for_load()
            self.volume.write(token=b"nobody knows this one")
            self.broker.wait_for("k8s-sat: dev refused again")
            self.volume.write(token=self.broker.add_token("second"))
            self.broker.wait_for("k8s-sat: dev connected with second")
            self.wait_for_load()
        self.expect_complete()


class Settings(BrokerCase):
    """The same connection, with a token and an authority of its own, as each place tells of it."""

    def setUp(self):
        super().setUp()
        self.start_broker(with_tokens=True)
        self.volume = ProjectedVolume(self.directory / "volume")
        self.volume.write(token=self.broker.add_token("first"))

    def expect_delivery(self, env=None, **keys):
        self.daemon.config = {"Broker": keys}
        self.daemon.start(env={name: str(value) for name, value in (env or {}).items()})
        self.daemon.call(SEND, {"topic": "load", "message": {"body": {"n": 0}}, "stage": "delivered"})
        self.broker.wait_for_verdicts("dev", {"connected": 1})

    def test_settings_are_taken_from_the_environment(self):
        self.expect_delivery({
            "AIO_BROKER_HOSTNAME": self.broker.host, "AIO_BROKER_TCP_PORT": self.broker.port,
            "AIO_MQTT_CLIENT_ID": "dev", "AIO_TLS_CA_FILE": self.broker.ca_file,
            "AIO_SAT_FILE": self.volume / "token"}, SettingsFrom="environment")

    def test_settings_are_taken_from_a_connection_string(self):
        path = self.directory / "connection-string"
        replace(path, (f"HostName={self.broker.host};TcpPort={self.broker.port};ClientId=dev;"
                       f"CaFile={self.broker.ca_file};SatAuthFile={self.volume / 'token'}\n").encode())
        self.expect_delivery(ConnectionStringFile=path)

    def test_settings_are_taken_from_what_is_mounted_for_a_connector(self):
        configuration, authorities = (ProjectedVolume(self.directory / name) for name in ("config", "cas"))
        configuration.write(MQTT_CONNECTION_CONFIGURATION=json.dumps({
            "host": f"{self.broker.host}:{self.broker.port}", "keepAliveSeconds": 60, "maxInflightMessages": 100,
            "protocol": "mqtt", "sessionExpirySeconds": 3600, "tls": {"mode": "Enabled"},
            "authentication": {"method": "serviceAccountToken",
                               "serviceAccountTokenSettings": {"audience": "aio"}}}).encode())
        authorities.write(ca=self.broker.ca_file.read_bytes())
        self.expect_delivery({
            "CONNECTOR_ID": "dev", "CONNECTOR_CONFIGURATION_MOUNT_PATH": configuration.path,
            "BROKER_SAT_MOUNT_PATH": self.volume / "token",
            "BROKER_TLS_TRUST_BUNDLE_CACERT_MOUNT_PATH": authorities.path}, SettingsFrom="mount")


class Certificates(BrokerCase):
    def test_another_certificate_is_shown_at_once(self):
        self.broker = Broker(self.directory, with_client_certificates=True)
        self.broker.extra_config.append("use_identity_as_username true")
        self.addCleanup(self.broker.end)
        self.broker.start()
        volume = ProjectedVolume(self.directory / "volume")

        def write(name):
            certificate, key = self.broker.authority.issue(name)
            volume.write(certificate=certificate.read_bytes(), key=key.read_bytes())

        write("first")
        with self.start_load(CertificateFile=volume / "certificate", PrivateKeyFile=volume / "key"):
            self.wait_for_load()
            write("second")
            self.broker.wait_for("connected from .* as dev .*u'second'")
            self.wait_for_load()
        self.expect_complete()

    def test_the_brokers_authority_is_replaced(self):
        self.start_broker()
        volume = ProjectedVolume(self.directory / "volume")
        volume.write(ca=self.broker.ca_file.read_bytes())
        with self.start_load(TrustedCAFile=volume / "ca"):
            self.wait_for_load()
            stranger = Authority(self.directory / "stranger")
            self.broker.stop()
            self.broker.certificate = stranger.issue("server", HOSTS)
            self.broker.start()
            volume.write(ca=stranger.ca_file.read_bytes())
            self.wait_for_load()
        self.expect_complete()


class Password(BrokerCase):
    def test_another_password_is_used_at_once(self):
        self.start_broker(with_passwords=True)
        self.broker.set_password("me", "old")
        path = self.directory / "password"
        replace(path, b"old\n")
        with self.start_load(UserName="me", PasswordFile=path):
            self.wait_for_load()
            self.broker.set_password("me", "new")
            replace(path, b"new\n")
            self.broker.wait_for("New client connected from .* as dev ", n=2)
            self.wait_for_load()
        self.expect_complete()


class Killed(BrokerCase):
    def setUp(self):
        super().setUp()
        self.start_broker()

    def test_a_broker_that_is_killed_loses_nothing_whether_it_keeps_the_session_or_not(self):
        with self.start_load():
            for keeps in (True, False):
                self.wait_for_load()
                self.broker.kill(keeps_session=keeps, frozen_s=FROZEN_S)
                self.broker.start()
            self.wait_for_load()
        self.expect_complete()
        self.assertEqual(self.daemon.program.output().count("had lost what it kept"), 1)

    def test_what_comes_in_is_given_again_and_acknowledged_in_order(self):
        self.broker.stop()
        self.broker.is_verbose = True
        self.broker.start()
        with self.start_load():
            with self.daemon.connect() as wire:
                wire.call("io.aziotd.broker.Watch", {"topic": "to/dev"}, more=True)
                found = []
                for turn in range(2):
                    self.broker.publish("to/dev", *(f'{{"n":{i}}}' for i in range(turn * 100, turn * 100 + 100)))
                    self.broker.kill()
                    self.broker.start()
                while 199 not in found:
                    found.append(wire.receive()["message"]["body"]["n"])
        assert_complete(self, found, 200)
        for sent, acknowledged in self.broker.acknowledgements("dev"):
            self.assertEqual(acknowledged, sent[:len(acknowledged)])
        self.expect_complete()

    def end_daemon_in_flight(self, end):
        """Ends it while the broker has not acknowledged what it has got."""
        self.wait_for_load()
        self.broker.freeze()
        time.sleep(FROZEN_S)
        end()
        self.broker.thaw()

    def test_what_is_in_flight_survives_a_kill_and_a_restart_of_the_daemon(self):
        n_again = []
        with self.start_load():
            for end in (self.daemon.kill, self.daemon.stop):
                self.end_daemon_in_flight(end)
                self.daemon.start()
                self.wait_for_load()
                found = numbers(self.broker.messages("load"))
                n_again.append(len(found) - len(set(found)))
        self.expect_complete(window=None)
        self.assertGreater(n_again[0], 0, "nothing was in flight when it was killed")
        self.assertGreater(n_again[1], n_again[0], "nothing was in flight when it was stopped")

    def test_without_its_state_something_is_lost(self):
        with self.start_load():
            self.wait_for_load()
            self.broker.kill(frozen_s=FROZEN_S)
            self.daemon.kill()
            shutil.rmtree(self.daemon.state_path)
            self.broker.start()
            self.daemon.start()
            self.wait_for_load()
        with self.assertRaisesRegex(AssertionError, "lost or overtaken"):
            self.expect_complete()


if __name__ == "__main__":
    tap.main()
