#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The table of log messages: sound, used, in docs/operations.md, and what journalctl makes of it.

--write puts the list into docs/operations.md.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import tap

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "operations.md"
TABLE = ROOT / "daemon" / "log-message.c"

LIST = re.compile(r"(?<=<!-- The log messages begin; daemon/log-doc.c writes this part. -->\n).*?"
                  r"(?=<!-- The log messages end. -->)", re.DOTALL)


def written(what):
    return subprocess.run([os.environ["LOG_DOC"], what], capture_output=True, text=True, check=True).stdout


def rows():
    """[(name of the constant, word, id)]"""
    return re.findall(r'ROW\((\w+),\s*"([^"]*)",\s*"([^"]*)"', TABLE.read_text())


class Table(unittest.TestCase):
    def test_words_and_ids_are_well_formed_and_unique(self):
        self.assertGreater(len(rows()), 50)
        for _, word, message_id in rows():
            self.assertRegex(word, r"^[a-z]+(-[a-z]+)*$")
            self.assertRegex(message_id, r"^[0-9a-f]{32}$")
        for column in range(3):
            values = [row[column] for row in rows()]
            self.assertEqual(len(values), len(set(values)))

    def test_the_word_is_that_of_the_constant(self):
        for name, word, _ in rows():
            self.assertEqual(name, word.upper().replace("-", "_"))

    def test_every_message_is_logged_somewhere(self):
        sources = [path for path in (ROOT / "daemon").glob("*.c") if path != TABLE]
        used = set(re.findall(r"\bMSG_([A-Z_]+)\b", "".join(path.read_text() for path in sources)))
        self.assertEqual({name for name, _, _ in rows()} - used, set())

    def test_nothing_is_logged_around_the_table(self):
        for path in (ROOT / "daemon").glob("*.c"):
            if path.name not in ("log.c", "main.c", "check-config.c") and not path.name.endswith("-doc.c"):
                self.assertNotRegex(path.read_text(), r"\bfprintf\(stderr|sd_journal_|\bsyslog\(", path.name)

    def test_keys_that_are_named_exist(self):
        keys = (ROOT / "conf" / "aziotd.conf").read_text()
        for section, key in re.findall(r"\[(\w+)\]\s+(?:\"\s*\")?(\w+)=", re.sub(r'"\s*\n\s*"', "", TABLE.read_text())):
            self.assertRegex(keys, rf"(?ms)^\[{section}\](?:(?!^\[).)*^#{key}=")


class Catalogue(unittest.TestCase):
    @unittest.skipUnless(shutil.which("journalctl"), "needs journalctl")
    def test_journalctl_takes_it_and_finds_each_message(self):
        with tempfile.TemporaryDirectory() as root:
            directory = Path(root) / "usr/lib/systemd/catalog"
            directory.mkdir(parents=True)
            (directory / "aziotd.catalog").write_text(written("catalog"))
            done = subprocess.run(["journalctl", "--root", root, "--update-catalog"], capture_output=True, text=True,
                                  check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            listed = subprocess.run(["journalctl", "--root", root, "--list-catalog"], capture_output=True, text=True,
                                    check=True).stdout
            self.assertEqual(sorted(re.findall(r"(?m)^([0-9a-f]{32}) aziotd: ", listed)), sorted(row[2] for row in rows()))


class Document(unittest.TestCase):
    def test_it_has_the_list_as_it_is(self):
        self.assertEqual(LIST.search(DOCUMENT.read_text())[0].strip(), written("markdown").strip())


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        LIST_TEXT = f"\n{written('markdown').strip()}\n\n"
        DOCUMENT.write_text(LIST.sub(lambda _: LIST_TEXT, DOCUMENT.read_text()))
    else:
        tap.main()
