#!/usr/bin/env bash
# Two ways to share the work, with nothing but mosquitto_sub: $share as MQTT has it, $group as Kafka has it.
#
#   MQTT_PORT=1883 HTTP_PORT=8080 examples/groups_with_mosquitto_sub.sh          against a running bitacora
set -euo pipefail
port=${MQTT_PORT:-1883}
http=http://127.0.0.1:${HTTP_PORT:-8080}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A member in the background: prints topic and payload to a file, and ends after $3 messages.
member() { stdbuf -oL mosquitto_sub -p "$port" -q 1 -i "$1-$$" -t "$2" -C "$3" -W 20 -v -d >"$work/$1" 2>&1 & }
subscribed() { for name; do until grep -q 'Subscribed (mid' "$work/$name"; do :; done; done; }
got() { grep -v '^Client \|^Subscribed' "$work/$1" || true; }
publish() { for machine in 1 2 3 4; do printf '%s\n' "$@" | mosquitto_pub -p "$port" -q 1 -t "line/$machine/part" -l; done; }

echo 'Two members of $share/workers/line/#: every message goes to one of them, in turn.'
member first '$share/workers/line/#' 6
member second '$share/workers/line/#' 6
subscribed first second
publish cut weld paint
wait
for name in first second; do echo "  $name:"; got "$name" | sed 's/^/    /'; done

echo
echo 'One member of $group/line-$$/line/#: it owns every partition; its position is the group'"'"'s, acknowledged by PUBACK.'
group="line-$$"
member third "\$group/$group/line/#" 12
subscribed third
publish cut weld paint
wait
echo "  got $(got third | wc -l) messages"
echo
echo 'It has left. Four more messages come, and nobody is there:'
publish test
echo "  the group's lag, over HTTP: $(curl -fsS "$http/groups/$group/offsets" | jq '[.offsets[].lag] | add') or more"
echo
echo 'The next member goes on where the group was:'
member fourth "\$group/$group/line/#" 4
wait
got fourth | sed 's/^/    /'
