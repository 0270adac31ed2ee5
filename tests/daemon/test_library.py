#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""libaziot as a stranger has it: installed, found by pkg-config, and its examples compiled as they say themselves.

tests/clients runs those that each language has."""

import json
import re
import unittest

import harness
from harness import BUILD, eventually, tap
from installed import COMPILERS, SOURCE, STRICT, install, run

EXAMPLES = SOURCE / "docs/clients/c"


def setUpModule():
    global installed
    installed = install()


class Library(unittest.TestCase):
    def test_only_its_own_names_are_exported(self):
        names = [line.split()[-1] for line in run("nm", "-D", "--defined-only", installed.shared_object).splitlines()]
        self.assertEqual([name for name in names if not re.match(r"aziot_|LIBAZIOT_0$", name)], [])
        # The version of a name is a promise, so the list of them is kept.
        kept = re.findall(r"^ (\w+)@LIBAZIOT_0 ", (SOURCE / "debian/libaziot0.symbols").read_text(), re.MULTILINE)
        self.assertEqual(sorted(re.sub("@.*", "", name) for name in names), sorted(kept))

    def test_every_function_of_the_header_is_exported(self):
        declared = set(re.findall(r"\b(aziot_\w+)\(", without_comments((SOURCE / "ipc/aziot.h").read_text())))
        exported = set(re.findall(r" (aziot_\w+)", run("nm", "-D", "--defined-only", installed.shared_object)))
        self.assertEqual(declared - {"aziot_message"}, exported)

    def test_it_needs_nothing_but_libc(self):
        needed = re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", installed.shared_object))
        self.assertEqual([name for name in needed if not re.match(r"libc\.|libasan|libubsan", name)], [])

    def test_the_header_is_c_and_cplusplus(self):
        for compiler in ("cc -std=c99 -x c", "cc -std=c17 -x c", "c++ -std=c++11 -x c++",
                         "c++ -std=c++20 -x c++"):
            with self.subTest(compiler):
                run(*compiler.split(), *STRICT, *installed.pkg_config("--cflags", "libaziot"), "-fsyntax-only", "-",
                    input="#include <aziot.h>\ntypedef int unit;\n")

    def test_the_static_library_is_enough(self):
        archive = installed.libraries / "libaziot.a"
        self.assertTrue(installed.compile(EXAMPLES / "send.c", "libaziot", archive).exists())

    def test_the_examples_say_how_they_are_compiled(self):
        for source in [*EXAMPLES.glob("*.c"), *EXAMPLES.glob("*.cpp")]:
            with self.subTest(source.name):
                command = [*COMPILERS[source.suffix], source.name, "$(pkg-config --cflags --libs libaziot)", "-o",
                           source.stem]
                self.assertIn(" ".join(command), source.read_text())


def without_comments(header):
    return re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)


class Manual(unittest.TestCase):
    """libaziot(3) has all that aziot.h declares."""

    page = (SOURCE / "ipc/libaziot.3").read_text()
    header = without_comments((SOURCE / "ipc/aziot.h").read_text())

    def test_each_function_as_it_is_declared(self):
        declarations = re.findall(r"^(?:static inline )?([\w ]+?[ *]+)(aziot_\w+)\(([^)]*)\)(?=;| \{)", self.header,
                                  re.MULTILINE)
        declared = {name: (result.strip(), [re.sub(r"\s+", " ", a.strip()) for a in arguments.split(",")])
                    for result, name, arguments in declarations}
        synopsis = re.findall(r'^\.Ft "?(.*?)"?\n\.Fo (\w+)\n((?:\.Fa ".*"\n)*)\.Fc', self.page, re.MULTILINE)
        documented = {name: (result, re.findall('"(.*)"', arguments)) for result, name, arguments in synopsis}
        self.assertGreater(len(declared), 30)
        self.assertEqual(documented, declared)

    def test_each_function_type_member_and_constant_is_explained(self):
        explained = set(re.findall(r"\w+", self.page[self.page.index(".Sh DESCRIPTION"):]))
        names = set(re.findall(r"\b(?:AZIOT|aziot)_\w+", self.header))
        for kind, body, name in re.findall(r"^typedef (struct|enum) \w+ \{(.*?)^\} (\w+);", self.header,
                                           re.MULTILINE | re.DOTALL):
            names.add(name)
            if kind == "struct":
                names |= set(re.findall(r"(\w+)(?=[,;])", body))
        forms = {name for name in names if name.endswith("_start")}  # explained by what they are forms of
        self.assertEqual(names - forms - explained, set())

    def test_its_example_compiles(self):
        example = re.search(r"^\.Bd -literal.*?\n(.*?)^\.Ed", self.page, re.MULTILINE | re.DOTALL)[1]
        run("cc", "-std=c99", *STRICT, *installed.pkg_config("--cflags", "libaziot"), "-fsyntax-only", "-x", "c", "-",
            input=example.replace("\\e", "\\"))


class Examples(harness.DaemonCase):
    def example(self, name, *arguments):
        """Compiles an example and starts it."""
        return self.run_program(installed.compile(EXAMPLES / name, "libaziot"), *arguments,
                                env={"AZIOT_SOCKET": self.daemon.socket_path,
                                     "LD_LIBRARY_PATH": str(installed.libraries)})

    def test_device(self):
        program = self.example("device.c")
        self.hub.wait_for_messages(1)
        eventually(lambda: "blink" in self.daemon.call("io.aziotd.methods.List")["names"], "blink is served")
        status, payload = self.hub.invoke("blink", '{"times":3}')
        self.assertEqual((status, json.loads(payload)), (200, {"done": True}))
        program.wait_for_output("^blink 3$")

        for interval, answer in ((1, {"value": 1, "ac": 200}), (0, {"value": 1, "ac": 400, "ad": "1 to 3600 seconds"})):
            version = self.hub.call("UpdateDesired", {"device": "demo", "patch": {"interval": interval}})["version"]
            self.wait_for_reported({"interval": {**answer, "av": version}})
        self.hub.wait_for_messages(3)

    def wait_for_reported(self, expected):
        eventually(lambda: self.hub.call("GetTwin", {"device": "demo"})["reported"].items() >= expected.items(),
                   f"{expected} is reported")

    def test_device_survives_a_restart_of_the_daemon(self):
        program = self.example("device.c")
        self.hub.wait_for_messages(1)
        self.daemon.kill()
        program.wait_for_output("aziotd is not running")
        self.daemon.start()
        self.daemon.wait_online()
        eventually(lambda: "blink" in self.daemon.call("io.aziotd.methods.List")["names"], "blink is served again")
        self.assertEqual(self.hub.invoke("blink")[0], 200)
        version = self.hub.call("UpdateDesired", {"device": "demo", "patch": {"interval": 2}})["version"]
        self.wait_for_reported({"interval": {"value": 2, "ac": 200, "av": version}})

    def test_messages_in_cplusplus(self):
        program = self.example("take.cpp", "2")
        for body in ("one", "two"):
            self.hub.call("SendMessage", {"device": "demo", "body": body, "properties": {"k": "v"}})
        self.assertEqual(program.wait(), 0)
        self.assertEqual(program.output().splitlines(), ["one k=v", "two k=v"])
        eventually(lambda: self.daemon.status()["inbox"]["messages"] == 0, "all messages are settled")


class Repeat(harness.DaemonCase):
    def test_nothing_is_lost_when_the_daemon_is_killed(self):
        n = 20_000
        sender = self.run_program(BUILD / "library-sender", str(n), env={"AZIOT_SOCKET": self.daemon.socket_path})
        for i in range(1, 6):
            sender.wait_for_output(f"^{i * n // 10}$")
            self.daemon.kill()
            self.daemon.start()
        self.assertEqual(sender.wait(), 0, sender.output())
        messages = self.hub.wait_for_messages(lambda found: len({m["body"]["n"] for m in found}) == n)
        for message in messages:
            self.assertEqual(message["system"]["message-id"], f"m-{message['body']['n']}")
        # They came in order, save what was repeated.
        first_time = list(dict.fromkeys(m["body"]["n"] for m in messages))
        self.assertEqual(first_time, list(range(n)))


if __name__ == "__main__":
    tap.main()
