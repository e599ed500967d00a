#!/usr/bin/env bash
# Every C++ file is as clang-format 14 would write it.
#
#   check_format.sh ROOT          says where it is not
#   check_format.sh ROOT --fix    makes it so
set -euo pipefail
cd "$1"
mode=(--dry-run -Werror)
[ "${2:-}" = --fix ] && mode=(-i)
find base storage mqtt kafka bridge net http app examples tests bench \
  \( -name '*.h' -o -name '*.cc' \) -print0 2> /dev/null |
  xargs -0 -r clang-format-14 --style=file "${mode[@]}"
