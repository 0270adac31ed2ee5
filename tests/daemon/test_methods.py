#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""io.aziotd.methods: each call from the cloud is answered exactly once."""

import datetime
import json
import select
import threading

import harness
from harness import eventually, tap

TAKE = "io.aziotd.methods.Take"
SETTLE = "io.aziotd.methods.Settle"
LIST = "io.aziotd.methods.List"
ERROR = "io.aziotd.methods."


class Invocation:
    """A method called by the cloud, in the background."""

    def __init__(self, hub, method, payload=None):
        self.answer = None
        self.thread = threading.Thread(target=self._run, args=(hub, method, payload))
        self.thread.start()

    def _run(self, hub, method, payload):
        try:
            self.answer = hub.invoke(method, payload)
        except (harness.VarlinkError, OSError) as error:
            self.answer = error

    def wait(self):
        self.thread.join(harness.TIMEOUT_S)
        return self.answer


class MethodCase(harness.DaemonCase):
    def worker(self, *names):
        """A connection that waits for a call of one of the names."""
        wire = self.daemon.connect()
        wire.send(TAKE, {"names": list(names)})
        self.wait_until_served(*names)
        return wire

    def wait_until_served(self, *names):
        eventually(lambda: set(names) <= set(self.daemon.call(LIST)["names"]), f"{names} served")

    def wait_until_not_served(self, name):
        eventually(lambda: name not in self.daemon.call(LIST)["names"], f"{name} no longer served")


class Answers(MethodCase):
    def test_a_oneway_take_takes_nothing(self):
        with self.daemon.connect() as wire:
            wire.send(TAKE, {"names": ["reboot"]}, oneway=True)
            self.assertEqual(wire.call(LIST)["names"], [])
            status, _ = self.hub.invoke("reboot", None)
        self.assertEqual(status, 501)

    def test_a_call_is_answered_by_its_taker(self):
        wire = self.worker("reboot")
        invocation = Invocation(self.hub, "reboot", '{"delay":5}')
        call = wire.receive()["call"]
        self.assertEqual((call["name"], call["payload"]), ("reboot", {"delay": 5}))
        self.assertEqual(wire.call(SETTLE, {"id": call["id"], "status": 202, "payload": {"in": 5}}), {})
        status, payload = invocation.wait()
        self.assertEqual((status, json.loads(payload)), (202, {"in": 5}))

    def test_payloads_pass_byte_for_byte(self):
        payload = '{ "n":9007199254740993, "x":1.10 }'
        wire = self.worker("echo")
        invocation = Invocation(self.hub, "echo", payload)
        call = wire.receive_bytes()
        self.assertIn(b'"payload":' + payload.encode(), call)
        answer = b'{"method":"io.aziotd.methods.Settle","parameters":{"id":"%s","status":200,"payload":%s}}\0' % (
            json.loads(call)["parameters"]["call"]["id"].encode(), payload.encode())
        wire.send_bytes(answer)
        wire.receive()
        self.assertEqual(invocation.wait(), (200, payload))

    def test_json_that_is_no_object_travels_as_text(self):
        for payload in ("[1,2.50]", '"x"', "9007199254740993", "true"):
            with self.subTest(payload=payload):
                wire = self.worker("echo")
                invocation = Invocation(self.hub, "echo", payload)
                call = wire.receive()["call"]
                self.assertEqual(call["payloadText"], payload)
                self.assertNotIn("payload", {k for k, v in call.items() if v is not None})
                wire.call(SETTLE, {"id": call["id"], "status": 200, "payloadText": call["payloadText"]})
                self.assertEqual(invocation.wait(), (200, payload))
                wire.close()
                self.wait_until_not_served("echo")

    def test_an_answer_needs_no_payload(self):
        wire = self.worker("ping")
        invocation = Invocation(self.hub, "ping")
        call = wire.receive()["call"]
        wire.call(SETTLE, {"id": call["id"], "status": 204})
        status, payload = invocation.wait()
        self.assertEqual(status, 204)
        self.assertIn(payload, (None, "", "null"))

    def test_a_component_is_told_apart(self):
        wire = self.worker("pump*start")
        invocation = Invocation(self.hub, "pump*start", "{}")
        call = wire.receive()["call"]
        self.assertEqual((call["component"], call["name"]), ("pump", "start"))
        wire.call(SETTLE, {"id": call["id"], "status": 200})
        self.assertEqual(invocation.wait()[0], 200)

    def test_a_taker_serves_again_and_again(self):
        wire = self.worker("count")
        for i in range(20):
            invocation = Invocation(self.hub, "count", str(i))
            call = wire.receive()["call"]
            wire.send(SETTLE, {"id": call["id"], "status": 200, "payloadText": call["payloadText"]})
            wire.send(TAKE, {"names": ["count"]})
            self.assertEqual(wire.receive(), {})
            self.assertEqual(invocation.wait(), (200, str(i)))

    def test_one_taker_serves_several_names(self):
        wire = self.worker("a", "b")
        for name in ("b", "a"):
            invocation = Invocation(self.hub, name)
            call = wire.receive()["call"]
            self.assertEqual(call["name"], name)
            wire.call(SETTLE, {"id": call["id"], "status": 200})
            self.assertEqual(invocation.wait()[0], 200)
            wire.send(TAKE, {"names": ["a", "b"]})

    def test_take_answers_null_when_its_time_is_over(self):
        self.assertEqual(self.daemon.call(TAKE, {"names": ["x"], "timeoutSeconds": 1}), {"call": None})


class DaemonAnswers(MethodCase):
    config = {"Hub": {"MethodTimeoutSec": "1"}}

    def test_501_when_nobody_serves_the_name(self):
        self.assertEqual(self.hub.invoke("unknown")[0], 501)

    def test_503_when_the_taker_vanishes(self):
        wire = self.worker("reboot")
        invocation = Invocation(self.hub, "reboot")
        wire.receive()
        wire.close()
        self.assertEqual(invocation.wait()[0], 503)
        self.wait_until_not_served("reboot")

    def test_the_deadline_is_told_and_not_too_early(self):
        wire = self.worker("reboot")
        called = datetime.datetime.now(datetime.timezone.utc)
        invocation = Invocation(self.hub, "reboot")
        deadline = datetime.datetime.fromisoformat(wire.receive()["call"]["deadline"].replace("Z", "+00:00"))
        self.assertGreaterEqual((deadline - called).total_seconds(), 0.998)
        self.assertLess((deadline - called).total_seconds(), harness.TIMEOUT_S)
        self.assertEqual(invocation.wait()[0], 504)

    def test_504_when_the_taker_is_late_and_hears_so(self):
        wire = self.worker("reboot")
        invocation = Invocation(self.hub, "reboot")
        call = wire.receive()["call"]
        self.assertEqual(invocation.wait()[0], 504)
        with self.refused(ERROR + "CallGone", id=call["id"]):
            wire.call(SETTLE, {"id": call["id"], "status": 200})

    def test_500_when_the_answer_is_not_json(self):
        wire = self.worker("reboot")
        invocation = Invocation(self.hub, "reboot")
        call = wire.receive()["call"]
        with self.refused(ERROR + "InvalidAnswer"):
            wire.call(SETTLE, {"id": call["id"], "status": 200, "payloadText": "not JSON"})
        self.assertEqual(invocation.wait()[0], 500)

    def test_500_when_the_answer_is_too_large(self):
        wire = self.worker("reboot")
        invocation = Invocation(self.hub, "reboot")
        call = wire.receive()["call"]
        with self.refused(ERROR + "InvalidAnswer"):
            wire.call(SETTLE, {"id": call["id"], "status": 200, "payload": {"x": "x" * 128 * 1024}})
        self.assertEqual(invocation.wait()[0], 500)

    def test_an_answer_is_given_once(self):
        wire = self.worker("reboot")
        invocation = Invocation(self.hub, "reboot")
        call = wire.receive()["call"]
        wire.call(SETTLE, {"id": call["id"], "status": 200})
        with self.refused(ERROR + "CallGone"):
            wire.call(SETTLE, {"id": call["id"], "status": 500})
        self.assertEqual(invocation.wait()[0], 200)

    def test_only_the_taker_may_answer(self):
        wire = self.worker("reboot")
        invocation = Invocation(self.hub, "reboot")
        call = wire.receive()["call"]
        with self.refused(ERROR + "CallGone"):
            self.daemon.call(SETTLE, {"id": call["id"], "status": 500})
        wire.call(SETTLE, {"id": call["id"], "status": 200})
        self.assertEqual(invocation.wait()[0], 200)


class LostLink(MethodCase):
    def test_the_taker_hears_that_the_call_is_gone(self):
        wire = self.worker("reboot")
        Invocation(self.hub, "reboot")
        call = wire.receive()["call"]
        online = self.daemon.status()
        self.hub.call("Kick", {"device": "demo"})
        self.daemon.wait_for_new_link(online)
        with self.refused(ERROR + "CallGone", id=call["id"]):
            wire.call(SETTLE, {"id": call["id"], "status": 200})

    def test_methods_work_again_after_a_reconnect(self):
        wire = self.worker("reboot")
        online = self.daemon.status()
        self.hub.call("Kick", {"device": "demo"})
        self.daemon.wait_for_new_link(online)
        invocation = Invocation(self.hub, "reboot")
        call = wire.receive()["call"]
        wire.call(SETTLE, {"id": call["id"], "status": 200})
        self.assertEqual(invocation.wait()[0], 200)


class Sharing(MethodCase):
    def test_takers_of_one_user_share_a_name_in_turn(self):
        workers = [self.worker("echo") for _ in range(2)]
        served = []
        for i in range(6):
            invocation = Invocation(self.hub, "echo", str(i))
            wire, call = self.receive_from_any(workers)
            served.append(workers.index(wire))
            wire.call(SETTLE, {"id": call["id"], "status": 200})
            self.assertEqual(invocation.wait()[0], 200)
            wire.send(TAKE, {"names": ["echo"]})
        self.assertEqual(sorted(served), [0, 0, 0, 1, 1, 1])

    def test_a_slow_taker_does_not_hold_the_others_up(self):
        workers = [self.worker("echo") for _ in range(3)]
        slow = Invocation(self.hub, "echo")
        busy, _ = self.receive_from_any(workers)
        free = [wire for wire in workers if wire is not busy]
        served = []
        for _ in range(6):
            invocation = Invocation(self.hub, "echo")
            wire, call = self.receive_from_any(free)
            served.append(free.index(wire))
            wire.call(SETTLE, {"id": call["id"], "status": 200})
            self.assertEqual(invocation.wait()[0], 200)
            wire.send(TAKE, {"names": ["echo"]})
        self.assertIn(served, ([0, 1] * 3, [1, 0] * 3))
        self.assertIsNone(slow.answer)

    def test_a_slow_program_does_not_stop_others(self):
        slow, fast = self.worker("slow"), self.worker("fast")
        invocations = [Invocation(self.hub, "slow") for _ in range(18)]
        eventually(lambda: len([i for i in invocations if i.answer]) == 2, "two calls are refused")
        for invocation in filter(lambda i: i.answer, invocations):
            self.assertEqual(invocation.answer[0], 429)
            self.assertEqual(json.loads(invocation.answer[1]), {"error": "too many calls are waiting"})
        self.daemon.program.wait_for_output("Method 'slow' is called while 16 calls wait .* answering 429")

        invocation = Invocation(self.hub, "fast")
        fast.call(SETTLE, {"id": fast.receive()["call"]["id"], "status": 200})
        self.assertEqual(invocation.wait()[0], 200)
        slow.close()
        self.assertEqual(sorted(invocation.wait()[0] for invocation in invocations), [429] * 2 + [503] * 16)

    def test_calls_are_settled_before_ever_more_are_taken(self):
        wire = self.worker("x")
        invocations = [Invocation(self.hub, "x") for _ in range(8)]
        ids = [wire.receive()["call"]["id"]]
        for _ in range(7):
            ids.append(wire.call(TAKE, {"names": ["x"]})["call"]["id"])
        with self.refused(ERROR + "TooManyUnsettled", limit=8):
            wire.call(TAKE, {"names": ["x"]})
        for id_ in ids:
            wire.call(SETTLE, {"id": id_, "status": 200})
        self.assertEqual({invocation.wait()[0] for invocation in invocations}, {200})

    @staticmethod
    def receive_from_any(wires):
        ready, _, _ = select.select([wire.socket for wire in wires], [], [], harness.TIMEOUT_S)
        wire = next(wire for wire in wires if wire.socket in ready)
        return wire, wire.receive()["call"]

    def test_list_names_what_is_served(self):
        self.assertEqual(self.daemon.call(LIST), {"names": []})
        wire = self.worker("b", "a")
        self.assertEqual(sorted(self.daemon.call(LIST)["names"]), ["a", "b"])
        wire.close()
        self.wait_until_not_served("a")


if __name__ == "__main__":
    tap.main()
