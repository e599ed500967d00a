#!/usr/bin/env python3
"""The offset API of the real binary: what MQTT wrote is read by offset and time, produced, followed, and kept by groups."""

import base64
import http.client
import json
import queue
import socket
import threading
import time
import unittest
import urllib.parse

import harness
from harness import HttpError, Server
from mqtt_client import Client, publish_many

GROUP = "/groups/nightly/offsets"


class EventStream:
    """GET /tail in a thread; events arrive as (id, event, data)."""

    def __init__(self, server, last_event_id=None, **query):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.ports["http"], timeout=60)
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        self.connection.request("GET", "/tail?" + urllib.parse.urlencode(query, quote_via=urllib.parse.quote), headers=headers)
        self.socket = self.connection.sock  # getresponse() may give it away
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        assert self.response.headers["Content-Type"].startswith("text/event-stream")
        self.events = queue.Queue()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        fields = {}
        try:
            for line in self.response:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    fields[name] = value
                elif "data" in fields:
                    self.events.put((fields.get("id"), fields.get("event", "message"), json.loads(fields["data"])))
                    fields = {}
                else:
                    fields = {}
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # closed

    def take(self, count):
        return [self.events.get(timeout=30) for _ in range(count)]

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.response.close()
        self.connection.close()


class HttpTest(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server())

    def publish(self, topic, first, last):
        publish_many(self.server.mqtt, ((topic, b"%d" % n) for n in range(first, last)))

    def partition_of(self, topic):
        """Where `topic` is."""
        return next(r.partition for r in self.server.http.all_records() if r.topic == topic)

    def test_the_logs_and_their_partitions_are_listed_with_their_offsets(self):
        self.assertEqual(self.server.http.logs(), ["mqtt"])
        self.publish("a", 0, 100)
        partitions = self.server.http.partitions("mqtt")
        self.assertEqual([entry["partition"] for entry in partitions], [0, 1, 2, 3])
        self.assertEqual(sum(entry["committed_offset"] for entry in partitions), 100)
        self.assertEqual({entry["log_start_offset"] for entry in partitions}, {0})

    def test_reading_on_from_the_next_offset_gives_every_record_once(self):
        self.publish("a", 0, 2500)
        partition, offset, found = self.partition_of("a"), 0, []
        while True:
            records, headers = self.server.http.records("mqtt", partition, offset, max_bytes=2000)
            self.assertEqual(int(headers["X-Committed-Offset"]), 2500)
            if not records:
                break
            found += [int(base64.b64decode(record["value"])) for record in records]
            offset = int(headers["X-Next-Offset"])
            self.assertEqual(offset, records[-1]["offset"] + 1)
        self.assertEqual(found, list(range(2500)))

    def test_a_read_may_start_at_a_name_or_a_time(self):
        self.publish("a", 0, 10)
        partition = self.partition_of("a")
        newest = max(r.shown["timestamp"] for r in self.server.http.all_records())
        harness.wait_until(lambda: time.time() * 1000 > newest + 2)
        self.publish("a", 10, 20)
        for start, expected in (("earliest", 0), ("0", 0), ("15", 15), ("-1h", 0), (f"@{newest + 1}", 10),
                                (f"@{newest + 3_600_000}", None), ("latest", None)):
            with self.subTest(start=start):
                records, headers = self.server.http.records("mqtt", partition, start)
                self.assertEqual(records[0]["offset"] if records else None, expected)
                self.assertEqual(int(headers["X-Next-Offset"]), 20)
        found = self.server.http.get(f"/topics/mqtt/partitions/{partition}/offsets", timestamp=newest + 1)
        self.assertEqual((found["beginning_offset"], found["end_offset"], found["offset_at_timestamp"]), (0, 20, 10))

    def test_an_offset_that_is_not_there_is_416_with_the_bounds(self):
        self.publish("a", 0, 10)
        partition = self.partition_of("a")
        with self.assertRaises(HttpError) as caught:
            self.server.http.records("mqtt", partition, 11)
        error = caught.exception
        self.assertEqual(error.status, 416)
        self.assertEqual((error.json()["log_start_offset"], error.json()["committed_offset"]), (0, 10))
        self.assertEqual(error.headers["X-Committed-Offset"], "10")

    def test_a_long_poll_ends_when_a_record_comes(self):
        self.publish("a", 0, 1)
        partition = self.partition_of("a")
        answers = queue.Queue()
        reader = threading.Thread(target=lambda: answers.put(self.server.http.records("mqtt", partition, 1, timeout=30_000)))
        started = time.monotonic()
        reader.start()
        self.publish("a", 1, 2)
        records, _ = answers.get(timeout=30)
        reader.join()
        self.assertEqual(records[0]["offset"], 1)
        self.assertLess(time.monotonic() - started, 20)
        records, headers = self.server.http.records("mqtt", partition, 2, timeout=50)
        self.assertEqual((records, headers["X-Next-Offset"]), ([], "2"))

    def test_values_come_as_text_json_or_base64(self):
        with Client(self.server.mqtt, "writer", 5) as writer:
            writer.publish("a", b'{"t": 21}', 1, properties={"user_property": [("unit", "C")], "content_type": "text/x"})
            writer.publish("a", b"\xff\x00", 1)
        partition = self.partition_of("a")

        def read(format_):
            return self.server.http.get(f"/topics/mqtt/partitions/{partition}/records", offset=0, format=format_)

        first, second = read("json")
        self.assertEqual((first["key"], first["value"]), ("a", {"t": 21}))
        self.assertEqual((second["value"], second["value_base64"]), (None, "/wA="))
        self.assertIn({"name": "unit", "value": "C"}, first["headers"])
        self.assertIn({"name": "mqtt.content-type", "value": "text/x"}, first["headers"])
        self.assertEqual(read("text")[0]["value"], '{"t": 21}')
        self.assertEqual(base64.b64decode(read("binary")[1]["value"]), b"\xff\x00")

    def test_what_is_produced_here_arrives_over_mqtt(self):
        with Client(self.server.mqtt, "reader") as reader:
            reader.subscribe("from/http")
            body = {"records": [{"key": "from/http", "value": {"n": n}} for n in range(3)]}
            _, _, answer = self.server.http.request("POST", "/topics/mqtt", body,
                                                    {"Content-Type": "application/vnd.kafka.json.v2+json"})
            offsets = json.loads(answer)["offsets"]
            self.assertEqual([entry["offset"] for entry in offsets], [0, 1, 2])
            self.assertEqual([json.loads(m.payload) for m in reader.receive(3)], [{"n": n} for n in range(3)])
        self.server.restart()
        records, _ = self.server.http.records("mqtt", offsets[0]["partition"], 0)
        self.assertEqual(len(records), 3)

    def test_a_groups_offsets_are_kept_over_a_kill_and_know_their_lag(self):
        self.publish("a", 0, 10)
        partition = self.partition_of("a")
        self.server.http.request("PUT", GROUP, {"offsets": [{"topic": "mqtt", "partition": partition, "offset": 4}]})
        self.server.restart()
        entry, = self.server.http.get(GROUP)["offsets"]
        self.assertEqual((entry["topic"], entry["partition"], entry["offset"], entry["lag"]), ("mqtt", partition, 4, 6))
        self.assertEqual(self.server.http.get("/groups"), ["nightly"])
        self.server.http.request("DELETE", "/groups/nightly")
        with self.assertRaises(HttpError) as caught:
            self.server.http.get(GROUP)
        self.assertEqual(caught.exception.status, 404)

    def test_the_tail_goes_from_the_past_into_what_is_live_and_resumes_by_its_last_id(self):
        self.publish("plant/1/temp", 0, 50)
        self.publish("plant/1/humidity", 0, 50)
        stream = EventStream(self.server, filter="plant/+/temp", **{"from": "earliest"})
        events = stream.take(50)
        self.publish("plant/2/temp", 0, 10)
        events += stream.take(10)
        stream.close()
        self.assertEqual([data["value"] for _, _, data in events], [str(n) for n in [*range(50), *range(10)]])
        self.publish("plant/2/temp", 10, 20)
        for seen in (50, 60):  # after 50 and after all 60
            with self.subTest(seen=seen):
                stream = EventStream(self.server, last_event_id=events[seen - 1][0], filter="plant/+/temp")
                following = stream.take(70 - seen)
                stream.close()
                self.assertEqual([data["value"] for _, _, data in following], [str(n) for n in range(seen - 50, 20)])

    def test_errors_are_json_that_says_what_to_do(self):
        for path, query, status in (("/nowhere", {}, 404), ("/topics/nowhere", {}, 404),
                                    ("/topics/mqtt/partitions/99/records", {"offset": 0}, 404),
                                    ("/topics/mqtt/partitions/0/records", {"offset": "x"}, 400),
                                    ("/topics/mqtt/partitions/0/records", {"offzet": "0"}, 400),
                                    ("/tail", {"filter": "a/#/b"}, 400), ("/groups/nobody/offsets", {}, 404)):
            with self.subTest(path=path), self.assertRaises(HttpError) as caught:
                self.server.http.get(path, **query)
            self.assertEqual(caught.exception.status, status)
            self.assertGreater(len(caught.exception.json()["message"]), 10)

    def test_health_metrics_and_the_document_are_there(self):
        self.publish("a", 0, 10)
        self.assertEqual(self.server.http.get("/health")["status"], "ok")
        _, headers, text = self.server.http.request("GET", "/metrics")
        self.assertTrue(headers["Content-Type"].startswith("text/plain"))
        self.assertRegex(text.decode(), r"(?m)^bitacora_\w+(\{.*\})? \d")
        self.assertTrue(self.server.http.get("/openapi.json")["openapi"].startswith("3."))


if __name__ == "__main__":
    harness.main()
