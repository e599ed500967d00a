#!/usr/bin/env python3
"""The soak of scripts/proof.sh: a few seconds of it on a server that stays as it was, and its verdict on figures of servers
that do not.

BITACORA_E2E_SOAK_SECONDS: how long (default 8).
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import harness
from harness import BITACORA, SKIPPED

BENCH = pathlib.Path(os.environ.get("BENCH", BITACORA.parent / "bitacora-bench"))
sys.path.insert(0, str(harness.SOURCE / "scripts/proof"))
import soak  # noqa: E402

MIB = 1 << 20
HOUR = 3600


class Interval:
    def __init__(self, p99=5.0, quiet=30, wrong=()):
        self.p99, self.quiet, self.wrong = p99, quiet, list(wrong)


def samples(hours=1.0, mib_per_hour=0.0):
    return [(second, int(50 * MIB + mib_per_hour * MIB * second / HOUR), 30) for second in range(int(hours * HOUR))]


class VerdictTest(unittest.TestCase):
    def test_a_server_that_stays_as_it_was_has_stayed(self):
        self.assertTrue(soak.Verdict(samples(), [Interval() for _ in range(60)], 1.0).stayed)

    def test_memory_that_grows_by_a_mebibyte_an_hour_is_found(self):
        self.assertAlmostEqual(soak.slope_mib_per_hour(samples(mib_per_hour=1.5)), 1.5, places=2)
        self.assertFalse(soak.Verdict(samples(mib_per_hour=1.5), [Interval() for _ in range(60)], 1.0).stayed)
        self.assertTrue(soak.Verdict(samples(mib_per_hour=0.5), [Interval() for _ in range(60)], 1.0).stayed)

    def test_descriptors_that_are_not_given_back_are_found(self):
        self.assertFalse(soak.Verdict(samples(), [Interval(quiet=30 + number) for number in range(60)], 1.0).stayed)

    def test_an_answer_that_takes_longer_and_longer_is_found(self):
        self.assertFalse(soak.Verdict(samples(), [Interval(p99=5.0 + number / 5) for number in range(60)], 1.0).stayed)

    def test_a_lost_message_is_found_however_short_the_run(self):
        self.assertFalse(soak.Verdict(samples(0.01), [Interval(wrong=["1 lost"])], 0.01).stayed)

    def test_a_short_run_is_not_judged_by_what_drifts(self):
        self.assertTrue(soak.Verdict(samples(0.1, mib_per_hour=100), [Interval(), Interval(p99=50.0)], 0.1).stayed)


class SoakTest(unittest.TestCase):
    def test_loads_the_real_server_and_says_that_it_stayed(self):
        seconds = harness.setting("SOAK_SECONDS", 8)
        with tempfile.TemporaryDirectory(prefix="bitacora-e2e-") as directory:
            directory = pathlib.Path(directory)
            environment = os.environ | {
                "BITACORA": str(BITACORA),
                "BITACORA_BENCH": str(BENCH),
            }
            done = subprocess.run([sys.executable, "-B", harness.SOURCE / "scripts/proof/soak.py", "--hours", str(seconds / HOUR),
                                   "--interval", str(seconds), "--rate", "300", "--csv", directory / "soak.csv", "--totals",
                                   directory / "totals"], env=environment, capture_output=True, text=True, timeout=300)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("verdict         STAYED", done.stdout)
            self.assertIn("resident_bytes", (directory / "soak.csv").read_text())
            self.assertRegex((directory / "totals").read_text(), r"^soak-minutes \d+ 0\n$")


if __name__ == "__main__":
    if not BENCH.exists():
        print(f"skipped: no {BENCH}")
        sys.exit(SKIPPED)
    harness.main()
