#!/usr/bin/env python3
"""MQTT.js against bitacora: 3.1, 3.1.1 and 5.0, the scenario of mqttjs/scenario.js.

Takes MQTT.js from tests/e2e/mqttjs/node_modules, where scripts/install_dependencies.sh --tests puts the version that
package-lock.json names, or else Debian's node-mqtt. The first line of each run says which it was.
"""

import os
import subprocess
import sys
import unittest

import harness
from harness import SOURCE, Server
from transports import TransportServer, WEBSOCKET_PATH

SCENARIO = SOURCE / "tests/e2e/mqttjs/scenario.js"
VERSIONS = ("3.1", "3.1.1", "5.0")
STEPS = 7
# Where Debian puts node-mqtt; node looks there only when told, and only after node_modules.
ENVIRONMENT = {**os.environ, "NODE_PATH": "/usr/share/nodejs"}


class MqttJsTest(unittest.TestCase):
    def run_scenario(self, url, *arguments):
        for version in VERSIONS:
            with self.subTest(version=version):
                done = subprocess.run(["node", SCENARIO, url, version, *arguments], capture_output=True, text=True, timeout=300,
                                      env=ENVIRONMENT)
                print(done.stdout.split("\n", 1)[0])
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertEqual(done.stdout.count("ok: "), STEPS, done.stdout)

    def test_every_version_over_tcp(self):
        with Server() as server:
            self.run_scenario(f"mqtt://127.0.0.1:{server.mqtt}")

    def test_every_version_over_tls_and_websocket(self):
        with TransportServer() as server:
            self.run_scenario(f"mqtts://127.0.0.1:{server.port('tls')}", str(server.authority))
            self.run_scenario(f"ws://127.0.0.1:{server.port('ws')}{WEBSOCKET_PATH}")
            self.run_scenario(f"wss://127.0.0.1:{server.port('wss')}{WEBSOCKET_PATH}", str(server.authority))

    def test_a_failing_step_is_found(self):
        """The scenario's own negative control: nobody listens."""
        done = subprocess.run(["node", SCENARIO, f"mqtt://127.0.0.1:{harness.free_port()}", "5.0"], capture_output=True,
                              text=True, timeout=300, env=ENVIRONMENT)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("failed: ", done.stdout)


if __name__ == "__main__":
    if not harness.path_of("node"):
        print("skipped: node is not installed")
        sys.exit(harness.SKIPPED)
    if subprocess.run(["node", "-e", "require.resolve('mqtt')"], cwd=SCENARIO.parent, env=ENVIRONMENT,
                      stderr=subprocess.DEVNULL).returncode != 0:
        print("skipped: no MQTT.js: scripts/install_dependencies.sh --tests")
        sys.exit(harness.SKIPPED)
    harness.main()
