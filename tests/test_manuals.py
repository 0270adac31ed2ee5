#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The manual pages are complete: what a program's --help or an interface file tells is in its page."""

import os
import re
import subprocess
import unittest
from pathlib import Path

import tap

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("AZIOT_BUILD", ROOT / "build"))

PAGES = {"aziot(1)": ROOT / "cli/aziot.1", "aziot-hubsim(1)": ROOT / "hubsim/aziot-hubsim.1",
         "libaziot(3)": ROOT / "ipc/libaziot.3", "aziotd.conf(5)": BUILD / "aziotd.conf.5",
         "io.aziotd(7)": BUILD / "io.aziotd.7", "aziotd(8)": ROOT / "daemon/aziotd.8"}


def help_of(*command):
    return subprocess.run([BUILD / command[0], *command[1:], "--help"], capture_output=True, text=True, check=True,
                          env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}).stdout


def options_of(text):
    """The options at the beginning of a line."""
    return {option for line in re.findall(r"(?m)^ +(?:-\w,? )? *(--[a-z].*?)(?:  |$)", text)
            for option in re.findall(r"--([a-z-]+)", line)}


def text_of(page):
    """The words of a page, without requests."""
    lines = [re.sub(r"^\.(It|Ss|Sh)( Li)? ", "", line) for line in page.read_text().splitlines()]
    words = " ".join(line for line in lines if not line.startswith("."))
    return " ".join(words.replace("\\&", "").replace("\\-", "-").replace("\\e", "\\").split())


class Pages(unittest.TestCase):
    def test_each_has_the_sections_that_one_expects(self):
        for name, page in PAGES.items():
            with self.subTest(name):
                sections = re.findall(r"(?m)^\.Sh (.*)", page.read_text())
                self.assertEqual(sections[0], "NAME")
                self.assertIn("DESCRIPTION", sections[1:4])
                self.assertEqual(sections[-1], "SEE ALSO")

    def test_what_they_refer_to_is_there(self):
        for name, page in PAGES.items():
            for other, section in re.findall(r"(?m)^\.Xr ([\w.-]*azio[\w.-]+) (\d)", page.read_text()):
                with self.subTest(name, refers_to=other):
                    self.assertIn(f"{other}({section})", PAGES)


class Options(unittest.TestCase):
    def assert_has_options(self, page, *command):
        text, options = PAGES[page].read_text(), options_of(help_of(*command))
        self.assertTrue(options)
        self.assertEqual([option for option in sorted(options)
                          if not re.search(rf"(?m)^\.It Fl (.*[ ,] |)(Fl )?-{option}( |$)", text)], [])

    def test_of_the_daemon(self):
        self.assert_has_options("aziotd(8)", "aziotd")

    def test_of_the_hub(self):
        commands = set(re.findall(r"(?m)^  ([a-z]+) ", help_of("aziot-hubsim")))
        self.assertGreater(len(commands), 10)
        text = PAGES["aziot-hubsim(1)"].read_text()
        self.assert_has_options("aziot-hubsim(1)", "aziot-hubsim")
        for command in commands:
            with self.subTest(command):
                self.assertRegex(text, rf"(?m)^\.Cm {command}\b")
                self.assertRegex(text, rf"(?m)^\.It Cm {command}\b")
                self.assert_has_options("aziot-hubsim(1)", "aziot-hubsim", command)
                self.assertLessEqual(max(map(len, help_of("aziot-hubsim", command).splitlines())), 80)


class Interfaces(unittest.TestCase):
    def test_every_definition_field_and_comment_is_there(self):
        text = text_of(PAGES["io.aziotd(7)"])
        files = sorted((ROOT / "ipc/interfaces").glob("*.varlink"))
        self.assertGreater(len(files), 5)
        for file in files:
            source = file.read_text()
            begin = text.index(f" {file.stem} ")
            others = [text.find(f" {other.stem} ", begin + 1) for other in files if other != file]
            page = text[begin:min([o for o in others if o > 0], default=None)]
            for kind, name in re.findall(r"(?m)^(type|method|error) (\w+)", source):
                self.assertIn(f" {kind} {name} ", page)
            code = re.sub(r"(?m)^\s*#.*$", "", source)
            for field in re.findall(r"\w+: [^,()\s]+", code):
                self.assertIn(field, page)
            for comment in re.findall(r"(?m)(?:^ *#.*\n)+", source):
                for paragraph in re.split(r"(?m)^ *#$", comment):
                    words = " ".join(re.sub(r"(?m)^ *#", "", paragraph).split())
                    with self.subTest(file.name, comment=words[:40]):
                        self.assertIn(words, text)


if __name__ == "__main__":
    tap.main()
