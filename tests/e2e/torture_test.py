#!/usr/bin/env python3
"""`bitacora torture` on a server that keeps its promise. That it finds one that does not is scripts/proof.sh controls; that
the checker behind it is not blind is tests/proof.

BITACORA_E2E_TORTURE_KILLS: kills (default 4).
"""

import os
import re
import subprocess
import tempfile
import unittest

import harness
from harness import BITACORA


def torture(directory, *arguments):
    return subprocess.run([BITACORA, "torture", "--data", directory, *arguments], capture_output=True, text=True, timeout=300)


class Torture(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="bitacora-torture-")
        self.addCleanup(self.directory.cleanup)

    def test_says_of_a_server_that_keeps_its_promise_that_it_does(self):
        done = torture(self.directory.name, "--kills", str(harness.setting("TORTURE_KILLS", 4)), "--minutes", "4")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        said = dict(re.findall(r"(?m)^(\w+(?: \w+)?) {2,}(.*)$", done.stdout))
        self.assertGreater(int(said["acknowledged"].split()[0]), 100)
        for nothing in ("lost", "renumbered", "invented", "other breaches"):
            self.assertEqual(said[nothing], "0")
        self.assertTrue(said["verdict"].startswith("KEPT"))
        self.assertRegex(said["ack latency"], r"p50 [\d.]+ ms, p99 [\d.]+ ms")
        self.assertRegex(said["restart"], r"median \d+ ms")
        self.assertIn("fdatasync", done.stdout)
        self.assertEqual(os.listdir(self.directory.name), [], "what is good is removed again")

    def test_takes_no_directory_that_holds_something(self):
        open(os.path.join(self.directory.name, "mine"), "w").close()
        done = torture(self.directory.name)
        self.assertEqual(done.returncode, 1)
        self.assertIn("empty", done.stderr)
        self.assertEqual(os.listdir(self.directory.name), ["mine"])


if __name__ == "__main__":
    harness.main()
