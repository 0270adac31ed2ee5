#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every public name is explained: lint/documented.py HEADER…

The unit is the paragraph: lines at file level without a blank line between them. A paragraph that declares
something (function, type, enum, macro) must begin with a comment, or each of its lines must end in one. So one
comment may speak for a group, if nothing stands between.

Not asked for: #include, conditionals, extern "C", forward declarations ('typedef struct X X;'), names that start
with an underscore, and headers named *-internal.h or *_internal.h.
"""

import re
import sys
from pathlib import Path

NOT_DECLARATIONS = re.compile(
    r"""\s*\#\s*(include|if|ifdef|ifndef|else|elif|endif|pragma|undef|error)\b
      | \s*\#\s*define\s+(_\w*|\w+_H_?)\b
      | extern\s+"C" | [{}]\s*$
      | (typedef\s+)?(struct|union|enum)\s+\w+(\s+\w+)?;
      | \s*(_Static_assert|static_assert)\b
      | DEFINE_CLEANUP\(""",
    re.VERBOSE,
)


def paragraphs(text):
    """Yields (line number, lines) of each paragraph; a blank line inside braces or a comment does not end one."""
    start, lines, depth, in_comment = 0, [], 0, False
    for number, line in enumerate(text.splitlines(), 1):
        inside = depth > 0 or in_comment
        if line.strip() or inside:
            if not lines:
                start = number
            lines.append((line, inside))
        elif lines:
            yield start, lines
            lines = []
        bare = re.sub(r'/\*.*?\*/|"(\\.|[^"\\])*"', "", line)
        in_comment = "/*" in bare or (in_comment and "*/" not in bare)
        if not in_comment and not re.match(r'extern\s+"C"', line):
            depth = max(0, depth + bare.count("{") - bare.count("}"))
    if lines:
        yield start, lines


def declares(line):
    return not re.match(r"\s*(/\*|\*)", line) and not NOT_DECLARATIONS.match(line)


def undocumented(path):
    """Yields (line number, line) of the first unexplained declaration of each paragraph."""
    for start, lines in paragraphs(Path(path).read_text()):
        explained = False
        for offset, (line, inside) in enumerate(lines):
            if inside:
                continue
            if line.startswith("/*"):
                explained = True
            elif declares(line) and not explained and not line.rstrip().endswith("*/"):
                yield start + offset, line
                break


def main():
    headers = [h for h in sys.argv[1:] if not re.search(r"[-_]internal\.h$", h)]
    n_bad = 0
    for header in headers:
        for number, line in undocumented(header):
            print(f"{header}:{number}: no comment says what this is: {line.strip()}")
            n_bad += 1
    print(f"{len(headers)} headers, {n_bad} unexplained")
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main())
