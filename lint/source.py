#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Small rules that no other tool knows: lint/source.py FILE…

Every file: the SPDX line is the first, or the second behind '#!'. An unfinished place has an issue
number. C: no goto, no // comments, and outside tests
no state in static variables of functions (clang-tidy looks for global ones).
"""

import re
import sys
from pathlib import Path

LICENCE = "SPDX-License-Identifier: MIT"

# Comments and literals, so that the rules see code alone; each is replaced by as many line ends as it had.
COMMENT_OR_LITERAL = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def complaints(path, text):
    """Yields (line number, what is wrong)."""
    head = text.splitlines()[:2]
    if not any(LICENCE in line for line in head[: 2 if text.startswith("#!") else 1]):
        yield 1, f"the first line is not '{LICENCE}'"
    for match in re.finditer(r"\b([T]ODO|[F]IXME|[X]XX)\b(?!\(#\d+\))", text):
        yield text.count("\n", 0, match.start()) + 1, f"{match[1]} without an issue number"
    if not path.endswith((".c", ".h")):
        return
    code = COMMENT_OR_LITERAL.sub(lambda m: "\n" * m[0].count("\n") or " ", text)
    for number, line in enumerate(code.splitlines(), 1):
        if re.search(r"\bgoto\b", line):
            yield number, "goto"
        if re.match(r"\s+static (?!inline\b)(?![^=]*\bconst\b)", line) and not path.startswith("tests/"):
            yield number, "a static variable in a function that can change"
        if "//" in line:
            yield number, "a // comment"


def main():
    n_bad = 0
    for path in sys.argv[1:]:
        for number, what in complaints(path, Path(path).read_text()):
            print(f"{path}:{number}: {what}")
            n_bad += 1
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main())
