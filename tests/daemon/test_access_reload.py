#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Rules that change while programs are connected: what each of them is told, and what goes on."""

import threading

import harness
from harness import STRANGER_UID, eventually, tap

SEND = "io.aziotd.telemetry.Send"
METHODS = "io.aziotd.methods."
MESSAGES = "io.aziotd.messages."
WATCH_TWIN = "io.aziotd.twin.Watch"
DENIED = "org.varlink.service.PermissionDenied"
MESSAGE = {"message": {"text": "x"}}


class ReloadCase(harness.UsersCase):
    rule = {"User": STRANGER_UID}

    @property
    def config(self):
        return {"Access": [self.rule]}

    def reload(self, *rules, **sections):
        """Replaces all rules."""
        self.daemon.config |= {"Access": list(rules), **sections}
        self.daemon.write_config()
        self.assertIn("Access", self.daemon.call("io.aziotd.device.Reload")["applied"])

    def place(self):
        return f"{self.daemon.config_path}:{self.line(1)}"


class Grants(ReloadCase):
    rule = {"User": STRANGER_UID, "Grants": "read send"}

    def test_the_next_call_meets_the_new_rules(self):
        with self.connect_as(STRANGER_UID) as wire:
            wire.call(SEND, MESSAGE)
            self.reload({"User": STRANGER_UID, "Grants": "read"})
            with self.refused(DENIED, grant="send", rule=self.place()):
                wire.call(SEND, MESSAGE)
            wire.call("io.aziotd.device.GetStatus")
            self.reload({"User": STRANGER_UID, "Grants": "send"})
            wire.call(SEND, MESSAGE)
            self.reload({"User": 0, "Grants": "send"}, {"User": 0, "Grants": "read admin"})
            with self.refused(DENIED, grant="send"):
                wire.call(SEND, MESSAGE)
        with self.refused(DENIED, grant="send"):
            self.daemon.call(SEND, MESSAGE)

    def test_who_watches_what_he_may_not_see_is_told_so(self):
        with self.connect_as(STRANGER_UID) as wire:
            wire.call("io.aziotd.device.WatchStatus", more=True)
            self.reload({"User": STRANGER_UID, "Grants": "send"})
            with self.refused(DENIED, grant="read", rule=self.place()):
                for _ in range(100):  # what was on its way
                    wire.receive()
            wire.call(SEND, MESSAGE)

    def test_who_waits_for_a_stage_gets_his_answer(self):
        with self.hub.gone(), self.connect_as(STRANGER_UID) as wire:
            self.daemon.wait_for_link("waiting")
            wire.send(SEND, {**MESSAGE, "stage": "delivered"})
            eventually(lambda: self.daemon.status()["outbox"]["messages"] == 1, "it is accepted")
            self.reload({"User": STRANGER_UID, "Grants": "none"})
            self.hub.call("Cut", {"seconds": 1})
            self.assertIn("sequence", wire.receive())


class Methods(ReloadCase):
    rule = {"User": STRANGER_UID, "Grants": "serve", "Methods": "get*"}

    def setUp(self):
        super().setUp()
        self.daemon.wait_online()

    def take(self, name):
        wire = self.connect_as(STRANGER_UID)
        wire.send(METHODS + "Take", {"names": [name]})
        eventually(lambda: name in self.daemon.call(METHODS + "List")["names"], f"{name} is served")
        return wire

    def invoke(self, name):
        """In the background; the answer is in the list that is returned, after join()."""
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self.hub.invoke(name)[0]))
        thread.start()
        self.addCleanup(thread.join)
        return thread, answers

    def test_a_name_that_is_not_his_any_more_is_free(self):
        taking, waiting = self.take("getLog"), self.take("getLog")
        thread, answers = self.invoke("getLog")
        call = taking.receive()["call"]
        self.reload({"User": STRANGER_UID, "Grants": "serve", "Methods": "set*"})
        with self.refused(METHODS + "NotYourMethod", name="getLog", rule=self.place()):
            waiting.receive()
        self.assertEqual(self.daemon.call(METHODS + "List")["names"], [])
        # What he has taken he may still answer.
        taking.call(METHODS + "Settle", {"id": call["id"], "status": 200})
        thread.join()
        self.assertEqual(answers, [200])
        self.daemon.call(METHODS + "Take", {"names": ["getLog"], "timeoutSeconds": 1})
        waiting.call(METHODS + "Take", {"names": ["setLog"], "timeoutSeconds": 1})

    def test_who_may_not_serve_any_more_gives_back_what_he_has(self):
        taking, waiting = self.take("getLog"), self.take("getStatus")
        thread, answers = self.invoke("getLog")
        call = taking.receive()["call"]
        self.reload({"User": STRANGER_UID, "Grants": "read"})
        thread.join(harness.TIMEOUT_S / 2)  # much sooner than its deadline
        self.assertEqual(answers, [503])
        with self.refused(DENIED, grant="serve"):
            waiting.receive()
        with self.refused(DENIED, grant="serve"):
            taking.call(METHODS + "Settle", {"id": call["id"], "status": 200})
        self.assertEqual(taking.call(METHODS + "List")["names"], [])

    def test_rules_that_leave_him_alone_disturb_nothing(self):
        wire = self.take("getLog")
        self.reload(self.rule, {"User": STRANGER_UID + 1, "Grants": "none"})
        _, answers = self.invoke("getLog")
        wire.call(METHODS + "Settle", {"id": wire.receive()["call"]["id"], "status": 201})
        eventually(lambda: answers == [201], "the answer has arrived")


class Messages(ReloadCase):
    rule = {"User": STRANGER_UID, "Grants": "serve"}

    def test_a_message_is_given_to_somebody_else(self):
        self.daemon.wait_online()
        self.hub.call("SendMessage", {"device": "demo", "body": "hello"})
        with self.connect_as(STRANGER_UID) as wire, self.connect_as(STRANGER_UID) as waiting:
            message = wire.call(MESSAGES + "Take", {"timeoutSeconds": 10})["message"]
            waiting.send(MESSAGES + "Take", {"timeoutSeconds": 60})
            self.reload({"User": STRANGER_UID, "Grants": "read"})
            with self.refused(DENIED, grant="serve"):
                waiting.receive()
            with self.daemon.connect() as other:
                again = other.call(MESSAGES + "Take", {"timeoutSeconds": 10})["message"]
                self.assertEqual((again["id"], again["redelivered"]), (message["id"], True))
                other.call(MESSAGES + "Settle", {"id": again["id"]})


class Twin(ReloadCase):
    rule = {"User": STRANGER_UID, "Grants": "read send", "TwinSection": "/pump"}

    def setUp(self):
        super().setUp()
        self.daemon.wait_online()
        self.hub.call("UpdateDesired", {"device": "demo", "patch": {"pump": 1, "press": 2}})
        eventually(lambda: self.daemon.call("io.aziotd.twin.Get")["desired"], "the twin is known")

    def test_who_watches_is_told_what_he_sees_now(self):
        with self.connect_as(STRANGER_UID) as wire:
            wire.send(WATCH_TWIN, more=True)
            self.assertEqual(wire.receive()["desired"], {"pump": 1})
            for rule, seen in (({"TwinSection": "/press"}, {"press": 2}), ({}, {"pump": 1, "press": 2}),
                               ({"TwinSection": "/door"}, {})):
                self.reload({"User": STRANGER_UID, "Grants": "read", **rule})
                told = wire.receive()
                self.assertEqual((told["desired"], told["complete"]), (seen, True))
            # The rules of others are not his news.
            self.reload({"User": STRANGER_UID, "Grants": "read", "TwinSection": "/door"}, {"User": 1, "Grants": "read"})
            self.hub.call("UpdateDesired", {"device": "demo", "patch": {"door": 3, "pump": 4}})
            told = wire.receive()
            self.assertEqual((told["desired"], told["complete"]), ({"door": 3}, False))
            self.reload({"User": STRANGER_UID, "Grants": "send"})
            with self.refused(DENIED, grant="read"):
                wire.receive()

    def test_what_is_written_meets_the_new_rules(self):
        with self.connect_as(STRANGER_UID) as wire:
            wire.call("io.aziotd.twin.Report", {"patch": {"pump": 1}})
            self.reload({"User": STRANGER_UID, "Grants": "read send", "TwinSection": "/press"})
            with self.refused("io.aziotd.twin.NotYourSection", path="/pump", rule=self.place()):
                wire.call("io.aziotd.twin.Report", {"patch": {"pump": 2}})
            wire.call("io.aziotd.twin.Report", {"patch": {"press": 2}})
        with self.refused("io.aziotd.twin.NotYourSection", section="/press", rule=None):
            self.reload({"User": STRANGER_UID, "TwinSection": "/press"}, {"User": 0, "Grants": "send read"})
            self.daemon.call("io.aziotd.twin.Report", {"patch": {"press": 3}})


class Limits(ReloadCase):
    rule = {"User": STRANGER_UID, "Grants": "send", "SendPerSec": 1, "SendBurst": 3}

    def send_until(self, error, wire):
        n = 0
        with self.refused(error):
            for n in range(20):
                wire.call(SEND, MESSAGE)
        return n

    def test_a_rate_that_is_the_same_goes_on(self):
        with self.connect_as(STRANGER_UID) as wire:
            self.assertGreaterEqual(self.send_until("io.aziotd.telemetry.RateExceeded", wire), 3)
            self.reload(self.rule, {"User": 1, "Grants": "none"})
            self.assertLessEqual(self.send_until("io.aziotd.telemetry.RateExceeded", wire), 2)
            self.reload({"User": STRANGER_UID, "Grants": "send"})
            for _ in range(20):
                wire.call(SEND, MESSAGE)

    def test_room_in_the_outbox_is_that_of_the_new_rules(self):
        full = "io.aziotd.telemetry.OutboxFull"
        self.reload({"User": STRANGER_UID, "Grants": "send", "OutboxMaxMessages": 2})
        with self.hub.gone(), self.connect_as(STRANGER_UID) as wire:
            self.daemon.wait_for_link("waiting")
            self.assertEqual(self.send_until(full, wire), 2)
            self.reload({"User": STRANGER_UID, "Grants": "send", "OutboxMaxMessages": 5})
            self.assertEqual(self.send_until(full, wire), 3)
            self.reload({"User": STRANGER_UID, "Grants": "send"}, Outbox={"MaxMessagesPerApplication": 6})
            self.assertEqual(self.send_until(full, wire), 1)
            with self.refused(full, limit="application", rule=None):
                wire.call(SEND, MESSAGE)


if __name__ == "__main__":
    tap.main()
