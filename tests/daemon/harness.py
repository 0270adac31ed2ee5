# SPDX-License-Identifier: MIT
"""The real aziotd against the real aziot-hubsim, each case in a directory of its own.

    class Telemetry(harness.DaemonCase):
        def test_a_message_arrives(self):
            self.daemon.call("io.aziotd.telemetry.Send", {"message": {"text": "x"}})
            self.assertEqual(self.hub.wait_for_messages(1)[0]["body"], "x")

Every wait is for an event and has a deadline. When a case is over, nothing may be left: no process, no descriptor
of the daemon that was not there at the beginning, no sanitizer's report. When it fails, what both programs
printed is told.
"""

import atexit
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tap  # noqa: E402
from wire import VarlinkError, Wire  # noqa: E402

__all__ = ["BUILD", "CliCase", "DaemonCase", "Load", "Traffic", "UsersCase", "VarlinkError", "Wire",
           "assert_delivered", "eventually", "tap"]

BUILD = Path(os.environ.get("AZIOT_BUILD", Path(__file__).resolve().parents[2] / "build"))

# Sanitizers make everything a few times slower, and the machine may be busy; a wait that is met costs nothing.
TIMEOUT_S = 30

# Not sys.executable, which may live in somebody's home.
PYTHON = "/usr/bin/python3"

# Two users other than root.
DAEMON_UID = 65534
STRANGER_UID = 65533

# A client in a process of its own: a call on its command line, its reply on standard output.
CLIENT = Path(__file__).with_name("wire.py").read_text() + """
import sys
with Wire(sys.argv[1]) as wire:
    print("connected", flush=True)
    try:
        print("reply", wire.call(sys.argv[2], json.loads(sys.argv[3])))
    except VarlinkError as error:
        print("error", error)
"""

# The most that may be on its way to the hub, and so the most that may come again after a lost connection.
WINDOW = 64

SANITIZER = re.compile(r"ERROR: \w+Sanitizer|runtime error:|SUMMARY: \w+Sanitizer")


def environment(**extra):
    """What a program gets: nothing of the machine's own certificates, proxies or languages."""
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **extra}


def eventually(condition, what, timeout_s=TIMEOUT_S):
    """Waits until condition() is true and returns it. For what can be looked at but does not announce itself."""
    deadline = time.monotonic() + timeout_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(0.02)


def dropped(**counts):
    """What GetStatus tells when so many messages were given up, by cause."""
    return {"expired": 0, "overflow": 0, "damaged": 0, "unsendable": 0, "poison": 0, "refused": 0, **counts}


def assert_delivered(case, messages, n=None, window=WINDOW):
    """The bodies {"n": …} arrived in order; repeats are of the last 'window' at most and keep their message id.

    With 'n', exactly 0 to n - 1 have arrived.
    """
    ids, highest = {}, -1
    previous = -1
    for message in messages:
        number, message_id = message["body"]["n"], message["system"]["message-id"]
        if number in ids:
            case.assertEqual(message_id, ids[number], f"{number} came again under another id")
        else:
            case.assertGreater(number, highest, f"{number} came for the first time behind {highest}")
            ids[number] = message_id
            highest = number
        if window is not None and number <= previous:
            case.assertGreater(number, highest - window, f"{number} was not in flight any more")
        previous = number
    case.assertEqual(len(set(ids.values())), len(ids), "two messages have the same id")
    if n is not None:
        case.assertEqual(sorted(ids), list(range(n)))


class Load:
    """Threads that go on until the block is left; what went wrong in them is raised then."""

    def __init__(self, *functions):
        self.is_over = False
        self.errors = []
        self.threads = [threading.Thread(target=self._run, args=(f,)) for f in functions]

    def _run(self, function):
        try:
            function(lambda: not self.is_over)
        except Exception as e:  # noqa: BLE001
            self.errors.append(e)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        for thread in self.threads:
            thread.join()
        if self.errors:
            raise self.errors[0]


class Traffic:
    """What programs do all the time, each a function for Load."""

    def __init__(self, case):
        self.case = case
        self.accepted = []
        self.answered = []

    def wire(self):
        return Wire(self.case.daemon.socket_path, TIMEOUT_S)

    def send(self, goes_on):
        with self.wire() as wire:
            while goes_on():
                for _ in range(20):
                    wire.send("io.aziotd.telemetry.Send", {"message": {"body": {"n": len(self.accepted)}}})
                    self.accepted.append(None)
                for _ in range(20):
                    wire.receive()
                time.sleep(0.01)

    def send_and_wait(self, goes_on):
        with self.wire() as wire:
            while goes_on():
                wire.call("io.aziotd.telemetry.Send", {"message": {"text": "x"}, "stage": "delivered"})

    def work(self, goes_on):
        with self.wire() as wire:
            while goes_on():
                call = wire.call("io.aziotd.methods.Take", {"names": ["echo"], "timeoutSeconds": 1})["call"]
                if call:
                    wire.call("io.aziotd.methods.Settle", {"id": call["id"], "status": 200, "payload": call["payload"]})

    def invoke(self, goes_on):
        eventually(lambda: self.case.daemon.call("io.aziotd.methods.List")["names"], "echo is served")
        # A call that the hub sends while DISCONNECT is on its way is lost, as it is with any client.
        while goes_on():
            with contextlib.suppress(VarlinkError):
                reply = self.case.hub.call("Invoke", {"device": "demo", "method": "echo", "payload": "{}",
                                                      "connectTimeoutSeconds": 10})
                if goes_on():
                    self.case.assertEqual(reply, {"status": 200, "payload": "{}"})
                    self.answered.append(None)

    def assert_nothing_is_lost(self):
        self.case.daemon.wait_for_empty_outbox()
        numbered = [m for m in self.case.hub.messages() if isinstance(m.get("body"), dict)]
        assert_delivered(self.case, numbered, len(self.accepted))
        self.case.assertGreater(len(self.answered), 0)
        self.case.assertNotRegex(self.case.daemon.program.output(), "lost|retrying")


class Program:
    """A process and what it prints."""

    def __init__(self, argv, env=None, pass_fds=(), stdin=subprocess.DEVNULL, **options):
        self.name = Path(argv[0]).name
        self.lines = []
        self.printed = threading.Condition()
        self.process = subprocess.Popen(
            [str(a) for a in argv], env=environment(**(env or {})), pass_fds=pass_fds, start_new_session=True,
            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
        self.pid = self.process.pid
        atexit.register(self.kill_session)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.printed:
                self.lines.append(line.decode(errors="replace").rstrip("\n"))
                self.printed.notify_all()
        with self.printed:
            self.lines.append(None)
            self.printed.notify_all()

    def output(self):
        return "\n".join(line for line in self.lines if line is not None)

    def wait_for_output(self, pattern, timeout_s=TIMEOUT_S):
        """Waits for a line that matches, also an earlier one, and returns the match."""
        deadline = time.monotonic() + timeout_s
        seen = 0
        with self.printed:
            while True:
                for line in self.lines[seen:]:
                    seen += 1
                    if line is None:
                        raise AssertionError(f"{self.name} ended without printing {pattern!r}:\n{self.output()}")
                    match = re.search(pattern, line)
                    if match:
                        return match
                if not self.printed.wait(deadline - time.monotonic()):
                    raise AssertionError(f"{self.name} did not print {pattern!r}:\n{self.output()}")

    def is_running(self):
        return self.process.poll() is None

    def wait(self, timeout_s=TIMEOUT_S):
        """Waits for its end and returns the exit code, negative for a signal."""
        code = self.process.wait(timeout_s)
        self.reader.join(timeout_s)
        self.process.stdout.close()
        return code

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """Ends it; returns the exit code. One that does not end in time is killed, and that is an error."""
        if self.is_running():
            self.send_signal(number)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.kill_session()
            self.wait()
            raise AssertionError(f"{self.name} did not end after signal {number}:\n{self.output()}") from None

    def session(self):
        """The processes that it started and that still live, itself included."""
        pids = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                fields = Path("/proc", name, "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == self.pid and fields[0] != "Z":
                    pids.append(int(name))
        return pids

    def kill_session(self):
        atexit.unregister(self.kill_session)
        for pid in self.session():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def descriptors(self):
        """What its descriptors are, without the files of the outbox: those come and go with the messages."""
        found = []
        for link in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.append(os.readlink(link))
        return [name for name in found if "/outbox/" not in name]


class NotifySocket:
    """The socket of sd_notify(): what a service tells its manager."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.messages = []
        self.arrived = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        while True:
            data = self.socket.recv(65536)
            if data == b"END":
                return
            with self.arrived:
                self.messages += data.decode().splitlines()
                self.arrived.notify_all()

    def wait_for(self, pattern, since=0, timeout_s=TIMEOUT_S):
        """Waits for a message that matches, from the since'th on, and returns how many there were up to it."""
        deadline = time.monotonic() + timeout_s
        with self.arrived:
            while True:
                for i, message in enumerate(self.messages[since:], since + 1):
                    if re.search(pattern, message):
                        return i
                if not self.arrived.wait(deadline - time.monotonic()):
                    raise AssertionError(f"the manager was not told {pattern!r}: {self.messages}")

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"END", self.path)
        self.reader.join()
        self.socket.close()


class Hub:
    """aziot-hubsim with one device, "demo"."""

    def __init__(self, directory):
        self.state = directory / "hub"
        self.socket_path = str(directory / "hub.sock")
        self.connection_string_file = self.state / "connection-string"
        self.ca_file = self.state / "ca.pem"
        self.port = 0
        self.program = None
        self.ended = []

    def argv(self):
        return [BUILD / "aziot-hubsim", "run", "--state-dir", self.state, "--listen", f"127.0.0.1:{self.port}",
                "--socket", self.socket_path]

    def start(self):
        """Starts it, after the first time on the same port."""
        self.program = Program(self.argv())
        self.port = int(self.program.wait_for_output(r"listening on \S+:(\d+)")[1])

    def stop(self, number=signal.SIGTERM):
        program, self.program = self.program, None
        self.ended.append(program)
        return program.stop(number)

    def programs(self):
        return self.ended + ([self.program] if self.program else [])

    def call(self, method, parameters=None):
        with Wire(self.socket_path, TIMEOUT_S) as wire:
            return wire.call("io.aziotd.hubsim." + method, parameters)

    def messages(self):
        """Everything that has arrived, oldest first."""
        with Wire(self.socket_path, TIMEOUT_S) as wire:
            return self._read_log(wire, 1)[0]

    @staticmethod
    def _read_log(wire, since):
        found = []
        while True:
            reply = wire.call("io.aziotd.hubsim.Log", {"since": since})
            if not reply["messages"]:
                return found, reply["next"]
            found += reply["messages"]
            since = reply["next"]

    def wait_for_messages(self, condition, timeout_s=TIMEOUT_S):
        """Waits until so many messages have arrived, or condition(messages) holds, and returns them all."""
        enough = condition if callable(condition) else lambda messages: len(messages) >= condition
        found, deadline = [], time.monotonic() + timeout_s
        with Wire(self.socket_path, TIMEOUT_S) as wire:
            since = 1
            # Not by Monitor, which closes the connection of who looks through thousands meanwhile.
            while True:
                more, since = self._read_log(wire, since)
                found += more
                if enough(found):
                    return found
                if time.monotonic() > deadline:
                    raise AssertionError(f"not within {timeout_s} s; arrived: {json.dumps(found)[-3000:]}")
                time.sleep(0.02)

    def log_line(self, needle):
        """The line of the log that contains the bytes, as they are."""
        with Wire(self.socket_path, TIMEOUT_S) as wire:
            wire.send("io.aziotd.hubsim.Log", {})
            reply = wire.receive_bytes()
        if needle not in reply:
            raise AssertionError(f"{needle} is not in {reply}")
        return reply

    @contextlib.contextmanager
    def gone(self):
        """The hub cannot be reached while the block runs, however long that takes."""
        self.call("Cut", {"seconds": 300})
        yield
        self.call("Cut", {"seconds": 1})  # the last one counts

    def invoke(self, method, payload=None, timeout_s=TIMEOUT_S):
        """Calls a direct method; returns (status, payload as text or None)."""
        parameters = {"device": "demo", "method": method, "timeoutSeconds": timeout_s}
        if payload is not None:
            parameters["payload"] = payload
        reply = self.call("Invoke", parameters)
        return reply["status"], reply.get("payload")


class Daemon:
    """aziotd, configured for a hub."""

    def __init__(self, directory, hub, **config):
        self.directory = directory
        self.hub = hub
        self.config_path = directory / "aziotd.conf"
        self.state_path = directory / "state"
        self.runtime_path = directory / "run"
        self.socket_path = str(directory / "socket")
        self.program_path = BUILD / "aziotd"
        self.notify = NotifySocket(directory / "notify")
        self.config = {
            "Hub": {"ConnectionStringFile": hub.connection_string_file, "TrustedCAFile": hub.ca_file},
            "Network": {"Transports": "mqtt"},  # the other one is at port 443, which is not the hub's here
        }
        for section, keys in config.items():
            if isinstance(keys, list):
                self.config[section] = keys  # a section that is there several times
            else:
                self.config.setdefault(section, {}).update(keys)
        self.program = None
        self.ended = []
        self.wires = []
        self.n_descriptors = None  # of a running daemon that is online and has no client

    def write_config(self):
        text = ""
        for name, sections in self.config.items():
            for keys in sections if isinstance(sections, list) else [sections]:
                text += f"[{name}]\n" + "".join(f"{k}={v}\n" for k, v in keys.items() if v is not None)
        self.config_path.write_text(text)

    def argv(self):
        return [self.program_path, "--config", self.config_path, "--state-dir", self.state_path, "--runtime-dir",
                self.runtime_path, "--socket", self.socket_path]

    def start(self, env=None, **options):
        """Starts it and waits for READY=1."""
        self.write_config()
        self.state_path.mkdir(mode=0o700, exist_ok=True)
        self.runtime_path.mkdir(mode=0o700, exist_ok=True)
        self.n_descriptors = None
        told = len(self.notify.messages)
        self.program = Program(self.argv(), env={"NOTIFY_SOCKET": self.notify.path, **(env or {})}, **options)
        self.notify.wait_for("^READY=1$", since=told)

    def stop(self, number=signal.SIGTERM):
        for wire in self.wires:
            wire.close()
        self.wires = []
        program, self.program = self.program, None
        self.ended.append(program)
        return program.stop(number)

    def kill(self):
        self.stop(signal.SIGKILL)

    def programs(self):
        return self.ended + ([self.program] if self.program else [])

    def connect(self, timeout_s=TIMEOUT_S):
        """A connection, closed at the end of the case at the latest."""
        wire = Wire(self.socket_path, timeout_s)
        self.wires.append(wire)
        return wire

    def call(self, method, parameters=None):
        """Calls on a connection of its own."""
        with Wire(self.socket_path, TIMEOUT_S) as wire:
            return wire.call(method, parameters)

    def send(self, **message):
        return self.call("io.aziotd.telemetry.Send", {"message": message})["sequence"]

    def status(self):
        return self.call("io.aziotd.device.GetStatus")

    def wait_for_status(self, condition, what, timeout_s=TIMEOUT_S):
        """Waits until condition(status) holds and returns the status."""
        with Wire(self.socket_path, TIMEOUT_S) as wire:
            def look():
                status = wire.call("io.aziotd.device.GetStatus")
                return status if condition(status) else None

            return eventually(look, what, timeout_s)

    def wait_for_link(self, state, timeout_s=TIMEOUT_S):
        return self.wait_for_status(lambda status: status["link"]["state"] == state, f"link {state}", timeout_s)

    def wait_online(self):
        status = self.wait_for_link("online")
        if self.n_descriptors is None:
            # Counted while one client is connected, for certain.
            with Wire(self.socket_path, TIMEOUT_S) as wire:
                wire.call("io.aziotd.device.GetStatus")
                self.n_descriptors = len(self.program.descriptors()) - 1
        return status

    def wait_for_new_link(self, status):
        """Waits until it is online again, over another link than when 'status' was asked for."""
        return self.wait_for_status(
            lambda now: now["link"]["state"] == "online" and now["link"]["since"] != status["link"]["since"],
            "online again")

    def wait_for_empty_outbox(self, timeout_s=TIMEOUT_S):
        self.wait_for_status(lambda status: status["outbox"]["messages"] == 0, "outbox empty", timeout_s)


class DaemonCase(unittest.TestCase):
    """A running hub and a running daemon that is online, unless the class says otherwise."""

    config = {}
    starts_hub = True
    starts_daemon = True

    def setUp(self):
        # Short, because the path of a socket has at most 107 bytes.
        self.directory = Path(tempfile.mkdtemp(prefix="aziotd-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.hub = Hub(self.directory)
        self.daemon = Daemon(self.directory, self.hub, **self.config)
        self.others = []
        self.addCleanup(self.daemon.notify.close)
        self.addCleanup(self.end)
        if self.starts_hub:
            self.hub.start()
        if self.starts_daemon:
            self.start_daemon()
            if self.starts_hub:
                self.daemon.wait_online()

    def start_daemon(self):
        self.daemon.start()

    def run_program(self, *argv, env=None, **options):
        """Starts another program, ended with the case."""
        program = Program(argv, env, **options)
        self.others.append(program)
        return program

    def run_cli(self, *arguments, **options):
        """Starts the command aziot."""
        return self.run_program(BUILD / "aziot", "--socket", self.daemon.socket_path, *arguments, **options)

    def programs(self):
        return self.hub.programs() + self.daemon.programs() + self.others

    def end(self):
        try:
            for program in self.others:
                program.stop()
            self.check_descriptors()
            if self.daemon.program:
                self.assertEqual(self.daemon.stop(), 0, "exit code of aziotd")
            if self.hub.program:
                self.assertEqual(self.hub.stop(), 0, "exit code of aziot-hubsim")
        finally:
            left = {program.name: program.session() for program in self.programs() if program.session()}
            for program in self.programs():
                program.kill_session()
        self.assertEqual(left, {}, "processes that were left over")
        for program in self.programs():
            self.assertNotRegex(program.output(), SANITIZER)

    def check_descriptors(self):
        """Whoever asked has gone: the daemon has no more descriptors than when it had come online."""
        for wire in self.daemon.wires:
            wire.close()
        program, expected = self.daemon.program, self.daemon.n_descriptors
        if program and program.is_running() and expected is not None:
            eventually(lambda: len(program.descriptors()) <= expected,
                       f"only {expected} descriptors: {program.descriptors()}")

    def failure_details(self):
        """For the report of a failed case."""
        return "\n".join(f"--- {program.name}:\n" + "\n".join(program.output().splitlines()[-60:])
                         for program in self.programs())

    @contextlib.contextmanager
    def refused(self, error, **parameters):
        """The block is answered by this error, whose parameters include these."""
        with self.assertRaises(VarlinkError) as caught:
            yield
        self.assertEqual(caught.exception.name, error)
        for key, value in parameters.items():
            self.assertEqual(caught.exception.parameters.get(key), value, f"in {caught.exception}")


@unittest.skipUnless(os.geteuid() == 0, "only root can be several users")
class UsersCase(DaemonCase):
    """aziotd runs as a user of its own here, so root and it are two users with every grant."""

    def setUp(self):
        self.skip_unless_reachable()
        super().setUp()

    def skip_unless_reachable(self):
        if not Path(PYTHON).exists():
            self.skipTest(f"needs {PYTHON}")
        for folder in (BUILD.resolve(), *BUILD.resolve().parents):
            if not folder.stat().st_mode & 0o001:
                self.skipTest(f"other users cannot reach {folder}")

    def start_daemon(self):
        for path in (self.daemon.state_path, self.daemon.runtime_path):
            path.mkdir(0o700)
        for path in (self.directory, self.daemon.notify.path, self.hub.state, *self.hub.state.iterdir(),
                     self.daemon.state_path, self.daemon.runtime_path):
            os.chown(path, DAEMON_UID, DAEMON_UID)
        self.directory.chmod(0o755)
        self.start_daemon_again()

    def start_daemon_again(self):
        self.daemon.start(user=DAEMON_UID, group=DAEMON_UID, extra_groups=[])
        os.chmod(self.daemon.socket_path, 0o666)

    def line(self, n):
        """The line of the configuration at which its n-th section [Access] begins."""
        lines = self.daemon.config_path.read_text().splitlines()
        return [i + 1 for i, line in enumerate(lines) if line == "[Access]"][n - 1]

    def connect_as(self, uid):
        """A connection of another user: who that is, the kernel notes when it is made."""
        os.setegid(uid)
        os.seteuid(uid)
        try:
            return self.daemon.connect()
        finally:
            os.seteuid(0)
            os.setegid(0)

    def call_as(self, uid, method, parameters=None):
        wire = self.connect_as(uid)
        self.daemon.wires.remove(wire)
        with wire:
            return wire.call(method, parameters)

    def client(self, uid, method, parameters):
        return self.run_program(PYTHON, "-c", CLIENT, self.daemon.socket_path, method, parameters,
                                user=uid, group=uid, extra_groups=[])


class CliCase(DaemonCase):
    """The same, and the command aziot."""

    def aziot(self, *arguments, stdin=b"", code=0):
        """Runs aziot to its end and returns what it printed: (standard output, standard error)."""
        done = subprocess.run([BUILD / "aziot", "--socket", self.daemon.socket_path, *map(str, arguments)],
                              input=stdin, capture_output=True, env=environment(),
                              timeout=2 * TIMEOUT_S, check=False)
        out, err = done.stdout.decode(), done.stderr.decode()
        self.assertEqual(done.returncode, code, f"{arguments}:\n{out}\n{err}")
        self.assertNotRegex(err, SANITIZER)
        return out, err
