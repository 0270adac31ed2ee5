#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""aziot broker, and the scripts of the README as they stand there."""

import json
import re
import sys
from pathlib import Path

from broker_case import BrokerCase
from harness import BUILD, tap

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "broker"))
from stranger import Stranger  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]

TOPIC = "site/3/increment"


class Readme(BrokerCase):
    def scripts(self):
        """Those of the README that speak of a broker: what is indented and begins with #!/bin/sh."""
        text = (ROOT / "README.md").read_text()
        blocks = re.findall(r"(?m)^    #!/bin/sh\n(?:^    .*\n)+", text)
        return [re.sub("(?m)^    ", "", block) for block in blocks if "aziot broker" in block]

    def run_script(self, name, text):
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o755)
        return self.run_program(path, env={"PATH": f"{BUILD}:/usr/bin:/bin", "AZIOT_SOCKET": self.daemon.socket_path})

    def test_its_scripts_have_three_lines_and_work(self):
        serves, invokes = self.scripts()
        self.assertEqual([len(text.splitlines()) for text in (serves, invokes)], [3, 3])
        server = self.run_script("serves", serves)
        self.wait_for_service("site/+/increment")
        for restart in (None, self.restart_broker, self.restart_daemon):
            if restart:
                restart()
            client = self.run_script("invokes", invokes)
            self.assertEqual(client.wait(), 0, client.output())
            self.assertRegex(client.output(), r"\b42\b")
        self.assertTrue(server.is_running(), server.output())

    def restart_broker(self):
        self.broker.kill()
        self.broker.start()
        self.wait_for_broker("online")

    def restart_daemon(self):
        self.daemon.stop()
        self.daemon.start()
        self.wait_for_broker("online")


class Serve(BrokerCase):
    def serve(self, *arguments):
        program = self.run_cli("broker", "serve", *arguments)
        self.wait_for_service(re.sub(r"\{\w+\}", "+", arguments[0]))
        return program

    def test_a_command_finds_its_request(self):
        self.serve("site/{line}/increment", "--", "sh", "-c",
                   'cat; echo; env | grep ^AZIOT_ | grep -v SOCKET | sed "s/DEADLINE=2.*Z/DEADLINE=/" | sort')
        with Stranger(self.broker, "stranger") as stranger:
            response = stranger.invoke(TOPIC, b"41", user_properties=[("x.y", "z"), ("__srcId", "stranger")],
                                       ContentType="text/plain")
        lines = response.payload.decode().splitlines()
        self.assertRegex(lines.pop(3), r"^AZIOT_ID=\d+$")
        self.assertEqual(lines, ["41", "AZIOT_CONTENT_TYPE=text/plain", "AZIOT_DEADLINE=", "AZIOT_PROPERTY_x_y=z",
                                 "AZIOT_SENDER=stranger", "AZIOT_TOKEN_line=3", f"AZIOT_TOPIC={TOPIC}"])

    def test_how_a_command_ends_is_told(self):
        rows = [
            ("printf ok", 0, "ok\n", ""),
            ("cat", 0, '{"n": 1.10}\n', ""),
            ("true", 0, "", ""),
            ("echo no; echo too-hot it is 90 degrees >&3", 3, "no\n", "error 'too-hot': it is 90 degrees"),
            ("echo too-hot >&3", 3, "", "error 'too-hot'"),
            ("exit 7", 1, "", "the command exited with 7"),
            ("kill -9 $$", 1, "", "the command was ended by signal 9"),
            ("echo jammed >&3; exit 1", 1, "", "jammed"),
            (r"printf '\377'", 1, "", "the output is not UTF-8 text"),
            ("head -c 200000 /dev/zero", 1, "", "larger than 128 KiB"),
        ]
        for i, (script, code, printed, complaint) in enumerate(rows):
            with self.subTest(script):
                server = self.serve(f"c/{i}", "--", "sh", "-c", script)
                out, err = self.aziot("broker", "invoke", f"c/{i}", '{"n": 1.10}', code=code)
                self.assertEqual(out, printed)
                self.assertIn(complaint, err)
                self.assertEqual(server.stop(), 0)

    def test_bytes_are_bytes(self):
        self.serve(TOPIC, "--data", "--content-type", "image/x", "--", "cat")
        with Stranger(self.broker, "stranger") as stranger:
            response = stranger.invoke(TOPIC, b"\xff\0")
        self.assertEqual((response.payload, response.content_type), (b"\xff\0", "image/x"))

    def test_a_command_ends_at_the_deadline(self):
        server = self.serve(TOPIC, "--", "sh", "-c", "sleep 60")
        self.aziot("broker", "invoke", TOPIC, "--timeout", "1", code=1)
        server.wait_for_output("did not end in time")
        self.assertEqual(server.stop(), 0)

    def test_what_was_taken_is_given_to_another(self):
        server = self.serve(TOPIC, "--", "sh", "-c", "echo taken >&2; sleep 60")
        invoker = self.run_cli("broker", "invoke", TOPIC, "--timeout", "30")
        server.wait_for_output("^taken$")
        self.run_cli("broker", "serve", TOPIC, "--", "sh", "-c", 'echo "again $AZIOT_REDELIVERED"')
        self.assertEqual(server.stop(), 0)
        self.assertEqual(invoker.wait(), 0, invoker.output())
        self.assertEqual(invoker.output(), "again 1")


class Invoke(BrokerCase):
    def test_what_goes_out(self):
        with Stranger(self.broker, "stranger") as stranger:
            stranger.subscribe("a/b")
            invoker = self.run_cli("broker", "invoke", "a/{x}", "--token", "x=b", "--property", "k=1", "--property", "k=2",
                                   "--content-type", "text/x", "--event-source", "/cli", "--timeout", "20",
                                   "--response-topic", "r/{x}", '{"n": 1.10}')
            request = stranger.receive()
            self.assertEqual((request.payload, request.content_type, request.response_topic, request.expiry_s),
                             (b'{"n": 1.10}', "text/x", "r/b", 20))
            self.assertEqual([pair for pair in request.pairs if pair[0] == "k"], [("k", "1"), ("k", "2")])
            self.assertLessEqual({"source": "/cli", "specversion": "1.0", "subject": "a/b"}.items(),
                                 request.properties.items())
            stranger.respond(request, b"\xff")
            self.assertEqual(invoker.wait(), 0)

    def test_json_is_the_response(self):
        self.run_cli("broker", "serve", TOPIC, "--", "sh", "-c", "printf 42")
        self.wait_for_service(TOPIC)
        out, _ = self.aziot("broker", "invoke", TOPIC, "-", "--json", stdin=b"41")
        self.assertEqual(json.loads(out)["text"], "42")

    def test_errors_are_told_with_their_fields(self):
        _, err = self.aziot("broker", "invoke", "a/{x}", code=1)
        self.assertIn('"propertyName":"x"', err)
        _, err = self.aziot("broker", "invoke", "nobody/there", "--timeout", "1", code=1)
        self.assertIn('"kind":"timeout"', err)


class SendAndWatch(BrokerCase):
    def test_what_is_sent_is_seen(self):
        watcher = self.run_cli("broker", "watch", "site/{line}/state", "--count", "3", "-v")
        self.wait_for_service("site/+/state")
        self.aziot("broker", "send", "site/{line}/state", "--token", "line=3", '{"speed": 7}')
        self.aziot("broker", "send", "site/4/state", "--stage", "delivered", stdin=b"one\n\ntwo\n")
        self.assertEqual(watcher.wait(), 0, watcher.output())
        self.assertEqual(watcher.output().splitlines(), ['site/3/state {"speed": 7}', "site/4/state one", "site/4/state two"])

    def test_nothing_comes(self):
        out, _ = self.aziot("broker", "watch", "a/b", "--count", "1", "--wait", "1", code=3)
        self.assertEqual(out, "")

    def test_sequences_rise(self):
        out, _ = self.aziot("broker", "send", "-v", "a/b", stdin=b"1\n2\n")
        first, second = map(int, out.split())
        self.assertLess(first, second)
        out, _ = self.aziot("broker", "send", "--json", "a/b", "x")
        self.assertGreater(json.loads(out)["sequence"], second)

    def test_what_cannot_be_sent(self):
        rows = [
            (["a/b", "--event-type", "t", "x"], b"", 2, "--event-source"),
            (["a/b", "--stage", "soon", "x"], b"", 2, "stage"),
            (["a/b", "-"], b"\xff", 1, "--data"),
            (["a/{x}", "x"], b"", 1, "InvalidMessage"),
        ]
        for arguments, stdin, code, text in rows:
            with self.subTest(arguments):
                self.assertIn(text, self.aziot("broker", "send", *arguments, stdin=stdin, code=code)[1])


if __name__ == "__main__":
    tap.main()
