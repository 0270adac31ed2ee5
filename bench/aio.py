#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What telemetry and commands of Azure IoT Operations cost, beside Azure's SDK: bench/aio.py BUILD-DIRECTORY SDK

Ours are the programs of docs/examples/aio, SDK is the program of tests/interop/aio/rust-sdk. Both ends of each run are
the same side's; the sides take turns on one stock mosquitto without TLS. As root, all of it has a real-time priority, so
that nothing else of the machine is measured. Prints the median of the rounds, and of the ratios of neighbours their
lowest and highest; fails if an aim is missed.

CPU is that of a program's whole life, its start included, divided by the messages. Memory is the highest seen: what is
resident, and what of it is the program's alone because it wrote it.
"""

import argparse
import collections
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MOSQUITTO = "/usr/sbin/mosquitto"
TIMEOUT_S = 60
SAMPLE_S = 0.05
IN_FLIGHT = (1, 16, 256)

# Ours divided by the SDK's: at least, or at most.
AIMS = {"throughput": ("≥", 3), "CPU": ("≤", 1 / 3), "memory": ("≤", 1 / 5)}

Figure = collections.namedtuple("Figure", "kind scenario what unit")


class Ours:
    name = "ours"

    def __init__(self, build):
        self.build = build

    def serve(self, _name):
        return [self.build / "aio-counter-server"]

    def invoke(self, server, *numbers):
        return [self.build / "aio-counter-client", server, *numbers]

    def receive(self, _sensor, count):
        return [self.build / "aio-telemetry-receiver", count]

    def send(self, sensor, *numbers):
        return [self.build / "aio-telemetry-sender", sensor, *numbers]


class Sdk:
    name = "SDK"

    def __init__(self, program):
        self.program = program

    def serve(self, name):
        return [self.program, "serve", f"rpc/command-samples/{name}/increment"]

    def invoke(self, server, *numbers):
        return [self.program, "invoke", f"rpc/command-samples/{server}/increment", *numbers]

    def receive(self, sensor, count):
        return [self.program, "receive", f"sensors/{sensor}/temperature", count]

    def send(self, sensor, *numbers):
        return [self.program, "send", f"sensors/{sensor}/temperature", *numbers]


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Process:
    """A program whose memory is looked at now and then; once it has ended, 'cpu_s' is what it took."""

    def __init__(self, argv, environment, directory):
        self.argv = [str(word) for word in argv]
        self.output_path = directory / environment["AIO_MQTT_CLIENT_ID"]
        with open(self.output_path, "wb") as output:
            self.process = subprocess.Popen(self.argv, env=environment, stdout=output, stderr=subprocess.STDOUT)
        self.resident_kib = self.private_kib = 0
        self.cpu_s = None

    def sample(self):
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
            rollup = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
            resident, private = re.search(r"VmHWM:\s+(\d+)", status), re.search(r"Private_Dirty:\s+(\d+)", rollup)
        except (FileNotFoundError, ProcessLookupError):
            return
        if resident and private:
            self.resident_kib = max(self.resident_kib, int(resident[1]))
            self.private_kib = max(self.private_kib, int(private[1]))

    def has_ended(self):
        if self.cpu_s is None:
            pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                self.process.returncode = os.waitstatus_to_exitcode(status)
                self.cpu_s = usage.ru_utime + usage.ru_stime
        return self.cpu_s is not None

    def tally(self):
        """What it printed when its work was done."""
        output = self.output_path.read_text()
        tallies = [line for line in output.splitlines() if '"seconds"' in line]
        if self.process.returncode != 0 or len(tallies) != 1 or json.loads(tallies[0])["failed"]:
            raise RuntimeError(f"{' '.join(self.argv)}: exit code {self.process.returncode}\n{output[-2000:]}")
        return json.loads(tallies[0])


def wait_until(condition, what, *watched):
    """Waits, and looks at the memory of 'watched' meanwhile."""
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"waited {TIMEOUT_S} s in vain: {what}")
        for process in watched:
            process.sample()
        time.sleep(SAMPLE_S)


class Broker:
    """mosquitto, told not to wait for more to send, which would cost an invocation 44 ms, nor to hold anything back."""

    def __init__(self, directory):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        path = directory / "mosquitto.conf"
        path.write_text(f"user root\nlistener {self.port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
                        "max_inflight_messages 0\nmax_queued_messages 0\nlog_dest stderr\nlog_type error\n"
                        "log_type subscribe\nlog_type information\n")
        self.log_path = directory / "mosquitto.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([MOSQUITTO, "-c", path], stderr=log)
        self.wait_for(r"mosquitto version .* running")

    def wait_for(self, pattern):
        wait_until(lambda: re.search(pattern, self.log_path.read_text()), f"mosquitto says {pattern}")

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Bench:
    def __init__(self, directory, broker):
        self.directory, self.broker = directory, broker
        self.n_clients = 0

    def start(self, argv, name):
        return Process(argv, {
            "AIO_BROKER_HOSTNAME": "localhost", "AIO_BROKER_TCP_PORT": str(self.broker.port),
            "AIO_MQTT_USE_TLS": "false", "AIO_MQTT_CLIENT_ID": name}, self.directory)

    def run_pair(self, waiting, acting, topic):
        """Starts 'waiting' until it is subscribed to 'topic', then 'acting' until that has ended."""
        self.n_clients += 1
        name = f"waiting-{self.n_clients}"
        passive = self.start(waiting(name), name)
        self.broker.wait_for(rf"{name} 1 {re.escape(topic(name))}\n")
        active = self.start(acting(name), f"acting-{self.n_clients}")
        wait_until(active.has_ended, active.argv, active, passive)
        return passive, active

    def measure_commands(self, side, count, in_flight):
        scenario = f"{in_flight} in flight"
        broker_before_s = cpu_s(self.broker.process.pid)
        server, client = self.run_pair(
            side.serve, lambda name: side.invoke(name, count, in_flight),
            lambda name: f"rpc/command-samples/{name}/increment")
        server.process.send_signal(signal.SIGTERM)
        wait_until(server.has_ended, "the server ends")
        tally = client.tally()
        busy = (cpu_s(self.broker.process.pid) - broker_before_s) / tally["seconds"]
        return {
            Figure("throughput", scenario, "invocations", "/s"): count / tally["seconds"],
            Figure("latency", scenario, "round trip p50", "µs"): tally["p50_us"],
            Figure("latency", scenario, "round trip p99", "µs"): tally["p99_us"],
            **self.costs(scenario, "client", client, count), **self.costs(scenario, "server", server, count),
            Figure("load", scenario, "mosquitto is busy", "%"): 100 * busy,
        }

    def measure_telemetry(self, side, count, in_flight):
        scenario = f"telemetry, {in_flight} in flight"

        def topic(name):
            return "sensors/+/temperature" if side.name == Ours.name else f"sensors/{name}/temperature"

        receiver, sender = self.run_pair(
            lambda name: side.receive(name, count), lambda name: side.send(name, count, in_flight), topic)
        wait_until(receiver.has_ended, "everything is received", receiver)
        return {
            Figure("throughput", scenario, "sent, to PUBACK", "/s"): count / sender.tally()["seconds"],
            Figure("throughput", scenario, "received", "/s"): count / receiver.tally()["seconds"],
            **self.costs(scenario, "sender", sender, count), **self.costs(scenario, "receiver", receiver, count),
        }

    @staticmethod
    def costs(scenario, role, process, count):
        return {
            Figure("CPU", scenario, role, "µs"): process.cpu_s / count * 1e6,
            Figure("memory", scenario, f"{role}, resident", "KiB"): process.resident_kib,
            Figure("private memory", scenario, f"{role}, private", "KiB"): process.private_kib,
        }

    def measure(self, side, count):
        figures = {}
        for in_flight in IN_FLIGHT:
            figures |= self.measure_commands(side, count, in_flight)
        for in_flight in IN_FLIGHT:
            figures |= self.measure_telemetry(side, count, in_flight)
        return figures


def claim_priority():
    """For this process and its children, if it may; returns whether it may."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))
    except PermissionError:
        return False
    return True


def print_table(rounds):
    """Returns whether the aims are met."""
    is_met = True
    print("\n| scenario | | ours | the SDK's | ratio | lowest–highest | aim |\n|---|---|---:|---:|---:|---:|---|")
    for figure in rounds[0][0]:
        pairs = [(ours[figure], theirs[figure]) for ours, theirs in rounds]
        ratios = [ours / theirs for ours, theirs in pairs]
        ratio = statistics.median(ratios)
        verdict = ""
        if figure.kind in AIMS:
            sign, aim = AIMS[figure.kind]
            is_row_met = ratio >= aim if sign == "≥" else ratio <= aim
            verdict = f"{sign} {aim:.2f}: {'met' if is_row_met else '**missed**'}"
            is_met &= is_row_met
        ours, theirs = (statistics.median(side) for side in zip(*pairs))
        unit = "" if figure.unit == "/s" else f", {figure.unit}"
        prefix = f"{figure.kind}, " if figure.kind == "CPU" else ""
        print(f"| {figure.scenario} | {prefix}{figure.what}{unit or ' a second'} | {ours:.0f} | {theirs:.0f} "
              f"| {ratio:.2f} | {min(ratios):.2f}–{max(ratios):.2f} | {verdict} |")
    return is_met


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("sdk", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=5000, help="messages of each scenario and round")
    arguments = parser.parse_args()

    rounds = []
    if not claim_priority():
        print("without real-time priority: other work of this machine is measured, too", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="aziot-bench-") as path:
        broker = Broker(Path(path))
        try:
            bench = Bench(Path(path), broker)
            for n in range(1, arguments.rounds + 1):
                print(f"round {n} of {arguments.rounds}", file=sys.stderr)
                rounds.append([bench.measure(side, arguments.count)
                               for side in (Ours(arguments.build), Sdk(arguments.sdk))])
        finally:
            broker.stop()
    return 0 if print_table(rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
