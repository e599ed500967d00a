#!/usr/bin/env bash
# What an idle connection costs: bitacora and Debian's mosquitto after each other, each alone on the machine, each with as many
# connections that do nothing.
#
#   BITACORA=build/release/bin/bitacora   the servers and the loader
#   BENCH=build/release/bin/bitacora-bench
#   MOSQUITTO=mosquitto
#   CONNECTIONS=10000 VERSION=3.1.1
set -euo pipefail
cd "$(dirname "$0")/.."

BITACORA=${BITACORA:-build/release/bin/bitacora}
BENCH=${BENCH:-build/release/bin/bitacora-bench}
MOSQUITTO=${MOSQUITTO:-$(PATH=$PATH:/usr/sbin command -v mosquitto || true)}
CONNECTIONS=${CONNECTIONS:-10000}
VERSION=${VERSION:-3.1.1}

[ -x "$BITACORA" ] || { echo "no bitacora at $BITACORA; build it or set BITACORA" >&2; exit 2; }
[ -x "$BENCH" ] || { echo "no bitacora-bench at $BENCH; build it or set BENCH" >&2; exit 2; }
[ -n "$MOSQUITTO" ] || { echo "mosquitto is not installed: apt-get install mosquitto" >&2; exit 2; }
ulimit -n "$(ulimit -Hn)"
[ "$(ulimit -n)" -gt $((CONNECTIONS + 100)) ] || { echo "only $(ulimit -n) files may be open: raise ulimit -n" >&2; exit 2; }

work=$(mktemp -d "${TMPDIR:-/tmp}/bitacora-idle.XXXXXX")
server_pid=
stop_server() {
  if [ -n "$server_pid" ]; then
    kill "$server_pid" 2> /dev/null || true
    wait "$server_pid" 2> /dev/null || true
    server_pid=
  fi
}
trap 'stop_server; rm -rf "$work"' EXIT

# Runs a check every 20 ms until it succeeds, for 10 s at most.
await() {
  for _ in $(seq 500); do
    "$@" && return 0
    kill -0 "$server_pid" 2> /dev/null || break
    read -rt 0.02 <> <(:) || true
  done
  echo "the server did not start; its log:" >&2
  cat "$work/server.log" >&2
  exit 2
}
answers() { (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null; }

start_bitacora() {
  "$BITACORA" serve --data "$work/data" --mqtt 127.0.0.1:0 --http 127.0.0.1:0 --ports-file "$work/ports" > "$work/server.log" 2>&1 &
  server_pid=$!
  await grep -qs '^mqtt=' "$work/ports"
  port=$(sed -n 's/^mqtt=//p' "$work/ports")
  await answers
}

start_mosquitto() {
  # mosquitto does not say which port 0 became, so a free one is asked for here.
  port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  printf 'listener %s 127.0.0.1\nallow_anonymous true\nmax_connections -1\nuser root\n' "$port" > "$work/mosquitto.conf"
  "$MOSQUITTO" -c "$work/mosquitto.conf" > "$work/server.log" 2>&1 &
  server_pid=$!
  await answers
}

for server in bitacora mosquitto; do
  "start_$server"
  echo "$server"
  "$BENCH" idle --port "$port" --version "$VERSION" --connections "$CONNECTIONS" --server-pid "$server_pid"
  stop_server
done
