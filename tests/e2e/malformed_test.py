#!/usr/bin/env python3
"""Malformed inputs against the running server: every prefix of every packet, then mutated ones, while a well-behaved client
sends itself messages. BITACORA_E2E_MALFORMED_INPUTS is how many mutated ones (default 20,000); BITACORA_E2E_SEED repeats a run.

The server must stay alive, close every connection, serve the well-behaved client throughout, and have its memory back: not
over 5 % more after it has seen the same inputs a second time. Latency is printed, not judged: see docs/guarantees.md."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import unittest

import harness
from harness import BITACORA, CHECKS_MEMORY, Server, setting
from mqtt_client import Client

PROGRAM = pathlib.Path(os.environ.get("E2E_PROGRAMS", BITACORA.parent / "e2e")) / "malformed_inputs"
INPUTS = setting("MALFORMED_INPUTS", 20_000)
# So that sessions that a mutated CONNECT leaves behind do not count as a leak.
CONFIG = '[sessions]\nmax_expiry = "1s"\n'


class MalformedTest(unittest.TestCase):
    def storm(self, port, pid):
        seed = harness.seeded_random().randrange(1 << 32)
        done = subprocess.run([PROGRAM, "--port", str(port), "--server-pid", str(pid), "--inputs", str(INPUTS), "--seed",
                               str(seed)], capture_output=True, text=True, timeout=3600)
        print(done.stdout, flush=True)
        return done

    def test_malformed_inputs_neither_end_the_server_nor_disturb_others_nor_stay_in_memory(self):
        with Server(CONFIG) as server:
            done = self.storm(server.mqtt, server.pid)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertTrue(server.is_running())
            parts = json.loads(done.stdout.splitlines()[-1])["parts"]
            self.assertEqual(sum(part["inputs"] for part in parts if part["part"] in ("mutated", "again")), INPUTS // 2 * 2)
            for part in parts:
                self.assertGreater(part["probes"], 0, f"nobody was served during '{part['part']}'")
            if CHECKS_MEMORY:
                first, second = (part["memory"] for part in parts if part["part"] == "rest")
                self.assertLess(second, first * 1.05 + (1 << 20))
            with Client(server.mqtt, "after", 5) as client:
                client.subscribe("after", qos=2)
                client.publish("after", b"still here", 2)
                self.assertEqual(client.receive(1)[0].payload, b"still here")

    def test_a_server_that_does_not_close_is_found(self):
        """The program's own negative control: a listener that takes connections and does nothing."""
        with socket.create_server(("127.0.0.1", 0)) as mute:
            done = self.storm(mute.getsockname()[1], 0)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn("failed: ", done.stdout)


if __name__ == "__main__":
    if not PROGRAM.exists():
        print(f"skipped: no {PROGRAM}: it was not built")
        sys.exit(harness.SKIPPED)
    harness.main()
