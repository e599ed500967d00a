#!/usr/bin/env bash
# Replay with nothing but mosquitto_sub: any MQTT client of any version can read the past by the filter it subscribes to.
#
#   MQTT_PORT=1883 examples/replay_with_mosquitto_sub.sh          against a running bitacora
set -euo pipefail
port=${MQTT_PORT:-1883}
sub() { mosquitto_sub -p "$port" -q 1 -W 5 "$@" || [ $? -eq 27 ]; }  # 27: nothing came for 5 s

echo "Publishing three temperatures at QoS 1. When mosquitto_pub ends, they are on disk."
printf '20\n21\n22\n' | mosquitto_pub -p "$port" -q 1 -t plant/1/temp -l

echo; echo 'Everything from the start, under its own topic:   -t '\''$replay/earliest/#'\'
sub -t '$replay/earliest/#' -v -C 3

echo; echo 'The last hour of one kind of topic:               -t '\''$replay/-1h/plant/+/temp'\'
sub -t '$replay/-1h/plant/+/temp' -v -C 3

echo; echo 'One partition from one offset on:                 -t '\''$log/mqtt/<partition>/<offset>'\'
echo '(over MQTT 5, each delivery says in user properties where its record stands)'
where=$(sub -t '$replay/earliest/plant/1/temp' -V 5 -C 1 -F '%P')
partition=$(tr ' ' '\n' <<<"$where" | sed -n 's/^partition://p')
offset=$(tr ' ' '\n' <<<"$where" | sed -n 's/^offset://p')
echo "the first of them is in partition $partition at offset $offset; the record after it is"
sub -t "\$log/mqtt/$partition/$((offset + 1))" -F '  %p' -C 1
