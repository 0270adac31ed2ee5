# SPDX-License-Identifier: MIT
"""Modules from PyPI for the tests, pinned and with their hashes, in a directory of their own.

Beforehand: pypi.py DIRECTORY REQUIREMENTS
"""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path


def fetch(directory, requirements):
    """Installs what the file 'requirements' names unless that is there, and makes it importable.

    Returns why that failed, or None.
    """
    installed = directory / "installed.txt"
    with directory.with_suffix(".lock").open("w") as lock:  # other tests share the directory
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.exists() or installed.read_bytes() != requirements.read_bytes():
            shutil.rmtree(directory, ignore_errors=True)
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--target"]
            result = subprocess.run([*command, directory, "-r", requirements], capture_output=True, text=True)
            if result.returncode != 0:
                return (result.stderr.strip() or "pip failed").splitlines()[-1]
            shutil.copy(requirements, installed)
    sys.path.insert(0, str(directory))
    return None


if __name__ == "__main__":
    sys.exit(fetch(Path(sys.argv[1]), Path(sys.argv[2])))
