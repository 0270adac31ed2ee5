# SPDX-License-Identifier: MIT
"""Tells a process which of its calls fails, and what came of it: the other side of fault-shim.c."""

import mmap
import os
import struct
import subprocess
from functools import lru_cache

import harness

# In the order of the enum of fault-shim.c.
KINDS = ("memory", "library", "file", "descriptor")

_ORDER = struct.Struct("=IIiI")
_FOUND = struct.Struct("=4IIIQ32Q32s")


@lru_cache(maxsize=None)
def function_at(program, offset):
    """The innermost function of the program at an offset, and its line."""
    done = subprocess.run(["addr2line", "-f", "-s", "-e", program, hex(offset)], capture_output=True, text=True,
                          check=False)
    name, _, line = done.stdout.strip().partition("\n")
    return name, line.partition(" ")[0]


class Box:
    def __init__(self, path, program):
        self.path, self.program, self.last = path, program, None
        path.write_bytes(bytes(_ORDER.size + _FOUND.size))
        with path.open("r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)

    def environment(self, sabotage=None):
        # The sanitizer wants to be the first library, and need not be: the shim is compiled without it.
        options = [os.environ.get("ASAN_OPTIONS", ""), "verify_asan_link_order=0"]
        return {"LD_PRELOAD": str(harness.BUILD / "libfault-shim.so"), "AZIOT_TEST_FAULTS": str(self.path),
                "ASAN_OPTIONS": ":".join(filter(None, options)),
                **({"AZIOT_TEST_SABOTAGE": sabotage} if sabotage else {})}

    def arm(self, kind, n, error=0, stays=False):
        """Counts from now on; the n'th call of a kind fails, and those after it if it stays. 0: none."""
        struct.pack_into("=I", self.map, 4, 0)
        self.last = None
        self.map[_ORDER.size:_ORDER.size + 24] = bytes(24)
        _ORDER.pack_into(self.map, 0, KINDS.index(kind), 0, error, stays)
        struct.pack_into("=I", self.map, 4, n)

    def disarm(self):
        """Nothing fails any more. What has is remembered, also if the process starts again."""
        struct.pack_into("=I", self.map, 4, 0)
        self.last = self.last or self.found()

    def found(self):
        return self.last or _FOUND.unpack_from(self.map, _ORDER.size)

    def counts(self):
        """How many calls of each kind there were since it was armed."""
        return dict(zip(KINDS, self.found()))

    def n_hits(self):
        return self.found()[4]

    def place(self):
        """Where the first one failed: the call, and the functions of the program that led to it, innermost first."""
        *_, n_frames, base = self.found()[4:7]
        frames = self.found()[7:7 + n_frames]
        call = self.found()[-1].partition(b"\0")[0].decode()
        size = self.program.stat().st_size
        inside = [function_at(self.program, frame - base - 1) for frame in frames if base < frame < base + 4 * size]
        return call, [f for f in inside if f[0] != "??"]
