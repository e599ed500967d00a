#!/usr/bin/env python3
"""Persistent sessions while their clients are away: a cursor each, not a copy of each message.

BITACORA_E2E_OFFLINE_MESSAGES: how many messages pass meanwhile (default 100,000).
"""

import unittest

import harness
from harness import Server
from mqtt_client import PUBACK, Client, publish_many

MIB = 1 << 20
FOREVER = 0xFFFFFFFF


def persistent(server, client_id, version=4, **options):
    """A client whose session outlives its connection."""
    if version == 5:
        options["session_expiry"] = FOREVER
    return Client(server.mqtt, client_id, version, clean=False, timeout=60, **options)


class OfflineSessionTest(unittest.TestCase):
    def test_a_session_that_was_away_gets_everything_in_order_and_costs_no_memory(self):
        count, sessions = harness.setting("OFFLINE_MESSAGES", 100_000), 20
        with Server() as server:
            for number in range(sessions):
                with persistent(server, f"away-{number}") as client:
                    client.subscribe("log/#")
                    client.disconnect()
            publish_many(server.mqtt, (("other", b"%d" % n) for n in range(count // 10)))  # what a first use costs
            before = server.memory()
            publish_many(server.mqtt, (("log/line", b"%08d" % n) for n in range(count)))
            growth = server.memory() - before
            print(f"{count} messages for {sessions} sessions that are away: memory grew by {growth / MIB:.1f} MiB")
            if harness.CHECKS_MEMORY:
                self.assertLess(growth, 16 * MIB, "an offline session holds copies")
            with persistent(server, "away-0") as client:
                self.assertTrue(client.session_present)
                self.assertEqual([int(m.payload) for m in client.receive(count)], list(range(count)))
                self.assertEqual(client.receive_until_quiet(0.2), [])

    def test_a_session_survives_kill_9_while_it_is_away(self):
        for version in (4, 5):
            with self.subTest(version=version), Server() as server:
                with persistent(server, "away", version) as client:
                    client.subscribe("a/+", qos=1)
                    client.disconnect()
                with Client(server.mqtt, "writer") as writer:
                    for number in range(100):
                        writer.publish("a/b", b"%d" % number, 1)
                server.restart()
                with Client(server.mqtt, "writer") as writer:
                    writer.publish("a/b", b"100", 1)
                with persistent(server, "away", version) as client:
                    self.assertTrue(client.session_present)
                    self.assertEqual([int(m.payload) for m in client.receive(101)], list(range(101)))

    def test_what_was_acknowledged_before_a_clean_disconnect_does_not_come_again(self):
        with Server() as server:
            with persistent(server, "reader") as reader:
                reader.subscribe("a")
                publish_many(server.mqtt, (("a", b"%d" % n) for n in range(100)))
                # All are read: a socket closed over unread bytes is reset, and takes the acknowledgements with it.
                for message in reader.receive(100, ack=False)[:60]:
                    reader.send_ack(PUBACK, message.packet_id)
                reader.disconnect()
            with persistent(server, "reader") as reader:
                rest = [int(m.payload) for m in reader.receive(40)]
                self.assertEqual(rest, list(range(60, 100)))
                self.assertEqual(reader.receive_until_quiet(0.2), [])

    def test_what_was_not_acknowledged_comes_again_with_dup_and_the_same_packet_id(self):
        with Server() as server:
            with persistent(server, "reader") as reader:
                reader.subscribe("a")
                publish_many(server.mqtt, [("a", b"0"), ("a", b"1")])
                first = reader.receive(2, ack=False)
                self.assertFalse(first[0].dup)
                reader.abort()
            with persistent(server, "reader") as reader:
                again = reader.receive(2)
                self.assertEqual([(m.payload, m.packet_id) for m in again], [(m.payload, m.packet_id) for m in first])
                self.assertTrue(all(m.dup for m in again))

    def test_a_subscription_that_was_ended_brings_nothing_after_a_restart(self):
        with Server() as server:
            with persistent(server, "reader") as reader:
                reader.subscribe("a", "b")
                reader.unsubscribe("a")
                reader.disconnect()
            server.restart()
            with Client(server.mqtt, "writer") as writer:
                writer.publish("a", b"no", 1)
                writer.publish("b", b"yes", 1)
            with persistent(server, "reader") as reader:
                self.assertEqual([m.payload for m in reader.receive(1)], [b"yes"])
                self.assertEqual(reader.receive_until_quiet(0.2), [])

    def test_clean_start_forgets_the_session(self):
        with Server() as server:
            with persistent(server, "reader") as reader:
                reader.subscribe("a")
            with Client(server.mqtt, "reader", clean=True) as reader:
                self.assertFalse(reader.session_present)
            with persistent(server, "reader") as reader:
                self.assertFalse(reader.session_present)

    def test_a_second_connection_takes_the_session_over(self):
        with Server() as server:
            with persistent(server, "same") as old:
                old.subscribe("a")
                with persistent(server, "same") as new:
                    self.assertTrue(new.session_present)
                    old.wait_closed()
                    with Client(server.mqtt, "writer") as writer:
                        writer.publish("a", b"1", 1)
                    self.assertEqual(new.receive(1)[0].payload, b"1")


if __name__ == "__main__":
    harness.main()
