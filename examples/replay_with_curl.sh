#!/usr/bin/env bash
# Replay with nothing but curl (and jq to look at the answers): the log by offset and time, a group's position, a live tail.
#
#   MQTT_PORT=1883 HTTP_PORT=8080 examples/replay_with_curl.sh          against a running bitacora
set -euo pipefail
mqtt=${MQTT_PORT:-1883}
api=http://127.0.0.1:${HTTP_PORT:-8080}
get() { curl -sS --fail-with-body "$@"; }

printf '20\n21\n22\n23\n24\n' | mosquitto_pub -p "$mqtt" -q 1 -t plant/1/temp -l

echo "Which logs are there?                     GET /topics"
get "$api/topics" | jq -c .

echo; echo "From where to where do they go?           GET /topics/mqtt/partitions"
get "$api/topics/mqtt/partitions" | jq -c '.[] | {partition, log_start_offset, committed_offset}'

# The partition that has our topic: the key of a record is its MQTT topic, and a key always goes to the same partition.
for partition in $(get "$api/topics/mqtt/partitions" | jq '.[].partition'); do
  records=$api/topics/mqtt/partitions/$partition/records
  get "$records?offset=earliest&format=text" | jq -e 'any(.key == "plant/1/temp")' >/dev/null && break
done

echo; echo "One record by its offset:                 GET /topics/mqtt/partitions/$partition/records?offset=0&max_records=1"
get "$records?offset=0&max_records=1&format=text" | jq -c '.[] | {offset, timestamp, key, value}'

echo; echo "All of it, two at a time: each answer says where to go on, in the header X-Next-Offset"
offset=earliest count=0
headers=$(mktemp)
trap 'rm -f "$headers"' EXIT
while true; do
  page=$(get -D "$headers" "$records?offset=$offset&max_records=2&format=text")
  [ "$(jq length <<<"$page")" -gt 0 ] || break
  jq -c '.[] | [.offset, .value]' <<<"$page"
  count=$((count + $(jq length <<<"$page")))
  offset=$(tr -d '\r' <"$headers" | sed -n 's/^[Xx]-[Nn]ext-[Oo]ffset: //p')
done
echo "read $count records; the next one will have offset $offset"

echo; echo "By time: the last hour, or from an instant on   ?offset=-1h   ?offset=@<epoch ms or RFC 3339>"
get "$records?offset=-1h&format=text" | jq -c 'length'
get "$records?offset=@$(date -u -d '10 minutes ago' +%Y-%m-%dT%H:%M:%SZ)&format=text" | jq -c 'length'

echo; echo "A group remembers where it is, over kills and restarts:   PUT and GET /groups/nightly-report/offsets"
get -X PUT -H 'Content-Type: application/json' "$api/groups/nightly-report/offsets" \
  -d "{\"offsets\": [{\"topic\": \"mqtt\", \"partition\": $partition, \"offset\": 3}]}" >/dev/null
get "$api/groups/nightly-report/offsets" |
  jq -r '.offsets[] | "group nightly-report goes on at \(.topic)/\(.partition) offset \(.offset), \(.lag) records behind"'

echo; echo "Follow an MQTT filter, from the past into what is live:   GET /tail?filter=plant/%2B/temp&from=earliest"
echo "(server-sent events; the id of the last one, sent back as Last-Event-ID, resumes)"
# -m 2: a tail never ends by itself. 28 is curl's "time is up".
get -N -m 2 "$api/tail?filter=plant/%2B/temp&from=earliest" || [ $? -eq 28 ]
