#!/usr/bin/env bash
# The table of docs/benchmarks.md: bitacora (sync, async, memory; 1, 8 and 64 partitions), Debian's mosquitto, Debian's
# nats-server and the loader's own null server, in turns in one run. Prints medians and their ratio to mosquitto's.
#
#   scripts/bench.sh                          everything, about an hour on two cores
#   scripts/bench.sh --scale 0.02 --rounds 1  a look at whether all of it works
#   scripts/bench.sh --only B,E,replay --servers bitacora,mosquitto --out result.json
#
#   BITACORA=build/release/bin/bitacora  BENCH=build/release/bin/bitacora-bench  MOSQUITTO=mosquitto  NATS=nats-server
#
# A server that is not installed is left out, with a line that says so. Ends with 1 if a run lost, doubled or reordered anything.
set -euo pipefail
exec /usr/bin/python3 -B "$(dirname "$0")/bench_table.py" "$@"
