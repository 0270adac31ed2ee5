# SPDX-License-Identifier: MIT
"""Services of other users talk to the daemon, as far as they may."""

import machine
from machine import eventually

SEND = "aziot send --stage delivered '{\"n\":1}'"

# A file that keeps /run/aziotd/socket from those whom it should not let in, or a rule, says why.
RULES = """
[Access]
Unit=press.service
Grants=read send
"""


class Programs(machine.SystemCase):
    def setUp(self):
        super().setUp()
        self.machine.be_device()
        self.machine.run("useradd", "--system", "press")

    def test_a_service_of_a_user_in_the_group_sends(self):
        code, output = self.machine.service("press", SEND, "SupplementaryGroups=aziot", user="press")
        self.assertEqual(code, 0, output)
        self.assertIn('{"n":1}', self.machine.hubsim("log"))

    def test_a_user_who_is_not_in_the_group_is_not_let_in(self):
        code, output = self.machine.service("press", SEND, user="press")
        self.assertNotEqual(code, 0)
        self.assertIn("Permission denied", output)

    def test_a_unit_is_granted_what_its_rule_says_and_no_other_is(self):
        self.machine.write("/etc/aziotd/aziotd.conf.d/access.conf", RULES + "\n[Access]\nGroup=aziot\nGrants=none\n" + RULES)
        self.machine.run("systemctl", "restart", "aziotd")
        self.machine.wait_online()
        for unit, is_granted in ("press", True), ("other", False):
            with self.subTest(unit):
                code, output = self.machine.service(unit, SEND, "SupplementaryGroups=aziot", user="press")
                self.assertEqual(code == 0, is_granted, output)
                if not is_granted:
                    self.assertIn("send", output)

    def test_a_connection_starts_the_daemon(self):
        self.machine.run("systemctl", "stop", "aziotd.service")
        self.assertEqual(self.machine.show("aziotd.service", "ActiveState"), "inactive")
        self.machine.run("sh", "-c", SEND)
        self.assertEqual(self.machine.show("aziotd.service", "ActiveState"), "active")
        self.assertIn('{"n":1}', self.machine.hubsim("log"))

    def test_the_socket_waits_for_the_daemon_at_boot(self):
        """Nobody has to say After=aziotd.service: the socket is there before."""
        self.assertEqual(self.machine.show("aziotd.socket", "Before").count("sockets.target"), 1)
        eventually(lambda: self.machine.show("sockets.target", "ActiveState") == "active", "the sockets")
