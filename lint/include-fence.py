#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Who may include whom (docs/architecture.md): ninja -C build -t deps | lint/include-fence.py

Reads what the compiler really opened for each object, so an include hidden behind another header counts too.
Fails on a room that reaches a room it may not, on a system header that a room may not use, and on a source
file that the build does not compile, which nothing here could check.
"""

import re
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

# Whom a room may reach besides itself. The rooms named here are all of them, inner ones before those they lie in;
# 'tests' may reach anything.
UTIL = {"util"}
CORE = {"lib/azure/core"}
MAY_REACH = {
    "util": set(),
    "lib/azure/core": set(),
    "lib/azure/iot": CORE,
    "lib/azure/platform": CORE,
    "lib/azure": CORE | {"lib/azure/iot"},  # az_core.h and az_iot.h
    "lib/session": CORE | {"lib/azure/iot"},
    "lib/aio": CORE,
    "lib/mqtt": CORE | UTIL,
    "ipc": CORE | UTIL,
    "cli": CORE | UTIL | {"ipc"},
    "hubsim": CORE | UTIL | {"ipc"},
    "docs/examples/embedded": CORE | {"lib/azure", "lib/azure/iot", "lib/session"},
    "docs/examples/aio": CORE | {"lib/azure", "lib/azure/iot", "lib/session", "lib/aio", "lib/mqtt"},
    "docs/clients": {"ipc"},
    "docs": CORE | UTIL | {"lib/azure/iot", "lib/session"},  # what writes a document from a table
    "daemon": CORE | UTIL | {"lib/azure/iot", "lib/session", "lib/aio", "lib/mqtt", "ipc"},
}
# The runner brings together what the rest of its room does not know of.
BEYOND = {"lib/mqtt/runner": {"lib/session", "lib/azure/iot"}}
TEST_ROOMS = ("tests", "bench")

# What the rooms without allocation and I/O may name in an #include <>: nothing that allocates, reads a clock,
# or opens anything. The compiler's list is no use here, because libc's headers include each other.
FREESTANDING = re.compile(r"(stdarg|stdbool|stddef|stdint|limits|float|string|math)\.h")
# What is a library of its own may name the one that it is there for.
LIBRARIES = {"lib/aio/cbor.c": "cbor.h"}
FREESTANDING_ROOMS = ("lib/azure/core", "lib/azure/iot", "lib/session", "lib/aio")

Object = namedtuple("Object", "source reached")


def room_of(path):
    """The room a file of ours lies in, or None."""
    for room in (*MAY_REACH, *TEST_ROOMS):
        if path.startswith(room + "/"):
            return room
    return None


def read_objects(lines):
    """Parses 'ninja -t deps': an object's line, its files indented below, the first of them its source.

    What is marked STALE is left over from an earlier form of the build.
    """
    objects, files, valid = [], [], False
    for line in [*lines, "end:"]:
        if line.startswith(" "):
            files.append(line.strip())
        elif line.strip():
            ours = [f.removeprefix("../") for f in files if f.startswith("../")]
            if ours and valid:
                objects.append(Object(ours[0], ours[1:]))
            files, valid = [], line.endswith("(VALID)")
    return objects


def check_object(source, reached):
    """Yields what a source reaches and may not."""
    room = room_of(source)
    if room is None:
        yield f"{source}: lies in no room that lint/include-fence.py knows"
    if room is None or room in TEST_ROOMS:
        return
    allowed = {room} | MAY_REACH[room]
    for prefix, rooms in BEYOND.items():
        if source.startswith(prefix):
            allowed |= rooms
    for header in reached:
        if room_of(header) not in allowed:
            yield f"{source}: {room} may not include {header}"


def check_system_headers(path):
    for number, line in enumerate(Path(path).read_text().splitlines(), 1):
        match = re.match(r"\s*#\s*include\s*<(?!azure/|session/|aio/)(.+)>", line)
        if match and not FREESTANDING.fullmatch(match[1]) and match[1] != LIBRARIES.get(path):
            yield f"{path}:{number}: <{match[1]}> is not for a library without allocation and I/O"


def main():
    tracked = subprocess.run(["git", "ls-files", "*.c", "*.h"], capture_output=True, text=True, check=True)
    tracked = tracked.stdout.split()
    objects = [o for o in read_objects(sys.stdin.read().splitlines()) if o.source in tracked]
    seen = {f for o in objects for f in (o.source, *o.reached)}

    complaints = {c for o in objects for c in check_object(o.source, o.reached)}
    complaints |= {c for f in tracked if room_of(f) in FREESTANDING_ROOMS for c in check_system_headers(f)}
    complaints |= {f"{f}: not part of the build" for f in tracked if f not in seen}

    for complaint in sorted(complaints):
        print(complaint)
    print(f"{len(objects)} objects, {len(complaints)} complaints")
    return 1 if complaints or not objects else 0


if __name__ == "__main__":
    sys.exit(main())
