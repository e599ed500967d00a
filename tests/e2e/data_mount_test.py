#!/usr/bin/env python3
"""A data directory that the machine's memory holds: the server serves, and says what will be lost."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import harness
from harness import BITACORA, SKIPPED, Server

MEMORY = pathlib.Path("/dev/shm")


class DataMount(unittest.TestCase):
    def test_in_memory_is_told_by_the_start_and_by_verify(self):
        with tempfile.TemporaryDirectory(prefix="bitacora-e2e-", dir=MEMORY) as directory:
            server = Server()
            server.data = pathlib.Path(directory) / "data"
            with server:
                warning = f"[warning] the data directory {server.data} lies on tmpfs, which is memory"
                harness.wait_until(lambda: warning in server.log(), what="the warning")
                self.assertEqual(server.terminate(), 0)
            verified = subprocess.run([BITACORA, "verify", server.data], capture_output=True, text=True)
            self.assertEqual(verified.returncode, 0, verified.stdout)
            self.assertIn(f"WARNING {server.data} lies on tmpfs", verified.stdout)


if __name__ == "__main__":
    if not any(line.split()[1:3] == [str(MEMORY), "tmpfs"] for line in pathlib.Path("/proc/mounts").read_text().splitlines()):
        print(f"skipped: {MEMORY} is no tmpfs")
        sys.exit(SKIPPED)
    harness.main()
