#!/usr/bin/env python3
"""The table of docs/benchmarks.md: each workload against each server, in turns in one run, medians and ratios."""

import argparse
import contextlib
import datetime
import io
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import urllib.request

import bench_servers
from bench_goals import print_goals
from bench_page import put_into_page
from bench_servers import BENCH, STARTERS, SYNC_COST, Unavailable

EVERYBODY = ["bitacora", "bitacora-async", "bitacora-memory", "mosquitto", "nats", "null"]
PEERS = ["bitacora", "mosquitto", "nats"]
BARE_APPEND = "bare append"  # no server: 4 KiB appended to a file and fdatasync, one after the other

# name: what it is, the loader's command and options, messages at scale 1, which phase counts, which servers
WORKLOADS = {
    "A": ("1 publisher to 1 subscriber, QoS 0, 64 B", "pubsub",
          ["--publishers", "1", "--qos", "0", "--subscribe-qos", "0"], 1_000_000, "deliver", EVERYBODY[:-1]),
    "B": ("50 publishers, 20 in flight, QoS 1, 256 B", "publish",
          ["--publishers", "50", "--window", "20", "--payload", "256"], 1_000_000, "publish",
          EVERYBODY + ["bitacora-1", "bitacora-8", "bitacora-16", "bitacora-64"]),
    "B5": ("as B, MQTT 5.0", "publish",
           ["--version", "5.0", "--publishers", "50", "--window", "20", "--payload", "256"], 1_000_000, "publish",
           ["bitacora", "mosquitto"]),
    "L": ("50 publishers, QoS 1, 256 B, open loop at 20,000/s: latency from the scheduled time", "publish",
          ["--publishers", "50", "--payload", "256", "--rate", "20000"], 100_000, "publish", PEERS),
    "1": ("1 publisher, 1 in flight, QoS 1, 256 B", "publish",
          ["--publishers", "1", "--window", "1", "--payload", "256"], 10_000, "publish", [BARE_APPEND, *PEERS]),
    "Q2": ("50 publishers, 20 in flight, QoS 2, 256 B", "publish",
           ["--publishers", "50", "--window", "20", "--payload", "256", "--qos", "2"], 500_000, "publish",
           EVERYBODY[:2] + ["mosquitto", "null"]),
    "C": ("fan-out: 1 publisher to 100 subscribers, QoS 0, 64 B; deliveries", "pubsub",
          ["--publishers", "1", "--subscribers", "100", "--qos", "0", "--subscribe-qos", "0"], 20_000, "deliver", PEERS),
    "I": ("fan-in: 50 publishers to 1 subscriber, QoS 1, 64 B", "pubsub", ["--publishers", "50"], 300_000, "deliver", PEERS),
    "P": ("20 pairs, QoS 1, 64 B", "pubsub", ["--publishers", "20", "--pairs"], 300_000, "deliver", PEERS),
    "E": ("a persistent session comes back to 100,000 messages, QoS 1, 256 B", "resume",
          ["--publishers", "10", "--payload", "256"], 100_000, "resume", PEERS),
}


def run_loader(arguments):
    """(good, report)."""
    done = subprocess.run([BENCH, *arguments, "--json", "-"], capture_output=True, text=True, timeout=1800)
    if done.returncode == 2:
        raise Unavailable(done.stderr.strip())
    return done.returncode == 0, json.loads(done.stdout)


def measure_bare_append(work, count):
    if not pathlib.Path(SYNC_COST).exists():
        raise Unavailable(f"{SYNC_COST} was not built")
    text = subprocess.run([SYNC_COST, work, "4096", str(count)], capture_output=True, text=True, check=True).stdout
    mean, p50, p99, _ = next(line for line in text.splitlines() if line.startswith("append ")).split()[1:]
    return {"good": True, "rate": 1e6 / float(mean), "p50_ms": float(p50) / 1000, "p99_ms": float(p99) / 1000}


def measure(workload, server_name, work, scale):
    _, command, options, messages, phase_name, _ = WORKLOADS[workload]
    if server_name == BARE_APPEND:
        return measure_bare_append(work, 2000)
    with STARTERS[server_name](work) as server:
        good, report = run_loader([command, "--port", str(server.port), "--messages", str(max(1000, int(messages * scale))),
                                   "--server-pid", str(server.pid), *options])
    phase = next(phase for phase in report["phases"] if phase["name"] == phase_name)
    result = {"good": good, "rate": phase["messages_per_second"]}
    latency = phase.get("latency_us", {})
    if latency:
        result |= {"p50_ms": latency["p50"] / 1000, "p99_ms": latency["p99"] / 1000}
    use = phase.get("server")
    if use and phase["messages"]:
        result |= {"cpu_s_per_million": use["cpu_seconds"] * 1e6 / phase["messages"],
                   "peak_mib": use["peak_rss_bytes"] / 2**20}
    if use and command == "resume":  # what the server has grown by while messages were published for who is away
        waiting = report["phases"][0]
        grown = waiting["server"]["rss_bytes"] - waiting["server"]["rss_before_bytes"]
        result["bytes_per_waiting"] = grown / waiting["messages"]
    return result | {"report": report}


def medians(rounds):
    keys = ["rate", "p50_ms", "p99_ms", "cpu_s_per_million", "peak_mib", "bytes_per_waiting"]
    found = {key: [one[key] for one in rounds if key in one] for key in keys}
    return {key: statistics.median(values) for key, values in found.items() if values} | {
        "good": all(one["good"] for one in rounds), "rounds": len(rounds)}


def publish_log(port, messages):
    """So many records of 1,000 topics, and among them, spread over all, 100 of one."""
    rare = subprocess.Popen([BENCH, "publish", "--port", port, "--messages", "100", "--payload", "256", "--publishers", "1",
                             "--prefix", "bench/rare", "--rate", str(100 * 250_000 / messages)], stdout=subprocess.DEVNULL)
    run_loader(["publish", "--port", port, "--messages", str(messages), "--payload", "256", "--publishers", "50",
                "--topics", "20", "--window", "100", "--prefix", "bench/many"])
    if rare.wait() != 0:
        raise Unavailable("the rare topic could not be published")


def committed_offset(http, partition):
    with urllib.request.urlopen(f"http://127.0.0.1:{http}/topics/mqtt/partitions/{partition}", timeout=60) as answer:
        return json.load(answer)["committed_offset"]


def replays(work, scale):
    """What only bitacora has: reading what there is. {name: {rate, MB/s or ms}}."""
    results = {}
    messages = max(20_000, int(10_000_000 * scale))
    with bench_servers.start_bitacora(work) as server:
        port, http = str(server.port), str(server.http)
        publish_log(port, messages)

        def enter(name, arguments):
            try:
                good, report = run_loader([*arguments, "--server-pid", str(server.pid)])
            except Unavailable as why:
                print(f"bench: {name}: {why}", file=sys.stderr)
                return
            phase = report["phases"][-1]
            results[name] = {"good": good, "rate": phase["messages_per_second"], "seconds": phase["seconds"],
                             "mb_per_s": phase.get("bytes", 0) / 1e6 / phase["seconds"], "report": report}

        total = messages + 100
        enter("replay, MQTT QoS 0", ["subscribe", "--port", port, "--qos", "0", "--filter", "$replay/earliest/#",
                                     "--topics", "20", "--messages", str(total)])
        enter("replay by time, MQTT QoS 0", ["subscribe", "--port", port, "--qos", "0", "--filter", "$replay/-1h/#",
                                             "--topics", "20", "--messages", str(total)])
        end = committed_offset(http, 0)
        enter("replay of a partition from its middle, MQTT QoS 0",
              ["subscribe", "--port", port, "--qos", "0", "--filter", f"$log/mqtt/0/{end // 2}", "--topics", "20",
               "--messages", str(end - end // 2)])
        enter("replay, HTTP JSON", ["http-replay", "--port", http])
        enter("replay by time, HTTP JSON", ["http-replay", "--port", http, "--from", "-1h"])
        enter("replay, HTTP stored batches", ["http-replay", "--port", http, "--as", "batches"])
        enter("100 records of one topic, MQTT", ["subscribe", "--port", port, "--qos", "0", "--filter",
                                                 "$replay/earliest/bench/rare/0/0", "--messages", "100"])
        enter("the same by wildcard, MQTT", ["subscribe", "--port", port, "--qos", "0", "--filter",
                                             "$replay/earliest/bench/rare/+/0", "--messages", "100"])
        enter("the same, HTTP JSON", ["http-replay", "--port", http, "--filter", "bench/rare/+/0"])
    return results


def print_table(table):
    for workload, servers in table["workloads"].items():
        print(f"\n### {workload}: {WORKLOADS[workload][0]}\n")
        print("| server | msg/s | of mosquitto | p50 ms | p99 ms | CPU s per million | peak MiB |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        base = servers.get("mosquitto", {}).get("rate")
        for name, row in servers.items():
            ratio = f"{row['rate'] / base:.2f}x" if base and name != BARE_APPEND else "-"
            cells = [f"{row[key]:.2f}" if key in row else "-" for key in ("p50_ms", "p99_ms", "cpu_s_per_million")]
            peak = f"{row['peak_mib']:.0f}" if "peak_mib" in row else "-"
            note = "" if row["good"] else " **BAD**"
            print(f"| {name}{note} | {row['rate']:,.0f} | {ratio} | {' | '.join(cells)} | {peak} |")
        if any("bytes_per_waiting" in row for row in servers.values()):
            waiting = [f"{name} {row['bytes_per_waiting']:.0f} bytes" for name, row in servers.items()]
            print(f"\nMemory for each message that waits: {', '.join(waiting)}.")
    if table["replays"]:
        print("\n### Reading what there is\n")
        print("| | records/s | MB/s | seconds |\n|---|---:|---:|---:|")
        for name, row in table["replays"].items():
            rate = f"{row['mb_per_s']:,.0f}" if row["mb_per_s"] else "-"
            print(f"| {name}{'' if row['good'] else ' **BAD**'} | {row['rate']:,.0f} | {rate} | {row['seconds']:.3f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS", "3")))
    parser.add_argument("--scale", type=float, default=1.0, help="of the messages of each run; 0.02 for a look")
    parser.add_argument("--only", default=",".join([*WORKLOADS, "replay"]), help="workloads, comma-separated")
    parser.add_argument("--servers", default="", help="only these, comma-separated")
    parser.add_argument("--out", type=pathlib.Path, help="write everything as JSON to this file")
    parser.add_argument("--page", type=pathlib.Path, help="put the tables into this page too: docs/benchmarks.md")
    arguments = parser.parse_args()
    wanted = arguments.only.split(",")
    servers = [BARE_APPEND, *(arguments.servers.split(",") if arguments.servers else STARTERS)]
    table = {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
             "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}",
             "rounds": arguments.rounds, "scale": arguments.scale, "workloads": {}, "replays": {}, "runs": []}
    missing = set()
    with tempfile.TemporaryDirectory(prefix="bitacora-bench-") as work:
        for workload in [name for name in WORKLOADS if name in wanted]:
            found = {}
            for number in range(arguments.rounds):
                for name in [name for name in WORKLOADS[workload][5] if name in servers]:
                    try:
                        result = measure(workload, name, work, arguments.scale)
                    except Unavailable as why:
                        if name not in missing:
                            print(f"bench: without {name} in {workload}: {why}", file=sys.stderr)
                        missing.add(name)
                        continue
                    table["runs"].append({"workload": workload, "server": name, "round": number, **result})
                    found.setdefault(name, []).append(result)
                    print(f"{workload} {number + 1}/{arguments.rounds} {name}: {result['rate']:,.0f}/s", file=sys.stderr)
            table["workloads"][workload] = {name: medians(rounds) for name, rounds in found.items()}
        if "replay" in wanted and "bitacora" in servers:
            table["replays"] = replays(work, arguments.scale)
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        print(f"{table['date']}, {table['machine']}; median of {arguments.rounds}; messages x {arguments.scale:g}.")
        print_goals(table)
        print_table(table)
    print(text.getvalue(), end="")
    if arguments.page:
        put_into_page(arguments.page, "figures", text.getvalue())
    if arguments.out:
        arguments.out.write_text(json.dumps(table, indent=1))
    good = all(row["good"] for rows in table["workloads"].values() for row in rows.values())
    return 0 if good and all(row["good"] for row in table["replays"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
