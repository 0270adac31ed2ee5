# SPDX-License-Identifier: MIT
"""Answers DNS questions from a file: nameserver.py ADDRESS FILE

The file is a JSON object of names, each with the addresses it has, and is read for each question. A name that is not
in it does not exist. In place of addresses, null is silence; and "*" is for every name that is not there.
"""

import contextlib
import ipaddress
import json
import socket
import struct
import sys
from pathlib import Path

A, AAAA = 1, 28
NXDOMAIN = 3


def question(packet):
    """The name, its type, and where the question ends."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("ascii"))
        at += 1 + packet[at]
    return ".".join(labels).lower(), struct.unpack_from(">H", packet, at + 1)[0], at + 5


def answer(packet, names):
    name, kind, end = question(packet)
    addresses = names[name] if name in names else names.get("*", [])
    if addresses is None:
        return None
    found = [ipaddress.ip_address(address) for address in addresses]
    data = [a.packed for a in found if {4: A, 6: AAAA}[a.version] == kind]
    code = 0 if found else NXDOMAIN
    head = packet[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(data), 0, 0)
    # 0xc00c: the name is that of the question. No resolver is to remember any of it.
    return head + packet[12:end] + b"".join(struct.pack(">HHHIH", 0xc00c, kind, 1, 0, len(d)) + d for d in data)


def main():
    address, path = sys.argv[1:]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, 53))
        print("listening", flush=True)
        while True:
            packet, peer = server.recvfrom(4096)
            reply = answer(packet, json.loads(Path(path).read_text()))
            if reply:
                with contextlib.suppress(OSError):  # a firewall may be in the way
                    server.sendto(reply, peer)


if __name__ == "__main__":
    main()
