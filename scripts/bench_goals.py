"""What this server's speed is to be, as ratios within one run: the table of goals under the figures of scripts/bench.sh."""

import dataclasses


@dataclasses.dataclass
class Goal:
    text: str
    measured: str
    met: bool


def _ratio(table, text, least, workload, key="rate", of=("mosquitto", None), server="bitacora"):
    """`server`'s figure over the one of `of` (server, workload); at least `least`, or with a negative one at most -least."""
    rows = table["workloads"]
    other = rows.get(of[1] or workload, {}).get(of[0], {}).get(key)
    own = rows.get(workload, {}).get(server, {}).get(key)
    if own is None or not other:
        return None
    ratio = own / other
    return Goal(text, f"{ratio:.3f}x" if ratio < 0.1 else f"{ratio:.2f}x", ratio >= least if least > 0 else ratio <= -least)


def _replay(table, text, name, key, least, unit, scale=1.0):
    row = table["replays"].get(name)
    if row is None:
        return None
    value = row[key] * scale
    return Goal(text, f"{value:,.0f} {unit}", value >= least if least > 0 else value <= -least)


def goals(table):
    """Those that this run has the figures for, in the order of the list they come from."""
    found = [
        _ratio(table, "B: at least 2.5x mosquitto's acknowledgements, each behind a sync", 2.5, "B"),
        _ratio(table, "B with `async`: at least as fast as with `sync`", 1.0, "B", of=("bitacora", None), server="bitacora-async"),
        _ratio(table, "B with `memory`: at least as fast as with `sync`", 1.0, "B", of=("bitacora", None), server="bitacora-memory"),
        _ratio(table, "B: p99 at most mosquitto's", -1.0, "B", "p99_ms"),
        _ratio(table, "B: CPU seconds per million at most mosquitto's", -1.0, "B", "cpu_s_per_million"),
        _ratio(table, "one in flight: p50 at most 1.5x that of one bare 4 KiB append + fdatasync", -1.5, "1", "p50_ms",
               of=("bare append", None)),
        _ratio(table, "B over 16 partitions: at least 0.8x B over one", 0.8, "B", of=("bitacora-1", None), server="bitacora-16"),
        _ratio(table, "A: at least 2.5x mosquitto's", 2.5, "A"),
        _ratio(table, "C: at least 2x mosquitto's", 2.0, "C"),
        _ratio(table, "QoS 2: at least 2x mosquitto's", 2.0, "Q2"),
        _ratio(table, "E: resume at at least 1.5x mosquitto's rate", 1.5, "E"),
        _ratio(table, "E: memory of a message that waits, at most 1/20 of mosquitto's", -0.05, "E", "bytes_per_waiting"),
        _replay(table, "replay over HTTP as JSON: at least 300,000 records/s", "replay, HTTP JSON", "rate", 300_000, "records/s"),
        _replay(table, "replay over HTTP as stored batches: at least 1 GB/s", "replay, HTTP stored batches", "mb_per_s", 1000, "MB/s"),
        _replay(table, "replay over MQTT at QoS 0: at least 1,000,000 records/s", "replay, MQTT QoS 0", "rate", 1_000_000,
                "records/s"),
        _replay(table, "100 records of one topic among all: under 100 ms", "100 records of one topic, MQTT", "seconds", -100,
                "ms", 1000),
        _replay(table, "the same by a filter with a wildcard", "the same by wildcard, MQTT", "seconds", -100, "ms", 1000),
    ]
    return [goal for goal in found if goal is not None]


def print_goals(table):
    rows = goals(table)
    if not rows:
        return
    print("\n### Goals\n\n| goal | measured | |\n|---|---:|---|")
    for goal in rows:
        print(f"| {goal.text} | {goal.measured} | {'met' if goal.met else '**missed**'} |")
