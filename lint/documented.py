#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every public name is explained: lint/documented.py HEADER…

A declaration (function, type, enum, macro) has a comment above it, without a blank line between, or within it, as
when a struct explains its members. One comment speaks for all declarations below it up to the next blank line, so a
group needs no more than one.

Not asked for: forward declarations ('typedef struct X X;'), names that start with an underscore, which are nobody
else's, and names whose ending says it all: x_free(), x_to_string(), X_NULL.
"""

import re
import sys
from pathlib import Path

COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)

# Lines that declare nothing: directives, guards, extern "C" and its braces, forward declarations, macros that stand alone.
SILENT = re.compile(
    r"""\s*\#\s*(?!define\b) | \#define\ \w+_H$ | extern\ "C" | [{}]\s*$
      | (typedef\ )?(struct|union|enum)\ \w+(\ \w+)?; | _\w+$ | [A-Z_]+\(""",
    re.VERBOSE,
)
OBVIOUS = re.compile(r"_.*|.*_(free|freep|done|unref|to_string|NULL)")


def name_of(declaration):
    """The name that a declaration introduces."""
    for pattern in (
        r"#\s*define\s+(\w+)",
        r"}\s*(\w+)(?:\[.*\])?;\s*$",  # typedef struct { … } name;
        r"^(?:typedef )?(?:struct|union|enum) (\w+) \{",
        r"\(\*(\w+)\)",  # typedef int (*name)(…);
        r"(?<!__attribute__)\b(?!__attribute__)(\w+)\s*\(",
        r"(\w+)(?:\[.*\])?;\s*$",
    ):
        match = re.search(pattern, declaration, re.DOTALL)
        if match:
            return match[1]
    return ""


def is_complete(text):
    """Whether a declaration that begins with these lines ends with them."""
    if text.startswith("#"):
        return not text.endswith("\\")
    code = re.sub(r'"(\\.|[^"\\])*"', "", COMMENT.sub("", text)).rstrip()
    return code.count("{") == code.count("}") and code.endswith((";", "}", ")"))


def undocumented(text):
    """Yields (line number, name) of each declaration without a comment."""
    explained, open_lines, start = False, [], 0
    for number, line in enumerate(text.splitlines(), 1):
        if not open_lines:
            if not line.strip():
                explained = False
                continue
            if SILENT.match(line):
                continue
            start = number
        open_lines.append(line)
        whole = "\n".join(open_lines)
        if whole.rfind("/*") > whole.rfind("*/"):
            continue
        if not COMMENT.sub("", whole).strip():
            explained, open_lines = True, []
        elif is_complete(whole):
            name = name_of(COMMENT.sub("", whole))
            if not explained and "/*" not in whole and not OBVIOUS.fullmatch(name):
                yield start, name
            open_lines = []


def main():
    n_bad = 0
    for header in sys.argv[1:]:
        for number, name in undocumented(Path(header).read_text()):
            print(f"{header}:{number}: no comment says what {name or 'this'} is")
            n_bad += 1
    print(f"{len(sys.argv) - 1} headers, {n_bad} unexplained names")
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main())
