#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What bash and zsh offer behind aziot and aziot-hubsim: everything that --help tells, and what is there right now."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
import unittest
from pathlib import Path

import harness
from harness import BUILD, eventually, tap

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (ROOT / "cli/completion", ROOT / "hubsim/completion")

# Asks bash: the words are its arguments, the last one is to be completed. One line for each that is offered.
ASK_BASH = """
for file in "$FILES"/*; do . "$file"; done
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
"$(complete -p -- "$1" | sed 's/.*-F \\([^ ]*\\).*/\\1/')"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def help_of(*command):
    return subprocess.run([BUILD / command[0], *command[1:], "--help"], capture_output=True, text=True, check=True,
                          env=harness.environment()).stdout


def verbs_of(*command):
    """The verbs that the help of a command lists, each with whether it has verbs of its own."""
    return {name: arguments == "VERB" for name, arguments in
            re.findall(r"(?m)^  ([a-z][a-z-]*)(?: ([A-Z]\w*)?|$)", help_of(*command))}


def hub_commands():
    """The commands that the help of aziot-hubsim lists."""
    return set(re.findall(r"(?m)^  ([a-z]+) ", help_of("aziot-hubsim")))


def verb_rows():
    """The words of each verb of aziot, with those that stand behind another one."""
    rows = []
    for verb, has_verbs in verbs_of("aziot").items():
        rows += [("aziot", verb)] + [("aziot", verb, behind) for behind in (verbs_of("aziot", verb) if has_verbs else ())]
    return rows


def options_of(text):
    """The options that have a line, or a place in a list, at the beginning of a line."""
    found = set()
    for line in text.splitlines():
        match = re.match(r"\s+(?:-\w, )?(--[a-z].*?)(?:  |$)", line)
        if match:
            found |= set(re.findall(r"--[a-z-]+", match[1]))
    return found


class Cases:
    """What every shell has to pass; offered() asks it."""

    starts_hub = starts_daemon = False

    def environment(self):
        return harness.environment(
            PATH=f"{BUILD}:{os.environ['PATH']}", AZIOT_SOCKET=self.daemon.socket_path, TERM="dumb",
            STATE_DIRECTORY=str(self.hub.state), HOME=str(self.directory), FILES=str(self.directory / "completions"))

    def test_everything_of_the_help(self):
        rows = verb_rows()
        self.assertIn(("aziot", "twin", "get"), rows)
        listing = {words[:-1] for words in rows}
        for words, expected in [(words, verbs_of(*words)) for words in listing] + [(("aziot-hubsim",), hub_commands())]:
            with self.subTest(words):
                self.assertEqual(self.offered(*words, ""), set(expected))
        for words in [("aziot",), ("aziot-hubsim",), *rows, *(("aziot-hubsim", name) for name in hub_commands())]:
            with self.subTest(words):
                self.assertEqual(self.offered(*words, "--") - {"--"}, options_of(help_of(*words)))

    def test_arguments(self):
        rows = [
            (["aziot", "se"], {"send", "serve"}),
            (["aziot", "--color", ""], {"auto", "always", "never"}),
            (["aziot", "--json", "--socket", "x", "mess"], {"messages"}),
            (["aziot", "send", "--priority", ""], {"normal", "high"}),
            (["aziot", "send", "--stage", ""], {"accepted", "durable", "delivered"}),
            (["aziot", "twin", "w"], {"watch"}),
            (["aziot", "broker", "i"], {"invoke"}),
            (["aziot", "broker", "send", "--token", "a=b", "t", "--stage", "du"], {"durable"}),
            (["aziot", "metrics", "--format", ""], {"openmetrics", "prometheus"}),
            (["aziot", "log-level", ""], {"err", "warning", "notice", "info", "debug", "configured"}),
            (["aziot-hubsim", "messages", "demo", ""], {"send", "list", "purge", "feedback"}),
            (["aziot-hubsim", "messages", "demo", "send", "--ack", "po"], {"positive"}),
            (["aziot-hubsim", "twin", "demo", ""], {"update", "replace"}),
            (["aziot-hubsim", "device", ""], {"add", "change", "enable", "disable", "remove", "list"}),
            (["aziot-hubsim", "certificate", ""], {"create", "ca", "trust", "untrust", "list"}),
            (["aziot-hubsim", "certificate", "--self-signed", "c"], {"create", "ca"}),
            (["aziot-hubsim", "enrollment", ""], {"add", "change", "show", "list", "remove"}),
            (["aziot-hubsim", "enrollment", "add", "--reprovision", "mi"], {"migrate"}),
            (["aziot-hubsim", "enrollment", "change", "--status", "d"], {"disabled"}),
        ]
        for words, expected in rows:
            with self.subTest(words):
                self.assertEqual(self.offered(*words), expected)
        self.assertIn("mkfifo", self.offered("aziot", "messages", "--", "mkfif"))
        self.assertIn("mkfifo", self.offered("aziot", "serve", "reboot", "--", "mkfif"))
        self.assertIn("mkfifo", self.offered("aziot", "broker", "serve", "a", "--", "mkfif"))
        (self.directory / "socket-file").touch()
        self.assertTrue(self.offered("aziot-hubsim", "certificate", "trust", f"{self.directory}/socket-f").pop()
                        .endswith("socket-file"))
        self.assertTrue(self.offered("aziot", "--socket", f"{self.directory}/socket-f").pop().endswith("socket-file"))

    def test_what_is_there_now(self):
        self.hub.start()
        (self.hub.state / "socket").symlink_to(self.hub.socket_path)
        self.daemon.start()
        self.daemon.wait_online()
        self.run_program(BUILD / "aziot", "--socket", self.daemon.socket_path, "serve", "reboot", "pump*stop",
                         "$(touch hacked)", "--", "true")
        eventually(lambda: len(self.daemon.call("io.aziotd.methods.List")["names"]) == 3, "served")
        self.assertLessEqual({"reboot"}, self.offered("aziot", "serve", "re"))
        self.offered("aziot", "serve", "")
        self.assertEqual(list(self.directory.rglob("hacked")) + list(Path.cwd().glob("hacked")), [])
        self.assertEqual(self.offered("aziot", "call", "io.aziotd.methods."),
                         {"io.aziotd.methods." + name for name in ("Take", "Settle", "List")})
        for command in ("twin", "invoke", "messages"):
            self.assertEqual(self.offered("aziot-hubsim", command, "d"), {"demo"})
        self.assertEqual(self.offered("aziot-hubsim", "fault", "ki"), {"kick"})
        self.hub.call("AddEnrollment", {"enrollment": "pump-17"})
        for words in (("enrollment", "show"), ("registration",)):
            self.assertEqual(self.offered("aziot-hubsim", *words, "pu"), {"pump-17"})

        # The options that say where to ask are heeded.
        self.assertEqual(self.offered("aziot", "--socket", "/nonexistent", "serve", "re"), set())
        self.assertEqual(self.offered("aziot-hubsim", "--state-dir", "/nonexistent", "twin", "d"), set())
        self.assertEqual(self.offered("aziot-hubsim", "--state-dir", str(self.hub.state), "twin", "d"), {"demo"})


class Bash(Cases, harness.DaemonCase):
    def setUp(self):
        super().setUp()
        (self.directory / "completions").mkdir()
        for folder in FOLDERS:
            for file in folder.glob("*.bash"):
                shutil.copy(file, self.directory / "completions")

    def offered(self, *words):
        done = subprocess.run(["bash", "--norc", "-c", ASK_BASH, "bash", *words], capture_output=True, text=True,
                              env=self.environment(), timeout=harness.TIMEOUT_S, check=False)
        self.assertEqual(done.stderr, "")
        return set(done.stdout.split())


    def test_a_value_behind_an_equals_sign(self):
        rows = [
            (["aziot", "send", "--stage", "=", "du"], {"durable"}),
            (["aziot", "send", "--stage", "="], {"accepted", "durable", "delivered"}),
            (["aziot", "--color", "=", "never", "--socket", "=", "x", "rep"], {"reprovision"}),
            (["aziot-hubsim", "enrollment", "--status", "=", "enabled", "rem"], {"remove"}),
            (["aziot-hubsim", "messages", "demo", "send", "--ack", "=", "po"], {"positive"}),
        ]
        for words, expected in rows:
            with self.subTest(words):
                self.assertEqual(self.offered(*words), expected)
        self.assertIn("mkfifo", self.offered("aziot", "--color", "=", "never", "serve", "reboot", "--", "mkfif"))


@unittest.skipUnless(shutil.which("zsh"), "needs zsh")
class Zsh(Cases, harness.DaemonCase):
    """A real zsh at a terminal: what is offered is what it lists there."""

    SETUP = """
        PS1= PS2= RPS1= PROMPT_EOL_MARK=; unsetopt zle_bracketed_paste prompt_cr; stty -echo cols 200 rows 1000
        fpath=(%s $fpath); autoload -Uz compinit; compinit -u -D
        zstyle ':completion:*' list-separator '#'; zstyle ':completion:*' format ''; LISTMAX=0
        list-all() { zle list-choices; zle -R; zle -I; print -r -- '<END>'; BUFFER=; }
        zle -N list-all; bindkey '^X' list-all; print -r -- '<''READY>'
    """

    def setUp(self):
        super().setUp()
        folder = self.directory / "completions"
        folder.mkdir()
        for file in ("cli/completion/_aziot", "hubsim/completion/_aziot-hubsim"):
            shutil.copy(ROOT / file, folder)
        self.screen = b""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvpe("zsh", ["zsh", "-f", "-i"], self.environment())
        self.addCleanup(self.close)
        self.write(" ".join(line.strip() + ";" for line in (self.SETUP % folder).strip().splitlines()) + "\n")
        self.read_until(b"<READY>")

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)

    def write(self, text):
        os.write(self.terminal, text.encode())

    def read_until(self, marker):
        deadline = time.monotonic() + harness.TIMEOUT_S
        while marker not in self.screen:
            if not select.select([self.terminal], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise AssertionError(f"zsh said {self.screen!r}")
            self.screen += os.read(self.terminal, 65536)
        text, self.screen = self.screen.split(marker, 1)
        return text.decode()

    def offered(self, *words):
        self.write(" ".join(words) + "\x18")
        text = re.sub(r"\x1b\[[?0-9;]*\w|\x08", "", self.read_until(b"<END>"))
        lines = [line.split("#")[0].split() for line in text.splitlines()]
        return {word for line in lines if line[:1] != [words[0]] for word in line}  # without the line that was typed


if __name__ == "__main__":
    tap.main()
