#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Sends each number on standard input as a message of the sensor SENSOR: send.py SENSOR

    while sleep 60; do cat /sys/class/thermal/thermal_zone0/temp; done | ./send.py processor

Whether the device is online does not matter: what the daemon has accepted is on disk.
"""

import sys
import time
import uuid

from aziot import Aziot, AziotError


def send(aziot, message):
    """Sends a message, again and again until the daemon has accepted it, and returns its number."""
    # If the connection breaks before the reply, nobody knows whether the message was accepted. It is sent again by
    # the same name, so that whoever receives it can tell.
    message["messageId"] = str(uuid.uuid4())
    while True:
        try:
            return aziot.call("io.aziotd.telemetry.Send", message=message)["sequence"]
        except AziotError as error:
            if "retryAfterMs" not in error.parameters:
                raise
            # OutboxFull, RateExceeded: there is no room now
            time.sleep(error.parameters["retryAfterMs"] / 1000)
        except OSError as error:  # the daemon is being restarted, or is not there
            print(f"send: {error}, trying again", file=sys.stderr)
            time.sleep(1)


def main(sensor):
    aziot = Aziot()
    for line in sys.stdin:
        sequence = send(aziot, {"body": {"value": float(line)}, "properties": {"sensor": sensor}})
        print(f"{sequence} {line.strip()}", flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except AziotError as error:
        sys.exit(f"send: {error}")
