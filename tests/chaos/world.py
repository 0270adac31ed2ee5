# SPDX-License-Identifier: MIT
"""A device and its cloud, for one row: the real aziotd in one namespace, the real aziot-hubsim and whatever else
answers in the other, and a local program that calls the daemon all along."""

import json
import mmap
import os
import re
import shutil
import struct
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import harness
import network

HERE = Path(__file__).resolve().parent
IP = shutil.which("ip") or "ip"
HUB_NAME, SECOND_HUB_NAME, DPS_NAME, PROXY_NAME = "hub.test", "second.test", "dps.test", "proxy.test"
PROXY_PORT = 8080


def in_namespace(name, argv):
    return [IP, "netns", "exec", name, *argv]


class CloudHub(harness.Hub):
    """aziot-hubsim in the cloud."""

    clock = None

    def __init__(self, directory, namespace, address, name):
        super().__init__(directory)
        self.directory = directory
        self.namespace, self.address, self.name = namespace, address, name

    def start(self):
        self.program = harness.Program(in_namespace(self.namespace, [
            harness.BUILD / "aziot-hubsim", "run", "--state-dir", self.state, "--socket", self.socket_path,
            "--listen", f"{self.address}:8883", "--listen-websocket", f"{self.address}:443",
            "--host", self.name, "--host", DPS_NAME]), env=self.clock.environment() if self.clock else None)
        self.program.name = "aziot-hubsim"
        self.program.wait_for_output(r"listening on")

    def device_key(self):
        return re.search("SharedAccessKey=(.*)", self.connection_string_file.read_text())[1]

    def log(self):
        """What has arrived, as [(n, message id)] in the order of arrival, without what others than the local client
        have sent."""
        return [(m["body"]["n"], m["system"]["message-id"]) for m in self.messages()
                if isinstance(m.get("body"), dict) and "n" in m["body"]]


class DeviceDaemon(harness.Daemon):
    """aziotd in the device."""

    namespace = ""
    clock = None

    def argv(self):
        return in_namespace(self.namespace, super().argv())

    def start(self, env=None, **options):
        env = dict(env or {})
        if self.clock:
            env |= self.clock.environment()
        super().start(env, **options)
        self.program.name = "aziotd"

    def speed(self):
        return self.clock.speed if self.clock else 1

    def now(self):
        """In seconds as they pass for the daemon."""
        return time.monotonic() * self.speed()


class Clock:
    """The time that a process sees; see time-shim.c."""

    def __init__(self, path, offset_s=0, speed=1):
        self.path, self.speed = path, speed
        origins = [time.clock_gettime_ns(clock) for clock in
                   (time.CLOCK_REALTIME, time.CLOCK_MONOTONIC, time.CLOCK_BOOTTIME)]
        path.write_bytes(struct.pack("=qqqqq", offset_s * 10**9, speed, *origins))
        with path.open("r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)

    def environment(self):
        # The sanitizer wants to be the first library, and need not be: the shim allocates nothing.
        options = os.environ.get("ASAN_OPTIONS", "")
        # And the resolver waits by the kernel's clock, so it had better not wait for long.
        return {"LD_PRELOAD": str(harness.BUILD / "libtime-shim.so"), "AZIOT_TEST_CLOCK": str(self.path),
                "ASAN_OPTIONS": f"{options}:verify_asan_link_order=0".lstrip(":"),
                **({"RES_OPTIONS": "timeout:1 attempts:1"} if self.speed > 1 else {})}

    def set(self, offset_s):
        """Sets the wall clock so many seconds off."""
        struct.pack_into("=q", self.map, 0, offset_s * 10**9)


class LocalClient:
    """local-client.c."""

    def __init__(self, daemon):
        self.process = subprocess.Popen(
            [harness.BUILD / "local-client", daemon.socket_path, str(daemon.program.pid)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=harness.environment())

    def order(self, word):
        """The lap that the order ends."""
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("the local client has ended")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(harness.TIMEOUT_S)


class Timeline:
    """What the daemon told of its link, and when, by the daemon's clock: [(seconds, state)]."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.wire = harness.Wire(daemon.socket_path, None)
        self.wire.send("io.aziotd.device.WatchStatus", {}, more=True)
        self.states = []
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            while True:
                state = self.wire.receive()["link"]["state"]
                with self.changed:
                    if not self.states or self.states[-1][1] != state:
                        self.states.append((self.daemon.now(), state))
                        self.changed.notify_all()
        except (OSError, ValueError):
            pass

    def first(self, states, since, until):
        """When the link was first in one of these states after 'since'; None if it was not before 'until'."""
        with self.changed:
            while True:
                for at, state in self.states:
                    if at >= since and state in states:
                        return at
                left = until - self.daemon.now()
                if left <= 0 or not self.changed.wait(left / self.daemon.speed()):
                    return None

    def close(self):
        self.wire.socket.shutdown(2)
        self.thread.join(harness.TIMEOUT_S)
        self.wire.close()


class World:
    """Everything of one row; begin() starts it and end() leaves nothing of it."""

    def __init__(self, config=None, provisioned=False, proxy=False, clock=None):
        self.directory = network.make_directory()
        self.network = network.Network()
        self.names = self.directory / "names"
        self.set_names({})
        self.hub = CloudHub(self.directory, self.network.cloud, network.HUB, HUB_NAME)
        self.second_hub = None
        if provisioned:
            (self.directory / "second").mkdir()
            self.second_hub = CloudHub(self.directory / "second", self.network.cloud, network.SECOND_HUB,
                                       SECOND_HUB_NAME)
        self.proxy_mode = self.directory / "proxy-mode"
        self.has_proxy = proxy
        self.daemon = DeviceDaemon(self.directory, self.hub, **(config or {}))
        self.daemon.namespace = self.network.device
        if clock is not None:
            self.daemon.clock = Clock(self.directory / "clock", **clock)
            # Time passes as fast for the hubs, but nobody sets their clock.
            for hub in (self.hub, self.second_hub):
                if hub:
                    hub.clock = Clock(hub.directory / "hub-clock", **clock)
        self.others = []
        self.client = self.timeline = None

    def set_names(self, changes):
        """What the nameserver knows: who there is, but for the changes."""
        self.names.with_suffix(".new").write_text(json.dumps({
            HUB_NAME: [network.HUB], SECOND_HUB_NAME: [network.SECOND_HUB], DPS_NAME: [network.HUB],
            PROXY_NAME: [network.PROXY], **changes}))
        self.names.with_suffix(".new").rename(self.names)

    def serve(self, script, *arguments):
        """Starts one of the scripts beside this one in the cloud."""
        program = harness.Program(in_namespace(self.network.cloud, [
            harness.PYTHON, HERE / script, *arguments]), env={"PYTHONDONTWRITEBYTECODE": "1"})
        self.others.append(program)
        program.wait_for_output("^listening$")
        return program

    def begin(self):
        self.serve("nameserver.py", network.NAMES, self.names)
        if self.has_proxy:
            self.proxy_mode.write_text("open")
            self.serve("proxy.py", network.PROXY, str(PROXY_PORT), self.proxy_mode)
        self.hub.start()
        if self.second_hub:
            self.second_hub.start()
            self.enroll()

    def enroll(self):
        """The device is to be provisioned, to the first hub; either would take it."""
        enrolled = dict(pair.split("=", 1) for pair in self.hub.call(
            "AddEnrollment", {"enrollment": "demo", "retryAfterSeconds": 1})["connectionString"].split(";"))
        self.second_hub.call("RemoveDevice", {"device": "demo"})
        self.second_hub.call("AddDevice", {"device": "demo", "primaryKey": enrolled["SharedAccessKey"]})
        trusted, key = self.directory / "trusted.pem", self.directory / "enrollment-key"
        trusted.write_text(self.hub.ca_file.read_text() + self.second_hub.ca_file.read_text())
        key.write_text(enrolled["SharedAccessKey"])
        key.chmod(0o600)
        self.daemon.config["Hub"].update(ConnectionStringFile=None, TrustedCAFile=trusted)
        self.daemon.config["Provisioning"] = {
            "IdScope": enrolled["IdScope"], "RegistrationId": "demo", "KeyFile": key, "Endpoint": DPS_NAME}

    def begin_daemon(self):
        self.daemon.start()
        self.timeline = Timeline(self.daemon)
        self.client = LocalClient(self.daemon)

    def end(self):
        """What was wrong about the end, in words."""
        wrong = []
        try:
            for part in (self.client, self.timeline):
                if part:
                    part.close()
            for program in self.others:
                program.kill_session()
                program.wait()
            for part in (self.daemon, self.hub, self.second_hub):
                if part and part.program and part.stop() != 0:
                    wrong.append(f"{part.ended[-1].name} exited with {part.ended[-1].process.returncode}")
            for program in self.programs():
                if harness.SANITIZER.search(program.output()):
                    wrong.append(f"{program.name}: a sanitizer's report")
        finally:
            self.daemon.notify.close()
            for program in [*self.programs(), *self.others]:
                program.kill_session()
            self.network.close()
            shutil.rmtree(self.directory, ignore_errors=True)
        return wrong

    def programs(self):
        return [program for part in (self.daemon, self.hub, self.second_hub) if part for program in part.programs()]

    def output(self):
        return "\n".join(f"--- {program.name}:\n" + "\n".join(program.output().splitlines()[-40:])
                         for program in self.programs())

    def kick(self):
        self.hub.call("Kick", {"device": "demo"})

    def why(self):
        """The words that the daemon has for what is wrong, or was last, and for what else is good to know."""
        explained = self.daemon.call("io.aziotd.device.Explain")
        failure = explained.get("lastFailure")
        return [told["problem"] for told in ([failure] if failure else []) + explained["notices"]]

    def log(self):
        return self.hub.log() + (self.second_hub.log() if self.second_hub else [])

    @contextmanager
    def stopped(self, program):
        """The process exists and does nothing: its connections are half open."""
        program.send_signal(19)
        try:
            yield
        finally:
            program.send_signal(18)
