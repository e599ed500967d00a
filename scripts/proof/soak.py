#!/usr/bin/env python3
"""The real server under a steady load for hours: does it stay as it was? Retention, compaction, key indexes and the scrub
are at work all the time; publishers and subscribers of QoS 0, 1 and 2 come and go with each interval, persistent sessions
leave and come back, history is replayed beside it, connections come that do nothing. Every message is accounted for.

  scripts/proof/soak.py [--hours N] [--rate MESSAGES-PER-SECOND] [--totals FILE]

Without --rate: half of what this machine takes, which is measured first. Once a second: resident memory and descriptors.
The verdict: no message lost, doubled or out of order; over the second half memory grows by less than 1 MiB/h (least
squares); when the clients of an interval have gone the server has no more descriptors than before; the p99 of the last third
of the intervals is no more than half again that of the first third. Of runs under half an hour only the first is judged.

Exit status: 0 it stayed, 1 it did not. Everything measured is in build/proof/soak.csv.
"""

import argparse
import csv
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from failing_disk import Run as Rig  # noqa: E402
from outcome import add_to_totals  # noqa: E402

BITACORA = os.environ.get("BITACORA", "build/release/bin/bitacora")
BENCH = os.environ.get("BITACORA_BENCH", "build/release/bin/bitacora-bench")
MIB = 1 << 20
MAX_SLOPE = 1.0  # MiB/h
MAX_P99_GROWTH = 1.5
MAX_MORE_DESCRIPTORS = 4  # segments come and go
JUDGED_FROM_HOURS = 0.5
CALIBRATION_SECONDS = 10

CONFIG = """
log_level = "warning"

[storage]
housekeeping_interval = "5s"
scrub_interval = "5m"

[broker]
default_log = "main"

[[logs]]
name = "main"
partitions = 4
segment_bytes = "4MiB"
retention_bytes = "32MiB"

[[logs]]
name = "state"
partitions = 2
cleanup = "compact"
segment_bytes = "1MiB"
min_cleanable_ratio = 0.2
retention_time = "forever"

[[logs]]
name = "fast"
partitions = 1
durability = "async"
segment_bytes = "4MiB"
retention_bytes = "16MiB"

[[routes]]
filter = "state/#"
log = "state"

[[routes]]
filter = "fast/#"
log = "fast"
"""


class Server(Rig):
    """The real server in a directory of its own."""

    def __init__(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="bitacora-soak-"))
        (self.work / "bitacora.toml").write_text(CONFIG)
        self.process, self.mqtt = self.start()
        if self.mqtt is None:
            raise RuntimeError((self.work / "server.log").read_text())
        self.http = int(dict(line.split("=") for line in (self.work / "ports").read_text().split())["http"])

    def command(self):  # with as many shards as the machine has cores
        command = super().command()
        at = command.index("--shards")
        return command[:at] + command[at + 2:]

    def resident(self):
        return int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class Sampler(threading.Thread):
    """(seconds since the start, resident bytes, descriptors), once a second."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.samples, self.ending = server, [], threading.Event()
        self.began = time.monotonic()

    def run(self):
        while not self.ending.wait(1.0) and self.server.process.poll() is None:
            self.samples.append((time.monotonic() - self.began, self.server.resident(), self.server.descriptors()))

    def end(self):
        self.ending.set()
        self.join()


def bench(server, command, *arguments):
    return subprocess.Popen([BENCH, command, "--port", str(server.mqtt), "--json", "-", *map(str, arguments)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def report_of(process):
    said, complained = process.communicate()
    if process.returncode not in (0, 1):
        raise RuntimeError(f"{process.args}: {complained}")
    return json.loads(said)


def p99_ms(report):
    """Of the deliveries, from when each message was due."""
    return report["phases"][-1]["latency_us"]["p99"] / 1000


class Interval:
    """All that clients do in one stretch of the soak. `quiet`: descriptors of the server once they have gone. `ended`: seconds
    since the sampler began."""

    def __init__(self, server, rate, seconds):
        self.server, self.rate, self.seconds = server, rate, seconds
        self.wrong, self.messages, self.p99 = [], 0, None

    def run(self):
        def load(command, share, *arguments):
            return bench(self.server, command, "--rate", max(1, round(self.rate * share)), "--duration", self.seconds, *arguments)

        steady = load("pubsub", 0.6, "--qos", 1, "--subscribe-qos", 1, "--publishers", 20, "--version", "5.0", "--prefix", "one")
        others = [
            load("pubsub", 0.15, "--qos", 2, "--subscribe-qos", 2, "--publishers", 5, "--pairs", "--prefix", "two"),
            load("pubsub", 0.1, "--qos", 0, "--subscribe-qos", 0, "--publishers", 5, "--subscribers", 3, "--prefix", "fast/zero"),
            load("publish", 0.15, "--qos", 1, "--publishers", 5, "--topics", 40, "--prefix", "state/of"),
        ]
        while steady.poll() is None:
            self.passers_by()
        for process in (steady, *others):
            report = report_of(process)
            self.judge(report)
            if process is steady:
                self.p99 = p99_ms(report)
        return self

    def passers_by(self):
        """Sessions that leave and come back, a reader of history, connections that do nothing."""
        self.judge(report_of(bench(self.server, "resume", "--qos", 1, "--subscribers", 5, "--publishers", 1, "--messages", 200,
                                   "--version", "5.0", "--prefix", "resumed")))
        replay = subprocess.run([BITACORA, "replay", "--url", f"http://127.0.0.1:{self.server.http}", "--log", "main", "--from",
                                 "-2s", "--filter", "one/+/0"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if replay.returncode != 0:
            self.wrong.append(f"a replay over HTTP: {replay.stderr}")
        report_of(bench(self.server, "idle", "--connections", 100, "--server-pid", self.server.process.pid))

    def judge(self, report):
        self.messages += report["check"]["sent"]
        if not report["check"]["good"]:
            self.wrong.append(f"{report['command']} {report['settings']}: {report['check']} {report['failures']}")


def most_that_it_takes(server):
    """Messages per second of all that an interval does. First without a rate of what most of it is, QoS 1 both ways; a whole
    interval at that rate is more than the server takes, and what it then takes is the answer."""
    alone = report_of(bench(server, "pubsub", "--qos", 1, "--subscribe-qos", 1, "--publishers", 20, "--duration",
                            CALIBRATION_SECONDS))["phases"][-1]["messages_per_second"]
    began = time.monotonic()
    together = Interval(server, alone, CALIBRATION_SECONDS).run()
    return together.messages / (time.monotonic() - began)


def floors(samples, intervals):
    """(hours, MiB): the least resident memory of each interval, at its end."""
    found, began = [], 0.0
    for interval in intervals:
        within = [resident for second, resident, _ in samples if began <= second < interval.ended]
        if within:
            found.append((interval.ended / 3600, min(within) / MIB))
        began = interval.ended
    return found


def median_slope(points):
    """Theil and Sen's."""
    slopes = [(later[1] - point[1]) / (later[0] - point[0]) for number, point in enumerate(points) for later in points[number + 1:]]
    return statistics.median(slopes) if slopes else 0.0


class Verdict:
    def __init__(self, samples, intervals, hours):
        self.broken = [wrong for interval in intervals for wrong in interval.wrong]
        self.is_long = hours >= JUDGED_FROM_HOURS
        self.floors = floors(samples, intervals)
        self.slope = median_slope(self.floors[len(self.floors) // 2:])
        self.resident = [sample[1] / MIB for sample in samples]
        self.quiet = [interval.quiet for interval in intervals]
        p99 = [interval.p99 for interval in intervals if interval.p99 is not None]
        third = max(1, len(p99) // 3)
        self.p99_first, self.p99_last = statistics.median(p99[:third]), statistics.median(p99[-third:])
        half = len(self.quiet) // 2
        drifts = [
            (self.slope >= MAX_SLOPE, f"memory grows by {self.slope:.2f} MiB/h"),
            (half > 0 and max(self.quiet[half:]) > max(self.quiet[:half]) + MAX_MORE_DESCRIPTORS,
             f"descriptors grow: at most {max(self.quiet[:half] or [0])}, then {max(self.quiet[half:])}"),
            (self.p99_last > self.p99_first * MAX_P99_GROWTH, f"p99 grows: {self.p99_first:.1f} ms, then {self.p99_last:.1f} ms"),
        ]
        self.drifts = [text for has_drifted, text in drifts if has_drifted]
        self.stayed = not self.broken and not (self.is_long and self.drifts)

    def print(self, messages, hours, rate):
        print(f"soak            {hours * 60:.0f} minutes, {messages} messages ({rate:.0f}/s asked for)")
        stays = [mib for _, mib in self.floors] or self.resident
        print(f"memory          {stays[0]:.1f} MiB in the first interval, {stays[len(stays) // 2]:.1f} MiB half way, {stays[-1]:.1f} MiB in "
              f"the last, {max(self.resident):.1f} MiB at most; slope over the second half {self.slope:+.2f} MiB/h")
        print(f"descriptors     {self.quiet[0]} after the first interval, {self.quiet[-1]} after the last, {max(self.quiet)} at most")
        print(f"p99             {self.p99_first:.1f} ms in the first third of the intervals, {self.p99_last:.1f} ms in the last")
        for wrong in self.broken:
            print(f"BROKEN          {wrong}")
        for drift in self.drifts:
            print(f"{'BROKEN' if self.is_long else 'note  '}          {drift}")
        if not self.is_long:
            print("                too short to judge what drifts: that needs half an hour at least")
        print(f"verdict         {'STAYED' if self.stayed else 'DID NOT STAY: the server is kept as it was left'}", flush=True)


def write_csv(path, samples, intervals):
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["seconds", "resident_bytes", "descriptors"])
        rows.writerows((f"{second:.1f}", resident, descriptors) for second, resident, descriptors in samples)
        rows.writerow(["interval", "p99_ms", "descriptors_without_clients"])
        rows.writerows((number, interval.p99, interval.quiet) for number, interval in enumerate(intervals))


def soak(server, options):
    rate = options.rate or most_that_it_takes(server) / 2
    print(f"{rate:.0f} messages/s for {options.hours * 60:.0f} minutes", flush=True)
    sampler = Sampler(server)
    sampler.start()
    intervals = []
    end = time.monotonic() + options.hours * 3600
    while time.monotonic() < end and server.process.poll() is None:
        interval = Interval(server, rate, min(options.interval, max(5, round(end - time.monotonic())))).run()
        interval.quiet = settled_descriptors(server)
        interval.ended = time.monotonic() - sampler.began
        intervals.append(interval)
        print(f"{len(intervals):4}: {interval.messages} messages, p99 {interval.p99:.1f} ms, {server.resident() / MIB:.1f} MiB, "
              f"{interval.quiet} descriptors" + "".join(f"\n      BROKEN {wrong}" for wrong in interval.wrong), flush=True)
    sampler.end()
    write_csv(options.csv, sampler.samples, intervals)
    hours = sampler.samples[-1][0] / 3600
    verdict = Verdict(sampler.samples, intervals, hours)
    if server.process.poll() is not None:
        verdict.broken.append(f"the server ended with {server.process.returncode}")
        verdict.stayed = False
    verdict.print(sum(interval.messages for interval in intervals), hours, rate)
    return hours, verdict.stayed


def settled_descriptors(server):
    """The fewest of a few seconds: connections that were closed are gone, housekeeping has no file open."""
    counts = []
    for _ in range(8):
        counts.append(server.descriptors())
        time.sleep(0.25)
    return min(counts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=1)
    parser.add_argument("--rate", type=float, help="messages per second; default: half of what the machine takes")
    parser.add_argument("--interval", type=int, default=60, help="seconds; clients come and go with each")
    parser.add_argument("--csv", default="soak.csv", help="what was measured")
    parser.add_argument("--totals", help="file to which a line `soak-minutes MINUTES BROKEN` is appended")
    options = parser.parse_args()
    server = Server()
    try:
        hours, stayed = soak(server, options)
    finally:
        server.kill(server.process)
    add_to_totals(options.totals, "soak-minutes", round(hours * 60), 0 if stayed else 1)
    if stayed:
        shutil.rmtree(server.work)
    else:
        print(f"kept: {server.work}")
    return 0 if stayed else 1


if __name__ == "__main__":
    sys.exit(main())
