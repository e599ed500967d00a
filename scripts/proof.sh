#!/usr/bin/env bash
# The evidence for the promise, with the real binary: builds what a rig needs, runs it, adds what it did to the totals of all
# runs so far (build/proof/totals), prints the table. docs/proof.md says what each rig does and finds.
#
#   scripts/proof.sh                        every rig, a little of each
#   scripts/proof.sh power-cuts --count 2000   one rig, or several, so much of it:
#     power-cuts     states on each of ext4, ext4 without journal, xfs        (root, loop, FUSE; default 100)
#     kills          kill -9 of the server under load                         (default 50)
#     failpoints     kills at each named step: its first N passes             (default 1)
#     failing-disk   runs with one failing system call each                   (strace; default 60)
#     thin-disk      runs on storage that runs out                            (root, loop; default 5)
#     simulation     seeds of the whole broker on a virtual clock and disk    (default 2000)
#     bit-rot        every bit of a segment and its indexes, every page
#     controls       builds with a defect, which the rigs must find
#     reverted       builds with one fix taken back, which its unit test must find
#     fuzz           executions of each fuzz target                           (clang 14; default: 30 seconds of each)
#     soak           hours of load at half of what the machine takes          (--hours N, default 0.1; --rate N)
#   scripts/proof.sh table                  only what was done so far
#
# It can be ended at any time; what was done counts. The exit status is 0 if nothing was found (and every defect was).
set -uo pipefail
cd "$(dirname "$0")/.."

count=
hours=0.1
rate=()
rigs=()
while [ $# -gt 0 ]; do
  case "$1" in
    --count) count="$2"; shift ;;
    --hours) hours="$2"; shift ;;
    --rate) rate=(--rate "$2"); shift ;;
    power-cuts | kills | failpoints | failing-disk | thin-disk | simulation | bit-rot | controls | reverted | fuzz | soak | table) rigs+=("$1") ;;
    *) echo "proof.sh: there is no rig '$1'; see the head of this file" >&2; exit 2 ;;
  esac
  shift
done
[ ${#rigs[@]} -gt 0 ] || rigs=(kills failpoints simulation bit-rot failing-disk thin-disk power-cuts controls reverted fuzz soak)
[ "${rigs[*]}" = table ] || scripts/install_dependencies.sh --tests || exit 1

out="$PWD/build/proof"
totals="$out/totals"
mkdir -p "$out"
touch "$totals"
python=/usr/bin/python3
status=0

# build_in <directory> <option> <target>...
build_in() {
  local directory="$out/$1" option="$2"
  shift 2
  cmake -S . -B "$directory" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBITACORA_EXAMPLES=OFF $option > /dev/null &&
    cmake --build "$directory" --target "$@" -j "$(nproc)" > "$directory/build.log" || {
    tail -n 30 "$directory/build.log" >&2
    return 1
  }
}

with_binaries_of() {
  export BITACORA="$out/$1/bin/bitacora" BITACORA_RIG="$out/release/bin/bitacora-rig" BITACORA_BENCH="$out/release/bin/bitacora-bench"
}

need() {  # packages that a rig needs and a test of the tree does not
  dpkg -s "$@" > /dev/null 2>&1 && return 0
  if [ "$(id -u)" -ne 0 ]; then
    echo "proof.sh: missing: $*; as root: apt-get install --no-install-recommends $*" >&2
    return 0
  fi
  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "$@" > /dev/null
}

# Runs `bitacora torture` and adds its kills to the totals.
torture() {
  local name="$1" work log
  shift
  work="$(mktemp -d "${TMPDIR:-/tmp}/bitacora-torture.XXXXXX")"
  log="$out/$name.log"
  "$BITACORA" torture --data "$work" "$@" | tee "$log"
  local verdict=${PIPESTATUS[0]}
  awk -v name="$name" '/^kills / { kills = $2 } /^failpoints / { kills = $4 } END { print name, kills + 0, '"$verdict"' }' "$log" >> "$totals"
  [ "$verdict" -eq 0 ] && rm -rf "$work"
  return "$verdict"
}

run_kills() {
  build_in release "" bitacora bitacora-rig || return 1
  with_binaries_of release
  torture kill-9 --minutes 600 --kills "${count:-50}"
}

run_failpoints() {
  build_in failpoints -DBITACORA_FAILPOINTS=ON bitacora || return 1
  with_binaries_of failpoints
  torture failpoint-kills --failpoints "${count:-1}"
}

# python_rig <script> <argument>...: with the binaries of the release; skipped is not failed.
python_rig() {
  local script="$1"
  shift
  build_in release "" bitacora bitacora-rig || return 1
  with_binaries_of release
  $python -B "scripts/proof/$script" "$@" --totals "$totals"
  case $? in 0 | 77) ;; *) return 1 ;; esac
}

run_power_cuts() {
  need qemu-system-common xfsprogs e2fsprogs
  local failed=0
  for file_system in ext4 ext4-nj xfs; do
    python_rig power_cut.py --file-system $file_system --states "${count:-100}" || failed=1
  done
  return $failed
}

run_failing_disk() {
  need strace
  python_rig failing_disk.py --runs "${count:-60}"
}

run_thin_disk() {
  python_rig thin_disk.py --runs "${count:-5}"
}

run_simulation() {
  build_in release "" bitacora-sim || return 1
  BITACORA_SIM="$out/release/tests/bitacora-sim" BITACORA_SIM_SEEDS="${count:-2000}" scripts/simulate.sh 1000000 build/simulation "$totals"
}

run_bit_rot() {
  build_in release "" storage_test || return 1
  local log="$out/bit-rot.log" failed=0
  BITACORA_BIT_ROT=all "$out/release/tests/storage_test" --gtest_filter='BitRot*' > "$log" 2>&1 || failed=1
  grep -E 'bits flipped|pages zeroed' "$log"
  [ $failed -eq 0 ] || tail -n 30 "$log" >&2
  awk -v failed=$failed '/bits flipped|pages zeroed/ { hits += $1 } END { print "bit-rot", hits + 0, failed }' "$log" >> "$totals"
  return $failed
}

run_fuzz() {
  local limit=(--seconds 30)
  [ -z "$count" ] || limit=(--runs "$count")
  scripts/fuzz.sh "${limit[@]}" --totals "$totals"
}

run_soak() {
  build_in release "" bitacora bitacora-bench || return 1
  with_binaries_of release
  $python -B scripts/proof/soak.py --hours "$hours" "${rate[@]}" --csv "$out/soak.csv" --totals "$totals"
}

run_reverted() {
  $python -B scripts/proof/reverted_fixes.py --work "$out/reverted" --totals "$totals"
}

# A control is good if the rig finds the defect: `caught <defect> <status of the rig>`.
caught() {
  if [ "$2" -ne 0 ] && [ "$2" -ne 77 ]; then
    echo "control $1: caught"
    echo "control-$1 1 0" >> "$totals"
  elif [ "$2" -eq 77 ]; then
    echo "control $1: skipped"
  else
    echo "control $1: NOT CAUGHT: the rig is blind" >&2
    echo "control-$1 1 1" >> "$totals"
    return 1
  fi
}

run_controls() {
  local failed=0
  need qemu-system-common xfsprogs e2fsprogs
  build_in release "" bitacora-rig || return 1
  for defect in ack-before-sync sqlite-normal; do
    build_in "break-$defect" "-DBITACORA_BREAK=$defect" bitacora || return 1
    with_binaries_of "break-$defect"
    $python -B scripts/proof/power_cut.py --file-system ext4 --states "${count:-100}" --stop-after 1 > "$out/control-$defect.log" 2>&1
    caught $defect $? || failed=1
  done
  for defect in truncate-at-first-bad no-directory-sync; do
    build_in "break-$defect" "-DBITACORA_BREAK=$defect" storage_test || return 1
    "$out/break-$defect/tests/storage_test" --gtest_filter='BitRot*:*Model*:*Crash*:*Power*' > "$out/control-$defect.log" 2>&1
    caught $defect $? || failed=1
  done
  return $failed
}

table() {
  awk '{ runs[$1] += $2; found[$1] += $3 } END { for (name in runs) printf "| %s | %d | %d |\n", name, runs[name], found[name] }' "$totals" |
    sort | { printf '| rig | runs | broken |\n|---|---|---|\n'; cat; }
}

for rig in "${rigs[@]}"; do
  [ "$rig" = table ] && continue
  echo "== $rig"
  "run_${rig//-/_}" || { echo "proof.sh: $rig FAILED" >&2; status=1; }
done
table
exit $status
