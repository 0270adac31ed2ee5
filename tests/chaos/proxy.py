# SPDX-License-Identifier: MIT
"""An HTTP proxy that knows CONNECT alone: proxy.py ADDRESS PORT FILE

The file says what it does with the next request: "open", "refuse" (403), "authenticate" (407), "silent", or
"nonsense", which is no HTTP.
"""

import select
import socket
import socketserver
import sys
import time
from pathlib import Path

ANSWERS = {
    "open": b"HTTP/1.1 200 Connection established\r\n\r\n",
    "refuse": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    "authenticate": b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"proxy\"\r\n"
                    b"Content-Length: 0\r\n\r\n",
    "nonsense": b"220 mail.example.com ESMTP\r\n",
}


def carry(one, other):
    peer = {one: other, other: one}
    while True:
        for ready in select.select([one, other], [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            peer[ready].sendall(data)


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        head = b""
        while b"\r\n\r\n" not in head:
            data = self.request.recv(4096)
            if not data:
                return
            head += data
        mode = Path(self.server.mode_path).read_text().strip()
        if mode == "silent":
            time.sleep(600)
            return
        if mode != "open":
            self.request.sendall(ANSWERS[mode])
            return
        host, _, port = head.split()[1].decode().rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port)), 10) as target:
            target.settimeout(None)
            self.request.sendall(ANSWERS[mode])
            carry(self.request, target)


class Proxy(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    mode_path = ""

    def handle_error(self, request, client_address):
        """Either side may vanish."""


def main():
    with Proxy((sys.argv[1], int(sys.argv[2])), Handler) as server:
        server.mode_path = sys.argv[3]
        print("listening", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
