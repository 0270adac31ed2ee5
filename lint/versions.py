#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The version that is told, packaged and announced is one: lint/versions.py meson.build debian/changelog NEWS.md"""

import re
import sys
from pathlib import Path

# Where each file says it.
VERSION = {
    "meson.build": r"(?m)^    version: '([^']+)',$",
    "changelog": r"\A\S+ \(([^)]+)\)",
    "NEWS.md": r"(?m)^## (\S+)",
}


def find(path, text):
    match = re.search(VERSION[path.rpartition("/")[2]], text)
    return match[1] if match else None


def complaints(texts):
    """Yields what is wrong with the files, {path: text}."""
    found = {path: find(path, text) for path, text in texts.items()}
    for path, version in found.items():
        if not version:
            yield f"{path}: no version"
    if len(set(found.values())) > 1:
        yield "not the same version: " + ", ".join(f"{path} {version}" for path, version in found.items())


def main():
    all_complaints = list(complaints({path: Path(path).read_text() for path in sys.argv[1:]}))
    for complaint in all_complaints:
        print(complaint)
    return 1 if all_complaints else 0


if __name__ == "__main__":
    sys.exit(main())
