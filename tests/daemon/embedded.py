# SPDX-License-Identifier: MIT
"""docs/examples/embedded, built by its own Makefile against what is installed, to be run against aziot-hubsim."""

import shutil

import harness
from harness import BUILD
from installed import SOURCE, STRICT, install, run

EXAMPLES = SOURCE / "docs/examples/embedded"


def build():
    """Builds the examples for the tests of a module, from its setUpModule(), and returns where they are."""
    installed = install()
    programs = installed.root / "embedded"
    shutil.copytree(EXAMPLES, programs)
    run("make", "-C", programs, "-j2", "CFLAGS=" + " ".join([*STRICT, "-g", *installed.extra]),
        env=installed.environment)
    return programs


class EmbeddedCase(harness.DaemonCase):
    """A hub with the device "demo", and no daemon."""

    starts_daemon = False
    built = None  # what build() has returned

    def setUp(self):
        super().setUp()
        self.key_file = self.directory / "key"
        self.key_file.write_text(self.hub.connection_string_file.read_text().partition("SharedAccessKey=")[2])
        self.settings = {"AZIOT_HOST": "localhost", "AZIOT_PORT": str(self.hub.port),
                         "AZIOT_CA_FILE": str(self.hub.ca_file), "AZIOT_DEVICE_ID": "demo",
                         "AZIOT_KEY_FILE": str(self.key_file)}

    def use_certificate(self, name, *options):
        """Gives the device a certificate in place of the key, and returns what was printed with it."""
        printed = run(BUILD / "aziot-hubsim", "certificate", "create", name, self.directory / "certificates", *options,
                      "--state-dir", self.hub.state, env=harness.environment())
        made = {field: value.strip() for field, value in (line.split(":", 1) for line in printed.splitlines())}
        del self.settings["AZIOT_KEY_FILE"]
        self.settings |= {"AZIOT_CERTIFICATE_FILE": made["certificate"], "AZIOT_PRIVATE_KEY_FILE": made["key"]}
        return made

    def run_example(self, name, *arguments, **settings):
        return self.run_program(self.built / name, *arguments, env={**self.settings, **settings})

    def assert_sends(self, device, name):
        """It is connected to the hub, and is the device of this name."""
        device.wait_for_output("^reported: accepted$")
        self.assertEqual({m["device"] for m in self.hub.wait_for_messages(1)}, {name})
