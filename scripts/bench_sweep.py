#!/usr/bin/env python3
"""How the cost grows: one workload over one quantity, drawn as SVG. docs/benchmarks.md says how to read it.

  scripts/bench_sweep.py connections --out-json sweep.json --out-svg sweep.svg
"""

import argparse
import json
import pathlib
import sys
import tempfile

import bench_servers
from bench_plot import svg
from bench_table import run_loader

B = ["--publishers", "50", "--payload", "256"]

# quantity: the values, loader options for a value, how bitacora is set up for it, messages for it at scale 1
SWEEPS = {
    "connections": ([10, 100, 1000, 10_000], lambda n: ["--publishers", str(n), "--payload", "256"], lambda n: {},
                    lambda n: 400_000),
    "subscriptions": ([10, 100, 1000, 10_000, 100_000, 1_000_000], lambda n: [*B, "--bystanders", str(n)], lambda n: {},
                      lambda n: 400_000),
    "payload": ([28, 64, 256, 1024, 4096, 16384, 65536, 262144], lambda n: ["--publishers", "50", "--payload", str(n)],
                lambda n: {}, lambda n: max(10_000, min(400_000, 1_000_000_000 // n))),
    "partitions": ([1, 2, 4, 8, 16, 64, 256], lambda n: B, lambda n: {"partitions": n}, lambda n: 400_000),
    "shards": ([1, 2], lambda n: B, lambda n: {"shards": n}, lambda n: 400_000),
    "window": ([1, 4, 16, 64, 256, 1024], lambda n: [*B, "--window", str(n)], lambda n: {}, lambda n: 400_000),
}
ONLY_BITACORA = {"partitions", "shards"}  # what others do not have


def measure(quantity, value, name, work, scale):
    _, options, setup, messages = SWEEPS[quantity]
    start = (lambda: bench_servers.start_bitacora(work, **setup(value))) if name == "bitacora" else (
        lambda: bench_servers.STARTERS[name](work))
    count = max(10_000, int(messages(value) * scale))  # no connection is without
    with start() as server:
        good, report = run_loader(["publish", "--port", str(server.port), "--messages", str(count), "--server-pid",
                                   str(server.pid), *options(value)])
    return good, report["phases"][0]["messages_per_second"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("quantity", choices=SWEEPS)
    parser.add_argument("--servers", default="bitacora,mosquitto")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--values", help="only these, comma-separated")
    parser.add_argument("--out-json", type=pathlib.Path)
    parser.add_argument("--out-svg", type=pathlib.Path)
    arguments = parser.parse_args()
    values = [int(value) for value in arguments.values.split(",")] if arguments.values else SWEEPS[arguments.quantity][0]
    names = ["bitacora"] if arguments.quantity in ONLY_BITACORA else arguments.servers.split(",")
    series = {name: [] for name in names}
    all_good = True
    with tempfile.TemporaryDirectory(prefix="bitacora-sweep-") as work:
        for value in values:
            for name, points in series.items():
                try:
                    good, rate = measure(arguments.quantity, value, name, work, arguments.scale)
                except bench_servers.Unavailable as why:
                    print(f"bench: {name} at {value}: {why}", file=sys.stderr)
                    continue
                all_good = all_good and good
                points.append((value, rate))
                print(f"{arguments.quantity} {value:>8,} {name:<12} {rate:>12,.0f}/s{'' if good else '  BAD'}")
    series = {name: points for name, points in series.items() if points}
    if arguments.out_json:
        arguments.out_json.write_text(json.dumps({"quantity": arguments.quantity, "series": series}, indent=1))
    if arguments.out_svg and series:
        title = f"QoS 1 acknowledgements per second over {arguments.quantity}"
        arguments.out_svg.write_text(svg(arguments.quantity, series, title))
    return 0 if all_good else 1


if __name__ == "__main__":
    sys.exit(main())
