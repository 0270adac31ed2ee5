# SPDX-License-Identifier: MIT
"""One run of the real aziotd under everything that happens to it in a long life, and what has become of it then.

What local programs do, soak-load.c does. The cloud calls methods, sends messages and changes the twin all along. And
there is weather: a storm of reconnects, the hub restarted, killed and gone, a connection that falls silent, and then
calm until the token has been renewed; and so on. The hub ends a connection the moment its token does.

The hub counts the messages instead of keeping them, by the number that each has of its producer, so that whoever runs
this for an hour knows of each of millions whether it arrived.
"""

import contextlib
import json
import os
import re
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import harness
import world

# The most that its private memory may grow in an hour, by the line through all samples behind the warm-up: the first
# quarter, and in a run of whole rounds at least the first weather, so that every buffer has been as full as it gets. A
# shorter run than SHORT_HOURS cannot tell such a growth from what memory holds more at one moment than at another;
# that line may rise by NOISE_KIB in all.
GROWTH_KIB_PER_HOUR = 256
SHORT_HOURS = 0.25
NOISE_KIB = 1024

TOKEN_LIFETIME_S = 300


class Hub(harness.Hub):
    clock = None

    def start(self):
        self.program = harness.Program(
            [harness.BUILD / "aziot-hubsim", "run", "--count", "--expiry-grace", "0", "--state-dir", self.state,
             "--listen", f"127.0.0.1:{self.port}", "--socket", self.socket_path],
            env=self.clock.environment() if self.clock else None)
        self.port = int(self.program.wait_for_output(r"listening on \S+:(\d+)")[1])

    def counts(self):
        """By source."""
        return {count["source"]: count for count in self.call("Counts")["counts"]}


class Daemon(harness.Daemon):
    clock = None

    def start(self, env=None, **options):
        env = dict(env or {})
        if self.clock:
            own = self.clock.environment()
            env = {**own, **env, "LD_PRELOAD": ":".join(filter(None, (own["LD_PRELOAD"], env.get("LD_PRELOAD"))))}
        super().start(env, **options)

    def speed(self):
        return self.clock.speed if self.clock else 1

    def now(self):
        return time.monotonic() * self.speed()


class Load:
    """soak-load.c."""

    def __init__(self, daemon, rate):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [harness.BUILD / "soak-load", daemon.socket_path, str(rate)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.errors, text=True, env=harness.environment())

    def order(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"soak-load has ended: {self.complaints()}")
        return json.loads(line)

    def complaints(self):
        self.errors.seek(0)
        return self.errors.read().splitlines()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(harness.TIMEOUT_S)
        finally:
            self.process.kill()


class Sample:
    """What the kernel says of the daemon."""

    def __init__(self, program, begun):
        process = Path(f"/proc/{program.pid}")
        rollup = {line.split(":")[0]: int(line.split()[1])
                  for line in (process / "smaps_rollup").read_text().splitlines()[1:]}
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        self.at_s = time.monotonic() - begun
        self.private_kib, self.pss_kib = rollup["Private_Dirty"], rollup["Pss"]
        self.n_descriptors = len(program.descriptors())
        self.n_threads = int(fields[17])
        self.cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def row(self):
        return (f"{self.at_s:.1f},{self.private_kib},{self.pss_kib},{self.n_descriptors},{self.n_threads},"
                f"{self.cpu_s:.2f}")


def slope(points):
    """Of the line with the least squares through them."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    return (sum((x - mean_x) * (y - mean_y) for x, y in points) /
            (sum((x - mean_x) ** 2 for x, _ in points) or 1))


class Cloud:
    """What a back end does with the device all along, each kind in a thread of its own."""

    def __init__(self, hub):
        self.hub = hub
        self.ending = threading.Event()
        self.n_messages = self.n_desired = self.n_invoked = self.n_answered = 0
        self.wrong = []
        self.threads = [threading.Thread(target=self._repeat, args=(function, period_s), daemon=True)
                        for function, period_s in ((self._send, 0.1), (self._change, 0.25), (self._invoke, 0.1))]
        for thread in self.threads:
            thread.start()

    def _repeat(self, function, period_s):
        while not self.ending.wait(period_s):
            try:
                function()
            except harness.VarlinkError as error:
                # Too many messages wait for the device, or it has not answered: it is offline.
                if error.name != "io.aziotd.hubsim.ServiceError":
                    self.wrong.append(str(error))
            except (OSError, ValueError):
                pass  # the hub is away; what was asked for may have been done or not, and is asked for again
            except Exception as error:  # pylint: disable=broad-except
                self.wrong.append(repr(error))
                raise

    def _send(self):
        self.hub.call("SendMessage", {"device": "demo", "messageId": f"soak-{self.n_messages}",
                                      "body": json.dumps({"n": self.n_messages})})
        self.n_messages += 1

    def _change(self):
        self.hub.call("UpdateDesired", {"device": "demo", "patch": {"soak": self.n_desired + 1}})
        self.n_desired += 1

    def _invoke(self):
        self.n_invoked += 1
        payload = json.dumps({"call": self.n_invoked})
        status, answer = self.hub.invoke("echo", payload)
        self.n_answered += 1
        if (status, answer) != (200, payload):
            self.wrong.append(f"method: {status} {answer} instead of {payload}")

    def close(self):
        self.ending.set()
        for thread in self.threads:
            thread.join(2 * harness.TIMEOUT_S)


class Weather:
    """What befalls the link, in turns, until the time is up and there were so many rounds."""

    def __init__(self, run, storm_s, step_s, cut_s, least_rounds=0):
        self.run, self.storm_s, self.step_s, self.cut_s = run, storm_s, step_s, cut_s
        self.rounds_to_go = least_rounds
        self.happened = {}

    def _count(self, what):
        self.happened[what] = self.happened.get(what, 0) + 1

    def is_over(self):
        return time.monotonic() >= self.run.until and self.rounds_to_go <= 0

    def wait_for(self, states, since, timeout_s):
        at = self.run.timeline.first(states, since, since + timeout_s * self.run.daemon.speed())
        if at is None:
            raise AssertionError(f"the link was never {' or '.join(states)}: {self.run.timeline.states[-5:]}")

    def come_back(self):
        """Waits until the link is up; its own wait for the next attempt is cut short, as an operator may."""
        def look():
            state = self.run.daemon.status()["link"]["state"]
            if state == "waiting":
                self.run.daemon.call("io.aziotd.device.Reconnect")
                time.sleep(min(self.step_s, 0.2))
            return state == "online"

        harness.eventually(look, "online again", 2 * harness.TIMEOUT_S)

    def storm(self):
        """One reconnect after the other."""
        hub, until = self.run.hub, time.monotonic() + self.storm_s
        kinds = (("kicked", lambda: hub.call("Kick", {"device": "demo"})),
                 ("asked to reconnect", lambda: self.run.daemon.call("io.aziotd.device.Reconnect")),
                 ("closed by RST", lambda: hub.call("SilentClose", {"device": "demo", "how": "reset"})),
                 ("refused", lambda: (hub.call("RefuseConnect", {"code": 3, "count": 1}),
                                      hub.call("Kick", {"device": "demo"}))),
                 ("closed before PUBACK", lambda: hub.call("DropBeforePuback", {"count": 1})))
        while time.monotonic() < until:
            for what, function in kinds:
                function()
                time.sleep(self.step_s / 2)
                self.come_back()
                time.sleep(self.step_s / 2)
                self._count(what)

    def restart_hub(self, what, number):
        code = self.run.hub.stop(number)
        if code not in (0, -9):
            raise AssertionError(f"aziot-hubsim ended with {code}")
        self.run.hub.start()
        self.come_back()
        self._count(what)

    def go_silent(self):
        since = self.run.daemon.now()
        self.run.hub.call("HalfOpen", {"device": "demo"})
        self.wait_for({"waiting", "connecting"}, since, 3 * harness.TIMEOUT_S)
        self.come_back()
        self._count("gone silent")

    def cut(self):
        self.run.hub.call("Cut", {"seconds": self.cut_s * self.run.daemon.speed()})
        time.sleep(self.cut_s)
        self.come_back()
        self._count("hub gone")

    def calm(self):
        """Until the token has been renewed; all that a link of such a life is for happens meanwhile."""
        since = self.run.daemon.now()
        while self.run.timeline.first({"renewing"}, since, since) is None:
            if self.is_over():
                return
            if self.run.daemon.now() > since + TOKEN_LIFETIME_S:
                raise AssertionError("the token was not renewed")
            time.sleep(self.step_s)
        self.come_back()
        self._count("token renewed")

    def blow(self):
        while not self.is_over():
            self.storm()
            self.cut()
            self.restart_hub("hub restarted", 15)
            self.restart_hub("hub killed", 9)
            self.go_silent()
            if self.rounds_to_go > 0:
                self.run.warm_up_s = max(self.run.warm_up_s, time.monotonic() - self.run.begun)
            self.calm()
            self.rounds_to_go -= 1


class Run:
    """begin(), then finish() after 'seconds'; 'problems' is what was wrong then: [(kind, words)]."""

    def __init__(self, directory, program, seconds, rate, speed=1, env=None, **weather):
        self.directory, self.seconds, self.rate, self.env = directory, seconds, rate, env
        self.hub = Hub(directory)
        self.daemon = Daemon(directory, self.hub, Hub={"TokenLifetimeSec": TOKEN_LIFETIME_S, "KeepAliveSec": 20},
                             Log={"Level": "warning"})
        self.daemon.program_path = program
        if speed > 1:
            self.daemon.clock = self.hub.clock = world.Clock(directory / "clock", speed=speed)
        self.weather = Weather(self, **weather)
        self.problems, self.samples = [], []
        self.warm_up_s = seconds / 4
        self.load = self.cloud = self.timeline = None

    def problem(self, kind, words):
        self.problems.append((kind, words))

    def begin(self):
        self.hub.start()
        self.daemon.start(self.env)
        self.daemon.wait_online()
        self.before = Sample(self.daemon.program, time.monotonic())
        self.before.n_descriptors = self.daemon.n_descriptors  # without a client
        self.timeline = world.Timeline(self.daemon)
        self.load = Load(self.daemon, self.rate)
        harness.eventually(lambda: self.daemon.call("io.aziotd.methods.List")["names"], "the method is served")
        self.cloud = Cloud(self.hub)
        self.begun = time.monotonic()
        self.until = self.begun + self.seconds

    def go_on(self, period_s, on_sample=None):
        """Samples while there is weather, until the time is up."""
        failed = []

        def blow():
            try:
                self.weather.blow()
            except Exception as error:  # pylint: disable=broad-except
                failed.append(error)

        thread = threading.Thread(target=blow, daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(period_s)
            if not self.daemon.program.is_running():
                raise AssertionError("aziotd has ended")
            self.samples.append(Sample(self.daemon.program, self.begun))
            if on_sample:
                on_sample(self)
        for error in failed:
            self.problem("weather", repr(error))

    def finish(self):
        """Lets everything come to rest, and looks."""
        self.hub.call("ClearFaults")
        self.cloud.close()
        self.load.order("stop")
        try:
            harness.eventually(lambda: self.load.order("lap")["busy"] == 0, "every call answered", 120)
            self.daemon.wait_for_empty_outbox(120)
            harness.eventually(lambda: not self.hub.call("ListMessages", {"device": "demo"})["messages"],
                               "every message from the cloud taken", 120)
            harness.eventually(lambda: self.load.order("lap")["distinctMessages"] >= self.cloud.n_messages,
                               "every message from the cloud settled", 20)
        except AssertionError as error:
            self.problem("stuck", str(error))
        self.lap = self.load.order("lap")
        self.judge_messages()
        self.judge_cloud()
        self.judge_status(self.daemon.status())
        complaints = self.load.complaints()
        self.load.close()
        self.timeline.close()
        self.load = self.timeline = None
        if complaints:
            self.problem("refused", f"{len(complaints)} complaints of local programs: {complaints[:5]}")
        self.judge_growth()

    def judge_messages(self):
        counts = self.hub.counts()
        self.n_sent, self.n_lost, self.n_repeated = sum(self.lap["sent"].values()), 0, 0
        for source, n_sent in self.lap["sent"].items():
            count = counts.get(source, {"messages": 0, "missing": 0, "repeated": 0, "disordered": 0, "untracked": 0})
            n_lost = n_sent - (count["messages"] - count["repeated"] - count["untracked"])
            self.n_lost += n_lost
            self.n_repeated += count["repeated"]
            if n_lost != 0:
                self.problem("lost", f"{n_lost} of {n_sent} messages of {source}: {count}")
            elif n_sent > 0 and (count["first"], count["last"], count["missing"]) != (0, n_sent - 1, 0):
                self.problem("lost", f"other messages than the {n_sent} of {source}: {count}")
            if count["disordered"]:
                self.problem("disordered", f"{count['disordered']} of {source}")
        for source in set(counts) - set(self.lap["sent"]):
            self.problem("lost", f"messages that nobody sent: {counts[source]}")
        self.n_connections = sum(1 for _, state in self.timeline.states if state == "online")
        if self.n_repeated > harness.WINDOW * self.n_connections:
            self.problem("repeated", f"{self.n_repeated} messages came again over {self.n_connections} connections")

    def judge_cloud(self):
        twin = self.hub.call("GetTwin", {"device": "demo"})
        for what, arrived, expected in (
                ("messages from the cloud", self.lap["distinctMessages"], self.cloud.n_messages),
                ("the reported section", twin["reported"].get("soak", 0), self.lap["reported"]),
                ("the desired section", self.lap["desired"], twin["desired"].get("soak", 0))):
            if arrived != expected:
                self.problem("cloud", f"{what}: {arrived} instead of {expected}")
        for words in self.cloud.wrong[:5]:
            self.problem("cloud", words)

    def judge_status(self, status):
        dropped = {cause: n for cause, n in status["outbox"]["dropped"].items() if n != 0}
        if dropped:
            self.problem("lost", f"the daemon says that it has dropped {dropped}")
        ended = [line for program in self.hub.programs() for line in program.output().splitlines()
                 if re.search(r"401003", line)]
        if ended:
            self.problem("token", f"the hub ended {len(ended)} connections with their token: {ended[0]}")

    def judge_growth(self):
        """Of memory by the line through the samples behind the warm-up, of the rest by before and after."""
        steady = [s for s in self.samples if s.at_s > self.warm_up_s]
        hours = (steady[-1].at_s - steady[0].at_s) / 3600 if len(steady) > 1 else 0
        self.growth_kib_per_hour = slope([(s.at_s / 3600, s.private_kib) for s in steady]) if hours else 0
        self.limit_kib_per_hour = GROWTH_KIB_PER_HOUR if hours >= SHORT_HOURS else NOISE_KIB / hours if hours else 0
        if self.growth_kib_per_hour > self.limit_kib_per_hour:
            self.problem("memory", f"grows by {self.growth_kib_per_hour:.0f} KiB an hour, more than "
                                   f"{self.limit_kib_per_hour:.0f}")
        for kind in ("descriptors", "threads"):
            before = getattr(self.before, f"n_{kind}")
            with contextlib.suppress(AssertionError):
                harness.eventually(lambda: self.count_now(kind) <= before, kind, 5)
            after = self.count_now(kind)
            if after > before:
                self.problem(kind, f"{before} before and {after} after")

    def count_now(self, kind):
        self.after = Sample(self.daemon.program, self.begun)
        return getattr(self.after, f"n_{kind}")

    def end(self):
        """Ends both programs, and whatever is left."""
        if self.cloud:
            self.cloud.ending.set()
        if self.load:
            self.load.close()
        try:
            for part in (self.daemon, self.hub):
                if part.program and part.program.is_running() and part.stop() != 0:
                    self.problem("ended", f"{part.ended[-1].name} ended with {part.ended[-1].process.returncode}")
        finally:
            for program in self.programs():
                program.kill_session()
            self.daemon.notify.close()
        for program in self.programs():
            if harness.SANITIZER.search(program.output()):
                self.problem("ended", f"{program.name}: a sanitizer's report")

    def programs(self):
        return [*self.daemon.programs(), *self.hub.programs()]

    def output(self):
        return "\n".join(f"--- {program.name}:\n" + "\n".join(program.output().splitlines()[-40:])
                         for program in self.programs())

    def report(self):
        """The figures, as lines."""
        steady = [s for s in self.samples if s.at_s > self.warm_up_s]
        cpu_us = (self.samples[-1].cpu_s - self.before.cpu_s) * 1e6 / max(self.n_sent, 1)
        happened = ", ".join(f"{what} {n}" for what, n in self.weather.happened.items())
        sent = ", ".join(f"{source} {n}" for source, n in self.lap["sent"].items())
        return [
            f"{self.samples[-1].at_s / 60:.1f} minutes, {self.n_sent} messages ({sent})",
            f"lost {self.n_lost}, came again {self.n_repeated}, refused for want of room {self.lap['refused']} batches",
            f"link: {self.n_connections} times online; {happened}",
            f"cloud: {self.cloud.n_answered} methods answered, {self.cloud.n_invoked - self.cloud.n_answered} "
            "interrupted with the link or not begun without one, "
            f"{self.cloud.n_messages} messages taken (given back first {self.lap['givenBack']}, came "
            f"{self.lap['messages']} times), {self.cloud.n_desired} changes of the twin wanted, "
            f"{self.lap['reported']} reported; {self.lap['visits']} visits of watchers",
            f"private memory {steady[0].private_kib} KiB after the warm-up, {steady[-1].private_kib} KiB at the end, "
            f"most {max(s.private_kib for s in self.samples)} KiB (Pss {steady[-1].pss_kib} KiB): "
            f"{self.growth_kib_per_hour:+.0f} KiB an hour, limit {self.limit_kib_per_hour:.0f}",
            f"descriptors {self.before.n_descriptors} before, {self.after.n_descriptors} after, most "
            f"{max(s.n_descriptors for s in self.samples)}; threads {self.before.n_threads} before, "
            f"{self.after.n_threads} after; CPU {cpu_us:.1f} µs a message, all things considered",
        ]
