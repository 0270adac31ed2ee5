#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may do what: the kernel says who the peer is, and a refusal names what is missing."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
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
        program = self.client_of_unit("io.aziotd.device.GetAccess")
        program.wait_for_output(f"^reply .*'unit': '{self.unit}'.*'grants': .'read'.,.*'hasUnit': True")
        program.wait()


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


    def test_what_passed_once_does_not_now(self):
        rows = [
            ("error", 3, {"User": 0, "Grants": "none send"}, "none means no grant at all"),
            ("error", 3, {"User": 0, "Methods": "get[AB]"}, r"\["),
            ("error", 1, {"User": 0, "SendBurst": 5}, "SendPerSec="),
            ("warning", 1, {"User": 0, "OutboxMaxBytes": "1G"}, "limits nothing"),
        ]
        for level, line, rule, text in rows:
            with self.subTest(rule=rule):
                self.assertRegex(self.check_config(rule), f"{level}: {self.daemon.config_path}:{line}: .*{text}")

    def test_the_example_of_the_manual_is_right(self):
        manual = (Path(__file__).parents[2] / "daemon/aziotd.8").read_text()
        example = re.search(r"(?s)\.Bd -literal -offset indent\n(# /etc/aziotd/.*?)\.Ed", manual)[1]
        self.daemon.config = {}
        self.daemon.write_config()
        with self.daemon.config_path.open("a") as file:
            file.write(example)
        program = self.run_program(*self.daemon.argv(), "--check-config")
        program.wait()
        self.assertNotIn(f"error: {self.daemon.config_path}", program.output())
        self.assertEqual(example.count("[Access]"), 5)


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


class Rates(harness.UsersCase):
    """How many messages a user may send in a second."""

    config = {"Access": [
        {"User": STRANGER_UID, "Grants": "send", "SendPerSec": 5, "SendBurst": 10},
        {"User": STRANGER_UID + 1, "Grants": "send", "SendPerSec": 5, "SendBurst": 10},
        {"User": STRANGER_UID + 2, "Grants": "send", "SendPerSec": 50, "SendBurst": 20},
    ]}
    exceeded = "io.aziotd.telemetry.RateExceeded"

    def send_until_refused(self, *wires):
        """Sends on each connection in turn; returns how many messages were taken, and the refusal."""
        for n in range(100):
            try:
                wires[n % len(wires)].call(SEND, {"message": {"text": "x"}})
            except harness.VarlinkError as error:
                return n, error
        return self.fail("it was never refused")

    def test_all_connections_of_a_user_share_his_rate(self):
        began = time.monotonic()
        with self.connect_as(STRANGER_UID) as one, self.connect_as(STRANGER_UID) as two, \
                self.connect_as(STRANGER_UID + 1) as other:
            n, error = self.send_until_refused(one, two)
            took = time.monotonic() - began
            self.assertEqual(error.name, self.exceeded)
            self.assertGreaterEqual(n, 10)
            self.assertLessEqual(n, 10 + 5 * took + 1)
            self.assertEqual({**error.parameters, "retryAfterMs": 0}, {
                "retryAfterMs": 0, "perSecond": 5, "burst": 10, "rule": f"{self.daemon.config_path}:{self.line(1)}"})
            self.assertLessEqual(error.parameters["retryAfterMs"], 201)
            m, error = self.send_until_refused(other)
            self.assertGreaterEqual(m, 10)
            time.sleep(error.parameters["retryAfterMs"] / 1000)
            other.call(SEND, {"message": {"text": "x"}})
        for _ in range(30):
            self.daemon.call(SEND, {"message": {"text": "root"}})
        self.hub.wait_for_messages(n + m + 1 + 30)
        self.daemon.program.wait_for_output(
            f"uid {STRANGER_UID} .*more than 5 messages a second, which the rule at {self.daemon.config_path}:")

    def test_a_batch_is_taken_whole_or_not_at_all(self):
        batch = "io.aziotd.telemetry.SendBatch"
        with self.connect_as(STRANGER_UID) as wire:
            with self.refused("io.aziotd.telemetry.MessageTooLarge", limitMessages=10):
                wire.call(batch, {"messages": [{"text": "x"}] * 11})
            wire.call(batch, {"messages": [{"text": "x"}] * 10})
            with self.refused(self.exceeded):
                wire.call(batch, {"messages": [{"text": "x"}] * 10})
        self.hub.wait_for_messages(10)
        self.daemon.wait_for_status(lambda status: status["outbox"]["messages"] == 0, "all is delivered")
        self.assertEqual(len(self.hub.messages()), 10)

    def test_what_is_invalid_does_not_count(self):
        with self.connect_as(STRANGER_UID) as wire:
            for _ in range(20):
                with self.refused("io.aziotd.telemetry.InvalidMessage"):
                    wire.call(SEND, {"message": {}})
            wire.call(SEND, {"message": {"text": "x"}})

    def test_oneway_messages_above_it_are_counted(self):
        with self.connect_as(STRANGER_UID) as wire:
            for _ in range(30):
                wire.send(SEND, {"message": {"text": "x"}}, oneway=True)
            reply = wire.call("io.aziotd.telemetry.Flush")
            self.assertEqual(reply["accepted"] + reply["refused"], 30)
            self.assertGreaterEqual(reply["refused"], 1)

    def test_the_command_line_waits(self):
        began = time.monotonic()
        program = self.run_cli("send", "--text", stdin=subprocess.PIPE, user=STRANGER_UID + 2, group=STRANGER_UID + 2,
                               extra_groups=[])
        program.process.stdin.write("".join(f"line {n}\n" for n in range(70)).encode())
        program.process.stdin.close()
        self.assertEqual(program.wait(), 0)
        self.assertGreaterEqual(time.monotonic() - began, 0.9)
        self.hub.wait_for_messages(70)


class Methods(harness.UsersCase):
    """Which methods a program may serve."""

    config = {"Access": [{"User": STRANGER_UID, "Grants": "serve", "Methods": "get* pump\\*reset"}]}
    take = "io.aziotd.methods.Take"

    def test_another_name_is_refused_with_the_rule(self):
        rule = f"{self.daemon.config_path}:{self.line(1)}"
        with self.connect_as(STRANGER_UID) as wire:
            for names, refused in ((["reboot"], "reboot"), (["getLog", "forget"], "forget"), (["pump2*reset"], ) * 2):
                refused = refused if isinstance(refused, str) else refused[0]
                with self.refused("io.aziotd.methods.NotYourMethod", name=refused, rule=rule):
                    wire.call(self.take, {"names": names})
            wire.call(self.take, {"names": ["getLog", "pump*reset"], "timeoutSeconds": 1})
        self.daemon.program.wait_for_output(f"uid {STRANGER_UID} .*{rule} does not let it serve method 'forget'")
        self.daemon.call(self.take, {"names": ["reboot"], "timeoutSeconds": 1})

    def test_the_command_line_says_so(self):
        program = self.run_cli("serve", "reboot", "--", "true", user=STRANGER_UID, group=STRANGER_UID, extra_groups=[])
        program.wait_for_output(f"this program may not serve this method.*{self.daemon.config_path}:{self.line(1)}")
        program.wait_for_output("aziot access")
        self.assertEqual(program.wait(), 1)


class Explanations(harness.UsersCase):
    """GetAccess() and aziot access."""

    unit = "press.service"
    get = "io.aziotd.device.GetAccess"
    config = {"Outbox": {"MaxBytesPerApplication": "1M"}, "Access": [
        {"User": STRANGER_UID, "Grants": "read send", "SendPerSec": 5, "OutboxMaxMessages": 7},
        {"User": STRANGER_UID, "Unit": unit, "Grants": "serve", "Methods": "get*", "TwinSection": "/press"},
        {"Unit": unit, "TwinSection": "/lights/press", "BrokerWatch": "line/# floor/+", "BrokerServe": "press/+"},
        {"User": STRANGER_UID + 1, "Grants": "admin"},
    ]}

    def rule(self, n):
        return f"{self.daemon.config_path}:{self.line(n)}"

    def test_each_may_ask_about_itself(self):
        whom = f"User={STRANGER_UID}"
        self.assertEqual(self.call_as(STRANGER_UID, self.get), {
            "uid": STRANGER_UID, "isUnitUnknown": False, "grants": ["read", "send"], "grantsRule": self.rule(1),
            "sections": [], "sendPerSecond": 5, "sendBurst": 5, "sendRule": self.rule(1),
            "outboxMaxBytes": 1 << 20, "outboxMaxMessages": 7, "outboxMessagesRule": self.rule(1),
            "rules": [{"rule": self.rule(1), "whom": whom, "hasUnit": False}]})
        nothing = self.call_as(STRANGER_UID - 1, self.get)
        self.assertEqual((nothing["grants"], nothing["rules"]), ([], []))
        self.assertNotIn("grantsRule", nothing)

    def test_others_are_told_of_to_administrators(self):
        for parameters in ({"uid": 0}, {"unit": self.unit}, {"uid": STRANGER_UID}):
            with self.subTest(parameters), self.refused("org.varlink.service.PermissionDenied", grant="admin"):
                self.call_as(STRANGER_UID, self.get, parameters)
        reply = self.call_as(STRANGER_UID + 1, self.get, {"uid": STRANGER_UID, "unit": self.unit})
        self.assertEqual((reply["grants"], reply["grantsRule"]), (["serve"], self.rule(2)))
        self.assertEqual((reply["methods"], reply["methodsRule"]), (["get*"], self.rule(2)))
        self.assertEqual(reply["sections"], [{"section": "/press", "rule": self.rule(2)},
                                             {"section": "/lights/press", "rule": self.rule(3)}])
        self.assertEqual(reply["topics"], [
            {"use": "watch", "filters": ["line/#", "floor/+"], "rule": self.rule(3)},
            {"use": "serve", "filters": ["press/+"], "rule": self.rule(3)}])
        self.assertEqual([rule["hasUnit"] for rule in reply["rules"]], [False, True, True])
        reply = self.daemon.call(self.get, {"unit": self.unit})
        self.assertEqual((reply.get("uid"), reply["grants"], len(reply["rules"])), (None, [], 1))
        reply = self.daemon.call(self.get, {"uid": 0})
        self.assertEqual((reply["grants"], reply["rules"]), (["read", "send", "serve", "admin"], []))

    def test_the_command_line_tells_it(self):
        done = subprocess.run([harness.BUILD / "aziot", "--socket", self.daemon.socket_path, "access", "--user",
                               str(STRANGER_UID), "--unit", self.unit], capture_output=True, text=True, check=True)
        for line in (rf"who +uid {STRANGER_UID}.*, unit press.service", rf"grants +serve \({self.rule(2)}\)",
                     rf"methods +get\* \({self.rule(2)}\)", rf"broker +watch line/# floor/\+ \({self.rule(3)}\)",
                     rf"rules +{self.rule(1)}: User={STRANGER_UID}$",
                     rf" +{self.rule(3)}: Unit=press.service$", "note +A rule with Unit= is weaker than one with User="):
            self.assertRegex(done.stdout, "(?m)^" + line)
        self.assertNotRegex(done.stdout, "(?m)^(rate|outbox|twin) ")
        program = self.run_cli("access", user=STRANGER_UID, group=STRANGER_UID, extra_groups=[])
        program.wait_for_output("^rate +5 messages a second, 5 at once")
        program.wait_for_output(r"^outbox +1024 KiB \(by default\), 7 messages \(")
        self.assertEqual(program.wait(), 0)
        program = self.run_cli("access", "--user", "0", user=STRANGER_UID, group=STRANGER_UID, extra_groups=[])
        program.wait_for_output("What you may do, and who says so: aziot access")
        self.assertEqual(program.wait(), 1)
        self.assertEqual(self.run_cli("access", "--user", "nosuchuser").wait(), 1)
        self.assertEqual(self.run_cli("access", "press").wait(), 2)


if __name__ == "__main__":
    tap.main()
