#!/usr/bin/env python3
"""The real server on a disk that fails: for each system call that reaches the disk and each error, the N-th call of each
thread fails (strace injects it), for N from 1 on until a run has no such call any more. Clients may be refused and sent
away, never told that something was taken that is not there: after a kill, a server without the fault starts on the data,
and what it has is checked against what the clients were told.

  scripts/proof/failing_disk.py [--runs N] [--call pwritev|pwrite64|fdatasync|fsync|rename|openat|ftruncate|unlink]

Needs strace and the right to trace. Exit status: 0 all kept, 1 something was lost, 77 strace is missing.
"""

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from outcome import SKIPPED, Outcome  # noqa: E402

CALLS = ("pwritev", "pwrite64", "fdatasync", "fsync", "rename", "openat", "ftruncate", "unlink")
ERRORS = ("EIO", "ENOSPC")
BITACORA = os.environ.get("BITACORA", "build/release/bin/bitacora")
RIG = os.environ.get("BITACORA_RIG", "build/release/bin/bitacora-rig")


class Run:
    def __init__(self, call, error, number):
        self.what = f"{call} number {number} fails with {error}"
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="bitacora-failing-"))
        self.call, self.error, self.number = call, error, number
        (self.work / "bitacora.toml").write_text(subprocess.run([RIG, "config"], capture_output=True, text=True, check=True).stdout)

    def command(self):
        return [BITACORA, "serve", "--config", str(self.work / "bitacora.toml"), "--data", str(self.work / "data"), "--mqtt",
                "127.0.0.1:0", "--http", "127.0.0.1:0", "--shards", "1", "--ports-file", str(self.work / "ports")]

    def start(self, under=()):
        """The process and its MQTT port; the port is None if it would not start."""
        ports = self.work / "ports"
        ports.unlink(missing_ok=True)
        with open(self.work / "server.log", "ab") as log:
            process = subprocess.Popen([*under, *self.command()], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True)
        deadline = time.monotonic() + 60
        while not ports.exists():
            if process.poll() is not None:
                return process, None
            if time.monotonic() > deadline:
                raise RuntimeError("neither ready nor gone within a minute")
            time.sleep(0.005)
        return process, int(dict(line.split("=") for line in ports.read_text().split())["mqtt"])

    @staticmethod
    def kill(process):
        """The process and, where it is strace, what it traces: a session of their own."""
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def run(self):
        """Returns (whether the fault was met, what was wrong)."""
        trace = self.work / "trace"
        under = ["strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={self.call}",
                 "-e", f"inject={self.call}:error={self.error}:when={self.number}"]
        process, port = self.start(under)
        try:
            if port is not None:
                done = subprocess.run([RIG, "load", "--failing-disk", "--port", str(port), "--ledger", str(self.work / "ledger"),
                                       "--seconds", "0.6"], capture_output=True, text=True)
                if done.returncode != 0:
                    return True, done.stdout + done.stderr
        finally:
            self.kill(process)
        was_met = "(INJECTED)" in trace.read_text(errors="replace")
        (self.work / "ledger").touch()
        process, port = self.start()
        self.kill(process)
        if port is None:
            return was_met, "it does not start on the data that the fault left"
        done = subprocess.run([RIG, "check", "--killed", "--data", str(self.work / "data"), "--ledger", str(self.work / "ledger")],
                              capture_output=True, text=True)
        return was_met, "" if done.returncode == 0 else done.stdout + done.stderr


def numbers():
    """1, 2, 3, ... densely at first, then in growing steps."""
    number = 1
    while True:
        yield number
        number += max(1, number // 12)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1 << 30, help="at most so many, over all calls and errors in turn")
    parser.add_argument("--call", choices=CALLS, action="append")
    parser.add_argument("--totals", help="file to which a line `failing-disk RUNS BROKEN` is appended")
    options = parser.parse_args()
    if not shutil.which("strace"):
        print("failing_disk.py: skipped: strace is not installed (apt-get install strace)")
        return SKIPPED
    walks = {(call, error): numbers() for call in options.call or CALLS for error in ERRORS}
    outcome = Outcome("failing-disk")
    while walks and outcome.runs < options.runs and outcome.broken < 3:
        for kind, walk in list(walks.items()):
            if outcome.runs >= options.runs:
                break
            run = Run(*kind, next(walk))
            was_met, wrong = run.run()
            outcome.add(run.work, wrong, run.what)
            if not was_met:
                print(f"{kind[0]} {kind[1]}: call number {run.number} is never made", flush=True)
                del walks[kind]
    return outcome.end(options.totals)


if __name__ == "__main__":
    sys.exit(main())
