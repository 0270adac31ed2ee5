# SPDX-License-Identifier: MIT
"""A stock mosquitto as a broker of Azure IoT Operations, on a port of its own, for tests in Python.

    broker = Broker(directory, with_tokens=True)      # broker.host, .port and .ca_file are for the client
    broker.start()
    token = broker.add_token("first")                 # bytes, for the file of the client
    broker.wait_for(r"k8s-sat: dev reauthenticated with first")
    broker.kill()                                     # -9, with its session; or broker.kill(keeps_session=False)
    broker.start()                                    # on the same port
    broker.messages("a/b")                            # the payloads that have come, across all its lives
    broker.end()                                      # for addCleanup

K8S-SAT comes from the plugin k8s-sat.c. The tests themselves publish and listen over a Unix socket.
"""

import collections
import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "daemon"))
from authority import Authority, ProjectedVolume, replace  # noqa: E402
from harness import BUILD, TIMEOUT_S, Program, environment, eventually  # noqa: E402

__all__ = ["HOSTS", "Authority", "Broker", "ProjectedVolume", "assert_complete", "numbers", "replace"]

MOSQUITTO = "/usr/sbin/mosquitto"
PLUGIN = BUILD / "k8s-sat.so"
HOSTS = "DNS:localhost,IP:127.0.0.1"

# Of who is let in as the test itself.
OBSERVER = "observer"

# What k8s-sat says about a client.
VERDICT = re.compile(r"k8s-sat: (\S+) (connected|reauthenticated|refused again|refused|expired)")

Message = collections.namedtuple("Message", "client topic payload")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def numbers(payloads):
    """Of messages {"n": …}."""
    return [json.loads(payload)["n"] for payload in payloads]


def assert_complete(case, found, n, window=64):
    """0 to n - 1 have come in this order; what came again was in flight when the connection was lost.

    With the window None more may have come again: a daemon that is killed has not written down yet what was
    acknowledged in the last second.
    """
    highest = -1
    for number in found:
        if number > highest:
            case.assertEqual(number, highest + 1, "lost or overtaken")
            highest = number
        elif window is not None:
            case.assertGreater(number, highest - window, "came again, and was not in flight any more")
    case.assertEqual(highest + 1, n, "the last ones are lost")


class Broker:
    """mosquitto; each property counts from the next start() on."""

    def __init__(self, directory, with_tls=True, with_tokens=False, with_passwords=False,
                 with_client_certificates=False, with_challenge=False, is_verbose=False):
        """Without tokens, passwords and client certificates everybody is let in; with some, who has one of these.

        A client certificate is wanted besides. 'is_verbose' lets it log every packet, which acknowledgements() reads.
        """
        self.directory = directory / "broker"
        self.directory.mkdir()
        self.with_tls, self.with_tokens, self.with_passwords = with_tls, with_tokens, with_passwords
        self.with_client_certificates, self.with_challenge = with_client_certificates, with_challenge
        self.is_verbose = is_verbose
        self.host, self.port = "localhost", free_port()
        self.extra_config = []
        self.tokens, self.passwords = {}, {OBSERVER: OBSERVER}
        self.authority = Authority(self.directory / "authority") if with_tls else None
        self.ca_file = self.authority.ca_file if with_tls else None
        self.client_ca_file = self.ca_file
        self.certificate = self.authority.issue("server", HOSTS) if with_tls else None
        self.program, self.ended, self.output_before = None, [], []
        self.socket_path, self.state_file = self.directory / "socket", self.directory / "mosquitto.db"
        self.ledger_path, self.tokens_path = self.directory / "ledger", self.directory / "tokens"
        self._write_tokens()

    # ---- its life ----

    def _config(self):
        anybody = not self.with_tokens and not self.with_passwords
        lines = ["user root",
                 "allow_anonymous true" if anybody else f"password_file {self._write_passwords()}",
                 "persistence true", f"persistence_location {self.directory}/", "autosave_interval 0",
                 "max_queued_messages 0", "set_tcp_nodelay true", "log_dest stderr", f"plugin {PLUGIN}",
                 f"plugin_opt_ledger {self.ledger_path}", *(["log_type all"] if self.is_verbose else [])]
        if self.with_tokens:
            lines += [f"plugin_opt_tokens {self.tokens_path}",
                      f"plugin_opt_challenge {str(self.with_challenge).lower()}"]
        lines += [f"listener 0 {self.socket_path}", f"listener {self.port} 127.0.0.1"]
        if self.with_tls:
            lines += [f"certfile {self.certificate[0]}", f"keyfile {self.certificate[1]}",
                      f"cafile {self.client_ca_file}"]
            if self.with_client_certificates:
                lines += ["require_certificate true"]
        return "\n".join([*lines, *self.extra_config]) + "\n"

    def start(self):
        """Starts it, and waits until it listens."""
        path = self.directory / "mosquitto.conf"
        path.write_text(self._config())
        self.program = Program([MOSQUITTO, "-c", path])
        if self.program.wait_for_output("Error: Address already in use|mosquitto version .* running")[0][0] == "E":
            # Somebody else has taken the port since. A client knows it after the first time.
            assert not self.ended, f"port {self.port} has been taken"
            self.program.stop()
            self.port = free_port()
            self.start()

    def _end(self, number):
        program, self.program = self.program, None
        self.ended.append(program)
        return program.stop(number)

    def stop(self):
        """Ends it in order; its sessions are kept."""
        # When it has just said that it is running it is about to forget that it was told to end.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.program.send_signal(signal.SIGTERM)
            self.program.process.wait(1)
        return self._end(signal.SIGTERM)

    def kill(self, keeps_session=True, frozen_s=0):
        """Kills it. What it knows about sessions was saved a moment ago, or is gone.

        It may stand still before, so that what comes meanwhile is under way when it is killed.
        """
        if keeps_session:
            before = self._saved()
            self.program.send_signal(signal.SIGUSR1)
            eventually(lambda: self._saved() != before, "mosquitto has saved its sessions")
        if frozen_s:
            self.freeze()
            time.sleep(frozen_s)
        self._end(signal.SIGKILL)
        if not keeps_session:
            self.state_file.unlink(missing_ok=True)

    def _saved(self):
        return self.state_file.stat().st_mtime_ns if self.state_file.exists() else None

    def freeze(self):
        """Lets it stand still, until thaw(): it reads nothing and answers nothing."""
        self.program.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.program.send_signal(signal.SIGCONT)

    def end(self):
        """For addCleanup: nothing of it is left, whatever happened."""
        if self.program:
            code = self.stop()
            assert code == 0, f"exit code {code} of mosquitto:\n" + "\n".join(self.log()[-40:])

    def programs(self):
        return self.ended + ([self.program] if self.program else [])

    def reload(self):
        """Lets it read passwords and certificates again."""
        self.program.send_signal(signal.SIGHUP)

    # ---- who may come ----

    def _write_passwords(self):
        path = self.directory / "passwords"
        replace(path, "".join(f"{name}:{password}\n" for name, password in self.passwords.items()).encode())
        subprocess.run(["mosquitto_passwd", "-U", path], check=True)
        return path

    def set_password(self, name, password):
        """Lets a user in by this password from now on, and by no other."""
        self.passwords[name] = password
        self._write_passwords()
        if self.program:
            self.reload()

    def _write_tokens(self):
        replace(self.tokens_path, "".join(f"{name} {ends_ms} {token.hex()}\n"
                                          for name, (token, ends_ms) in self.tokens.items()).encode())

    def add_token(self, name, lifetime_s=None):
        """Lets clients in by a new token, for so long; its bytes. They are as long as a real one's."""
        token = f"eyJhbGciOiJSUzI1NiJ9.{name.encode().hex():A<900}.{'s' * 342}\n".encode()
        self.tokens[name] = token, 0 if lifetime_s is None else int((time.time() + lifetime_s) * 1000)
        self._write_tokens()
        return token

    def revoke_token(self, name):
        """Lets nobody in by it any more, and disconnects whom it let in."""
        del self.tokens[name]
        self._write_tokens()

    # ---- what it has seen ----

    def log(self):
        """What it has printed, in all its lives."""
        return [line for program in self.programs() for line in program.output().splitlines()]

    def wait_for(self, pattern, n=1, timeout_s=TIMEOUT_S):
        """Waits until so many lines of its log match, and returns the matches."""
        def look():
            found = [match for match in map(re.compile(pattern).search, self.log()) if match]
            return found if len(found) >= n else None

        try:
            return eventually(look, f"{n} x {pattern!r}", timeout_s)
        except AssertionError as e:
            raise AssertionError(f"{e}\n" + "\n".join(self.log()[-40:])) from None

    def verdicts(self, client):
        """How often k8s-sat has said which word about a client."""
        found = filter(None, map(VERDICT.search, self.log()))
        return collections.Counter(match[2] for match in found if match[1] == client)

    def wait_for_verdicts(self, client, expected):
        """Waits until it has said this, and fails unless it does."""
        eventually(lambda: self.verdicts(client) == expected, f"{expected} of {client}")

    def ledger(self):
        """Every message that has come, repeated ones too."""
        if not self.ledger_path.exists():
            return []
        return [Message(*line.split("\t", 2)) for line in self.ledger_path.read_text().split("\n") if line]

    def messages(self, topic):
        """The payloads that have come to a topic."""
        return [message.payload for message in self.ledger() if message.topic == topic]

    def acknowledgements(self, client):
        """For each connection of the client: (packet ids as they were sent, packet ids as they were acknowledged)."""
        connections, name = [], re.escape(client)
        patterns = [re.compile(p) for p in (rf"New client connected from \S+ as {name} ",
                                            rf"Sending PUBLISH to {name} \(d\d, q1, r\d, m(\d+),",
                                            rf"Received PUBACK from {name} \(Mid: (\d+),")]
        for line in self.log():
            new, sent, acknowledged = (pattern.search(line) for pattern in patterns)
            if new:
                connections.append(([], []))
            if sent:
                connections[-1][0].append(int(sent[1]))
            if acknowledged:
                connections[-1][1].append(int(acknowledged[1]))
        return connections

    # ---- what a test does itself ----

    def _client(self, name, *arguments):
        return [name, "--unix", str(self.socket_path), "-V", "5", "-u", OBSERVER, "-P", OBSERVER, *arguments]

    def publish(self, topic, *payloads):
        """Publishes, one after the other, and waits until they are acknowledged."""
        subprocess.run(self._client("mosquitto_pub", "-t", topic, "-q", "1", "-l"), check=True, timeout=TIMEOUT_S,
                       input="".join(f"{p}\n" for p in payloads), text=True, env=environment())

    def listen(self, *filters):
        """A program that prints "TOPIC PAYLOAD" for each message, once it is subscribed; the caller stops it."""
        topics = [argument for f in filters for argument in ("-t", f)]
        # Into a pipe it would write when it has 4096 bytes.
        program = Program(["stdbuf", "-oL", *self._client("mosquitto_sub", *topics, "-q", "1", "-v", "-d")])
        program.wait_for_output("^Subscribed")
        return program
