#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The configuration as it is in use: GetConfig, aziot config, aziot reload. What a reload does: test_reload.py."""

import json
import re

import harness
from harness import tap

DEVICE = "io.aziotd.device."


class Settings(harness.CliCase):
    config = {"Access": [{"User": 0, "Grants": "read send serve admin"},
                         {"Unit": "press.service", "TwinSection": "/press\nTwinSection=/lights",
                          "OutboxMaxBytes": "8M"}]}

    def settings(self):
        return self.daemon.call(DEVICE + "GetConfig")["settings"]

    def find(self, section, key):
        return [s for s in self.settings() if (s["section"], s["key"]) == (section, key)]

    def test_each_key_of_the_manual_page_has_its_value_and_place(self):
        page = harness.BUILD / "aziotd.conf.5"
        expected = []
        for line in page.read_text().splitlines():
            if match := re.match(r"\.Sh SECTION \[(\w+)\]", line):
                section = match[1]
            elif (match := re.match(r"\.It Li (\w+)=", line)) and section != "Access":
                expected.append((section, match[1]))
        settings = [s for s in self.settings() if s["section"] != "Access"]
        self.assertEqual([(s["section"], s["key"]) for s in settings], expected)
        for setting in settings:
            is_set = (setting["section"], setting["key"]) in {
                ("Hub", "ConnectionStringFile"), ("Hub", "TrustedCAFile"), ("Network", "Transports")}
            self.assertEqual(setting["source"], "file" if is_set else "default")
            self.assertEqual("file" in setting, is_set)
            self.assertNotIn("pending", setting)

    def test_a_value_is_as_one_would_write_it(self):
        self.assertEqual(self.find("Hub", "TokenLifetimeSec")[0]["value"], "1h")
        self.assertEqual(self.find("Outbox", "MaxBytes")[0]["value"], "64M")
        self.assertEqual(self.find("Hub", "TrustedCAFile"),
                         [{"section": "Hub", "key": "TrustedCAFile", "value": str(self.hub.ca_file),
                           "apply": "reconnect", "source": "file", "file": str(self.daemon.config_path), "line": 3}])

    def test_rules_are_numbered(self):
        rules = [(s["rule"], s["key"], s["value"], s["line"]) for s in self.settings() if s["section"] == "Access"]
        self.assertEqual(rules, [(1, "User", "0", 6), (1, "Grants", "read send serve admin", 6),
                                 (2, "Unit", "press.service", 9), (2, "TwinSection", "/press", 9),
                                 (2, "TwinSection", "/lights", 9), (2, "OutboxMaxBytes", "8M", 9)])

    def test_what_the_files_say_now_is_pending(self):
        self.daemon.config["Hub"]["KeepAliveSec"] = "20"
        self.daemon.config["Hub"]["TrustedCAFile"] = None
        self.daemon.config["Access"] = []
        self.daemon.write_config()
        self.assertEqual(self.find("Hub", "KeepAliveSec")[0]["pending"], "20s")
        self.assertEqual(self.find("Hub", "TrustedCAFile")[0]["pending"], "")
        self.assertTrue(self.daemon.call(DEVICE + "GetConfig")["rulesPending"])

    def test_no_secret_is_in_it(self):
        secret = self.hub.connection_string_file.read_text().strip()
        for part in (secret, secret.split("SharedAccessKey=")[1]):
            self.assertNotIn(part, json.dumps(self.settings()))


class Credentials(harness.DaemonCase):
    config = {"Hub": {"ConnectionStringFile": None, "TrustedCAFile": None}}
    starts_daemon = False

    def test_a_credential_of_systemd_is_told_as_what_it_is(self):
        credentials = self.directory / "credentials"
        credentials.mkdir(0o700)
        for name, source in (("connection-string", self.hub.connection_string_file), ("trusted-ca", self.hub.ca_file)):
            path = credentials / f"aziotd.{name}"
            path.write_text(source.read_text())
            path.chmod(0o600)
        self.daemon.start(env={"CREDENTIALS_DIRECTORY": str(credentials)})
        self.daemon.wait_online()
        told = {s["key"]: s["value"] for s in self.daemon.call(DEVICE + "GetConfig")["settings"]
                if s["source"] == "credential"}
        self.assertEqual(told, {"ConnectionStringFile": str(credentials / "aziotd.connection-string"),
                                "TrustedCAFile": str(credentials / "aziotd.trusted-ca")})


class CommandLine(harness.CliCase):
    def change(self, **sections):
        for section, keys in sections.items():
            self.daemon.config.setdefault(section, {}).update(keys)
        self.daemon.write_config()

    def test_all_of_it_is_shown_or_what_is_asked_for(self):
        lines = self.aziot("config")[0].splitlines()
        self.assertEqual(len(lines), len(self.daemon.call(DEVICE + "GetConfig")["settings"]))
        self.assertIn(f"aziotd.conf:{5}", next(line for line in lines if line.startswith("Network.Transports ")))
        self.assertEqual(self.aziot("config", "Log")[0].split(), ["Log.Level", "info", "default"])
        self.assertEqual(self.aziot("config", "hub.port")[0].split(), ["Hub.Port", "8883", "default"])
        self.assertEqual(len(self.aziot("config", "Port")[0].splitlines()), 3)
        out, err = self.aziot("config", "Log", "Nothing", code=3)
        self.assertIn("Log.Level", out)
        self.assertIn("'Nothing'", err)

    def test_what_waits_is_shown(self):
        self.change(Hub={"KeepAliveSec": "20s"}, Outbox={"Directory": "/elsewhere"}, Access={"User": 0})
        self.assertIn("60s  default  (in the files: 20s; needs a reload)", self.aziot("config", "KeepAliveSec")[0])
        out, err = self.aziot("config", "Directory")
        self.assertIn("(in the files: /elsewhere; needs a restart)", out)
        self.assertIn("[Access]", err)

    def test_mistakes_that_the_files_have_now_are_shown(self):
        self.change(Hub={"Hots": "x"})
        out, err = self.aziot("config", "Hub.Host")
        self.assertEqual(out.split(), ["Hub.Host", "-", "default"])
        self.assertIn("[Hub] Hots=: there is no such key. Did you mean Host=?", err)

    def test_json_is_what_the_daemon_replied(self):
        self.assertEqual(json.loads(self.aziot("config", "--json")[0]), self.daemon.call(DEVICE + "GetConfig"))
        self.aziot("config", "--json", "Hub", code=2)

    def test_a_reload_says_what_became_of_each_key(self):
        self.assertEqual(self.aziot("reload"), ("nothing has changed\n", ""))
        self.change(Hub={"KeepAliveSec": "20s"}, Outbox={"Directory": "/elsewhere", "DrainBurst": 5})
        out, err = self.aziot("reload")
        self.assertEqual(out, "taken: Hub.KeepAliveSec\ntaken: Outbox.DrainBurst\nneeds a restart: Outbox.Directory\n")
        self.assertRegex(err, r"^warning: \S+aziotd\.conf:\d+: \[Outbox\] DrainBurst=: ")
        self.assertEqual(json.loads(self.aziot("reload", "--json")[0])["needRestart"], ["Outbox.Directory"])

    def test_a_reload_names_every_mistake(self):
        self.change(Hub={"Hots": "x", "KeepAliveSec": "1h"}, Outbux={"MaxBytes": "8M"})
        out, err = self.aziot("reload", code=1)
        self.assertEqual(out, "")
        lines = err.splitlines()
        self.assertEqual(len([line for line in lines if line.startswith("error: ")]), 3)
        self.assertRegex(lines[0], r"^error: \S+aziotd\.conf:4: \[Hub\] Hots=: .*Did you mean Host=\?$")
        self.assertIn("goes on with the one that it has", lines[-1])

    def test_a_quiet_reload_leaves_to_the_log_what_is_logged(self):
        self.assertEqual(self.aziot("reload", "--quiet"), ("", ""))
        self.change(Hub={"Hots": "x"})
        self.assertEqual(self.aziot("reload", "--quiet", code=1), ("", ""))
        self.daemon.program.wait_for_output(r"aziotd\.conf:\d+: \[Hub\] Hots=")
        self.assertIn("There is no socket", self.aziot("reload", "--quiet", "--socket", "/missing", code=1)[1])

    def test_both_need_the_grant_admin(self):
        self.change(Access={"User": 0, "Grants": "read"})
        self.aziot("reload")
        for verb in ("config", "reload"):
            self.assertIn("admin", self.aziot(verb, code=1)[1])


if __name__ == "__main__":
    tap.main()
