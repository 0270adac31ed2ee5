# SPDX-License-Identifier: MIT
"""A Debian of its own, booted with systemd-nspawn in less than a second.

    with container.Container(container.make_root(folder), "--bind-ro=/a:/b") as machine:
        machine.run("systemctl", "is-system-running")

It has no network but its own loopback. There is no systemd on the host to register it with, so programs are run with
nsenter.
"""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

# A minimal Debian, what our packages depend on, and what the tests use: without a network nothing can be added.
PACKAGES = ("ca-certificates,dbus,iproute2,libcjson1,libmosquitto1,libssl3,libsystemd0,procps,python3,sudo,systemd,"
            "systemd-sysv")

SUITE = os.environ.get("AZIOT_SUITE", "bookworm")

BOOT_S = 60

HIERARCHIES = "systemd", "unified", "memory", "pids", "cpu"

# systemd-nspawn would take the cgroups of the host, and does not end well without a directory of its own.
NSPAWN = """
set -e
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
for hierarchy in %s; do
        [ -d "/sys/fs/cgroup/$hierarchy" ] || continue
        mkdir -p "/sys/fs/cgroup/$hierarchy/$1"
        echo $$ >"/sys/fs/cgroup/$hierarchy/$1/cgroup.procs"
done
exec systemd-nspawn --quiet --machine="$1" --register=no --keep-unit --console=pipe --private-network \\
        --capability=all "${@:2}"
""" % " ".join(HIERARCHIES)


def nspawn(name, *options):
    return ["unshare", "--mount", "bash", "-c", NSPAWN, "bash", name, *map(str, options)]


def remove_cgroups(name):
    for hierarchy in HIERARCHIES:
        for folder, _, _ in os.walk(f"/sys/fs/cgroup/{hierarchy}/{name}", topdown=False):
            os.rmdir(folder)


def why_not():
    """Why there can be no container here; None: there can."""
    if os.geteuid() != 0:
        return "only root can boot a container"
    for program in "mmdebstrap", "nsenter", "systemd-nspawn", "unshare":
        if not shutil.which(program):
            return f"{program} is not installed"
    name = f"aziotd-probe-{os.getpid()}"
    probe = subprocess.run(nspawn(name, "--directory=/", "--volatile=yes", "/usr/bin/true"), stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    remove_cgroups(name)
    if probe.returncode != 0:
        return f"systemd-nspawn cannot run here: {(probe.stdout.splitlines() or ['it says nothing'])[-1]}"
    return None


def make_root(folder):
    """The root file system; it takes a minute or two the first time."""
    root = Path(folder) / f"debian-{SUITE}"
    kept = root / "etc" / "aziotd-tests-have"
    if kept.exists() and kept.read_text() == PACKAGES:
        return root
    print(f"# making {root}", flush=True)
    unfinished = root.with_name("unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.rmtree(root, ignore_errors=True)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={PACKAGES}",
                    '--aptopt=Acquire::Languages "none"', "--dpkgopt=force-unsafe-io",
                    "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*",
                    SUITE, unfinished], check=True)
    # An installer would have written it.
    (unfinished / "etc" / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    (unfinished / kept.relative_to(root)).write_text(PACKAGES)
    unfinished.rename(root)
    return root


class Container:
    """What it writes is in memory and gone when it ends, unless the options of systemd-nspawn say otherwise."""

    def __init__(self, root, *options, writes="--volatile=overlay"):
        self.name = f"aziotd-{os.getpid()}"
        self.log = tempfile.TemporaryFile("w+", encoding="utf-8")
        self.program = subprocess.Popen(nspawn(self.name, f"--directory={root}", "--boot", writes, *options),
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        try:
            self.leader = self._wait_for_leader()
            self.run("systemctl", "is-system-running", "--wait", check=False)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _find_leader(self):
        """The container's systemd: a child, or a grandchild, of nspawn."""
        pids = [self.program.pid]
        for pid in pids:
            if pid != self.program.pid and Path(f"/proc/{pid}/comm").read_text().strip() == "systemd":
                return pid
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                pids += map(int, children.read_text().split())
        return None

    def _wait_for_leader(self):
        deadline = time.monotonic() + BOOT_S
        while time.monotonic() < deadline and self.program.poll() is None:
            try:
                leader = self._find_leader()
                if leader and Path(f"/proc/{leader}/root/run/systemd/private").exists():
                    return leader
            except OSError:
                pass  # a process has just ended
            time.sleep(0.05)
        self.log.seek(0)
        raise AssertionError("the container did not boot:\n" + self.log.read()[-3000:])

    def argv(self, *argv):
        """The command line that runs this one inside."""
        return ["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "env", "-i",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
                *map(str, argv)]

    def result(self, *argv, stdin="", timeout_s=180):
        """Runs it inside to its end; returns (exit code, what it printed)."""
        done = subprocess.run(self.argv(*argv), input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=timeout_s, check=False)
        return done.returncode, done.stdout

    def run(self, *argv, check=True, **options):
        """Runs it inside to its end; returns what it printed."""
        code, output = self.result(*argv, **options)
        if check and code != 0:
            raise AssertionError(f"{argv}: exit code {code}\n{output[-3000:]}")
        return output

    def path(self, inside):
        """A path of the container, as it is seen from outside."""
        return Path(f"/proc/{self.leader}/root") / str(inside).lstrip("/")

    def write(self, inside, text, mode=0o644):
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def close(self):
        self.program.terminate()
        try:
            self.program.wait(30)
        except subprocess.TimeoutExpired:
            self.program.kill()
            self.program.wait()
        self.log.close()
        remove_cgroups(self.name)
