# SPDX-License-Identifier: MIT
"""Services of other users talk to the daemon, as far as they may."""

import json
import re

import machine
from machine import eventually

CLIENTS = machine.SOURCE / "docs/clients"

SEND = "aziot send --stage delivered '{\"n\":1}'"

# Only the last rule that matches counts.
RULES = """
[Access]
Group=aziot
Grants=none

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
        self.assertIn("You may not connect", output)

    def test_a_unit_is_granted_what_its_rule_says_and_no_other_is(self):
        self.machine.write("/etc/aziotd/aziotd.conf.d/access.conf", RULES)
        self.machine.run("systemctl", "restart", "aziotd")
        self.machine.wait_online()
        for unit, is_granted in ("press", True), ("other", False):
            with self.subTest(unit):
                code, output = self.machine.service(unit, SEND, "SupplementaryGroups=aziot", user="press")
                self.assertEqual(code == 0, is_granted, output)
                if not is_granted:
                    self.assertIn("send", output)

    def test_the_example_of_a_service(self):
        """docs/clients/README.md, section "As a service": its commands as they stand there, then its rule."""
        for name in ("boiler.service", "python/serve.py", "python/aziot.py"):
            self.machine.write(f"/root/{name}", (CLIENTS / name).read_text())
        section = (CLIENTS / "README.md").read_text().partition("## As a service")[2]
        commands = re.findall("^    (.*)$", section, re.MULTILINE)
        self.machine.run("sh", "-ec", "\n".join(["cd /root", *commands]))
        self.blink()
        self.assertEqual(self.machine.run("ps", "-C", "serve.py", "-o", "user=").split(), ["boiler"])

        rule = re.search(r"```ini\n(\[Access\]\n.*?)```", section, re.DOTALL)[1]
        self.machine.write("/etc/aziotd/aziotd.conf.d/boiler.conf", rule)
        self.machine.run("systemctl", "reload", "aziotd")
        self.blink()

    def blink(self):
        eventually(lambda: '"blink"' in self.machine.run("aziot", "call", "io.aziotd.methods.List"), "blink is served")
        self.assertIn('"status":200', self.machine.hubsim("invoke", self.device(), "blink", '{"times":3}'))

    def device(self):
        return json.loads(self.machine.run("aziot", "status", "--json"))["deviceId"]

    def test_a_connection_starts_the_daemon(self):
        self.machine.run("systemctl", "stop", "aziotd.service")
        self.assertEqual(self.machine.show("aziotd.service", "ActiveState"), "inactive")
        self.machine.run("sh", "-c", SEND)
        self.assertEqual(self.machine.show("aziotd.service", "ActiveState"), "active")
        self.assertIn('{"n":1}', self.machine.hubsim("log"))

    def test_the_socket_waits_for_the_daemon_at_boot(self):
        """Nobody has to say After=aziotd.service: the socket is there before."""
        self.assertIn("sockets.target", self.machine.show("aziotd.socket", "Before").split())
        self.assertIn("aziotd.socket", self.machine.show("sockets.target", "Wants").split())
