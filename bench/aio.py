#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What telemetry and commands of Azure IoT Operations cost: bench/aio.py BUILD-DIRECTORY NAME=PROGRAM...

Ours are the programs of docs/examples/aio in BUILD-DIRECTORY; each other PROGRAM takes the arguments of
tests/interop/aio/rust-sdk. Both ends of a run are the same side's; the sides take turns on one stock mosquitto without
TLS. As root, all of it goes before what else the machine does. Prints the median of the rounds, and of ours divided by
another's of the same round the median, the lowest and the highest; fails if an aim is missed.

CPU is that of a program's whole life, its start included, divided by the messages. Memory is the highest seen: what is
resident, and what of it is the program's alone because it wrote it.
"""

import argparse
import collections
import contextlib
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

# Ours divided by theirs: from, to.
AIMS = {"throughput": (3, float("inf")), "CPU": (0, 1 / 3), "memory": (0, 1 / 5)}

Figure = collections.namedtuple("Figure", "kind scenario what")


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


class Theirs:
    def __init__(self, name, program):
        self.name, self.program = name, program

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


def costs(scenario, role, process, count, in_flight):
    figures = {Figure("CPU", scenario, f"CPU of the {role}, µs a message"): process.cpu_s / count * 1e6}
    if in_flight == max(IN_FLIGHT):
        figures[Figure("memory", scenario, f"{role}, resident, KiB")] = process.resident_kib
        figures[Figure("private memory", scenario, f"{role}, private, KiB")] = process.private_kib
    return figures


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
        scenario = f"{in_flight}, commands"
        broker_before_s = cpu_s(self.broker.process.pid)
        server, client = self.run_pair(
            side.serve, lambda name: side.invoke(name, count, in_flight),
            lambda name: f"rpc/command-samples/{name}/increment")
        server.process.send_signal(signal.SIGTERM)
        wait_until(server.has_ended, "the server ends")
        tally = client.tally()
        return {
            Figure("throughput", scenario, "invocations a second"): count / tally["seconds"],
            Figure("latency", scenario, "round trip p50, µs"): tally["p50_us"],
            Figure("latency", scenario, "round trip p99, µs"): tally["p99_us"],
            **costs(scenario, "client", client, count, in_flight),
            **costs(scenario, "server", server, count, in_flight),
            **self.load(scenario, broker_before_s, client),
        }

    def measure_telemetry(self, side, count, in_flight):
        scenario = f"{in_flight}, telemetry"

        def topic(name):
            return "sensors/+/temperature" if isinstance(side, Ours) else f"sensors/{name}/temperature"

        broker_before_s = cpu_s(self.broker.process.pid)
        receiver, sender = self.run_pair(
            lambda name: side.receive(name, count), lambda name: side.send(name, count, in_flight), topic)
        wait_until(receiver.has_ended, "everything is received", receiver)
        return {
            Figure("throughput", scenario, "sent a second, to PUBACK"): count / sender.tally()["seconds"],
            Figure("throughput", scenario, "received a second"): count / receiver.tally()["seconds"],
            **costs(scenario, "sender", sender, count, in_flight),
            **costs(scenario, "receiver", receiver, count, in_flight),
            **self.load(scenario, broker_before_s, receiver),
        }

    def load(self, scenario, broker_before_s, process):
        """How busy the one thread of mosquitto is, which is what limits both sides."""
        busy = (cpu_s(self.broker.process.pid) - broker_before_s) / process.tally()["seconds"]
        return {Figure("load", scenario, "mosquitto is busy, %"): 100 * busy}

    def measure(self, side, count):
        figures = {}
        for in_flight in IN_FLIGHT:
            figures |= self.measure_commands(side, count, in_flight)
        for in_flight in IN_FLIGHT:
            figures |= self.measure_telemetry(side, count, in_flight)
        return figures


@contextlib.contextmanager
def claimed_priority(is_real_time):
    """For this process and its children, if it may."""
    session = Path("/proc/self/autogroup")  # niceness counts within a session only, where there is this
    session_before = None
    try:
        if is_real_time:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))
        else:
            os.setpriority(os.PRIO_PROCESS, 0, -20)
            if session.exists():
                session_before = session.read_text().split()[-1]
                session.write_text("-20")
    except PermissionError:
        print("not root: what else this machine does is measured, too", file=sys.stderr)
    try:
        yield
    finally:
        if session_before:
            session.write_text(session_before)


def compare(rounds, figure, name):
    """Returns a cell for ours beside those of 'name', and whether an aim is met; None: there is none."""
    ratios = [sides["ours"][figure] / sides[name][figure] for sides in rounds]
    ratio = statistics.median(ratios)
    spread = f"({min(ratios):.2f}–{max(ratios):.2f})"
    if figure.kind not in AIMS:
        return f"{ratio:.2f} {spread}", None
    low, high = AIMS[figure.kind]
    is_met = low <= ratio <= high
    return f"{ratio:.2f} {spread} {'met' if is_met else '**missed**'}", is_met


def print_table(rounds):
    """Returns whether all aims are met."""
    others = [name for name in rounds[0] if name != "ours"]
    verdicts = collections.defaultdict(list)
    print("| in flight | | ours |" + "".join(f" {name} | ratio |" for name in others))
    print("|---|---|---:|" + "---:|---:|" * len(others))
    for figure in rounds[0]["ours"]:
        cells = [figure.scenario, figure.what, f"{statistics.median(s['ours'][figure] for s in rounds):.0f}"]
        for name in others:
            cell, is_met = compare(rounds, figure, name)
            cells += [f"{statistics.median(s[name][figure] for s in rounds):.0f}", cell]
            verdicts[name] += [] if is_met is None else [is_met]
        print(f"| {' | '.join(cells)} |")
    for name in others:
        print(f"\nbeside {name} {sum(verdicts[name])} of {len(verdicts[name])} aims are met")
    return all(all(each) for each in verdicts.values())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("others", nargs="+", metavar="NAME=PROGRAM")
    parser.add_argument("--real-time", action="store_true", help="for programs of one thread: Go's would only spin")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=10000, help="messages of each scenario and round")
    arguments = parser.parse_args()

    sides = [Ours(arguments.build), *(Theirs(*other.split("=", 1)) for other in arguments.others)]
    rounds = []
    with claimed_priority(arguments.real_time), tempfile.TemporaryDirectory(prefix="aziot-bench-") as path:
        broker = Broker(Path(path))
        try:
            bench = Bench(Path(path), broker)
            for n in range(1, arguments.rounds + 1):
                print(f"round {n} of {arguments.rounds}", file=sys.stderr)
                rounds.append({side.name: bench.measure(side, arguments.count) for side in sides})
        finally:
            broker.stop()
    return 0 if print_table(rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
