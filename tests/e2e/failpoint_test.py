#!/usr/bin/env python3
"""Failpoints (base/failpoint.h): a release binary has none of their names; a build with BITACORA_FAILPOINTS passes each of
them in ordinary work, and is killed where it is told to be and loses nothing.

`scripts/proof.sh failpoints` kills at every point's first passes; this is the small sample that every run of the tests has.
"""

import pathlib
import random
import re
import subprocess
import tempfile
import unittest

import harness
from harness import BITACORA, SOURCE

NAME = re.compile(r'BITACORA_FAILPOINT(?:_FAILS)?\("([a-z_]+\.[a-z_]+)"\)')


def names_in_source():
    found = []
    for folder in ("storage", "bridge", "app"):
        for path in (SOURCE / folder / "src").glob("*.cc"):
            found += NAME.findall(path.read_text())
    return found


def names_in_binary():
    """What the binary lists; None if it was built without failpoints."""
    done = subprocess.run([BITACORA, "--list-failpoints"], capture_output=True, text=True)
    return done.stdout.split() if done.returncode == 0 else None


HAS_FAILPOINTS = names_in_binary() is not None


def torture(*arguments):
    with tempfile.TemporaryDirectory(prefix="bitacora-failpoints-") as directory:
        return subprocess.run([BITACORA, "torture", "--data", directory, *arguments], capture_output=True, text=True)


class Failpoints(unittest.TestCase):
    def test_each_name_stands_at_one_place_in_the_source(self):
        names = names_in_source()
        self.assertGreater(len(names), 30)
        self.assertEqual(sorted(names), sorted(set(names)))

    @unittest.skipIf(HAS_FAILPOINTS, "this build has failpoints")
    def test_a_build_without_them_has_none_of_the_names(self):
        program = pathlib.Path(BITACORA).read_bytes()
        self.assertEqual([name for name in names_in_source() if name.encode() + b"\0" in program], [])

    @unittest.skipUnless(HAS_FAILPOINTS, "this build has no failpoints")
    def test_a_build_with_them_lists_each(self):
        self.assertEqual(names_in_binary(), sorted(names_in_source()))

    @unittest.skipUnless(HAS_FAILPOINTS, "this build has no failpoints")
    def test_killed_at_some_of_them_it_keeps_what_it_acknowledged(self):
        seed = harness.setting("SEED", random.SystemRandom().randrange(1 << 32))
        print(f"seed: BITACORA_E2E_SEED={seed}")
        areas = sorted({name.split(".")[0] for name in names_in_source()})
        for area in random.Random(seed).sample(areas, 2):
            done = torture("--failpoints", "1", "--only", area + ".")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertRegex(done.stdout, r"(?m)^failpoints .* never reached: none$")


if __name__ == "__main__":
    harness.main()
