# SPDX-License-Identifier: MIT
"""The libraries as a stranger has them: installed into a directory of its own, and found by pkg-config there."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import harness
from harness import BUILD

SOURCE = Path(__file__).resolve().parents[2]

STRICT = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-O1"]
COMPILERS = {".c": ["cc", "-std=c99"], ".cpp": ["c++", "-std=c++17"]}


def run(*argv, **options):
    """Runs a command and returns what it printed."""
    result = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            timeout=4 * harness.TIMEOUT_S, check=False, **options)
    if result.returncode != 0:
        raise AssertionError(f"{argv}: exit code {result.returncode}\n{result.stdout}")
    return result.stdout


class Installed:
    """The build, installed, and what was compiled against it."""

    def __init__(self, directory):
        self.root = Path(directory)
        run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", self.root)
        self.shared_object = next(self.root.rglob("libaziot.so.0"))
        self.libraries = self.shared_object.parent
        self.environment = {**os.environ, "PKG_CONFIG_PATH": str(self.libraries / "pkgconfig"),
                            "PKG_CONFIG_SYSROOT_DIR": str(self.root)}
        # A library with sanitizers wants a program that has them.
        self.extra = []
        if "libasan" in run("readelf", "-d", self.shared_object):
            self.extra = ["-fsanitize=address,undefined"]

    def pkg_config(self, *arguments):
        return run("pkg-config", *arguments, env=self.environment).split()

    def compile(self, source, package, *libraries, compiler=None):
        """Compiles a program against a package, or against other 'libraries', and returns where it is."""
        compiler = compiler or COMPILERS[source.suffix]
        output = self.root / f"{source.stem}-{compiler[0]}"
        run(*compiler, *STRICT, *self.extra, source, *self.pkg_config("--cflags", package),
            *(libraries or self.pkg_config("--libs", package)), "-o", output)
        return output


def install():
    """Installs the build for the tests of a module; from its setUpModule()."""
    directory = tempfile.mkdtemp(prefix="aziot-installed-")
    unittest.addModuleCleanup(shutil.rmtree, directory)
    return Installed(directory)
