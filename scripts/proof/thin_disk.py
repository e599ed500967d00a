#!/usr/bin/env python3
"""The real server on thin storage that runs out under it: a sparse image on a tmpfs with a limit, a loop device, ext4. While
clients publish, somebody else fills the tmpfs: a write that the file system had taken cannot be carried out, fdatasync
fails, and the next one "succeeds" although the page was never written (docs/proof.md). Then there is room again. After a
kill and a remount, which forgets what only the page cache had, all that was acknowledged must be there.

  scripts/proof/thin_disk.py [--runs N] [--totals FILE]

Needs root, loop devices, tmpfs. Exit status: 0 all kept, 1 something was lost, 77 something is missing.
"""

import argparse
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from failing_disk import RIG, Run  # noqa: E402
from outcome import SKIPPED, Outcome  # noqa: E402

LIMIT = 40 << 20
IMAGE = 256 << 20


class ThinRun(Run):
    def __init__(self, choice):
        super().__init__("", "", 0)
        self.choice = choice

    def sh(self, *command):
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)

    def mount(self):
        self.sh("mount", "-o", "loop,noatime", self.work / "pool/image", self.work / "data")

    def run(self):
        pool, data = self.work / "pool", self.work / "data"
        pool.mkdir()
        data.mkdir()
        self.sh("mount", "-t", "tmpfs", "-o", f"size={LIMIT}", "tmpfs", pool)
        process = None
        try:
            with open(pool / "image", "wb") as image:
                image.truncate(IMAGE)
            self.sh("mkfs.ext4", "-q", "-F", "-E", "nodiscard,lazy_itable_init=0", pool / "image")
            self.mount()
            process, port = self.start()
            load = subprocess.Popen([RIG, "load", "--failing-disk", "--port", str(port), "--ledger", str(self.work / "ledger"),
                                     "--seconds", "3"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            time.sleep(self.choice.uniform(0.1, 1.0))
            try:
                with open(pool / "filler", "wb", buffering=0) as filler:
                    while True:
                        filler.write(bytes(1 << 16))
            except OSError:
                pass
            time.sleep(self.choice.uniform(0.2, 1.0))
            (pool / "filler").unlink()
            said, _ = load.communicate()
            self.kill(process)
            failed = (self.work / "server.log").read_text(errors="replace").count("fdatasync")
            self.sh("umount", data)
            self.mount()
            process, port = self.start()
            self.kill(process)
            if load.returncode != 0:
                return failed, said
            if port is None:
                return failed, "it does not start on what is left"
            done = subprocess.run([RIG, "check", "--data", str(data / "data"), "--ledger", str(self.work / "ledger")],
                                  capture_output=True, text=True)
            return failed, "" if done.returncode == 0 else done.stdout + done.stderr
        finally:
            if process:
                self.kill(process)
            subprocess.run(["umount", str(data)], stderr=subprocess.DEVNULL)
            subprocess.run(["umount", str(pool)], stderr=subprocess.DEVNULL)

    def command(self):
        return [part if part != str(self.work / "data") else str(self.work / "data/data") for part in super().command()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--totals")
    options = parser.parse_args()
    if os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
        print("thin_disk.py: skipped: it needs root and loop devices")
        return SKIPPED
    print(f"seed {options.seed}")
    choice = random.Random(options.seed)
    outcome = Outcome("thin-disk")
    for _ in range(options.runs):
        run = ThinRun(choice)
        _, wrong = run.run()
        outcome.add(run.work, wrong)
    return outcome.end(options.totals)


if __name__ == "__main__":
    sys.exit(main())
