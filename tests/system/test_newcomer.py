# SPDX-License-Identifier: MIT
"""Who has never seen it installs the packages and follows the README."""

import re

import machine


def commands_of_readme():
    text = (machine.SOURCE / "README.md").read_text()
    section = re.search(r"(?ms)^## On a device$(.*?)^## ", text)[1]
    return re.findall(r"(?m)^    (.*)$", re.search(r"(?m)(^    .*\n)+", section)[0])


class Newcomer(machine.SystemCase):
    root = "bare"

    def setUp(self):
        self.machine = self.boot(f"--bind-ro={machine.DEBS}:/srv")

    def test_five_commands_of_the_readme_bring_the_first_message_to_the_hub(self):
        self.assertEqual(len(commands_of_readme()), 5)
        for command in commands_of_readme():
            print(f"# {command}", flush=True)
            self.machine.run("sh", "-c", f"cd /srv && {command}")
        self.assertIn('{"temperature":21.5}', self.machine.hubsim("log"))

    def test_installing_starts_the_daemon_and_not_the_hub(self):
        self.machine.run("sh", "-c", commands_of_readme()[0].replace("./", "/srv/"))
        for unit, enabled, active in (("aziotd.service", "enabled", "active"), ("aziotd.socket", "enabled", "active"),
                                      ("aziot-hubsim.service", "disabled", "inactive")):
            with self.subTest(unit):
                self.assertEqual(self.machine.result("systemctl", "is-enabled", unit)[1].strip(), enabled)
                self.assertEqual(self.machine.show(unit, "ActiveState"), active)
        self.assertIn("no identity is configured", self.machine.run("aziot", "why", check=False))
