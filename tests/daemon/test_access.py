#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may do what: the kernel says who the peer is, and a refusal names what is missing."""

import inspect
import os
import unittest
from pathlib import Path

import harness
import wire
from harness import BUILD, eventually, tap

# Not sys.executable, which may live in somebody's home.
PYTHON = "/usr/bin/python3"

DAEMON_UID = 65534
STRANGER_UID = 65533

# A client in a process of its own: a call on its command line, its reply on standard output.
CLIENT = inspect.getsource(wire) + """
import sys
with Wire(sys.argv[1]) as wire:
    print("connected", flush=True)
    try:
        print("reply", wire.call(sys.argv[2], json.loads(sys.argv[3])))
    except VarlinkError as error:
        print("error", error)
"""


@unittest.skipUnless(os.geteuid() == 0, "only root can be several users")
class Users(harness.DaemonCase):
    """aziotd runs as a user of its own here, so root and it are two users with every grant."""

    def setUp(self):
        self.skip_unless_reachable()
        super().setUp()

    def skip_unless_reachable(self):
        if not Path(PYTHON).exists():
            self.skipTest(f"needs {PYTHON}")
        for folder in (BUILD.resolve(), *BUILD.resolve().parents):
            if not folder.stat().st_mode & 0o001:
                self.skipTest(f"other users cannot reach {folder}")

    def start_daemon(self):
        for path in (self.daemon.state_path, self.daemon.runtime_path):
            path.mkdir(0o700)
        for path in (self.directory, self.daemon.notify.path, self.hub.state, *self.hub.state.iterdir(),
                     self.daemon.state_path, self.daemon.runtime_path):
            os.chown(path, DAEMON_UID, DAEMON_UID)
        self.directory.chmod(0o755)
        self.daemon.start(user=DAEMON_UID, group=DAEMON_UID, extra_groups=[])
        os.chmod(self.daemon.socket_path, 0o666)

    def client(self, uid, method, parameters):
        return self.run_program(PYTHON, "-c", CLIENT, self.daemon.socket_path, method, parameters,
                                user=uid, group=uid, extra_groups=[])

    def test_a_name_belongs_to_one_user(self):
        take = '{"names":["reboot"]}'
        self.client(DAEMON_UID, "io.aziotd.methods.Take", take)
        eventually(lambda: self.daemon.call("io.aziotd.methods.List")["names"] == ["reboot"], "reboot is served")
        with self.refused("io.aziotd.methods.NameClaimed", name="reboot"):
            self.daemon.call("io.aziotd.methods.Take", {"names": ["other", "reboot"]})

    def test_a_name_is_free_when_its_taker_is_gone(self):
        program = self.client(DAEMON_UID, "io.aziotd.methods.Take", '{"names":["reboot"]}')
        eventually(lambda: self.daemon.call("io.aziotd.methods.List")["names"] == ["reboot"], "reboot is served")
        program.stop()
        eventually(lambda: self.daemon.call("io.aziotd.methods.List")["names"] == [], "reboot is free")
        reply = self.daemon.call("io.aziotd.methods.Take", {"names": ["reboot"], "timeoutSeconds": 1})
        self.assertEqual(reply, {"call": None})

    def test_a_stranger_is_told_which_grant_it_lacks(self):
        rows = [
            ("io.aziotd.telemetry.Send", '{"message":{"text":"x"}}', "send"),
            ("io.aziotd.methods.Take", '{"names":["x"]}', "serve"),
            ("io.aziotd.device.GetStatus", "{}", "read"),
            ("io.aziotd.device.Reconnect", "{}", "admin"),
        ]
        for method, parameters, grant in rows:
            with self.subTest(method=method):
                program = self.client(STRANGER_UID, method, parameters)
                self.assertEqual(program.wait_for_output("^(reply|error) ")[1], "error")
                self.assertIn(f'org.varlink.service.PermissionDenied {{"grant": "{grant}"}}', program.output())
                program.wait()
        self.assertEqual(self.daemon.status()["outbox"]["messages"], 0)

    def test_a_stranger_may_ask_what_there_is(self):
        program = self.client(STRANGER_UID, "org.varlink.service.GetInfo", "{}")
        program.wait_for_output("^reply .*io.aziotd.telemetry")
        program.wait()


if __name__ == "__main__":
    tap.main()
