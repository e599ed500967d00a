#!/usr/bin/env bash
# TLS and WebSocket beside plain MQTT, and HTTP over TLS: four listeners, each with its own rules, one broker behind them.
#
#   examples/secure_listeners.sh          makes certificates, starts its own server, publishes and reads through each door
#   EXAMPLE_DIR=dir examples/secure_listeners.sh      keeps certificates and configuration there, to go on from
#
# Needs openssl, curl and mosquitto-clients. BITACORA names the binary.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
bitacora=${BITACORA:-$here/build/release/bin/bitacora}
directory=${EXAMPLE_DIR:-$(mktemp -d)}
mkdir -p "$directory"
cd "$directory"
server=
trap '[ -z "$server" ] || { kill "$server"; wait "$server"; }; [ -n "${EXAMPLE_DIR:-}" ] || rm -rf "$directory"' EXIT

echo "1. A certificate authority, a server's certificate, and one of the client sensor-7"
new_key() { openssl ecparam -genkey -name prime256v1 -noout -out "$1"; }
sign() { # name, subject, extensions
  openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.csr"
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out "$1.pem" \
    -extfile <(printf '%s' "$3") 2> openssl.log
}
new_key ca.key
openssl req -x509 -new -key ca.key -days 30 -subj "/CN=Example CA" -out ca.pem
new_key server.key && sign server bitacora "subjectAltName=IP:127.0.0.1,DNS:localhost"
new_key sensor.key && sign sensor sensor-7 "basicConstraints=CA:FALSE"

echo "2. The configuration: bitacora.toml"
cat > bitacora.toml <<TOML
[[listeners]]                       # for programs on this machine: whoever may open the file may connect
protocol = "mqtt"
address = "unix:$directory/mqtt.sock"
socket_mode = "0600"

[[listeners]]                       # for devices: each shows a certificate, whose CN is its user name
name = "devices"
protocol = "mqtt"
transport = "tls"
port = 0                            # any free one; 8883 on a real server
tls_certificate = "$directory/server.pem"
tls_key = "$directory/server.key"
tls_client_certificates = "required"
tls_client_ca = "$directory/ca.pem"
certificate_user = "common_name"

[[listeners]]                       # for web pages
name = "pages"
protocol = "mqtt"
transport = "wss"
port = 0
tls_certificate = "$directory/server.pem"
tls_key = "$directory/server.key"
websocket_origins = ["https://app.example.org"]

[[listeners]]                       # the offset API, over TLS too: a certificate is not needed here, but tells who asks
protocol = "http"
transport = "tls"
port = 0
tls_certificate = "$directory/server.pem"
tls_key = "$directory/server.key"
tls_client_certificates = "optional"
tls_client_ca = "$directory/ca.pem"
certificate_user = "common_name"
TOML
"$bitacora" config-check bitacora.toml

echo "3. The server"
rm -f ports
"$bitacora" serve --config bitacora.toml --data data --ports-file ports 2> server.log &
server=$!
until [ -s ports ]; do kill -0 "$server" || { cat server.log; exit 1; }; sleep 0.05; done
port_of() { sed -n "s/^$1=//p" ports; }

echo "4. sensor-7 publishes over TLS with its certificate"
tls=(--cafile ca.pem --cert sensor.pem --key sensor.key -h 127.0.0.1 -p "$(port_of devices)")
mosquitto_pub "${tls[@]}" -q 1 -t plant/7/temp -m 21.5

echo "5. A program on this machine reads it over the Unix socket"
mosquitto_sub --unix "$directory/mqtt.sock" -q 1 -W 10 -C 1 -t '$replay/earliest/plant/#' -v

echo "6. Without a certificate nobody gets in"
if mosquitto_pub --cafile ca.pem -h 127.0.0.1 -p "$(port_of devices)" -q 1 -t plant/7/temp -m 99 2> refused.log; then
  echo "it got in!"; exit 1
fi

echo "7. A page of another site is refused by its Origin, one of app.example.org is not"
upgrade() {
  printf 'GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n%s' \
    $'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n'
  printf 'Origin: %s\r\n\r\n' "$1"
}
for origin in https://evil.example.com https://app.example.org; do
  : > answer
  { upgrade "$origin"; until [ -s answer ]; do sleep 0.05; done; } |
    timeout 10 openssl s_client -quiet -no_ign_eof -CAfile ca.pem -connect "127.0.0.1:$(port_of pages)" \
      2> s_client.log > answer || true
  echo "   $origin: $(head -1 answer | tr -d '\r')"
done

echo "8. curl reads it over HTTPS, and a server whose certificate nobody has signed is not believed"
https="https://localhost:$(port_of http)"
for partition in 0 1 2 3; do
  curl -s --cacert ca.pem --cert sensor.pem --key sensor.key "$https/topics/mqtt/partitions/$partition/records?format=text"
done | grep -o '"value":"[^"]*"'
if curl -s "$https/topics" > /dev/null; then echo "it was believed!"; exit 1; fi
