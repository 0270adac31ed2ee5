#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Checks the hub's log on standard input: check-arrivals.py N

The messages {"n":0} to {"n":N-1} must all be there, in order; what came again must have been in flight when the
link was lost (the last ones before it, at most the send window) and must carry the same message id ($.mid).
"""

import json
import sys

SEND_WINDOW = 64


def main():
    expected = int(sys.argv[1])
    ids, repeated, newest = {}, [], -1
    for line in sys.stdin:
        message = json.loads(line)
        n, message_id = message.get("body", {}).get("n"), message["system"]["message-id"]
        if n is None:
            continue
        if n not in ids:
            if n != newest + 1:
                sys.exit(f"message {n} arrived behind {newest}: out of order, or one is missing")
            ids[n] = message_id
            newest = n
        else:
            if message_id != ids[n]:
                sys.exit(f"message {n} came again under another $.mid")
            if n <= newest - SEND_WINDOW:
                sys.exit(f"message {n} came again and had not been in flight")
            repeated.append(n)
    if len(ids) != expected:
        sys.exit(f"{len(ids)} of {expected} messages arrived")
    print(f"All {expected} messages arrived, in order")
    if repeated:
        print(f"{len(repeated)} of them came twice ({min(repeated)} to {max(repeated)}, which were in flight when the "
              "link was cut), each with the same $.mid")


if __name__ == "__main__":
    main()
