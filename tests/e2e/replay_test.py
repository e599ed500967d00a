#!/usr/bin/env python3
"""Replay over MQTT 3.1.1 and 5.0: from the start, from a time, from an offset, filtered, and on into what is live.

BITACORA_E2E_REPLAY_MESSAGES: how many messages are replayed while others are being published (default 20,000).
"""

import threading
import time
import unittest

import harness
from harness import Server
from mqtt_client import Client, publish_many


def topics_and_payloads(messages):
    """What is delivered, by topic in order."""
    found = {}
    for message in messages:
        found.setdefault(message.topic, []).append(message.payload)
    return found


class ReplayTest(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server())

    def client(self, version=4, client_id="replayer"):
        client = Client(self.server.mqtt, client_id, version)
        self.addCleanup(client.close)
        return client

    def publish(self, topics, first, last):
        """first .. last - 1, each to all `topics`."""
        publish_many(self.server.mqtt, ((topic, b"%d" % n) for n in range(first, last) for topic in topics))

    def expected(self, topics, first, last):
        return {topic: [b"%d" % n for n in range(first, last)] for topic in topics}

    def test_earliest_brings_everything_under_its_own_topic_in_order(self):
        topics = [f"plant/{n}/temp" for n in range(10)]
        self.publish(topics, 0, 200)
        for version in (3, 4, 5):
            with self.subTest(version=version):
                client = self.client(version)
                self.assertEqual(client.subscribe("$replay/earliest/#"), [1])
                self.assertEqual(topics_and_payloads(client.receive(2000)), self.expected(topics, 0, 200))
                client.close()

    def test_a_wildcard_filters_the_replay(self):
        self.publish(["plant/1/temp", "plant/2/temp", "plant/1/humidity", "office/temp"], 0, 100)
        client = self.client()
        client.subscribe("$replay/earliest/plant/+/temp")
        self.assertEqual(topics_and_payloads(client.receive(200)), self.expected(["plant/1/temp", "plant/2/temp"], 0, 100))
        self.assertEqual(client.receive_until_quiet(0.2), [])

    def test_a_replay_from_a_time_begins_with_the_first_record_that_is_not_older(self):
        self.publish(["a", "b"], 0, 50)
        # Timestamps are whole milliseconds: the cut must lie in one of its own.
        newest = max(record.shown["timestamp"] for record in self.server.http.all_records())
        harness.wait_until(lambda: time.time() * 1000 > newest + 2)
        cut = newest + 1
        self.publish(["a", "b"], 50, 100)
        rfc3339 = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(cut / 1000)) + f".{cut % 1000:03d}Z"
        for version in (4, 5):
            for start in (f"@{cut}", f"@{rfc3339}"):
                with self.subTest(version=version, start=start):
                    client = self.client(version)
                    client.subscribe(f"$replay/{start}/#")
                    self.assertEqual(topics_and_payloads(client.receive(100)), self.expected(["a", "b"], 50, 100))
                    client.close()

    def test_a_relative_time_counts_back_from_now(self):
        self.publish(["a"], 0, 50)
        client = self.client()
        client.subscribe("$replay/-1h/#")
        self.assertEqual(topics_and_payloads(client.receive(50)), self.expected(["a"], 0, 50))

    def test_latest_brings_only_what_comes_from_now_on(self):
        self.publish(["a"], 0, 50)
        client = self.client()
        client.subscribe("$replay/latest/#")
        self.publish(["a"], 50, 60)
        self.assertEqual(topics_and_payloads(client.receive(10)), self.expected(["a"], 50, 60))

    def test_one_partition_from_one_offset(self):
        self.publish([f"t/{n}" for n in range(8)], 0, 50)
        for partition in range(4):
            stored = [r for r in self.server.http.all_records() if r.partition == partition]
            for version in (4, 5):
                with self.subTest(partition=partition, version=version):
                    client = self.client(version)
                    start = len(stored) // 3
                    client.subscribe(f"$log/mqtt/{partition}/{start}")
                    got = [(m.topic, m.payload) for m in client.receive(len(stored) - start)] if stored else []
                    self.assertEqual(got, [(r.topic, r.value) for r in stored[start:]])
                    self.assertEqual(client.receive_until_quiet(0.1), [])
                    client.close()

    def test_version_5_is_told_where_each_record_stands(self):
        with Client(self.server.mqtt, "writer", 5) as writer:
            receipts = [writer.publish(f"t/{n % 5}", b"%d" % n, 1).user_properties for n in range(100)]
        client = self.client(5)
        client.subscribe("$replay/earliest/#")
        for message in client.receive(100):
            told, receipt = message.user_properties, receipts[int(message.payload)]
            self.assertEqual(told["key"], message.topic)
            for name in ("log", "partition", "offset", "ts"):
                self.assertEqual(told[name], receipt[name], name)

    def test_a_replay_runs_into_live_without_a_gap_or_a_duplicate(self):
        count = harness.setting("REPLAY_MESSAGES", 20_000)
        for version in (4, 5):
            with self.subTest(version=version):
                topic = f"flow/{version}"
                self.publish([topic], 0, count)
                publisher = threading.Thread(target=self.publish, args=([topic], count, 2 * count))
                client = self.client(version)
                publisher.start()
                try:
                    client.subscribe(f"$replay/earliest/{topic}")
                    numbers = [int(m.payload) for m in client.receive(2 * count)]
                finally:
                    publisher.join()
                self.assertEqual(numbers, list(range(2 * count)))
                self.publish([topic], 2 * count, 2 * count + 10)
                self.assertEqual([int(m.payload) for m in client.receive(10)], list(range(2 * count, 2 * count + 10)))
                self.assertEqual(client.receive_until_quiet(0.1), [])
                client.close()

    def test_a_replay_is_not_told_to_ordinary_subscribers_of_everything(self):
        with Client(self.server.mqtt, "all") as everyone:
            everyone.subscribe("#")
            self.publish(["a"], 0, 10)
            everyone.receive(10)
            client = self.client()
            client.subscribe("$replay/earliest/#")
            client.receive(10)
            self.assertEqual(everyone.receive_until_quiet(0.1), [])

    def test_what_survives_a_kill_is_what_is_replayed(self):
        self.publish(["a"], 0, 500)
        self.server.restart()
        self.publish(["a"], 500, 600)
        client = self.client()
        client.subscribe("$replay/earliest/a")
        self.assertEqual([int(m.payload) for m in client.receive(600)], list(range(600)))

    def test_a_start_that_makes_no_sense_is_refused_and_the_client_stays(self):
        client = self.client(5)
        for wrong in ("$replay/yesterday/#", "$replay/earliest", "$log/nowhere/0/0", "$log/mqtt/99/0", "$log/mqtt/0/x"):
            with self.subTest(filter=wrong):
                reason, = client.subscribe(wrong)
                self.assertGreaterEqual(reason, 0x80)
        client.ping()


if __name__ == "__main__":
    harness.main()
