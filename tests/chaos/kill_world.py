# SPDX-License-Identifier: MIT
"""A device, its cloud and its programs, and how they are killed: the world of tests/chaos/kill.

Nobody waits for the dead: the next kill may hit a start, a recovery, a connection that is being made. Systemd's part is
played, too: the socket outlives the daemon.
"""

import atexit
import collections
import contextlib
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import harness
import kill_programs
from harness import VarlinkError, Wire
from kill_box import Box
from kill_late import Lateness
from kill_ledger import CURSOR_AGE_S, CloudMessages, Ledger, TwinValues, Violation

# Whom a kill is for, and how often. 'apart': the hub, and a while later the daemon. 'stop': the daemon, by SIGTERM.
VICTIMS = {"daemon": 54, "hub": 16, "both": 10, "apart": 10, "taker": 7, "stop": 3}

# When, and how often: soon after a start, while the link is made, when it stands, when it has stood for longer than
# the cursor may be old, and for long.
PHASES = {"start": 22, "connect": 22, "online": 50, "later": 5, "long": 0.5}

STAYS_S = {"later": (0.8, 2.0), "long": (2.0, 3.0)}

# So many of the kills are aimed, at: who, in which call, on what, and the how manieth such call at most.
AIMED = 0.6
AIMS = (
    ("daemon", "write", "messages", 30),
    ("daemon", "write", "messages", 5),
    ("daemon", "write", "spare segment", 66),
    ("daemon", "rename", "spare segment", 1),
    ("daemon", "write", "cursor", 3),
    ("daemon", "sync", "messages", 4),
    ("daemon", "write", "inbox", 2),
    ("daemon", "sync", "inbox", 2),
    ("daemon", "rename", "inbox", 2),
    ("daemon", "write", "ids", 2),
    ("daemon", "unlink", "inbox", 2),
    ("daemon", "write", "state file", 2),
    ("daemon", "rename", "state file", 2),
    ("daemon", "sync", "directory", 2),
    ("daemon", "", "", 30),
    ("hub", "write", "journal", 20),
    ("hub", "write", "sessions", 6),
    ("hub", "rename", "state file", 3),
    ("hub", "", "", 20),
)

# What the machine may take away of so long is what it may take away of less.
MEMORY_S = 30

PUBACK_DELAYS_MS = (0, 0, 10, 50)

# A hub drops a message that it could not deliver ten times, so few should wait; and a few more than fit into the inbox.
CLOUD_MESSAGES_MAX = 10
INBOX_MESSAGES_MAX = 7


class Notify(harness.NotifySocket):
    """What the daemon that was started last has told."""

    n_marks = mark = 0

    def begin(self):
        """Whatever an earlier one said is in front of the mark."""
        self.n_marks += 1
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(f"MARK={self.n_marks}".encode(), self.path)
        self.mark = self.wait_for(f"^MARK={self.n_marks}$", since=self.mark)

    def is_ready(self):
        return "READY=1" in self.messages[self.mark:]

    def link(self):
        """The state of its link; None before it has told one."""
        states = [m.removeprefix("STATUS=") for m in self.messages[self.mark:] if m.startswith("STATUS=")]
        return re.match(r"\w+", states[-1])[0] if states else None


class Victim:
    """What the daemon and the hub have in common: somebody shoots at them."""

    def reap(self, number=signal.SIGKILL, expected=-signal.SIGKILL):
        """Ends it, and looks at what it had to say."""
        program, self.program = self.program, None
        code = program.stop(number)
        atexit.unregister(program.kill_session)
        output = program.output()
        if code != expected:
            raise Violation("start", f"the {self.name} ended with {code}:\n{output}")
        if harness.SANITIZER.search(output):
            raise Violation("start", output)
        if "damaged" in output or "set aside" in output:
            raise Violation("damaged", output)

    def is_alive(self):
        return self.program is not None and self.program.process.poll() is None

    def wait_for_death(self, timeout_s):
        if not self.is_alive():
            return
        fd = os.pidfd_open(self.program.pid)
        try:
            select.select([fd], [], [], timeout_s)
        finally:
            os.close(fd)


class Hub(Victim, harness.Hub):
    name = "hub"

    def __init__(self, directory):
        super().__init__(directory)
        self.box = Box(directory / "hub-box")
        self.journal = self.state / "telemetry.jsonl"
        self.n_read = 0

    def spawn(self):
        self.box.clear()
        self.program = harness.Program(self.argv(), env=self.box.environment())

    def spawn_first(self):
        self.spawn()
        self.port = int(self.program.wait_for_output(r"listening on \S+:(\d+)")[1])

    def arrivals(self):
        """The lines of the journal that have come since the last time; one without an end is still being written."""
        with contextlib.suppress(FileNotFoundError), self.journal.open("rb") as file:
            file.seek(self.n_read)
            data = file.read()
            whole = data[:data.rfind(b"\n") + 1]
            self.n_read += len(whole)
            return whole.splitlines()
        return []

    def shorten_journal(self):
        """Keeps the last line, while nobody has it open."""
        lines = self.journal.read_bytes().splitlines(keepends=True)[-1:]
        self.journal.write_bytes(b"".join(lines))
        self.n_read = sum(map(len, lines))

    def reported(self):
        path = self.state / "twin-demo.json"
        return json.loads(path.read_text())["reported"] if path.exists() else {}


class Daemon(Victim, harness.Daemon):
    name = "daemon"

    def __init__(self, directory, hub, sabotage, **config):
        super().__init__(directory, hub, **config)
        self.notify.close()
        self.notify = Notify(directory / "told")
        self.box = Box(directory / "daemon-box")
        self.sabotage = sabotage
        self.spawned = 0
        self.n_starts = self.n_ready = 0  # so many, and so many that were over before the next kill
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.socket_path)
        self.listener.listen(64)
        os.chmod(self.socket_path, 0o666)
        self.write_config()
        for path in (self.state_path, self.runtime_path):
            path.mkdir(mode=0o700)

    def spawn(self):
        """Starts it as systemd does, with the socket, and does not wait for it."""
        fd = self.listener.fileno()
        self.box.clear()
        self.notify.begin()
        self.program = harness.Program(
            ["bash", "-c", f'export LISTEN_PID=$$; exec "$@" 3<&{fd} {fd}<&-', "aziotd", *self.argv()[:-2]],
            env={**self.box.environment(self.sabotage), "NOTIFY_SOCKET": self.notify.path, "LISTEN_FDS": "1",
                 "LISTEN_FDNAMES": "varlink"}, pass_fds=[fd])
        self.spawned = time.monotonic()
        self.n_starts += 1

    def reap(self, *how):
        super().reap(*how)
        self.n_ready += self.notify.is_ready()

    def place(self):
        """How far it is."""
        return self.notify.link() or "ready" if self.notify.is_ready() else "starting"

    def end(self):
        self.listener.close()
        self.notify.close()


class World:
    def __init__(self, seed, sabotage=None, patience_s=harness.TIMEOUT_S):
        self.random = random.Random(seed)
        self.patience_s = patience_s
        # Short, because the path of a socket has at most 107 bytes.
        self.directory = Path(tempfile.mkdtemp(prefix="aziotd-", dir="/tmp"))
        self.directory.chmod(0o755)
        self.hub = Hub(self.directory)
        self.daemon = Daemon(
            self.directory, self.hub, sabotage, Outbox={"MaxBytes": "16M"}, Log={"Level": "warning"},
            Hub={"InboxMaxMessages": INBOX_MESSAGES_MAX}, Access={"User": kill_programs.OTHER_USER,
                                                                  "Grants": "read send"})
        self.late = Lateness(self.directory, self.pids)
        self.ledger, self.cloud, self.twin = Ledger(self.late.between), CloudMessages(), TwinValues()
        self.landed, self.n_kills = collections.Counter(), collections.Counter()
        self.ready_s, self.online_s = 0.1, 0.2  # how long that takes here, and now
        self.notes = {name: [self.directory / f"notes-{name}", 0] for name in ("all", "taker")}
        self.programs = self.taker = None
        self.is_paused = False

    # Life

    def begin(self):
        self.late.start()
        self.hub.spawn_first()
        self.daemon.spawn()
        self.programs = self.start_programs("all", stdin=subprocess.PIPE)
        self.taker = self.start_programs("taker", stdin=subprocess.DEVNULL)

    def start_programs(self, what, stdin):
        return subprocess.Popen(
            [sys.executable, kill_programs.__file__, what, self.daemon.socket_path, self.notes[what][0]], stdin=stdin,
            env=harness.environment(PYTHONDONTWRITEBYTECODE="1"))

    def end(self, keeps=False):
        """Everybody is killed for the last time; the files stay if somebody is to look at them."""
        for process in (self.programs, self.taker):
            if process:
                process.kill()
                process.communicate()
        for victim in (self.daemon, self.hub):
            if victim.program:
                victim.program.stop(signal.SIGKILL)
                atexit.unregister(victim.program.kill_session)
        self.daemon.end()
        self.late.end()
        if not keeps:
            shutil.rmtree(self.directory)

    def pids(self):
        programs = self.hub.program, self.daemon.program
        return [program.pid for program in programs if program]

    def start_missing(self):
        for victim in (self.hub, self.daemon):
            if not victim.program:
                victim.spawn()

    # Waiting

    def wait_for_daemon(self, condition, timeout_s):
        """Returns whether condition() holds in time; not when the daemon has died before."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline or not self.daemon.is_alive():
                return False
            time.sleep(0.002)
        return True

    def wait_ready(self, timeout_s):
        return self.wait_for_daemon(self.daemon.notify.is_ready, timeout_s)

    def wait_online(self, timeout_s):
        """A daemon that waits to try again is told to do so now."""
        deadline = time.monotonic() + timeout_s
        while not self.wait_for_daemon(lambda: self.daemon.notify.link() == "online", 0.05):
            if time.monotonic() > deadline or not self.daemon.is_alive():
                return False
            if self.daemon.notify.link() == "waiting" and self.hub.is_alive():
                with contextlib.suppress(OSError, VarlinkError), Wire(self.daemon.socket_path, 1) as wire:
                    wire.call("io.aziotd.device.Reconnect")
                # It may just have made its link by itself, and have lost that now.
                self.ledger.link_lost(time.time())
        return True

    def wait_for_phase(self, phase):
        if phase == "start":
            time.sleep(self.random.uniform(0, 1.3 * self.ready_s))
            return
        if phase == "connect":
            time.sleep(self.random.uniform(0, 1.3 * self.online_s))
            return
        is_new = not self.daemon.notify.is_ready()
        if self.wait_ready(3) and is_new:
            self.ready_s += (time.monotonic() - self.daemon.spawned - self.ready_s) / 8
        if self.wait_online(3) and is_new:
            self.online_s += (time.monotonic() - self.daemon.spawned - self.online_s) / 8
        if phase in STAYS_S:
            self.stay(phase)

    def stay(self, phase):
        began = time.time()
        time.sleep(self.random.uniform(*STAYS_S[phase]))
        while phase == "long" and not self.ledger.is_too_old(began, time.time()):
            time.sleep(0.1)

    # Killing

    def kill(self, victim, phase):
        self.n_kills[victim] += 1
        who = {"daemon": [self.daemon], "hub": [self.hub], "taker": [], "stop": []}.get(
            victim, [self.daemon, self.hub])
        aim = self.choose_aim(who)
        # From the start on, or when the time has come.
        is_early = phase == "start" or self.random.random() < 0.5
        if aim and is_early:
            self.shoot(aim)
        if phase != "start":
            self.cloud_acts()
        self.wait_for_phase(phase)
        if victim == "taker":
            self.kill_taker()
        elif victim == "stop":
            self.stop_daemon()
        else:
            self.finish(victim, who, phase, aim, is_early)

    def finish(self, victim, who, phase, aim, is_early):
        if victim == "apart":
            self.strike([self.hub])
            time.sleep(self.random.uniform(0, 0.2))
            who = [self.daemon]
        if aim and not is_early:
            self.shoot(aim)
        if aim:
            target = self.hub if aim[0] == "hub" else self.daemon
            if target in who:
                target.wait_for_death(self.random.uniform(0.05, 0.2 if phase != "later" else 1.2))
        elif phase != "start":
            time.sleep(self.random.uniform(0, 0.1))
        self.strike(who)

    def choose_aim(self, who):
        """One of AIMS at those who are to die; None: at nothing."""
        choices = [aim for aim in AIMS if aim[0] in [victim.name for victim in who]]
        return self.random.choice(choices) if choices and self.random.random() < AIMED else None

    def shoot(self, aim):
        name, call, file, count = aim
        moment = self.random.choice(("before", "half-way", "after") if call == "write" else ("before", "after"))
        box = self.hub.box if name == "hub" else self.daemon.box
        box.aim(call, file, moment, self.random.randint(1, count))

    def strike(self, who):
        place = self.daemon.place()
        for victim in who:
            victim.program.send_signal(signal.SIGKILL)
        now = time.time()
        for victim in who:
            victim.reap()
            hit = victim.box.hit()
            where = [hit[0]] if hit else victim.box.inside() or [place]
            if victim is self.hub:
                self.ledger.link_lost(hit[1] if hit else now)
                where = [w if w != place else f"while the daemon is {place}" for w in where]
            else:
                self.ledger.daemon_killed(hit[1] if hit else now)
            self.landed.update((victim.name, w) for w in where)

    def bury(self):
        """Whoever was hit when nobody looked any more."""
        dead = [victim for victim in (self.daemon, self.hub) if victim.program and not victim.is_alive()]
        if dead:
            self.strike(dead)

    def kill_taker(self):
        self.taker.kill()
        self.taker.wait()
        self.landed["taker", f"while the daemon is {self.daemon.place()}"] += 1
        self.taker = self.start_programs("taker", stdin=subprocess.DEVNULL)

    def stop_daemon(self):
        """A clean stop forgets nothing."""
        if not self.wait_ready(self.patience_s):
            raise Violation("start", f"not ready within {self.patience_s} s:\n{self.daemon.program.output()}")
        self.landed["stop", f"while the daemon is {self.daemon.place()}"] += 1
        self.daemon.reap(signal.SIGTERM, 0)
        self.ledger.link_lost(time.time())

    # What the cloud does meanwhile

    def cloud_acts(self):
        with contextlib.suppress(OSError), Wire(self.hub.socket_path, 5) as wire:
            self.twin.desired += 1
            wire.call("io.aziotd.hubsim.UpdateDesired", {"device": "demo", "patch": {"n": self.twin.desired}})
            # How long a message is in flight, so that there are some.
            wire.call("io.aziotd.hubsim.DelayPuback", {"milliseconds": self.random.choice(PUBACK_DELAYS_MS)})
            for _ in range(self.random.randint(0, 5)):
                if self.cloud.n_open() >= CLOUD_MESSAGES_MAX:
                    break
                # If the hub dies before it answers, the same is sent again.
                n = self.cloud.n_sent
                wire.call("io.aziotd.hubsim.SendMessage",
                          {"device": "demo", "body": json.dumps({"n": n, "x": "x" * (9000 * (n % 3 == 0))}),
                           "ack": "negative", "messageId": f"message-{n}" if self.cloud.is_named(n) else ""})
                self.cloud.n_sent += 1

    # Checking

    def read_notes(self, name):
        path, at = self.notes[name]
        if not path.exists():
            return
        with path.open("rb") as file:
            file.seek(at)
            data = file.read()
        whole = data[:data.rfind(b"\n") + 1]
        self.notes[name][1] += len(whole)
        for line in whole.decode().splitlines():
            self.note(*line.split(" "))

    def note(self, what, *fields):
        if what == "accepted":
            self.ledger.note_accepted(*map(int, fields))
        elif what == "refused":
            self.ledger.note_refused(*map(int, fields[:3]))
        elif what == "failed":
            raise Violation("answer", " ".join(fields))
        elif what == "reported":
            self.twin.note_reported(fields[0], int(fields[1]), fields[2])
        elif what == "watched":
            self.twin.watched = int(fields[0])
        elif what == "taken":
            self.cloud.note_taken(int(fields[0]), fields[2] == "1")
        elif what == "settled":
            self.cloud.note_settled(int(fields[0]))
        else:
            self.is_paused = True

    def check(self):
        """What holds at any time. What programs were told is read before what has come of it."""
        for name in self.notes:
            self.read_notes(name)
        for line in self.hub.arrivals():
            self.ledger.arrived(line)
        self.ledger.check_delivered()
        self.twin.check(self.hub.reported())

    def order(self, word):
        self.programs.stdin.write(word.encode() + b"\n")
        self.programs.stdin.flush()

    def wait_until(self, condition, promise, what):
        began = time.time()
        while True:
            self.check()
            if condition():
                return
            now = time.time()
            if now > began + self.patience_s and now > began + self.patience_s + self.late.between(began, now):
                raise Violation(promise, f"not within {self.patience_s} s: {what}")
            time.sleep(0.02)

    def hub_answers(self):
        with contextlib.suppress(OSError):
            return bool(self.hub.call("ListDevices"))
        return False

    def is_settled(self):
        status = self.daemon.status()
        return status["outbox"]["messages"] == 0 and status["inbox"]["messages"] == 0

    def checkpoint(self):
        """Programs pause; everything arrives, and nothing was given up."""
        for victim in (self.daemon, self.hub):
            victim.box.disarm()
        self.bury()
        self.start_missing()
        self.wait_until(self.hub_answers, "start", "the hub answers")
        if not self.wait_ready(self.patience_s) or not self.wait_online(self.patience_s):
            raise Violation("start", f"not online again, but {self.daemon.place()}:\n{self.daemon.program.output()}")
        self.hub.call("DelayPuback", {"milliseconds": 0})
        self.is_paused = False
        self.order("pause")
        self.wait_until(lambda: self.is_paused, "answer", "every call answered")
        self.wait_until(self.is_settled, "lost", "outbox and inbox empty")
        self.wait_until(lambda: not self.hub.call("ListMessages", {"device": "demo"})["messages"], "inbox",
                        "nothing at the hub")
        self.wait_until(lambda: self.twin.is_drained(self.hub.reported()), "twin", "what was reported is at the hub")
        self.twin.desired += 1
        self.hub.call("UpdateDesired", {"device": "demo", "patch": {"n": self.twin.desired}})
        self.wait_until(lambda: self.twin.watched == self.twin.desired, "twin", "what is desired is known")
        self.check_given_up()
        self.cloud.check_drained()
        self.ledger.check_drained()
        now = time.time()
        self.ledger.forget(now - CURSOR_AGE_S - self.late.between(now - MEMORY_S, now))
        self.order("resume")

    def check_given_up(self):
        records = self.hub.call("Feedback", {"device": "demo"})["records"]
        self.cloud.n_given_up += sum(record["status"] == "DeliveryCountExceeded" for record in records)
        # What was refused had been promised to nobody.
        dropped = {cause: n for cause, n in self.daemon.status()["outbox"]["dropped"].items()
                   if n and cause != "refused"}
        if dropped:
            raise Violation("lost", f"the daemon has given up {dropped}")
        aside = [path.name for path in self.daemon.state_path.rglob("*.damaged-*")]
        if aside:
            raise Violation("damaged", f"{aside} were set aside")

    # The whole run

    def run(self, n_kills, check_every, victims=None, phases=None, on_checked=lambda: None):
        for i in range(1, n_kills + 1):
            victim, phase = self.choose(victims or VICTIMS), self.choose(phases or PHASES)
            self.start_missing()
            self.kill(victim, phase)
            self.check()
            if i % check_every == 0 or i == n_kills:
                self.checkpoint()
                self.strike([self.hub])
                self.check()
                self.hub.shorten_journal()
                on_checked()

    def choose(self, weights):
        return self.random.choices(list(weights), list(weights.values()))[0]
