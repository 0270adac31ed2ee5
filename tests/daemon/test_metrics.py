#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""aziot metrics: what it counts, and that strangers' parsers take it.

With --write the list in docs/operations.md is written anew.
"""

import json
import os
import re
import sys
import time
from pathlib import Path

import harness
from harness import Wire, eventually, tap

sys.path.append("/usr/lib/python3/dist-packages")  # of Debian, whichever python this is
from prometheus_client import parser as prometheus  # noqa: E402
from prometheus_client.openmetrics import parser as openmetrics  # noqa: E402

WRITE = "--write" in sys.argv

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/operations.md"
LIST = re.compile(r"(?<=<!-- The metrics begin; tests/daemon/test_metrics.py --write writes this part. -->\n).*?"
                  r"(?=<!-- The metrics end. -->)", re.DOTALL)


def samples_of(families):
    """{(name, labels as sorted pairs): value}"""
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


class MetricsCase(harness.CliCase):
    def families(self):
        return list(openmetrics.text_string_to_metric_families(self.aziot("metrics")[0]))

    def value(self, name, **labels):
        return samples_of(self.families()).get((name, tuple(sorted(labels.items()))))

    def wait_for(self, name, expected, **labels):
        eventually(lambda: self.value(name, **labels) == expected, f"{name}{labels} {expected}")


class Format(MetricsCase):
    def test_a_strict_parser_takes_every_family(self):
        families = self.families()
        self.assertGreater(len(families), 45)
        told = self.daemon.call("io.aziotd.device.GetMetrics")["metrics"]
        self.assertEqual([f.name for f in families], [m["name"] for m in told])
        for family, metric in zip(families, told):
            with self.subTest(family.name):
                self.assertEqual((family.type, family.unit, family.documentation),
                                 (metric["kind"], metric.get("unit", ""), metric["help"]))
                self.assertEqual(len(family.samples), len(metric["samples"]))
                self.assertRegex(family.name, "^(aziotd|process)_")

    def test_prometheus_text_format_has_the_same_values_and_a_type_for_each(self):
        text = self.aziot("metrics", "--format=prometheus")[0]
        self.assertNotIn("# EOF", text)
        families = list(prometheus.text_string_to_metric_families(text))
        self.assertEqual({f.name for f in families if f.type == "unknown"}, set())
        self.assertEqual(samples_of(families).keys(), {
            (name.replace("process_", "aziotd_process_"), labels) for name, labels in samples_of(self.families())})
        # Of node_exporter: "unknown metric type" for what it does not have.
        self.assertLessEqual(set(re.findall(r"(?m)^# TYPE \S+ (\S+)$", text)), {"counter", "gauge", "histogram"})

    def test_json_is_the_reply_of_the_daemon(self):
        out = self.aziot("metrics", "--json")[0]
        self.assertEqual(len(out.splitlines()), 1)
        self.assertEqual({m["name"] for m in json.loads(out)["metrics"]}, {f.name for f in self.families()})

    def test_a_file_is_replaced_as_a_whole(self):
        path = self.directory / "aziotd.prom"
        path.write_text("old")
        self.assertEqual(self.aziot("metrics", "--output", path), ("", ""))
        self.assertTrue(path.read_text().endswith("# EOF\n"))
        self.assertEqual(path.stat().st_mode & 0o777, 0o644)
        self.assertEqual([p.name for p in self.directory.iterdir() if p.name.startswith("aziotd.prom")], ["aziotd.prom"])

        self.assertIn("No such file", self.aziot("metrics", "--output", "/nonexistent/x.prom", code=1)[1])
        link = self.directory / "link.prom"
        link.symlink_to("/dev/null")
        for other in link, self.directory:  # as /dev/stdout is
            self.assertIn("File exists", self.aziot("metrics", "--output", other, code=1)[1])
        self.assertTrue(link.is_symlink())
        self.daemon.stop()
        self.aziot("metrics", "--output", path, code=1)
        self.assertTrue(path.read_text().endswith("# EOF\n"))

    def test_a_wrong_format_is_told(self):
        self.assertIn("not 'xml'", self.aziot("metrics", "--format", "xml", code=2)[1])

    def test_they_are_listed_in_the_document(self):
        if WRITE:
            text = f"\n{listing(self.families())}\n\n"
            DOCUMENT.write_text(LIST.sub(lambda _: text, DOCUMENT.read_text()))
        self.assertEqual(LIST.search(DOCUMENT.read_text())[0].strip(), listing(self.families()))


class Values(MetricsCase):
    def test_link(self):
        self.assertEqual(self.value("aziotd_link_up"), 1)
        self.assertEqual(self.value("aziotd_link_state", aziotd_link_state="online"), 1)
        self.assertEqual(self.value("aziotd_link_state", aziotd_link_state="waiting"), 0)
        self.assertEqual(self.value("aziotd_link_connects_total"), 1)
        self.assertGreater(self.value("aziotd_token_expiry_timestamp_seconds"), time.time() + 600)
        self.assertGreater(self.value("aziotd_certificate_expiry_timestamp_seconds", certificate="server"), time.time())
        self.assertIsNone(self.value("aziotd_certificate_expiry_timestamp_seconds", certificate="device"))
        sent, received = (self.value(f"aziotd_link_{way}_bytes_total") for way in ("sent", "received"))
        self.daemon.call("io.aziotd.telemetry.Send", {"message": {"text": 30000 * "x"}, "stage": "delivered"})
        self.assertTrue(30000 < self.value("aziotd_link_sent_bytes_total") - sent < 32000)
        self.assertTrue(0 < self.value("aziotd_link_received_bytes_total") - received < 1000)
        self.assertTrue(500 < received < 20000)  # of the handshake
        online = self.value("aziotd_link_online_seconds_total")
        self.assertGreater(self.value("aziotd_link_online_seconds_total"), online)

        self.daemon.call("io.aziotd.device.Reconnect")
        self.wait_for("aziotd_link_renewals_total", 1)
        self.assertGreater(self.value("aziotd_link_sent_bytes_total"), 30000 + sent)
        self.hub.stop()
        self.wait_for("aziotd_link_up", 0)
        self.assertEqual(sum(v for (name, _), v in samples_of(self.families()).items()
                             if name == "aziotd_link_losses_total"), 1)
        eventually(lambda: self.value("aziotd_link_failures_total", problem="tcp-refused"), "a failure")
        self.assertIsNone(self.value("aziotd_certificate_expiry_timestamp_seconds", certificate="server"))
        online = self.value("aziotd_link_online_seconds_total")
        self.assertEqual(self.value("aziotd_link_online_seconds_total"), online)
        self.hub.start()
        self.daemon.call("io.aziotd.device.Reconnect")
        self.wait_for("aziotd_link_connects_total", 2)

    def test_configuration(self):
        self.assertEqual(self.value("aziotd_config_last_reload_successful"), 1)
        loaded = self.value("aziotd_config_last_reload_success_timestamp_seconds")
        self.daemon.config["Log"] = {"Level": "loud"}
        self.daemon.write_config()
        with self.assertRaisesRegex(harness.VarlinkError, "ConfigInvalid"):
            self.daemon.call("io.aziotd.device.Reload")
        self.assertEqual(self.value("aziotd_config_last_reload_successful"), 0)
        self.assertEqual(self.value("aziotd_config_reloads_total", result="refused"), 1)
        self.assertLess(abs(self.value("aziotd_config_last_reload_success_timestamp_seconds") - loaded), 0.1)
        self.daemon.config["Log"] = {"Level": "notice"}
        self.daemon.write_config()
        self.daemon.call("io.aziotd.device.Reload")
        self.assertEqual(self.value("aziotd_config_last_reload_successful"), 1)
        self.assertEqual(self.value("aziotd_config_reloads_total", result="taken"), 1)
        self.assertGreater(self.value("aziotd_config_last_reload_success_timestamp_seconds"), loaded)

    def test_messages(self):
        self.daemon.call("io.aziotd.telemetry.Send", {"message": {"text": "x"}, "stage": "durable"})
        self.daemon.call("io.aziotd.telemetry.Send", {"message": {"text": "x"}, "priority": "high", "stage": "delivered"})
        self.wait_for("aziotd_messages_delivered_total", 1, priority="normal")
        self.assertEqual(self.value("aziotd_messages_accepted_total", priority="normal"), 1)
        self.assertEqual(self.value("aziotd_messages_delivered_total", priority="high"), 1)
        self.assertEqual(self.value("aziotd_messages_dropped_total", priority="normal", cause="expired"), 0)
        self.assertGreaterEqual(self.value("aziotd_outbox_sync_seconds_count"), 1)
        self.assertGreater(self.value("aziotd_outbox_sync_seconds_sum"), 0)
        self.assertEqual(self.value("aziotd_outbox_sync_seconds_bucket", le="+Inf"),
                         self.value("aziotd_outbox_sync_seconds_count"))
        self.assertGreater(self.value("aziotd_outbox_capacity_bytes", priority="normal"), 2 ** 20)

        with self.hub.gone():
            self.daemon.send(text="waits", ttlSeconds=1)
            self.wait_for("aziotd_outbox_messages", 1, priority="normal")
            eventually(lambda: self.value("aziotd_outbox_oldest_age_seconds", priority="normal") > 1, "older")
        self.wait_for("aziotd_messages_dropped_total", 1, priority="normal", cause="expired")
        self.wait_for("aziotd_outbox_messages", 0, priority="normal")
        self.assertEqual(self.value("aziotd_outbox_oldest_age_seconds", priority="normal"), 0)
        self.assertEqual(self.value("aziotd_messages_delivered_total", priority="normal"), 1)

    def test_inbox(self):
        self.hub.call("SendMessage", {"device": "demo", "body": "open"})
        self.wait_for("aziotd_inbox_messages", 1)
        with Wire(self.daemon.socket_path, harness.TIMEOUT_S) as wire:
            message = wire.call("io.aziotd.messages.Take")["message"]
            wire.call("io.aziotd.messages.Settle", {"id": message["id"]})
        self.wait_for("aziotd_inbox_messages", 0)
        self.assertEqual(self.value("aziotd_inbox_deliveries_total"), 1)
        self.assertEqual(self.value("aziotd_inbox_settled_total"), 1)
        self.assertEqual(self.value("aziotd_inbox_stalled"), 0)

    def test_methods(self):
        self.assertEqual(self.hub.invoke("nobody")[0], 501)
        with Wire(self.daemon.socket_path, harness.TIMEOUT_S) as wire:
            wire.send("io.aziotd.methods.Take", {"names": ["pump"]})
            eventually(lambda: self.daemon.call("io.aziotd.methods.List")["names"] == ["pump"], "served")
            with Wire(self.hub.socket_path, harness.TIMEOUT_S) as cloud:
                cloud.send("io.aziotd.hubsim.Invoke", {"device": "demo", "method": "pump", "timeoutSeconds": 30})
                call = wire.receive()["call"]
                self.wait_for("aziotd_method_calls_waiting", 1)
                time.sleep(0.05)
                wire.call("io.aziotd.methods.Settle", {"id": call["id"], "status": 202})
                self.assertEqual(cloud.receive()["status"], 202)
        self.wait_for("aziotd_method_calls_waiting", 0)
        self.assertEqual(self.value("aziotd_method_calls_total", status="2xx"), 1)
        self.assertEqual(self.value("aziotd_method_calls_total", status="5xx"), 1)
        self.assertEqual(self.value("aziotd_method_duration_seconds_count"), 1)
        self.assertGreater(self.value("aziotd_method_duration_seconds_sum"), 0.05)
        self.assertEqual(self.value("aziotd_method_duration_seconds_bucket", le="0.030000"), 0)

    def test_twin(self):
        self.wait_for("aziotd_twin_fresh", 1)
        version = self.value("aziotd_twin_reported_version")
        self.daemon.call("io.aziotd.twin.Report", {"patch": {"a": 1}})
        self.assertEqual(self.value("aziotd_twin_reported_version"), version + 1)
        with self.hub.gone():
            self.daemon.call("io.aziotd.twin.Report", {"patch": {"a": 2}})
            self.wait_for("aziotd_twin_reports_pending", 1)
            self.assertEqual(self.value("aziotd_twin_fresh"), 0)
        self.wait_for("aziotd_twin_reports_pending", 0)

    def test_programs_and_the_process(self):
        wires = [self.daemon.connect() for _ in range(3)]
        for wire in wires:
            wire.call("io.aziotd.device.GetStatus")
        self.wait_for("aziotd_client_connections", 4, uid=str(os.getuid()))
        cpu = self.value("process_cpu_seconds_total")
        self.assertGreaterEqual(self.value("process_cpu_seconds_total"), cpu)
        self.assertGreater(self.value("process_resident_memory_bytes"), 2 ** 20)
        self.assertGreater(self.value("process_open_fds"), 8)
        self.assertLess(abs(self.value("process_start_time_seconds") - time.time()), 300)
        self.assertEqual(self.value("aziotd_build_info", version=re.search(
            r"\d.*", self.aziot("--version")[0])[0]), 1)


class Strangers(harness.UsersCase, MetricsCase):
    def test_who_is_refused_is_counted(self):
        refused = self.value("aziotd_client_refusals_total", reason="permission denied")
        with self.assertRaisesRegex(harness.VarlinkError, "PermissionDenied"):
            self.call_as(harness.STRANGER_UID, "io.aziotd.device.Reconnect")
        self.assertEqual(self.value("aziotd_client_refusals_total", reason="permission denied"), refused + 1)


def listing(families):
    rows = ["| metric | type | what it says |", "|---|---|---|"]
    for family in families:
        suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
        rows.append(f"| `{family.name}{suffix}` | {family.type} | {family.documentation} |")
    return "\n".join(rows)


if __name__ == "__main__":
    if WRITE:
        sys.argv.remove("--write")
    tap.main()
