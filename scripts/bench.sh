#!/usr/bin/env bash
# Publishes at QoS 0, 1 and 2 to bitacora and to Debian's mosquitto, in turns in one run, and prints the medians side by side.
# Each server gets a fresh data directory and a free port each time, and is alone on the machine while it is measured.
#
#   BITACORA=build/release/bin/bitacora   the servers and the loader
#   BENCH=build/release/bin/bitacora-bench
#   MOSQUITTO=mosquitto
#   ROUNDS=3 MESSAGES=200000 PUBLISHERS=50 WINDOW=100 PAYLOAD=64 VERSION=3.1.1
#   CONFIG=file      a configuration file for bitacora (default: none, so durability is sync)
#   OUT=directory    keeps the JSON of every run
set -euo pipefail
cd "$(dirname "$0")/.."

BITACORA=${BITACORA:-build/release/bin/bitacora}
BENCH=${BENCH:-build/release/bin/bitacora-bench}
MOSQUITTO=${MOSQUITTO:-$(PATH=$PATH:/usr/sbin command -v mosquitto || true)}
ROUNDS=${ROUNDS:-3}
MESSAGES=${MESSAGES:-200000}
PUBLISHERS=${PUBLISHERS:-50}
WINDOW=${WINDOW:-100}
PAYLOAD=${PAYLOAD:-64}
VERSION=${VERSION:-3.1.1}

[ -x "$BITACORA" ] || { echo "no bitacora at $BITACORA; build it or set BITACORA" >&2; exit 2; }
[ -x "$BENCH" ] || { echo "no bitacora-bench at $BENCH; build it or set BENCH" >&2; exit 2; }
[ -n "$MOSQUITTO" ] || { echo "mosquitto is not installed: apt-get install mosquitto" >&2; exit 2; }

work=$(mktemp -d "${TMPDIR:-/tmp}/bitacora-bench.XXXXXX")
out=${OUT:-$work/out}
mkdir -p "$out"
server_pid=
stop_server() {
  if [ -n "$server_pid" ]; then
    kill "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
    server_pid=
  fi
}
trap 'stop_server; rm -rf "$work"' EXIT

# Runs a check every 20 ms until it succeeds, for 10 s at most.
await() {
  for _ in $(seq 500); do
    "$@" && return 0
    kill -0 "$server_pid" 2>/dev/null || break
    read -rt 0.02 <> <(:) || true
  done
  echo "the server did not start; its log:" >&2
  cat "$work/server.log" >&2
  exit 2
}
answers() { (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

start_bitacora() {
  rm -rf "$work/data" "$work/ports"
  "$BITACORA" serve ${CONFIG:+--config "$CONFIG"} --data "$work/data" --mqtt 127.0.0.1:0 --http 127.0.0.1:0 \
    --ports-file "$work/ports" >"$work/server.log" 2>&1 &
  server_pid=$!
  await grep -qs '^mqtt=' "$work/ports"
  port=$(sed -n 's/^mqtt=//p' "$work/ports")
  await answers
}

start_mosquitto() {
  rm -rf "$work/data" && mkdir "$work/data"
  # mosquitto does not say which port 0 became, so a free one is asked for here.
  port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  cat >"$work/mosquitto.conf" <<CONF
listener $port 127.0.0.1
allow_anonymous true
persistence true
persistence_location $work/data/
max_queued_messages 0
max_inflight_messages 0
set_tcp_nodelay true
user root
CONF
  "$MOSQUITTO" -c "$work/mosquitto.conf" >"$work/server.log" 2>&1 &
  server_pid=$!
  await answers
}

measure() {  # server qos round
  "start_$1"
  "$BENCH" publish --port "$port" --qos "$2" --version "$VERSION" --publishers "$PUBLISHERS" --window "$WINDOW" \
    --payload "$PAYLOAD" --messages "$MESSAGES" --server-pid "$server_pid" --json "$out/$1-qos$2-$3.json" >"$work/last.txt" ||
    { echo "$1 at QoS $2: the run was bad" >&2; cat "$work/last.txt" >&2; bad=1; }
  stop_server
}

bad=0
for round in $(seq "$ROUNDS"); do
  for qos in 0 1 2; do
    measure bitacora "$qos" "$round"
    measure mosquitto "$qos" "$round"
  done
done

echo "publish, MQTT $VERSION, $PUBLISHERS connections, window $WINDOW, $PAYLOAD bytes, $MESSAGES messages, median of $ROUNDS"
echo
median() {  # file pattern, jq path
  jq -s "map($2) | sort | .[length / 2 | floor]" $1
}
printf '%-4s %-10s %12s %10s %10s %10s %10s\n' QoS server msg/s 'p50 ms' 'p99 ms' 'CPU s' 'peak MiB'
for qos in 0 1 2; do
  for server in bitacora mosquitto; do
    files=$(ls "$out/$server-qos$qos"-*.json)
    rate=$(median "$files" '.phases[0].messages_per_second')
    p50=$(median "$files" '(.phases[0].latency_us.p50 // 0) / 1000')
    p99=$(median "$files" '(.phases[0].latency_us.p99 // 0) / 1000')
    cpu=$(median "$files" '.phases[0].server.cpu_seconds')
    peak=$(median "$files" '.phases[0].server.peak_rss_bytes / 1048576')
    printf '%-4s %-10s %12.0f %10.2f %10.2f %10.2f %10.1f\n' "$qos" "$server" "$rate" "$p50" "$p99" "$cpu" "$peak"
    eval "rate_$server=$rate"
  done
  awk -v q="$qos" -v b="$rate_bitacora" -v m="$rate_mosquitto" \
    'BEGIN { printf "%-4s %-10s %11.2fx\n", q, "ratio", (m > 0 ? b / m : 0) }'
done
exit "$bad"
