#!/usr/bin/env python3
"""What grows with the log: time until the server is ready after a clean stop and after kill -9, a first read from an old
offset, and a retention pass. One log is filled step by step, and all four are measured at each size.

  scripts/bench_log_size.py --sizes 1MiB,1GiB,16GiB --directory /var/tmp --out-json log.json --out-svg log.svg

As root, the kernel forgets all files before each measurement; otherwise they are in its cache, and the output says so.
"""

import argparse
import json
import pathlib
import re
import signal
import statistics
import sys
import tempfile
import time
import urllib.request

import bench_servers
from bench_page import put_into_page
from bench_plot import svg
from bench_table import run_loader

UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
PARTITIONS = 4
SERIES = ["ready after a clean stop", "ready after kill -9", "10 records from an old offset"]
PATIENCE_S = 120


def size_of(text):
    number, unit = re.fullmatch(r"(\d+)(KiB|MiB|GiB)", text).groups()
    return int(number) * UNITS[unit]


def forget_files():
    """Whether the kernel's cache of files is empty now."""
    try:
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
        return True
    except OSError:
        return False


class LargeLog:
    """A server over one data directory, which is started and ended again and again."""

    def __init__(self, directory):
        self.directory = directory
        self.server = None

    def start(self, retention_bytes="unlimited"):
        """Seconds until it listens."""
        self.server = bench_servers.Server("bitacora", self.directory)
        config = self.server.directory / "bitacora.toml"
        limit = retention_bytes if isinstance(retention_bytes, int) else f'"{retention_bytes}"'
        config.write_text(f'[storage]\nhousekeeping_interval = "10ms"\ndisk_stop_percent = 100\n[[logs]]\nname = "mqtt"\npartitions = {PARTITIONS}\n'
                          f'durability = "async"\nretention_bytes = {limit}\n')
        return bench_servers.await_bitacora(self.server, config, self.directory / "data")

    def end(self, how):
        self.server.process.send_signal(how)
        self.server.process.wait()
        self.server.log.close()

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.server.http}/topics/mqtt/partitions{path}", timeout=60) as answer:
            return json.load(answer)

    def bytes(self):
        return sum(partition["size_bytes"] for partition in self.get(""))

    def fill(self, size):
        payload = 64 << 10
        missing = size - self.bytes()
        if missing > 0:
            good, report = run_loader(["publish", "--port", str(self.server.port), "--payload", str(payload), "--messages",
                                       str(max(1, missing // payload)), "--publishers", "8", "--topics", "50"])
            if not good:
                sys.exit(f"bench: filling the log failed: {report['failures']}")

    def first_read(self):
        bounds = self.get("/0")
        old = bounds["log_start_offset"] + (bounds["committed_offset"] - bounds["log_start_offset"]) // 10
        begin = time.perf_counter()
        if not self.get(f"/0/records?offset={old}&max_records=10"):
            sys.exit("bench: there is nothing at an old offset")
        return time.perf_counter() - begin

    def retention_pass(self, began):
        """Seconds from `began` until half of it is gone."""
        deadline = time.monotonic() + PATIENCE_S
        while any(partition["log_start_offset"] == 0 for partition in self.get("")):
            if time.monotonic() > deadline:
                sys.exit("bench: retention did not come")
        return time.perf_counter() - began


def measure(log, size):
    """{series: seconds} with `size` bytes in the log."""
    log.start()
    log.fill(size)
    result = {"bytes": log.bytes()}
    for name, how in (("clean stop", signal.SIGTERM), ("kill -9", signal.SIGKILL)):
        times = []
        for _ in range(3):
            log.end(how)
            forget_files()
            times.append(log.start())
        result[f"ready after a {name}" if how == signal.SIGTERM else f"ready after {name}"] = statistics.median(times)
    log.end(signal.SIGTERM)
    forget_files()
    log.start()
    result["10 records from an old offset"] = log.first_read()
    log.end(signal.SIGTERM)
    return result


def measure_retention(log):
    """Once, at the end: half of what is there is let go. None if there is too little: the newest segment always stays."""
    log.start()
    before = log.bytes()
    enough = all(partition["segments"] > 2 for partition in log.get(""))
    log.end(signal.SIGTERM)
    if not enough:
        return None
    forget_files()
    log.start(retention_bytes=before // PARTITIONS // 2)
    seconds = log.retention_pass(time.perf_counter())
    result = {"bytes_before": before, "bytes_after": log.bytes(), "seconds": seconds}
    log.end(signal.SIGTERM)
    return result


def format_size(size):
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def markdown(points, retention, cached):
    lines = ["| log | " + " | ".join(SERIES) + " |", "|---:" * (len(SERIES) + 1) + "|"]
    for point in points:
        lines.append(f"| {format_size(point['bytes'])} | " + " | ".join(f"{point[name]:.3f} s" for name in SERIES) + " |")
    lines.append(f"\nFiles were {cached}.")
    if retention:
        lines.append(f"Retention from {format_size(retention['bytes_before'])} down to {format_size(retention['bytes_after'])} took "
                     f"{retention['seconds']:.2f} s.")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1MiB,64MiB,1GiB,8GiB", help="rising, comma-separated")
    parser.add_argument("--directory", help="where the log is made; it is removed at the end")
    parser.add_argument("--out-json", type=pathlib.Path)
    parser.add_argument("--out-svg", type=pathlib.Path)
    parser.add_argument("--page", type=pathlib.Path, help="put the table into this page too: docs/benchmarks.md")
    arguments = parser.parse_args()
    points = []
    with tempfile.TemporaryDirectory(prefix="bitacora-log-", dir=arguments.directory) as directory:
        log = LargeLog(pathlib.Path(directory))
        for size in [size_of(text) for text in arguments.sizes.split(",")]:
            points.append(measure(log, size))
            print(", ".join(f"{name}: {value:,}" if name == "bytes" else f"{name}: {value:.3f} s"
                            for name, value in points[-1].items()), flush=True)
        retention = measure_retention(log)
    cached = "not in the kernel's cache" if forget_files() else "in the kernel's cache as far as it has room"
    text = markdown(points, retention, cached)
    print(text, end="")
    if arguments.page:
        put_into_page(arguments.page, "log size", text)
    if arguments.out_json:
        arguments.out_json.write_text(json.dumps({"points": points, "retention": retention, "files": cached}, indent=1))
    if arguments.out_svg:
        series = {name: [(point["bytes"] / 2**20, point[name]) for point in points] for name in SERIES}
        arguments.out_svg.write_text(svg("MiB in the log", series, "Seconds over the size of the log", unit="s"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
