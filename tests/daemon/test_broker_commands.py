#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Commands over a broker: io.aziotd.broker's Invoke, Take and Settle, among ourselves and with a stranger."""

import re
import sys
import time
import uuid
from pathlib import Path

import harness
from harness import VarlinkError, eventually, tap

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "broker"))
from broker_case import BrokerCase  # noqa: E402
from stranger import Stranger  # noqa: E402

PATTERN = "site/{line}/increment"
TOPIC = "site/3/increment"


class Among(BrokerCase):
    """Programs of this device."""

    def test_a_command_is_carried_out(self):
        worker, invoker = self.daemon.connect(), self.daemon.connect()
        worker.send("io.aziotd.broker.Take", {"topic": PATTERN})
        event = {"source": "/line3", "type": "t", "subject": "s"}
        invoker.send("io.aziotd.broker.Invoke", {
            "topic": PATTERN, "tokens": {"line": "3"}, "timeoutSeconds": 20,
            "request": {"body": {"n": 1}, "metadata": [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}],
                        "cloudEvent": event}})
        request = worker.receive()["request"]
        self.assertEqual((request["topic"], request["tokens"]), (TOPIC, {"line": "3"}))
        self.assertEqual((request["body"], request["contentType"], request["formatIndicator"]),
                         ({"n": 1}, "application/json", 1))
        self.assertEqual(request["metadata"], [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}])
        self.assertLessEqual(event.items(), request["cloudEvent"].items())
        self.assertEqual((request["sender"], request["redelivered"]), (self.client_id, False))
        self.assertRegex(request["timestamp"], r"^\d{15}:\d{5}:.+")
        self.assertRegex(request["deadline"], r"^\d{4}-.*Z$")

        worker.call("io.aziotd.broker.Settle", {"id": request["id"], "response": {
            "text": "2", "contentType": "text/plain", "metadata": [{"key": "a", "value": "b"}],
            "cloudEvent": {"source": "/back"}}})
        response = invoker.receive()["response"]
        self.assertEqual((response["text"], response["contentType"], response["sender"]),
                         ("2", "text/plain", self.client_id))
        self.assertEqual(response["metadata"], [{"key": "a", "value": "b"}])
        self.assertEqual(response["cloudEvent"]["type"], "ms.aio.rpc.response")
        self.assertNotIn("applicationError", response)

    def test_bytes_pass_as_they_are(self):
        with self.serving(TOPIC, lambda request: {"response": {key: request[key] for key in ("body", "text", "data")
                                                               if key in request}}):
            for message in ({"body": {"n": 9007199254740993}}, {"text": "{\"é\":\u0000}"}, {"data": "/wA="}, {}):
                with self.subTest(message):
                    response = self.invoke(TOPIC, message)["response"]
                    self.assertEqual({k: v for k, v in response.items() if k in ("body", "text", "data")}, message)

    def test_an_error_comes_with_all_that_is_known(self):
        def fail(_request):
            return {"failure": "the press is jammed"}

        with self.serving(TOPIC, fail), self.refused(
                "io.aziotd.broker.CommandFailed", kind="executionError", message="the press is jammed",
                isRemote=True, isShallow=False, commandName=TOPIC):
            self.invoke(TOPIC)
        with self.refused("io.aziotd.broker.CommandFailed", kind="timeout", propertyName="commandTimeout",
                          propertyValue="PT1S", isRemote=False, isShallow=False):
            self.invoke("nobody/there", timeoutSeconds=1)
        with self.refused("io.aziotd.broker.CommandFailed", kind="invalidConfiguration", propertyName="line",
                          isShallow=True):
            self.invoke(PATTERN)
        with self.refused("io.aziotd.broker.CommandFailed", kind="invalidConfiguration",
                          propertyName="requestTopicPattern", propertyValue="a//b"):
            self.invoke("a//b")
        with self.refused("io.aziotd.broker.CommandFailed", kind="invalidConfiguration", propertyName="CloudEvent"):
            self.invoke(TOPIC, {"cloudEvent": {"source": "::::"}})
        with self.refused("io.aziotd.broker.InvalidMessage", field="data"):
            self.invoke(TOPIC, {"data": "%"})

    def test_an_application_has_errors_of_its_own(self):
        answer = {"response": {"text": "no"}, "applicationError": {"code": "too-hot", "payload": "90 degrees"}}
        with self.serving(TOPIC, lambda _request: answer):
            response = self.invoke(TOPIC)["response"]
        self.assertEqual(response["applicationError"], {"code": "too-hot", "payload": "90 degrees"})
        self.assertEqual(response["text"], "no")

    def test_an_answer_that_cannot_be_sent_is_told_to_both(self):
        worker, invoker = self.daemon.connect(), self.daemon.connect()
        for settle, error in (({"response": {"data": "%"}}, "InvalidMessage"),
                              ({"response": {"metadata": [{"key": "__ts", "value": ""}]}}, "CommandFailed")):
            with self.subTest(error):
                worker.send("io.aziotd.broker.Take", {"topic": TOPIC})
                invoker.send("io.aziotd.broker.Invoke", {"topic": TOPIC})
                request = worker.receive()["request"]
                with self.refused(f"io.aziotd.broker.{error}"):
                    worker.call("io.aziotd.broker.Settle", {"id": request["id"], **settle})
                with self.refused("io.aziotd.broker.CommandFailed", kind="executionError", isRemote=True):
                    invoker.receive()
                with self.refused("io.aziotd.broker.RequestGone", id=request["id"]):
                    worker.call("io.aziotd.broker.Settle", {"id": request["id"]})

    def test_workers_share_and_one_that_vanishes_gives_back(self):
        first, second, invoker = (self.daemon.connect() for _ in range(3))
        first.send("io.aziotd.broker.Take", {"topic": TOPIC})
        time.sleep(0.1)  # who waits longest is first
        second.send("io.aziotd.broker.Take", {"topic": TOPIC})
        invoker.send("io.aziotd.broker.Invoke", {"topic": TOPIC, "timeoutSeconds": 30})
        taken = first.receive()["request"]
        self.assertFalse(taken["redelivered"])
        first.close()
        again = second.receive()["request"]
        self.assertEqual((again["id"], again["redelivered"]), (taken["id"], True))
        second.call("io.aziotd.broker.Settle", {"id": again["id"], "response": {"text": "2"}})
        self.assertEqual(invoker.receive()["response"]["text"], "2")

    def test_a_worker_that_comes_back_finds_what_waits(self):
        worker, invoker = self.daemon.connect(), self.daemon.connect()
        self.assertIsNone(worker.call("io.aziotd.broker.Take", {"topic": TOPIC, "timeoutSeconds": 1})["request"])
        invoker.send("io.aziotd.broker.Invoke", {"topic": TOPIC, "timeoutSeconds": 30})
        request = worker.call("io.aziotd.broker.Take", {"topic": TOPIC})["request"]
        worker.close()
        other = self.daemon.connect()
        again = other.call("io.aziotd.broker.Take", {"topic": TOPIC})["request"]
        self.assertEqual(again["id"], request["id"])
        other.call("io.aziotd.broker.Settle", {"id": again["id"]})
        self.assertEqual(invoker.receive()["response"]["metadata"], [])

    def test_an_answer_after_the_time_is_refused(self):
        worker, invoker = self.daemon.connect(), self.daemon.connect()
        worker.send("io.aziotd.broker.Take", {"topic": TOPIC})
        invoker.send("io.aziotd.broker.Invoke", {"topic": TOPIC, "timeoutSeconds": 1})
        request = worker.receive()["request"]
        with self.refused("io.aziotd.broker.CommandFailed", kind="timeout"):
            invoker.receive()
        time.sleep(0.2)
        with self.refused("io.aziotd.broker.RequestGone", id=request["id"]):
            worker.call("io.aziotd.broker.Settle", {"id": request["id"]})

    def test_a_topic_is_served_in_one_way(self):
        worker, other = self.daemon.connect(), self.daemon.connect()
        worker.send("io.aziotd.broker.Take", {"topic": PATTERN})
        self.wait_for_service(PATTERN.replace("{line}", "+"))
        for parameters in ({"topic": "site/{press}/increment"}, {"topic": PATTERN, "shareName": "g"}):
            with self.subTest(parameters), self.refused("io.aziotd.broker.NameClaimed", topic=parameters["topic"]):
                other.call("io.aziotd.broker.Take", parameters)

    def test_who_takes_much_settles_first(self):
        worker, invoker = self.daemon.connect(), self.daemon.connect()
        for _ in range(9):
            invoker.send("io.aziotd.broker.Invoke", {"topic": TOPIC, "timeoutSeconds": 30})
        ids = [worker.call("io.aziotd.broker.Take", {"topic": TOPIC})["request"]["id"] for _ in range(8)]
        with self.refused("io.aziotd.broker.TooManyUnsettled", limit=8):
            worker.call("io.aziotd.broker.Take", {"topic": TOPIC})
        for request_id in ids:
            worker.call("io.aziotd.broker.Settle", {"id": request_id})
        worker.call("io.aziotd.broker.Settle",
                    {"id": worker.call("io.aziotd.broker.Take", {"topic": TOPIC})["request"]["id"]})
        for _ in range(9):
            invoker.receive()

    def test_invocations_run_side_by_side(self):
        n = 256
        with self.serving(TOPIC, lambda request: {"response": {"text": request["text"]}}, n_workers=4):
            wire = self.daemon.connect()
            for i in range(n):
                wire.send("io.aziotd.broker.Invoke", {"topic": TOPIC, "request": {"text": str(i)},
                                                      "timeoutSeconds": 60})
            self.assertEqual([wire.receive()["response"]["text"] for _ in range(n)], [str(i) for i in range(n)])

    def test_one_user_does_not_ask_for_ever_more(self):
        wire = self.daemon.connect()
        for _ in range(256):
            wire.send("io.aziotd.broker.Invoke", {"topic": "nobody/there", "timeoutSeconds": 60})
        with self.refused("io.aziotd.broker.TooManyInvocations", limit=256):
            # On a connection of its own: replies keep the order of the calls.
            eventually(lambda: self.invoke("nobody/there", timeoutSeconds=1) and False, "refused")
        wire.close()
        # Nobody waits for those any more.
        eventually(lambda: self.fails("nobody/there") == "io.aziotd.broker.CommandFailed", "room again")

    def fails(self, topic):
        try:
            self.invoke(topic, timeoutSeconds=1)
        except VarlinkError as error:
            return error.name
        return None


class Counted(BrokerCase):
    def test_what_is_invoked_and_served_can_be_measured(self):
        with self.serving(PATTERN, lambda _request: {}):
            self.invoke(TOPIC)
        with self.refused("io.aziotd.broker.CommandFailed"):
            self.invoke("nobody/there", timeoutSeconds=1)
        metrics = dict(line.split() for line in self.aziot("metrics")[0].splitlines()
                       if re.match("aziotd_broker_(invocations|requests|commands)", line))
        self.assertEqual(metrics, {
            "aziotd_broker_invocations_total": "2", "aziotd_broker_invocations_failed_total": "1",
            "aziotd_broker_invocations_waiting": "0", "aziotd_broker_requests_total": "1",
            "aziotd_broker_requests_answered_total": "1", "aziotd_broker_requests_waiting": "0",
            "aziotd_broker_commands_served": "1"})


class TwoDevices(BrokerCase):
    def start_other(self, client_id, **broker):
        """Another daemon at the same broker."""
        directory = self.directory / client_id
        directory.mkdir()
        other = harness.Daemon(directory, self.hub)
        other.config["Hub"] = {}
        other.config["Broker"] = {**self.daemon.config["Broker"], "ClientId": client_id, **broker}
        self.addCleanup(other.notify.close)
        other.start()
        self.addCleanup(lambda: self.assertEqual(other.stop(), 0))
        self.wait_for_broker("online", other)
        return other

    def test_one_invokes_what_the_other_serves(self):
        other = self.start_other("device-8")
        with self.serving(PATTERN, lambda request: {"response": {"text": request["sender"]}}):
            self.wait_for_service("site/+/increment")
            response = other.call("io.aziotd.broker.Invoke", {"topic": TOPIC})["response"]
        self.assertEqual((response["text"], response["sender"]), ("device-8", self.client_id))

    def test_they_share_by_name(self):
        other, seen = self.start_other("device-8"), []

        def work(daemon):
            wire = daemon.connect()
            wire.send("io.aziotd.broker.Take", {"topic": TOPIC, "shareName": "g"})
            return wire

        wires = [work(self.daemon), work(other)]
        self.broker.wait_for(r"device-7 1 \$share/g/" + TOPIC)
        self.broker.wait_for(r"device-8 1 \$share/g/" + TOPIC)
        with Stranger(self.broker, "stranger") as stranger:
            for _ in range(2):
                stranger.request(TOPIC, b"")
        for wire in wires:
            seen.append(wire.receive()["request"]["topic"])
        self.assertEqual(seen, [TOPIC, TOPIC])

    def test_the_namespace_stands_in_front(self):
        other = self.start_other("device-8", TopicNamespace="plant/7")
        wire = other.connect()
        wire.send("io.aziotd.broker.Take", {"topic": TOPIC})
        self.broker.wait_for("device-8 1 plant/7/" + TOPIC)
        self.daemon.connect().send("io.aziotd.broker.Invoke", {"topic": "plant/7/" + TOPIC})
        self.assertEqual(wire.receive()["request"]["topic"], "plant/7/" + TOPIC)


class WithStranger(BrokerCase):
    """Clients that are not ours."""

    def setUp(self):
        super().setUp()
        self.stranger = Stranger(self.broker, "stranger")
        self.addCleanup(self.stranger.__exit__)

    def test_it_invokes(self):
        with self.serving(PATTERN, lambda request: {"response": {"text": str(int(request["text"]) + 1)}}):
            response = self.stranger.invoke(TOPIC, b"41", user_properties=[("__protVer", "1.0"), ("mine", "1")])
        self.assertEqual(response.payload, b"42")
        self.assertEqual((response.properties["__stat"], response.properties["__srcId"], response.properties["__protVer"]),
                         ("200", self.client_id, "1.0"))
        self.assertNotIn("mine", response.properties)
        self.assertTrue(0 < response.expiry_s <= 10, response.expiry_s)

    def test_what_it_asks_wrongly_is_answered_by_the_daemon(self):
        with self.serving(PATTERN, lambda request: self.fail(f"given out: {request}")):
            rows = [
                ({"user_properties": [("__protVer", "9.0")]}, "505", "__supProtMajVer", "1"),
                ({"user_properties": [("__ts", "nonsense")]}, "400", "__propName", "__ts"),
                ({"expiry_s": None}, "400", "__propName", "Message Expiry"),
            ]
            for arguments, status, name, value in rows:
                with self.subTest(arguments):
                    response = self.stranger.invoke(TOPIC, b"", **arguments)
                    self.assertEqual((response.properties["__stat"], response.properties[name]), (status, value))

    def test_a_request_that_comes_twice_is_carried_out_once(self):
        seen = []

        def increment(request):
            seen.append(request["text"])
            return {"response": {"text": str(len(seen))}}

        with self.serving(PATTERN, increment):
            correlation = uuid.uuid4().bytes
            for _ in range(2):
                response = self.stranger.invoke(TOPIC, b"x", correlation=correlation)
                self.assertEqual(response.payload, b"1")
            self.assertEqual(self.stranger.invoke(TOPIC, b"x").payload, b"2")
        self.assertEqual(len(seen), 2)

    def test_it_is_invoked(self):
        self.stranger.subscribe("other/command")
        wire = self.daemon.connect()
        wire.send("io.aziotd.broker.Invoke", {"topic": "other/command", "request": {"text": "41"}, "timeoutSeconds": 20})
        request = self.stranger.receive()
        self.assertEqual((request.payload, request.expiry_s, len(request.correlation)), (b"41", 20, 16))
        self.assertEqual(request.response_topic, f"clients/{self.client_id}/other/command")
        self.assertEqual((request.properties["__srcId"], request.properties["$partition"], request.properties["__protVer"]),
                         (self.client_id, self.client_id, "1.0"))
        self.stranger.respond(request, b"42", user_properties=[("x", "y")], ContentType="text/plain")
        response = wire.receive()["response"]
        self.assertEqual((response["text"], response["contentType"], response["metadata"]),
                         ("42", "text/plain", [{"key": "x", "value": "y"}]))

    def test_where_its_response_goes_can_be_said(self):
        self.stranger.subscribe("other/command")
        wire = self.daemon.connect()
        wire.send("io.aziotd.broker.Invoke", {"topic": "other/{what}", "tokens": {"what": "command", "r": "7"},
                                              "responseTopic": "answers/{r}"})
        request = self.stranger.receive()
        self.assertEqual(request.response_topic, "answers/7")
        self.stranger.respond(request, b"")
        self.assertEqual(wire.receive()["response"]["metadata"], [])

    def test_each_of_its_errors_comes_whole(self):
        rows = [
            ("400", [("__propName", "h"), ("__propVal", "v")], {"kind": "invalidHeader", "propertyName": "h",
                                                                "propertyValue": "v"}),
            ("400", [("__propName", "h")], {"kind": "missingHeader", "propertyName": "h"}),
            ("400", [], {"kind": "invalidPayload"}),
            ("408", [("__propName", "ExecutionTimeout"), ("__propVal", "PT3S")],
             {"kind": "timeout", "propertyName": "ExecutionTimeout", "propertyValue": "PT3S"}),
            ("415", [("__propName", "Content Type"), ("__propVal", "a/b")], {"kind": "invalidHeader"}),
            ("500", [("__apErr", "true"), ("__stMsg", "boom")], {"kind": "executionError", "message": "boom"}),
            ("500", [("__propName", "p")], {"kind": "internalLogicError", "propertyName": "p"}),
            ("500", [], {"kind": "unknownError"}),
            ("503", [("__propName", "MaxClockDrift")], {"kind": "invalidState", "propertyName": "MaxClockDrift"}),
            ("505", [("__requestProtVer", "1.0"), ("__supProtMajVer", "2 3")],
             {"kind": "unsupportedVersion", "protocolVersion": "1.0", "supportedMajorVersions": "2 3"}),
            ("418", [("__propName", "a"), ("__propVal", "b")], {"kind": "unknownError", "propertyName": "a",
                                                                "propertyValue": "b"}),
        ]
        self.stranger.subscribe("other/command")
        wire = self.daemon.connect()
        for status, properties, expected in rows:
            with self.subTest(status, properties=properties):
                wire.send("io.aziotd.broker.Invoke", {"topic": "other/command"})
                self.stranger.respond(self.stranger.receive(), b"", status, properties)
                with self.refused("io.aziotd.broker.CommandFailed", isRemote=True, isShallow=False, **expected):
                    wire.receive()


class Restarts(BrokerCase):
    """What is under way when the broker or the daemon goes away."""

    def test_a_request_survives_the_broker(self):
        worker, invoker = self.daemon.connect(), self.daemon.connect()
        worker.send("io.aziotd.broker.Take", {"topic": TOPIC})
        invoker.send("io.aziotd.broker.Invoke", {"topic": TOPIC, "timeoutSeconds": 60})
        request = worker.receive()["request"]
        self.broker.kill()
        worker.call("io.aziotd.broker.Settle", {"id": request["id"], "response": {"text": "2"}})
        self.broker.start()
        self.assertEqual(invoker.receive()["response"]["text"], "2")

    def test_an_invocation_waits_for_the_broker(self):
        self.broker.stop()
        self.wait_for_broker("waiting")
        wire = self.daemon.connect()
        wire.send("io.aziotd.broker.Invoke", {"topic": TOPIC, "timeoutSeconds": 60})
        worker = self.daemon.connect()
        worker.send("io.aziotd.broker.Take", {"topic": TOPIC})
        self.broker.start()
        worker.call("io.aziotd.broker.Settle", {"id": worker.receive()["request"]["id"]})
        self.assertEqual(wire.receive()["response"]["metadata"], [])

    def test_a_request_survives_the_daemon(self):
        with Stranger(self.broker, "stranger") as stranger:
            worker = self.daemon.connect()
            worker.send("io.aziotd.broker.Take", {"topic": TOPIC})
            self.wait_for_service(TOPIC)
            stranger.subscribe(f"clients/stranger/{TOPIC}")
            stranger.request(TOPIC, b"x", expiry_s=60)
            self.assertEqual(worker.receive()["request"]["text"], "x")
            self.daemon.kill()
            self.daemon.start()
            worker = self.daemon.connect()
            request = worker.call("io.aziotd.broker.Take", {"topic": TOPIC})["request"]
            self.assertEqual((request["text"], request["redelivered"]), ("x", True))
            worker.call("io.aziotd.broker.Settle", {"id": request["id"], "response": {"text": "y"}})
            self.assertEqual(stranger.receive().payload, b"y")


class Access(BrokerCase):
    config = {"Access": [{"User": "root", "BrokerInvoke": "site/+/increment", "BrokerServe": "site/#"}]}

    def test_topics_have_rules(self):
        for method, parameters in (("Invoke", {"topic": "site/{line}/stop", "tokens": {"line": "3"}}),
                                   ("Take", {"topic": "other/{line}"})):
            topic = parameters["topic"].replace("{line}", "3" if method == "Invoke" else "+")
            with self.subTest(method), self.refused("io.aziotd.broker.TopicDenied", topic=topic,
                                                    rule=f"{self.daemon.config_path}:{self.rule_line()}"):
                self.daemon.call(f"io.aziotd.broker.{method}", parameters)
        with self.serving(PATTERN, lambda _request: {}):
            self.invoke(PATTERN, tokens={"line": "3"})

    def test_where_a_response_goes_has_rules_as_well(self):
        with self.refused("io.aziotd.broker.TopicDenied", topic="other/+/answers"):
            self.invoke(PATTERN, tokens={"line": "3"}, responseTopic="other/{line}/answers")
        with self.serving(PATTERN, lambda _request: {}):
            self.invoke(PATTERN, tokens={"line": "3"}, responseTopic="site/answers/increment")

    def rule_line(self):
        return self.daemon.config_path.read_text().splitlines().index("[Access]") + 1

    def test_a_reload_ends_a_wait(self):
        worker = self.daemon.connect()
        worker.send("io.aziotd.broker.Take", {"topic": PATTERN})
        self.wait_for_service("site/+/increment")
        self.daemon.config["Access"] = [{"User": "root", "BrokerServe": "other/#"}]
        self.daemon.write_config()
        self.daemon.call("io.aziotd.device.Reload")
        with self.refused("io.aziotd.broker.TopicDenied", topic="site/+/increment"):
            worker.receive()


class WithoutBroker(harness.DaemonCase):
    starts_hub = False

    def test_there_is_nobody_to_ask(self):
        for method, parameters in (("Invoke", {"topic": "a"}), ("Take", {"topic": "a"}), ("Settle", {"id": "1"})):
            with self.subTest(method), self.refused("io.aziotd.broker.NoBroker"):
                self.daemon.call(f"io.aziotd.broker.{method}", parameters)


if __name__ == "__main__":
    tap.main()
