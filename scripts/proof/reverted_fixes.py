#!/usr/bin/env python3
"""Each bug of docs/bugs-found.md again: takes its fix back, builds, and expects the bug's unit test to fail.

A file of tests/reverted_fixes/ is a patch that takes one fix back, under a line `Bug:` that says what is wrong with it and a
line `Test: <program> <suite>.<name>`. All of them are applied to a copy of what is committed, one after the other; before,
every one of the tests must pass, or their failing would say nothing.

  scripts/proof/reverted_fixes.py [--only NAME] [--work DIRECTORY] [--totals FILE]

A patch that does not apply any more is named: the code has moved on, and it has to be made anew. Exit status: 0 each bug was
found again, 1 one was not (or its patch no longer applies).
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from outcome import add_to_totals  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PATCHES = SOURCE / "tests/reverted_fixes"


def run(*command, **options):
    return subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def must_run(*command, **options):
    done = run(*command, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}:\n{done.stdout[-4000:]}")
    return done.stdout


class Patch:
    def __init__(self, path):
        self.path, self.name = path, path.stem
        text = path.read_text()
        self.bug = re.search(r"(?m)^Bug: (.*)$", text)[1]
        self.program, self.test = re.search(r"(?m)^Test: (\S+) (\S+)$", text).groups()


def tests_of_the_list():
    """Names of the unit tests in the tables of docs/bugs-found.md: the last code of each row."""
    rows = re.findall(r"(?m)^\|.*`([\w.]+)` \|$", (SOURCE / "docs/bugs-found.md").read_text())
    return {row.split(".")[-1] for row in rows}


class Tree:
    """A copy of what is committed, with a build of its own; both are used again by the next run."""

    def __init__(self, work):
        self.source, self.build = work / "source", work / "build"
        if not self.source.exists():
            must_run("git", "clone", "-q", "--shared", "--no-checkout", SOURCE, self.source)
        must_run("git", "fetch", "-q", SOURCE, "HEAD", cwd=self.source)
        must_run("git", "checkout", "-q", "--force", "--detach", "FETCH_HEAD", cwd=self.source)
        must_run("cmake", "-S", self.source, "-B", self.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
                 "-DBITACORA_BENCH=OFF", "-DBITACORA_EXAMPLES=OFF")

    def compile(self, program):
        """What the compiler said if it failed; empty if it did not."""
        done = run("cmake", "--build", self.build, "--target", program, "-j", os.cpu_count())
        return "" if done.returncode == 0 else done.stdout[-3000:]

    def passes(self, patch):
        """None if the test did not run at all."""
        done = run(self.build / "tests" / patch.program, f"--gtest_filter={patch.test}")
        if done.returncode == 0:
            return True if re.search(r"\[  PASSED  \] [1-9]", done.stdout) else None
        return False if patch.test in done.stdout else None

    def apply(self, patch):
        done = run("patch", "-p1", "--force", "--silent", "--fuzz=3", "--no-backup-if-mismatch", "-i", patch.path, cwd=self.source)
        return done.returncode == 0

    def restore(self):
        must_run("git", "checkout", "-q", "--force", "HEAD", cwd=self.source)
        must_run("git", "clean", "-q", "--force", "-d", cwd=self.source)


def why_not_found(tree, patch):
    """Empty if the bug was found."""
    try:
        if not tree.apply(patch):
            return "its patch does not apply any more: make it anew"
        if said := tree.compile(patch.program):
            return f"with its fix taken back it does not compile; make the patch anew:\n{said}"
        passed = tree.passes(patch)
        if passed is None:
            return f"{patch.test} did not run"
        return f"{patch.test} passes without the fix" if passed else ""
    finally:
        tree.restore()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="the patch of that name")
    parser.add_argument("--work", type=pathlib.Path, default=SOURCE / "build/proof/reverted")
    parser.add_argument("--totals", help="file to which a line `reverted-fixes BUGS NOT-FOUND` is appended")
    options = parser.parse_args()
    patches = [Patch(path) for path in sorted(PATCHES.glob("*.patch")) if options.only in (None, path.stem)]
    if not patches:
        print(f"reverted_fixes.py: there is no patch {options.only}", file=sys.stderr)
        return 2
    options.work.mkdir(parents=True, exist_ok=True)
    tree = Tree(options.work.resolve())
    for program in sorted({patch.program for patch in patches}):
        if said := tree.compile(program):
            print(f"{program} does not compile:\n{said}", file=sys.stderr)
            return 1
    listed = set() if options.only else tests_of_the_list()
    unpatched = listed - {patch.test.split(".")[-1] for patch in patches}
    for name in sorted(unpatched):
        print(f"{name}: a bug of docs/bugs-found.md without a patch")
    missed = len(unpatched)
    pass_with_their_fix = {patch.name for patch in patches if tree.passes(patch)}
    for patch in patches:
        why = why_not_found(tree, patch) if patch.name in pass_with_their_fix else f"{patch.test} does not pass with the fix"
        missed += why != ""
        print(f"{patch.name}: {why or 'found again: ' + patch.bug}", flush=True)
    for program in sorted({patch.program for patch in patches}):  # as it is committed, for the next run
        tree.compile(program)
    total = len(patches) + len(unpatched)
    print(f"reverted fixes: {total - missed} of {total} found again by their tests")
    add_to_totals(options.totals, "reverted-fixes", total, missed)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
