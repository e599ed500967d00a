#!/usr/bin/env bash
# Builds Bitácora if need be and starts the server. Arguments go to `bitacora serve`, for instance:
#
#   scripts/run.sh
#   scripts/run.sh --data /tmp/bitacora --mqtt 127.0.0.1:1884 --http 127.0.0.1:8081
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_dependencies.sh --run
if [ ! -f build/release/CMakeCache.txt ]; then
  cmake --preset release -DBITACORA_TESTS=OFF -DBITACORA_EXAMPLES=OFF -DBITACORA_BENCH=OFF > /dev/null
fi
cmake --build --preset release --target bitacora

mqtt=127.0.0.1:1883
http=127.0.0.1:8080
previous=
for argument in "$@"; do
  case "$previous" in
    --mqtt) mqtt="$argument" ;;
    --http) http="$argument" ;;
  esac
  case "$argument" in
    --mqtt=*) mqtt="${argument#*=}" ;;
    --http=*) http="${argument#*=}" ;;
  esac
  previous="$argument"
done
client="-h ${mqtt%:*} -p ${mqtt##*:}"

cat << EOF

In another terminal:
  mosquitto_sub $client -t 'plant/#' -v                          # live
  mosquitto_pub $client -q 1 -t plant/1/temp -m 21.5             # acknowledged once it is on the disk
  mosquitto_sub $client -t '\$replay/earliest/plant/#' -v         # all there ever was, then live
  mosquitto_sub $client -t '\$replay/-5m/plant/#' -v              # the last five minutes, then live
  curl -s http://$http/topics/mqtt/partitions | jq               # the log's partitions and their offsets
  curl -s 'http://$http/topics/mqtt/partitions/0/records?offset=earliest' | jq
  build/release/bin/bitacora replay --url http://$http --log mqtt --from -1h --filter 'plant/+/temp'
Ctrl-C stops the server. Kill it with kill -9 if you like, start it again, and replay.

EOF
exec build/release/bin/bitacora serve --config config/bitacora.toml "$@"
