# SPDX-License-Identifier: MIT
"""All that the other tests ask of Azure's own SDK for Python, over WebSocket. HUBSIM is the program."""

import os
import sys

from sdk import find_address  # first: it knows where the others are
import test_python_provisioning as provisioning
import test_python_sdk as sdk
import test_python_x509 as x509
import tap  # hub, which those import, knows where it is

try:
    ADDRESS = find_address(443)
except PermissionError:
    print("1..0 # SKIP port 443, the only one that the SDK knows, is not ours to listen on")
    sys.exit()


class OverWebSocket:
    address = ADDRESS
    # MQTT is where the SDK does not look.
    options = ("--listen", f"{find_address()}:8883", "--listen-websocket", f"{ADDRESS}:443", "--host", ADDRESS)
    transport = {"websockets": True}


class Hub(OverWebSocket, sdk.PythonSdk):
    pass


class HubByCertificate(OverWebSocket, x509.PythonX509):
    pass


class Provisioning(OverWebSocket, provisioning.PythonProvisioning):
    pass


if __name__ == "__main__":
    try:
        tap.main()
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(end.code)  # without the timers of half a minute that the SDK leaves behind
