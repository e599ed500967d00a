#!/usr/bin/env python3
"""$stream/<log> as docs/replay.md shows it, with Debian's mosquitto_sub."""

import subprocess
import unittest

import harness
from harness import Server


class StreamTest(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server())

    def pub(self, topic, payload):
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.server.mqtt), "-q", "1", "-t", topic, "-m", payload],
                       check=True, timeout=60)

    def sub(self, *arguments):
        done = subprocess.run(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.server.mqtt), "-V", "5", "-W", "30", *arguments],
                              check=True, timeout=60, stdout=subprocess.PIPE, text=True)
        return done.stdout.splitlines()

    def test_the_property_says_where_to_start(self):
        for number in range(3):
            self.pub("plant/1/temp", f"{20 + number}")
        self.pub("other", "x")
        self.server.restart()
        for name in "stream-offset", "offset":
            with self.subTest(name):
                self.assertEqual(self.sub("-t", "$stream/mqtt/plant/#", "-D", "subscribe", "user-property", name, "earliest",
                                          "-F", "%t %p", "-C", "3"),
                                 ["plant/1/temp 20", "plant/1/temp 21", "plant/1/temp 22"])


if __name__ == "__main__":
    harness.main(requires=["mosquitto_pub", "mosquitto_sub"])
