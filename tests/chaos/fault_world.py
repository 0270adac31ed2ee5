# SPDX-License-Identifier: MIT
"""A device and its cloud, whose daemon meets a call that fails: what is done with it, and what has to hold then."""

import contextlib
import errno
import itertools
import json
import os
import select
import shutil
import signal
import tempfile
import time
from pathlib import Path

import fault_box
import harness
from harness import VarlinkError, Wire

# A program never waits longer for an answer, and the next one is served within this: seconds.
ANSWER_S = 20
SERVED_S = 5

TELEMETRY, METHODS, MESSAGES = "io.aziotd.telemetry.", "io.aziotd.methods.", "io.aziotd.messages."
TWIN, DEVICE, HUBSIM = "io.aziotd.twin.", "io.aziotd.device.", "io.aziotd.hubsim."

ERRORS = {"file": (errno.EIO, errno.ENOSPC), "descriptor": (errno.EMFILE,)}


class Violation(Exception):
    """A promise that was broken."""


class World:
    """One hub and one daemon, which live through many sessions."""

    def __init__(self, sabotage=None):
        # Short, because the path of a socket has at most 107 bytes.
        self.directory = Path(tempfile.mkdtemp(prefix="aziotd-", dir="/tmp"))
        self.sabotage = sabotage
        self.hub = harness.Hub(self.directory)
        self.hub.start()
        self.daemon = harness.Daemon(self.directory, self.hub, Outbox={"MaxBytes": "16M"}, Log={"Level": "warning"})
        self.box = fault_box.Box(self.directory / "box", self.daemon.program_path)
        self.daemon.write_config()
        for path in (self.daemon.state_path, self.daemon.runtime_path):
            path.mkdir(mode=0o700)
        self.numbers = itertools.count()
        self.promised, self.arrived = set(), set()  # numbers of telemetry
        self.open = set()  # numbers of messages of the cloud that nobody has settled
        self.reported = self.desired = 0
        self.journal, self.n_read = self.hub.state / "telemetry.jsonl", 0
        self.n_descriptors = 0
        self.slowest_s = 0

    def end(self):
        for program in (self.daemon.program, self.hub.program):
            if program and program.is_running():
                program.stop(signal.SIGKILL)
        self.daemon.notify.close()
        shutil.rmtree(self.directory)

    # The daemon

    def start(self):
        """Starts it; returns whether it is ready. If not, it has said why and ended."""
        told = len(self.daemon.notify.messages)
        self.daemon.program = harness.Program(
            self.daemon.argv(), env={"NOTIFY_SOCKET": self.daemon.notify.path, **self.box.environment(self.sabotage)})
        program, deadline = self.daemon.program, time.monotonic() + ANSWER_S
        while "READY=1" not in self.daemon.notify.messages[told:]:
            if not program.is_running():
                self.reap(expected={1, os.EX_CONFIG})  # the other one: of a configuration that cannot be read
                return False
            if time.monotonic() > deadline:
                raise Violation(f"it neither starts nor ends:\n{program.output()}")
            time.sleep(0.002)
        return True

    def forget(self):
        """The next start is its first."""
        for path in self.daemon.state_path.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def reap(self, expected):
        """Waits for its end, and looks at what it had to say."""
        program, self.daemon.program = self.daemon.program, None
        code = program.stop()
        output = program.output()
        if harness.SANITIZER.search(output) or code not in expected:
            raise Violation(f"the daemon ended with {code}:\n{output}")
        if code != 0 and not output.strip():
            raise Violation(f"the daemon ended with {code} and does not say why")
        if "damaged" in output:
            raise Violation(f"a file was found damaged:\n{output}")

    def stop(self, expected=frozenset({0})):
        self.daemon.program.send_signal(signal.SIGTERM)
        self.reap(expected)

    # What programs do

    @contextlib.contextmanager
    def allowed_to_fail(self):
        """An error is an answer, and so is the end of the connection; silence is not."""
        try:
            yield
        except TimeoutError:
            raise Violation(f"no answer:\n{self.daemon.program.output()}") from None
        except (VarlinkError, OSError):
            self.require_alive()

    def require_alive(self):
        if not self.daemon.program.is_running():
            self.reap(expected=set())

    def connect(self):
        return Wire(self.daemon.socket_path, ANSWER_S)

    def send(self, wire, stage="accepted", priority="normal"):
        n = next(self.numbers)
        wire.call(TELEMETRY + "Send", {
            "message": {"body": {"n": n, "x": "y" * 100}}, "stage": stage, "priority": priority,
            **({"timeoutSeconds": 1} if stage == "delivered" else {})})
        self.promised.add(n)

    def telemetry(self):
        for stage in "accepted", "durable", "delivered":
            for priority in "normal", "high":
                with self.allowed_to_fail(), self.connect() as wire:
                    self.send(wire, stage, priority)
        with self.allowed_to_fail(), self.connect() as wire:
            numbers = [next(self.numbers) for _ in range(3)]
            wire.call(TELEMETRY + "SendBatch", {"messages": [{"body": {"n": n}} for n in numbers]})
            self.promised.update(numbers)
            wire.call(TELEMETRY + "Flush", {"stage": "delivered", "timeoutSeconds": 1})

    def invoke(self, strict=False):
        """A method is called and answered; or there is an error, but there is one."""
        with self.connect() as worker, Wire(self.hub.socket_path, ANSWER_S) as cloud:
            worker.send(METHODS + "Take", {"names": ["echo"], "timeoutSeconds": 10})
            with self.connect() as other:
                # The call before is in the daemon's hands once this one is answered.
                since = other.call(DEVICE + "GetStatus")["link"]["since"]
            cloud.send(HUBSIM + "Invoke", {"device": "demo", "method": "echo", "payload": '{"x":1}',
                                           "timeoutSeconds": 5})
            if worker.socket in select.select([worker.socket, cloud.socket], [], [], ANSWER_S)[0]:
                call = worker.receive()["call"]
                worker.call(METHODS + "Settle", {"id": call["id"], "status": 200, "payload": call["payload"]})
            worker.close()
            reply = self.reply_of(cloud)
        with self.connect() as other:
            is_same = other.call(DEVICE + "GetStatus")["link"]["since"] == since
        # It was lost if nobody answered, and the link that it came over is still there.
        is_lost = is_same and isinstance(reply, VarlinkError) and reply.parameters["code"] // 1000 == 504
        if is_lost or strict and (isinstance(reply, VarlinkError) or reply["status"] != 200):
            raise Violation(f"the cloud called a method and was told {reply}")

    @staticmethod
    def reply_of(wire):
        try:
            return wire.receive()
        except VarlinkError as error:
            return error

    def take(self, wire, timeout_s=1):
        """Takes and settles a message of the cloud; returns whether there was one."""
        message = wire.call(MESSAGES + "Take", {"timeoutSeconds": timeout_s}).get("message")
        if not message:
            return False
        wire.call(MESSAGES + "Settle", {"id": message["id"]})
        self.open.discard(message["body"]["n"])
        return True

    def messages(self):
        for _ in range(2):
            n = next(self.numbers)
            self.hub.call("SendMessage", {"device": "demo", "body": json.dumps({"n": n}), "messageId": f"id-{n}"})
            self.open.add(n)
        for _ in range(2):
            with self.allowed_to_fail(), self.connect() as wire:
                self.take(wire)

    def report(self, wire):
        n = next(self.numbers)
        wire.call(TWIN + "Report", {"patch": {"n": n, "deep": {"list": [n, "x"]}}})
        self.reported = n

    def twin(self):
        with self.allowed_to_fail(), self.connect() as wire:
            wire.call(TWIN + "Get")
        with self.allowed_to_fail(), self.connect() as wire:
            wire.call(TWIN + "Watch", more=True)
            self.desired = next(self.numbers)
            self.hub.call("UpdateDesired", {"device": "demo", "patch": {"n": self.desired}})
            wire.socket.settimeout(1)
            with contextlib.suppress(TimeoutError):
                wire.receive()
        with self.allowed_to_fail(), self.connect() as wire:
            self.report(wire)

    def status(self):
        with self.allowed_to_fail(), self.connect() as wire:
            for method in "GetStatus", "GetHistory", "Explain":
                wire.call(DEVICE + method)
        with self.allowed_to_fail(), self.connect() as wire:
            wire.call(DEVICE + "WatchStatus", more=True)
        with self.allowed_to_fail(), self.connect() as wire:
            wire.call("org.varlink.service.GetInterfaceDescription", {"interface": "io.aziotd.twin"})

    def reconnect(self):
        with self.allowed_to_fail(), self.connect() as wire:
            since = wire.call(DEVICE + "GetStatus")["link"]["since"]
            wire.call(DEVICE + "Reconnect")
            self.send(wire)
            self.send(wire, "durable", "high")
            self.report(wire)
            deadline = time.monotonic() + 0.5
            while time.monotonic() < deadline:
                link = wire.call(DEVICE + "GetStatus")["link"]
                if link["state"] == "waiting" or link["state"] == "online" and link["since"] != since:
                    break
                time.sleep(0.005)

    def session(self):
        """Everything that programs and the cloud do; also over a connection that is new."""
        for part in (self.status, self.telemetry, self.invoke_leniently, self.messages, self.twin, self.reconnect,
                     self.telemetry):
            part()

    def go_offline(self):
        self.hub.call("RefuseConnect", {"code": 3, "count": 1000000})
        self.hub.call("Kick", {"device": "demo"})
        self.deadline = time.monotonic() + ANSWER_S
        with self.connect() as wire:
            self.wait(lambda: wire.call(DEVICE + "GetStatus")["link"]["state"] == "waiting", lambda: "waiting")

    def offline_session(self):
        """What is done while there is no hub; all of it lives through a kill."""
        for stage in "accepted", "durable":
            for priority in "normal", "high":
                with self.allowed_to_fail(), self.connect() as wire:
                    self.send(wire, stage, priority)
        with self.allowed_to_fail(), self.connect() as wire:
            numbers = [next(self.numbers) for _ in range(3)]
            wire.call(TELEMETRY + "SendBatch", {"messages": [{"body": {"n": n}} for n in numbers]})
            self.promised.update(numbers)
        with self.allowed_to_fail(), self.connect() as wire:
            self.report(wire)

    def kill(self):
        program, self.daemon.program = self.daemon.program, None
        program.stop(signal.SIGKILL)
        self.hub.call("ClearFaults")

    def invoke_leniently(self):
        with self.allowed_to_fail():
            self.invoke()

    # What has to hold

    def read_journal(self):
        with contextlib.suppress(FileNotFoundError), self.journal.open("rb") as file:
            file.seek(self.n_read)
            data = file.read()
            whole = data[:data.rfind(b"\n") + 1]
            self.n_read += len(whole)
            self.arrived.update(json.loads(line)["body"]["n"] for line in whole.splitlines())

    def wait(self, condition, what):
        while not condition():
            self.require_alive()
            if time.monotonic() > self.deadline:
                raise Violation(f"not within {SERVED_S} s: {what()}\n{self.daemon.program.output()}")
            time.sleep(0.003)

    def has_all(self):
        self.read_journal()
        return self.promised <= self.arrived

    def is_online(self, wire):
        state = wire.call(DEVICE + "GetStatus")["link"]["state"]
        if state == "waiting":
            wire.call(DEVICE + "Reconnect")
        return state == "online"

    def is_stored(self, wire, *how):
        """Of a disk that failed just now a program hears, for some seconds."""
        try:
            self.send(wire, *how)
            return True
        except VarlinkError as error:
            if not error.name.endswith("StorageFailed"):
                raise
            return False

    def has_desired(self, wire):
        try:
            return wire.call(TWIN + "Get")["desired"].get("n", 0) == self.desired
        except VarlinkError as error:
            if not error.name.endswith("TwinUnavailable"):
                raise
            return False

    def check(self, reported=None):
        """Nothing fails any more: the next program is served, and everything that was promised is true.

        'reported' is told by the hub at some time, before another report.
        """
        begin = time.monotonic()
        # A mistake that was made on purpose is waited for less long, and others on the machine are put up with.
        patience_s = 1 if self.sabotage else SERVED_S * (1 + os.getloadavg()[0] / os.cpu_count() / 2)
        self.deadline = begin + patience_s
        try:
            with self.connect() as wire:
                self.wait(lambda: self.is_online(wire), lambda: wire.call(DEVICE + "GetStatus"))
                self.wait(lambda: self.is_stored(wire, "durable", "normal"), lambda: "stored")
                self.wait(lambda: self.is_stored(wire, "durable", "high"), lambda: "stored")
                self.wait(self.has_all, lambda: f"messages {sorted(self.promised - self.arrived)}")
                self.wait(lambda: not self.open or self.take(wire) and not self.open,
                          lambda: f"messages of the cloud {self.open}")
                if reported is not None:
                    self.wait(lambda: self.hub_reported() >= reported, lambda: f"reported {reported}")
                self.report(wire)
                self.invoke(strict=True)
                self.wait(lambda: self.hub_reported() == self.reported, lambda: f"reported {self.reported}")
                self.wait(lambda: self.has_desired(wire), lambda: f"desired {self.desired}")
        except (VarlinkError, OSError) as error:
            self.require_alive()
            raise Violation(f"the next client: {error!r}\n{self.daemon.program.output()}") from None
        self.promised.clear()
        self.arrived.clear()
        self.slowest_s = max(self.slowest_s, time.monotonic() - begin)

    def hub_reported(self):
        return self.hub.call("GetTwin", {"device": "demo"})["reported"].get("n", -1)

    def settle_down(self):
        """Waits until it is online, or waits to try again."""
        self.deadline = time.monotonic() + ANSWER_S
        with self.allowed_to_fail(), self.connect() as wire:
            self.wait(lambda: wire.call(DEVICE + "GetStatus")["link"]["state"] in ("online", "waiting"),
                      lambda: "online, or waiting")

    def check_descriptors(self):
        program = self.daemon.program
        self.wait(lambda: len(program.descriptors()) <= self.n_descriptors,
                  lambda: f"{self.n_descriptors} descriptors, but {sorted(program.descriptors())}")

    def begin(self):
        """A daemon that is online, and has done everything once."""
        if not self.start():
            raise Violation("it does not start")
        self.check()
        self.session()
        self.check()
        time.sleep(0.05)
        self.n_descriptors = len(self.daemon.program.descriptors())
