#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Serves the direct method "blink", whose payload says how often, as in {"times": 3}: serve.py"""

import sys
import time

from aziot import Aziot, AziotError


def blink(payload):
    """Does what is asked, and returns the status and the payload of the answer."""
    times = payload.get("times") if isinstance(payload, dict) else None
    if type(times) is not int or not 1 <= times <= 10:
        return 400, {"error": "times: 1 to 10"}
    print(f"blink {times}", flush=True)
    return 200, {"blinked": times}


def serve(aziot):
    """Waits for a call and answers it. The daemon gives it to nobody else meanwhile."""
    call = aziot.call("io.aziotd.methods.Take", names=["blink"])["call"]
    if call is None:  # none came within 30 s
        return
    status, payload = blink(call.get("payload"))
    try:
        aziot.call("io.aziotd.methods.Settle", id=call["id"], status=status, payload=payload)
    except AziotError as error:  # CallGone: the answer came too late, and the next call may do better
        print(f"serve: {error}", file=sys.stderr)


def main():
    aziot = Aziot()
    while True:
        try:
            serve(aziot)
        except OSError as error:  # the daemon is being restarted: the cloud was told 503
            print(f"serve: {error}, trying again", file=sys.stderr)
            time.sleep(1)


if __name__ == "__main__":
    try:
        main()
    except AziotError as error:  # NameClaimed: somebody else serves it; PermissionDenied
        sys.exit(f"serve: {error}")
