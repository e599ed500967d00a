#!/usr/bin/env bash
# Continuous fuzzing with libFuzzer: builds the targets of tests/fuzz with clang, ASan and UBSan, and runs them one after
# another. What it learns is kept in build/fuzz/corpus, so the next run goes on from there; what it finds, in
# build/fuzz/findings, with the command that shows it again.
#
#   scripts/fuzz.sh                       every target, 60 s each
#   scripts/fuzz.sh --seconds 600 packet  one target, or several, ten minutes each
#   scripts/fuzz.sh --runs 1000000 batch  so many executions instead
#   scripts/fuzz.sh --keep packet         distils what was learnt into tests/fuzz/corpus/packet
#   scripts/fuzz.sh --totals FILE         appends a line `fuzz-<target> <executions> <found>` for each, for scripts/proof.sh
#
# The exit status is 0 if nothing was found. The totals over all runs are in build/fuzz/totals.
set -euo pipefail
cd "$(dirname "$0")/.."

limit=(-max_total_time=60)
keep=no
proof_totals=/dev/null
targets=()
while [ $# -gt 0 ]; do
  case "$1" in
    --seconds) limit=("-max_total_time=$2"); shift ;;
    --runs) limit=("-runs=$2"); shift ;;
    --keep) keep=yes ;;
    --totals) proof_totals="$2"; shift ;;
    -*) echo "fuzz.sh: unknown option '$1'; there are --seconds N, --runs N, --keep and --totals FILE" >&2; exit 2 ;;
    *) targets+=("$1") ;;
  esac
  shift
done

scripts/install_dependencies.sh --fuzz
build=build/fuzz
cmake -S . -B $build -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O2 -g1" \
  -DCMAKE_C_COMPILER=clang-14 -DCMAKE_CXX_COMPILER=clang++-14 -DBITACORA_FUZZ=ON \
  -DBITACORA_SANITIZE=fuzzer-no-link,address,undefined -DBITACORA_BENCH=OFF -DBITACORA_EXAMPLES=OFF > /dev/null
cmake --build $build --target fuzz_programs -j "$(nproc)"
mapfile -t all < <(find $build/tests/fuzz -maxdepth 1 -name 'fuzz_*' -type f -executable -printf '%f\n' | sed 's/^fuzz_//' | sort)
[ ${#targets[@]} -gt 0 ] || targets=("${all[@]}")

# Where memory came from is told with two frames: a finding that is run again by hand tells it with all. What is freed is
# kept from use again for longer than one run takes.
export ASAN_OPTIONS="malloc_context_size=2:quarantine_size_mb=16${ASAN_OPTIONS:+:$ASAN_OPTIONS}"

status=0
for target in "${targets[@]}"; do
  program=$build/tests/fuzz/fuzz_$target
  shipped=tests/fuzz/corpus/$target
  learnt=$build/corpus/$target
  if [ ! -x "$program" ]; then
    echo "fuzz.sh: no target '$target'; there are: ${all[*]}" >&2
    exit 2
  fi
  mkdir -p "$learnt" $build/findings
  if [ "$keep" = yes ]; then
    distilled="$(mktemp -d)"
    "$program" -merge=1 -rss_limit_mb=2048 "$distilled" "$shipped" "$learnt" 2> /dev/null
    # The smallest few hundred are enough for a test.
    find "$distilled" -type f -size -4k -printf '%s %p\n' | sort -n | head -n 300 | cut -d' ' -f2- | xargs -r cp -t "$shipped"
    rm -rf "$distilled"
    continue
  fi
  dictionary=tests/fuzz/$target.dict
  arguments=(-rss_limit_mb=2048 -malloc_limit_mb=64 -timeout=10 -max_len=8192 -entropic=0 -print_final_stats=1 "-artifact_prefix=$build/findings/$target-")
  [ ! -e "$dictionary" ] || arguments+=("-dict=$dictionary")
  echo "== $target"
  found=0
  if ! "$program" "${limit[@]}" "${arguments[@]}" "$learnt" "$shipped" > "$build/$target.log" 2>&1; then
    status=1
    found=1
    tail -n 40 "$build/$target.log" >&2
    echo "fuzz.sh: $target found something; to see it again: $program $build/findings/$target-..." >&2
  fi
  runs="$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$target.log")"
  echo "$target ${runs:-0}" >> $build/totals
  echo "fuzz-$target ${runs:-0} $found" >> "$proof_totals"
  awk -v target="$target" '$1 == target { sum += $2 } END { printf "%s: %d executions in all runs so far\n", target, sum }' $build/totals
done
exit $status
