# SPDX-License-Identifier: MIT
"""What was promised and what has come of it: the judge of tests/chaos/kill."""

import bisect
import collections
import datetime
import json
import math

from kill_programs import LANES

# As long as what was acknowledged may be unknown to the cursor on disk, which is written once a second, and some time for
# that; a machine that is busy adds what it has taken meanwhile, as kill_late.py has measured it.
CURSOR_AGE_S = 1.5

# So long after a kill there may arrive what was under way between the two, and longer where the hub is held up.
POSTHUMOUS_S = 0.3

# The most that is on its way to the hub.
WINDOW = 64


class Violation(AssertionError):
    """A broken promise, by its name."""

    def __init__(self, promise, text):
        super().__init__(f"{promise}: {text}")
        self.promise = promise


class Lane:
    def __init__(self, lane):
        self.name = f"{lane.priority}, {lane.producer.stage}, {lane.producer.batch} of {lane.producer.size} bytes"
        self.highest = -1   # that has arrived
        self.forgotten = -1  # up to here nobody remembers what has arrived
        self.seen = {}  # n: (message id, when it came last), of what is not forgotten
        self.promised = collections.deque()  # and has not arrived, in order
        self.refused = set()
        self.batches = {}  # (first, last): how many of it have arrived, as long as it is not whole


class Ledger:
    """Fed with the notes of the programs before what the hub has at that moment, so that whatever is noted as delivered
    has to be there. 'late_between(since, until)' tells for how long the machine has held up the daemon."""

    def __init__(self, late_between):
        self.late_between = late_between
        self.lanes = [Lane(lane) for lane in LANES]
        self.daemon_kills, self.losses = [], []  # when, in order; of the link, where the daemon lived on
        self.in_flight = collections.Counter()  # what came again because the link was lost, by when
        self.ids = {}  # the message ids that came last: whose they are
        self.n_promised = collections.Counter()  # by stage and priority
        self.n_refused = self.n_failed = self.n_arrived = self.n_again = 0
        self.oldest_again_s = 0.0
        self.most_in_flight = 0

    def following(self, times, since):
        """The first of the times from then on, or behind which that was under way."""
        i = bisect.bisect_left(times, since - POSTHUMOUS_S)
        while i > 0 and since - times[i - 1] <= POSTHUMOUS_S + self.late_between(times[i - 1], since):
            i -= 1
        return times[i] if i < len(times) else math.inf

    def daemon_killed(self, at):
        self.daemon_kills.append(at)

    def link_lost(self, at):
        self.losses.append(at)

    # What programs were told

    def note_accepted(self, number, first, last):
        lane = self.lanes[number]
        spec = LANES[number]
        self.n_promised[spec.producer.stage, spec.priority] += last - first + 1
        for n in range(first, last + 1):
            if n > lane.highest:
                lane.promised.append(n)
            elif n not in lane.seen and n > lane.forgotten:
                raise Violation("lost", f"{n} of '{lane.name}', behind which {lane.highest} has arrived")

    def note_refused(self, number, first, last):
        self.n_refused += last - first + 1
        self.lanes[number].refused.update(range(first, last + 1))

    # What has arrived

    def arrived(self, line):
        message = json.loads(line)
        body = message["body"]
        n, lane = body["n"], self.lanes[body["lane"]]
        message_id = message["system"]["message-id"]
        at = datetime.datetime.fromisoformat(message["time"]).timestamp()
        self.n_arrived += 1
        if n in lane.refused:
            raise Violation("refused", f"{n} of '{lane.name}' was refused and has arrived")
        if n <= lane.highest:
            self._arrived_again(lane, n, message_id, at)
        else:
            self._arrived_first(lane, n, message_id, tuple(body["batch"]))
        lane.seen[n] = (message_id, at)

    def _arrived_first(self, lane, n, message_id, batch):
        while lane.promised and lane.promised[0] < n:
            raise Violation("lost", f"{lane.promised[0]} of '{lane.name}', instead of which {n} has arrived")
        if lane.promised and lane.promised[0] == n:
            lane.promised.popleft()
        if message_id in self.ids:
            raise Violation("repeats", f"{n} of '{lane.name}' has the message id of {self.ids[message_id]}")
        self.ids[message_id] = (lane.name, n)
        lane.highest = n
        if batch[0] < batch[1]:
            got = lane.batches.get(batch, 0) + 1
            if got < batch[1] - batch[0] + 1:
                lane.batches[batch] = got
            else:
                lane.batches.pop(batch, None)

    def _arrived_again(self, lane, n, message_id, at):
        if n <= lane.forgotten:
            raise Violation("repeats", f"{n} of '{lane.name}' came again long after it was acknowledged")
        if n not in lane.seen:
            raise Violation("order", f"{n} of '{lane.name}' came for the first time behind {lane.highest}")
        first_id, before = lane.seen[n]
        if message_id != first_id:
            raise Violation("repeats", f"{n} of '{lane.name}' came again under another id")
        self.n_again += 1
        killed, lost = self.following(self.daemon_kills, before), self.following(self.losses, before)
        if killed < lost:
            self.oldest_again_s = max(self.oldest_again_s, killed - before)
        # What was acknowledged is known to a daemon that lives, and to the cursor soon.
        if killed > at or self.is_too_old(before, killed):
            if lost >= min(at, killed):
                raise Violation("repeats", f"{n} of '{lane.name}' came again long after it was acknowledged")
            self._was_in_flight(self.losses[bisect.bisect_left(self.losses, min(at, killed)) - 1])

    def is_too_old(self, before, killed):
        """Whether what was acknowledged that long before a kill has to be known to the cursor."""
        age_s = killed - before
        return age_s > CURSOR_AGE_S and age_s > CURSOR_AGE_S + self.late_between(before, killed)

    def _was_in_flight(self, lost):
        """When the link was lost at that time."""
        self.in_flight[lost] += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight[lost])
        if self.in_flight[lost] > WINDOW:
            raise Violation("repeats", f"more than {WINDOW} came again after the link was lost")

    # Checks

    def check_delivered(self):
        """What was noted as delivered has arrived: to be called when all notes, and then all arrivals, are in."""
        for lane, spec in zip(self.lanes, LANES):
            if spec.producer.stage == "delivered" and lane.promised:
                raise Violation("lost", f"{list(lane.promised)[:20]} of '{lane.name}', said to be delivered")

    def check_drained(self):
        """Nothing is under way: everything has arrived."""
        for lane in self.lanes:
            if lane.promised:
                raise Violation("lost", f"{list(lane.promised)[:20]} of '{lane.name}'")
            if lane.batches:
                raise Violation("batch", f"only a part of {list(lane.batches)[:5]} of '{lane.name}' has arrived")

    def forget(self, before):
        """What has arrived longer ago can not come again without being too old."""
        for lane in self.lanes:
            for n in [n for n, (_, at) in lane.seen.items() if at < before]:
                self.ids.pop(lane.seen.pop(n)[0], None)
                lane.forgotten = max(lane.forgotten, n)
            lane.refused.clear()


class CloudMessages:
    """Messages from the cloud: sent, taken, settled. One in ANONYMOUS has no message id."""

    ANONYMOUS = 5

    def __init__(self):
        self.n_sent = 0
        self.taken, self.settled = collections.Counter(), collections.Counter()
        self.n_given_up = 0

    def is_named(self, n):
        return n % self.ANONYMOUS != 0

    def note_taken(self, n, redelivered):
        if self.is_named(n):
            if self.settled[n]:
                raise Violation("settled", f"message {n} from the cloud came again after it was settled")
            # It may also be set the first time: a program that was killed while it got the message.
            if self.taken[n] and not redelivered:
                raise Violation("settled", f"message {n} from the cloud came again unmarked")
        self.taken[n] += 1

    def note_settled(self, n):
        self.settled[n] += 1

    def check_drained(self):
        missing = [n for n in range(self.n_sent) if not self.taken[n]]
        if len(missing) > self.n_given_up:
            raise Violation("inbox", f"messages {missing[:20]} from the cloud are lost")

    def n_open(self):
        return self.n_sent - len(self.settled)


class TwinValues:
    """Properties that programs report, each of which rises; and a desired one."""

    def __init__(self):
        self.promised, self.at_hub = collections.Counter(), collections.Counter()
        self.n_reported = self.n_stored = 0
        self.desired = self.watched = 0

    def note_reported(self, name, n, version):
        if version == "null":
            self.n_stored += 1
        else:
            self.n_reported += 1
            self.at_hub[name] = max(self.at_hub[name], n)
        self.promised[name] = n

    def check(self, reported):
        """The hub has these now."""
        for name, n in self.at_hub.items():
            if reported.get(name, 0) < n:
                raise Violation("twin", f"'{name}' is {reported.get(name)} and not {n}")
        self.at_hub.update({name: n - self.at_hub[name] for name, n in reported.items()})

    def is_drained(self, reported):
        return all(reported.get(name, 0) >= n for name, n in self.promised.items())
