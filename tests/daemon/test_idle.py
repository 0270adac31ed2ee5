#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Connected and idle: at most three voluntary context switches for each PINGREQ, with the watchdog on.

The short version is part of every test run. The one of record: KEEP_ALIVE_S=60 IDLE_S=180 test_idle.py
"""

import os
import time
from pathlib import Path

import harness
from harness import tap

KEEP_ALIVE_S = int(os.environ.get("KEEP_ALIVE_S", 5))
IDLE_S = int(os.environ.get("IDLE_S", 20))
SWITCHES_PER_PING = 3


class Idle(harness.DaemonCase):
    config = {"Hub": {"KeepAliveSec": KEEP_ALIVE_S}, "Outbox": {"DrainPerSec": 100, "ReportDrops": "yes"}}
    starts_daemon = False

    def voluntary_switches(self):
        total = 0
        for status in Path(f"/proc/{self.daemon.program.pid}/task").glob("*/status"):
            for line in status.read_text().splitlines():
                if line.startswith("voluntary_ctxt_switches:"):
                    total += int(line.split()[1])
        return total

    def test_an_idle_link_wakes_up_for_keep_alives_alone(self):
        # As the unit has it: twice within WatchdogSec=, and that is three keep-alives long.
        self.daemon.start(env={"WATCHDOG_USEC": str(3 * KEEP_ALIVE_S * 1_000_000)})
        self.daemon.wait_online()
        self.daemon.send(text="x")
        self.daemon.wait_for_empty_outbox()
        time.sleep(2)  # what follows a message, such as its cursor, is no idling
        before = self.voluntary_switches()
        time.sleep(IDLE_S)
        switches = self.voluntary_switches() - before
        pings = IDLE_S // KEEP_ALIVE_S
        print(f"# {switches} voluntary context switches in {IDLE_S} s with about {pings} PINGREQs")
        self.assertEqual(self.daemon.status()["link"]["state"], "online")
        self.assertLessEqual(switches, SWITCHES_PER_PING * pings)
        self.assertGreater(switches, 0)


if __name__ == "__main__":
    tap.main()
