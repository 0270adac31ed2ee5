# SPDX-License-Identifier: MIT
"""A Varlink client of the tests' own: it shares nothing with ipc/, and can misbehave on purpose."""

import json
import socket


class VarlinkError(Exception):
    def __init__(self, name, parameters):
        super().__init__(f"{name} {json.dumps(parameters)}")
        self.name = name
        self.parameters = parameters


class Wire:
    """One connection. Nothing waits longer than 'timeout_s'."""

    def __init__(self, path, timeout_s=20):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout_s)
        self.socket.connect(path)
        self.buffer = b''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def half_close(self):
        """Says that nothing more will come, as 'printf … | socat' does, and keeps listening."""
        self.socket.shutdown(socket.SHUT_WR)

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, method, parameters=None, **flags):
        """Sends a call and does not wait: calls may be pipelined. Flags: more=True, oneway=True."""
        call = {"method": method, **({} if parameters is None else {"parameters": parameters}), **flags}
        self.send_bytes(json.dumps(call).encode() + b"\0")

    def receive_bytes(self):
        """The next message without its NUL, or None when the peer has closed."""
        while b"\0" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                return None
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return message

    def receive(self):
        """The parameters of the next reply; an error reply is raised, and so is the end of the connection."""
        message = self.receive_bytes()
        if message is None:
            raise ConnectionResetError("closed by the peer")
        reply = json.loads(message)
        if "error" in reply:
            raise VarlinkError(reply["error"], reply.get("parameters", {}))
        return reply.get("parameters", {})

    def call(self, method, parameters=None, **flags):
        self.send(method, parameters, **flags)
        return self.receive()

    def is_closed(self):
        """Waits for the peer to close; whatever it still says is read and forgotten."""
        try:
            while self.receive_bytes() is not None:
                pass
        except ConnectionResetError:
            pass
        except TimeoutError:
            return False
        return True
