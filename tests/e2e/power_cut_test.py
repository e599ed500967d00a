#!/usr/bin/env python3
"""A sample of the power cuts of scripts/proof.sh: the real server on ext4 on a device whose every write is written down.
Skipped where that takes what this machine has not got, or does not allow (docs/proof.md).

BITACORA_E2E_POWER_STATES: crash states (default 12).
"""

import os
import subprocess
import sys
import unittest

import harness
from harness import BITACORA, SKIPPED

RIG = BITACORA.parent / "bitacora-rig"


def power_cuts(states):
    environment = os.environ | {"BITACORA": str(BITACORA), "BITACORA_RIG": str(RIG)}
    return subprocess.run([sys.executable, "-B", harness.SOURCE / "scripts/proof/power_cut.py", "--file-system", "ext4",
                           "--seconds", "1", "--states", str(states)], env=environment, capture_output=True, text=True, timeout=300)


class PowerCuts(unittest.TestCase):
    def test_leave_all_that_was_acknowledged(self):
        states = harness.setting("POWER_STATES", 12)
        done = power_cuts(states)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(f"{states} states, 0 broken", done.stdout)


if __name__ == "__main__":
    if not RIG.exists():
        print(f"skipped: there is no {RIG}")
        sys.exit(SKIPPED)
    possible = power_cuts(0)
    if possible.returncode == SKIPPED:
        print(possible.stdout)
        sys.exit(SKIPPED)
    harness.main()
