# SPDX-License-Identifier: MIT
"""A machine with the packages of this tree, each case on one of its own.

    class Units(machine.SystemCase):
        def test_the_daemon_runs(self):
            self.assertEqual(self.machine.show("aziotd.service", "ActiveState"), "active")

The packages are built, and the root file system is made, when the first case begins, at the same time. Both are kept
in AZIOT_SYSTEM (build-system/), and the packages made anew when a source is younger. For another Debian, AZIOT_SUITE
names it, and AZIOT_DEBS has the packages.
"""

import functools
import os
import shutil
import subprocess
import sys
import threading
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "daemon")]
import container  # noqa: E402
import harness  # noqa: E402
from harness import eventually, tap  # noqa: E402

__all__ = ["DEBS", "Machine", "SystemCase", "deb", "debs", "eventually", "tap"]

TESTS = Path(__file__).resolve().parent
SOURCE = TESTS.parents[1]
FOLDER = Path(os.environ.get("AZIOT_SYSTEM", SOURCE / "build-system")).resolve()
DEBS = Path(os.environ.get("AZIOT_DEBS", FOLDER / "debs")).resolve()

SOCKET = "/run/aziotd/socket"
HUB = "/var/lib/aziot-hubsim"

WHY_NOT = container.why_not()


def build_debs():
    """The packages of what git knows, as they ship, without running what ./dev test runs anyway."""
    if DEBS.parent != FOLDER:
        return
    tree = DEBS / "aziotd"
    sources = subprocess.run(["git", "-C", SOURCE, "ls-files", "-z"], check=True, capture_output=True, text=True).stdout
    sources = [SOURCE / name for name in sources.split("\0")[:-1]]
    built = list(tree.parent.glob("*.changes"))
    if built and all(source.stat().st_mtime < built[0].stat().st_mtime for source in sources if source.exists()):
        return
    print("# building the packages", flush=True)
    shutil.rmtree(tree.parent, ignore_errors=True)
    for source in sources:
        copy = tree / source.relative_to(SOURCE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, copy, follow_symlinks=False)
    with open(tree.parent / "log", "w", encoding="utf-8") as log:
        subprocess.run(["dpkg-buildpackage", "--build=binary", "--unsigned-changes"], cwd=tree, check=True, stdout=log,
                       stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                       env={**os.environ, "DEB_BUILD_OPTIONS": "nocheck noautodbgsym parallel=2"})


def debs():
    return [path for path in sorted(DEBS.glob("*.deb")) if "-dbgsym_" not in path.name]


def deb(package):
    return next(path for path in debs() if path.name.startswith(package + "_"))


def install_debs(bare):
    """As who makes an image does it: nothing is started."""
    installed, unfinished = FOLDER / "installed", FOLDER / "unfinished"
    if installed.exists() and installed.stat().st_mtime > max(deb.stat().st_mtime for deb in debs()):
        return installed
    for root in installed, unfinished:
        shutil.rmtree(root, ignore_errors=True)
    subprocess.run(["cp", "--archive", bare, unfinished], check=True)
    subprocess.run(["dpkg", f"--root={unfinished}", "--force-unsafe-io", "--install", *debs()], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    unfinished.touch()
    return unfinished.rename(installed)


@functools.cache
def roots():
    """Two root file systems by name: a bare Debian, and one with the packages."""
    failed = []

    def build():
        try:
            build_debs()
        except (OSError, subprocess.CalledProcessError) as error:
            failed.append(error)

    builder = threading.Thread(target=build)
    builder.start()
    try:
        bare = container.make_root(FOLDER)
    finally:
        builder.join()
    if failed:
        raise failed[0]
    return {"bare": bare, "installed": install_debs(bare)}


class Machine(container.Container):
    def show(self, unit, name):
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).strip()

    def pid(self):
        """The daemon's, in the machine; 0: there is none."""
        return int(self.show("aziotd.service", "MainPID"))

    def journal(self, *options):
        """What the daemon that runs has said, and systemd of it."""
        invocation = self.show("aziotd.service", "InvocationID")
        return self.run("journalctl", "--quiet", "--no-pager", "--output=cat", *options,
                        f"_SYSTEMD_INVOCATION_ID={invocation}", "+", f"INVOCATION_ID={invocation}")

    def hubsim(self, *arguments):
        return self.run("aziot-hubsim", *arguments, "--state-dir", HUB)

    def hub(self):
        """For the back end's side of a test: the hub's socket, as it is seen from outside."""
        hub = harness.Hub(Path("/nowhere"))
        hub.socket_path = str(self.path(HUB + "/socket"))
        return hub

    def wait_online(self):
        eventually(lambda: "online" in self.run("aziot", "status", check=False), "the device online")

    def start_hub(self):
        """Starts the hub and gives the daemon what it needs, in the way of the README."""
        self.run("systemctl", "start", "aziot-hubsim")
        self.run("mkdir", "--parents", "/etc/credstore")
        self.run("cp", "--recursive", HUB + "/credentials/.", "/etc/credstore")

    def be_device(self):
        self.start_hub()
        self.run("systemctl", "restart", "aziotd")
        self.wait_online()

    def service(self, name, command, *properties, user="root"):
        """Runs a shell command to its end as a service; returns (exit code, what it printed)."""
        options = [f"--property={p}" for p in (f"User={user}", *properties)]
        return self.result("systemd-run", "--quiet", "--wait", "--pipe", "--collect", f"--unit={name}", *options,
                           "sh", "-c", command)


@unittest.skipIf(WHY_NOT, WHY_NOT)
class SystemCase(unittest.TestCase):
    root = "installed"
    machine = None

    def setUp(self):
        self.machine = self.boot()

    def boot(self, *options, **more):
        machine = Machine(roots()[self.root], f"--bind-ro={TESTS}:/mnt", *options, **more)
        self.addCleanup(machine.close)
        return machine

    def failure_details(self):
        """For the report of a failed case."""
        if not self.machine:
            return ""
        return "--- journal:\n" + self.machine.run("journalctl", "--no-pager", "--lines=60", check=False)
