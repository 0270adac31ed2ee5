#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""io.aziotd.broker: telemetry to and from a stock mosquitto, by a daemon that has no hub."""

import json
import re
import select
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import harness
from harness import Wire, eventually, tap

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "broker"))
from broker import Broker, assert_complete, numbers  # noqa: E402

SEND, WATCH = "io.aziotd.broker.Send", "io.aziotd.broker.Watch"
ERROR = "io.aziotd.broker."


class Case(harness.DaemonCase):
    starts_hub = False
    broker_options = {"with_tls": False}
    broker_config = []
    keys = {}

    def start_daemon(self):
        self.broker = Broker(self.directory, **self.broker_options)
        self.addCleanup(self.broker.end)
        self.broker.extra_config = list(self.broker_config)
        self.broker.start()
        self.daemon.config["Hub"] = {}
        self.daemon.config["Broker"] = {"Host": self.broker.host, "Port": self.broker.port, "ClientId": "dev",
                                        "TLS": "no", **self.keys}
        self.daemon.start()
        self.wait_for_broker("online")

    def wait_for_broker(self, state):
        return self.daemon.wait_for_status(lambda status: status["broker"]["link"]["state"] == state, f"broker {state}")

    def send(self, topic, message=None, **parameters):
        return self.daemon.call(SEND, {"topic": topic, "message": message or {}, **parameters})

    def watch(self, topic, timeout_s=harness.TIMEOUT_S, **parameters):
        """A connection that watches, and has heard that it is subscribed."""
        wire = self.daemon.connect(timeout_s)
        wire.send(WATCH, {"topic": topic, **parameters}, more=True)
        wire.filter = wire.receive()["filter"]
        return wire


class Telemetry(Case):
    def test_a_message_has_all_that_its_program_gave(self):
        watcher = self.watch("line/+/state")
        self.send("line/{n}/state", {
            "body": {"n": 9007199254740993}, "metadata": [{"key": "b", "value": "2"}, {"key": "a", "value": "1"},
                                                          {"key": "b", "value": "3"}],
            "cloudEvent": {"source": "urn:press", "id": "7", "time": "2026-11-22T21:00:00Z"}},
            tokens={"n": "3"}, expirySeconds=60, stage="delivered")
        message = watcher.receive()["message"]
        self.assertEqual(message.pop("expirySeconds") in (59, 60), True)
        self.assertRegex(message.pop("timestamp"), r"^\d{15}:\d{5}:[0-9a-f-]{36}$")
        self.assertEqual(message, {
            "topic": "line/3/state", "body": {"n": 9007199254740993}, "contentType": "application/json",
            "formatIndicator": 1, "metadata": [{"key": "b", "value": "2"}, {"key": "a", "value": "1"},
                                               {"key": "b", "value": "3"}],
            "cloudEvent": {"source": "urn:press", "id": "7", "specversion": "1.0", "type": "ms.aio.telemetry",
                           "subject": "line/3/state", "time": "2026-11-22T21:00:00Z"},
            "sender": "dev", "retained": False, "redelivered": False})


    def test_a_filter_is_watched_and_what_is_no_telemetry_comes_as_it_is(self):
        watcher = self.watch("#")
        self.broker.publish("any/where", "text", '{"n":1}')
        self.assertEqual([watcher.receive()["message"] for _ in range(2)], [
            {"topic": "any/where", **content, "metadata": [], "retained": False, "redelivered": False}
            for content in ({"text": "text"}, {"body": {"n": 1}})])

    def test_a_pattern_tells_what_stands_for_its_tokens(self):
        watcher = self.watch("line/{n}/{what}", tokens={"what": "state"})
        self.assertEqual(watcher.filter, "line/+/state")
        self.broker.publish("line/4/state", "x")
        self.assertEqual(watcher.receive()["message"]["tokens"], {"what": "state", "n": "4"})

    def test_a_retained_message_is_kept_for_who_comes_later(self):
        self.send("kept", {"text": "x"}, retain=True, persist=True, stage="delivered")
        message = self.watch("kept").receive()["message"]
        self.assertEqual((message["retained"], message["metadata"]), (True, [{"key": "aio-persistence", "value": "true"}]))

    def test_many_that_watch_the_same_get_all_of_it(self):
        def read(wire):
            return [int(wire.receive()["message"]["text"]) for _ in range(3000)]

        watchers = [self.watch("load") for _ in range(8)]
        with ThreadPoolExecutor(len(watchers)) as pool:
            found = pool.map(read, watchers)
            self.broker.publish("load", *range(3000))
            self.assertTrue(all(numbers == list(range(3000)) for numbers in found))

    def test_many_that_do_not_read_do_not_hold_up_others(self):
        watchers, other = [self.watch("load") for _ in range(8)], self.watch("other")
        self.broker.publish("load", *range(4000))
        self.broker.publish("other", "x")
        self.assertEqual(other.receive()["message"]["text"], "x")
        for watcher in watchers:
            watcher.close()

    def test_those_that_share_a_name_share_the_messages(self):
        watcher, other = self.watch("s", shareName="g"), self.broker.listen("$share/g/s")
        self.broker.publish("s", *range(10))
        mine = {watcher.receive()["message"]["text"] for _ in range(5)}
        theirs = set(eventually(lambda: len(found := re.findall(r"(?m)^s (\d)$", other.output())) == 5 and found, "5"))
        self.assertEqual((mine | theirs, mine & theirs), (set("0123456789"), set()))
        other.stop()

    def test_what_is_wrong_is_named(self):
        for field, parameters in (
                ("topic", {"topic": "a/+"}), ("topic", {"topic": "a//b"}), ("persist", {"persist": True}),
                ("tokens", {"topic": "a/{b}"}),
                ("tokens", {"topic": "a/{b}", "tokens": {"b": "+"}}),
                ("body", {"message": {"body": {}, "text": ""}}), ("data", {"message": {"data": "?"}}),
                ("message.metadata", {"message": {"metadata": [{"key": "__ts", "value": "1"}]}}),
                ("message.metadata", {"message": {"metadata": [{"key": "k", "value": "v" * 9000}]}}),
                ("message.cloudEvent", {"message": {"cloudEvent": {"source": "::::"}}})):
            with self.subTest(field=field, parameters=parameters), self.refused(ERROR + "InvalidMessage", field=field):
                self.daemon.call(SEND, {"topic": "t", "message": {}, **parameters})
        with self.refused(ERROR + "MessageTooLarge", limitBytes=256 * 1024):
            self.send("t", {"text": "x" * (256 * 1024 + 1)})
        with self.refused(ERROR + "InvalidMessage", field="topic"):
            self.watch("a/#/b")

    def test_what_needs_a_hub_says_that_there_is_none(self):
        with self.refused("io.aziotd.device.NoHub"):
            self.daemon.send(text="x")
        status = self.daemon.status()
        self.assertEqual((status["noHub"], status["link"]["state"]), (True, "stopped"))
        self.assertEqual((status["broker"]["clientId"], status["broker"]["link"]["host"]), ("dev", self.broker.host))
        shown = self.run_cli("status")
        self.assertEqual(shown.wait(), 0)
        self.assertRegex(shown.output(), rf"broker +{self.broker.host} as dev\nlink +online since")
        self.assertNotIn("hub", shown.output())


class Delivery(Case):
    def test_what_was_accepted_is_delivered_once_the_broker_is_back(self):
        self.broker.stop()
        self.wait_for_broker("waiting")
        for n in range(300):
            self.send("load", {"body": {"n": n}})
        self.daemon.kill()
        self.daemon.start()
        for n in range(300, 400):
            self.send("load", {"body": {"n": n}})
        self.broker.start()
        self.daemon.call("io.aziotd.device.Reconnect", {"link": "broker"})
        eventually(lambda: self.daemon.status()["broker"]["outbox"]["messages"] == 0, "all has left")
        assert_complete(self, numbers(self.broker.messages("load")), 400)

    def test_nothing_is_lost_when_the_broker_dies_with_its_session_or_without(self):
        for n in range(400):
            if n % 100 == 50:
                self.broker.kill(keeps_session=n == 150)
                self.broker.start()
            self.send("load", {"body": {"n": n}})
        eventually(lambda: self.daemon.status()["broker"]["outbox"]["messages"] == 0, "all has left")
        assert_complete(self, numbers(self.broker.messages("load")), 400)

    def test_a_watch_goes_on_when_the_broker_has_lost_the_session(self):
        watcher = self.watch("w")
        self.broker.kill(keeps_session=False)
        self.broker.start()
        self.wait_for_broker("online")
        eventually(lambda: "broker-session-lost" in [
            notice["problem"] for notice in self.daemon.call("io.aziotd.device.Explain")["broker"]["notices"]], "notice")
        # It is online a moment before it has subscribed.
        eventually(lambda: self.broker.publish("w", "x") or select.select([watcher.socket], [], [], 0.1)[0], "a message")
        self.assertEqual(watcher.receive()["message"]["text"], "x")

    def test_the_expiry_is_what_is_left_and_what_has_expired_does_not_come(self):
        self.broker.stop()
        self.wait_for_broker("waiting")
        self.send("e", {"text": "short"}, expirySeconds=1)
        self.send("e", {"text": "long"}, expirySeconds=100)
        time.sleep(2.1)
        self.broker.start()
        watcher = self.daemon.connect()
        self.daemon.call("io.aziotd.device.Reconnect")
        self.wait_for_broker("online")
        eventually(lambda: self.broker.messages("e"), "a message")
        self.assertEqual(self.broker.messages("e"), ["long"])
        self.assertEqual(self.daemon.status()["broker"]["outbox"]["dropped"]["expired"], 1)
        watcher.close()

    def test_who_waits_for_the_stage_hears_when_it_is_reached(self):
        self.broker.stop()
        self.wait_for_broker("waiting")
        with Wire(self.daemon.socket_path, harness.TIMEOUT_S) as wire:
            for stage in ("durable", "delivered"):
                wire.send(SEND, {"topic": "s", "message": {}, "stage": stage})
            self.assertIn("sequence", wire.receive())
            self.broker.start()
            self.assertIn("sequence", wire.receive())
        with self.refused(ERROR + "NotDelivered", reason="timeout"):
            self.broker.stop()
            self.send("s", stage="delivered", timeoutSeconds=1)
        self.broker.start()

    def test_a_reload_connects_anew_with_all_subscriptions(self):
        watcher = self.watch("r")
        self.daemon.config["Broker"]["KeepAliveSec"] = 33
        self.daemon.write_config()
        self.assertEqual(self.daemon.call("io.aziotd.device.Reload")["applied"], ["Broker.KeepAliveSec"])
        self.broker.wait_for(r"as dev \(p5, c0, k33", n=1)
        self.broker.publish("r", "x")
        self.assertEqual(watcher.receive()["message"]["text"], "x")

    def test_a_broker_can_come_and_go_with_a_reload(self):
        section = self.daemon.config.pop("Broker")
        self.daemon.write_config()
        self.daemon.call("io.aziotd.device.Reload")
        with self.refused(ERROR + "NoBroker"):
            self.send("t")
        self.assertNotIn("broker", self.daemon.status())
        self.daemon.config["Broker"] = section
        self.daemon.write_config()
        self.daemon.call("io.aziotd.device.Reload")
        self.wait_for_broker("online")
        self.send("t", {"text": "x"}, stage="delivered")
        self.assertEqual(self.broker.messages("t"), ["x"])


class Refusals(Case):
    """Nobody may publish but below 'yes'."""

    def test_a_refused_message_is_told_and_kept(self):
        self.broker.stop()
        acl = self.broker.directory / "acl"
        acl.write_text("topic readwrite yes/#\npattern readwrite yes/#\n")
        self.broker.extra_config.append(f"acl_file {acl}")
        self.broker.start()
        self.daemon.call("io.aziotd.device.Reconnect")
        self.wait_for_broker("online")
        with self.refused(ERROR + "NotDelivered", reason="refused", reasonCode=0x87):
            self.send("no", {"text": "x", "metadata": [{"key": "k", "value": "v"}]}, stage="delivered")
        self.send("yes/a", stage="delivered")
        self.assertEqual(self.daemon.status()["broker"]["outbox"]["dropped"]["rejected"], 1)
        letter = self.letter()
        self.assertEqual((letter["topic"], letter["data"], letter["metadata"][0]), ("no", "eA==", {"key": "k", "value": "v"}))

    def letter(self):
        letters = self.daemon.state_path / "dead-letters-broker"
        path = eventually(lambda: [p for p in letters.glob("message-*") if p.suffix != ".new"], "a letter")[0]
        return json.loads(path.read_text().split("\n", 1)[1])


class Tls(Case):
    broker_options = {"with_tls": True}
    keys = {"TLS": "yes"}

    def start_daemon(self):
        self.keys = {"TLS": "yes", "TrustedCAFile": self.directory / "ca.pem"}
        super().start_daemon()

    def wait_for_broker(self, state):
        if state == "online" and not (self.directory / "ca.pem").exists():
            self.show_what_is_wrong()
        return super().wait_for_broker(state)

    def show_what_is_wrong(self):
        """Without the file the link cannot be made."""
        super().wait_for_broker("waiting")
        self.assertEqual(self.check().pop("link"), "failed")
        shown = self.run_cli("why")
        self.assertEqual(shown.wait(), 3)
        self.assertRegex(shown.output(), r"link +OFFLINE(.|\n)*broker +localhost(.|\n)*TrustedCAFile= in \[Broker\]")
        (self.directory / "ca.pem").write_bytes(self.broker.ca_file.read_bytes())

    def check(self):
        with Wire(self.daemon.socket_path, harness.TIMEOUT_S) as wire:
            wire.send("io.aziotd.device.Check", more=True)
            steps = {}
            while "link" not in steps:
                step = wire.receive()
                steps[step["step"]] = step["outcome"]
            return steps

    def test_it_is_checked_step_by_step(self):
        self.assertEqual(self.check(), {step: "ok" for step in ("clock", "identity", "outbox", "disk", "name", "tcp", "tls",
                                                                "link")})

    def test_a_configuration_is_looked_at_with_the_files_that_it_names(self):
        def look():
            return subprocess.run([harness.BUILD / "aziotd", "--check-config", "--config", self.daemon.config_path],
                                  capture_output=True, text=True, env=harness.environment())

        self.assertIn("has a broker, and no hub", look().stdout)
        (self.directory / "ca.pem").write_text("rubbish")
        self.assertEqual((look().returncode != 0, "TrustedCAFile" in look().stderr), (True, True))


class Rules(Case):
    config = {"Access": [{"User": 0, "BrokerSend": "ns/mine/#", "BrokerWatch": "ns/seen/+"}]}
    keys = {"TopicNamespace": "ns"}

    def test_topics_are_those_of_the_rule_and_of_the_namespace(self):
        self.send("mine/a", {"text": "x"}, stage="delivered")
        self.assertEqual(self.broker.messages("ns/mine/a"), ["x"])
        with self.refused(ERROR + "TopicDenied", topic="ns/other", rule=f"{self.daemon.config_path}:{self.line()}"):
            self.send("other")
        self.assertEqual(self.watch("seen/+").filter, "ns/seen/+")
        for topic in ("seen/#", "#", "other"):
            with self.subTest(topic=topic), self.refused(ERROR + "TopicDenied"):
                self.watch(topic)

    def test_a_reload_ends_what_is_not_allowed_any_more(self):
        watcher = self.watch("seen/a")
        self.daemon.config["Access"] = [{"User": 0, "BrokerWatch": "ns/nothing"}]
        self.daemon.write_config()
        self.daemon.call("io.aziotd.device.Reload")
        with self.refused(ERROR + "TopicDenied", topic="ns/seen/a"):
            watcher.receive()

    def line(self):
        return self.daemon.config_path.read_text().splitlines().index("[Access]") + 1


class StuckProgram(Case):
    keys = {"ReceiveMaximum": 20}

    def test_a_program_that_reads_nothing_does_not_keep_messages_from_the_others(self):
        stuck, other = self.watch("large"), self.watch("small", timeout_s=60)
        self.broker.publish("large", *["x" * 100_000] * 40)
        self.broker.publish("small", "s")
        self.assertEqual(other.receive()["message"]["text"], "s")
        with self.assertRaises(ConnectionResetError):
            while True:
                stuck.receive()


class StuckPrograms(Case):
    broker_config = ["max_inflight_messages 0"]  # as many as the daemon's Receive Maximum

    def test_what_was_more_than_could_be_remembered_comes_again(self):
        stuck = [self.watch("many") for _ in range(6)]
        other = self.watch("small", timeout_s=60)
        self.broker.publish("many", *["x" * 2000] * 3000)
        self.broker.publish("small", "s")
        self.assertEqual(other.receive()["message"]["text"], "s")
        for wire in stuck:
            wire.close()


class BothClouds(harness.DaemonCase):
    """A hub and a broker."""

    def test_each_gets_its_own(self):
        broker = Broker(self.directory, with_tls=False)
        self.addCleanup(broker.end)
        broker.start()
        self.daemon.config["Broker"] = {"Host": broker.host, "Port": broker.port, "ClientId": "dev", "TLS": "no"}
        self.daemon.write_config()
        self.daemon.call("io.aziotd.device.Reload")
        self.daemon.n_descriptors = None
        self.daemon.call(SEND, {"topic": "t", "message": {"text": "b"}, "stage": "delivered"})
        self.daemon.call("io.aziotd.telemetry.Send", {"message": {"text": "h"}, "stage": "delivered"})
        self.assertEqual(broker.messages("t"), ["b"])
        self.assertEqual(len(self.hub.wait_for_messages(lambda messages: len(messages) == 1)), 1)
        explained = self.daemon.call("io.aziotd.device.Explain")
        self.assertEqual((explained["online"], explained["broker"]["online"]), (True, True))


if __name__ == "__main__":
    tap.main()
