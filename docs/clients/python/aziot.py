# SPDX-License-Identifier: MIT
"""A client of aziotd in one file, to be copied: nothing but the standard library.

    aziot = Aziot()
    reply = aziot.call("io.aziotd.telemetry.Send", message={"body": {"temperature": 21.5}})
    print(reply["sequence"])

A call raises AziotError if the daemon refuses it, and OSError if there is no daemon or the connection breaks before
the reply; the next call connects again. Calls of one object travel on one connection, one after the other: a program
that waits in Take or watch() has another object for everything else.
"""

import json
import os
import socket


class AziotError(Exception):
    """An error that the daemon replied by: its full name, and its fields."""

    def __init__(self, name, parameters):
        super().__init__(f"{name} {json.dumps(parameters)}")
        self.name = name
        self.parameters = parameters


class Aziot:
    def __init__(self, path=None):
        self.path = path or os.environ.get("AZIOT_SOCKET", "/run/aziotd/socket")
        self.socket = None
        self.buffer = b""

    def call(self, method, **parameters):
        """Calls a method and returns the fields of its reply."""
        self._send({"method": method, "parameters": parameters})
        return self._receive().get("parameters", {})

    def watch(self, method, **parameters):
        """Calls a method that replies again and again ("more"), and yields the fields of each reply."""
        self._send({"method": method, "parameters": parameters, "more": True})
        continues = True
        while continues:
            reply = self._receive()
            continues = reply.get("continues", False)
            yield reply.get("parameters", {})

    def close(self):
        """Closes the connection: what was taken on it and not settled is not this program's any more."""
        if self.socket:
            self.socket.close()
        self.socket = None

    def _connect(self):
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(self.path)
        except OSError:
            connection.close()
            raise
        self.socket, self.buffer = connection, b""

    def _send(self, call):
        if not self.socket:
            self._connect()
        try:
            self.socket.sendall(json.dumps(call, allow_nan=False).encode() + b"\0")
        except OSError:
            self.close()
            raise

    def _receive(self):
        try:
            while b"\0" not in self.buffer:
                data = self.socket.recv(65536)
                if not data:
                    raise ConnectionResetError("aziotd has closed the connection")
                self.buffer += data
        except OSError:
            self.close()
            raise
        message, _, self.buffer = self.buffer.partition(b"\0")
        reply = json.loads(message)
        if "error" in reply:
            raise AziotError(reply["error"], reply.get("parameters", {}))
        return reply
