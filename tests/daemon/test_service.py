#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""aziotd as a service: socket activation, what it tells its manager, configuration, damaged files."""

import os
import signal
import socket
import subprocess
import time

import harness
from harness import BUILD, Wire, tap


class Activation(harness.DaemonCase):
    starts_daemon = False

    def start_activated(self, listener, name="varlink"):
        """Starts it as systemd would: the listening socket is descriptor 3."""
        self.daemon.write_config()
        self.daemon.state_path.mkdir(0o700)
        self.daemon.runtime_path.mkdir(0o700)
        argv = [str(a) for a in self.daemon.argv()[:-2]]  # without --socket
        fd = listener.fileno()
        return self.run_program(
            "bash", "-c", f'export LISTEN_PID=$$; exec "$@" 3<&{fd} {fd}<&-', "bash", *argv,
            env={"LISTEN_FDS": "1", "LISTEN_FDNAMES": name, "NOTIFY_SOCKET": self.daemon.notify.path},
            pass_fds=[fd])

    def test_clients_that_came_before_the_daemon_are_served(self):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.daemon.socket_path)
            listener.listen(16)
            wires = [self.daemon.connect() for _ in range(3)]
            for i, wire in enumerate(wires):
                wire.send("io.aziotd.telemetry.Send", {"message": {"body": {"n": i}}})
            program = self.start_activated(listener)
            for wire in wires:
                self.assertIn("sequence", wire.receive())
            self.assertEqual(len(self.hub.wait_for_messages(3)), 3)
            self.assertEqual(program.stop(), 0)
            # The socket belongs to its manager: it stays, and the next daemon serves it.
            self.assertTrue(os.path.exists(self.daemon.socket_path))

    def test_a_second_daemon_on_the_same_socket_does_not_start(self):
        self.daemon.start()
        program = self.run_program(*self.daemon.argv()[:-4], "--runtime-dir", self.directory, "--state-dir",
                                   self.directory / "other", "--socket", self.daemon.socket_path)
        self.assertNotEqual(program.wait(), 0)
        self.assertIn(self.daemon.socket_path, program.output())
        self.assertIn("link", self.daemon.status())

    def second_daemon(self, *options):
        """Starts another one that differs by these options, and returns what it said of why it does not run."""
        argv = [*self.daemon.argv()[:3], "--runtime-dir", self.directory, "--socket", self.directory / "second",
                *options]
        program = self.run_program(*argv)
        self.assertEqual(program.wait(), os.EX_TEMPFAIL)
        self.assertFalse((self.directory / "second").exists())
        self.assertIn("link", self.daemon.status())
        return program.output()

    def test_a_second_daemon_in_the_same_state_directory_does_not_start(self):
        self.daemon.start()
        said = self.second_daemon("--state-dir", self.daemon.state_path)
        self.assertIn(str(self.daemon.state_path), said)
        self.assertIn(f"pid {self.daemon.program.pid}", said)

    def test_a_second_daemon_with_the_same_outbox_does_not_start(self):
        self.daemon.config["Outbox"] = {"Directory": self.directory / "elsewhere"}
        self.daemon.start()
        (self.directory / "other").mkdir(0o700)
        said = self.second_daemon("--state-dir", self.directory / "other")
        self.assertIn(str(self.directory / "elsewhere"), said)
        self.assertIn(f"pid {self.daemon.program.pid}", said)

    def test_a_socket_that_is_left_over_is_no_obstacle(self):
        self.daemon.start()
        self.daemon.kill()
        self.assertTrue(os.path.exists(self.daemon.socket_path))
        self.daemon.start()
        self.daemon.wait_online()


class Manager(harness.DaemonCase):
    starts_daemon = False

    def test_it_says_when_it_is_ready_how_the_link_is_and_when_it_stops(self):
        self.daemon.start()
        self.daemon.notify.wait_for("^STATUS=.*online")
        with Wire(self.daemon.socket_path) as wire:
            self.assertIn("link", wire.call("io.aziotd.device.GetStatus"))
        told = len(self.daemon.notify.messages)
        self.hub.stop()
        self.daemon.notify.wait_for("^STATUS=.*refused", since=told)
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.notify.wait_for("^STOPPING=1$")

    def test_it_is_ready_without_the_hub(self):
        self.hub.stop()
        self.daemon.start()
        self.assertEqual(self.daemon.stop(), 0)

    def test_a_stop_in_the_middle_of_connecting_is_clean(self):
        self.hub.stop()
        for i in range(20):
            self.daemon.start()
            time.sleep(i * 0.001)  # another moment of the attempt each time
            self.assertEqual(self.daemon.stop(), 0)

    def test_it_feeds_the_watchdog(self):
        self.daemon.start(env={"WATCHDOG_USEC": "400000"})
        fed = 0
        for _ in range(4):
            fed = self.daemon.notify.wait_for("^WATCHDOG=1$", since=fed)

    def test_both_signals_stop_it_cleanly(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            self.daemon.start()
            self.daemon.wait_online()
            self.assertEqual(self.daemon.stop(number), 0)


class Configuration(harness.DaemonCase):
    starts_daemon = False

    def check(self):
        self.daemon.write_config()
        return subprocess.run([BUILD / "aziotd", "--config", self.daemon.config_path, "--check-config"],
                              env=harness.environment(), capture_output=True, text=True,
                              timeout=harness.TIMEOUT_S, check=False)

    def test_a_valid_configuration_is_said_to_be(self):
        result = self.check()
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("demo", result.stdout)

    def test_an_error_names_file_line_and_key(self):
        self.daemon.config["Outbox"] = {"MaxBytes": "many"}
        result = self.check()
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, rf"^error: {self.daemon.config_path}:7: \[Outbox\] MaxBytes=many: ")

    def test_a_credential_that_is_missing_is_named(self):
        self.daemon.config["Hub"]["ConnectionStringFile"] = self.directory / "no-such-file"
        result = self.check()
        self.assertEqual(result.returncode, 1)
        self.assertIn("no-such-file", result.stderr)

    def test_what_is_wrong_with_a_file_is_told_with_the_key_that_names_it(self):
        hub = self.daemon.config["Hub"]
        nothing = self.directory / "nothing.pem"
        nothing.write_text("")
        by_certificate = {"ConnectionStringFile": None, "Host": "hub.example", "DeviceId": "demo"}
        for keys, line, key, text in (
                ({"ConnectionStringFile": "/missing"}, 2, "ConnectionStringFile", "/missing: No such file"),
                ({"TrustedCAFile": "/missing.pem"}, 3, "TrustedCAFile", "/missing.pem: No such file"),
                ({"TrustedCAFile": nothing}, 3, "TrustedCAFile", "has no certificate"),
                ({**by_certificate, "CertificateFile": nothing}, 5, "CertificateFile", "has no certificate"),
                ({**by_certificate, "CertificateFile": self.hub.ca_file, "PrivateKeyFile": nothing}, 6,
                 "PrivateKeyFile", "nothing.pem"),
                ({"ProxyCredentialFile": nothing}, 6, "ProxyCredentialFile", "user:password")):
            with self.subTest(keys):
                self.daemon.config = {"Hub": {**hub, **keys}}
                if "ProxyCredentialFile" in keys:
                    self.daemon.config = {"Hub": hub, "Network": {"Proxy": "http://proxy.example:3128", **keys}}
                result = self.check()
                self.assertEqual(result.returncode, 1)
                self.assertRegex(result.stderr, rf"(?m)^error: {self.daemon.config_path}:{line}: \[\w+\] {key}=: .*{text}")

    def test_a_file_that_is_missing_is_named(self):
        result = subprocess.run([BUILD / "aziotd", "--config", "/nonexistent/aziotd.conf", "--check-config"],
                                env=harness.environment(), capture_output=True, text=True,
                                timeout=harness.TIMEOUT_S, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("/nonexistent/aziotd.conf", result.stderr)

    def test_a_drop_in_wins(self):
        self.daemon.config["Hub"]["ConnectionStringFile"] = self.directory / "no-such-file"
        drop_ins = self.directory / "aziotd.conf.d"
        drop_ins.mkdir()
        (drop_ins / "50-hub.conf").write_text(f"[Hub]\nConnectionStringFile={self.hub.connection_string_file}\n")
        self.daemon.start()
        self.daemon.wait_online()

    def test_a_wrong_configuration_does_not_start_and_every_mistake_is_named(self):
        self.daemon.config["Outbox"] = {"MaxBytes": "many"}
        self.daemon.config["Acces"] = {"User": "0"}
        self.daemon.write_config()
        program = self.run_program(*self.daemon.argv())
        self.assertEqual(program.wait(), os.EX_CONFIG)
        self.assertRegex(program.output(), rf"{self.daemon.config_path}:7: \[Outbox\] MaxBytes=many: ")
        self.assertRegex(program.output(), rf"{self.daemon.config_path}:8: \[Acces\]: .*Did you mean \[Access\]")

    def test_a_service_manager_is_told_the_first_mistake_and_not_kept_busy(self):
        self.daemon.config["Outbox"] = {"MaxBytes": "many"}
        self.daemon.config["Acces"] = {"User": "0"}
        self.daemon.write_config()
        program = self.run_program(*self.daemon.argv(), env={"NOTIFY_SOCKET": self.daemon.notify.path})
        self.daemon.notify.wait_for(r"STATUS=2 mistakes in the configuration; the first: "
                                    rf"{self.daemon.config_path}:7: \[Outbox\] MaxBytes=many: ")
        self.assertTrue(program.is_running())
        program.send_signal(signal.SIGTERM)
        self.assertEqual(program.wait(timeout_s=4), os.EX_CONFIG)

    def test_keys_that_contradict_each_other_are_told_at_the_start(self):
        self.daemon.config["Outbox"] = {"DrainBurst": 5}
        self.daemon.start()
        self.daemon.program.wait_for_output(rf"{self.daemon.config_path}:7: \[Outbox\] DrainBurst=: .*DrainPerSec")

    def test_a_secret_that_others_can_read_is_warned_of_at_the_start(self):
        self.hub.connection_string_file.chmod(0o604)
        self.daemon.start()
        self.daemon.wait_online()
        self.daemon.program.wait_for_output(r"connection-string: .*others")

    def test_no_secret_is_printed(self):
        key = self.hub.connection_string_file.read_text().split("SharedAccessKey=")[1].split(";")[0].strip()
        self.daemon.config["Log"] = {"Level": "debug"}
        self.daemon.start()
        self.daemon.wait_online()
        self.daemon.send(text="canary-in-a-payload")
        self.daemon.wait_for_empty_outbox()
        self.daemon.stop()
        output = self.daemon.programs()[0].output() + self.check().stdout
        for secret in (key, "SharedAccessSignature", "canary-in-a-payload"):
            self.assertNotIn(secret, output)


class DamagedState(harness.DaemonCase):
    def prepare(self):
        """Messages on disk and the daemon stopped; returns the files of the outbox by size."""
        self.hub.stop()
        self.daemon.wait_for_link("waiting")
        for i in range(20):
            self.daemon.send(body={"n": i})
        self.assertEqual(self.daemon.stop(), 0)
        return {path.name: path for path in (self.daemon.state_path / "outbox").iterdir() if path.is_file()}

    def assert_starts_and_names(self, path):
        self.daemon.start()
        self.daemon.program.wait_for_output(path.name)
        self.hub.start()
        self.daemon.wait_online()
        self.daemon.send(body={"n": 1000})
        self.hub.wait_for_messages(lambda ms: any(m["body"] == {"n": 1000} for m in ms))

    def test_a_segment_that_is_garbage_is_set_aside_and_named(self):
        files = self.prepare()
        segment = min((p for n, p in files.items() if n.startswith("segment-")), key=lambda p: p.name)
        segment.write_bytes(os.urandom(segment.stat().st_size))
        self.assert_starts_and_names(segment)

    def test_a_byte_that_flipped_costs_that_message_alone(self):
        files = self.prepare()
        segment = next(path for path in files.values() if b'{"n": 7}' in path.read_bytes())
        with segment.open("r+b") as f:
            f.seek(segment.read_bytes().index(b'{"n": 7}') + len('{"n": '))
            f.write(b"8")
        self.daemon.start()
        self.hub.start()
        self.daemon.wait_online()
        self.daemon.wait_for_empty_outbox()
        self.daemon.program.wait_for_output(segment.name)
        self.assertEqual([m["body"]["n"] for m in self.hub.messages()], [n for n in range(20) if n != 7])

    def test_a_cursor_that_is_garbage_costs_repeats_at_most(self):
        files = self.prepare()
        cursor = files["cursor"]
        cursor.write_bytes(os.urandom(cursor.stat().st_size))
        self.assert_starts_and_names(cursor)
        numbers = [m["body"]["n"] for m in self.hub.messages()]
        self.assertLessEqual(set(range(20)), set(numbers))

    def test_an_outbox_that_is_gone_is_begun_anew(self):
        for path in self.prepare().values():
            path.unlink()
        self.daemon.start()
        self.hub.start()
        self.daemon.send(body={"n": 0})
        self.hub.wait_for_messages(1)


if __name__ == "__main__":
    tap.main()
