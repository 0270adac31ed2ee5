#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A name server that knows one name: dns.py NAME ADDRESS. It has an A record of it, and nothing else of anything."""

import socket
import struct
import sys

NAME, ADDRESS = sys.argv[1:]
TYPE_A = 1


def answer(query):
    """RFC 1035: a header, the question as it came, and the record, whose name points to that of the question."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    question, (kind,) = query[12:at + 5], struct.unpack_from("!H", query, at + 1)
    is_known = ".".join(labels) == NAME
    has_record = is_known and kind == TYPE_A
    header = query[:2] + struct.pack("!HHHHH", 0x8580 if is_known else 0x8583, 1, has_record, 0, 0)
    record = struct.pack("!HHHIH", 0xc00c, TYPE_A, 1, 60, 4) + socket.inet_aton(ADDRESS)
    return header + question + (record if has_record else b"")


with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind(("127.0.0.1", 53))
    while True:
        data, peer = server.recvfrom(512)
        server.sendto(answer(data), peer)
