# SPDX-License-Identifier: MIT
"""How much a busy machine holds up a world: what the judge of tests/chaos/kill has to allow for."""

import bisect
import contextlib
import os
import threading
import time
from pathlib import Path

PERIOD_S = 0.05

# A sync is load itself, so only every n-th look makes one.
SYNC_EVERY = 10


def run_delays(pid):
    """For how long each thread of a process has waited for a processor, in seconds."""
    found = {}
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            # Linux "Scheduler Statistics": "2) time spent waiting on a runqueue (in nanoseconds)".
            found[pid, task.name] = int((task / "schedstat").read_text().split()[1]) / 1e9
    return found


class Lateness(threading.Thread):
    """Looks all along at three things that could hold up the writing of a cursor, and adds them up: a sleep that took too
    long, of each process the thread that waited longest for a processor, and a sync on the same disk."""

    def __init__(self, directory, get_pids):
        super().__init__(daemon=True)
        self.get_pids = get_pids
        self.file = os.open(directory / "synced", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.delays = {}  # of each thread, when last looked at
        self.times, self.sums_s = [time.time()], [0.0]
        self.looked = threading.Condition()
        self.is_over = False

    def run(self):
        n = 0
        while not self.is_over:
            n += 1
            self.note(self.sleep() + self.delay() + (self.sync() if n % SYNC_EVERY == 0 else 0))
        os.close(self.file)

    def end(self):
        self.is_over = True
        self.join()

    @staticmethod
    def sleep():
        began = time.monotonic()
        time.sleep(PERIOD_S)
        return time.monotonic() - began - PERIOD_S

    def delay(self):
        before, self.delays, sum_s = self.delays, {}, 0
        for pid in self.get_pids():
            found = run_delays(pid)
            sum_s += max((s - before.get(task, 0) for task, s in found.items()), default=0)
            self.delays |= found
        return sum_s

    def sync(self):
        began = time.monotonic()
        os.pwrite(self.file, os.urandom(512), 0)
        os.fdatasync(self.file)
        return time.monotonic() - began

    def note(self, late_s):
        with self.looked:
            self.times.append(time.time())
            self.sums_s.append(self.sums_s[-1] + late_s)
            self.looked.notify_all()

    def between(self, since, until):
        """How much there was from then to then (wall time), in seconds."""
        with self.looked:
            self.looked.wait_for(lambda: self.times[-1] >= until or self.is_over)
            first = max(bisect.bisect_right(self.times, since) - 1, 0)
            last = min(bisect.bisect_left(self.times, until), len(self.times) - 1)
            return self.sums_s[last] - self.sums_s[first]
