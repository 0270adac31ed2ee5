# SPDX-License-Identifier: MIT
"""What becomes of each file when the packages are installed, upgraded, downgraded, removed and purged.

Of the packages of this tree there are three versions: as they are, a higher one whose aziotd.conf is another, and a still
higher one. The operator has changed aziotd.conf and written files of his own; a program has sent messages while the device
is offline. OPERATORS, MICROSOFTS, REMOVED and PURGED say what is where in the end.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import machine

NAMES = "aziotd", "libaziot0", "aziot-hubsim"
CONF = "/etc/aziotd/aziotd.conf"

# What the operator writes. It is his, and stays even when the package is purged: the keys of a device may be nowhere else.
OPERATORS = {
    "/etc/aziotd/aziotd.conf.d/10-site.conf": "[Log]\nLevel=debug\n",
    "/etc/aziotd/device.pem": "a key\n",
    "/etc/credstore/aziotd.connection-string": "HostName=hub.invalid;DeviceId=demo;SharedAccessKey=c2VjcmV0\n",
    "/etc/systemd/system/aziotd.service.d/site.conf": "[Service]\nNice=5\n",
}
# What belongs to Microsoft's identity service, whose names begin as ours do.
MICROSOFTS = {"/etc/aziot/config.toml": "", "/var/lib/aziot/keyd": ""}
# What is gone after a removal, and after a purge.
METRICS = "/var/lib/prometheus/node-exporter/aziotd.prom"
REMOVED = "/usr/sbin/aziotd", "/usr/bin/aziot", "/run/aziotd", "/run/aziotd-link", METRICS
PURGED = (CONF, "/var/lib/aziotd", "/var/lib/private/aziot-hubsim",
          "/etc/systemd/system/multi-user.target.wants/aziotd.service")

# What the system itself writes meanwhile, and the users, which stay so that a file never gets another owner.
NOISE = re.compile(
    r"/(proc|sys|dev|run|tmp)/|/var/(log|cache|tmp)/|/var/lib/(apt|dpkg|systemd)\b|/etc/ld\.so\.cache$"
    r"|/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|/etc/\.pwd\.lock$|/usr/share/(man|doc)/"
    r"|/var/lib/(dbus|machines|portables)|\.pyc$|/etc/machine-id$|/first/|/second/|/third/")


def with_version(suffix, folder, conf=None):
    """Copies of the packages with a version that is higher, and more in aziotd.conf."""
    folder.mkdir()
    for name in NAMES:
        tree = folder / name
        subprocess.run(["dpkg-deb", "--raw-extract", machine.deb(name), tree], check=True)
        control = tree / "DEBIAN" / "control"
        control.write_text(re.sub(r"(?m)^(Version: .*)$", rf"\1{suffix}", control.read_text()))
        if conf and (tree / CONF[1:]).exists():
            with open(tree / CONF[1:], "a", encoding="utf-8") as file:
                file.write(conf)
        subprocess.run(["dpkg-deb", "--build", "--root-owner-group", "-Znone", tree, folder / f"{name}.deb"], check=True,
                       stdout=subprocess.DEVNULL)
        shutil.rmtree(tree)


class Packages(machine.SystemCase):
    root = "bare"
    maxDiff = None

    def setUp(self):
        machine.roots()
        scratch = tempfile.TemporaryDirectory(prefix="aziotd-packages-")
        self.addCleanup(scratch.cleanup)
        folder = Path(scratch.name)
        with_version("", folder / "first")
        with_version("+1", folder / "second", conf="# New in this version.\n")
        with_version("+2", folder / "third")
        self.machine = self.boot(*(f"--bind-ro={folder}/{name}:/{name}" for name in ("first", "second", "third")))

    def run_inside(self, *argv, **options):
        return self.machine.run(*argv, **options)

    def install(self, folder):
        """As an operator does who wants to be asked nothing."""
        return self.run_inside("apt-get", "install", "--yes", "--allow-downgrades", "-oDpkg::Options::=--force-confdef",
                               "-oDpkg::Options::=--force-confold", *(f"/{folder}/{name}.deb" for name in NAMES))

    def files(self):
        found = self.run_inside("find", "/", "-xdev", "!", "-type", "d").splitlines()
        return {path for path in found if not NOISE.search(path)}

    def exists(self, path):
        return os.path.lexists(self.machine.path(path))

    def version(self):
        return self.run_inside("dpkg-query", "-W", "-f${Version}", "aziotd")

    def main_pid(self):
        return self.run_inside("systemctl", "show", "-PMainPID", "aziotd.service").strip()

    def n_waiting(self):
        """How many messages wait for the hub."""
        return int(re.search(r'"messages":(\d+)', self.run_inside("aziot", "status", "--json", check=False))[1])

    def read(self, path):
        return self.machine.path(path).read_text()

    def test_the_life_of_the_packages(self):
        before = self.files()
        for path, text in {**OPERATORS, **MICROSOFTS}.items():
            self.machine.write(path, text)

        with self.subTest("installed: enabled, started, users of its own, and the hub for desks is off"):
            self.install("first")
            for unit in "aziotd.service", "aziotd.socket":
                self.assertEqual(self.run_inside("systemctl", "is-enabled", unit).strip(), "enabled")
                self.assertEqual(self.run_inside("systemctl", "is-active", unit).strip(), "active")
            self.assertEqual(self.run_inside("stat", "-c%U:%G %a", "/run/aziotd/socket").strip(), "root:aziot 660")
            self.assertEqual(self.run_inside("stat", "-c%U:%G %a", "/var/lib/aziotd").strip(), "aziotd:aziotd 700")

        version = self.version()
        # An operator's change, and messages that wait: no hub is there.
        original = self.read(CONF)
        changed = original + "\n[Outbox]\nMaxMessages=1000\n"
        self.machine.write(CONF, changed)
        for n in range(3):
            self.run_inside("aziot", "send", str(n))

        with self.subTest("upgraded: it is another daemon, the changed aziotd.conf and the messages are kept"):
            pid, socket = self.main_pid(), self.machine.path("/run/aziotd/socket").stat().st_ino
            self.install("second")
            self.assertEqual(self.version(), version + "+1")
            self.assertNotEqual(self.main_pid(), pid)
            self.assertEqual(self.machine.path("/run/aziotd/socket").stat().st_ino, socket)
            self.assertEqual(self.read(CONF), changed)
            self.assertIn("New in this version", self.read(CONF + ".dpkg-dist"))
            self.assertEqual(self.n_waiting(), 3)

        with self.subTest("what was disabled and stopped stays so"):
            self.run_inside("systemctl", "disable", "--now", "aziotd.service", "aziotd.socket")
            self.install("third")
            self.assertEqual(self.run_inside("systemctl", "is-enabled", "aziotd.service", check=False).strip(), "disabled")
            self.assertEqual(self.run_inside("systemctl", "is-enabled", "aziotd.socket", check=False).strip(), "disabled")
            self.run_inside("systemctl", "enable", "--now", "aziotd.socket", "aziotd.service")

        with self.subTest("downgraded: the same"):
            self.install("first")
            self.assertEqual(self.version(), version)
            self.assertEqual(self.read(CONF), changed)
            self.assertEqual(self.n_waiting(), 3)

        with self.subTest("removed: nothing runs, the configuration and the messages are kept"):
            pid = self.main_pid()
            self.run_inside("mkdir", "--parents", "/var/lib/prometheus/node-exporter")
            self.run_inside("systemctl", "enable", "--now", "aziot-hubsim.service", "aziotd-metrics.timer")
            self.run_inside("systemctl", "start", "aziotd-metrics.service")
            self.assertIn("aziotd_", self.read(METRICS))
            self.run_inside("dpkg", "--remove", "aziotd", "aziot-hubsim")
            self.assertEqual([path for path in REMOVED if self.exists(path)], [])
            self.assertFalse(self.exists(f"/proc/{pid}"))
            self.assertEqual(self.run_inside("pgrep", "-l", "aziot", check=False), "")
            self.assertEqual(self.read(CONF), changed)
            self.assertTrue(self.exists("/var/lib/aziotd/outbox"))

        with self.subTest("installed again: it goes on where it was"):
            self.install("third")
            self.assertEqual(self.n_waiting(), 3)

        with self.subTest("purged: what is left is the operator's and Microsoft's"):
            self.run_inside("dpkg", "--purge", *NAMES)
            self.assertEqual([path for path in (*REMOVED, *PURGED) if self.exists(path)], [])
            for path, text in {**OPERATORS, **MICROSOFTS}.items():
                self.assertEqual(self.read(path), text, path)
            self.assertEqual(self.files() - before, {*OPERATORS, *MICROSOFTS})
            self.assertEqual(before - self.files(), set())
            self.assertEqual(self.run_inside("systemctl", "list-units", "--all", "--no-legend", "aziot*").strip(), "")
            self.assertIn("aziotd:", self.read("/etc/passwd"))


class Autopkgtest(machine.SystemCase):
    """What autopkgtest would run on a machine with systemd; debian/scripts/try runs the others."""

    def setUp(self):
        self.machine = self.boot(f"--bind-ro={machine.SOURCE}/debian/tests:/srv")

    def test_the_units_of_the_packages_work_together(self):
        self.machine.run("/srv/service")


class StatePartition(machine.SystemCase):
    def setUp(self):
        state = tempfile.TemporaryDirectory(prefix="aziotd-")
        self.addCleanup(state.cleanup)
        self.state = state.name
        self.machine = self.boot(f"--bind={self.state}:/var/lib/aziotd")

    def test_a_purge_empties_it(self):
        self.machine.run("aziot", "send", "1")
        self.assertTrue(os.listdir(self.state))
        self.machine.run("dpkg", "--purge", "aziotd")
        self.assertEqual(os.listdir(self.state), [])
