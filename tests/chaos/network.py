# SPDX-License-Identifier: MIT
"""A network of a row's own: two namespaces, a device and the cloud, with a cable between them.

    device  192.0.2.2   2001:db8:1::2  ──────  192.0.2.1  2001:db8:1::1  cloud
                                               198.51.100.x  2001:db8:2::x: who is there

What is made here is named after this process and ended with it; what a killed run left is removed by the next one.
"""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

HUB, SECOND_HUB, PROXY, NAMES, PORTAL = (f"198.51.100.{n}" for n in (1, 2, 8, 53, 80))
HUB_IPV6 = "2001:db8:2::1"

PREFIX = "azc"
ETC = Path("/etc/netns")
# In memory if possible: how fast a disk is does not matter here. And short, as the path of a socket has to be.
SCRATCH = Path("/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp")
numbers = itertools.count()


class NotPermitted(Exception):
    """This machine does not let us make namespaces, or lacks a program for it."""


def run(*argv, check=True, **options):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=60, check=False, **options)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, argv))}: {done.stderr.strip()}")
    return done


def namespaces():
    """Those of this kind that there are."""
    return [line.split()[0] for line in run("ip", "netns", "list").stdout.splitlines()
            if line.startswith(PREFIX + "-")]


def remove_namespace(name):
    deadline = time.monotonic() + 5
    while pids := run("ip", "netns", "pids", name, check=False).stdout.split():
        for pid in pids:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    run("ip", "netns", "delete", name, check=False)
    shutil.rmtree(ETC / name, ignore_errors=True)


def remove_all(pid):
    """Removes what the process has made, with everything that runs in it."""
    for name in namespaces():
        if name.startswith(f"{PREFIX}-{pid}-"):
            remove_namespace(name)
    for directory in SCRATCH.glob(f"{PREFIX}-{pid}-*"):
        shutil.rmtree(directory, ignore_errors=True)


def sweep():
    """Removes what runs left that have ended."""
    names = [*namespaces(), *(directory.name for directory in SCRATCH.glob(f"{PREFIX}-*"))]
    for pid in {name.split("-")[1] for name in names}:
        if not Path("/proc", pid).exists():
            remove_all(pid)


def make_directory():
    """For the files of a row."""
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}-{os.getpid()}-", dir=SCRATCH))


def require():
    """Raises NotPermitted unless a network can be made here."""
    missing = [program for program in ("ip", "nft", "tc") if not shutil.which(program)]
    if missing:
        raise NotPermitted(f"needs the program {missing[0]}")
    if os.geteuid() != 0:
        raise NotPermitted("only root can make network namespaces")
    try:
        sweep()
        Network().close()
    except (RuntimeError, OSError) as error:
        raise NotPermitted(f"no network namespaces here: {error}") from error


class Network:
    """The two namespaces. Each fault is a context: it lasts as long as the block."""

    def __init__(self):
        number = next(numbers)
        self.device, self.cloud = (f"{PREFIX}-{os.getpid()}-{number}-{side}" for side in ("device", "cloud"))
        for name in (self.device, self.cloud):
            run("ip", "netns", "add", name)
            self.run_in(name, "ip", "link", "set", "lo", "up")
            (ETC / name).mkdir(parents=True, exist_ok=True)
            (ETC / name / "hosts").write_text("127.0.0.1 localhost\n")
            (ETC / name / "resolv.conf").write_text(f"nameserver {NAMES}\n")
            (ETC / name / "nsswitch.conf").write_text("hosts: files dns\n")
        run("ip", "link", "add", "cable", "netns", self.device, "type", "veth", "peer", "name", "cable", "netns",
            self.cloud)
        for address in ("192.0.2.1/24", "2001:db8:1::1/64"):
            self.in_cloud("ip", "address", "add", address, "dev", "cable", "nodad")
        for address in (HUB, SECOND_HUB, PROXY, NAMES, PORTAL, HUB_IPV6):
            self.in_cloud("ip", "address", "add", address, "dev", "lo", "nodad")
        self.in_cloud("ip", "link", "set", "cable", "up")
        self.set_up_device()

    def set_up_device(self):
        for address in ("192.0.2.2/24", "2001:db8:1::2/64"):
            self.in_device("ip", "address", "replace", address, "dev", "cable", "nodad")
        self.in_device("ip", "link", "set", "cable", "up")
        self.in_device("ip", "route", "replace", "default", "via", "192.0.2.1")
        self.in_device("ip", "-6", "route", "replace", "default", "via", "2001:db8:1::1")

    def close(self):
        for name in (self.device, self.cloud):
            remove_namespace(name)

    @staticmethod
    def run_in(name, *argv, **options):
        return run("ip", "netns", "exec", name, *argv, **options)

    def in_device(self, *argv, **options):
        return self.run_in(self.device, *argv, **options)

    def in_cloud(self, *argv, **options):
        return self.run_in(self.cloud, *argv, **options)

    @contextmanager
    def filtered(self, *rules, hook="input"):
        """nftables rules for what reaches the cloud (input), what leaves it (output), or before it is looked at
        where it goes (prerouting)."""
        kind = "nat hook prerouting priority -100" if hook == "prerouting" else f"filter hook {hook} priority 0"
        table = f"fault{next(numbers)}"
        self.in_cloud("nft", "-f", "-", input="table inet %s {\n chain rules {\n type %s;\n%s\n }\n}\n" % (
            table, kind, "\n".join(rules)))
        try:
            yield
        finally:
            self.in_cloud("nft", "delete", "table", "inet", table)

    @contextmanager
    def silent(self, match=""):
        """Nothing that matches passes the cable any more, in either direction, and nobody is told."""
        with self.filtered(f'iifname "cable" {match} drop'):
            with self.filtered(f'oifname "cable" {match.replace("dport", "sport").replace("daddr", "saddr")} drop',
                               hook="output"):
                yield

    @contextmanager
    def lossy(self, percent):
        lose = f"numgen random mod 100 < {percent} drop"
        with self.filtered(f'iifname "cable" {lose}'), self.filtered(f'oifname "cable" {lose}', hook="output"):
            yield

    @contextmanager
    def slow(self, rate):
        """As many bits a second, in both directions."""
        for side in (self.in_device, self.in_cloud):
            side("tc", "qdisc", "add", "dev", "cable", "root", "tbf", "rate", rate, "burst", "4kb", "latency", "3s")
        try:
            yield
        finally:
            for side in (self.in_device, self.in_cloud):
                side("tc", "qdisc", "delete", "dev", "cable", "root")

    @contextmanager
    def queued(self, number=1):
        """What comes from the device is left to a program that reads queue 'number'."""
        rule = ["INPUT", "-i", "cable", "-j", "NFQUEUE", "--queue-num", str(number)]
        self.in_cloud("iptables", "-A", *rule)
        try:
            yield
        finally:
            self.in_cloud("iptables", "-D", *rule)

    @contextmanager
    def unplugged(self):
        """The cable is out, which the device's kernel sees."""
        self.in_cloud("ip", "link", "set", "cable", "down")
        try:
            yield
        finally:
            self.in_cloud("ip", "link", "set", "cable", "up")
            # An interface that goes down takes its IPv6 addresses with it.
            self.in_cloud("ip", "address", "replace", "2001:db8:1::1/64", "dev", "cable", "nodad")

    @contextmanager
    def without_route(self):
        for family in ("-4", "-6"):
            self.in_device("ip", family, "route", "delete", "default")
        try:
            yield
        finally:
            self.set_up_device()
