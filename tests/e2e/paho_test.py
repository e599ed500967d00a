#!/usr/bin/env python3
"""Paho MQTT for Python (Debian's python3-paho-mqtt) against bitacora."""

import queue
import sys
import unittest

import harness
from harness import Server

try:
    import paho.mqtt.client as paho
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties
    from paho.mqtt.subscribeoptions import SubscribeOptions
except ImportError:
    print("skipped: python3-paho-mqtt is not installed")
    sys.exit(harness.SKIPPED)

TIMEOUT = 30
PROTOCOLS = {"3.1": paho.MQTTv31, "3.1.1": paho.MQTTv311, "5.0": paho.MQTTv5}


class PahoTest(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server())

    def client(self, protocol, client_id, clean=True):
        """A connected client with a queue of what it received, `arrived`."""
        options = {} if protocol == paho.MQTTv5 else {"clean_session": clean}
        client = paho.Client(client_id, protocol=protocol, **options)
        client.arrived, connected = queue.Queue(), queue.Queue()
        client.on_message = lambda _client, _data, message: client.arrived.put(message)
        client.on_connect = lambda _client, _data, flags, code, *_: connected.put((flags["session present"], int(code.value if
                                                                                   hasattr(code, "value") else code)))
        more = {}
        if protocol == paho.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 0 if clean else 3600
            more = {"clean_start": clean, "properties": properties}
        client.connect("127.0.0.1", self.server.mqtt, **more)
        client.loop_start()
        self.addCleanup(client.loop_stop)
        self.addCleanup(client.disconnect)
        client.was_present, code = connected.get(timeout=TIMEOUT)
        self.assertEqual(code, 0)
        return client

    def subscribe(self, client, filter_, qos):
        subscribed = queue.Queue()
        client.on_subscribe = lambda *_: subscribed.put(True)
        client.subscribe(filter_, qos)
        subscribed.get(timeout=TIMEOUT)

    def test_a_thousand_messages_of_each_qos_arrive_in_order(self):
        for name, protocol in PROTOCOLS.items():
            for qos in (0, 1, 2):
                with self.subTest(version=name, qos=qos):
                    reader = self.client(protocol, f"reader-{name}-{qos}")
                    self.subscribe(reader, f"p/{name}/{qos}", qos)
                    writer = self.client(protocol, f"writer-{name}-{qos}")
                    sent = [writer.publish(f"p/{name}/{qos}", str(number), qos) for number in range(1000)]
                    for info in sent:
                        info.wait_for_publish(TIMEOUT)
                        self.assertTrue(info.is_published())
                    self.assertEqual([int(reader.arrived.get(timeout=TIMEOUT).payload) for _ in range(1000)],
                                     list(range(1000)))

    def test_a_session_is_kept_over_a_kill_of_the_server(self):
        for name, protocol in PROTOCOLS.items():
            with self.subTest(version=name):
                reader = self.client(protocol, f"keeper-{name}", clean=False)
                self.subscribe(reader, f"kept/{name}", 1)
                reader.disconnect()
                reader.loop_stop()
                writer = self.client(protocol, f"writer-{name}")
                for number in range(10):
                    writer.publish(f"kept/{name}", str(number), 1).wait_for_publish(TIMEOUT)
                writer.disconnect()
                self.server.restart()
                reader = self.client(protocol, f"keeper-{name}", clean=False)
                if protocol != paho.MQTTv31:  # 3.1 does not say
                    self.assertTrue(reader.was_present)
                self.assertEqual([int(reader.arrived.get(timeout=TIMEOUT).payload) for _ in range(10)], list(range(10)))

    def test_version_5_properties_arrive_as_they_were_sent(self):
        reader, writer = self.client(paho.MQTTv5, "reader"), self.client(paho.MQTTv5, "writer")
        self.subscribe(reader, "p", 1)
        properties = Properties(PacketTypes.PUBLISH)
        properties.ContentType = "text/plain"
        properties.ResponseTopic = "answer/here"
        properties.CorrelationData = b"\x00\x01"
        properties.UserProperty = [("unit", "C"), ("unit", "F"), ("site", "north")]
        writer.publish("p", b"x", 1, properties=properties).wait_for_publish(TIMEOUT)
        got = reader.arrived.get(timeout=TIMEOUT).properties
        self.assertEqual((got.ContentType, got.ResponseTopic, got.CorrelationData),
                         ("text/plain", "answer/here", b"\x00\x01"))
        self.assertEqual(got.UserProperty[:3], [("unit", "C"), ("unit", "F"), ("site", "north")])

    def test_no_local_keeps_a_clients_own_messages_away(self):
        client, other = self.client(paho.MQTTv5, "self"), self.client(paho.MQTTv5, "other")
        subscribed = queue.Queue()
        client.on_subscribe = lambda *_: subscribed.put(True)
        client.subscribe("n", options=SubscribeOptions(qos=1, noLocal=True))
        subscribed.get(timeout=TIMEOUT)
        client.publish("n", "own", 1).wait_for_publish(TIMEOUT)
        other.publish("n", "other's", 1).wait_for_publish(TIMEOUT)
        self.assertEqual(client.arrived.get(timeout=TIMEOUT).payload, b"other's")

    def test_a_replay_arrives_like_any_subscription(self):
        writer = self.client(paho.MQTTv311, "writer")
        for number in range(100):
            writer.publish("r/a", str(number), 1).wait_for_publish(TIMEOUT)
        reader = self.client(paho.MQTTv311, "reader")
        self.subscribe(reader, "$replay/earliest/r/#", 1)
        self.assertEqual([int(reader.arrived.get(timeout=TIMEOUT).payload) for _ in range(100)], list(range(100)))


if __name__ == "__main__":
    harness.main()
