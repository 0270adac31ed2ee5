#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The local programs of tests/chaos/kill: kill_programs.py WHAT SOCKET NOTES

  all    producers of telemetry, programs that report to the twin, and one that watches it
  taker  takes messages from the cloud; it is killed, too

Both append what they were told to the file NOTES, a line each, fields apart by a space:

  accepted LANE FIRST LAST         these messages have reached the stage of their producer
  refused LANE FIRST LAST ERROR    these have not been stored
  failed LANE FIRST LAST ERROR     nothing is known of these
  reported NAME N VERSION          the cloud has N as this property (VERSION is not null), or it is on disk
  watched N                        the desired property 'n', as it is known now
  taken N ID REDELIVERED           and, once Settle was answered: settled N ID
  paused                           answers "pause" on standard input: no call is under way any more; "resume" ends it
"""

import collections
import json
import os
import selectors
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "daemon"))
from wire import Wire  # noqa: E402

TELEMETRY, TWIN = "io.aziotd.telemetry.", "io.aziotd.twin."
PRIORITIES = ("normal", "high")

# How often producers look whether it is time to send.
TICK_S = 0.005

# So much later it is tried again to connect.
RETRY_S = 0.01

# A program that reports does so again after this.
REPORT_S = 0.02

TIMEOUT_S = 20


class Producer(collections.namedtuple("Producer", "stage batch size per_s depth user")):
    """A connection over which calls are pipelined: so many messages a call, bytes a message, calls a second and calls
    under way; as the first user, or the second, if there is one."""


PRODUCERS = (
    Producer("accepted", 1, 20, 150, 40, 0),
    Producer("accepted", 16, 400, 8, 4, 1),
    Producer("accepted", 1, 30000, 15, 8, 0),
    Producer("durable", 1, 100, 40, 16, 1),
    Producer("durable", 4, 3000, 5, 2, 0),
    Producer("delivered", 1, 100, 60, 40, 1),
    Producer("delivered", 1, 2000, 20, 10, 0),
)

# The programs that report, by their user.
REPORTERS = (0, 1)

# Properties that a program reports, in turn.
REPORTED = 200

# Of each producer one call in so many is of priority high.
HIGH_EVERY = 4

# Only root can be several users; the configuration lets the other one in.
OTHER_USER = 65533
USERS = (os.geteuid(), OTHER_USER if os.geteuid() == 0 else os.geteuid())

# A message names its lane, the order in which it was sent over it, and its batch.
Lane = collections.namedtuple("Lane", "producer priority")
LANES = tuple(Lane(producer, priority) for producer in PRODUCERS for priority in PRIORITIES)


class Notes:
    def __init__(self, path):
        self.fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.lines = []

    def add(self, *fields):
        self.lines.append(" ".join(map(str, fields)) + "\n")

    def flush(self):
        if self.lines:
            os.write(self.fd, "".join(self.lines).encode())
            self.lines = []


class Client:
    """One connection after the other."""

    def __init__(self, programs, user):
        self.programs, self.uid = programs, USERS[user]
        self.socket = None
        self.out = self.buffer = b""
        self.retry_at = 0

    def connect(self, now):
        """Returns False while nobody can be reached."""
        if self.socket:
            return True
        if now < self.retry_at:
            return False
        new = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            # The kernel tells the daemon who we are at this moment.
            with as_user(self.uid):
                new.connect(self.programs.socket_path)
        except OSError:
            new.close()
            self.retry_at = now + RETRY_S
            return False
        self.socket = new
        self.out = self.buffer = b""
        self.programs.selector.register(new, selectors.EVENT_READ, self)
        self.begin()
        return True

    def begin(self):
        """A new connection."""

    def lose(self):
        self.programs.selector.unregister(self.socket)
        self.socket.close()
        self.socket = None

    def call(self, method, parameters, **flags):
        call = {"method": method, "parameters": parameters, **flags}
        self.out += json.dumps(call, separators=(",", ":")).encode() + b"\0"

    def write(self):
        try:
            while self.out:
                self.out = self.out[self.socket.send(self.out):]
        except BlockingIOError:
            pass
        except OSError:
            self.lose()

    def read(self):
        try:
            data = self.socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.lose()
            return
        *replies, self.buffer = (self.buffer + data).split(b"\0")
        for reply in replies:
            self.answered(json.loads(reply))


class as_user:
    def __init__(self, uid):
        self.uid, self.own = uid, os.geteuid()

    def __enter__(self):
        if self.uid != self.own:
            os.seteuid(self.uid)

    def __exit__(self, *_):
        if self.uid != self.own:
            os.seteuid(self.own)


class Sender(Client):
    def __init__(self, programs, i):
        self.producer = PRODUCERS[i]
        super().__init__(programs, self.producer.user)
        self.lanes = [LANES.index(Lane(self.producer, priority)) for priority in PRIORITIES]
        self.next = [0] * len(LANES)
        self.n_calls = 0
        self.waiting = collections.deque()
        self.due = 0

    def begin(self):
        self.waiting.clear()

    def tick(self, now):
        if not self.connect(now):
            return
        if not self.programs.is_paused:
            # After a wait it goes on at its pace.
            self.due = max(self.due, now - 0.1)
            while self.due <= now and len(self.waiting) < self.producer.depth:
                self.due += 1 / self.producer.per_s
                self.send()
        self.write()

    def send(self):
        self.n_calls += 1
        lane = self.lanes[self.n_calls % HIGH_EVERY == 0]
        first = self.next[lane]
        last = first + self.producer.batch - 1
        self.next[lane] = last + 1
        messages = [{"body": {"lane": lane, "n": n, "batch": [first, last], "x": "x" * self.producer.size}}
                    for n in range(first, last + 1)]
        if lane % 3 == 0:  # some have names of their own
            for message in messages:
                message["messageId"] = f"{lane}.{message['body']['n']}"
        parameters = {"stage": self.producer.stage, "priority": LANES[lane].priority}
        if self.producer.batch > 1:
            self.call(TELEMETRY + "SendBatch", {"messages": messages, **parameters})
        else:
            self.call(TELEMETRY + "Send", {"message": messages[0], **parameters})
        self.waiting.append((lane, first, last))

    def answered(self, reply):
        lane, first, last = self.waiting.popleft()
        error = reply.get("error", "").rpartition(".")[2]
        if not error:
            self.programs.notes.add("accepted", lane, first, last)
        elif error == "OutboxFull":
            self.programs.notes.add("refused", lane, first, last, error)
        else:
            self.programs.notes.add("failed", lane, first, last, error)

    def is_idle(self):
        return not self.waiting


class Reporter(Client):
    def __init__(self, programs, i):
        super().__init__(programs, REPORTERS[i])
        self.i = i
        self.n = 0
        self.name = ""
        self.is_waiting = False
        self.due = 0

    def begin(self):
        self.is_waiting = False

    def tick(self, now):
        if not self.connect(now):
            return
        if not self.is_waiting and not self.programs.is_paused and now >= self.due:
            self.n += 1
            self.name = f"r{self.i}-{self.n % REPORTED}"
            self.call(TWIN + "Report", {"patch": {self.name: self.n}})
            self.is_waiting = True
        self.write()

    def answered(self, reply):
        self.is_waiting = False
        self.due = time.monotonic() + REPORT_S
        if "error" in reply:
            self.programs.notes.add("failed", self.name, self.n, self.n, reply["error"])
        else:
            version = reply.get("parameters", {}).get("version")
            self.programs.notes.add("reported", self.name, self.n, "null" if version is None else version)

    def is_idle(self):
        return not self.is_waiting


class Watcher(Client):
    def begin(self):
        self.call(TWIN + "Watch", {}, more=True)

    def tick(self, now):
        if self.connect(now):
            self.write()

    def answered(self, reply):
        desired = reply.get("parameters", {}).get("desired", {})
        if "n" in desired:
            self.programs.notes.add("watched", desired["n"])

    def is_idle(self):
        return True


class Programs:
    def __init__(self, socket_path, notes_path):
        self.socket_path = socket_path
        self.notes = Notes(notes_path)
        self.selector = selectors.DefaultSelector()
        self.is_paused = False
        self.has_told = False
        self.clients = [Sender(self, i) for i in range(len(PRODUCERS))]
        self.clients += [Reporter(self, i) for i in range(len(REPORTERS))]
        self.clients.append(Watcher(self, 0))

    def run(self):
        os.set_blocking(0, False)
        self.selector.register(0, selectors.EVENT_READ, None)
        while True:
            for key, _ in self.selector.select(TICK_S):
                if key.data:
                    key.data.read()
                elif not self.obey(os.read(0, 4096).decode()):
                    return
            now = time.monotonic()
            for client in self.clients:
                client.tick(now)
            if self.is_paused and not self.has_told and all(client.is_idle() for client in self.clients):
                self.notes.add("paused")
                self.has_told = True
            self.notes.flush()

    def obey(self, text):
        """The last order counts; False: it is over."""
        for word in text.split():
            self.is_paused = word == "pause"
            self.has_told = False
        return bool(text)


def take_for_ever(socket_path, notes_path):
    """Notes what it does before and after, so that the notes are right whenever it is killed."""
    notes = Notes(notes_path)
    while True:
        try:
            with Wire(socket_path, TIMEOUT_S) as wire:
                while True:
                    message = wire.call("io.aziotd.messages.Take")["message"]
                    if message:
                        notes.add("taken", message["body"]["n"], message["id"], int(message["redelivered"]))
                        notes.flush()
                        wire.call("io.aziotd.messages.Settle", {"id": message["id"]})
                        notes.add("settled", message["body"]["n"], message["id"])
                        notes.flush()
        except OSError:
            time.sleep(RETRY_S)


if __name__ == "__main__":
    if sys.argv[1] == "taker":
        take_for_ever(*sys.argv[2:])
    else:
        Programs(*sys.argv[2:]).run()
