# SPDX-License-Identifier: MIT
"""The daemon works behind the walls that its unit builds around it, and these are high."""

import re
import tempfile
import textwrap

import machine

UNITS = "aziotd.service", "aziotd.socket", "aziotd-metrics.service", "aziotd-metrics.timer", "aziot-hubsim.service"

# In tenths, as 'systemd-analyze security' counts.
EXPOSURE_MAX = 15

# What nobody but the daemon and root may read.
SECRET_FOLDERS = "/var/lib/aziotd", "/run/aziotd-link", "/var/lib/private/aziot-hubsim"


NAMED_HUB = """
[Service]
ExecStart=
ExecStart=/usr/bin/aziot-hubsim run --host hub.example
"""


class Unit(machine.SystemCase):
    def test_systemd_has_nothing_to_say_against_the_units(self):
        self.assertEqual(self.machine.run("systemd-analyze", "verify", "--man=no", *UNITS), "")

    def test_little_is_exposed(self):
        for unit in (unit for unit in UNITS if unit.endswith(".service")):
            with self.subTest(unit):
                output = self.machine.run("systemd-analyze", "security", "--no-pager", f"--threshold={EXPOSURE_MAX}", unit)
                print(f"# {output.splitlines()[-1]}", flush=True)

    def test_it_has_no_privilege_and_no_child_can_get_one(self):
        self.machine.be_device()
        status = self.machine.path(f"/proc/{self.machine.pid()}/status").read_text()
        for name in "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb":
            self.assertIn(f"{name}:\t0000000000000000", status)
        self.assertIn("NoNewPrivs:\t1", status)
        self.assertIn("Seccomp:\t2", status)
        self.assertNotRegex(status, r"Uid:\t0")

    def test_what_it_stores_is_its_own(self):
        self.machine.be_device()
        for folder in SECRET_FOLDERS:
            with self.subTest(folder):
                self.assertEqual(self.machine.path(folder).stat().st_mode & 0o7777, 0o700)

    def test_nothing_that_it_needs_is_forbidden(self):
        """With a name from a name server and news of the network from the kernel, it has no complaint."""
        self.machine.write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
        self.machine.write("/run/systemd/system/aziot-hubsim.service.d/name.conf", NAMED_HUB)
        self.machine.run("systemctl", "daemon-reload")
        self.machine.run("systemd-run", "--quiet", "python3", "/mnt/dns.py", "hub.example", "127.0.0.1")
        self.machine.be_device()
        self.machine.run("ip", "address", "add", "127.0.0.2/8", "dev", "lo")
        self.machine.run("aziot", "send", "--stage", "delivered", '{"n":1}')
        self.assertIn("hub.example", self.machine.run("aziot", "status"))
        self.assertEqual(self.machine.journal("--priority=warning"), "")

    def test_metrics_are_written_for_node_exporter(self):
        """It is asked for by the timer; its unit is skipped where nobody reads them."""
        file = "/var/lib/prometheus/node-exporter/aziotd.prom"
        self.machine.run("systemctl", "start", "aziotd-metrics.service")
        self.assertFalse(self.machine.path(file).exists())
        self.machine.run("mkdir", "--parents", "/var/lib/prometheus/node-exporter")
        self.machine.run("systemctl", "start", "aziotd-metrics.service")
        self.assertIn("aziotd_link_connects_total 0", self.machine.path(file).read_text())

        # docs/operations.md, for another place.
        document = (machine.SOURCE / "docs/operations.md").read_text()
        elsewhere = re.search(r"(?m)^    \[Unit\]\n    ConditionPathIsDirectory=\n(    .*\n)+", document)[0]
        self.machine.run("mkdir", "--parents", "/srv/textfile")
        self.machine.write("/etc/systemd/system/aziotd-metrics.service.d/override.conf", textwrap.dedent(elsewhere))
        self.machine.run("systemctl", "daemon-reload")
        self.machine.run("systemctl", "start", "aziotd-metrics.service")
        self.assertIn("aziotd_link_connects_total 0", self.machine.path("/srv/textfile/aziotd.prom").read_text())

    def store_encrypted(self, file, name):
        self.machine.run("mkdir", "--parents", "/etc/credstore.encrypted")
        self.machine.run("systemd-creds", "encrypt", file, f"/etc/credstore.encrypted/aziotd.{name}.encrypted")
        self.machine.path(file).unlink()

    def test_a_connection_string_may_be_stored_encrypted(self):
        self.machine.start_hub()
        self.store_encrypted("/etc/credstore/aziotd.connection-string", "connection-string")
        self.machine.run("systemctl", "restart", "aziotd")
        self.machine.wait_online()
        self.assertIn("device 'demo'", self.machine.run("aziotd", "--check-config"))

    def test_what_root_alone_may_read_is_no_valid_configuration(self):
        self.machine.start_hub()
        self.machine.write("/etc/aziotd/aziotd.conf.d/mine.conf", "[Hub]\nConnectionStringFile=/root/secret\n")
        self.machine.run("cp", "/etc/credstore/aziotd.connection-string", "/root/secret")
        code, output = self.machine.result("aziotd", "--check-config")
        self.assertEqual(code, 1, output)
        self.machine.run("chmod", "600", "/etc/aziotd/aziotd.conf.d/mine.conf")
        self.assertEqual(self.machine.result("aziotd", "--check-config")[0], 1)

    def test_a_certificate_and_its_encrypted_key_are_credentials(self):
        self.machine.start_hub()
        self.machine.hubsim("certificate", "create", "pump", "/root")
        self.machine.write("/etc/credstore/aziotd.connection-string", self.machine.hubsim("device", "add", "--ca", "pump"))
        self.machine.run("mv", "/root/pump.pem", "/etc/credstore/aziotd.certificate")
        self.store_encrypted("/root/pump.key", "private-key")
        self.machine.run("systemctl", "restart", "aziotd")
        self.machine.wait_online()
        self.assertIn("pump", self.machine.run("aziot", "status"))


class ReadOnlyRoot(machine.SystemCase):
    """With a partition for the daemon's state, which is all that survives a reboot."""

    def setUp(self):
        state = tempfile.TemporaryDirectory(prefix="aziotd-")
        self.addCleanup(state.cleanup)
        self.state = state.name
        # Who makes such an image makes the place for the partition, too.
        (machine.roots()["installed"] / "var" / "lib" / "aziotd").mkdir(exist_ok=True)
        self.boot_again()

    def boot_again(self):
        self.machine = self.boot(f"--bind={self.state}:/var/lib/aziotd", writes="--read-only")

    def test_what_was_accepted_is_sent_after_a_reboot(self):
        self.assertNotEqual(self.machine.result("touch", "/etc/x")[0], 0)
        self.machine.run("aziot", "send", '{"n":1}')
        self.machine.close()
        self.boot_again()
        self.machine.run("systemd-run", "--quiet", "--property=Type=notify", "aziot-hubsim", "run", "--state-dir", "/run/hub")
        self.machine.run("cp", "--recursive", "/run/hub/credentials", "/run/credstore")
        self.machine.run("systemctl", "restart", "aziotd")
        self.machine.wait_online()
        self.machine.run("aziot", "send", "--stage", "delivered", '{"n":2}')
        self.assertIn('{"n":1}', self.machine.run("aziot-hubsim", "log", "--state-dir", "/run/hub"))
