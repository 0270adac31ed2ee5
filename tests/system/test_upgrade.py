# SPDX-License-Identifier: MIT
"""The daemon is restarted, killed and upgraded under load, and no program is refused, and nothing is lost.

Local programs (programs.py) send in every stage and both priorities, take messages of the cloud and serve a method, and
never wait before they connect again. Meanwhile the service is restarted by systemctl, killed, and the package upgraded
to a higher version by apt.

What has to hold: no connect() fails; who called while there was no daemon is answered by the next one; all that was
answered is at the hub; each message of the cloud was taken; the socket is systemd's, and the same at the end.

That a refused connection would be seen is shown by a socket that is stopped with the service.

    RESTARTS says how many there are (5); ./dev soak upgrade makes 30.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import machine
from harness import VarlinkError
from machine import deb, eventually

RESTARTS = int(os.environ.get("RESTARTS", 5))

# Each n-th time it is not restarted but killed.
KILL_EVERY = 5

# Between two restarts: the daemon is online again after some tenths of a second.
PAUSE_S = 1.0

SABOTAGE = "[Unit]\nPartOf=aziotd.service\n"


def release_again(folder):
    """Makes packages with a higher version, as of a release that changed nothing, in the folder."""
    for package in "aziotd", "libaziot0":
        tree = folder / "tree"
        subprocess.run(["dpkg-deb", "--raw-extract", deb(package), tree], check=True)
        control = tree / "DEBIAN" / "control"
        # The packages name each other's version, too.
        version = re.search(r"(?m)^Version: (.*)$", control.read_text())[1]
        control.write_text(control.read_text().replace(version, version + "+second"))
        subprocess.run(["dpkg-deb", "--build", "--root-owner-group", "-Znone", tree, folder / f"{package}.deb"], check=True,
                       stdout=subprocess.DEVNULL)
        shutil.rmtree(tree)


class Cloud:
    """Sends messages to the device and calls its method, as fast as is of use."""

    def __init__(self, hub):
        self.hub = hub
        self.sent, self.calls = [], {}
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.send, self.call)]
        for thread in self.threads:
            thread.start()

    def send(self):
        while not self.is_over.wait(0.1):
            text = f"c2d {len(self.sent)}"
            self.hub.call("SendMessage", {"device": "demo", "body": text, "messageId": text})
            self.sent.append(text)

    def call(self):
        while not self.is_over.wait(0.1):
            try:
                status = self.hub.invoke("add", "{}", 10)[0]
            except VarlinkError as error:
                status = error.name.rpartition(".")[2]
            self.calls[status] = self.calls.get(status, 0) + 1

    def end(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join()


class Upgrade(machine.SystemCase):
    def setUp(self):
        machine.roots()
        second = tempfile.TemporaryDirectory(prefix="aziotd-")
        self.addCleanup(second.cleanup)
        release_again(Path(second.name))
        self.machine = self.boot(f"--bind-ro={second.name}:/srv")
        self.machine.be_device()
        self.hub = self.machine.hub()

    def start_programs(self):
        programs = subprocess.Popen(self.machine.argv("python3", "/mnt/programs.py", machine.SOCKET), text=True,
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(programs.kill)
        self.assertEqual(programs.stdout.readline(), "running\n")
        return programs

    def end_programs(self, programs):
        return json.loads(programs.communicate(timeout=60)[0])

    def restart(self, i):
        pid = self.machine.pid()
        if i % KILL_EVERY == KILL_EVERY - 1:
            self.machine.run("systemctl", "kill", "--signal=KILL", "aziotd.service")
            eventually(lambda: self.machine.pid() not in (pid, 0), "another daemon")
        else:
            self.machine.run("systemctl", "restart", "aziotd.service")
            self.assertNotEqual(self.machine.pid(), pid)
        time.sleep(PAUSE_S)

    def upgrade(self):
        pid, before = self.machine.pid(), self.version()
        begin = time.monotonic()
        self.machine.run("sh", "-c", "apt-get install --yes /srv/*.deb")
        self.assertNotEqual(self.machine.pid(), pid)
        self.assertEqual(self.version(), before + "+second")
        print(f"# apt: {before} became {before}+second in {time.monotonic() - begin:.1f} s", flush=True)
        time.sleep(PAUSE_S)

    def version(self):
        return self.machine.run("dpkg-query", "--show", "--showformat=${Version}", "aziotd")

    def arrived(self, seen):
        """All that was answered is at the hub; returns how much of that came more than once."""
        found = {}
        for message in self.hub.messages():
            body = message["body"]
            found.setdefault(body["program"], []).append(body["n"])
        for name, answered in seen["answered"].items():
            missing = set(answered) - set(found.get(name, ()))
            self.assertEqual(missing, set(), f"{name}: answered, and not at the hub")
        return sum(len(numbers) - len(set(numbers)) for numbers in found.values())

    def test_nobody_is_refused_and_nothing_is_lost(self):
        inode, active = os.stat(self.machine.path(machine.SOCKET)).st_ino, self.machine.show("aziotd.socket", "ActiveEnterTimestamp")
        programs, cloud = self.start_programs(), Cloud(self.hub)
        self.addCleanup(cloud.end)
        for i in range(RESTARTS):
            self.restart(i)
            if i == RESTARTS // 2:
                self.upgrade()
        cloud.end()
        eventually(lambda: self.hub.call("ListMessages", {"device": "demo"})["messages"] == [], "C2D acknowledged")
        time.sleep(2)  # the last ones are taken
        seen = self.end_programs(programs)
        eventually(lambda: '"messages": 0' in self.machine.run("aziot", "status", "--json") or
                   '"messages":0' in self.machine.run("aziot", "status", "--json"), "the outbox empty")

        repeated = self.arrived(seen)
        answered = sum(map(len, seen["answered"].values()))
        print(f"# {RESTARTS} restarts, {RESTARTS // KILL_EVERY} of them by SIGKILL, and an upgrade: "
              f"{seen['connections']} connections, none refused, {seen['closed']} closed by a daemon that went, "
              f"{seen['closedUnheard']} of them before it had answered anything; "
              f"{answered} messages answered, all arrived, {repeated} of them twice; the longest wait for an answer "
              f"{seen['longestWaitMs']} ms, for connect() {seen['longestConnectMs']} ms; {len(cloud.sent)} messages of "
              f"the cloud, all taken, {len(seen['messages']) - len(set(seen['messages']))} twice; "
              f"methods: {cloud.calls}", flush=True)
        self.assertEqual(seen["refused"], {})
        # Another daemon is started a second after a crash: somebody has waited so long, and was answered.
        self.assertGreater(seen["longestWaitMs"], 900)
        self.assertEqual(seen["errors"], [])
        self.assertEqual(set(cloud.sent) - set(seen["messages"]), set(), "messages of the cloud that nobody got")
        self.assertGreater(cloud.calls.get(200, 0), 0)
        self.assertEqual(os.stat(self.machine.path(machine.SOCKET)).st_ino, inode)
        self.assertEqual(self.machine.show("aziotd.socket", "ActiveEnterTimestamp"), active)

    def test_a_socket_that_goes_with_the_service_would_be_noticed(self):
        self.machine.write("/etc/systemd/system/aziotd.socket.d/sabotage.conf", SABOTAGE)
        self.machine.run("systemctl", "daemon-reload")
        programs = self.start_programs()
        # A moment without the socket is enough.
        self.machine.run("systemctl", "stop", "aziotd.service")
        time.sleep(PAUSE_S)
        self.machine.run("systemctl", "start", "aziotd.service")
        seen = self.end_programs(programs)
        print(f"# refused: {seen['refused']}", flush=True)
        self.assertGreater(sum(seen["refused"].values()), 0)

