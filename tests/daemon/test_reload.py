#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The configuration is loaded again: what changes takes effect, nobody is disconnected, and nothing is lost."""

import contextlib
import signal
import time

import harness
from harness import Load, Traffic, VarlinkError, Wire, eventually, tap

DEVICE = "io.aziotd.device."
SEND = "io.aziotd.telemetry.Send"
TAKE = "io.aziotd.methods.Take"
SETTLE = "io.aziotd.methods.Settle"

RELOADS = 40


class ReloadCase(harness.DaemonCase):
    def configure(self, **sections):
        """Sets keys, or with None removes them, and writes the file."""
        for section, keys in sections.items():
            if isinstance(keys, list):
                self.daemon.config[section] = keys
            else:
                self.daemon.config.setdefault(section, {}).update(keys)
        self.daemon.write_config()

    def reload(self, **sections):
        """The same, and loads it; returns the keys that were taken."""
        self.configure(**sections)
        return self.daemon.call(DEVICE + "Reload")["applied"]

    def mistakes(self):
        with self.assertRaises(VarlinkError) as caught:
            self.daemon.call(DEVICE + "Reload")
        self.assertEqual(caught.exception.name, DEVICE + "ConfigInvalid")
        return caught.exception.parameters["messages"]

    def setting(self, section, key):
        settings = self.daemon.call(DEVICE + "GetConfig")["settings"]
        return next(s for s in settings if (s["section"], s["key"]) == (section, key))


class Live(ReloadCase):
    def test_nothing_new_is_nothing_to_do(self):
        since = self.daemon.status()["link"]["since"]
        self.assertEqual(self.daemon.call(DEVICE + "Reload"), {"applied": [], "needRestart": [], "warnings": []})
        self.assertEqual(self.daemon.status()["link"]["since"], since)

    def test_a_signal_does_the_same_and_the_manager_is_told(self):
        told = len(self.daemon.notify.messages)
        self.configure(Log={"Level": "debug"})
        self.daemon.program.send_signal(signal.SIGHUP)
        told = self.daemon.notify.wait_for("^RELOADING=1$", since=told)
        self.daemon.notify.wait_for("^READY=1$", since=told)
        self.daemon.program.wait_for_output(r"Configuration loaded again: Log\.Level taken$")
        self.assertEqual(self.daemon.call(DEVICE + "GetLogLevel"), {"level": "debug", "configured": "debug"})

    def test_a_level_that_was_set_meanwhile_is_over(self):
        self.daemon.call(DEVICE + "SetLogLevel", {"level": "debug"})
        self.reload()
        self.assertEqual(self.daemon.call(DEVICE + "GetLogLevel")["level"], "info")

    def test_the_outbox_has_other_limits(self):
        self.hub.stop()
        self.daemon.wait_for_link("waiting")
        applied = self.reload(Outbox={"MaxMessages": 16, "MaxBytes": "8M"})
        self.assertEqual(applied, ["Outbox.MaxBytes", "Outbox.MaxMessages"])
        for n in range(14):
            self.daemon.send(body={"n": n})
        with self.refused("io.aziotd.telemetry.OutboxFull"):
            self.daemon.send(body={"n": 14})
        self.reload(Outbox={"WhenFull": "drop-oldest"})
        self.daemon.send(body={"n": 14})
        self.reload(Outbox={"MaxMessages": 32, "WhenFull": "reject"})
        for n in range(15, 20):
            self.daemon.send(body={"n": n})
        self.hub.start()
        self.daemon.wait_online()
        self.assertEqual([m["body"]["n"] for m in self.hub.wait_for_messages(19)], list(range(1, 20)))

    def test_messages_that_have_no_time_of_their_own_expire(self):
        self.hub.stop()
        self.daemon.wait_for_link("waiting")
        self.reload(Outbox={"MessageTTLSec": "1s", "ReportDrops": "yes"})
        self.daemon.send(body={"n": 0})
        time.sleep(1.1)
        self.reload(Outbox={"MessageTTLSec": None})
        self.daemon.send(body={"n": 1})
        self.hub.start()
        self.daemon.wait_online()
        first, report = self.hub.wait_for_messages(2)
        self.assertEqual(first["body"], {"n": 1})
        self.assertEqual(report["body"]["dropped"], {"expired": 1})

    def test_drops_are_not_reported_any_more(self):
        self.reload(Outbox={"ReportDrops": "yes"})
        self.reload(Outbox={"ReportDrops": None, "MaxMessages": 16})
        self.hub.stop()
        self.daemon.wait_for_link("waiting")
        for n in range(14):
            self.daemon.send(body={"n": n})
        with self.refused("io.aziotd.telemetry.OutboxFull"):
            self.daemon.send(body={"n": 14})
        self.hub.start()
        self.daemon.wait_online()
        self.daemon.wait_for_empty_outbox()
        self.assertEqual(len(self.hub.messages()), 14)

    def test_a_method_has_another_time_limit(self):
        self.reload(Hub={"MethodTimeoutSec": "1s"})
        worker = self.daemon.connect()
        worker.send(TAKE, {"names": ["slow"], "timeoutSeconds": 60})
        eventually(lambda: self.daemon.call("io.aziotd.methods.List")["names"], "slow is served")
        begin = time.monotonic()
        self.assertEqual(self.hub.invoke("slow")[0], 504)
        self.assertLess(time.monotonic() - begin, 10)

    def test_the_inbox_has_another_limit(self):
        self.reload(Hub={"InboxMaxMessages": 1})
        for n in range(3):
            self.hub.call("SendMessage", {"device": "demo", "body": f"{n}"})
        self.daemon.wait_for_status(lambda s: s["inbox"]["stalled"], "the inbox is full")
        self.reload(Hub={"InboxMaxMessages": None})
        self.daemon.wait_for_status(lambda s: s["inbox"]["messages"] == 3 and not s["inbox"]["stalled"],
                                    "all of them are stored")

    def test_rules_hold_for_who_is_connected(self):
        wire = self.daemon.connect()
        wire.call(SEND, {"message": {"text": "before"}})
        self.assertEqual(self.reload(Access=[{"User": 0, "Grants": "read admin"}]), ["Access"])
        with self.refused("org.varlink.service.PermissionDenied", grant="send"):
            wire.call(SEND, {"message": {"text": "meanwhile"}})
        self.reload(Access=[])
        wire.call(SEND, {"message": {"text": "afterwards"}})

    def test_who_asks_may_lose_the_right_to(self):
        self.assertEqual(self.reload(Access=[{"User": 0, "Grants": "none"}]), ["Access"])
        with self.refused("org.varlink.service.PermissionDenied", grant="admin"):
            self.reload(Access=[])
        self.daemon.program.send_signal(signal.SIGHUP)
        eventually(lambda: self.daemon.program.output().count("Configuration loaded again: Access taken") == 2,
                   "the rules are gone")
        self.daemon.send(text="afterwards")

    def test_what_needs_a_restart_is_named_and_left(self):
        self.configure(Outbox={"Directory": self.directory / "elsewhere", "MaxBytes": "8M"})
        self.assertEqual(self.daemon.call(DEVICE + "Reload"),
                         {"applied": ["Outbox.MaxBytes"], "needRestart": ["Outbox.Directory"], "warnings": []})
        setting = self.setting("Outbox", "Directory")
        self.assertNotIn("value", setting)
        self.assertEqual(setting["pending"], str(self.directory / "elsewhere"))
        self.assertEqual(self.daemon.call(DEVICE + "Reload")["needRestart"], ["Outbox.Directory"])
        self.assertFalse((self.directory / "elsewhere").exists())

    def test_what_may_not_be_meant_so_is_told(self):
        self.configure(Outbox={"DrainBurst": 5})
        (warning,) = self.daemon.call(DEVICE + "Reload")["warnings"]
        self.assertRegex(warning, r"aziotd\.conf:\d+: \[Outbox\] DrainBurst=: .*DrainPerSec=")


class Mistakes(ReloadCase):
    def test_everything_is_named_and_nothing_changes(self):
        link, config = self.daemon.status()["link"], self.daemon.call(DEVICE + "GetConfig")["settings"]
        drop_ins = self.directory / "aziotd.conf.d"
        drop_ins.mkdir()
        (drop_ins / "10.conf").write_text("[Outbux]\nMaxBytes=8M\n")
        (drop_ins / "20.conf").write_text("[Outbox]\nMaxByte=8M\nWhenFull=drop-oldst\n[Hub]\nDeviceId=d\n")
        self.configure(Log={"Level": "debug"}, Access=[{"User": 0, "Grants": "none"}])
        patterns = [r"10\.conf:1: \[Outbux\]: .*Did you mean \[Outbox\]\?$",
                    r"20\.conf:2: \[Outbox\] MaxByte=: .*Did you mean MaxBytes=\?$",
                    r"20\.conf:3: \[Outbox\] WhenFull=drop-oldst: .*Did you mean 'drop-oldest'\?$"]
        messages = self.mistakes()
        self.assertEqual(len(messages), len(patterns))
        for message, pattern in zip(messages, patterns, strict=True):
            self.assertRegex(message, pattern)
            self.daemon.program.wait_for_output(pattern)
        self.daemon.program.wait_for_output(r"The configuration has mistakes \(3\): what is in use stays")
        reply = self.daemon.call(DEVICE + "GetConfig")
        self.assertEqual(reply["settings"], config)
        self.assertEqual(reply["mistakes"], messages)
        self.assertEqual(self.daemon.status()["link"], link)
        self.assertEqual(self.daemon.call(DEVICE + "GetLogLevel")["level"], "info")

    def test_keys_that_contradict_each_other_are_refused(self):
        self.configure(Provisioning={"IdScope": "0ne1", "RegistrationId": "r"})
        (message,) = self.mistakes()
        self.assertRegex(message, r"ConnectionStringFile=: \[Provisioning\] IdScope= is set, too \(.*:\d+\)")

    def test_a_file_that_cannot_be_used_is_refused_while_there_is_a_link(self):
        nothing = self.directory / "nothing"
        nothing.write_text("")
        nothing.chmod(0o600)
        for key in ("TrustedCAFile", "ConnectionStringFile"):
            for value in (nothing, "/nonexistent"):
                with self.subTest(key=key, value=value):
                    before = self.daemon.config["Hub"][key]
                    self.configure(Hub={key: value})
                    (message,) = self.mistakes()
                    self.assertRegex(message, rf"aziotd\.conf:\d: \[Hub\] {key}=: .*{value}")
                    self.configure(Hub={key: before})
        self.assertEqual(self.daemon.status()["link"]["state"], "online")
        self.assertEqual(self.reload(), [])

    def test_a_signal_that_finds_mistakes_leaves_the_daemon_ready(self):
        told = len(self.daemon.notify.messages)
        self.configure(Hub={"Hots": "x"})
        self.daemon.program.send_signal(signal.SIGHUP)
        told = self.daemon.notify.wait_for("^RELOADING=1$", since=told)
        self.daemon.notify.wait_for("^READY=1$", since=told)
        self.daemon.program.wait_for_output(r"\[Hub\] Hots=: there is no such key\. Did you mean Host=\?")


class Link(ReloadCase):
    """Keys of the link are taken by a renewal."""

    def states_of_reload(self, **sections):
        with self.daemon.connect() as watcher:
            watcher.call(DEVICE + "WatchStatus", {}, more=True)
            self.reload(**sections)
            states = []
            while not states or states[-1] != "online":
                state = watcher.receive()["link"]["state"]
                if states or state != "online":
                    states.append(state)
        return states

    def test_it_is_renewed(self):
        states = self.states_of_reload(Hub={"KeepAliveSec": "20s"}, Network={"TLSTimeoutSec": "30s"})
        self.assertEqual(states, ["renewing", "online"])
        self.assertNotIn("lastError", self.daemon.status()["link"])
        self.assertEqual(self.setting("Hub", "KeepAliveSec")["value"], "20s")

    def test_it_takes_another_transport(self):
        port = self.hub.program.wait_for_output(r"WebSocket: +\S+:(\d+)")[1]
        self.states_of_reload(Network={"Transports": "websocket", "WebSocketPort": port})
        self.assertEqual(self.daemon.call(DEVICE + "Explain")["connection"]["transport"], "websocket")

    def test_it_is_another_device(self):
        string = self.hub.call("AddDevice", {"device": "other"})["connectionString"]
        path = self.directory / "other"
        path.write_text(string)
        path.chmod(0o600)
        self.hub.call("HoldPubacks", {"hold": True})
        wire = self.daemon.connect()
        wire.send(SEND, {"message": {"body": {"n": 0}}, "stage": "delivered"})
        self.hub.wait_for_messages(1)
        self.hub.call("HoldPubacks", {"hold": False})
        self.states_of_reload(Hub={"ConnectionStringFile": path})
        self.assertEqual(self.daemon.status()["deviceId"], "other")
        wire.receive()
        self.daemon.send(body={"n": 1})
        self.daemon.wait_for_empty_outbox()

    def test_authorities_that_do_not_know_the_hub_are_rolled_back(self):
        other = harness.Hub(self.directory / "second")
        self.addCleanup(other.stop)
        (self.directory / "second").mkdir()
        other.start()
        self.reload(Hub={"TrustedCAFile": other.ca_file})
        self.daemon.program.wait_for_output("Renewed the connection")
        notices = [n["problem"] for n in self.daemon.call(DEVICE + "Explain")["notices"]]
        self.assertIn("credentials-rolled-back", notices)

    def test_a_device_that_waits_for_the_hub_tries_at_once(self):
        self.daemon.config["Hub"]["Port"] = 1
        self.hub.stop()
        self.daemon.wait_for_link("waiting")
        self.hub.start()
        self.reload(Hub={"KeepAliveSec": "20s"})
        self.daemon.wait_online()


class NoIdentity(ReloadCase):
    config = {"Hub": {"ConnectionStringFile": None}}
    starts_daemon = False

    def test_a_device_gets_its_identity_by_a_reload(self):
        path = self.hub.connection_string_file
        self.start_daemon()
        self.daemon.wait_for_link("waiting")
        self.assertEqual(self.reload(Hub={"KeepAliveSec": "20s"}), ["Hub.KeepAliveSec"])
        self.daemon.send(body={"n": 0})
        self.reload(Hub={"ConnectionStringFile": path})
        self.daemon.wait_online()
        self.hub.wait_for_messages(1)


class UnderLoad(ReloadCase):
    def test_no_connection_is_closed_and_nothing_is_lost(self):
        traffic, taken = Traffic(self), []

        def take(goes_on):
            with Wire(self.daemon.socket_path, harness.TIMEOUT_S) as wire:
                n = 0
                while goes_on():
                    self.hub.call("SendMessage", {"device": "demo", "body": f"{n}"})
                    message = wire.call("io.aziotd.messages.Take", {"timeoutSeconds": harness.TIMEOUT_S})["message"]
                    wire.call("io.aziotd.messages.Settle", {"id": message["id"]})
                    taken.append(message["text"])
                    n += 1

        changes = [{"Hub": {"KeepAliveSec": "20s"}}, {"Hub": {"KeepAliveSec": None}},
                   {"Outbox": {"MaxBytes": "128M"}}, {"Outbox": {"MaxBytes": None}},
                   {"Log": {"Level": "notice"}}, {"Log": {"Level": None}},
                   {"Hub": {"TokenLifetimeSec": "2h"}, "Network": {"TCPUserTimeoutSec": "30s"}},
                   {"Access": [{"User": 0, "OutboxMaxMessages": 1000000}]}]
        watcher = self.daemon.connect()
        states = {watcher.call(DEVICE + "WatchStatus", {}, more=True)["link"]["state"]}

        def watch(goes_on):
            while goes_on():
                with contextlib.suppress(TimeoutError):
                    states.add(watcher.receive()["link"]["state"])

        watcher.socket.settimeout(0.5)
        with Load(traffic.send, traffic.send_and_wait, traffic.work, traffic.invoke, take, watch):
            for i in range(RELOADS):
                self.reload(**changes[i % len(changes)])
                time.sleep(0.02 * (i % 8))
        print(f"# {RELOADS} reloads: {len(traffic.accepted)} messages, {len(traffic.answered)} calls, {len(taken)} "
              "messages of the cloud")
        self.daemon.wait_online()
        traffic.assert_nothing_is_lost()
        self.assertEqual(states, {"online", "renewing"})
        self.assertEqual(taken, [f"{n}" for n in range(len(taken))])


if __name__ == "__main__":
    tap.main()
