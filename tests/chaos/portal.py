# SPDX-License-Identifier: MIT
"""What stands in for the cloud where a guest has to log in first: portal.py ADDRESS PORT [CERTIFICATE [silent]]

With a certificate (PEM, with its key) it speaks TLS, which is not the hub's; without, plain TCP. Whatever it is told it
answers by an HTTP redirect to the page where one logs in, or not at all.
"""

import socketserver
import ssl
import sys

REDIRECT = (b"HTTP/1.1 302 Found\r\nLocation: http://login.portal.test/\r\nContent-Length: 0\r\n"
            b"Connection: close\r\n\r\n")


class Portal(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    context = None
    is_silent = False

    def handle_error(self, request, client_address):
        """A device that does not trust this one goes away: that is what is expected of it."""


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        connection = self.request
        connection.settimeout(60)
        if self.server.context:
            connection = self.server.context.wrap_socket(connection, server_side=True)
        with connection:
            while connection.recv(4096) and self.server.is_silent:
                pass
            connection.sendall(REDIRECT)


def main():
    with Portal((sys.argv[1], int(sys.argv[2])), Handler) as server:
        if len(sys.argv) > 3:
            server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            server.context.load_cert_chain(sys.argv[3])
        server.is_silent = len(sys.argv) > 4
        print("listening", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
