# SPDX-License-Identifier: MIT
"""What had been told to whom, read from a log of power-recorder.c: the notes of power-check.h.

A reply is told with the entry that holds its last byte. Which call it answers is known by its place: replies come in
the order of the calls of a connection.
"""

import json
import re
import struct
import urllib.parse

LANES = ("normal", "high")  # in the order of Priority
HEADER = struct.Struct("=IHHIIQQQQ")
TYPES = ("start", "open", "write", "truncate", "allocate", "syncing", "synced", "mkdir", "rename", "unlink", "reply",
         "sent", "received", "closed", "cut")
START, REPLY, SENT, RECEIVED, CLOSED, CUT = (TYPES.index(t) for t in ("start", "reply", "sent", "received", "closed",
                                                                      "cut"))


def entries(path):
    """(index, type, name, data, a) of each entry."""
    log = path.read_bytes()
    offset = index = 0
    while offset + HEADER.size <= len(log):
        n, kind, n_name, n_data, _, _, _, a, _ = HEADER.unpack_from(log, offset)
        at = offset + HEADER.size
        yield index, kind, log[at:at + n_name - 1].decode(), log[at + n_name:at + n_name + n_data], a
        offset += n
        index += 1


def cut_entry(seed):
    """What says that the power fails."""
    return HEADER.pack(HEADER.size, CUT, 0, 0, 0, 0, 0, seed, 0)


def packets(stream):
    """Takes whole MQTT packets from the front of a bytearray: (first byte, rest)."""
    while len(stream) >= 2:
        size, shift, at = 0, 0, 1
        while at < len(stream):
            size |= (stream[at] & 127) << shift
            shift += 7
            at += 1
            if not stream[at - 1] & 128:
                break
        else:
            return
        if len(stream) < at + size:
            return
        packet = stream[0], bytes(stream[at:at + size])
        del stream[:at + size]
        yield packet


def publish(first, rest):
    """(topic, packet id or None, payload)"""
    n = int.from_bytes(rest[:2], "big")
    topic, at = urllib.parse.unquote(rest[2:2 + n].decode()), 2 + n
    if not first & 6:
        return topic, None, rest[at:]
    return topic, int.from_bytes(rest[at:at + 2], "big"), rest[at + 2:]


class Moments(dict):
    """When something happened first."""

    def note(self, key, index):
        self.setdefault(key, index)


class Notes:
    """'calls': of each connection by name the calls in their order, each a tuple; see _reply()."""

    def __init__(self, log_path, calls):
        self.calls = calls
        self.messages = {}  # n: (lane, sequence)
        self.accepted, self.durable, self.acked = Moments(), Moments(), Moments()
        self.received, self.c2d_acked, self.given = Moments(), Moments(), Moments()
        self.settling, self.settled = Moments(), Moments()
        self.reported, self.sent = [], []  # (key, value, index), [key, value, index, index or None]
        self.errors = {}
        self.n_replies = 0
        self._links, self._said, self._n_said, self._taken = {}, {}, {}, {}
        for index, kind, name, data, a in entries(log_path):
            if kind == REPLY:
                self._reply_bytes(index, name, data)
            elif kind in (SENT, RECEIVED):
                self._link_bytes(index, kind, a, data)
            elif kind == CLOSED:
                self._links.pop(a, None)
            elif kind in (START, CUT):
                self._links.clear()

    def _reply_bytes(self, index, name, data):
        *whole, rest = (self._said.get(name, b"") + data).split(b"\0")
        self._said[name] = rest
        for text in whole:
            n = self._n_said.get(name, 0)
            self._n_said[name] = n + 1
            self.n_replies += 1
            self._reply(index, name, self.calls[name][n], json.loads(text))

    def _reply(self, index, name, call, reply):
        told = reply.get("parameters", {})
        if "error" in reply:
            word = reply["error"].rpartition(".")[2]
            self.errors[word] = self.errors.get(word, 0) + 1
        elif call[0] == "send":
            _, priority, stage, numbers = call
            first = told["sequence"] if "sequence" in told else told["firstSequence"]
            for i, n in enumerate(numbers):
                self.messages[n] = LANES.index(priority), int(first) + i
                self.accepted.note(n, index)
                if stage == "durable":
                    self.durable.note(n, index)
        elif call[0] == "take":
            if told["message"]:
                n = int(told["message"]["messageId"][1:])
                self.given.note(n, index)
                self._taken[name, n] = index
        elif call[0] == "settle":
            self.settled.note(call[1], index)
        elif call[0] == "report":
            self.reported += [(key, value, index) for key, value in call[1].items()]

    def _link_bytes(self, index, kind, link, data):
        streams, ids = self._links.setdefault(link, ({SENT: bytearray(), RECEIVED: bytearray()}, {}))
        streams[kind] += data
        for first, rest in packets(streams[kind]):
            if first >> 4 == 3:
                self._published(index, kind, ids, *publish(first, rest))
            elif first >> 4 == 4:
                n = ids.get((SENT + RECEIVED - kind, int.from_bytes(rest[:2], "big")))
                if n is not None:
                    (self.acked if kind == RECEIVED else self.c2d_acked).note(n, index)

    def _published(self, index, kind, ids, topic, packet_id, payload):
        named = re.search(r"[?&/]\$\.mid=[nc](\d+)", topic)
        if packet_id is not None:
            ids[kind, packet_id] = int(named[1]) if named else None
        if named and kind == RECEIVED:
            self.received.note(int(named[1]), index)
        elif kind == SENT and topic.startswith("$iothub/twin/PATCH/"):
            rid = topic.partition("$rid=")[2]
            told = [[key, value, index, None] for key, value in json.loads(payload).items()]
            ids[rid] = told
            self.sent += told
        elif kind == RECEIVED and topic.startswith("$iothub/twin/res/2"):
            for one in ids.get(topic.partition("$rid=")[2].partition("&")[0], []):
                one[3] = index

    def write(self, path, interval_s=None):
        def moment(index):
            return "-" if index is None else index

        # What a connection called after a message was given on it may have had its effect from then on.
        for name, calls in self.calls.items():
            for call in calls:
                if call[0] == "settle" and (name, call[1]) in self._taken:
                    self.settling.note(call[1], self._taken[name, call[1]])
        lines = [f"interval {interval_s}"] if interval_s else []
        lines += [f"message {lane} {n} {sequence} {self.accepted[n]} {moment(self.durable.get(n))} "
                  f"{moment(self.acked.get(n))}" for n, (lane, sequence) in self.messages.items()]
        lines += [f"c2d {n} {index} {moment(self.c2d_acked.get(n))} {moment(self.given.get(n))} "
                  f"{moment(self.settling.get(n))} {moment(self.settled.get(n))}"
                  for n, index in self.received.items()]
        lines += [f"reported {key[1:]} {value} {index}" for key, value, index in self.reported]
        lines += [f"sent {key[1:]} {value} {index} {moment(accepted)}" for key, value, index, accepted in self.sent]
        path.write_text("\n".join(lines) + "\n")
