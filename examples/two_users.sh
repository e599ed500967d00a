#!/usr/bin/env bash
# Two users: a sensor that may publish under its own name, and ann, who may read. Needs mosquitto-clients and curl. Everything lies
# in a temporary directory that is removed at the end.
#
#   examples/two_users.sh      BITACORA: the binary, if it is not the release preset's
set -euo pipefail

bitacora="${BITACORA:-$(dirname "$0")/../build/release/bin/bitacora}"
work="$(mktemp -d)"
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server"; } 2> /dev/null || true; rm -rf "$work"' EXIT

echo "a password" | "$bitacora" users add --file "$work/users" sensor > /dev/null
echo "another one" | "$bitacora" users add --file "$work/users" ann > /dev/null
cat > "$work/bitacora.toml" << TOML
[auth]
password_file = "$work/users"

[[rules]]
whom = "user:sensor"
actions = "publish"
topic = "plant/%c/#"

[[rules]]
whom = "user:ann"
actions = "read"
topic = "plant/#"
TOML

"$bitacora" serve --config "$work/bitacora.toml" --data "$work/data" --mqtt 127.0.0.1:0 --http 127.0.0.1:0 \
  --ports-file "$work/ports" 2> "$work/log" &
server=$!
until [ -s "$work/ports" ]; do
  kill -0 "$server" || { cat "$work/log"; exit 1; }
  sleep 0.05
done
port="$(sed -n 's/^mqtt=//p' "$work/ports")"
as_sensor=(-p "$port" -V 5 -q 1 -u sensor -P "a password" -i pump-1)

echo "The sensor publishes under its own client id:"
mosquitto_pub "${as_sensor[@]}" -t plant/pump-1/temp -m 21.5 && echo "  stored"

echo "... and under another one's:"
mosquitto_pub "${as_sensor[@]}" -t plant/pump-2/temp -m 99 2>&1 | sed 's/^/  /' || true

echo "Somebody without a password:"
mosquitto_pub -p "$port" -V 5 -q 1 -t plant/pump-1/temp -m 0 2>&1 | sed 's/^/  /' || true

echo "ann reads what there was:"
mosquitto_sub -p "$port" -u ann -P "another one" -t '$replay/earliest/#' -C 1 -W 10 -v | sed 's/^/  /'

http="$(sed -n 's/^http=//p' "$work/ports")"
echo "... and over HTTP, where a request without a name is told to log in:"
curl -s -o /dev/null -w '  %{http_code}\n' "http://127.0.0.1:$http/topics"
for partition in 0 1 2 3; do
  curl -s -u "ann:another one" "http://127.0.0.1:$http/topics/mqtt/partitions/$partition/records?format=text"
done | grep -o '"key":"[^"]*","value":"[^"]*"' | sed 's/^/  /'
