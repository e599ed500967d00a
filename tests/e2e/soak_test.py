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
    """A minute's, each one minute later than the one that was made before it."""

    def __init__(self, number=0, p99=5.0, quiet=30, wrong=()):
        self.ended, self.p99, self.quiet, self.wrong = 60.0 * (number + 1), p99, quiet, list(wrong)


def intervals(count=60):
    return [Interval(number) for number in range(count)]


def samples(hours=1.0, mib_per_hour=0.0, step=0):
    """Memory grows, by a step of so many MiB in the middle of the second half, and doubles every other second."""
    def resident(second):
        kept = 50 + mib_per_hour * second / HOUR + (step if second > 0.75 * hours * HOUR else 0)
        return int(kept * MIB * (1 + second % 2))
    return [(second, resident(second), 30) for second in range(int(hours * HOUR))]


class VerdictTest(unittest.TestCase):
    def test_a_server_that_stays_as_it_was_has_stayed(self):
        self.assertTrue(soak.Verdict(samples(), intervals(), 1.0).stayed)

    def test_memory_that_grows_by_a_mebibyte_an_hour_is_found(self):
        verdict = soak.Verdict(samples(mib_per_hour=1.5), intervals(), 1.0)
        self.assertAlmostEqual(verdict.slope, 1.5, places=2)
        self.assertFalse(verdict.stayed)
        self.assertTrue(soak.Verdict(samples(mib_per_hour=0.5), intervals(), 1.0).stayed)

    def test_memory_that_grows_in_steps_is_found(self):
        self.assertFalse(soak.Verdict(samples(step=3), intervals(), 1.0).stayed)

    def test_descriptors_that_are_not_given_back_are_found(self):
        self.assertFalse(soak.Verdict(samples(), [Interval(number, quiet=30 + number) for number in range(60)], 1.0).stayed)

    def test_an_answer_that_takes_longer_and_longer_is_found(self):
        self.assertFalse(soak.Verdict(samples(), [Interval(number, p99=5.0 + number / 5) for number in range(60)], 1.0).stayed)

    def test_a_lost_message_is_found_however_short_the_run(self):
        self.assertFalse(soak.Verdict(samples(0.01), [Interval(wrong=["1 lost"])], 0.01).stayed)

    def test_a_short_run_is_not_judged_by_what_drifts(self):
        self.assertTrue(soak.Verdict(samples(0.1, mib_per_hour=100), [Interval(), Interval(1, p99=50.0)], 0.1).stayed)


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
