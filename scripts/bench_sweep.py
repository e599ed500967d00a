#!/usr/bin/env python3
"""How the cost grows: one workload over one quantity, drawn as SVG. docs/benchmarks.md says how to read it.

  scripts/bench_sweep.py connections --out-json sweep.json --out-svg sweep.svg
"""

import argparse
import json
import math
import pathlib
import sys
import tempfile

import bench_servers
from bench_table import run_loader

COLOURS = {"bitacora": "#0b5fa5", "mosquitto": "#b5541c", "nats": "#3c8c3c"}

# quantity: the values, loader options for a value, partitions for a value, messages for a value
SWEEPS = {
    "connections": ([10, 100, 1000, 10000], lambda n: ["--publishers", str(n), "--payload", "256"], lambda n: 4,
                    lambda n: 400_000),
    "payload": ([28, 64, 256, 1024, 4096, 16384, 65536, 262144], lambda n: ["--publishers", "50", "--payload", str(n)],
                lambda n: 4, lambda n: max(2_000, min(400_000, 2_000_000_000 // n))),
    "partitions": ([1, 2, 4, 8, 16, 64, 256], lambda n: ["--publishers", "50", "--payload", "256"], lambda n: n,
                   lambda n: 400_000),
    "window": ([1, 4, 16, 64, 256, 1024], lambda n: ["--publishers", "50", "--payload", "256", "--window", str(n)],
               lambda n: 4, lambda n: 400_000),
}


def measure(quantity, value, name, work, scale):
    _, options, partitions, messages = SWEEPS[quantity]
    start = (lambda: bench_servers.start_bitacora(work, partitions=partitions(value))) if name == "bitacora" else (
        lambda: bench_servers.STARTERS[name](work))
    with start() as server:
        good, report = run_loader(["publish", "--port", str(server.port), "--messages",
                                   str(max(value, int(messages(value) * scale))), "--server-pid", str(server.pid),
                                   *options(value)])
    return good, report["phases"][0]["messages_per_second"]


def svg(quantity, series, title):
    """A line for each server over a logarithmic axis; numbers at each point, so that nothing has to be measured off."""
    width, height, left, top, right, bottom = 760, 420, 80, 50, 150, 60
    values = sorted({value for points in series.values() for value, _ in points})
    low, high = math.log(values[0]), math.log(max(values[-1], values[0] * 1.01))
    peak = max(rate for points in series.values() for _, rate in points) * 1.1
    x = lambda value: left + (math.log(value) - low) / (high - low) * (width - left - right)
    y = lambda rate: height - bottom - rate / peak * (height - top - bottom)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
             f'font-size="12"><rect width="100%" height="100%" fill="white"/><text x="{left}" y="24" font-size="15">{title}</text>']
    for step in range(6):
        rate = peak * step / 5
        parts.append(f'<line x1="{left}" x2="{width - right}" y1="{y(rate):.1f}" y2="{y(rate):.1f}" stroke="#ddd"/>'
                     f'<text x="{left - 8}" y="{y(rate) + 4:.1f}" text-anchor="end">{rate:,.0f}</text>')
    for value in values:
        parts.append(f'<text x="{x(value):.1f}" y="{height - bottom + 18}" text-anchor="middle">{value:,}</text>')
    parts.append(f'<text x="{(left + width - right) / 2}" y="{height - 14}" text-anchor="middle">{quantity}</text>')
    for number, (name, points) in enumerate(series.items()):
        colour = COLOURS.get(name, "#666")
        path = " ".join(f"{x(value):.1f},{y(rate):.1f}" for value, rate in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x(value):.1f}" cy="{y(rate):.1f}" r="3" fill="{colour}"><title>{name}: {rate:,.0f}/s at {value:,}'
                  f'</title></circle>' for value, rate in points]
        parts.append(f'<text x="{width - right + 12}" y="{top + 20 * number + 10}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])


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
    series = {name: [] for name in arguments.servers.split(",")}
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
