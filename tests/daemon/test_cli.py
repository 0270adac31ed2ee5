#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command aziot against the real daemon."""

import base64
import datetime
import json
import os
import signal
import subprocess
import time

import harness
from harness import BUILD, eventually, tap


class General(harness.CliCase):
    def test_help_and_version(self):
        self.assertIn("serve", self.aziot("--help")[0])
        for verb in ("status", "watch", "send", "messages", "twin", "twin get", "twin watch", "twin report",
                     "twin acknowledge", "serve", "call"):
            self.assertIn(f"Usage: aziot {verb}", self.aziot(*verb.split(), "--help")[0])
        self.assertRegex(self.aziot("--version")[0], r"^aziot \d")

    def test_a_wrong_command_line_is_told_apart(self):
        rows = [[], ["nonsense"], ["--nonsense"], ["status", "x"], ["send", "a", "b"], ["send", "--stage", "x", "a"],
                ["send", "--property", "x", "a"], ["send", "--property", "k=1", "--property", "k=2", "a"],
                ["send", "--ttl", "-1", "a"], ["send", "--ttl", "1h", "a"], ["send", "--priority", "low", "a"], ["serve", "x"], ["serve", "x", "--"],
                ["serve", "--", "true"], ["call"], ["call", "a.b", "1"], ["call", "a.b", "{}", "{}"],
                ["watch", "x"], ["messages", "x"], ["messages", "--"], ["messages", "--count", "0"],
                ["messages", "--wait", "soon"], ["twin"], ["twin", "x"], ["twin", "get", "x"],
                ["twin", "get", "--desired", "--reported"], ["twin", "watch", "x"], ["twin", "report"],
                ["twin", "report", "1"], ["twin", "report", "{}", "{}"], ["twin", "acknowledge", "rate"],
                ["twin", "acknowledge", "rate", "fast"], ["twin", "acknowledge", "rate", "5", "--status", "good"]]
        for arguments in rows:
            with self.subTest(arguments=arguments):
                self.assertTrue(self.aziot(*arguments, code=2)[1])

    def test_the_environment_names_the_socket(self):
        done = subprocess.run([BUILD / "aziot", "status"], env=harness.environment(AZIOT_SOCKET=self.daemon.socket_path),
                              capture_output=True, timeout=harness.TIMEOUT_S, check=False)
        self.assertEqual(done.returncode, 0)

    def test_a_socket_that_nobody_serves_is_explained(self):
        self.daemon.stop()
        for verb in (["status"], ["send", "x"], ["twin", "get"], ["twin", "report", "{}"],
                     ["call", "io.aziotd.device.GetStatus"]):
            _, err = self.aziot(*verb, code=1)
            self.assertIn(self.daemon.socket_path, err)
            self.assertIn("aziotd is not running", err)
        self.assertIn("aziotd is not running", self.aziot("--socket", "/nonexistent/socket", "status", code=1)[1])


    def test_who_is_over_the_limit_of_connections_hears_so(self):
        for wire in [self.daemon.connect() for _ in range(64)]:
            wire.call("io.aziotd.device.GetStatus")
        for verb in ["status"], ["send", "x"], ["why"]:
            _, err = self.aziot(*verb, code=1)
            self.assertIn("too many connections", err)


class Status(harness.CliCase):
    def test_online(self):
        out, _ = self.aziot("status")
        self.assertRegex(out, r"(?m)^device +demo$")
        self.assertRegex(out, r"(?m)^link +online since ")
        self.assertRegex(out, r"(?m)^outbox +0 messages")

    def test_json_is_the_reply_of_the_daemon(self):
        out, _ = self.aziot("status", "--json")
        self.assertEqual(json.loads(out)["deviceId"], "demo")
        self.assertEqual(len(out.splitlines()), 1)

    def test_not_online_has_a_code_and_a_reason(self):
        self.hub.stop()
        self.daemon.wait_for_status(lambda s: "refused" in s["link"].get("lastError", ""), "connection refused")
        self.aziot("send", "x")
        out, _ = self.aziot("status", code=3)
        self.assertRegex(out, r"(?m)^link +(waiting|connecting) since ")
        self.assertRegex(out, r"(?mi)^reason +.*refused")
        self.assertRegex(out, r"(?m)^outbox +1 message, .*oldest")
        self.assertEqual(json.loads(self.aziot("status", "--json", code=3)[0])["outbox"]["messages"], 1)


class Send(harness.CliCase):
    def test_a_json_object_is_a_body_byte_for_byte(self):
        out, err = self.aziot("send", '{"n":9007199254740993,"x":1.10}')
        self.assertEqual((out, err), ("", ""))
        self.hub.wait_for_messages(1)
        self.hub.log_line(b'"body":{"n":9007199254740993,"x":1.10}')

    def test_other_text_is_text(self):
        self.aziot("send", "21.5 °C")
        self.assertEqual(base64.b64decode(self.hub.wait_for_messages(1)[0]["data"]), "21.5 °C".encode())

    def test_options_reach_the_hub(self):
        self.aziot("send", '{"a":1}', "--text", "--property", "k=v=1", "--property", "ü=&", "--content-type",
                   "text/x", "--message-id", "m1", "--component", "pump", "--ttl", "60", "--stage", "delivered")
        message = self.hub.messages()[0]
        self.assertEqual(message["properties"], {"k": "v=1", "ü": "&"})
        self.assertEqual(message["system"]["content-type"], "text/x")
        self.assertEqual(message["system"]["message-id"], "m1")
        self.assertEqual(message["system"]["dt-subject"], "pump")

    def test_an_alarm_goes_first_and_the_status_tells_of_it(self):
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            self.aziot("send", stdin=b"one\ntwo\n")
            self.aziot("send", "alarm", "--priority", "high")
            self.assertRegex(self.aziot("status", code=3)[0],
                             r"(?m)^outbox +3 messages, \d+ KiB of \d+ MiB, 1 of high priority, oldest")
        texts = [base64.b64decode(m["data"]) for m in self.hub.wait_for_messages(3)]
        self.assertEqual(texts, [b"alarm", b"one", b"two"])

    def test_standard_input_as_one_message(self):
        self.aziot("send", "-", "--data", stdin=bytes(range(256)))
        self.assertEqual(base64.b64decode(self.hub.wait_for_messages(1)[0]["data"]), bytes(range(256)))

    def test_each_line_is_a_message_in_order(self):
        lines = b"".join(b'{"n":%d}\n' % n for n in range(1000)) + b"\n\r\n" + b'{"n":1000}'
        self.aziot("send", stdin=lines)
        harness.assert_delivered(self, self.hub.wait_for_messages(1001), 1001)

    def test_sequences_are_printed_when_asked_for(self):
        numbers = [int(n) for n in self.aziot("send", "-v", stdin=b"a\nb\nc\n")[0].split()]
        self.assertEqual((len(numbers), numbers), (3, sorted(set(numbers))))
        replies = [json.loads(r) for r in self.aziot("send", "--json", stdin=b"a\nb\n")[0].splitlines()]
        self.assertGreater(replies[0]["sequence"], numbers[-1])

    def test_a_line_is_sent_as_soon_as_it_is_there(self):
        read, write = os.pipe()
        program = subprocess.Popen([BUILD / "aziot", "--socket", self.daemon.socket_path, "send"], stdin=read,
                                   env=harness.environment())
        os.close(read)
        for i in range(1, 4):
            os.write(write, b"line\n")
            self.hub.wait_for_messages(i)
        os.close(write)
        self.assertEqual(program.wait(harness.TIMEOUT_S), 0)

    def test_the_first_refusal_stops_and_names_the_line(self):
        lines = b"one\ntwo\n" + b"x" * 300_000 + b"\n" + b"late\n" * 5000
        _, err = self.aziot("send", stdin=lines, code=1)
        self.assertRegex(err, r"line 3: .*MessageTooLarge")
        self.assertEqual(len(err.splitlines()), 2)
        self.aziot("send", "last")
        arrived = self.hub.wait_for_messages(3)
        self.assertEqual([base64.b64decode(m["data"]) for m in arrived], [b"one", b"two", b"last"])

    def test_a_line_that_is_not_text_is_named(self):
        _, err = self.aziot("send", stdin=b"one\n\xff\nthree\n", code=1)
        self.assertIn("line 2: it is not UTF-8", err)
        self.assertEqual(len(self.hub.wait_for_messages(1)), 1)

    def test_a_line_beyond_all_limits_is_named(self):
        _, err = self.aziot("send", stdin=b"one\n" + b"x" * 2_000_000, code=1)
        self.assertIn("line 2: ", err)

    def test_a_stage_that_is_not_reached_is_an_error(self):
        self.hub.call("HoldPubacks", {"hold": True})
        _, err = self.aziot("send", "x", "--stage", "delivered", "--timeout", "1", code=1)
        self.assertIn('NotDelivered {"reason":"timeout"}', err)
        self.hub.call("HoldPubacks", {"hold": False})

    def test_a_daemon_that_dies_meanwhile_is_told(self):
        self.hub.call("HoldPubacks", {"hold": True})
        program = self.run_cli("send", "x", "--stage", "delivered")
        self.hub.wait_for_messages(1)
        self.daemon.kill()
        program.wait_for_output("closed the connection")
        program.wait_for_output("not answered")
        self.assertEqual(program.wait(), 1)


class SendToFullOutbox(harness.CliCase):
    config = {"Outbox": {"MaxMessages": 100}}  # 12 of them for high priority

    def test_waits_for_room_and_loses_neither_a_line_nor_the_order(self):
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            read, write = os.pipe()
            program = subprocess.Popen([BUILD / "aziot", "--socket", self.daemon.socket_path, "send"], stdin=read,
                                       env=harness.environment())
            os.close(read)
            os.write(write, b"".join(b'{"n":%d}\n' % n for n in range(200)))
            os.close(write)
            self.daemon.wait_for_status(lambda s: s["outbox"]["dropped"]["refused"] > 0, "it is full")
        self.assertEqual(program.wait(harness.TIMEOUT_S), 0)
        harness.assert_delivered(self, self.hub.wait_for_messages(200), 200)

    def test_gives_up_when_the_time_is_over(self):
        with self.hub.gone():
            self.daemon.wait_for_link("waiting")
            begun = time.monotonic()
            _, err = self.aziot("send", "--timeout", "1", stdin=b"x\n" * 89, code=1)
            self.assertGreaterEqual(time.monotonic() - begun, 1)
        self.assertRegex(err, "lines 65 to 89: .*OutboxFull")
        self.assertIn("64 messages were sent before", err)


class SendToSmallLimit(harness.CliCase):
    config = {"Outbox": {"MaxMessagesPerApplication": 10}}

    def test_lines_that_are_too_many_at_once_are_sent_one_by_one(self):
        self.aziot("send", stdin=b"".join(b'{"n":%d}\n' % n for n in range(30)))
        harness.assert_delivered(self, self.hub.wait_for_messages(30), 30)


class Call(harness.CliCase):
    def test_a_reply_is_a_line(self):
        out, _ = self.aziot("call", "io.aziotd.telemetry.Send", '{"message":{"text":"x"}}')
        self.assertIn("sequence", json.loads(out))
        out, _ = self.aziot("call", "org.varlink.service.GetInfo")
        self.assertEqual(json.loads(out)["product"], "aziotd")

    def test_an_error_is_told_as_it_is(self):
        _, err = self.aziot("call", "io.aziotd.telemetry.Nothing", code=1)
        self.assertEqual(err, 'error: org.varlink.service.MethodNotFound {"method":"io.aziotd.telemetry.Nothing"}\n')


class Serve(harness.CliCase):
    config = {"Hub": {"MethodTimeoutSec": "2"}}

    def serve(self, *arguments):
        """Starts `aziot serve` and waits until its first name is served."""
        program = self.run_cli("serve", *arguments)
        self.wait_until_served(arguments[0])
        return program

    def wait_until_served(self, name):
        def is_served():
            try:
                return name in self.daemon.call("io.aziotd.methods.List")["names"]
            except OSError:
                return False

        eventually(is_served, f"{name} is served")

    def test_a_script_answers(self):
        self.serve("echo", "--", "cat")
        payload = '{ "n":9007199254740993, "x":1.10 }'
        self.assertEqual(self.hub.invoke("echo", payload), (200, payload))
        self.assertEqual(self.hub.invoke("echo", "[1,2.50]"), (200, "[1,2.50]"))

    def test_the_environment_tells_name_and_call(self):
        self.serve("one", "two", "--", "sh", "-c",
                   """printf '{"name":"%s","id":"%s"}' "$AZIOT_METHOD" "$AZIOT_CALL_ID" """)
        answers = [json.loads(self.hub.invoke(name)[1]) for name in ("two", "one", "one")]
        self.assertEqual([a["name"] for a in answers], ["two", "one", "one"])
        self.assertEqual(len({a["id"] for a in answers}), 3)

    def test_the_environment_tells_the_deadline(self):
        self.serve("when", "--", "sh", "-c", """printf '"%s"' "$AZIOT_DEADLINE" """)
        called = datetime.datetime.now(datetime.timezone.utc)
        deadline = json.loads(self.hub.invoke("when")[1])
        left = datetime.datetime.fromisoformat(deadline.replace("Z", "+00:00")) - called
        self.assertGreater(left.total_seconds(), 1.9)  # MethodTimeoutSec= is 2 s
        self.assertLess(left.total_seconds(), 2 + harness.TIMEOUT_S)

    def test_exit_codes_and_descriptor_3_become_the_status(self):
        self.serve("run", "--", "sh", "-c", """eval "$(sed 's/^"//; s/"$//')" """)
        rows = [
            ("true", 200, None),
            ("exit 7", 500, {"exitCode": 7}),
            ("kill -9 $$", 500, {"signal": 9}),
            ("echo 404 >&3", 404, None),
            ("echo 404 >&3; exit 1", 404, None),
            ("echo {}; exit 1", 500, {}),
            ("echo hello", 500, {"error": "the output is not JSON"}),
            ("head -c 200000 /dev/zero", 500, {"error": "the output is larger than 128 KiB"}),
            ("sleep 1000 & echo {}", 200, {}),
        ]
        for script, status, payload in rows:
            with self.subTest(script):
                answer = self.hub.invoke("run", json.dumps(script))
                self.assertEqual((answer[0], json.loads(answer[1] or "null")), (status, payload))
        self.others[0].kill_session()

    def test_a_command_that_does_not_read_is_no_trouble(self):
        self.serve("deaf", "--", "true")
        for _ in range(3):
            self.assertEqual(self.hub.invoke("deaf", json.dumps({"x": "x" * 100_000}))[0], 200)

    def test_a_command_that_cannot_be_run_is_answered_for(self):
        program = self.serve("lost", "--", "/nonexistent/command")
        status, payload = self.hub.invoke("lost")
        self.assertEqual((status, json.loads(payload)), (500, {"error": "the command could not be run"}))
        program.wait_for_output("Cannot run /nonexistent/command")

    def test_a_command_that_is_late_is_ended(self):
        program = self.serve("slow", "--", "sh", "-c", "echo started >&2; exec sleep 1000")
        answer = (504, '{"error":"the program that serves this method did not answer in time"}')
        self.assertEqual(self.hub.invoke("slow"), answer)
        program.wait_for_output("ran into the deadline")
        eventually(lambda: len(program.session()) == 1, "the command has ended")
        self.assertEqual(self.hub.invoke("slow"), answer)

    def test_one_that_ignores_sigterm_is_killed(self):
        program = self.serve("stubborn", "--", "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
        self.assertEqual(self.hub.invoke("stubborn")[0], 504)
        program.wait_for_output("ran into the deadline")
        eventually(lambda: len(program.session()) == 1, "the command has ended")

    def test_it_survives_a_restart_of_the_daemon(self):
        program = self.serve("echo", "--", "cat")
        self.daemon.kill()
        program.wait_for_output("aziotd is not running")
        self.daemon.start()
        program.wait_for_output("Connected to")
        self.wait_until_served("echo")
        self.daemon.wait_online()
        self.assertEqual(self.hub.invoke("echo", "{}"), (200, "{}"))

    def test_a_signal_ends_it_and_the_command_with_it(self):
        program = self.serve("slow", "--", "sh", "-c", "echo started >&2; exec sleep 1000")
        self.run_program(BUILD / "aziot-hubsim", "invoke", "demo", "slow", "--socket", self.hub.socket_path)
        program.wait_for_output("started")
        program.send_signal(signal.SIGTERM)
        self.assertEqual(program.wait(), 0)
        self.assertEqual(program.session(), [])

    def test_a_refusal_ends_it(self):
        _, err = self.aziot("serve", "x" * 300, "--", "true", code=1)
        self.assertIn("InvalidParameter", err)


if __name__ == "__main__":
    tap.main()
