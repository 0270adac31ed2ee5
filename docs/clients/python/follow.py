#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Follows the desired property "rate" of the twin, and reports what holds: follow.py"""

import sys
import time

from aziot import Aziot, AziotError


def set_rate(rate):
    """Here the rate would be taken up; None: the cloud wants none."""
    print(f"rate {rate}", flush=True)


def follow(watcher, reporter):
    # The first reply has all that is desired, also what the cloud has changed while this program was not running.
    for update in watcher.watch("io.aziotd.twin.Watch"):
        desired = update["desired"]
        if "rate" not in desired and not update["complete"]:
            continue  # something else has changed
        rate = desired.get("rate")
        set_rate(rate)
        try:
            reporter.call("io.aziotd.twin.Report", patch={"rate": rate})
        except AziotError as error:  # say, a value that no twin may have: the next one may be better
            print(f"follow: {error}", file=sys.stderr)


def main():
    # Nothing behind a call that watches is read, so reports have a connection of their own.
    watcher, reporter = Aziot(), Aziot()
    while True:
        try:
            follow(watcher, reporter)
        except OSError as error:  # the daemon is being restarted
            print(f"follow: {error}, trying again", file=sys.stderr)
            watcher.close()
            time.sleep(1)


if __name__ == "__main__":
    try:
        main()
    except AziotError as error:
        sys.exit(f"follow: {error}")
