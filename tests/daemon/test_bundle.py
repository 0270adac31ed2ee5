#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""aziot bundle: all parts are there whatever fails, and no secret is in it, nor in the log of the daemon at any level."""

import base64
import io
import json
import re
import resource
import shutil
import signal
import subprocess
import tarfile
import time

import harness
from harness import BUILD, Wire, eventually, tap

# Each place where something secret may be has one of its own, so that a find says where it comes from.
CANARY = "c4n4ry-{}-7261766e"


def canary(place):
    return CANARY.format(place)


class BundleCase(harness.CliCase):
    config = {"Log": {"Level": "debug"}}

    def bundle(self, **env):
        """{name of the file: bytes}"""
        done = subprocess.run([BUILD / "aziot", "--socket", self.daemon.socket_path, "bundle", "-"],
                              capture_output=True, env=harness.environment(**env), timeout=4 * harness.TIMEOUT_S,
                              check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        with tarfile.open(fileobj=io.BytesIO(done.stdout), mode="r:gz") as archive:
            files = {m.name.partition("/")[2]: archive.extractfile(m).read() for m in archive if m.isfile()}
            self.assertEqual(len({m.name.partition("/")[0] for m in archive}), 1)
        return files


class Parts(BundleCase):
    PARTS = {"README", "version.txt", "daemon.json", "status.txt", "why.txt", "check.txt", "history.txt",
             "config.json", "access.txt", "log-level.txt", "metrics.txt", "packages.txt", "os.txt", "kernel.txt", "uptime.txt",
             "time.txt", "units.txt", "state.txt", "disk.txt", "journal.txt"}

    def test_every_part_is_there(self):
        files = self.bundle()
        self.assertEqual(set(files), self.PARTS)
        self.assertIn(b"online since", files["status.txt"])
        self.assertIn(b"aziotd_link_up 1", files["metrics.txt"])
        self.assertIn(b"aziotd contributors", files["daemon.json"])
        self.assertIn("Level", [row["key"] for row in json.loads(files["config.json"])["settings"]])
        for name in ("version", "status", "why", "check", "history", "access", "log-level", "metrics"):
            self.assertNotIn(b"[exit code", files[name + ".txt"], name)

    def test_what_fails_says_so_and_the_rest_is_there(self):
        self.daemon.stop()
        files = self.bundle()
        self.assertEqual(set(files), self.PARTS)
        self.assertIn(b"[exit code 1]", files["status.txt"])
        self.assertIn(b"Linux", files["kernel.txt"])
        self.assertNotIn(b"[", files["kernel.txt"])

        tools = self.directory / "tools"
        tools.mkdir()
        for name in ("timeout", "tar", "gzip", "rm"):
            (tools / name).symlink_to(shutil.which(name))
        files = self.bundle(PATH=str(tools))
        self.assertEqual(set(files), self.PARTS)
        self.assertRegex(files["kernel.txt"], rb"No such file or directory\n\[exit code 127\]")

    def test_who_interrupts_it_finds_nothing_left_behind(self):
        tools, temporary = self.directory / "tools", self.directory / "temporary"
        temporary.mkdir()
        tools.mkdir()
        (tools / "uname").write_text("#!/bin/sh\nread _ _ _ parent _ </proc/$PPID/stat\nkill -INT $parent\n")
        (tools / "uname").chmod(0o755)
        done = subprocess.run([BUILD / "aziot", "--socket", self.daemon.socket_path, "bundle", self.directory / "x.tar.gz"],
                              capture_output=True, timeout=4 * harness.TIMEOUT_S, check=False, env=harness.environment(
                                  TMPDIR=str(temporary), PATH=f"{tools}:/usr/bin:/bin"))
        self.assertEqual(done.returncode, -signal.SIGINT)
        self.assertEqual(list(temporary.iterdir()), [])
        self.assertFalse((self.directory / "x.tar.gz").exists())

    def test_the_file_is_for_its_owner_alone_and_named_by_itself(self):
        done = subprocess.run([BUILD / "aziot", "--socket", self.daemon.socket_path, "bundle"], cwd=self.directory,
                              capture_output=True, env=harness.environment(TMPDIR=str(self.directory)),
                              timeout=4 * harness.TIMEOUT_S, check=True, text=True)
        self.assertRegex(done.stdout, r"^aziotd-bundle-.*-\d{8}T\d{6}Z\.tar\.gz\n$")
        path = self.directory / done.stdout.strip()
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertEqual([p.name for p in self.directory.glob("aziot-*")], [])
        self.assertEqual(self.aziot("bundle", path)[0], f"{path}\n")
        self.assertIn("Cannot write", self.aziot("bundle", "/nonexistent/x.tar.gz", code=1)[1])
        path.chmod(0o644)
        self.aziot("bundle", path)
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)

    def test_what_is_no_file_stays_what_it_is(self):
        link = self.directory / "link.tar.gz"
        link.symlink_to(self.directory / "other")
        self.assertIn("File exists", self.aziot("bundle", link, code=1)[1])
        self.assertTrue(link.is_symlink())
        self.assertFalse(link.exists())

    def test_a_disk_that_is_full_is_told(self):
        def forbid_writing():
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

        done = subprocess.run([BUILD / "aziot", "--socket", self.daemon.socket_path, "bundle", "-"], capture_output=True,
                              env=harness.environment(), timeout=4 * harness.TIMEOUT_S, check=False, text=True,
                              preexec_fn=forbid_writing, restore_signals=False)  # SIGXFSZ stays ignored
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("Cannot collect anything in", done.stderr)


class Secrets(BundleCase):
    def look(self, *secrets):
        """Neither the bundle nor what the daemon has logged holds one of them."""
        files = {**self.bundle(CANARY=canary("cli-environment")),
                 "log": "\n".join(p.output() for p in self.daemon.programs()).encode()}
        text = b"\n".join(files.values()).lower()
        self.assertEqual(set(re.findall(rb"c4n4ry-[a-z0-9-]+?-7261766e", text)), set())
        for secret in (*secrets, "SharedAccessSignature", "sig="):
            for form in (secret.encode(), base64.b64encode(secret.encode()).rstrip(b"=")):
                for name, content in files.items():
                    self.assertNotIn(form.lower(), content.lower(), name)
        return files

    def key(self):
        return re.search("SharedAccessKey=(.*)", self.hub.connection_string_file.read_text())[1]

    def exchange_everything(self):
        self.daemon.call("io.aziotd.telemetry.Send", {"stage": "delivered", "message": {
            "body": {canary("body-name"): canary("body")}, "properties": {canary("property-name"): canary("property")}}})
        self.daemon.call("io.aziotd.twin.Report", {"patch": {"reported": canary("reported")}})
        self.hub.call("UpdateDesired", {"device": "demo", "patch": {"desired": canary("desired")}})
        self.hub.call("SendMessage", {"device": "demo", "body": canary("c2d"), "properties": {"p": canary("c2d-property")}})
        with Wire(self.daemon.socket_path, harness.TIMEOUT_S) as wire, \
                Wire(self.hub.socket_path, harness.TIMEOUT_S) as cloud:
            wire.send("io.aziotd.methods.Take", {"names": ["m"]})
            eventually(lambda: self.daemon.call("io.aziotd.methods.List")["names"], "served")
            cloud.send("io.aziotd.hubsim.Invoke", {"device": "demo", "method": "m", "timeoutSeconds": 30,
                                                   "payload": json.dumps({"p": canary("call")})})
            call = wire.receive()["call"]
            self.assertIn(canary("call"), str(call))
            wire.call("io.aziotd.methods.Settle", {"id": call["id"], "status": 200, "payload": {"p": canary("answer")}})
            self.assertIn(canary("answer"), str(cloud.receive()))
        self.daemon.wait_for_status(lambda s: s["inbox"]["messages"] == 1, "stored")

    def test_payloads_and_the_environment(self):
        self.daemon.stop()
        self.daemon.start(env={"CANARY": canary("daemon-environment")})
        self.daemon.wait_online()
        self.exchange_everything()
        files = self.look(self.key())
        self.assertIn(b"Link: ", files["log"])  # it was told to log everything

        # Refused and malformed calls are logged, too.
        for method, parameters in (("io.aziotd.telemetry.Send", {"message": {canary("field"): 1}}),
                                   ("io.aziotd.twin.Report", {"patch": {"$x": canary("bad-patch")}})):
            with self.assertRaises(harness.VarlinkError):
                self.daemon.call(method, parameters)
        with self.daemon.connect() as wire:
            wire.socket.sendall(b'{"method":"' + canary("malformed").encode() + b'\0')
        with self.hub.gone():
            self.daemon.send(text=canary("waiting"), ttlSeconds=1)
            time.sleep(1.1)  # what expires is found out when it is to be sent
        self.daemon.wait_for_status(lambda s: s["outbox"]["dropped"]["expired"] == 1, "expired")
        self.look(self.key())

    def test_a_key_that_the_hub_refuses(self):
        self.daemon.stop()
        secret = base64.b64encode(canary("key").encode()).decode()
        file = self.directory / "connection-string"
        file.write_text(re.sub("SharedAccessKey=.*", f"SharedAccessKey={secret}", self.hub.connection_string_file.read_text()))
        self.daemon.config["Hub"]["ConnectionStringFile"] = file
        self.daemon.start()
        self.daemon.wait_for_status(lambda s: "lastError" in s["link"], "refused")
        self.look(secret)

        file.write_text(f"HostName=x;DeviceId=y;SharedAccessKey=?{canary('broken')};{canary('unknown')}=1\n")
        self.daemon.call("io.aziotd.device.Reconnect")
        eventually(lambda: "connection-string" in self.daemon.program.output(), "told of the file")
        self.look(secret)

    def test_the_password_of_a_proxy(self):
        self.daemon.stop()
        password = self.directory / "proxy-password"
        password.write_text(f"{canary('proxy-user')}:{canary('proxy-password')}\n")
        password.chmod(0o600)
        self.daemon.config["Network"].update({"Proxy": "http://127.0.0.1:9", "ProxyCredentialFile": password})
        self.daemon.start()
        self.daemon.wait_for_status(lambda s: "lastError" in s["link"], "no proxy")
        self.look(self.key(), canary("proxy-password"))

        self.daemon.stop()
        self.daemon.config["Network"]["Proxy"] = f"http://u:{canary('inline')}@127.0.0.1:9"
        self.daemon.write_config()
        checked = subprocess.run([BUILD / "aziotd", "--check-config", "--config", self.daemon.config_path],
                                 capture_output=True, env=harness.environment(), timeout=harness.TIMEOUT_S, check=False)
        self.assertNotEqual(checked.returncode, 0)
        self.assertNotIn(canary("inline").encode(), checked.stdout + checked.stderr)


if __name__ == "__main__":
    tap.main()
