# SPDX-License-Identifier: MIT
"""What a back end does to devices: it disables, changes and removes them."""

import device as mqtt
from hub import METHODS, C2dCase, X509Case, enforces
import tap  # hub knows where it is

OTHER_KEY = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="


class Lifecycle(C2dCase):
    def run_device(self, verb, *options):
        run = self.hub.command("device", verb, self.name, *options)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        return run.stdout

    def restart(self):
        self.assertEqual(self.hub.stop(), 0)
        self.hub.start()

    @enforces(2)
    def test_a_disabled_device_is_closed_and_refused_until_it_is_enabled(self):
        line = self.add_device()
        d = self.open_connected(line)
        self.run_device("disable")
        d.wait_for_close()
        self.wait_for_log("403012 closed: the device has been disabled")
        self.assertIn(f"{self.name} offline {line.strip()} disabled\n", self.hub.command("device", "list").stdout)
        self.restart()
        self.assertEqual(self.open(line).connect(), (False, mqtt.NOT_AUTHORIZED))
        self.wait_for_log("403012 CONNECT refused with code 5: the device is disabled")
        self.run_device("enable")
        self.assertEqual(self.open(line).connect(), (True, 0))

    def test_a_device_is_given_other_keys(self):
        line = self.add_device()
        d = self.open_connected(line)
        changed = self.run_device("change", "--key", OTHER_KEY)
        self.assertIn(f"SharedAccessKey={OTHER_KEY}", changed)
        d.telemetry()
        self.assertEqual(self.open(line).connect()[1], mqtt.NOT_AUTHORIZED)
        self.assertEqual(self.open(changed).connect()[1], 0)
        fresh = self.run_device("change")
        self.assertEqual(self.open(changed).connect()[1], mqtt.NOT_AUTHORIZED)
        self.assertEqual(self.open(fresh).connect()[1], 0)

    @enforces(2)
    def test_a_removed_device_leaves_nothing(self):
        line = self.add_device()
        d = self.open_subscribed(line)
        d.subscribe(METHODS)
        waiting = self.hub.invoke(self.name, "never", "--connect-timeout", "30")
        d.receive_call()
        self.hub.control("UpdateDesired", device=self.name, patch={"rate": 5})
        d.close()
        self.eventually(lambda: not self.hub.control("ListDevices")[1]["devices"][-1]["connected"])
        self.send(ack="full")
        self.run_device("remove")
        self.assertEqual(waiting.result().returncode, 1)
        self.assertEqual(self.hub.control("ListMessages", device=self.name)[1]["code"], 404001)
        self.assertFalse((self.hub.state / f"twin-{self.name}.json").exists())
        self.assertEqual(self.open(line).connect()[1], mqtt.NOT_AUTHORIZED)
        self.wait_for_log("404001 CONNECT refused with code 5: there is no such device")

        again = self.add_device()
        self.restart()
        self.assertEqual((self.queue(), self.feedback()), ([], []))
        self.assertEqual(self.hub.control("GetTwin", device=self.name)[1]["desiredVersion"], 1)
        self.assertEqual(self.open(again).connect(), (False, 0))

    @enforces(2)
    def test_the_connection_of_a_removed_device_is_closed(self):
        d = self.open_connected()
        d.subscribe(METHODS)
        call = self.hub.invoke(self.name, "never")
        d.receive_call()
        self.hub.control("CloseAfterConnect", milliseconds=1, count=1, device=self.name)
        self.run_device("remove")
        d.wait_for_close()
        self.wait_for_log("404001 closed: the device has been removed")
        self.assertIn("404001", call.result().stderr)
        self.assertEqual(self.hub.control("ListFaults")[1]["faults"], [])

    def test_a_call_that_waits_for_a_device_ends_when_that_is_removed(self):
        self.add_device()
        with self.hub.begin("Invoke", device=self.name, method="never", connectTimeoutSeconds=60) as replies:
            self.run_device("remove")  # whose request is behind the one before
            self.assertEqual(next(replies)["parameters"]["code"], 404001)

    def test_a_monitor_of_a_removed_device_ends(self):
        self.add_device()
        with self.hub.monitor(self.name) as replies:
            self.assertEqual(next(replies)["parameters"]["messages"], [])
            self.run_device("remove")
            self.assertEqual(next(replies)["parameters"]["code"], 404001)

    def test_other_devices_stay(self):
        lines = []
        for suffix in "abc":
            lines.append(self.hub.command("device", "add", f"stays-{suffix}").stdout)
        self.hub.command("device", "remove", "stays-c")
        self.hub.command("device", "remove", "stays-a")
        lines.append(self.hub.command("device", "add", "stays-d").stdout)
        self.restart()
        for line, code in zip(lines, [mqtt.NOT_AUTHORIZED, 0, mqtt.NOT_AUTHORIZED, 0]):
            self.name = mqtt.parse_connection_string(line)["DeviceId"]
            self.assertEqual(self.open(line).connect(), (False, code))

    def test_wrong_commands_are_refused(self):
        self.add_device()
        for arguments in (["disable", "nobody"], ["remove", "nobody"], ["change", "nobody"]):
            with self.subTest(arguments):
                self.assertIn("404001", self.hub.command("device", *arguments).stderr)
        for arguments in (["disable"], ["disable", self.name, "--ca"], ["forget", self.name]):
            with self.subTest(arguments):
                self.assertEqual(self.hub.command("device", *arguments).returncode, 2)


class Certificates(X509Case):
    @enforces(4)
    def test_a_device_is_given_another_certificate(self):
        first, second = self.create("--self-signed"), self.create("--self-signed", folder="b")
        line = self.run_command("device", "add", self.name, "--thumbprint", first.sha256)
        self.assertEqual(self.open_with(first, line).connect()[1], 0)
        changed = self.run_command("device", "change", self.name, "--thumbprint", second.sha1)
        self.assertEqual(changed, line)
        self.assertEqual(self.open_with(first, line).connect()[1], mqtt.NOT_AUTHORIZED)
        self.assertEqual(self.open_with(second, line).connect()[1], 0)
        with_key = self.run_command("device", "change", self.name)
        self.assertEqual(self.open_with(None, with_key).connect()[1], 0)

    @enforces(4)
    def test_a_ca_is_trusted_no_longer_and_again(self):
        own, other = self.create(), self.create(folder="b", state=self.directory / "other")
        line = self.run_command("device", "add", self.name, "--ca")
        files = {}
        for name, state in (("own", None), ("other", self.directory / "other")):
            files[name] = self.directory / f"{name}.pem"
            files[name].write_text(self.run_command("certificate", "ca", state=state))
        foreign = self.run_command("certificate", "trust", files["other"]).split()[0]
        for certificate, thumbprint, path in ((own, own.printed["its CA"], files["own"]),
                                              (other, foreign, files["other"])):
            with self.subTest(path):
                self.assertEqual(self.open_with(certificate, line).connect()[1], 0)
                self.run_command("certificate", "untrust", thumbprint.lower())
                self.assertNotIn(thumbprint, self.run_command("certificate", "list"))
                self.assertEqual(self.open_with(certificate, line).connect()[1], mqtt.NOT_AUTHORIZED)
                self.assertEqual(self.hub.command("certificate", "untrust", thumbprint).returncode, 1)
                self.run_command("certificate", "trust", path)
                self.assertEqual(self.open_with(certificate, line).connect()[1], 0)
        self.assertEqual(self.hub.command("certificate", "untrust", "0123").returncode, 1)

    def test_the_root_still_signs_while_it_is_not_trusted(self):
        thumbprint = self.create().printed["its CA"]
        self.run_command("certificate", "untrust", thumbprint)
        self.assertEqual(self.create(folder="b").printed["its CA"], thumbprint)


if __name__ == "__main__":
    tap.main()
