#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Prints the date of a build, in seconds since 1970, the same for everyone who builds the same source.

That is $SOURCE_DATE_EPOCH (reproducible-builds.org), which packagers set, or the date of the changelog's newest
entry.

    build-date.py debian/changelog
"""

import email.utils
import os
import re
import sys
from pathlib import Path

epoch = os.environ.get("SOURCE_DATE_EPOCH")
if not epoch:
    entry = re.search(r"(?m)^ -- .*>  (.*)$", Path(sys.argv[1]).read_text())
    epoch = int(email.utils.parsedate_to_datetime(entry[1]).timestamp())
print(int(epoch))
