#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The network of the machine changes: a dead link is found out at once, and one that is back is used at once.

The daemon has a network namespace of its own, the hub another one, and a cable is between them.
"""

import os
import shutil
import subprocess
import time
from datetime import datetime
from pathlib import Path

import harness
from harness import BUILD, Program, eventually, tap

HUB, DEVICE, NAME = "198.18.0.1", "198.18.0.2", "hub.test"

# A hub that is asked has 5 s to answer; by keep-alives alone it would take 75 s.
NOTICED_S = 10

# The wait for the next attempt is longer than this when the network comes back; it is used after 1 to 2 s.
WAIT_S, BACK_S = 10, 6


def ip(*arguments, namespace=None):
    done = subprocess.run(["ip", *(["-n", namespace] if namespace else []), *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(arguments)}: {done.stdout}")


class FarHub(harness.Hub):
    namespace = ""

    def start(self):
        self.program = Program(["ip", "netns", "exec", self.namespace, BUILD / "aziot-hubsim", "run", "--state-dir",
                                self.state, "--listen", f"{HUB}:8883", "--host", NAME, "--socket", self.socket_path])
        self.program.wait_for_output("listening on")


class Network(harness.DaemonCase):
    config = {"Hub": {"KeepAliveSec": 60}, "Network": {"ConnectTimeoutSec": 2}}
    starts_hub = starts_daemon = False

    def setUp(self):
        self.near, self.far = f"aziotd-{os.getpid()}-near", f"aziotd-{os.getpid()}-far"
        if not shutil.which("ip"):
            self.skipTest("needs iproute2")
        try:
            self.make_network()
        except OSError as error:
            self.skipTest(f"no network namespaces here: {error}")
        super().setUp()
        self.hub = FarHub(self.directory)
        self.hub.namespace = self.far
        self.hub.start()
        argv = self.daemon.argv()
        self.daemon.argv = lambda: ["ip", "netns", "exec", self.near, *argv]
        self.daemon.start()
        self.daemon.wait_online()

    def make_network(self):
        for namespace in (self.near, self.far):
            ip("netns", "add", namespace)
            self.addCleanup(ip, "netns", "delete", namespace)
            ip("link", "set", "lo", "up", namespace=namespace)
        ip("link", "add", "near", "netns", self.near, "type", "veth", "peer", "name", "far", "netns", self.far)
        for namespace, device, address in ((self.near, "near", DEVICE), (self.far, "far", HUB)):
            ip("address", "add", f"{address}/24", "dev", device, namespace=namespace)
            ip("link", "set", device, "up", namespace=namespace)
        ip("route", "add", "default", "via", HUB, namespace=self.near)
        hosts = Path("/etc/netns") / self.near / "hosts"  # where ip netns exec looks
        hosts.parent.mkdir(parents=True)
        self.addCleanup(shutil.rmtree, hosts.parent)
        hosts.write_text(f"127.0.0.1 localhost\n{HUB} {NAME}\n")

    def wait_until_noticed(self):
        begin = time.monotonic()
        self.daemon.wait_for_link("waiting", NOTICED_S)
        print(f"# noticed after {time.monotonic() - begin:.1f} s")

    def next_attempt_s(self):
        """In how many seconds it will be."""
        at = self.daemon.status()["link"].get("nextAttempt")
        return datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp() - time.time() if at else 0

    def test_a_cable_that_is_pulled_and_put_back(self):
        ip("link", "set", "far", "down", namespace=self.far)  # no carrier any more
        self.wait_until_noticed()
        eventually(lambda: self.next_attempt_s() > WAIT_S, "a long wait for the next attempt", 120)
        begin = time.monotonic()
        ip("link", "set", "far", "up", namespace=self.far)
        self.daemon.wait_for_link("online", BACK_S)
        print(f"# back after {time.monotonic() - begin:.1f} s")

    def test_an_address_that_goes(self):
        ip("address", "delete", f"{DEVICE}/24", "dev", "near", namespace=self.near)
        self.wait_until_noticed()

    def test_an_interface_of_others_is_not_ours(self):
        status = self.daemon.status()
        ip("link", "add", "other", "type", "veth", "peer", "name", "another", namespace=self.near)
        ip("address", "add", "203.0.113.1/24", "dev", "other", namespace=self.near)
        for name in ("other", "another"):
            ip("link", "set", name, "up", namespace=self.near)
        ip("link", "delete", "other", namespace=self.near)
        self.daemon.send(text="x")
        self.daemon.wait_for_empty_outbox()
        self.assertEqual(self.daemon.status()["link"]["since"], status["link"]["since"])


if __name__ == "__main__":
    tap.main()
