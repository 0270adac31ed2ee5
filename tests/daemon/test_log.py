#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How much aziotd logs, and that it can be changed while it runs."""

import json

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


if __name__ == "__main__":
    tap.main()
