#!/usr/bin/env bash
# Reads a partition of a running server as stored batches, byte for byte, and looks at what came: with `bitacora dump`, and with
# Kafka's own DumpLogSegments where KAFKA is the directory of a Kafka distribution.
#
#   BITACORA=build/release/bin/bitacora URL=http://127.0.0.1:8080 LOG=mqtt PARTITION=0 OFFSET=earliest
set -euo pipefail
cd "$(dirname "$0")/.."

BITACORA=${BITACORA:-build/release/bin/bitacora}
URL=${URL:-http://127.0.0.1:8080}
LOG=${LOG:-mqtt}
PARTITION=${PARTITION:-0}
next=${OFFSET:-earliest}

work=$(mktemp -d "${TMPDIR:-/tmp}/stored-batches.XXXXXX")
trap 'rm -rf "$work"' EXIT
segment=
while true; do
  curl -sSf -D "$work/headers" -o "$work/part" "$URL/topics/$LOG/partitions/$PARTITION/batches?offset=$next"
  header() { sed -n "s/^$1: \([0-9]*\).*/\1/Ip" "$work/headers"; }
  [ -s "$work/part" ] || break
  # A segment is named after its first offset; then any tool takes it for one.
  [ -n "$segment" ] || segment=$(printf '%s/%020d.log' "$work" "$(header X-First-Offset)")
  cat "$work/part" >> "$segment"
  next=$(header X-Next-Offset)
done
[ -n "$segment" ] || { echo "nothing there: the log is empty behind $next"; exit 0; }

echo "$(stat -c %s "$segment") bytes up to offset $next"
"$BITACORA" dump "$segment" --records
if [ -n "${KAFKA:-}" ]; then
  "$KAFKA/bin/kafka-run-class.sh" kafka.tools.DumpLogSegments --files "$segment" --print-data-log
fi
