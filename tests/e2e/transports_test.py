#!/usr/bin/env python3
"""mosquitto's clients over TLS and Paho for Python over TLS, WebSocket and both, in 3.1, 3.1.1 and 5.0. (MQTT.js and Paho C
and C++ do the same in mqttjs_test.py and paho_programs_test.py.)"""

import queue
import ssl
import subprocess
import sys
import unittest

import harness
from mqtt_client import Client
from transports import TransportServer, WEBSOCKET_PATH

try:
    import paho.mqtt.client as paho
except ImportError:
    print("skipped: python3-paho-mqtt is not installed")
    sys.exit(harness.SKIPPED)

TIMEOUT = 30
VERSIONS = {"mqttv31": paho.MQTTv31, "mqttv311": paho.MQTTv311, "mqttv5": paho.MQTTv5}


class TransportsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(TransportServer())

    def test_mosquitto_over_tls(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                tls = ["-h", "127.0.0.1", "-p", str(self.server.port("tls")), "--cafile", self.server.authority, "-V", version]
                subprocess.run(["mosquitto_pub", *tls, "-t", f"tls/{version}", "-q", "2", "-l"], input="1\n2\n3\n", text=True,
                               check=True, timeout=60)
                done = subprocess.run(["mosquitto_sub", *tls, "-t", f"$replay/earliest/tls/{version}", "-q", "1", "-C", "3"],
                                      check=True, timeout=60, capture_output=True, text=True)
                self.assertEqual(done.stdout.split(), ["1", "2", "3"])

    def test_mosquitto_refuses_a_certificate_of_another_authority(self):
        done = subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.server.port("tls")), "-t", "x", "-m", "x",
                               "--cafile", self.server.authority.with_name("other.pem")], capture_output=True, text=True, timeout=60)
        self.assertIn("A TLS error occurred", done.stderr)

    def paho_client(self, name, protocol, transport):
        client = paho.Client(name, protocol=protocol, transport="websockets" if transport in ("ws", "wss") else "tcp")
        if transport in ("ws", "wss"):
            client.ws_set_options(path=WEBSOCKET_PATH)
        if transport in ("tls", "wss"):
            client.tls_set(str(self.server.authority), tls_version=ssl.PROTOCOL_TLS_CLIENT)
        client.arrived, ready = queue.Queue(), queue.Queue()
        client.on_message = lambda _client, _data, message: client.arrived.put(message)
        client.on_connect = lambda _client, _data, _flags, code, *_: ready.put(int(getattr(code, "value", code)))
        client.on_subscribe = lambda *_: ready.put("subscribed")
        client.connect("127.0.0.1", self.server.port(transport))
        client.loop_start()
        self.addCleanup(client.loop_stop)
        self.addCleanup(client.disconnect)
        self.assertEqual(ready.get(timeout=TIMEOUT), 0)
        client.subscribe(f"{name}/#", 2)
        self.assertEqual(ready.get(timeout=TIMEOUT), "subscribed")
        return client

    def test_paho_for_python_over_every_transport(self):
        for transport in ("tls", "ws", "wss"):
            for version, protocol in VERSIONS.items():
                with self.subTest(transport=transport, version=version):
                    name = f"{transport}-{version}"
                    client = self.paho_client(name, protocol, transport)
                    payloads = [b"%d" % number for number in range(100)] + [bytes(range(256)) * 1000]
                    for qos in (0, 1, 2):
                        sent = [client.publish(f"{name}/{qos}", payload, qos) for payload in payloads]
                        for info in sent:
                            info.wait_for_publish(TIMEOUT)
                        got = [client.arrived.get(timeout=TIMEOUT) for _ in payloads]
                        self.assertEqual([(m.topic, m.qos, m.payload) for m in got],
                                         [(f"{name}/{qos}", qos, payload) for payload in payloads])

    def test_a_message_crosses_from_one_transport_to_all_others(self):
        clients = [self.paho_client(f"cross-{transport}", paho.MQTTv311, transport) for transport in ("tls", "ws", "wss")]
        with Client(self.server.mqtt, "writer") as writer:
            for client in clients:
                name = client._client_id.decode()
                writer.publish(f"{name}/x", name.encode(), 1)
                self.assertEqual(client.arrived.get(timeout=TIMEOUT).payload, name.encode())


if __name__ == "__main__":
    harness.main(requires=["mosquitto_pub", "mosquitto_sub", "openssl"])
