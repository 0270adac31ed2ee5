# SPDX-License-Identifier: MIT
"""What other tests rely on: that the broker of broker.py lets in and refuses, remembers and forgets as it says."""

import shutil
import ssl
import struct
import sys
import tempfile
import unittest
from pathlib import Path

from broker import Authority, Broker, ProjectedVolume, assert_complete

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "hubsim"))
import tap  # noqa: E402
from device import CONNACK, PINGREQ, PINGRESP, PUBACK, PUBLISH, SUBACK, Closed, Device, packet, text  # noqa: E402
from harness import eventually  # noqa: E402

AUTH = 15
SUCCESS, CONTINUE, REAUTHENTICATE, NOT_AUTHORIZED = 0, 0x18, 0x19, 0x87
SESSION_EXPIRY = b"\x11" + struct.pack(">I", 3600)


def sized(properties):
    n = len(properties)
    return bytes([n & 0x7F | 0x80, n >> 7]) + properties if n > 0x7F else bytes([n]) + properties


def authentication(token):
    return b"\x15" + text("K8S-SAT") + b"\x16" + text(token)


class Client(Device):
    """A connection with MQTT 5 that keeps its session for an hour."""

    def __init__(self, broker, client_certificate=None):
        self._open(f"{broker.host}:{broker.port}", broker.ca_file, client_certificate)

    def connect(self, token=None, user_name=None, password=None):
        """(session present, reason code)"""
        self.start_connect(token, user_name, password)
        return self.connack()

    def start_connect(self, token, user_name=None, password=None):
        user = text(user_name) + text(password) if user_name else b""
        self.send(packet(0x10, text("MQTT") + bytes([5, 0xC0 if user else 0]) + struct.pack(">H", 60)
                         + sized(SESSION_EXPIRY + (authentication(token) if token else b"")) + text("dev") + user))

    def connack(self):
        body = self.receive(CONNACK)
        return bool(body[0]), body[1]

    def authenticate(self, token, reason=REAUTHENTICATE):
        self.send(packet(AUTH << 4, bytes([reason]) + sized(authentication(token))))

    def subscribe(self, topic_filter):
        self.send(packet(0x82, b"\0\x09\0" + text(topic_filter) + b"\x01"))
        self.receive(SUBACK)

    def publish(self, topic, payload):
        """Returns when it is acknowledged."""
        self.send(packet(0x32, text(topic) + b"\0\x01\0" + payload))
        self.receive(PUBACK)

    def ping(self):
        self.send(packet(PINGREQ << 4))
        self.receive(PINGRESP)


class BrokerCase(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="aziot-broker-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.directory)

    def start(self, **options):
        self.broker = Broker(self.directory, **options)
        self.addCleanup(self.broker.end)
        self.broker.start()
        return self.broker

    def client(self, **options):
        client = Client(self.broker, **options)
        self.addCleanup(client.close)
        return client


class Tokens(BrokerCase):
    def setUp(self):
        super().setUp()
        self.start(with_tokens=True)
        self.token = self.broker.add_token("first")

    def test_a_token_counts_byte_for_byte(self):
        for token, code in ((self.token, SUCCESS), (self.token.rstrip(b"\n"), NOT_AUTHORIZED), (b"x", NOT_AUTHORIZED)):
            self.assertEqual(self.client().connect(token), (False, code))
        self.broker.wait_for_verdicts("dev", {"connected": 1, "refused": 2})

    def test_without_a_token_nobody_comes_in(self):
        self.assertEqual(self.client().connect(), (False, NOT_AUTHORIZED))

    def test_a_client_authenticates_again_with_another_token(self):
        client = self.client()
        client.connect(self.token)
        client.authenticate(self.broker.add_token("second"))
        self.assertEqual(client.receive(AUTH)[:1], b"\0")
        client.ping()
        self.broker.wait_for("k8s-sat: dev reauthenticated with second")

    def test_a_wrong_token_ends_the_connection(self):
        client = self.client()
        client.connect(self.token)
        client.authenticate(b"wrong")
        self.assertEqual(client.connack(), (False, NOT_AUTHORIZED))
        self.assertRaises(Closed, client.receive)
        self.broker.wait_for_verdicts("dev", {"connected": 1, "refused again": 1})

    def test_a_token_that_ends_or_is_revoked_ends_the_connection(self):
        for end in (lambda: self.broker.revoke_token("brief"), lambda: None):
            client = self.client()
            self.assertEqual(client.connect(self.broker.add_token("brief", 0.5))[1], SUCCESS)
            client.ping()
            end()
            client.wait_for_close()
        self.broker.wait_for_verdicts("dev", {"connected": 2, "expired": 2})

    def test_only_the_new_token_keeps_a_connection_whose_old_one_ends(self):
        client = self.client()
        client.connect(self.token)
        client.authenticate(self.broker.add_token("second"))
        client.receive(AUTH)
        self.broker.revoke_token("first")
        self.broker.publish("x", "1")  # so much time has passed
        client.ping()
        self.assertEqual(self.broker.verdicts("dev")["expired"], 0)


class Challenge(BrokerCase):
    def test_the_token_is_asked_for_once_more(self):
        self.start(with_tokens=True, with_challenge=True)
        token = self.broker.add_token("first")
        client = self.client()
        client.start_connect(token)
        self.assertEqual(client.receive(AUTH)[0], CONTINUE)
        client.authenticate(token, CONTINUE)
        self.assertEqual(client.connack(), (False, SUCCESS))


class Sessions(BrokerCase):
    def test_a_kill_keeps_the_session_or_not_and_the_ledger_always(self):
        broker = self.start(with_tls=True)
        for n, keeps, was_present in ((1, True, False), (2, False, True), (3, True, False)):
            client = self.client()
            self.assertEqual(client.connect(), (was_present, SUCCESS))
            client.publish("a/b", b'{"n": %d}' % n)
            broker.kill(keeps_session=keeps)
            self.assertRaises(Closed, client.receive)
            broker.start()
        self.assertEqual(broker.messages("a/b"), ['{"n": 1}', '{"n": 2}', '{"n": 3}'])

    def test_acknowledgements_are_told_in_their_order(self):
        broker = self.start(is_verbose=True)
        client = self.client()
        client.connect()
        client.subscribe("to/dev")
        broker.publish("to/dev", "one", "two")
        ids = [client.receive(PUBLISH)[8:10] for _ in range(2)]
        for packet_id in reversed(ids):
            client.send(packet(PUBACK << 4, packet_id))
        client.ping()
        eventually(lambda: broker.acknowledgements("dev") == [([1, 2], [2, 1])], "sent, and acknowledged in reverse")


class Others(BrokerCase):
    def test_a_client_certificate_is_wanted_where_it_is_said(self):
        broker = self.start(with_client_certificates=True)
        self.assertEqual(self.client(client_certificate=broker.authority.issue("dev")).connect()[1], SUCCESS)
        stranger = Authority(self.directory / "stranger").issue("dev")
        expired = broker.authority.issue("old", lifetime_s=-1)
        for certificate in (None, stranger, expired):
            with self.assertRaises((Closed, ssl.SSLError)):
                self.client(client_certificate=certificate).connect()

    def test_a_password_can_be_changed(self):
        broker = self.start(with_passwords=True)
        broker.set_password("dev", "old")
        eventually(lambda: self.client().connect(user_name="dev", password="old")[1] == SUCCESS, "let in")
        broker.set_password("dev", "new")
        eventually(lambda: self.client().connect(user_name="dev", password="old")[1] == NOT_AUTHORIZED, "changed")
        self.assertEqual(self.client().connect(user_name="dev", password="new")[1], SUCCESS)

    def test_a_listener_prints_what_is_published(self):
        broker = self.start(with_passwords=True)
        listener = broker.listen("a/#")
        broker.publish("a/b", "hello")
        listener.wait_for_output("^a/b hello$")
        listener.stop()

    def test_a_volume_is_replaced_all_at_once(self):
        volume = ProjectedVolume(self.directory / "volume")
        volume.write(token=b"one")
        inode = (volume / "token").stat().st_ino
        volume.write(token=b"two")
        self.assertEqual((volume / "token").read_bytes(), b"two")
        self.assertNotEqual((volume / "token").stat().st_ino, inode)
        self.assertEqual(sorted(p.name for p in volume.path.iterdir()), ["..2", "..data", "token"])


class Judge(unittest.TestCase):
    def test_it_sees_what_is_lost_and_what_has_overtaken(self):
        for found, n, is_complete in (
                ([0, 1, 2], 3, True), ([0, 1, 2, 1, 2, 3], 4, True), ([], 0, True), ([0, 1], 3, False),
                ([0, 2, 1], 3, False), ([1, 2], 3, False), ([0, 1, 2, 3], 3, False), ([*range(70), 5], 70, False)):
            with self.subTest(found=found, n=n):
                if is_complete:
                    assert_complete(self, found, n)
                else:
                    self.assertRaises(AssertionError, assert_complete, self, found, n)


if __name__ == "__main__":
    tap.main()
