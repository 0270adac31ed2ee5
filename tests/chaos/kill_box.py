# SPDX-License-Identifier: MIT
"""Aims at a process and tells what it was doing when it was killed: the other side of kill-shim.c."""

import mmap
import os
import struct

import harness

# In the order of the enums of kill-shim.c.
CALLS = ("", "write", "sync", "rename", "unlink")
FILES = ("", "messages", "spare segment", "cursor", "inbox", "ids", "state file", "directory", "journal", "sessions")
MOMENTS = ("before", "half-way", "after")

_AIM = struct.Struct("=iIII")
_LANDED = struct.Struct("=IIIIq")


class Box:
    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(_AIM.size + _LANDED.size))
        with path.open("r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)

    def environment(self, sabotage=None):
        # The sanitizer wants to be the first library, and need not be: the shim is compiled without it.
        options = os.environ.get("ASAN_OPTIONS", "")
        return {"LD_PRELOAD": str(harness.BUILD / "libkill-shim.so"), "AZIOT_TEST_KILL": str(self.path),
                "ASAN_OPTIONS": f"{options}:verify_asan_link_order=0".lstrip(":"),
                **({"AZIOT_TEST_SABOTAGE": sabotage} if sabotage else {})}

    def clear(self):
        self.map[:] = bytes(len(self.map))

    def disarm(self):
        struct.pack_into("=i", self.map, 0, 0)

    def aim(self, call, file, moment, count):
        """Kills at the count'th such call from now on; "" is any."""
        _AIM.pack_into(self.map, 0, 0, CALLS.index(call), FILES.index(file), MOMENTS.index(moment))
        struct.pack_into("=i", self.map, 0, count)

    def hit(self):
        """(what the process was killed at, when), or None if nothing that was aimed has landed."""
        _, _, code, _, at = _LANDED.unpack_from(self.map, _AIM.size)
        if not code:
            return None
        return f"{MOMENTS[code >> 16]}: {CALLS[code >> 8 & 255]} {FILES[code & 255]}", at / 1e6

    def inside(self):
        """In which file calls it was, by chance."""
        return [f"in: {CALLS[code >> 8]} {FILES[code & 255]}"
                for code in _LANDED.unpack_from(self.map, _AIM.size)[:2] if code]
