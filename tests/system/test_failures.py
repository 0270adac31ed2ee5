# SPDX-License-Identifier: MIT
"""The daemon hangs or crashes, and systemd puts it right."""

import json

import machine
from machine import eventually

# Instead of three minutes.
SHORT_WATCHDOG = "[Service]\nWatchdogSec=1s\n"


class Failures(machine.SystemCase):
    def setUp(self):
        super().setUp()
        self.machine.be_device()

    def wait_for_another(self, pid):
        return eventually(lambda: self.machine.pid() not in (0, pid) and self.machine.pid(), "another daemon")

    def test_a_daemon_that_hangs_is_killed_and_who_waits_is_answered_by_the_next(self):
        self.assertEqual(self.machine.show("aziotd.service", "WatchdogUSec"), "3min")
        self.machine.write("/etc/systemd/system/aziotd.service.d/watchdog.conf", SHORT_WATCHDOG)
        self.machine.run("systemctl", "daemon-reload")
        self.machine.run("systemctl", "restart", "aziotd")
        self.machine.wait_online()
        pid = self.machine.pid()
        self.machine.run("kill", "-STOP", pid)
        self.machine.run("aziot", "send", "--stage", "delivered", '{"n":1}')
        self.assertNotEqual(self.machine.pid(), pid)
        self.assertIn("Failed with result 'watchdog'", self.machine.run("journalctl", "--unit=aziotd"))
        self.assertIn('{"n":1}', self.machine.hubsim("log"))

    def test_a_daemon_that_works_feeds_the_watchdog(self):
        self.machine.write("/etc/systemd/system/aziotd.service.d/watchdog.conf", SHORT_WATCHDOG)
        self.machine.run("systemctl", "daemon-reload")
        self.machine.run("systemctl", "restart", "aziotd")
        pid = self.machine.pid()
        self.machine.run("sleep", "3")
        self.assertEqual(self.machine.pid(), pid)

    def test_a_crash_loses_nothing_and_is_over_in_a_moment(self):
        self.machine.run("systemctl", "stop", "aziot-hubsim")
        pid = self.machine.pid()
        self.machine.run("aziot", "send", '{"n":1}')
        self.machine.run("systemctl", "kill", "--signal=KILL", "aziotd.service")
        self.wait_for_another(pid)
        self.assertEqual(self.machine.show("aziotd.service", "RestartUSec"), "1s")
        self.machine.run("systemctl", "start", "aziot-hubsim")
        self.machine.run("aziot", "send", "--stage", "delivered", '{"n":2}')
        log = self.machine.hubsim("log")
        self.assertLess(log.index('{"n":1}'), log.index('{"n":2}'))

    def test_a_reload_takes_what_has_changed_and_mistakes_leave_everything_as_it_was(self):
        pid = self.machine.pid()
        self.machine.write("/etc/aziotd/aziotd.conf.d/mine.conf", "[Hub]\nMethodTimeoutSec=7\n")
        self.machine.run("systemctl", "reload", "aziotd")
        self.assertIn("Hub.MethodTimeoutSec taken", self.machine.journal())

        self.machine.write("/etc/aziotd/aziotd.conf.d/mine.conf", "[Hub]\nMethodTimeoutSecs=8\n")
        self.assertNotEqual(self.machine.result("systemctl", "reload", "aziotd")[0], 0)
        self.assertEqual(self.machine.journal().count("mine.conf:2: [Hub] MethodTimeoutSecs="), 1)
        self.assertIn("7s", self.machine.run("aziot", "config", "Hub.MethodTimeoutSec"))
        self.assertEqual(self.machine.pid(), pid)
        self.assertEqual(self.machine.show("aziotd.service", "ActiveState"), "active")
        self.machine.run("aziot", "send", "--stage", "delivered", '{"n":1}')

    def test_the_journal_has_ids_and_explains_them(self):
        links = [json.loads(line) for line in self.machine.journal("--output=json").splitlines()]
        link = next(entry for entry in links if entry.get("AZIOT_MESSAGE") == "link-up")
        self.assertRegex(link["MESSAGE_ID"], "^[0-9a-f]{32}$")
        explained = self.machine.run("journalctl", "--quiet", "--catalog", f"MESSAGE_ID={link['MESSAGE_ID']}")
        self.assertIn("The link to the hub is up", explained)

    def test_mistakes_in_the_configuration_are_told_and_once_they_are_mended_it_starts(self):
        """A program waits all the time, and does not make it start any oftener."""
        self.machine.write("/etc/aziotd/aziotd.conf.d/mine.conf", "[Hub]\nKeepAliveSecs=60\n")
        self.assertNotEqual(self.machine.result("systemctl", "restart", "aziotd")[0], 0)
        self.machine.run("systemd-run", "--quiet", "--unit=waits", "aziot", "send", '{"n":1}')
        eventually(lambda: "mine.conf:2" in self.machine.show("aziotd.service", "StatusText"), "the mistake as status")
        self.assertIn("mine.conf:2", self.machine.run("journalctl", "--unit=aziotd"))
        self.assertLessEqual(int(self.machine.show("aziotd.service", "NRestarts")), 3)
        self.machine.write("/etc/aziotd/aziotd.conf.d/mine.conf", "")
        self.machine.wait_online()
        eventually(lambda: '{"n":1}' in self.machine.hubsim("log"), "the message of who has waited")
