# SPDX-License-Identifier: MIT
"""The daemon without sanitizers: its memory is that of the program that is shipped."""

import fcntl
import json
import subprocess
from pathlib import Path

import harness

SOURCE = Path(__file__).resolve().parents[2]


def run(*argv):
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(f"{argv}: exit code {done.returncode}\n{done.stdout}")


def build():
    """The directory with it. A build with sanitizers has another one inside, which is compiled when it is needed."""
    options = json.loads((harness.BUILD / "meson-info" / "intro-buildoptions.json").read_text())
    if any(o["name"] == "b_sanitize" and o["value"] == "none" for o in options):
        return harness.BUILD
    plain = harness.BUILD / "plain"
    # Tests that run beside each other come here at the same time.
    with (harness.BUILD / "plain.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (plain / "build.ninja").exists():
            run("meson", "setup", plain, SOURCE, "--buildtype=debugoptimized", "-Dtests=disabled")
        run("ninja", "-C", plain, "aziotd")
    return plain


def private_kib(pid):
    """The memory that is the process's alone; what it maps of files it shares with everybody."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Private_Dirty:"):
            return int(line.split()[1])
    raise AssertionError("no Private_Dirty: in smaps_rollup")
