# SPDX-License-Identifier: MIT
"""Azure's own device SDK for Python from PyPI; without it, the test that imports this is skipped.

SCRATCH is a directory to which it is downloaded once.
"""

import os
import random
import socket
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "hubsim"), str(HERE.parent)]
import pypi  # noqa: E402

failure = pypi.fetch(Path(os.environ["SCRATCH"]), HERE / "requirements.txt")
if failure:
    print(f"1..0 # SKIP azure-iot-device from PyPI: {failure}")
    sys.exit()

TIMEOUT_S = 30


def find_address(port=8883):
    """An address of this machine's own on which the port is free: the SDK knows no other, but 443 for WebSocket."""
    while True:
        address = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
        with socket.socket() as s:
            try:
                s.bind((address, port))
                return address
            except PermissionError:
                raise
            except OSError:
                continue
