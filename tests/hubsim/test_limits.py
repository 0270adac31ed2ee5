# SPDX-License-Identifier: MIT
"""What the hub allows in a time: rates, the backlog of telemetry, the messages of the day."""

import json
import struct
import time

import device as mqtt
from device import DPS_FILTER, Closed, ProvisionedDevice, publish
from hub import METHODS, C2dCase, enforces
import tap  # hub knows where it is

DAY_S = 86400
NONE = {"d2cPerSecond": 0, "d2cBacklogSeconds": 5, "connectsPerSecond": 0, "twinReadsPerSecond": 0,
        "twinUpdatesPerSecond": 0, "deviceTwinPerSecond": 0, "c2dPerSecond": 0, "methodsPerSecond": 0,
        "registrationsPerMinute": 0, "messagesPerDay": 0, "messageBlockBytes": 4096, "quotaConnack": 3}


class LimitsCase(C2dCase):
    def tearDown(self):
        self.hub.control("SetLimits", **NONE)
        self.hub.control("ResetQuota")
        self.hub.control("ClearFaults")

    def limit(self, *words):
        run = self.hub.command("limit", *map(str, words))
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        return run.stdout


class Rates(LimitsCase):
    @enforces(29)
    def test_telemetry_waits_for_its_puback_and_then_costs_the_connection(self):
        d = self.open_connected()
        self.limit("d2c-per-second", 5)
        self.limit("d2c-backlog-seconds", 1)
        started = time.monotonic()
        for i in range(1, 11):
            d.send(publish(f"devices/{d.id}/messages/events/", packet_id=i))
        times = []
        for i in range(1, 11):
            self.assertEqual(struct.unpack(">H", d.receive(mqtt.PUBACK))[0], i)
            times.append(time.monotonic() - started)
        self.assertLess(times[4], 0.6)  # it would be 0.8 s
        for i, seconds in enumerate(times[5:], 1):
            self.assertGreater(seconds, i * 0.2 - 0.01)
        for i in range(1, 13):
            d.send(publish(f"devices/{d.id}/messages/events/", packet_id=i))
        d.wait_for_close()
        self.wait_for_log("429002 closed: the backlog of telemetry is full")
        self.assertLess(len(self.arrived()), 22)

    @enforces(29)
    def test_connections_beyond_the_rate_are_refused(self):
        line = self.add_device()
        self.limit("connects-per-second", 2)
        self.assertEqual([self.open(line).connect()[1] for _ in range(2)], [0, 0])
        codes = [self.open(line).connect()[1] for _ in range(3)]
        self.assertIn(3, codes)
        self.wait_for_log("429001 CONNECT refused with code 3: too many connections")

    @enforces(28)
    def test_twin_requests_beyond_the_rates_are_answered_by_429(self):
        d = self.open_connected()
        d.subscribe("$iothub/twin/res/#")
        for name, request, code in [("twin-reads-per-second", d.get_twin, 429001),
                                    ("twin-updates-per-second", lambda: d.report("{}"), 429001),
                                    ("device-twin-per-second", d.get_twin, 429005)]:
            with self.subTest(name):
                self.limit(name, 1)
                request()
                request()
                self.assertIn(d.receive_twin()[0][:7], ("res/200", "res/204"))
                topic, body = d.receive_twin()
                self.assertEqual((topic[:7], json.loads(body)["errorCode"]), ("res/429", code))
                self.limit(name, 0)

    @enforces(29)
    def test_what_a_back_end_asks_for_beyond_the_rates_fails(self):
        d = self.open_subscribed()
        d.subscribe(METHODS)
        self.limit("c2d-per-second", 1)
        codes = [self.hub.control("SendMessage", device=self.name, body="{}")[1].get("code") for _ in range(10)]
        self.assertEqual(codes[0], None)
        self.assertIn(429001, codes)
        self.limit("methods-per-second", 1)
        first = self.hub.invoke(self.name, "m", "--timeout", "1")
        second = self.hub.invoke(self.name, "m", "--timeout", "1")
        self.assertIn("429001", first.result().stderr + second.result().stderr)


    @enforces(33)
    def test_registrations_beyond_the_rate_are_answered_by_429(self):
        line = self.hub.command("enrollment", "add", "limited").stdout
        d = ProvisionedDevice(line, str(self.hub.state / "ca.pem"))
        self.addCleanup(d.close)
        d.connect()
        d.subscribe(DPS_FILTER)
        self.limit("registrations-per-minute", 2)
        self.assertEqual([d.register()[0] for _ in range(2)], [202, 202])
        status, retry_after, document = d.register()
        self.assertEqual((status, document["errorCode"]), (429, 429001))
        self.assertIn(retry_after, (29, 30))


class Quota(LimitsCase):
    @enforces(29)
    def test_the_messages_of_the_day_are_used_up_until_midnight(self):
        line = self.add_device()
        d = self.open_connected(line, lifetime_s=3 * DAY_S)
        self.limit("messages-per-day", 3)
        d.telemetry('"' + "x" * 5000 + '"')
        d.telemetry()
        with self.assertRaises(Closed):
            d.telemetry()
        self.wait_for_log("403002 closed: the messages of the day are used up")
        self.assertEqual(len(self.arrived()), 2)
        self.assertEqual(self.open(line).connect(), (False, 3))
        self.wait_for_log("403002 CONNECT refused with code 3: the messages of the day are used up")

        self.hub.control("ClockOffset", seconds=DAY_S)
        self.open_connected(line, lifetime_s=3 * DAY_S).telemetry()
        self.assertIn("messages-today 1\n", self.limit())

    @enforces(29)
    def test_connections_may_be_accepted_all_the_same(self):
        line = self.add_device()
        d = self.open_subscribed(line)
        d.subscribe("$iothub/twin/res/#")
        self.limit("messages-per-day", 1)
        self.limit("quota-connack", 0)
        d.telemetry()
        self.assertEqual(self.refusal(body="{}"), 403002)
        self.assertEqual(self.hub.control("Invoke", device=self.name, method="m")[1]["code"], 403002)
        d.get_twin()
        self.assertEqual(d.receive_twin()[0], "res/403/?$rid=1")
        for _ in range(2):
            d = self.open_connected(line)
            with self.assertRaises(Closed):
                d.telemetry()
        self.limit("quota-connack", 5)
        self.assertEqual(self.open(line).connect(), (False, 5))
        self.limit("reset")
        self.open_connected(line).telemetry()

    def test_the_size_of_a_block(self):
        d = self.open_connected()
        self.limit("reset")
        self.limit("message-block-bytes", 512)
        d.telemetry('"' + "x" * 600 + '"')
        self.assertIn("messages-today 2\n", self.limit())


class Command(LimitsCase):
    def test_limits_are_listed_as_they_are_set(self):
        names = [line.split()[0] for line in self.limit().splitlines()]
        self.assertEqual(names.pop(), "messages-today")
        for value, name in enumerate(names, 1):
            self.limit(name, value % 6)
        listed = dict(line.split() for line in self.limit().splitlines())
        self.assertEqual([listed[name] for name in names], [str(value % 6) for value in range(1, len(names) + 1)])

    def test_wrong_ones_are_refused(self):
        for words in (["odd", "1"], ["d2c-per-second"], ["d2c-per-second", "many"], ["messages-today", "1"]):
            with self.subTest(words):
                self.assertEqual(self.hub.command("limit", *words).returncode, 2)
        self.assertEqual(self.hub.command("limit", "quota-connack", "6").returncode, 1)


if __name__ == "__main__":
    tap.main()
