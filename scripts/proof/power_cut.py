#!/usr/bin/env python3
"""Power cuts of the real server on real file systems.

A server runs on a file system on a loop device on a file that qemu-storage-daemon exports and whose every write and flush
it logs. Clients load the server; each time something was acknowledged they write a mark to the same device, behind the
file system. Then, for many points of the log: what a power cut there can leave (block_log.py) is mounted, the real binary
starts on it, and what it recovered is checked against what clients had been told by the last mark before the cut.

  scripts/proof/power_cut.py --file-system ext4|ext4-nj|xfs [--states N] [--seed N]
  scripts/proof/power_cut.py --file-system xfs --again DIRECTORY --cut N --subset N     one state of a kept recording again

A state whose file system cannot be mounted says nothing about the server and is not counted. ext4 without a journal is checked
and repaired by e2fsck first, as at a start of the machine. It keeps neither names nor the blocks of files over a power cut, for
nobody: there a loss is counted apart, as damage by the file system; but what is there must be what was sent, in its place.

Needs root, loop devices, FUSE, qemu-storage-daemon (qemu-system-common), xfsprogs. Exit status: 0 all kept, 1 something
was lost, 77 something that it needs is missing.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from block_log import SECTOR, BlockLog, CrashStates  # noqa: E402
from outcome import SKIPPED, add_to_totals  # noqa: E402

MARK_BYTES = 1 << 20  # behind the file system
MARK_MAGIC = re.compile(rb"bitacora-mark-(\d)\n")
FINDING = re.compile(r"^(I\d+|D\d+): ", re.MULTILINE)
LOSSES = {"I1", "I7", "I8"}  # of a record, a position, a retained value; the others are of what is there
TOLD = re.compile(r"are damaged on disk and cannot be read")
KEPT, BROKEN, DAMAGED, UNMOUNTABLE = "kept", "broken", "damaged by the file system", "unmountable"
FILE_SYSTEMS = {  # bytes, mkfs
    "ext4": (192 << 20, ["mkfs.ext4", "-q", "-F", "-E", "nodiscard,lazy_itable_init=0"]),
    "ext4-nj": (192 << 20, ["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-E", "nodiscard,lazy_itable_init=0"]),
    "xfs": (320 << 20, ["mkfs.xfs", "-q", "-f", "-K"]),
}


def missing():
    """What this machine lacks, as a text; empty if nothing."""
    if os.geteuid() != 0:
        return "it must be run as root (loop devices, mount)"
    for path in ("/dev/fuse", "/dev/loop-control"):
        if not os.path.exists(path):
            return f"there is no {path}"
    for program in ("qemu-storage-daemon", "losetup", "mkfs.ext4", "mkfs.xfs", "e2fsck"):
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            return f"{program} is not installed (apt-get install qemu-system-common xfsprogs e2fsprogs)"
    return why_no_mount()


def why_no_mount():
    """A container may be root and have the devices, and must not use them all the same."""
    with tempfile.TemporaryDirectory(prefix="bitacora-power-") as work:
        image, point = pathlib.Path(work) / "image", pathlib.Path(work) / "mnt"
        with open(image, "wb") as file:
            file.truncate(8 << 20)
        point.mkdir()
        try:
            run("mkfs.ext4", "-q", "-F", image)
            run("mount", "-o", "loop", image, point)
            run("umount", point)
        except RuntimeError as error:
            return f"this machine does not let it mount an image: {error}"
    return ""


def run(*command, **options):
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.STDOUT)
    done = subprocess.run([str(part) for part in command], text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stdout}")
    return done.stdout.strip()


def poll(condition, patience, what):
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {patience} s")
        time.sleep(0.002)


class Server:
    def __init__(self, rig, data, log):
        ports = rig.work / "ports"
        ports.unlink(missing_ok=True)
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                [rig.bitacora, "serve", "--config", rig.config, "--data", data, "--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0",
                 "--shards", "1", "--ports-file", ports], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            poll(lambda: ports.exists() or self.process.poll() is not None, 60, "the server's start")
        except RuntimeError:
            self.kill()
            raise
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended with {self.process.returncode} at its start: " +
                               pathlib.Path(log).read_text(errors="replace")[-2000:])
        found = dict(line.split("=") for line in ports.read_text().split())
        self.mqtt, self.http = int(found["mqtt"]), int(found["http"])

    def kill(self):
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Positions(threading.Thread):
    """Commits a group's position over HTTP, which the catalog (SQLite) keeps, and marks each answer."""

    def __init__(self, server, ledger, device, offset):
        super().__init__(daemon=True)
        self.server, self.ledger, self.ending = server, ledger, threading.Event()
        self.device, self.offset = os.open(device, os.O_WRONLY | os.O_DIRECT), offset
        self.facts = 0

    def run(self):
        import mmap
        sector = mmap.mmap(-1, 4096)
        base = f"http://127.0.0.1:{self.server.http}"
        committed = -1
        with open(self.ledger, "w", buffering=1) as ledger:
            while not self.ending.is_set():
                with urllib.request.urlopen(base + "/topics/main/partitions", timeout=30) as answer:
                    end = json.load(answer)[0]["committed_offset"]
                if end == committed:
                    continue
                body = json.dumps({"offsets": [{"topic": "main", "partition": 0, "offset": end}]}).encode()
                request = urllib.request.Request(base + "/groups/rig/offsets", data=body, method="PUT",
                                                 headers={"Content-Type": "application/json"})
                urllib.request.urlopen(request, timeout=30).close()
                committed = end
                ledger.write(f"group-committed rig main 0 {end}\n")
                self.facts += 1
                sector[0:24] = b"bitacora-mark-1\n" + struct.pack(">Q", self.facts)
                os.pwrite(self.device, memoryview(sector)[0:SECTOR], self.offset)

    def end(self):
        self.ending.set()
        self.join()
        os.close(self.device)


class Rig:
    def __init__(self, options):
        self.options = options
        self.bitacora = os.environ.get("BITACORA", "build/release/bin/bitacora")
        self.program = os.environ.get("BITACORA_RIG", "build/release/bin/bitacora-rig")
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="bitacora-power-", dir=options.work))
        self.config = self.work / "bitacora.toml"
        self.config.write_text(run(self.program, "config"))
        self.size, self.mkfs = FILE_SYSTEMS[options.file_system]
        self.mount_point = self.work / "mnt"
        self.mount_point.mkdir()

    # --- recording ---

    def record(self, into, seconds):
        """A recording: `base` (the file system as it was made), `log`, and the ledgers."""
        into.mkdir()
        base, image, log = into / "base", into / "image", into / "log"
        with open(base, "wb") as file:
            file.truncate(self.size)
        loop = run("losetup", "-f", "--show", "--sizelimit", self.size, base)
        try:
            run(*self.mkfs, loop)
        finally:
            run("losetup", "-d", loop)
        with open(base, "r+b") as file:
            file.truncate(self.size + MARK_BYTES)
        run("cp", "--sparse=always", base, image)
        log.touch()
        export = into / "export"
        export.touch()
        pidfile = into / "pid"
        run("qemu-storage-daemon", "--daemonize", "--pidfile", pidfile,
            "--blockdev", f"driver=file,node-name=f0,filename={image}", "--blockdev", f"driver=file,node-name=l0,filename={log}",
            "--blockdev", "driver=blklogwrites,node-name=b0,file=f0,log=l0",
            "--export", f"type=fuse,id=e0,node-name=b0,mountpoint={export},writable=on")
        daemon = int(pidfile.read_text())
        loop, server = None, None
        try:
            poll(lambda: export.stat().st_size == self.size + MARK_BYTES, 10, "the export")
            loop = run("losetup", "-f", "--show", export)
            # The file system's own device ends before the marks.
            self.mount(loop)
            server = Server(self, self.mount_point / "data", into / "server.log")
            positions = Positions(server, into / "positions", loop, self.size + 4096)
            positions.start()
            acknowledged = run(self.program, "load", "--port", server.mqtt, "--ledger", into / "ledger", "--device", loop,
                               "--mark-offset", self.size, "--seconds", seconds)
            positions.end()
        finally:
            if server:
                server.kill()
            subprocess.run(["umount", self.mount_point], stderr=subprocess.DEVNULL)
            if loop:
                subprocess.run(["losetup", "-d", loop])
            os.kill(daemon, signal.SIGTERM)
            poll(lambda: not os.path.exists(f"/proc/{daemon}"), 30, "the end of qemu-storage-daemon")
        image.unlink()
        print(f"recorded {seconds} s on {self.options.file_system}: {acknowledged} messages acknowledged", flush=True)

    def mount(self, device, *options):
        kind = "xfs" if self.options.file_system == "xfs" else "ext4"
        run("mount", "-t", kind, "-o", ",".join(("noatime",) + options), device, self.mount_point)

    # --- checking ---

    def known_at(self, log):
        """For each entry of the log: how many facts of each ledger had been marked before it."""
        known, now = [], [0, 0]
        mark_sector = self.size // SECTOR
        for entry in log.entries:
            known.append(tuple(now))
            if entry.sector >= mark_sector and entry.sectors and not entry.flags & 4:
                data = log.data(entry)
                magic = MARK_MAGIC.match(data)
                if magic:
                    number = int(magic[1])
                    now[number] = max(now[number], struct.unpack_from(">Q", data, 16)[0])
        known.append(tuple(now))
        return known

    def check(self, recording, states, log, known, cut, seed):
        """Returns what became of one state (KEPT, ...), and what is to be told of it."""
        image = self.work / "state"
        image.unlink(missing_ok=True)
        states.make(cut, seed, image)
        repaired = ""
        if self.options.file_system == "ext4-nj":  # without a journal it is a check that makes it mountable
            done = subprocess.run(["e2fsck", "-fy", str(image)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode > 2:
                return UNMOUNTABLE, "e2fsck: " + done.stdout
            repaired = done.stdout
        try:
            self.mount(image, "loop")
        except RuntimeError as error:
            return UNMOUNTABLE, str(error).splitlines()[0]
        try:
            wrong = self.start_and_check(recording, known[cut])
        finally:
            run("umount", self.mount_point)
        if not wrong:
            return KEPT, ""
        if self.options.file_system == "ext4-nj" and self.is_only_loss(wrong):
            return DAMAGED, "".join(line for line in wrong.splitlines(keepends=True) if FINDING.match(line) or TOLD.search(line))
        return BROKEN, wrong + repaired

    @staticmethod
    def is_only_loss(wrong):
        findings = set(FINDING.findall(wrong))
        return findings <= LOSSES if findings else bool(TOLD.search(wrong))

    def start_and_check(self, recording, known):
        """On the mounted state; returns what was wrong, empty if nothing."""
        data = self.mount_point / "data"
        server_log = self.work / "server.log"
        server_log.unlink(missing_ok=True)
        try:
            Server(self, data, server_log).kill()
        except RuntimeError as error:
            return str(error)
        done = subprocess.run([self.program, "check", "--data", str(data), "--ledger", str(recording / "ledger"),
                               str(recording / "positions"), "--upto", str(known[0]), str(known[1])],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return "" if done.returncode == 0 else done.stdout + server_log.read_text(errors="replace")[-3000:]

    def check_all(self, recording, count, choice):
        """Looks at `count` states, or at fewer until too many are broken; returns how many of each kind there were."""
        log = BlockLog(recording / "log")
        known = self.known_at(log)
        first = next(number for number, facts in enumerate(known) if facts[0] > 0)
        marks = [number + 1 for number in range(first, len(log.entries)) if known[number + 1] != known[number]]
        cuts = []
        for _ in range(count):  # half of them right behind something that clients were told
            near = choice.random() < 0.5
            cut = choice.choice(marks) + choice.randrange(4) if near else choice.randrange(first, len(log.entries))
            cuts.append((min(cut, len(log.entries)), choice.randrange(1 << 32)))
        base = recording / "durable"
        run("cp", "--sparse=always", recording / "base", base)
        states = CrashStates(log, base)
        kinds = collections.Counter()
        for cut, seed in sorted(cuts):
            kind, text = self.check(recording, states, log, known, cut, seed)
            kinds[kind] += 1
            if kind != KEPT:
                print(f"{kind.upper()}: cut {cut} of {len(log.entries)}, subset {seed}, known {known[cut]}: {text}", flush=True)
            if kinds[BROKEN] >= self.options.stop_after:
                break
        base.unlink()
        return kinds


def checked(kinds):
    """States that say something about the server."""
    return kinds.total() - kinds[UNMOUNTABLE]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file-system", choices=FILE_SYSTEMS, required=True)
    parser.add_argument("--states", type=int, default=200)
    parser.add_argument("--states-per-recording", type=int, default=250)
    parser.add_argument("--seconds", type=float, default=4, help="of load in a recording")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--stop-after", type=int, default=3, help="broken states")
    parser.add_argument("--totals", help="file to which a line `NAME STATES BROKEN` is appended")
    parser.add_argument("--name", default=None, help="in --totals; power-cut-<file system> by default")
    parser.add_argument("--work", default="/dev/shm" if os.path.isdir("/dev/shm") else None)
    parser.add_argument("--again", help="a recording that was kept")
    parser.add_argument("--cut", type=int)
    parser.add_argument("--subset", type=int)
    options = parser.parse_args()
    lacking = missing()
    if lacking:
        print("power_cut.py: skipped: " + lacking)
        return SKIPPED
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    choice = random.Random(seed)
    rig = Rig(options)
    if options.again:
        recording = pathlib.Path(options.again)
        log = BlockLog(recording / "log")
        run("cp", "--sparse=always", recording / "base", recording / "durable")
        kind, text = rig.check(recording, CrashStates(log, recording / "durable"), log, rig.known_at(log), options.cut, options.subset)
        print(kind, text)
        return 1 if kind == BROKEN else 0
    totals = collections.Counter()
    name = options.name or "power-cut-" + options.file_system
    while checked(totals) < options.states and not totals[BROKEN]:
        recording = rig.work / "recording"
        rig.record(recording, options.seconds)
        began = time.monotonic()
        found = rig.check_all(recording, min(options.states - checked(totals), options.states_per_recording), choice)
        totals += found
        print(f"{name}: {checked(totals)} states, {totals[BROKEN]} broken" +
              "".join(f", {totals[kind]} {kind}" for kind in (DAMAGED, UNMOUNTABLE) if totals[kind]) +
              f", {(time.monotonic() - began) / max(found.total(), 1):.2f} s a state", flush=True)
        add_to_totals(options.totals, name, checked(found), found[BROKEN])
        if found[DAMAGED]:
            add_to_totals(options.totals, name + "-damaged", found[DAMAGED], 0)
        if not found[BROKEN]:
            shutil.rmtree(recording)
    if totals[BROKEN]:
        print(f"kept: {recording}")
    else:
        shutil.rmtree(rig.work)
    return 1 if totals[BROKEN] else 0


if __name__ == "__main__":
    sys.exit(main())
