#!/usr/bin/env python3
"""QoS 2 with kill -9 between each two steps of its handshake: exactly once into the log.

BITACORA_E2E_QOS2_ROUNDS: how often each step is cut (default 5).
"""

import unittest

import harness
from harness import Server
from mqtt_client import (PUBCOMP, PUBLISH, PUBREC, PUBREL, Client)

FOREVER = 0xFFFFFFFF


def session(server, client_id, version=5):
    return Client(server.mqtt, client_id, version, clean=False, session_expiry=FOREVER if version == 5 else None)


class Qos2Test(unittest.TestCase):
    def count(self, server, payload):
        return sum(1 for record in server.http.all_records() if record.value == payload)

    def finish_publish(self, writer, packet_id, payload):
        """What a client that has not seen PUBREC does after a reconnect."""
        writer.send_publish("q", payload, 2, packet_id, dup=True)
        self.assertLess(writer.expect(PUBREC, packet_id).reason, 0x80)
        self.finish_release(writer, packet_id)

    def finish_release(self, writer, packet_id):
        """What a client that has seen PUBREC and not PUBCOMP does after a reconnect."""
        writer.send_ack(PUBREL, packet_id)
        writer.expect(PUBCOMP, packet_id)

    def cut_and_check(self, step):
        """`step(server, writer, packet_id, payload)` kills the server on the way and returns how the client goes on."""
        rounds = harness.setting("QOS2_ROUNDS", 5)
        for version in (4, 5):
            with self.subTest(version=version), Server() as server:
                for packet_id in range(1, rounds + 1):
                    payload = b"%d" % packet_id
                    with session(server, "writer", version) as writer:
                        go_on = step(server, writer, packet_id, payload)
                    server.start()
                    with session(server, "writer", version) as writer:
                        self.assertTrue(writer.session_present or packet_id == 1)
                        if go_on:
                            go_on(writer, packet_id, payload)
                    self.assertEqual(self.count(server, payload), 1)
                records = server.http.all_records()
                self.assertEqual(sorted(int(r.value) for r in records), list(range(1, rounds + 1)))
                harness.check_dense(self, records)

    def test_killed_as_soon_as_the_publish_is_sent(self):
        def step(server, writer, packet_id, payload):
            writer.send_publish("q", payload, 2, packet_id)
            server.kill9()
            return self.finish_publish
        self.cut_and_check(step)

    def test_killed_when_the_record_is_there_but_the_client_has_not_seen_pubrec(self):
        def step(server, writer, packet_id, payload):
            writer.send_publish("q", payload, 2, packet_id)
            harness.wait_until(lambda: self.count(server, payload) == 1, what="the record")
            server.kill9()
            return self.finish_publish
        self.cut_and_check(step)

    def test_killed_after_pubrec(self):
        def step(server, writer, packet_id, payload):
            writer.send_publish("q", payload, 2, packet_id)
            writer.expect(PUBREC, packet_id)
            server.kill9()
            return lambda again, packet_id, _: self.finish_release(again, packet_id)
        self.cut_and_check(step)

    def test_killed_after_pubrec_and_the_client_begins_again(self):
        """Its PUBREC was lost with the client's own memory: it sends the PUBLISH again. MQTT-4.3.3-10."""
        def step(server, writer, packet_id, payload):
            writer.send_publish("q", payload, 2, packet_id)
            writer.expect(PUBREC, packet_id)
            server.kill9()
            return self.finish_publish
        self.cut_and_check(step)

    def test_killed_as_soon_as_pubrel_is_sent(self):
        def step(server, writer, packet_id, payload):
            writer.send_publish("q", payload, 2, packet_id)
            writer.expect(PUBREC, packet_id)
            writer.send_ack(PUBREL, packet_id)
            server.kill9()
            return lambda again, packet_id, _: self.finish_release(again, packet_id)
        self.cut_and_check(step)

    def test_killed_after_pubcomp(self):
        def step(server, writer, packet_id, payload):
            writer.publish("q", payload, 2)
            server.kill9()
            return None
        self.cut_and_check(step)

    def test_a_packet_id_that_was_completed_before_a_kill_carries_a_new_message_after_it(self):
        """MQTT-4.3.3-12. Were PUBCOMP sent before the release is durable, the second message would be swallowed."""
        with Server() as server:
            for number in range(harness.setting("QOS2_ROUNDS", 5)):
                with session(server, "writer") as writer:
                    writer.send_publish("q", b"%d" % number, 2, packet_id=7)
                    writer.expect(PUBREC, 7)
                    self.finish_release(writer, 7)
                    server.kill9()
                server.start()
                self.assertEqual(self.count(server, b"%d" % number), 1)

    def test_the_same_message_sent_again_without_a_kill_is_stored_once(self):
        with Server() as server:
            with session(server, "writer") as writer:
                writer.send_publish("q", b"x", 2, 1)
                writer.expect(PUBREC, 1)
                writer.send_publish("q", b"x", 2, 1, dup=True)
                writer.expect(PUBREC, 1)
                writer.abort()
            with session(server, "writer") as writer:
                self.finish_publish(writer, 1, b"x")
            self.assertEqual(self.count(server, b"x"), 1)

    def test_a_subscriber_gets_each_message_once_over_any_cut_of_its_connection(self):
        with Server() as server:
            with session(server, "reader") as reader:
                reader.subscribe("q", qos=2)
                with Client(server.mqtt, "writer") as writer:
                    writer.publish("q", b"x", 2)
                first = reader.expect(PUBLISH)
                reader.abort()
            with session(server, "reader") as reader:
                again = reader.expect(PUBLISH)
                self.assertEqual((again.payload, again.packet_id, again.dup), (b"x", first.packet_id, True))
                reader.send_ack(PUBREC, again.packet_id)
                reader.expect(PUBREL, again.packet_id)
                reader.abort()
            with session(server, "reader") as reader:
                self.assertEqual(reader.read().type, PUBREL)
                reader.send_ack(PUBCOMP, again.packet_id)
                reader.disconnect()
            with session(server, "reader") as reader:
                self.assertEqual(reader.receive_until_quiet(0.2), [])

    def test_a_subscriber_loses_nothing_when_the_server_is_killed_between_the_steps(self):
        for answered in ("nothing", "pubrec"):
            with self.subTest(answered=answered), Server() as server:
                with session(server, "reader") as reader:
                    reader.subscribe("q", qos=2)
                    with Client(server.mqtt, "writer") as writer:
                        writer.publish("q", b"x", 2)
                    first = reader.expect(PUBLISH)
                    if answered == "pubrec":
                        reader.send_ack(PUBREC, first.packet_id)
                        reader.expect(PUBREL, first.packet_id)
                    server.kill9()
                server.start()
                with session(server, "reader") as reader:
                    self.assertTrue(reader.session_present)
                    # The server cannot know what the reader holds under this id: it has it finished first (docs/adr/0004).
                    cleared = reader.expect(PUBREL)
                    reader.send_ack(PUBCOMP, cleared.packet_id)
                    again = reader.expect(PUBLISH, cleared.packet_id)
                    self.assertEqual((again.payload, again.qos), (b"x", 2))


if __name__ == "__main__":
    harness.main()
