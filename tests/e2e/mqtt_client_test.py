#!/usr/bin/env python3
"""The tests' own MQTT client, against Debian's mosquitto: what the other tests stand on is tried out on a server that is
not ours."""

import subprocess
import tempfile
import unittest
import pathlib

import harness
from mqtt_client import Client, PUBCOMP, PUBLISH, PUBREC, PUBREL, Timeout, publish_many


class MqttClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="bitacora-e2e-")
        cls.port = harness.free_port()
        config = pathlib.Path(cls.directory.name) / "mosquitto.conf"
        config.write_text(f"listener {cls.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n")
        cls.process = subprocess.Popen([harness.path_of("mosquitto"), "-c", str(config)], stderr=subprocess.DEVNULL)
        harness.wait_until(cls.answers, what="mosquitto's start")

    @classmethod
    def tearDownClass(cls):
        cls.process.kill()
        cls.process.wait()
        cls.directory.cleanup()

    @classmethod
    def answers(cls):
        try:
            Client(cls.port).disconnect()
            return True
        except OSError:
            return False

    def test_messages_of_every_qos_and_version_arrive(self):
        for version in (3, 4, 5):
            for qos in (0, 1, 2):
                with self.subTest(version=version, qos=qos), Client(self.port, f"r{version}{qos}", version) as reader, \
                        Client(self.port, f"w{version}{qos}", version) as writer:
                    self.assertEqual(reader.subscribe("a/+", qos=qos), [qos])
                    writer.publish("a/b", b"payload", qos)
                    message, = reader.receive(1)
                    self.assertEqual((message.topic, message.payload, message.qos), ("a/b", b"payload", qos))
                    reader.settle()

    def test_properties_go_there_and_back(self):
        properties = {"content_type": "text/plain", "correlation_data": b"\x01", "message_expiry_interval": 100,
                      "response_topic": "r", "payload_format_indicator": 1, "user_property": [("a", "1"), ("a", "2")]}
        with Client(self.port, "reader", 5) as reader, Client(self.port, "writer", 5) as writer:
            reader.subscribe("p", properties={"subscription_identifier": [300]})
            writer.publish("p", b"x", 1, properties=properties)
            message, = reader.receive(1)
            self.assertEqual(message.properties, {**properties, "subscription_identifier": [300]})

    def test_a_persistent_session_keeps_what_is_not_acknowledged(self):
        with Client(self.port, "persistent", clean=False) as reader:
            self.assertFalse(reader.session_present)
            reader.subscribe("kept", qos=2)
            with Client(self.port, "writer") as writer:
                writer.publish("kept", b"1", 1)
                writer.publish("kept", b"2", 2)
            first, second = reader.receive(2, ack=False)
            reader.send_ack(PUBREC, second.packet_id)
            self.assertEqual(reader.expect(PUBREL).packet_id, second.packet_id)
        with Client(self.port, "persistent", clean=False) as reader:
            self.assertTrue(reader.session_present)
            again = reader.expect(PUBLISH)
            self.assertEqual((again.payload, again.dup, again.packet_id), (b"1", True, first.packet_id))
            reader.send_ack(PUBCOMP, reader.expect(PUBREL).packet_id)

    def test_a_will_comes_when_the_connection_breaks(self):
        with Client(self.port, "reader") as reader:
            reader.subscribe("will", qos=1)
            Client(self.port, "dying", will={"topic": "will", "payload": b"gone", "qos": 1}).abort()
            self.assertEqual(reader.receive(1)[0].payload, b"gone")
            with self.assertRaises(Timeout):
                reader.read(timeout=0.05)

    def test_many_publishes_are_all_acknowledged(self):
        with Client(self.port, "reader") as reader:
            reader.subscribe("many", qos=0)
            self.assertEqual(publish_many(self.port, (("many", b"%d" % i) for i in range(5000)), window=10), 5000)
            self.assertEqual([m.payload for m in reader.receive(5000)], [b"%d" % i for i in range(5000)])


if __name__ == "__main__":
    harness.main(requires=["mosquitto"])
