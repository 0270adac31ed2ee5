#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""aziot messages: each message is printed or given to a command, and none is lost on the way."""

import json
import os
import signal
import subprocess

import harness
from harness import BUILD, eventually, tap


class MessageCase(harness.CliCase):
    def post(self, body, **parameters):
        return self.hub.call("SendMessage", {"device": "demo", "body": body, **parameters})["messageId"]

    def wait_for_inbox(self, n):
        self.daemon.wait_for_status(lambda status: status["inbox"]["messages"] == n, f"{n} messages in the inbox")


class Print(MessageCase):
    def test_a_body_is_a_line(self):
        program = self.run_cli("messages")
        for body in ("hello", '{ "n":1.10 }', "Grüße"):
            self.post(body)
            program.wait_for_output("^" + body.replace("{", r"\{") + "$")
        self.wait_for_inbox(0)
        self.assertEqual(program.stop(signal.SIGINT), 0)

    def test_json_has_everything(self):
        message_id = self.post('{\n"a":1}', properties={"k": "v"}, contentType="x/y")
        out, _ = self.aziot("messages", "--json", "--count", "1")
        self.assertEqual(len(out.splitlines()), 1)
        message = json.loads(out)
        self.assertEqual((message["body"], message["messageId"], message["properties"], message["contentType"]),
                         ({"a": 1}, message_id, {"k": "v"}, "x/y"))

    def test_count_is_exact(self):
        for i in range(5):
            self.post(str(i))
        self.assertEqual(self.aziot("messages", "--count", "2")[0], "0\n1\n")
        self.wait_for_inbox(3)
        out = self.aziot("messages", "--count", "3", "--json")[0].splitlines()
        self.assertEqual([(m["text"], m["redelivered"]) for m in map(json.loads, out)],
                         [("2", False), ("3", False), ("4", False)])
        self.wait_for_inbox(0)

    def test_waiting_has_an_end(self):
        self.post("x")
        self.assertEqual(self.aziot("messages", "--wait", "1"), ("x\n", ""))
        self.assertEqual(self.aziot("messages", "--wait", "1", "--count", "1", code=3), ("", ""))
        self.daemon.stop()
        self.assertIn("aziotd is not running", self.aziot("messages", "--wait", "1", code=1)[1])

    def test_what_cannot_be_written_is_not_lost(self):
        self.post("x")
        self.wait_for_inbox(1)
        with open("/dev/full", "wb") as full:
            done = subprocess.run([BUILD / "aziot", "--socket", self.daemon.socket_path, "messages"], stdout=full,
                                  stderr=subprocess.PIPE, env=harness.environment(), timeout=harness.TIMEOUT_S,
                                  check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"Cannot write: No space left", done.stderr)
        self.assertEqual(self.aziot("messages", "--count", "1")[0], "x\n")

    def test_without_a_reader_nothing_is_taken(self):
        read, write = os.pipe()
        process = subprocess.Popen([BUILD / "aziot", "--socket", self.daemon.socket_path, "messages"], stdout=write,
                                   env=harness.environment())
        os.close(write)
        os.close(read)
        self.assertEqual(process.wait(harness.TIMEOUT_S), 0)
        self.post("x")
        self.assertEqual(self.aziot("messages", "--count", "1")[0], "x\n")


class Command(MessageCase):
    def run_script(self, script, *options):
        return self.run_cli("messages", *options, "--", "sh", "-c", script)

    def test_the_command_gets_body_and_attributes(self):
        self.post('{ "n":1.10 }', messageId="m 1", correlationId="c", userId="u", contentType="t", contentEncoding="e",
                  properties={"alert level": "high", "x": ""}, ttlSeconds=60)
        out, _ = self.aziot("messages", "--count", "1", "--", "sh", "-c", "cat; echo; env | grep ^AZIOT_ | sort")
        body, *variables = out.splitlines()
        values = dict(v.split("=", 1) for v in variables)
        self.assertEqual(body, '{ "n":1.10 }')
        for name, value in {"ID": "1", "MESSAGE_ID": "m 1", "CORRELATION_ID": "c", "USER_ID": "u", "CONTENT_TYPE": "t",
                            "CONTENT_ENCODING": "e", "PROPERTY_alert_level": "high", "PROPERTY_x": ""}.items():
            self.assertEqual(values["AZIOT_" + name], value)
        self.assertLess(values["AZIOT_ENQUEUED"], values["AZIOT_EXPIRES"])
        self.assertNotIn("AZIOT_REDELIVERED", values)
        self.wait_for_inbox(0)

    def test_the_command_may_get_the_whole_message(self):
        message_id = self.post('{ "n":1.10 }')
        message = json.loads(self.aziot("messages", "--count", "1", "--json", "--", "cat")[0])
        self.assertEqual((message["body"], message["messageId"]), ({"n": 1.1}, message_id))

    def test_nothing_is_left_of_the_message_before(self):
        self.post("1", messageId="", properties={"k": "v"}, contentType="t")
        self.post("2", messageId="")
        out, _ = self.aziot("messages", "--count", "2", "--", "sh", "-c", "echo $AZIOT_PROPERTY_k-$AZIOT_CONTENT_TYPE")
        self.assertEqual(out.splitlines(), ["v-t", "-"])

    def test_a_failure_gives_the_message_again_after_a_pause(self):
        self.post("x")
        program = self.run_script('echo "redelivered=$AZIOT_REDELIVERED"; [ "$AZIOT_REDELIVERED" ]')
        program.wait_for_output("^redelivered=$")
        program.wait_for_output("Message 1: sh exited with 1; it is given out again after 1 s")
        program.wait_for_output("^redelivered=1$")
        self.wait_for_inbox(0)

    def test_pauses_grow_until_it_succeeds(self):
        self.post("x")
        program = self.run_script('echo >>"$0"; [ $(wc -l <"$0") -ge 3 ]'.replace("$0", str(self.directory / "tries")))
        program.wait_for_output("after 1 s")
        program.wait_for_output("after 2 s")
        self.wait_for_inbox(0)

    def test_a_command_that_cannot_be_run_is_told(self):
        self.post("x")
        program = self.run_cli("messages", "--", "/nonexistent/command")
        program.wait_for_output("Message 1: cannot run /nonexistent/command: No such file")
        program.stop()
        self.assertEqual(self.aziot("messages", "--count", "1")[0], "x\n")

    def test_a_signal_ends_the_command_and_the_message_stays(self):
        self.post("x")
        program = self.run_script("echo started; exec sleep 1000")
        program.wait_for_output("started")
        self.assertEqual(program.stop(), 0)
        self.assertEqual(program.session(), [])
        self.assertEqual(self.aziot("messages", "--count", "1")[0], "x\n")

    def test_a_command_that_does_not_read_is_no_trouble(self):
        for i in range(2):
            self.post("x" * 60_000)
        self.aziot("messages", "--count", "2", "--", "true")
        self.wait_for_inbox(0)

    def test_waiting_does_not_count_while_the_command_runs(self):
        self.post("x")
        self.post("y")
        self.assertEqual(self.aziot("messages", "--wait", "1", "--", "sh", "-c", "cat; echo; sleep 1.5")[0], "x\ny\n")

    def test_a_message_that_still_fails_is_an_error(self):
        self.post("x")
        self.aziot("messages", "--wait", "1", "--", "false", code=1)

    def test_it_goes_on_when_the_daemon_is_back(self):
        program = self.run_script("cat; echo")
        self.post("x")
        program.wait_for_output("^x$")
        self.wait_for_inbox(0)
        self.daemon.kill()
        program.wait_for_output("aziotd is not running")
        self.daemon.start()
        self.post("y")
        program.wait_for_output("^y$")
        self.daemon.wait_online()

    def test_a_daemon_that_dies_meanwhile_gives_the_message_again(self):
        self.post("x")
        program = self.run_script(f"echo run; while [ ! -e {self.directory}/go ]; do sleep 0.1; done")
        program.wait_for_output("^run$")
        self.daemon.kill()
        (self.directory / "go").touch()
        program.wait_for_output("aziotd is not running|connection")
        self.daemon.start()
        eventually(lambda: program.lines.count("run") == 2, "the message came again")
        self.wait_for_inbox(0)
        self.daemon.wait_online()


if __name__ == "__main__":
    tap.main()
