#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs of docs/clients, each in its language, with the real daemon and a hub.

A language is a class at the end, and each has the same four tasks. Named on the command line, one language is tested:
test_clients.py Python.
"""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "daemon"))
import harness  # noqa: E402
from harness import BUILD, PYTHON, eventually, tap  # noqa: E402
from installed import install, run  # noqa: E402

CLIENTS = Path(__file__).resolve().parents[2] / "docs/clients"

# Where Debian keeps the crates that cargo takes instead of those of crates.io.
CRATES = Path("/usr/share/cargo/registry")


class Language:
    """What the programs of a language need, how they are built and called."""

    needs = ()
    environment = {}

    @classmethod
    def setUpClass(cls):
        for command in cls.needs:
            if not shutil.which(command):
                raise unittest.SkipTest(f"needs {command}")
        cls.built = Path(tempfile.mkdtemp(prefix="aziot-clients-"))
        cls.addClassCleanup(shutil.rmtree, cls.built)
        cls.build()

    @classmethod
    def build(cls):
        pass

    @classmethod
    def argv(cls, task):
        return [cls.built / task]


class Tasks(Language):
    """The cases that every language has."""

    # Room for seven messages of priority 'normal', and for some at once.
    config = {"Outbox": {"MaxMessages": 8},
              "Access": {"User": pwd.getpwuid(os.getuid()).pw_name, "SendPerSec": 50, "SendBurst": 4}}

    def start(self, task, *arguments, **options):
        env = {"AZIOT_SOCKET": self.daemon.socket_path, **self.environment}
        program = self.run_program(*self.argv(task), *arguments, env=env, **options)
        self.addCleanup(program.kill_session)  # a script's commands, too
        return program

    def kill(self, program):
        program.kill_session()
        program.wait()

    def restart_daemon(self):
        """As an upgrade does, or a crash: connections break, and for a moment there is nothing to connect to."""
        self.daemon.kill()
        self.daemon.start()
        self.daemon.wait_online()

    def test_send(self):
        program = self.start("send", "boiler", stdin=subprocess.PIPE)
        sent = []

        def send(values):
            sent.extend(values)
            program.process.stdin.write("".join(f"{value}\n" for value in values).encode())
            program.process.stdin.flush()

        send([21.5])
        message = self.hub.wait_for_messages(1)[0]
        self.assertEqual((message["body"], message["properties"]), ({"value": 21.5}, {"sensor": "boiler"}))
        self.assertEqual(message["system"]["content-type"], "application/json")

        self.daemon.kill()
        send([1, 2])
        self.daemon.start()
        self.wait_for_values(sent)

        # Some come too fast, and some find no room until the hub is back.
        with self.hub.gone():
            send(range(3, 15))
            self.daemon.wait_for_status(lambda status: status["outbox"]["dropped"]["refused"] > 0, "one is refused")
        messages = self.wait_for_values(sent)
        self.assertEqual(len({message["system"]["message-id"] for message in messages}), len(sent))

        program.process.stdin.close()
        self.assertEqual(program.wait(), 0, program.output())

    def test_send_ends_at_what_is_no_number(self):
        """It is sent neither once nor again and again."""
        program = self.start("send", "boiler", stdin=subprocess.PIPE)
        program.process.stdin.write(b"1\nwarm\n2\n")
        program.process.stdin.close()
        self.assertNotEqual(program.wait(), 0)
        self.assertEqual([message["body"] for message in self.hub.wait_for_messages(1)], [{"value": 1}])

    def wait_for_values(self, values):
        """All of them have arrived, in their order; none twice under another name."""
        first = {}

        def have_arrived(messages):
            for message in messages:
                first.setdefault(message["system"]["message-id"], message)
            return len(first) >= len(values)

        self.hub.wait_for_messages(have_arrived)
        self.assertEqual([message["body"]["value"] for message in first.values()], values)
        return first.values()

    def wait_until_served(self):
        eventually(lambda: "blink" in self.daemon.call("io.aziotd.methods.List")["names"], "blink is served")

    def blink(self, payload):
        status, answer = self.hub.invoke("blink", payload)
        return status, json.loads(answer)

    def test_serve(self):
        self.start("serve")
        self.wait_until_served()
        refusal = (400, {"error": "times: 1 to 10"})
        for payload, answer in (
            ('{"times":3}', (200, {"blinked": 3})),
            ('{"times":11}', refusal),
            ('{"times":"3x"}', refusal),
            ('{"times":3.5}', refusal),
            ("{}", refusal),
            ('"three"', refusal),
            ("[3]", refusal),
            (None, refusal),
            ('{"times":10,"colour":"red"}', (200, {"blinked": 10})),
        ):
            with self.subTest(payload=payload):
                self.assertEqual(self.blink(payload), answer)

        self.restart_daemon()
        self.wait_until_served()
        self.assertEqual(self.blink('{"times":1}'), (200, {"blinked": 1}))

    def want(self, patch):
        self.hub.call("UpdateDesired", {"device": "demo", "patch": patch})

    def wait_for_reported(self, reported):
        eventually(lambda: self.hub.call("GetTwin", {"device": "demo"})["reported"] == reported, f"reported {reported}")

    def test_follow(self):
        self.want({"rate": 5, "other": 1})
        eventually(lambda: "rate" in self.daemon.call("io.aziotd.twin.Get")["desired"], "the daemon knows it")
        program = self.start("follow")
        self.wait_for_reported({"rate": 5})
        self.want({"other": 2})
        self.want({"rate": "fast"})
        self.wait_for_reported({"rate": "fast"})
        self.assertEqual(self.hub.call("GetTwin", {"device": "demo"})["reportedVersion"], 3)

        self.kill(program)
        self.want({"rate": 7.5})
        self.start("follow")
        self.wait_for_reported({"rate": 7.5})

        self.restart_daemon()
        self.want({"rate": None})
        self.wait_for_reported({})

    def test_take(self):
        # Nobody reads this, so what is written to it is never done.
        path = self.directory / "messages"
        os.mkfifo(path)
        program = self.start("take", path)
        self.hub.call("SendMessage", {"device": "demo", "body": "one", "properties": {"k": "v"}})
        self.daemon.wait_for_status(lambda status: status["inbox"]["messages"] == 1, "it is here")
        eventually(self.is_taken, "the program has it")
        self.kill(program)
        path.unlink()

        self.start("take", path)
        messages = self.wait_for_lines(path, 1)
        self.assertEqual((messages[0]["text"], messages[0]["properties"]), ("one", {"k": "v"}))
        self.assertTrue(messages[0]["redelivered"])

        self.restart_daemon()
        self.hub.call("SendMessage", {"device": "demo", "body": '{"two":2}'})
        messages = self.wait_for_lines(path, 2)
        self.assertEqual((messages[1]["body"], messages[1]["redelivered"]), ({"two": 2}, False))

    def is_taken(self):
        """It is given to nobody else. Should it be given to us, for that we came first, it is given back at once."""
        return self.daemon.call("io.aziotd.messages.Take", {"timeoutSeconds": 1})["message"] is None

    def wait_for_lines(self, path, n):
        """So many messages are kept, each once, and the daemon has none any more."""
        eventually(lambda: path.exists() and path.read_text().count("\n") >= n, f"{n} lines")
        self.daemon.wait_for_status(lambda status: status["inbox"]["messages"] == 0, "all are settled")
        lines = path.read_text().splitlines()
        self.assertEqual(len(lines), n)
        return [json.loads(line) for line in lines]


class Shell(Tasks, harness.DaemonCase):
    needs = ("jq",)
    environment = {"PATH": f"{BUILD}:{os.environ['PATH']}"}

    @classmethod
    def argv(cls, task):
        return [CLIENTS / "shell" / task]


class Python(Tasks, harness.DaemonCase):
    environment = {"PYTHONDONTWRITEBYTECODE": "1"}

    @classmethod
    def argv(cls, task):
        return [PYTHON, CLIENTS / f"python/{task}.py"]


class Node(Tasks, harness.DaemonCase):
    needs = ("node",)

    @classmethod
    def argv(cls, task):
        return ["node", CLIENTS / f"node/{task}.mjs"]


class Go(Tasks, harness.DaemonCase):
    needs = ("go", "gofmt")

    @classmethod
    def build(cls):
        source = CLIENTS / "go"
        environment = {**os.environ, "GOCACHE": str(BUILD / "clients-go"), "GOPROXY": "off", "GOTOOLCHAIN": "local",
                       "GOFLAGS": "", "CGO_ENABLED": "0"}
        run("go", "build", "-o", f"{cls.built}/", "./...", cwd=source, env=environment)
        unformatted = run("gofmt", "-l", source)
        if unformatted:
            raise AssertionError(f"not as gofmt has it: {unformatted}")


class Rust(Tasks, harness.DaemonCase):
    needs = ("cargo",)

    @classmethod
    def build(cls):
        if not list(CRATES.glob("serde_json-*")):
            raise unittest.SkipTest(f"needs serde_json in {CRATES}: librust-serde-json-dev")
        source = shutil.copytree(CLIENTS / "rust", cls.built / "source")  # cargo writes Cargo.lock beside them
        target = BUILD / "clients-rust"
        run("cargo", "build", "--offline", "--target-dir", target,
            "--config", 'source.crates-io.replace-with="debian"', "--config", f'source.debian.directory="{CRATES}"',
            cwd=source)
        cls.target = target / "debug"

    @classmethod
    def argv(cls, task):
        return [cls.target / task]


class C(Tasks, harness.DaemonCase):
    needs = ("cc",)

    @classmethod
    def build(cls):
        installed = install()
        cls.environment = {"LD_LIBRARY_PATH": str(installed.libraries)}
        for task in ("send", "serve", "follow", "take"):
            shutil.move(installed.compile(CLIENTS / f"c/{task}.c", "libaziot"), cls.built / task)


if __name__ == "__main__":
    tap.main()
