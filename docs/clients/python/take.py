#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Appends each message from the cloud to a file, as a line of JSON: take.py FILE"""

import json
import os
import sys
import time

from aziot import Aziot, AziotError


def keep(path, message):
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(message) + "\n")
        file.flush()
        os.fsync(file.fileno())


def take(aziot, path):
    """Waits for a message, deals with it, and only then tells the daemon to forget it."""
    message = aziot.call("io.aziotd.messages.Take")["message"]
    if message is None:  # none came within 30 s
        return
    keep(path, message)
    aziot.call("io.aziotd.messages.Settle", id=message["id"])


def main(path):
    aziot = Aziot()
    while True:
        try:
            take(aziot, path)
        except OSError as error:  # the daemon is being restarted, or the file cannot be written
            print(f"take: {error}, trying again", file=sys.stderr)
            aziot.close()  # gives the message back: it comes again, with "redelivered" set
            time.sleep(1)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except AziotError as error:
        sys.exit(f"take: {error}")
