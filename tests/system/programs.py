#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Local programs that cannot wait: they run in the container until standard input ends, then tell what they saw.

    programs.py SOCKET

Of each message that they send they note whether it was answered. They never wait before they connect again, so that a
moment in which nobody listens is seen. What they print at the end is one JSON object.
"""

import contextlib
import errno
import json
import socket
import sys
import threading
import time

# Longer than the daemon is ever gone, its restart after a crash included.
TIMEOUT_S = 60

STAGES = "accepted", "durable", "delivered"
PRIORITIES = "normal", "high"

# The calls of one connection before a program makes a new one, as a shell script does.
CALLS = 20


class Wire:
    """A connection, made in one attempt."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(TIMEOUT_S)
        self.buffer = b""
        self.n_answers = 0
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise

    def call(self, method, parameters):
        self.socket.sendall(json.dumps({"method": method, "parameters": parameters}).encode() + b"\0")
        while b"\0" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionResetError(errno.ECONNRESET, "closed by the daemon")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        self.n_answers += 1
        reply = json.loads(message)
        if reply.get("error") == "io.aziotd.methods.CallGone":
            return {}  # the link went before the daemon did
        if "error" in reply:
            raise RuntimeError(f"{method}: {reply}")
        return reply["parameters"]

    def close(self):
        self.socket.close()


class Programs:
    def __init__(self, path):
        self.path = path
        self.is_over = threading.Event()
        self.lock = threading.Lock()
        self.seen = {"refused": {}, "errors": [], "connections": 0, "closed": 0, "closedUnheard": 0, "answered": {}, "sent": {},
                     "messages": [], "calls": 0, "longestWaitMs": 0, "longestConnectMs": 0}
        self.threads = [threading.Thread(target=self.keep_going, args=(self.send, stage, priority))
                        for stage in STAGES for priority in PRIORITIES]
        self.threads += [threading.Thread(target=self.keep_going, args=(work,))
                         for work in (self.take_messages, self.take_calls)]

    def note(self, key, value):
        """Keeps the highest."""
        with self.lock:
            self.seen[key] = max(self.seen[key], value)

    def connect(self):
        begin = time.monotonic()
        wire = Wire(self.path)
        with self.lock:
            self.seen["connections"] += 1
        self.note("longestConnectMs", round(1000 * (time.monotonic() - begin)))
        return wire

    def keep_going(self, work, *arguments):
        """Does it on one connection after the other. Only that an old one is closed is in order."""
        while not self.is_over.is_set():
            try:
                wire = self.connect()
            except OSError as error:
                name = errno.errorcode.get(error.errno, str(error))
                with self.lock:
                    self.seen["refused"][name] = self.seen["refused"].get(name, 0) + 1
                continue
            try:
                work(wire, *arguments)
            except (ConnectionResetError, BrokenPipeError):
                with self.lock:
                    self.seen["closed"] += 1
                    self.seen["closedUnheard"] += wire.n_answers == 0
            except (OSError, RuntimeError) as error:
                with self.lock:
                    self.seen["errors"].append(f"{work.__name__} {arguments}: {error}")
            finally:
                wire.close()

    def send(self, wire, stage, priority):
        name = f"{stage}/{priority}"
        for _ in range(CALLS):
            with self.lock:
                n = self.seen["sent"][name] = self.seen["sent"].get(name, 0) + 1
            begin = time.monotonic()
            wire.call("io.aziotd.telemetry.Send", {"message": {"body": {"program": name, "n": n}}, "stage": stage,
                                                   "priority": priority})
            self.note("longestWaitMs", round(1000 * (time.monotonic() - begin)))
            with self.lock:
                self.seen["answered"].setdefault(name, []).append(n)
            if self.is_over.wait(0.002):
                return

    def take_messages(self, wire):
        for _ in range(CALLS):
            message = wire.call("io.aziotd.messages.Take", {"timeoutSeconds": 1})["message"]
            if message:
                with self.lock:
                    self.seen["messages"].append(message["text"])
                wire.call("io.aziotd.messages.Settle", {"id": message["id"]})
            if self.is_over.is_set():
                return

    def take_calls(self, wire):
        for _ in range(CALLS):
            call = wire.call("io.aziotd.methods.Take", {"names": ["add"], "timeoutSeconds": 1})["call"]
            if call:
                wire.call("io.aziotd.methods.Settle", {"id": call["id"], "status": 200})
                with self.lock:
                    self.seen["calls"] += 1
            if self.is_over.is_set():
                return

    def run(self):
        for thread in self.threads:
            thread.start()
        print("running", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            sys.stdin.read()
        self.is_over.set()
        for thread in self.threads:
            thread.join()
        print(json.dumps(self.seen))


if __name__ == "__main__":
    Programs(sys.argv[1]).run()
