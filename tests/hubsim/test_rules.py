# SPDX-License-Identifier: MIT
"""Each rule that aziot-hubsim says it enforces has a test, and is in the manual page."""

import importlib
import re
import subprocess
import unittest
from pathlib import Path

from hub import PROGRAM
import tap  # hub knows where it is

HERE = Path(__file__).resolve().parent
MANUAL = HERE.parents[1] / "hubsim" / "aziot-hubsim.1"


def listed():
    """number: (text, codes, source)"""
    lines = subprocess.run([PROGRAM, "rules"], capture_output=True, text=True, check=True).stdout.splitlines()
    return {int(number): rest for number, *rest in (line.split("\t") for line in lines)}


def tested():
    numbers = set()
    for path in HERE.glob("test_*.py"):
        for case in vars(importlib.import_module(path.stem)).values():
            if isinstance(case, type) and issubclass(case, unittest.TestCase):
                for function in vars(case).values():
                    numbers.update(getattr(function, "rules", ()))
    return numbers


class Rules(unittest.TestCase):
    def test_each_rule_has_a_test(self):
        self.assertEqual(set(listed()), tested())

    def test_numbers_rise(self):
        self.assertEqual(list(listed()), sorted(listed()))

    def test_codes_have_six_digits(self):
        for number, (_, codes, _) in listed().items():
            with self.subTest(number=number):
                self.assertRegex(codes, r"^(\d{6}(, \d{6})*)?$")

    def test_the_manual_page_has_each_rule(self):
        section = MANUAL.read_text().partition(".Sh RULES\n")[2].partition("\n.Sh ")[0]
        items = re.findall(r"^\.It (\d+)\n(.*?)(?=^\.It |^\.El)", section, re.MULTILINE | re.DOTALL)
        self.assertEqual({int(number): " ".join(text.split()) for number, text in items},
                         {number: text + (f" ({codes})" if codes else "") for number, (text, codes, _) in listed().items()})


if __name__ == "__main__":
    tap.main()
