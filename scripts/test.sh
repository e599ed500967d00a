#!/usr/bin/env bash
# Builds and tests everything, in three parts:
#
#   release   every test, and the style of the tree (format, clang-tidy, layers, sizes, links)
#   asan      every test again under AddressSanitizer and UndefinedBehaviorSanitizer
#   tsan      the tests with threads (CTest label "threads") under ThreadSanitizer
#
#   scripts/test.sh                   all of it
#   scripts/test.sh release           one part, or several
#   scripts/test.sh asan -- -R Codec  what is behind -- goes to ctest
#
# A part that fails does not keep the next from running; the exit status is 0 only if all passed. The last line counts; the
# lines before it name what failed.
set -uo pipefail
cd "$(dirname "$0")/.."

parts=()
ctest_arguments=()
while [ $# -gt 0 ]; do
  case "$1" in
    release | asan | tsan) parts+=("$1") ;;
    --)
      shift
      ctest_arguments=("$@")
      break
      ;;
    *)
      echo "test.sh: unknown part '$1'; there are release, asan and tsan" >&2
      exit 2
      ;;
  esac
  shift
done
[ ${#parts[@]} -gt 0 ] || parts=(release asan tsan)

scripts/install_dependencies.sh --tests || exit 1
jobs="$(nproc)"
passed=0
failed=0
failures=()

build() {
  local part="$1" target=all options=()
  case "$part" in
    release) options=(-DBITACORA_TESTS=ON -DBITACORA_EXAMPLES=ON -DBITACORA_BENCH=ON) ;;
    tsan) target=threaded_tests ;;
  esac
  cmake --preset "$part" "${options[@]}" > /dev/null && cmake --build --preset "$part" --target "$target" -j "$jobs"
}

run() {
  local part="$1" options=() launcher=() log
  case "$part" in
    asan) options=(-LE style) ;;
    tsan)
      options=(-L threads)
      # GCC 12's ThreadSanitizer cannot place its shadow memory under a kernel that randomises 32 bits of addresses.
      setarch -R true 2> /dev/null && launcher=(setarch -R)
      ;;
  esac
  log="build/$part/test.log"
  "${launcher[@]}" ctest --preset "$part" --no-tests=error --timeout 600 -j "$jobs" "${options[@]}" "${ctest_arguments[@]}" 2>&1 | tee "$log"
  local status=${PIPESTATUS[0]}
  # ctest closes with "NN% tests passed, F tests failed out of N".
  local counts
  counts="$(sed -nE 's/^[0-9]+% tests passed, ([0-9]+) tests? failed out of ([0-9]+)$/\1 \2/p' "$log")"
  [ -n "$counts" ] || return 1
  failed=$((failed + ${counts% *}))
  # The list under ctest's closing line: "<number> - <name> (Failed)", or (Timeout), (SEGFAULT), ...
  local name
  while read -r name; do failures+=("$part: $name"); done < <(sed -nE '/^The following tests FAILED:$/,$ s/^\s*[0-9]+ - (.*)$/\1/p' "$log")
  passed=$((passed + ${counts#* } - ${counts% *}))
  return "$status"
}

status=0
for part in "${parts[@]}"; do
  started=$SECONDS
  echo "== $part: build"
  if build "$part"; then
    built=$SECONDS
    echo "== $part: built in $((built - started)) s; test"
    run "$part" || status=1
    echo "== $part: tested in $((SECONDS - built)) s"
  else
    echo "== $part: the build failed"
    failed=$((failed + 1))
    failures+=("$part: the build")
    status=1
  fi
done
[ "$failed" -eq 0 ] || status=1
[ "$passed" -gt 0 ] || status=1

for failure in "${failures[@]}"; do echo "FAILED $failure"; done
echo "$passed passed, $failed failed"
exit $status
