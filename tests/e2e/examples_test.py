#!/usr/bin/env python3
"""Runs each example as a newcomer would, and looks at what it prints."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import harness
from harness import BITACORA, SOURCE, Server
from mqtt_client import publish_many

EXAMPLES = SOURCE / "examples"
BUILT = pathlib.Path(os.environ.get("EXAMPLES_BIN", BITACORA.parent))


class ExamplesTest(unittest.TestCase):
    def program(self, name):
        path = BUILT / name
        if not path.exists():
            self.skipTest(f"{name} was not built")
        return path

    def run_example(self, *command, timeout=120, **environment):
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=timeout,
                              env={**os.environ, "BITACORA": str(BITACORA), **environment})
        self.assertEqual(done.returncode, 0, f"{command}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def test_the_sensor_fleet_publishes_and_everything_is_in_the_log(self):
        with Server() as server:
            out = self.run_example(self.program("paho_sensor_fleet"), f"tcp://127.0.0.1:{server.mqtt}", "5", "10")
            self.assertIn("50 readings acknowledged", out)
            self.assertEqual(len(server.http.all_records()), 50)

    def test_the_subscriber_gets_what_it_missed(self):
        with Server() as server:
            def subscriber(count):
                return self.run_example(self.program("mosquitto_subscriber"), "127.0.0.1", server.mqtt, "plant/#", count)

            self.assertIn("a new session", subscriber(0))
            publish_many(server.mqtt, ((f"plant/{n}", b"reading %d" % n) for n in range(5)))
            server.restart()
            out = subscriber(5)
            self.assertIn("the server has kept the session", out)
            for number in range(5):
                self.assertIn(f"plant/{number}: reading {number}", out)

    def test_receipts_say_where_each_message_is(self):
        with Server() as server:
            out = self.run_example(self.program("mosquitto_receipts"), "127.0.0.1", server.mqtt, 3)
            record = server.http.all_records()[0]
            self.assertEqual(re.findall(r"in log (\w+), partition (\d), offset (\d),", out),
                             [("mqtt", str(record.partition), str(offset)) for offset in range(3)])

    def test_replay_with_mosquitto_sub(self):
        with Server() as server:
            out = self.run_example(EXAMPLES / "replay_with_mosquitto_sub.sh", MQTT_PORT=str(server.mqtt))
            self.assertEqual(len(re.findall(r"plant/1/temp 2\d", out)), 6, out)

    def test_replay_with_curl(self):
        with Server() as server:
            out = self.run_example(EXAMPLES / "replay_with_curl.sh", MQTT_PORT=str(server.mqtt),
                                   HTTP_PORT=str(server.ports["http"]))
            self.assertIn("read 5 records", out)
            self.assertIn("group nightly-report goes on at", out)

    def test_stored_batches(self):
        with Server() as server:
            for number in range(3):
                subprocess.run(["mosquitto_pub", "-p", str(server.mqtt), "-q", "1", "-t", "plant/1", "-m", f"value {number}"],
                               check=True)
            found = ""
            for partition in range(4):
                found += self.run_example(EXAMPLES / "stored_batches.sh", URL=f"http://127.0.0.1:{server.ports['http']}",
                                          PARTITION=str(partition))
            self.assertIn("bytes up to offset 3", found)
            for number in range(3):
                self.assertIn(f"key plant/1 value value {number}", found)

    def test_secure_listeners(self):
        out = self.run_example(EXAMPLES / "secure_listeners.sh")
        self.assertIn("plant/7/temp 21.5", out)
        self.assertIn("https://evil.example.com: HTTP/1.1 403 ", out)
        self.assertIn("https://app.example.org: HTTP/1.1 101 ", out)
        self.assertIn('"value":"21.5"', out)

    def test_groups_with_mosquitto_sub(self):
        with Server() as server:
            out = self.run_example(EXAMPLES / "groups_with_mosquitto_sub.sh", MQTT_PORT=str(server.mqtt),
                                   HTTP_PORT=str(server.ports["http"]))
            share, next_owner = out.split("\n\n")[0], out.split("goes on where the group was:")[1]
            self.assertEqual(len(re.findall(r"line/\d/part \w+", share)), 12, out)
            self.assertIn("got 12 messages", out)
            self.assertEqual(len(re.findall(r"line/\d/part test", next_owner)), 4, out)

    def test_storage_alone(self):
        with tempfile.TemporaryDirectory(prefix="bitacora-e2e-") as directory:
            for expected in ("3 records", "6 records"):  # the second run finds what the first one wrote
                out = self.run_example(self.program("storage_alone"), pathlib.Path(directory) / "data")
                self.assertIn(f"after reopening: {expected}", out)

    def test_the_lesson_bitacora_loses_nothing(self):
        out = self.run_example(EXAMPLES / "lesson.sh", MESSAGES="300")
        lost = {server: int(count) for server, count in re.findall(r"(?m)^(mosquitto|bitacora) .* (\d+)$", out)}
        self.assertEqual(lost["bitacora"], 0, out)
        self.assertEqual(lost["mosquitto"], 300, out)


if __name__ == "__main__":
    harness.main(requires=["mosquitto", "mosquitto_sub", "mosquitto_pub", "curl", "jq", "openssl"])
