#!/usr/bin/env python3
"""The load generator: it finds a good server good, and one that keeps nothing bad."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import harness
from harness import BITACORA, Server

BENCH = pathlib.Path(os.environ.get("BENCH", BITACORA.parent / "bitacora-bench"))
SCRIPTS = pathlib.Path(__file__).resolve().parent.parent.parent / "scripts"
sys.path.insert(0, str(SCRIPTS))
from bench_goals import goals  # noqa: E402


def bench(port, command, *arguments):
    """(exit status, report)."""
    done = subprocess.run([BENCH, command, "--port", str(port), "--json", "-", *arguments], capture_output=True, text=True,
                          timeout=300)
    if done.returncode not in (0, 1):
        raise AssertionError(done.stderr)
    return done.returncode, json.loads(done.stdout)


class NullServer:
    """Acknowledges everything and keeps nothing."""

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="bitacora-e2e-")
        ports = pathlib.Path(self.directory.name) / "ports"
        self.process = subprocess.Popen([BENCH, "null-server", "--port", "0", "--ports-file", ports],
                                        stdout=subprocess.DEVNULL)
        text = harness.wait_until(lambda: ports.exists() and ports.read_text(), what="the null server's port")
        self.port = int(text.removeprefix("mqtt="))
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.directory.cleanup()


class BenchTest(unittest.TestCase):
    def test_every_qos_and_version_is_acknowledged_and_read_back(self):
        for version in ("3.1.1", "5.0"):
            for qos in "012":
                with self.subTest(version=version, qos=qos), Server() as server:
                    status, report = bench(server.mqtt, "publish", "--version", version, "--qos", qos, "--messages", "5000",
                                           "--verify", "$replay/earliest/bench/#", "--server-pid", str(server.pid))
                    self.assertEqual(status, 0, report)
                    self.assertEqual(report["check"]["received"], 5000)
                    self.assertGreater(report["phases"][0]["server"]["rss_bytes"], 0)

    def test_a_log_is_read_over_http_as_json_as_batches_and_by_filter(self):
        with Server() as server:
            bench(server.mqtt, "publish", "--messages", "5000", "--topics", "5", "--prefix", "bench/many")
            bench(server.mqtt, "publish", "--messages", "70", "--publishers", "1", "--prefix", "bench/rare")
            for arguments, count in ((["--as", "json"], 5070), (["--as", "batches"], 5070), (["--filter", "bench/rare/+/0"], 70),
                                     (["--as", "batches", "--max-bytes", "3000"], 5070)):
                with self.subTest(arguments=arguments):
                    status, report = bench(server.ports["http"], "http-replay", *arguments)
                    self.assertEqual(status, 0, report)
                    self.assertEqual(report["phases"][0]["messages"], count)

    def test_fan_out_and_pairs_arrive_whole_and_in_order(self):
        with Server() as server:
            for arguments in (["--subscribers", "3"], ["--pairs"], ["--pairs", "--rate", "2000", "--topics", "3"]):
                for qos in "012":
                    with self.subTest(arguments=arguments, qos=qos):
                        status, report = bench(server.mqtt, "pubsub", "--messages", "3000", "--qos", qos, "--subscribe-qos",
                                               qos, *arguments)
                        self.assertEqual(status, 0, report)
                        self.assertEqual(report["check"]["received"], report["check"]["expected"])

    def test_offline_subscribers_resume(self):
        with Server() as server:
            for version in ("3.1.1", "5.0"):
                with self.subTest(version=version):
                    status, report = bench(server.mqtt, "resume", "--messages", "10000", "--subscribers", "2", "--version",
                                           version)
                    self.assertEqual(status, 0, report)

    def test_subscriptions_of_others_are_there_while_it_publishes(self):
        with Server() as server:
            status, report = bench(server.mqtt, "publish", "--messages", "1000", "--bystanders", "1500")
            self.assertEqual(status, 0, report)
        with Server("[sessions]\nmax_subscriptions = 10\n") as server:
            with self.assertRaisesRegex(AssertionError, "refused a subscription"):
                bench(server.mqtt, "publish", "--messages", "1000", "--bystanders", "1500")

    def test_a_server_that_acknowledges_everything_passes_where_only_acknowledgements_are_asked(self):
        with NullServer() as null:
            for qos in "012":
                status, report = bench(null.port, "publish", "--qos", qos, "--messages", "10000")
                self.assertEqual((status, report["check"]["good"]), (0, True))

    def test_a_server_that_keeps_nothing_is_found_out(self):
        with NullServer() as null:
            status, report = bench(null.port, "pubsub", "--messages", "100", "--patience", "0.2")
            self.assertEqual((status, report["check"]["good"], report["check"]["lost"]), (1, False, 100))
            status, report = bench(null.port, "publish", "--messages", "100", "--verify", "#", "--patience", "0.2")
            self.assertEqual((status, report["check"]["good"], report["check"]["lost"]), (1, False, 100))

    def test_the_table_is_measured_whole_and_put_into_its_page(self):
        with tempfile.TemporaryDirectory(prefix="bitacora-e2e-") as directory:
            page = pathlib.Path(directory) / "page.md"
            page.write_text("before\n<!-- figures -->\nold\n<!-- end of figures -->\nafter\n")
            done = subprocess.run([SCRIPTS / "bench.sh", "--scale", "0.001", "--rounds", "1", "--only", "B5,replay", "--servers",
                                   "bitacora", "--page", page], capture_output=True, text=True, timeout=300,
                                  env=os.environ | {"BITACORA": str(BITACORA), "BENCH": str(BENCH)})
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            text = page.read_text()
            self.assertTrue(text.startswith("before\n<!-- figures -->\n") and text.endswith("<!-- end of figures -->\nafter\n"))
            self.assertIn(done.stdout, text)
            self.assertNotIn("old", text)
            for row in ("| bitacora |", "| replay, HTTP stored batches |", "| the same, HTTP JSON |"):
                self.assertIn(row, text)

    def test_goals_are_held_against_the_figures_of_the_run(self):
        def measured(rate, p99, seconds):
            return goals({"workloads": {"B": {"bitacora": {"rate": rate, "p99_ms": p99}, "mosquitto": {"rate": 100, "p99_ms": 2}}},
                          "replays": {"100 records of one topic, MQTT": {"seconds": seconds}}})
        self.assertEqual([(goal.measured, goal.met) for goal in measured(250, 2, 0.1)],
                         [("2.50x", True), ("1.00x", True), ("100 ms", True)])
        self.assertEqual([(goal.measured, goal.met) for goal in measured(249, 2.1, 0.11)],
                         [("2.49x", False), ("1.05x", False), ("110 ms", False)])


if __name__ == "__main__":
    if not BENCH.exists():
        print(f"skipped: no {BENCH}: it was not built")
        raise SystemExit(harness.SKIPPED)
    harness.main()
