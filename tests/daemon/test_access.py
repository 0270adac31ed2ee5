#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may do what: the kernel says who the peer is, and a refusal names what is missing."""

import contextlib
import os
import signal
import socket
import subprocess
from pathlib import Path

import harness
from harness import DAEMON_UID, STRANGER_UID, eventually, tap

SEND = "io.aziotd.telemetry.Send"


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


class Rules(harness.UsersCase):
    """Sections [Access] of the configuration."""

    config = {"Access": [
        {"User": STRANGER_UID, "Grants": "read send"},
        {"Group": STRANGER_UID, "Grants": "read"},
        {"User": STRANGER_UID + 1, "Grants": "admin"},
        {"User": STRANGER_UID, "Unit": "press.service", "Grants": "none"},
    ]}

    def test_a_program_has_the_grants_of_the_last_rule_for_it(self):
        self.call_as(STRANGER_UID, "io.aziotd.device.GetStatus")
        with self.refused("org.varlink.service.PermissionDenied", grant="send"):
            self.call_as(STRANGER_UID, "io.aziotd.telemetry.Send", {"message": {"text": "x"}})
        self.call_as(STRANGER_UID + 1, "io.aziotd.device.Reconnect")
        with self.refused("org.varlink.service.PermissionDenied", grant="read"):
            self.call_as(STRANGER_UID + 1, "io.aziotd.device.GetStatus")

    def test_who_is_in_no_rule_has_what_he_had(self):
        for uid in (0, DAEMON_UID):
            self.call_as(uid, "io.aziotd.device.Reconnect")
        with self.refused("org.varlink.service.PermissionDenied", grant="read"):
            self.call_as(STRANGER_UID - 1, "io.aziotd.device.GetStatus")


class Units(harness.UsersCase):
    """A process is of the unit in whose control group it is."""

    unit = f"aziotd-test-{os.getpid()}.service"
    config = {"Access": [{"Unit": unit, "Grants": "read"}]}

    def setUp(self):
        hierarchy = Path("/sys/fs/cgroup")
        hybrid = hierarchy / "unified"
        self.group = (hybrid if hybrid.exists() else hierarchy) / self.unit
        try:
            self.group.mkdir()
        except OSError as error:
            self.skipTest(f"needs control groups: {error}")
        self.addCleanup(lambda: eventually(self.is_removed, f"{self.group} is removed"))
        super().setUp()

    def is_removed(self):
        with contextlib.suppress(OSError):
            self.group.rmdir()
        return not self.group.exists()

    def client_of_unit(self, method):
        return self.run_program("/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"', self.group / "cgroup.procs",
                                harness.PYTHON, "-c", harness.CLIENT, self.daemon.socket_path, method, "{}")

    def test_a_rule_for_a_unit_holds_for_its_processes(self):
        program = self.client_of_unit("io.aziotd.device.GetStatus")
        program.wait_for_output("^reply ")
        program.wait()
        program = self.client_of_unit("io.aziotd.device.Reconnect")
        program.wait_for_output(f'^error .*PermissionDenied {{"grant": "admin", "rule": "{self.daemon.config_path}:')
        program.wait()
        self.daemon.call("io.aziotd.device.Reconnect")  # who is root as well, but in no unit


class Ended(harness.UsersCase):
    config = {"Access": [{"Unit": "press.service", "Grants": "read"}]}

    def test_who_leaves_its_connection_to_another_program_is_granted_nothing(self):
        connect = "import socket, sys; socket.socket(fileno=int(sys.argv[1])).connect(sys.argv[2])"
        with socket.socket(socket.AF_UNIX) as left:
            self.daemon.program.send_signal(signal.SIGSTOP)
            subprocess.run([harness.PYTHON, "-c", connect, str(left.fileno()), self.daemon.socket_path], check=True,
                           pass_fds=[left.fileno()])
            self.daemon.program.send_signal(signal.SIGCONT)
            left.settimeout(harness.TIMEOUT_S)
            left.sendall(b'{"method":"io.aziotd.device.GetStatus"}\0')
            self.assertIn(b"PermissionDenied", left.recv(4096))


class Mistakes(harness.DaemonCase):
    starts_hub = starts_daemon = False

    def check_config(self, *rules):
        self.daemon.config = {"Access": list(rules)}
        self.daemon.write_config()
        program = self.run_program(*self.daemon.argv(), "--check-config")
        program.wait()
        return program.output()

    def test_a_mistake_is_told_with_its_place(self):
        rows = [
            (1, [{"Grants": "read"}], "User=, Group= or Unit="),
            (3, [{"User": 0, "Grants": "everything"}], "Grants=everything: "),
            (3, [{"User": 0, "TwinSection": "pump"}], "TwinSection=pump: a section is a JSON pointer"),
            (6, [{"User": 0, "TwinSection": "/a"}, {"User": 1, "TwinSection": "/a/b"}], "TwinSection=/a/b: "),
        ]
        for line, rules, text in rows:
            with self.subTest(rules=rules):
                self.assertIn(f"error: {self.daemon.config_path}:{line}: ", self.check_config(*rules))
                self.assertIn(text, self.check_config(*rules))
        self.assertIn(f"warning: {self.daemon.config_path}:2: [Access] User=nosuchuser: there is no such user",
                      self.check_config({"User": "nosuchuser", "Grants": "read"}))


class OutboxLimits(harness.UsersCase):
    """What each user may have in the outbox: as configured for all, or by a rule."""

    config = {"Outbox": {"MaxMessagesPerApplication": 2}, "Access": [
        {"User": STRANGER_UID, "Grants": "send"},
        {"User": STRANGER_UID + 1, "Grants": "send", "OutboxMaxMessages": 4, "OutboxMaxBytes": 2000},
    ]}

    def fill(self, uid, text, limit):
        """Sends from one user until it is refused, which names the limit; returns how many were accepted."""
        with self.connect_as(uid) as wire:
            for n in range(10):
                try:
                    wire.call(SEND, {"message": {"text": text}, "priority": ["normal", "high"][n % 2]})
                except harness.VarlinkError as error:
                    self.assertEqual(error.name, "io.aziotd.telemetry.OutboxFull")
                    self.assertEqual(error.parameters["limit"], limit)
                    return n
        return self.fail("it was never refused")

    def test_who_has_as_much_as_he_may_is_refused_and_nobody_else(self):
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            self.assertEqual(self.fill(STRANGER_UID, "a", "application"), 2)
            self.assertEqual(self.fill(STRANGER_UID + 1, "b", "application"), 4)
            self.assertEqual(self.fill(0, "c", "application"), 2)
            self.daemon.stop()
            self.start_daemon_again()
            self.assertEqual(self.fill(STRANGER_UID, "d", "application"), 0)
        self.hub.wait_for_messages(8)
        self.daemon.wait_for_status(lambda status: status["outbox"]["messages"] == 0, "all is delivered")
        self.call_as(STRANGER_UID, SEND, {"message": {"text": "e"}})

    def test_bytes_have_a_limit_too(self):
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            self.assertEqual(self.fill(STRANGER_UID + 1, "x" * 800, "application"), 2)


if __name__ == "__main__":
    tap.main()
