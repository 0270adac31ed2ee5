# SPDX-License-Identifier: MIT
"""A hub that counts telemetry instead of keeping it."""

import json
import signal

from device import publish
from hub import HubCase
import tap  # hub knows where it is


class Counts(HubCase):
    options = ("--count",)

    def counts(self, *options):
        """What the command prints of this case's device, by source."""
        run = self.hub.command("counts", "--device", self.name, *options)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        return {line.pop("source"): line for line in map(json.loads, run.stdout.splitlines())}

    def send(self, d, *bodies):
        for body in bodies:
            d.telemetry(body if isinstance(body, str) else json.dumps(body))

    def test_numbers_are_counted_by_device_and_source(self):
        d = self.open_connected()
        self.assertEqual(self.counts(), {})
        for n in (1, 2, 2, 5, 4):
            self.send(d, {"source": "pump", "n": n})
        self.send(d, {"n": 0, "of": {"n": 9, "source": "inside"}}, {"temperature": [21.5], "n": 1})
        self.assertEqual(self.counts(), {
            "pump": {"device": self.name, "messages": 5, "first": 1, "last": 5, "missing": 1, "repeated": 1,
                     "disordered": 1, "untracked": 0},
            "": {"device": self.name, "messages": 2, "first": 0, "last": 1, "missing": 0, "repeated": 0,
                 "disordered": 0, "untracked": 0},
        })
        error, reply = self.hub.control("Counts")
        self.assertIsNone(error)
        self.assertLessEqual({self.name}, {count["device"] for count in reply["counts"]})
        self.assertEqual(self.hub.control("Counts", device="nobody")[1]["code"], 404001)

    def test_a_message_without_a_number_is_untracked(self):
        bodies = ("text", "", "[1]", '{"n":"1"}', '{"n":-1}', '{"n":1.5}', '{"n":9223372036854775808}', '{"n":1',
                  '{"n":1} 2', {"source": "x"})
        self.send(self.open_connected(), *bodies, {"source": 1, "n": 7}, {"source": "y" * 64, "n": 8})
        counts = self.counts()
        self.assertEqual(set(counts), {"", "x"})
        self.assertEqual(counts["x"], {"device": self.name, "messages": 1, "missing": 0, "repeated": 0,
                                       "disordered": 0, "untracked": 1})
        self.assertEqual(counts[""] | {"device": None}, {
            "device": None, "messages": len(bodies) + 1, "first": 7, "last": 8, "missing": 0, "repeated": 0,
            "disordered": 0, "untracked": len(bodies) - 1})

    def test_nothing_is_kept(self):
        self.send(self.open_connected(), {"n": 0})
        self.assertEqual(self.hub.control("Log"), (None, {"messages": [], "next": 1}))
        self.assertEqual(self.hub.journal(), [])

    def test_the_rules_are_the_same(self):
        d = self.open_connected()
        d.telemetry("x" * 262144)
        d.send(publish(f"devices/{self.name}/messages/events/", "x" * 262145))
        d.wait_for_close()
        self.wait_for_log("413001")
        self.assertEqual(self.counts()[""]["messages"], 1)

    def test_counts_survive_a_kill(self):
        line = self.add_device()
        self.send(self.open_connected(line), {"n": 0}, {"n": 1})
        self.hub.stop(signal.SIGKILL)
        self.hub.start(*self.options)
        self.send(self.open_connected(line), {"n": 1}, {"n": 2})
        self.assertEqual(self.counts()[""] | {"device": None}, {
            "device": None, "messages": 4, "first": 0, "last": 2, "missing": 0, "repeated": 1, "disordered": 0,
            "untracked": 0})


class NotCounting(HubCase):
    def test_there_is_nothing_to_tell(self):
        self.open_connected().telemetry('{"n":0}')
        self.assertEqual(self.hub.control("Counts"), (None, {"counts": []}))
        self.assertFalse((self.hub.state / "counts").exists())


if __name__ == "__main__":
    tap.main()
