#!/usr/bin/env bash
# The lesson: what is a PUBACK worth?
#
# Debian's mosquitto (persistence on, as its manual shows it) and bitacora stand side by side. On each a subscriber has a
# persistent session with a QoS 1 subscription, and is away. A publisher sends N messages at QoS 1 and waits until every one
# is acknowledged. Then both servers are killed with kill -9, as the kernel does when memory runs out, and started again.
# The subscribers come back. What was acknowledged, and what arrives?
#
#   BITACORA=build/release/bin/bitacora MESSAGES=1000 examples/lesson.sh
#
# It starts its own servers on free ports of 127.0.0.1 in a temporary directory, and removes everything it made.
set -euo pipefail
bitacora=${BITACORA:-$(dirname "$0")/../build/release/bin/bitacora}
mosquitto=${MOSQUITTO:-$(PATH=$PATH:/usr/sbin command -v mosquitto || true)}
messages=${MESSAGES:-1000}
[ -x "$bitacora" ] || { echo "no bitacora at $bitacora: build it, or set BITACORA" >&2; exit 2; }
[ -n "$mosquitto" ] || { echo "mosquitto is not installed: apt-get install mosquitto mosquitto-clients" >&2; exit 2; }

work=$(mktemp -d "${TMPDIR:-/tmp}/bitacora-lesson.XXXXXX")
declare -A pid port acknowledged received
cleanup() {
  for server in "${!pid[@]}"; do kill -9 "${pid[$server]}" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

await() {  # a command: until it succeeds, 20 s at most
  local tries
  for tries in $(seq 1000); do "$@" && return; read -rt 0.02 <> <(:) || true; done
  echo "gave up waiting: $*" >&2; cat "$work"/*.log >&2; exit 1
}
answers() { (: <"/dev/tcp/127.0.0.1/${port[$1]}") 2>/dev/null; }

start_mosquitto() {
  # A port is free until somebody takes it; mosquitto cannot be told "any", so a free one is asked for once.
  [ -n "${port[mosquitto]:-}" ] ||
    port[mosquitto]=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  mkdir -p "$work/mosquitto"
  cat >"$work/mosquitto.conf" <<CONF
listener ${port[mosquitto]} 127.0.0.1
allow_anonymous true
user $(id -un)
persistence true
persistence_location $work/mosquitto/
max_queued_messages 0
CONF
  "$mosquitto" -c "$work/mosquitto.conf" >>"$work/mosquitto.log" 2>&1 &
  pid[mosquitto]=$!
  await answers mosquitto
}

start_bitacora() {
  rm -f "$work/ports"
  "$bitacora" serve --data "$work/bitacora" --mqtt 127.0.0.1:0 --http 127.0.0.1:0 --ports-file "$work/ports" \
    >>"$work/bitacora.log" 2>&1 &
  pid[bitacora]=$!
  await grep -qs '^mqtt=' "$work/ports"
  port[bitacora]=$(sed -n 's/^mqtt=//p' "$work/ports")
  await answers bitacora
}

# The same client, the same session, each time it connects.
subscriber() { mosquitto_sub -p "${port[$1]}" -i lesson -c -q 1 -t 'lesson/#' "${@:2}"; }

# Publishes 1 .. N and prints how many PUBACKs came back (mosquitto_pub's debug lines tell).
publish_and_count() {
  seq "$messages" | mosquitto_pub -p "${port[$1]}" -q 1 -t lesson/line -l -d | grep -c 'received PUBACK'
}

for server in mosquitto bitacora; do
  "start_$server"
  subscriber "$server" -E                                     # subscribe, then leave
  acknowledged[$server]=$(publish_and_count "$server")
done
echo "$messages messages published to each at QoS 1. Now kill -9, and start again."
for server in mosquitto bitacora; do
  kill -9 "${pid[$server]}"
  wait "${pid[$server]}" 2>/dev/null || true
  unset "pid[$server]"
  "start_$server"
  # Until all have come, or nothing more does for 5 s. Different lines are counted: QoS 1 may bring one twice.
  received[$server]=$( (subscriber "$server" -C "${acknowledged[$server]}" -W 5 2>/dev/null || true) | sort -u | wc -l)
done

echo
printf '%-10s %14s %10s %6s\n' server acknowledged received lost
for server in mosquitto bitacora; do
  printf '%-10s %14d %10d %6d\n' "$server" "${acknowledged[$server]}" "${received[$server]}" \
    $((acknowledged[$server] - received[$server]))
done
echo
echo "mosquitto acknowledges from memory and saves every 30 minutes (autosave_interval 1800) and at a clean stop."
echo "bitacora acknowledges when the message is in the log on disk. That is the whole difference, and what the log is for."
