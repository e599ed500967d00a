#!/usr/bin/env bash
# Runs seeds of the simulation, goes on where the last run stopped, and adds up what all runs together have done.
#
#   scripts/simulate.sh [seconds] [state directory] [totals of scripts/proof.sh]
#
# The program is $BITACORA_SIM, or build/release/tests/bitacora-sim. The state directory (build/simulation) holds
# `totals`: the next seed and the sums, after each block of 100 seeds; so it may be ended at any time. A seed that breaks the
# promise, or aborts, is written to `failed` and counted as `broken`, the run goes on behind it and ends with status 1;
# docs/simulation.md says how to look at it. With $BITACORA_SIM_SEEDS it also ends when it has run so many.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-600}
state=${2:-build/simulation}
proof=${3:-/dev/null}
left=${BITACORA_SIM_SEEDS:-1000000000}
sim=${BITACORA_SIM:-build/release/tests/bitacora-sim}
[ -x "$sim" ] || { echo "no $sim: build the target bitacora-sim, or set BITACORA_SIM" >&2; exit 2; }
mkdir -p "$state"
touch "$state/totals"

total() { awk -v key="$1" '$1 == key { print $2 }' "$state/totals"; }

# add <next seed> <name> <number>...: to the sums of all runs.
add() {
  local next=$1
  shift
  {
    echo "next_seed $next"
    while [ $# -ge 2 ]; do
      echo "$1 $(( $(total "$1" || true) + $2 ))"
      shift 2
    done
  } > "$state/totals.new"
  mv "$state/totals.new" "$state/totals"
}

next=$(total next_seed)
next=${next:-1}
block=100
status=0
end=$(( $(date +%s) + seconds ))
while [ "$(date +%s)" -lt "$end" ] && [ "$left" -gt 0 ]; do
  last=$(( next + (left < block ? left : block) - 1 ))
  if output=$(nice -n 19 "$sim" --keep-going --seeds "$next..$last" 2>&1); then failed=0; else failed=1; fi
  line=$(echo "$output" | tail -n 1)
  if [ $failed -ne 0 ]; then
    status=1
    echo "$output" | tee -a "$state/failed"
    if ! [[ $line == "seeds "* ]]; then
      # It aborted: what was behind that seed in its block comes next.
      last=$(echo "$output" | sed -n 's/^aborted in seed //p' | tail -n 1)
      [ -n "$last" ] || { echo "simulate.sh: $sim ended without a word" >&2; exit 2; }
      broken=$(( 1 + $(echo "$output" | grep -c ' broke the promise:$' || true) ))
      line="seeds $(( last - next + 1 )) broken $broken"
      for name in published acknowledged delivered read ends faults damages; do line+=" $name 0"; done
    fi
  fi
  set -- $line
  echo "simulation $2 $4" >> "$proof"  # seeds, broken
  left=$(( left - (last - next + 1) ))
  next=$(( last + 1 ))
  add "$next" "$@"
done
cat "$state/totals"
exit $status
