# SPDX-License-Identifier: MIT
"""Faults that a device asks for itself, in the words of the tests of Microsoft's SDKs."""

import errno
import socket
import time

from device import Closed
from hub import HubCase, enforces
import tap  # hub knows where it is

PREFIX = "AzIoTHub_FaultOperation"


class FaultWords(HubCase):
    def ask(self, kind, delay_s=0, duration_s=0):
        """A connection that has asked for it, and been acknowledged."""
        self.line = self.add_device()
        d = self.open_connected(self.line)
        d.telemetry(properties=f"{PREFIX}Type={kind}&{PREFIX}CloseReason=byebye&{PREFIX}DelayInSecs={delay_s}"
                               f"&{PREFIX}DurationInSecs={duration_s}")
        self.assertEqual(self.arrived()[0]["properties"][f"{PREFIX}Type"], kind)
        return d

    def tearDown(self):
        self.hub.control("ClearFaults")

    def telemetry_ends(self, d):
        with self.assertRaises(Closed):
            d.telemetry()

    @enforces(43)
    def test_kill_tcp(self):
        started = time.monotonic()
        s = self.ask("KillTcp", 1).socket
        self.eventually(lambda: s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET)
        self.assertGreater(time.monotonic() - started, 0.9)
        self.wait_for_log("404104 closed, as the device asked for: 'byebye'")
        self.open_connected(self.line)

    @enforces(43)
    def test_what_lasts_ends_by_itself(self):
        started = time.monotonic()
        self.ask("KillTcp", 0, 2)
        self.eventually(self.can_connect)
        self.assertGreater(time.monotonic() - started, 1.9)
        self.wait_for_log("400030 CONNECT not answered, as the device asked for")

    def can_connect(self):
        try:
            return self.open(self.line).connect()[1] == 0
        except Closed:
            return False

    @enforces(43)
    def test_shut_down(self):
        d = self.ask("ShutDownMqtt")
        self.assertEqual(d.socket.recv(1), b"")
        self.open_connected(self.line).telemetry()

    @enforces(43)
    def test_throttling(self):
        d = self.ask("InvokeThrottling", 0, 60)
        self.telemetry_ends(d)
        self.wait_for_log("429002 closed, as the device asked for: 'byebye'")
        self.telemetry_ends(self.open_connected(self.line))

    @enforces(43)
    def test_quota(self):
        self.telemetry_ends(self.ask("InvokeMaxMessageQuota", 0, 60))
        self.assertEqual(self.open(self.line).connect()[1], 3)
        self.wait_for_log("403002 CONNECT refused with code 3: the device has asked for it")

    @enforces(43)
    def test_authentication(self):
        self.ask("InvokeAuthError", 0, 60).wait_for_close()
        self.assertEqual(self.open(self.line).connect()[1], 5)
        self.wait_for_log("401003 CONNECT refused with code 5: the device has asked for it")

    def test_those_of_amqp_are_passed_over(self):
        d = self.ask("KillAmqpConnection", 0, 60)
        self.wait_for_log("it asks for a fault that there is not")
        d.telemetry()

    def test_it_ends_with_all_faults(self):
        d = self.ask("InvokeThrottling", 0, 60)
        self.hub.control("ClearFaults")
        d.telemetry()

    def test_others_are_not_concerned(self):
        other = self.open_connected(self.hub.command("device", "add", "other").stdout)
        self.ask("KillTcp", 0, 60)
        other.telemetry()


if __name__ == "__main__":
    tap.main()
