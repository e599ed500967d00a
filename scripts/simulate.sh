#!/usr/bin/env bash
# Runs seeds of the simulation, goes on where the last run stopped, and adds up what all runs together have done.
#
#   scripts/simulate.sh [seconds] [state directory]
#
# The program is $BITACORA_SIM, or build/release/tests/bitacora-sim. The state directory (build/simulation) holds
# `totals`: the next seed and the sums. A seed that breaks the promise ends the run with status 1 and is written to
# `failed`; docs/simulation.md says how to look at it.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-600}
state=${2:-build/simulation}
sim=${BITACORA_SIM:-build/release/tests/bitacora-sim}
[ -x "$sim" ] || { echo "no $sim: build the target bitacora-sim, or set BITACORA_SIM" >&2; exit 2; }
mkdir -p "$state"
touch "$state/totals"

total() { awk -v key="$1" '$1 == key { print $2 }' "$state/totals"; }
add() { echo "$1 $(( $(total "$1" || true) + $2 ))"; }

next=$(total next_seed)
next=${next:-1}
block=200
end=$(( $(date +%s) + seconds ))
while [ "$(date +%s)" -lt "$end" ]; do
  last=$(( next + block - 1 ))
  if ! line=$(nice "$sim" --seeds "$next..$last" 2>&1); then
    echo "$line" | tee -a "$state/failed"
    exit 1
  fi
  next=$(( last + 1 ))
  {
    echo "next_seed $next"
    set -- $line
    while [ $# -ge 2 ]; do
      add "$1" "$2"
      shift 2
    done
  } > "$state/totals.new"
  mv "$state/totals.new" "$state/totals"
done
cat "$state/totals"
