#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How much aziotd logs, and that it can be changed while it runs."""

import json
import os
import shutil
import socket
import subprocess
import unittest

import harness
from harness import tap


class Level(harness.CliCase):
    def n_moves(self):
        """How often a move of the link was logged, which is for whoever debugs."""
        return self.daemon.program.output().count("aziotd: Link: ")

    def renew(self):
        told = self.daemon.program.output().count("Renewed the connection")
        self.daemon.call("io.aziotd.device.Reconnect")
        harness.eventually(
            lambda: self.daemon.status()["link"]["state"] == "online" and
            self.daemon.program.output().count("Renewed the connection") > told, "renewed")

    def test_it_is_changed_and_set_back_while_the_daemon_runs(self):
        self.assertEqual(self.aziot("log-level")[0], "info\n")
        self.renew()
        self.assertEqual(self.n_moves(), 0)

        self.assertEqual(self.aziot("log-level", "debug"), ("", ""))
        self.assertEqual(self.aziot("log-level")[0], "debug (configured: info)\n")
        self.assertEqual(json.loads(self.aziot("log-level", "--json")[0]), {"level": "debug", "configured": "info"})
        self.renew()
        moves = self.n_moves()
        self.assertGreater(moves, 1)
        self.daemon.program.wait_for_output("The log level is 'debug' now, for uid 0")

        self.aziot("log-level", "configured")
        self.assertEqual(self.aziot("log-level")[0], "info\n")
        self.renew()
        self.assertEqual(self.n_moves(), moves)

    def test_a_level_that_there_is_not(self):
        self.assertIn("'loud' is no level", self.aziot("log-level", "loud", code=2)[1])
        self.assertIn("one level at most", self.aziot("log-level", "err", "info", code=2)[1])
        with self.assertRaisesRegex(harness.VarlinkError, "InvalidParameter"):
            self.daemon.call("io.aziotd.device.SetLogLevel", {"level": "loud"})


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("unshare"), "needs root and unshare")
class Journal(harness.DaemonCase):
    """What the journal gets, by a socket in its place."""

    starts_daemon = False

    # The socket of the journal is where libsystemd looks for it, in a mount namespace of the daemon's own; standard error
    # is said to lead there.
    START = """mount -t tmpfs none /run && mkdir -p /run/systemd/journal && mount --bind "$1" /run/systemd/journal &&
        export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) && shift && exec "$@" """

    def setUp(self):
        super().setUp()
        if subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/run"], capture_output=True,
                          check=False).returncode != 0:
            self.skipTest("mounts are not allowed here")
        directory = self.directory / "journal"
        directory.mkdir()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.socket.settimeout(harness.TIMEOUT_S)
        self.socket.bind(str(directory / "socket"))
        argv = self.daemon.argv()
        self.daemon.argv = lambda: ["unshare", "--mount", "sh", "-c", self.START, "sh", directory, *argv]

    def wait_for(self, word):
        """The fields of the next message of this kind."""
        while True:
            fields = dict(line.split("=", 1) for line in self.socket.recv(65536).decode().splitlines() if "=" in line)
            if fields.get("AZIOT_MESSAGE") == word:
                return fields

    def test_messages_have_their_fields(self):
        self.daemon.start()
        up = self.wait_for("link-up")
        self.assertEqual((up["PRIORITY"], up["AZIOT_HUB"], up["MESSAGE_ID"]),
                         ("5", "localhost", "8a6f1c0d5a0f4f0c9d6b1e6b0a4c7e11"))
        self.daemon.wait_online()
        self.hub.stop()
        self.assertIn("AZIOT_PROBLEM", self.wait_for("link-lost"))
        self.assertEqual(self.wait_for("connect-failed")["AZIOT_PROBLEM"], "tcp-refused")
        with self.daemon.connect() as wire:
            wire.socket.sendall(b"nonsense\0")
            self.assertEqual(self.wait_for("client-refused")["AZIOT_UID"], "0")


if __name__ == "__main__":
    tap.main()
