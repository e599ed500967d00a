#!/usr/bin/env python3
"""A replay of few records among many reads few: by name and by wildcard, over MQTT and HTTP, after a start, and with a damaged
index. What the server reads is looked at in /proc."""

import json
import pathlib
import unittest

import harness
from harness import Server, wait_until
from mqtt_client import Client, publish_many

CONFIG = """[storage]
scrub_bytes_per_second = "0B"
[[logs]]
name = "mqtt"
partitions = 2
segment_bytes = "1MiB"
durability = "async"
"""
MANY = 30_000  # of 300 bytes: about 12 MB of log
RARE = [b"%d" % n for n in range(20)]


class SparseReplayTest(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server(config=CONFIG))

    def publish(self):
        filler = b"." * 300
        step = MANY // len(RARE)
        messages = []
        for number in range(MANY):
            messages.append((f"many/{number % 500}/y", filler))
            if number % step == 0:
                messages.append(("rare/7/x", RARE[number // step]))
        publish_many(self.server.mqtt, messages)

    def partitions(self):
        return sorted(pathlib.Path(self.server.data).glob("mqtt-*"))

    def await_indexes(self):
        def all_sealed():
            return all(segment.with_suffix(".keyindex").exists()
                       for directory in self.partitions() for segment in sorted(directory.glob("*.log"))[:-1])
        wait_until(all_sealed, what="the key indexes")

    def bytes_read(self):
        fields = dict(line.split(": ") for line in pathlib.Path(f"/proc/{self.server.pid}/io").read_text().splitlines())
        return int(fields["rchar"])

    def replay(self, topic_filter):
        """(what came, how many bytes the server read for it)."""
        client = Client(self.server.mqtt, "replayer", 4)
        before = self.bytes_read()
        client.subscribe("$replay/earliest/" + topic_filter)
        found = [message.payload for message in client.receive(len(RARE))]
        read = self.bytes_read() - before
        client.close()
        return found, read

    def test_few_records_among_many_are_found_without_reading_the_many(self):
        self.publish()
        self.await_indexes()
        size = sum(segment.stat().st_size for directory in self.partitions() for segment in directory.glob("*.log"))
        self.assertGreater(size, 8_000_000)
        # The last of the indexes may have its name and not yet all its bytes.
        wait_until(lambda: self.replay("rare/7/x")[1] < size / 2, what="a replay that reads less than half")
        for restarted in (False, True):
            for topic_filter in ("rare/7/x", "rare/+/x", "rare/#", "+/7/x"):
                with self.subTest(topic_filter=topic_filter, restarted=restarted):
                    found, read = self.replay(topic_filter)
                    self.assertEqual(found, RARE)
                    self.assertLess(read, size / 2)
            with self.subTest("http", restarted=restarted):
                found = []
                for directory in self.partitions():
                    number = int(directory.name.rpartition("-")[2])
                    offset = 0
                    while True:
                        _, headers, body = self.server.http.request("GET", f"/topics/mqtt/partitions/{number}/records", offset=offset,
                                                          filter="rare/+/x", format="text")
                        found += [record["value"].encode() for record in json.loads(body)]
                        offset = int(headers["X-Next-Offset"])
                        if offset >= int(headers["X-Committed-Offset"]):
                            break
                self.assertEqual(found, RARE)
            self.server.kill9()
            self.server.start()

    def test_a_damaged_or_missing_index_hides_nothing(self):
        self.publish()
        self.await_indexes()
        self.server.kill9()
        indexes = [index for directory in self.partitions() for index in sorted(directory.glob("*.keyindex"))]
        self.assertGreater(len(indexes), 4)
        for number, index in enumerate(indexes):
            bytes_there = bytearray(index.read_bytes())
            if number % 3 == 0:
                index.unlink()
            elif number % 3 == 1:
                bytes_there[len(bytes_there) // 2] ^= 1
                index.write_bytes(bytes_there)
            else:
                index.write_bytes(bytes_there[: len(bytes_there) // 3])
        self.server.start()
        self.assertEqual(self.replay("rare/+/x")[0], RARE)


if __name__ == "__main__":
    harness.main()
