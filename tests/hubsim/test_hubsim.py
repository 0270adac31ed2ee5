# SPDX-License-Identifier: MIT
"""aziot-hubsim by itself: what it must refuse as IoT Hub does, what it must keep, and the faults it can show."""

import contextlib
import json
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import device as mqtt
from device import Closed, publish, subscribe
from hub import ENVIRONMENT, METHODS, PROGRAM, Background, HubCase, loopback_addresses, enforces
import tap  # hub knows where it is


class Refusals(HubCase):
    @enforces(1, 3, 15, 40)
    def test_connect_is_refused_with_its_code(self):
        line = self.add_device()
        host = mqtt.parse_connection_string(line)["HostName"]
        rows = [
            ({"level": 5}, 1), ({"level": 3}, 1), ({"client_id": ""}, 2), ({"client_id": "other"}, 2),
            ({"user_name": "admin"}, 4), ({"user_name": f"other.host/{self.name}/?api-version=2021-04-12"}, 5),
            ({"password": "secret"}, 5), ({"lifetime_s": -1}, 5),
            ({"will": ("devices/other/messages/events/", "x")}, 5),
            ({"will": (f"devices/{self.name}/messages/events/", "x"), "will_flags": 0x10}, 5),
            ({"user_name": f"{host}/{self.name}/?api-version=1999-01-01"}, 5),
        ]
        for options, code in rows:
            with self.subTest(**options), self.open(line) as d:
                self.assertEqual(d.connect(**options), (False, code))
                d.wait_for_close()

    @enforces(2, 3, 40)
    def test_who_may_not_connect_is_told_why_in_the_log(self):
        line = self.add_device()
        fields = mqtt.parse_connection_string(line)
        self.assertEqual(self.open(line.replace(self.name, "stranger")).connect(), (False, 5))
        self.eventually(lambda: any("stranger: 404001 " in error for error in self.hub.errors))
        wrong = line.replace(fields["SharedAccessKey"], "A" * 43 + "=")
        self.assertEqual(self.open(wrong).connect(), (False, 5))
        self.wait_for_log("401003 ")
        self.hub.stop()
        devices = self.hub.state / "devices.json"
        document = json.loads(devices.read_text())
        next(d for d in document["devices"] if d["deviceId"] == self.name)["enabled"] = False
        devices.write_text(json.dumps(document))
        self.hub.start()
        self.assertEqual(self.open(line).connect(), (False, 5))
        self.wait_for_log("403012 ")

    @enforces(3)
    def test_the_policy_may_connect_any_device(self):
        line = self.add_device()
        fields = mqtt.parse_connection_string(line)
        policy = json.loads((self.hub.state / "devices.json").read_text())["policy"]
        for key in [policy["primaryKey"], policy["secondaryKey"]]:
            for resource in [fields["HostName"], f"{fields['HostName']}/devices/{self.name}"]:
                token = mqtt.sas_token(resource, key, int(time.time()) + 60)
                for suffix, code in [("&skn=device", 0), ("", 5), ("&skn=service", 5)]:
                    self.assertEqual(self.open(line).connect(password=token + suffix)[1], code)

    @enforces(10, 12, 13, 22, 40)
    def test_what_breaks_a_rule_ends_its_connection_alone(self):
        bystander = self.open_connected()
        name = self.name
        line = self.hub.command("device", "add", "rulebreaker").stdout
        events = "devices/rulebreaker/messages/events/"
        rows = {
            "QoS 2": publish(events, qos=2),
            "another device's topic": publish(f"devices/{name}/messages/events/"),
            "an unknown topic": publish("weather"),
            "no slash behind events": publish("devices/rulebreaker/messages/events"),
            "a bad percent code": publish(events + "a=%zz"),
            "an unescaped space": publish(events + "a=b c"),
            "a message of 256 KiB and a byte": publish(events, b" " * (256 * 1024 + 1)),
            "a body of 256 KiB and a property": publish(events + "a=b", b" " * (256 * 1024)),
            "a packet that is too long": b"\x30\xff\xff\xff\x7f",
            "a foreign filter": subscribe("devices/other/messages/devicebound/#"),
            "a filter of everything": subscribe("#"),
            "a second CONNECT": mqtt.packet(0x10, mqtt.text("MQTT") + b"\4\2\0\0" + mqtt.text("rulebreaker")),
            "an answer that is not JSON": publish("$iothub/methods/res/200/?$rid=1", b"{", qos=0),
            "garbage": bytes(range(256)),
            "PINGREQ with a flag": b"\xc1\0",
            "PUBREL": b"\x62\2\0\1",
        }
        for what, data in rows.items():
            with self.subTest(what), self.open_connected(line) as d:
                with self.assertRaises(Closed):
                    d.send(data)
                    d.receive()
        bystander.telemetry()

    @enforces(8, 9)
    def test_a_sixth_subscription_ends_the_connection(self):
        d = self.open_connected()
        filters = [METHODS, "$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#",
                   "$iothub/credentials/res/#", f"devices/{d.id}/messages/devicebound/#"]
        self.assertEqual(d.subscribe(*filters, qos=2), [1] * 5)
        self.assertEqual(d.subscribe(METHODS), [0])
        with self.assertRaises(Closed):
            d.subscribe("devices/+/messages/devicebound/#")

    @enforces(40)
    def test_a_client_id_does_not_make_lines_of_its_own(self):
        self.assertNotEqual(self.open().connect(client_id="x\naziot-hubsim: forged: 401003 closed\x1b[2J")[1], 0)
        self.eventually(lambda: any("CONNECT refused" in line and "forged" in line for line in self.hub.errors))
        self.assertFalse([line for line in self.hub.errors if line.startswith("aziot-hubsim: forged") or "\x1b" in line])

    def test_what_comes_before_connect_ends_the_connection(self):
        line = self.add_device()
        for what, data in {"PUBLISH": publish("t"), "PINGREQ": b"\xc0\0", "HTTP": b"GET / HTTP/1.1\r\n\r\n"}.items():
            with self.subTest(what), self.open(line) as d:
                d.send(data)
                d.wait_for_close()

    def test_what_is_not_tls_ends_the_connection(self):
        fields = mqtt.parse_connection_string(self.add_device())
        port = fields["HostName"].split(":")[1]
        for address in loopback_addresses():
            with self.subTest(address), socket.create_connection((address, port), mqtt.TIMEOUT_S) as s:
                s.sendall(b"GET / HTTP/1.1\r\n\r\n")
                with contextlib.suppress(ConnectionResetError):
                    while s.recv(4096):
                        pass

    def test_tls_1_1_is_refused(self):
        line = self.add_device()
        context = ssl.create_default_context(cafile=str(self.hub.state / "ca.pem"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        name, port = mqtt.parse_connection_string(line)["HostName"].split(":")
        with socket.create_connection((name, int(port)), mqtt.TIMEOUT_S) as s, self.assertRaises(ssl.SSLError):
            context.wrap_socket(s, server_hostname=name)


class Connections(HubCase):
    @enforces(17)
    def test_a_silent_client_is_closed_after_one_and_a_half_keep_alives(self):
        d = self.open_connected(keep_alive_s=1)
        started = time.monotonic()
        d.wait_for_close()
        self.assertGreater(time.monotonic() - started, 1.4)

    @enforces(17)
    def test_bytes_that_are_no_packet_do_not_keep_the_connection(self):
        """Nor does a CONNECT that goes on for ever."""
        d = self.open_connected(keep_alive_s=1)
        for byte in publish(f"devices/{d.id}/messages/events/", "x" * 100):
            try:
                d.send(bytes([byte]))
            except Closed:
                break
            time.sleep(0.1)
        d.wait_for_close()
        self.wait_for_log("404104 closed: silent for 1.5 x its keep-alive")
        self.assertEqual(self.arrived(), [])

    def test_a_ping_is_answered_and_keeps_the_connection(self):
        d = self.open_connected(keep_alive_s=2)
        for _ in range(3):
            time.sleep(1.2)
            d.send(b"\xc0\0")
            d.receive(mqtt.PINGRESP)

    @enforces(7, 40)
    def test_an_expired_token_ends_the_connection(self):
        d = self.open_connected(lifetime_s=2)
        d.telemetry()
        d.wait_for_close()
        self.eventually(lambda: any(f"{self.name}: 401003" in line for line in self.hub.errors))

    @enforces(6)
    def test_the_newer_of_two_connections_stays(self):
        line = self.add_device()
        first, second = self.open_connected(line), self.open_connected(line)
        first.wait_for_close()
        second.telemetry()

    @enforces(18)
    def test_a_session_is_kept_unless_clean(self):
        line = self.add_device()
        with self.open(line) as d:
            self.assertEqual(d.connect(clean=False), (False, 0))
            self.assertEqual(d.subscribe(METHODS), [0])
        with self.open(line) as d:
            self.assertEqual(d.connect(clean=False), (True, 0))
            call = self.hub.invoke(self.name, "ping", "1")
            name, request_id, payload = d.receive_call()
            self.assertEqual((name, payload), ("ping", b"1"))
            d.answer_call(request_id, 201, "2")
            self.assertEqual(json.loads(call.result().stdout), {"status": 201, "payload": 2})
        with self.open(line) as d:
            self.assertEqual(d.connect(clean=True), (False, 0))
            self.assertIn("404103", self.hub.command("invoke", self.name, "ping").stderr)
        with self.open(line) as d:
            self.assertEqual(d.connect(clean=False), (False, 0))

    def test_a_filter_that_was_given_back_is_not_served(self):
        d = self.open_connected()
        d.subscribe(METHODS)
        d.send(mqtt.packet(mqtt.UNSUBSCRIBE << 4 | 2, b"\0\7" + mqtt.text(METHODS)))
        self.assertEqual(d.receive(mqtt.UNSUBACK), b"\0\7")
        self.assertIn("404103", self.hub.command("invoke", self.name, "ping").stderr)

    @enforces(16)
    def test_a_will_is_published_when_the_connection_is_lost(self):
        line = self.add_device()
        will = (f"devices/{self.name}/messages/events/a=b", '"gone"')
        with self.open_connected(line, will=will) as d:
            d.send(b"\xe0\0")
            d.wait_for_close()
        self.assertEqual(self.arrived(), [])
        self.open_connected(line, will=will).close()
        self.eventually(self.arrived)
        self.assertEqual(self.arrived()[0]["body"], "gone")
        self.assertEqual(self.arrived()[0]["properties"], {"a": "b", "iothub-MessageType": "Will"})

    def test_hundreds_of_connections_are_served(self):
        lines = [self.hub.control("AddDevice", device=f"crowd-{i}")[1]["connectionString"] for i in range(200)]
        crowd = [self.open_connected(line) for line in lines]
        for d in crowd:
            d.telemetry()


class Telemetry(HubCase):
    def test_a_message_is_in_the_log_before_its_puback(self):
        d = self.open_connected()
        for i in range(20):
            d.telemetry(str(i), packet_id=i + 1)
            self.assertEqual(self.arrived()[-1]["body"], i)

    def test_messages_that_come_together_are_acknowledged_in_order(self):
        d = self.open_connected()
        topic = f"devices/{d.id}/messages/events/"
        d.send(b"".join(publish(topic, str(i), packet_id=i) for i in range(1, 2001)))
        acknowledged = [int.from_bytes(d.receive(mqtt.PUBACK), "big") for _ in range(2000)]
        self.assertEqual(acknowledged, list(range(1, 2001)))
        self.assertEqual([line["body"] for line in self.arrived()], acknowledged)

    def test_a_body_is_kept_byte_for_byte(self):
        d = self.open_connected()
        bodies = ['{"n":9007199254740993,"x":1.10}', ' [1e400 , "\\u0000"] ', "21.50", '"ü"', "[" * 28 + "]" * 28]
        others = {"not json": "bm90IGpzb24=", "": "", '{\n"a":1}': "ewoiYSI6MX0=", '{"a":1': "eyJhIjox",
                  "[" * 30 + "]" * 30: "W1tb" * 10 + "XV1d" * 10}
        for body in [*bodies, *others]:
            d.telemetry(body)
        lines = (self.hub.state / "telemetry.jsonl").read_text().splitlines()
        lines = [line for line in lines if f'"device":"{d.id}"' in line]
        for line, body in zip(lines, bodies):
            self.assertTrue(line.endswith(f'"body":{body}}}'), line)
        self.assertEqual([line.get("data") for line in self.arrived()[len(bodies):]], list(others.values()))
        shown = self.hub.command("log", "--json", "--device", d.id).stdout.splitlines()
        self.assertEqual(shown, lines)
        self.assertEqual(len(self.hub.command("log", "--device", d.id).stdout.splitlines()), len(lines))

    @enforces(11, 14)
    def test_properties_are_decoded(self):
        d = self.open_connected()
        d.telemetry(properties="%24.mid=m%2F1&$.ct=text%2Fplain&a=1&b=%22%C3%BC%01&a=2&?c=")
        d.send(publish(f"devices/{d.id}/messages/events/", qos=0, flags=1))
        d.telemetry()
        first, second = self.arrived()[:2]
        self.assertEqual(first["system"], {"message-id": "m/1", "content-type": "text/plain"})
        self.assertEqual(first["properties"], {"a": "2", "b": '"ü\x01', "?c": ""})
        self.assertEqual((second["qos"], second["properties"]), (0, {"mqtt-retain": "true"}))

    def test_the_largest_message_is_taken(self):
        d = self.open_connected()
        d.telemetry(b'"' + b"x" * (256 * 1024 - 2) + b'"')
        self.assertEqual(len(self.hub.control("Log", device=d.id)[1]["messages"]), 1)

    def test_the_log_is_read_in_pages(self):
        d = self.open_connected()
        for i in range(5):
            d.telemetry(json.dumps({"i": i, "pad": "x" * 100_000}))
        messages, since = [], 1
        while True:
            reply = self.hub.control("Log", device=d.id, since=since)[1]
            if not reply["messages"]:
                break
            self.assertLessEqual(len(reply["messages"]), 2)
            messages += reply["messages"]
            since = reply["next"]
        self.assertEqual([m["body"]["i"] for m in messages], list(range(5)))
        last = self.hub.command("log", "--json", "--since", str(messages[-1]["number"])).stdout
        self.assertEqual(json.loads(last)["body"]["i"], 4)

    def test_a_monitor_is_told_of_each_message(self):
        d = self.open_connected()
        monitor = subprocess.Popen([PROGRAM, "monitor", "--device", d.id, "--state-dir", self.hub.state],
                                   env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
        self.addCleanup(monitor.stdout.close)
        self.addCleanup(monitor.wait)
        self.addCleanup(monitor.kill)
        reader = Background(monitor.stdout.readline)
        while reader.thread.is_alive():
            d.telemetry('{"t":21.50}', "a=b")
            time.sleep(0.05)
        self.assertRegex(reader.result(), rf'^\S+Z #\d+ {d.id} {{"t":21.50}} properties={{"a":"b"}}$')


class Methods(HubCase):
    @enforces(22)
    def test_each_answer_goes_to_its_caller(self):
        d = self.open_connected()
        d.subscribe(METHODS)
        calls = [self.hub.invoke(self.name, "echo", str(i)) for i in range(5)]
        requests = [d.receive_call() for _ in calls]
        self.assertEqual(len({request_id for _, request_id, _ in requests}), 5)
        d.answer_call("unknown", 200, "0")
        for _, request_id, payload in reversed(requests):
            d.answer_call(request_id, 200, payload.decode())
        for i, call in enumerate(calls):
            self.assertEqual(json.loads(call.result().stdout), {"status": 200, "payload": i})

    @enforces(21)
    def test_a_call_waits_for_the_device_to_subscribe(self):
        line = self.add_device()
        call = self.hub.invoke(self.name, "wake", "--connect-timeout", "30")
        d = self.open_connected(line)
        d.subscribe(METHODS)
        d.answer_call(d.receive_call()[1])
        self.assertEqual(json.loads(call.result().stdout), {"status": 200, "payload": None})

    def test_a_call_ends_with_the_connection_that_took_it(self):
        d = self.open_connected()
        d.subscribe(METHODS)
        call = self.hub.invoke(self.name, "hang")
        d.receive_call()
        self.assertEqual(self.hub.control("Kick", device=self.name), (None, {"wasConnected": True}))
        self.assertIn("404104", call.result().stderr)
        self.assertEqual(call.result().returncode, 1)

    @enforces(21)
    def test_a_call_is_refused_for_what_it_is(self):
        self.add_device()
        for parameters, error in [
            ({"device": "nobody", "method": "m"}, "ServiceError"),
            ({"device": self.name, "method": "m", "payload": "{"}, "InvalidParameter"),
            ({"device": self.name, "method": "m", "payload": '"' + "x" * 131072 + '"'}, "ServiceError"),
            ({"device": self.name, "method": "m", "timeoutSeconds": 0}, "InvalidParameter"),
        ]:
            with self.subTest(error=error, n_parameters=len(parameters)):
                self.assertEqual(self.hub.control("Invoke", **parameters)[0].split(".")[-1], error)


class Restart(HubCase):
    def test_devices_and_numbers_survive_a_kill(self):
        line = self.add_device()
        d = self.open_connected(line)
        d.telemetry("1")
        d.telemetry("2")
        self.hub.stop(signal.SIGKILL)
        with (self.hub.state / "telemetry.jsonl").open("a") as journal:
            journal.write('{"number":99,"time":"torn')
        self.hub.start()
        self.open_connected(line).telemetry("3")
        self.assertEqual([m["body"] for m in self.arrived()], [1, 2, 3])
        numbers = [m["number"] for m in self.arrived()]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + 3)))

    def test_a_second_hub_does_not_use_the_same_directory(self):
        second = subprocess.run([PROGRAM, "run", "--state-dir", self.hub.state, "--listen", "127.0.0.1:0"],
                                env=ENVIRONMENT, text=True, capture_output=True, timeout=60)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another aziot-hubsim runs in", second.stderr)

    def test_a_damaged_registry_is_named_and_not_overwritten(self):
        with tempfile.TemporaryDirectory() as state:
            path = Path(state) / "devices.json"
            for damage in ["", "{", '{"devices":[{"deviceId":"a"}]}', '{"devices":[]} x', '{"devices":{}}']:
                with self.subTest(damage):
                    path.write_text(damage)
                    run = subprocess.run([PROGRAM, "run", "--state-dir", state, "--listen", "127.0.0.1:0"],
                                         env=ENVIRONMENT, text=True, capture_output=True, timeout=60)
                    self.assertEqual(run.returncode, 1)
                    self.assertIn("devices.json", run.stderr)
                    self.assertEqual(path.read_text(), damage)

    def test_readiness_is_told_to_systemd(self):
        with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.settimeout(mqtt.TIMEOUT_S)
            notify.bind(directory + "/notify")
            listen = "[::1]:0" if "::1" in loopback_addresses() else "127.0.0.1:0"
            hub = subprocess.Popen(
                [PROGRAM, "run", "--state-dir", directory + "/state", "--listen", listen, "--host", "hub.test",
                 "--device", "first", "--device", "second"],
                env={**ENVIRONMENT, "NOTIFY_SOCKET": directory + "/notify"}, stdout=subprocess.DEVNULL)
            self.assertEqual(notify.recv(100), b"READY=1")
            fields = mqtt.parse_connection_string(Path(directory + "/state/connection-string").read_text())
            self.assertEqual(fields["DeviceId"], "first")
            self.assertEqual(fields["HostName"].split(":")[0], "hub.test")
            hub.terminate()
            self.assertEqual(hub.wait(30), 0)


if __name__ == "__main__":
    tap.main()
