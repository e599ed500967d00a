#!/usr/bin/env python3
"""50 publishers in flight, kill -9, restart, again and again: nothing acknowledged is missing, offsets are dense, the order
of each publisher holds. For durability `sync` and `async`; with `memory` the loss must be found and be stated.

BITACORA_E2E_KILL_ROUNDS: kills for each durability (default 20).
"""

import selectors
import socket
import unittest

import harness
from harness import Server
from mqtt_client import CONNACK, PUBACK, Client, connect_bytes, publish_bytes, take_packet

PUBLISHERS = 50
WINDOW = 20


class Publisher:
    """Publishes 0, 1, 2, ... at QoS 1 in a persistent session, WINDOW in flight; after a reconnect it first sends again
    what was not acknowledged, in order, as the standard asks."""

    def __init__(self, number):
        self.number = number
        self.topic = f"fleet/{number}/reading"
        self.following = 0   # the next number to publish
        self.unacked = {}    # packet id: number, in the order of sending
        self.acked = set()
        self.socket = None

    def connect(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.buffer = bytearray()
        self.socket.sendall(connect_bytes(f"fleet-{self.number}", clean=False))
        while True:
            packet = take_packet(self.buffer, 4)
            if packet:
                break
            assert self.read(), "the server closed a publisher's connection before CONNACK"
        assert packet.type == CONNACK and packet.reason == 0, packet
        resent, self.unacked = self.unacked, {}
        for packet_id, number in resent.items():
            self.publish(packet_id, number, dup=True)

    def publish(self, packet_id, number, dup=False):
        self.unacked[packet_id] = number
        payload = b"%d:%d" % (self.number, number)
        self.socket.sendall(publish_bytes(self.topic, payload, 1, packet_id, dup=dup))

    def fill_window(self):
        while len(self.unacked) < WINDOW:
            self.publish(self.following % 65535 + 1, self.following)
            self.following += 1

    def read(self):
        """Takes what is there; false when the connection has ended."""
        try:
            chunk = self.socket.recv(1 << 16)
        except ConnectionError:
            return False
        self.buffer += chunk
        return bool(chunk)

    def take_acks(self):
        count = 0
        while len(self.buffer) >= 4:
            packet = take_packet(self.buffer, 4)
            assert packet.type == PUBACK and packet.packet_id in self.unacked, packet
            self.acked.add(self.unacked.pop(packet.packet_id))
            count += 1
        return count


class Fleet:
    def __init__(self):
        self.publishers = [Publisher(number) for number in range(PUBLISHERS)]

    def publish_until_killed(self, server, acks_before_kill):
        """Connects, publishes, kills the server once that many were acknowledged, and takes the acknowledgements that were
        on their way. Returns how many publishes were in flight at the kill."""
        selector = selectors.DefaultSelector()
        for publisher in self.publishers:
            publisher.connect(server.mqtt)
            publisher.fill_window()
            selector.register(publisher.socket, selectors.EVENT_READ, publisher)
        acked = 0
        while acked < acks_before_kill:
            ready = selector.select(30)
            assert ready, "the server acknowledges nothing for 30 s"
            for key, _ in ready:
                assert key.data.read(), "the server closed a publisher's connection"
                acked += key.data.take_acks()
                key.data.fill_window()
        in_flight = sum(len(publisher.unacked) for publisher in self.publishers)
        server.kill9()
        for publisher in self.publishers:
            while publisher.read():
                pass
            publisher.take_acks()
            publisher.socket.close()
        return in_flight

    def finish(self, server):
        """Connects once more, and returns when nothing is unacknowledged."""
        for publisher in self.publishers:
            publisher.connect(server.mqtt)
        for publisher in self.publishers:
            while publisher.unacked:
                assert publisher.read(), "the server closed a publisher's connection"
                publisher.take_acks()
            publisher.socket.close()

    def acked(self):
        return {(publisher.number, number) for publisher in self.publishers for number in publisher.acked}


def reading(payload):
    """(publisher, number) of a payload."""
    publisher, number = payload.split(b":")
    return int(publisher), int(number)


class Kill9Test(unittest.TestCase):
    def check_order(self, payloads):
        """The first copies of each publisher's numbers come as 0, 1, 2, ...: none is missing before one that is there."""
        following = [0] * PUBLISHERS
        for publisher, number in map(reading, payloads):
            self.assertLessEqual(number, following[publisher], f"publisher {publisher}: {number} came too early")
            following[publisher] = max(following[publisher], number + 1)

    def check_records(self, server, fleet):
        records = server.http.all_records()
        harness.check_dense(self, records)
        missing = fleet.acked() - {reading(record.value) for record in records}
        self.assertFalse(missing, f"{len(missing)} acknowledged messages are missing")
        self.check_order(record.value for record in records)
        return records

    def check_replay(self, server, records):
        """The same records come over MQTT, each partition in the same order."""
        with Client(server.mqtt, "replayer", version=5) as replayer:
            replayer.subscribe("$replay/earliest/fleet/#")
            replayed = {}
            for message in replayer.receive(len(records)):
                told = message.user_properties
                replayed.setdefault(int(told["partition"]), []).append((int(told["offset"]), message.payload))
        stored = {}
        for record in records:
            stored.setdefault(record.partition, []).append((record.offset, record.value))
        self.assertEqual(replayed, stored)

    def kill_again_and_again(self, durability):
        rounds, random = harness.setting("KILL_ROUNDS", 20), harness.seeded_random()
        fleet, in_flight = Fleet(), []
        with Server(durability=durability) as server:
            for _ in range(rounds):
                in_flight.append(fleet.publish_until_killed(server, random.randrange(1, 2000)))
                server.start()
                self.check_records(server, fleet)
            fleet.finish(server)
            records = self.check_records(server, fleet)
            self.check_replay(server, records)
            self.assertEqual({reading(record.value) for record in records}, fleet.acked())
        self.assertGreater(min(in_flight), PUBLISHERS, "the kills did not meet publishes in flight")
        print(f"{durability}: {rounds} kills, {len(fleet.acked())} acknowledged, 0 missing, "
              f"{len(records) - len(fleet.acked())} stored twice because they were sent again, "
              f"{sum(in_flight)} in flight at the kills")

    def test_sync_loses_nothing_that_was_acknowledged(self):
        self.kill_again_and_again("sync")

    def test_async_loses_nothing_that_was_acknowledged(self):
        self.kill_again_and_again("async")

    def test_memory_states_its_loss_and_never_uses_an_offset_twice(self):
        """Also the control of this rig: here something must be missing, and the check must see it."""
        fleet = Fleet()
        with Server(durability="memory") as server:
            fleet.publish_until_killed(server, 2000)
            server.start()
            lost = {entry["partition"]: entry["memory_lost_before_offset"]
                    for entry in server.http.recovery()["partitions"] if entry["topic"] == "mqtt"}
            self.assertGreaterEqual(sum(lost.values()), len(fleet.acked()), f"the report states less than was lost: {lost}")
            with self.assertRaisesRegex(AssertionError, "acknowledged messages are missing"):
                self.check_records(server, fleet)
            with Client(server.mqtt, "writer", version=5) as writer:
                for number in range(100):
                    receipt = writer.publish(f"after/{number}", b"0:0", 1).user_properties
                    self.assertGreaterEqual(int(receipt["offset"]), lost[int(receipt["partition"])])


if __name__ == "__main__":
    harness.main()
