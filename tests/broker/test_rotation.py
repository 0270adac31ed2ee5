# SPDX-License-Identifier: MIT
"""What a program with MqttRunner goes through in years, in seconds: credentials that change, brokers that die.

Each case has a load of numbered messages, and at its end nothing is lost and nothing has overtaken. Where that
could be because nothing has happened, there is a case beside it in which the same makes a difference.

ROTATIONS and RENEWALS in the environment are how many tokens and certificates follow each other.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from broker import HOSTS, Authority, Broker, ProjectedVolume, assert_complete, numbers, replace

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "daemon"))
from harness import BUILD, SANITIZER, Program, eventually, tap  # noqa: E402

ROTATIONS = int(os.environ.get("ROTATIONS", "100"))
RENEWALS = int(os.environ.get("RENEWALS", "5"))

# The runner's time passes so much faster: it waits half a second for the end of a change, and longer between attempts.
SPEED = "speed=10"

# So long a broker reads nothing before it is killed: a window of messages is under way then.
FROZEN_S = 0.1


class RunnerCase(unittest.TestCase):
    """A broker, and programs that publish to "load"."""

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="aziot-runner-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.clients = []
        self.addCleanup(self.end)

    def end(self):
        for client in self.clients:
            client.kill_session()
            self.assertNotRegex(client.output(), SANITIZER)

    def failure_details(self):
        return "\n".join("--- " + "\n".join(program.output().splitlines()[-40:])
                         for program in self.clients + self.broker.programs())

    def start_broker(self, **options):
        self.broker = Broker(self.directory, **options)
        self.addCleanup(self.broker.end)
        self.broker.start()
        return self.broker

    def run_client(self, *arguments, client_id="dev", **settings):
        """Starts runner-client; settings as AIO_… without that."""
        env = {"AIO_BROKER_HOSTNAME": self.broker.host, "AIO_BROKER_TCP_PORT": self.broker.port,
               "AIO_MQTT_CLIENT_ID": client_id, "XDG_RUNTIME_DIR": self.directory,
               "AIO_TLS_CA_FILE": self.broker.ca_file or "",
               "AIO_MQTT_USE_TLS": str(self.broker.with_tls).lower(),
               **{"AIO_" + name: value for name, value in settings.items()}}
        client = Program([BUILD / "runner-client", *arguments], {k: str(v) for k, v in env.items()},
                         stdin=subprocess.PIPE)
        self.clients.append(client)
        return client

    def run_load(self, *arguments, **settings):
        """The same; it publishes, and is connected."""
        client = self.run_client("publish=load", SPEED, *arguments, **settings)
        client.wait_for_output("^connected")
        return client

    def wait_for_load(self, n=50):
        """Waits until so many more messages have come."""
        before = len(self.broker.messages("load"))
        eventually(lambda: len(self.broker.messages("load")) >= before + n, f"{n} messages")

    def finish(self, client):
        """Lets the client end: nothing that it has published is lost."""
        client.process.stdin.close()
        self.assertEqual(client.wait(), 0, client.output())
        assert_complete(self, numbers(self.broker.messages("load")),
                        int(client.wait_for_output(r"^published (\d+)")[1]))

    def n_connected(self, client):
        return sum(line.startswith("connected") for line in client.lines if line)

    def wait_for_connections(self, client, n):
        eventually(lambda: self.n_connected(client) >= n, f"connected {n} times: {client.output()[-2000:]}")


class Token(RunnerCase):
    """K8S-SAT."""

    def setUp(self):
        super().setUp()
        self.start_broker(with_tokens=True)
        self.volume = ProjectedVolume(self.directory / "volume")
        self.volume.write(token=self.broker.add_token("first"))

    def load(self):
        return self.run_load("rate=500", SAT_FILE=self.volume / "token")

    def test_a_token_is_rotated_often_and_the_connection_stays(self):
        client = self.load()
        for n in range(ROTATIONS):
            self.volume.write(token=self.broker.add_token(f"next-{n}"))
            self.broker.wait_for(f"k8s-sat: dev reauthenticated with next-{n}$")
            # From now on only the new one keeps the connection.
            self.broker.revoke_token("first" if n == 0 else f"next-{n - 1}")
        self.wait_for_load()
        self.finish(client)
        self.broker.wait_for_verdicts("dev", {"connected": 1, "reauthenticated": ROTATIONS})
        self.assertEqual(self.n_connected(client), 1)

    def test_without_a_rotation_the_connection_ends(self):
        client = self.load()
        self.wait_for_load()
        self.broker.revoke_token("first")
        self.broker.wait_for("k8s-sat: dev refused$", n=2)
        # What is tried again is what is in the file then.
        self.volume.write(token=self.broker.add_token("second"))
        self.broker.wait_for("k8s-sat: dev connected with second")
        self.wait_for_load()
        self.finish(client)
        self.broker.wait_for("k8s-sat: dev expired")

    def test_a_token_that_is_refused_is_followed_by_a_fresh_one(self):
        client = self.load()
        self.wait_for_load()
        self.volume.write(token=b"nobody knows this one")
        self.broker.wait_for("k8s-sat: dev refused again")
        client.wait_for_output("^disconnected")
        self.volume.write(token=self.broker.add_token("second"))
        self.broker.wait_for("k8s-sat: dev connected with second")
        self.wait_for_load()
        self.finish(client)

    def test_a_file_may_be_changed_in_any_way(self):
        path = self.directory / "token"

        def without_token(token, take_away):
            take_away()
            self.wait_for_load(20)
            path.write_bytes(token)

        client = self.run_client("publish=load", SPEED, SAT_FILE=path)
        client.wait_for_output("^disconnected .*No such file")
        path.write_bytes(self.broker.add_token("late"))
        client.wait_for_output("^connected")
        for name, change in (("written", path.write_bytes),
                             ("renamed", lambda token: replace(path, token)),
                             ("emptied", lambda token: without_token(token, lambda: path.write_bytes(b""))),
                             ("removed", lambda token: without_token(token, path.unlink))):
            change(self.broker.add_token(name))
            self.broker.wait_for(f"k8s-sat: dev reauthenticated with {name}")
        self.finish(client)
        self.broker.wait_for_verdicts("dev", {"connected": 1, "reauthenticated": 4})


class Challenge(RunnerCase):
    def test_a_token_is_shown_once_more_when_it_is_asked_for(self):
        self.start_broker(with_tokens=True, with_challenge=True)
        path = self.directory / "token"
        replace(path, self.broker.add_token("first"))
        # Without a load: until it has authenticated again mosquitto takes no message, which MQTT 5 allows (4.12.1).
        client = self.run_client(SPEED, SAT_FILE=path)
        client.wait_for_output("^connected")
        for name in ("second", "third"):
            replace(path, self.broker.add_token(name))
            self.broker.wait_for(f"k8s-sat: dev reauthenticated with {name}")
        client.process.stdin.close()
        self.assertEqual(client.wait(), 0)
        self.assertNotIn("disconnected", client.output())


class Certificates(RunnerCase):
    """X.509, of the client and of the server."""

    def start_with_certificates(self, **options):
        """The user name in mosquitto's log is then the common name of the certificate."""
        self.broker = Broker(self.directory, with_client_certificates=True)
        self.broker.extra_config.append("use_identity_as_username true")
        self.addCleanup(self.broker.end)
        self.broker.start()
        self.volume = ProjectedVolume(self.directory / "volume")
        self.write_certificate("first", **options)

    def write_certificate(self, name, **options):
        certificate, key = self.broker.authority.issue(name, **options)
        self.volume.write(certificate=certificate.read_bytes(), key=key.read_bytes())

    def load(self):
        return self.run_load(TLS_CERT_FILE=self.volume / "certificate", TLS_KEY_FILE=self.volume / "key")

    def test_each_new_certificate_is_shown_at_once(self):
        self.start_with_certificates()
        client = self.load()
        for n in range(RENEWALS):
            self.wait_for_load()
            self.write_certificate(f"next-{n}")
            self.broker.wait_for(f"connected from .* as dev .*u'next-{n}'")
        self.wait_for_load()
        self.finish(client)
        self.assertEqual(client.lines.count("renewing"), RENEWALS)
        self.assertNotIn("disconnected", client.output())

    def test_a_connection_is_renewed_before_its_certificate_ends(self):
        # 20 s of the runner's time, of which it leaves 5.
        self.start_with_certificates(lifetime_s=20, age_s=10)
        client = self.load()
        self.wait_for_connections(client, 2)
        self.finish(client)
        self.assertEqual(client.lines.count("renewing"), 1)

    def test_a_token_that_comes_with_another_certificate_is_no_change_of_its_own(self):
        broker = self.start_broker(with_tokens=True, with_client_certificates=True)
        volume = ProjectedVolume(self.directory / "volume")

        def write(name):
            certificate, key = broker.authority.issue(name)
            volume.write(token=broker.add_token(name), certificate=certificate.read_bytes(), key=key.read_bytes())

        write("first")
        client = self.run_load(SAT_FILE=volume / "token", TLS_CERT_FILE=volume / "certificate",
                               TLS_KEY_FILE=volume / "key")
        self.wait_for_load()
        write("second")
        broker.wait_for("k8s-sat: dev connected with second")
        self.wait_for_load()
        self.finish(client)
        broker.wait_for_verdicts("dev", {"connected": 2})
        self.assertNotIn("disconnected", client.output())

    def test_the_servers_authority_is_replaced(self):
        self.replace_authority(lambda volume: volume / "ca")

    def test_of_a_directory_of_authorities_each_counts(self):
        self.replace_authority(lambda volume: volume.path)

    def replace_authority(self, trusted):
        self.start_broker()
        volume = ProjectedVolume(self.directory / "volume")
        volume.write(ca=self.broker.ca_file.read_bytes())
        client = self.run_load(TLS_CA_FILE=trusted(volume))
        self.wait_for_load()

        stranger = Authority(self.directory / "stranger")
        self.broker.stop()
        self.broker.certificate = stranger.issue("server", HOSTS)
        self.broker.start()
        # As long as there is only the old one, nobody is believed.
        client.wait_for_output("^disconnected .*certificate")
        self.assertEqual(self.n_connected(client), 1)

        volume.write(ca=self.broker.ca_file.read_bytes() + stranger.ca_file.read_bytes())
        self.wait_for_connections(client, 2)
        self.wait_for_load()
        self.finish(client)


class Password(RunnerCase):
    def setUp(self):
        super().setUp()
        self.start_broker(with_passwords=True)
        self.broker.set_password("me", "old")
        self.path = self.directory / "password"
        replace(self.path, b"old\n")
        self.settings = {"MQTT_USERNAME": "me", "MQTT_PASSWORD_FILE": self.path}

    def test_the_password_of_the_moment_is_used(self):
        client = self.run_load(**self.settings)
        self.wait_for_load()
        self.broker.stop()
        self.broker.set_password("me", "new")
        replace(self.path, b"new\n")
        self.broker.start()
        self.wait_for_connections(client, 2)
        self.wait_for_load()
        self.finish(client)

    def test_the_old_password_would_be_refused(self):
        client = self.run_load(**self.settings)
        self.broker.stop()
        self.broker.set_password("me", "new")
        self.broker.start()
        client.wait_for_output("^stopped 0x87")
        self.assertEqual(client.wait(), 1)


class AnyPassword(RunnerCase):
    def test_another_password_is_shown_at_once(self):
        self.start_broker()  # it takes any
        path = self.directory / "password"
        replace(path, b"old\n")
        client = self.run_load(MQTT_USERNAME="me", MQTT_PASSWORD_FILE=path)
        self.wait_for_load()
        replace(path, b"new\n")
        self.wait_for_connections(client, 2)
        self.wait_for_load()
        self.finish(client)
        self.assertIn("renewing", client.lines)
        self.assertNotIn("disconnected", client.output())


class Killed(RunnerCase):
    """The broker dies of kill -9 and comes back."""

    def test_what_was_in_flight_is_sent_again(self):
        self.start_broker(is_verbose=True)
        client = self.run_load("rate=500")
        for n in range(3):
            self.wait_for_load()
            self.broker.kill(frozen_s=FROZEN_S)
            self.broker.start()
            self.wait_for_connections(client, n + 2)
        self.finish(client)
        self.assertEqual([line for line in client.lines if line and line.startswith("connected")][1:],
                         ["connected session-present 1"] * 3)
        self.broker.wait_for(r"Received PUBLISH from dev \(d1, q1, ", n=3)

    def test_without_acknowledgements_something_is_lost(self):
        self.start_broker()
        client = self.run_load("rate=2000", "qos=0")
        self.wait_for_load()
        self.broker.kill(frozen_s=FROZEN_S)
        self.broker.start()
        self.wait_for_connections(client, 2)
        with self.assertRaisesRegex(AssertionError, "lost or overtaken"):
            self.finish(client)

    def test_without_its_session_it_is_an_error(self):
        self.start_broker()
        client = self.run_load()
        self.wait_for_load()
        self.broker.kill(keeps_session=False)
        self.broker.start()
        client.wait_for_output("^stopped")
        self.assertEqual(client.wait(), 1)

    def test_without_its_session_a_new_one_begins_if_it_is_asked_for(self):
        self.start_broker()
        client = self.run_load("rate=2000", "resubscribes=1", "subscribe=to/dev")
        client.wait_for_output("^subscribed")
        for _ in range(3):
            self.wait_for_load()
            self.broker.kill(keeps_session=False, frozen_s=FROZEN_S)
            self.broker.start()
            self.wait_for_load()
        self.assertEqual(client.lines.count("session-lost"), 3)
        self.broker.publish("to/dev", "hello")
        client.wait_for_output("^message hello")
        self.finish(client)

    def test_what_comes_in_is_given_again_and_acknowledged_in_order(self):
        self.start_broker(is_verbose=True)
        client = self.run_client("subscribe=to/dev", "hold=7", SPEED)
        client.wait_for_output("^subscribed")
        n = 0
        for turn in range(3):
            self.broker.publish("to/dev", *(f'{{"n":{i}}}' for i in range(n, n + 100)))
            n += 100
            self.broker.kill()
            self.broker.start()
            self.wait_for_connections(client, turn + 2)
        received = eventually(lambda: self.received(client, n), "all have come")
        assert_complete(self, received, n)
        for sent, acknowledged in self.broker.acknowledgements("dev"):
            self.assertEqual(acknowledged, sent[:len(acknowledged)])

    @staticmethod
    def received(client, n):
        found = numbers(line.removeprefix("message ") for line in client.lines if line and line.startswith("message "))
        return found if found and max(found) == n - 1 else None


if __name__ == "__main__":
    tap.main()
