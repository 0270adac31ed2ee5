#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may do what: the kernel says who the peer is, and a refusal names what is missing."""

import harness
from harness import DAEMON_UID, STRANGER_UID, eventually, tap


class Users(harness.UsersCase):
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
