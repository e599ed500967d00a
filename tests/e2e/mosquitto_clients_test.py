#!/usr/bin/env python3
"""Debian's mosquitto_pub, mosquitto_sub and mosquitto_rr, as they are, against bitacora: 3.1, 3.1.1 and 5.0."""

import subprocess
import threading
import unittest

import harness
from harness import Server
from mqtt_client import Client

VERSIONS = ("mqttv31", "mqttv311", "mqttv5")


class MosquittoClientsTest(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server())

    def pub(self, *arguments, version="mqttv311", **options):
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.server.mqtt), "-V", version, *arguments],
                       check=True, timeout=60, **options)

    def start_sub(self, *arguments, version="mqttv311"):
        """A running mosquitto_sub, subscribed. stdbuf: into a pipe it would keep what it says to itself."""
        process = subprocess.Popen(["stdbuf", "-oL", "mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.server.mqtt), "-V", version, "-d",
                                    *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for line in process.stdout:
            if "Subscribed (mid" in line:
                return process
        raise AssertionError("mosquitto_sub did not subscribe")

    def output(self, process):
        """What it printed until its end, without its debug lines."""
        # Not communicate(): it reads the pipe anew and loses what came in one piece with the line start_sub waited for.
        overdue = threading.Timer(60, process.kill)
        overdue.start()
        lines = process.stdout.read().splitlines()
        overdue.cancel()
        return [line for line in lines if line and not line.startswith(("Client ", "Subscribed"))]

    def test_every_qos_in_every_version(self):
        for version in VERSIONS:
            for qos in "012":
                with self.subTest(version=version, qos=qos):
                    sub = self.start_sub("-t", "a/+/c", "-q", qos, "-C", "3", "-F", "%t %q %p", version=version)
                    for number in range(3):
                        self.pub("-t", "a/b/c", "-m", f"m{number}", "-q", qos, version=version)
                    self.assertEqual(self.output(sub), [f"a/b/c {qos} m{number}" for number in range(3)])

    def test_a_message_of_one_version_reaches_the_others(self):
        subs = [self.start_sub("-t", "#", "-q", "1", "-C", "3", "-F", "%p", version=version) for version in VERSIONS]
        for version in VERSIONS:
            self.pub("-t", "x", "-m", version, "-q", "1", version=version)
        for sub in subs:
            self.assertEqual(self.output(sub), list(VERSIONS))

    def test_retained_messages_come_first_are_replaced_and_removed(self):
        self.pub("-t", "state/a", "-m", "old", "-r", "-q", "1")
        self.pub("-t", "state/a", "-m", "new", "-r", "-q", "1")
        self.pub("-t", "state/b", "-m", "b", "-r", "-q", "1")
        self.pub("-t", "state/b", "-n", "-r", "-q", "1")
        for attempt in ("before", "after a kill"):
            with self.subTest(attempt):
                sub = self.start_sub("-t", "state/#", "-q", "1", "-C", "2", "-F", "%r %t %p")
                self.pub("-t", "state/end", "-m", "end", "-q", "1")
                self.assertEqual(self.output(sub), ["1 state/a new", "0 state/end end"])
                self.server.restart()

    def test_a_will_is_published_when_the_client_is_killed(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                sub = self.start_sub("-t", "will/#", "-q", "1", "-C", "1", "-F", "%t %p")
                dying = self.start_sub("-t", "nothing", "--will-topic", "will/x", "--will-payload", "gone", "--will-qos", "1",
                                       version=version)
                dying.kill()
                self.assertEqual(self.output(sub), ["will/x gone"])

    def test_a_persistent_session_gets_what_it_missed(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                keep = ["-x", "3600"] if version == "mqttv5" else []
                session = ["-i", f"keeper{version}", "-c", "-t", f"kept/{version}", "-q", "1", *keep]
                subprocess.run(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.server.mqtt), "-V", version, "-E",
                                *session], check=True, timeout=60)
                self.pub("-t", f"kept/{version}", "-q", "1", "-l", input="1\n2\n3\n", text=True)
                self.server.restart()
                done = subprocess.run(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.server.mqtt), "-V", version,
                                       "-C", "3", *session], check=True, timeout=60, capture_output=True, text=True)
                self.assertEqual(done.stdout.split(), ["1", "2", "3"])

    def test_a_retained_message_of_any_version_waits_for_every_version(self):
        for version in VERSIONS:
            self.pub("-t", f"state/{version}", "-m", "kept", "-r", "-q", "1", version=version)
        for version in VERSIONS:
            with self.subTest(version=version):
                sub = self.start_sub("-t", "state/#", "-q", "1", "-C", "3", "-F", "%r %t %p", version=version)
                self.assertEqual(sorted(self.output(sub)), sorted(f"1 state/{each} kept" for each in VERSIONS))

    def test_a_session_of_qos_2_gets_what_it_missed_once(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                keep = ["-x", "3600"] if version == "mqttv5" else []
                session = ["-h", "127.0.0.1", "-p", str(self.server.mqtt), "-V", version, "-i", f"twice{version}", "-c",
                           "-t", f"kept/{version}", "-q", "2", *keep]
                subprocess.run(["mosquitto_sub", "-E", *session], check=True, timeout=60)
                self.pub("-t", f"kept/{version}", "-q", "2", "-l", version=version, input="1\n2\n3\n", text=True)
                done = subprocess.run(["mosquitto_sub", "-C", "3", *session], check=True, timeout=60, capture_output=True,
                                      text=True)
                self.assertEqual(done.stdout.split(), ["1", "2", "3"])
                again = subprocess.run(["mosquitto_sub", "-W", "1", *session], timeout=60, capture_output=True, text=True)
                self.assertEqual(again.stdout, "")

    def test_a_will_has_the_qos_retain_flag_and_properties_it_was_given(self):
        dying = self.start_sub("-t", "nothing", "--will-topic", "will/kept", "--will-payload", "gone", "--will-qos", "2",
                               "--will-retain", "-D", "will", "content-type", "text/plain", "-D", "will", "user-property", "why",
                               "battery", version="mqttv5")
        live = self.start_sub("-t", "will/#", "-q", "2", "-C", "1", "-F", "%t %q %p %C", version="mqttv5")
        dying.kill()
        self.assertEqual(self.output(live), ["will/kept 2 gone text/plain"])
        later = self.start_sub("-t", "will/#", "-q", "2", "-C", "1", "-F", "%r %q %p %C %P", version="mqttv5")
        line, = self.output(later)
        self.assertTrue(line.startswith("1 2 gone text/plain "), line)
        self.assertIn("why:battery", line)

    def test_properties_of_a_publish_arrive_as_they_were_given(self):
        sub = self.start_sub("-t", "p", "-q", "1", "-C", "1", "-F", "%p|%C|%R|%D|%F|%P", version="mqttv5")
        self.pub("-t", "p", "-m", "x", "-q", "1", "-D", "publish", "content-type", "text/plain", "-D", "publish",
                 "response-topic", "answer/here", "-D", "publish", "correlation-data", "42", "-D", "publish",
                 "payload-format-indicator", "1", "-D", "publish", "user-property", "unit", "C", "-D", "publish",
                 "user-property", "unit", "F", version="mqttv5")
        line, = self.output(sub)
        self.assertTrue(line.startswith("x|text/plain|answer/here|42|1|"), line)
        self.assertLess(line.index("unit:C"), line.index("unit:F"))

    def request(self, version, *arguments):
        """A running mosquitto_rr."""
        process = subprocess.Popen(["mosquitto_rr", "-h", "127.0.0.1", "-p", str(self.server.mqtt), "-V", version, "-t", "ask",
                                    "-m", "how warm?", "-q", "1", *arguments], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_a_request_of_version_5_is_answered_where_it_asks_to_be(self):
        with Client(self.server.mqtt, "responder", 5) as responder:
            responder.subscribe("ask")
            asking = self.request("mqttv5", "-e", "answers/mine", "-D", "publish", "correlation-data", "7")
            question, = responder.receive(1)
            self.assertEqual((question.payload, question.properties["response_topic"], question.properties["correlation_data"]),
                             (b"how warm?", "answers/mine", b"7"))
            responder.publish(question.properties["response_topic"], b"21.5", 1,
                              properties={"correlation_data": question.properties["correlation_data"]})
            self.assertEqual(asking.communicate(timeout=60)[0], "21.5\n")

    def test_a_request_of_version_3_1_1_is_answered_where_both_agreed(self):
        with Client(self.server.mqtt, "responder") as responder:
            responder.subscribe("ask")
            asking = self.request("mqttv311", "-e", "answers/agreed")
            self.assertEqual(responder.receive(1)[0].payload, b"how warm?")
            responder.publish("answers/agreed", b"21.5", 1)
            self.assertEqual(asking.communicate(timeout=60)[0], "21.5\n")

    def test_wildcards_match_as_the_standard_says(self):
        topics = ("a", "a/b", "a/b/c", "b/b", "/a")
        for filter_, matched in (("#", topics), ("a/#", ("a", "a/b", "a/b/c")), ("+", ("a",)), ("+/b", ("a/b", "b/b")),
                                 ("a/+", ("a/b",)), ("/+", ("/a",)), ("+/+", ("a/b", "b/b", "/a"))):
            with self.subTest(filter=filter_):
                sub = self.start_sub("-t", filter_, "-t", "end", "-q", "1", "-F", "%t", "-C", str(len(matched) + 1))
                for topic in (*topics, "end"):
                    self.pub("-t", topic, "-m", "x", "-q", "1")
                expected = [*matched, "end"]
                if filter_ in ("#", "+"):  # "end" matches both filters: one copy or two, 3.3.5 leaves it open
                    self.assertEqual(sorted(set(self.output(sub))), sorted(set(expected)))
                else:
                    self.assertEqual(self.output(sub), expected)

    def test_replay_needs_nothing_but_mosquitto_sub(self):
        self.pub("-t", "plant/1/temp", "-q", "1", "-l", input="20\n21\n22\n", text=True)
        self.server.restart()
        sub = self.start_sub("-t", "$replay/earliest/#", "-q", "1", "-C", "3", "-F", "%t %p")
        self.assertEqual(self.output(sub), ["plant/1/temp 20", "plant/1/temp 21", "plant/1/temp 22"])

    def test_a_payload_of_every_byte_comes_back_as_it_was(self):
        payload = bytes(range(256)) * 100
        process = subprocess.Popen(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.server.mqtt), "-t",
                                    "$replay/earliest/bytes", "-q", "1", "-C", "1", "-N"], stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.pub("-t", "bytes", "-s", "-q", "1", input=payload)
        self.assertEqual(process.communicate(timeout=60)[0], payload)


if __name__ == "__main__":
    harness.main(requires=["mosquitto_pub", "mosquitto_sub", "mosquitto_rr"])
