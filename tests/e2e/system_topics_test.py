#!/usr/bin/env python3
"""$SYS as Debian's mosquitto_sub shows it, with the configured interval."""

import subprocess
import unittest

import harness
from harness import Server

DASHBOARD = (
    "version", "uptime", "clients/total", "clients/connected", "clients/active", "clients/disconnected", "clients/inactive",
    "clients/maximum", "clients/expired",
    "messages/received", "messages/sent", "messages/stored", "bytes/received", "bytes/sent", "publish/messages/received",
    "publish/messages/sent", "publish/messages/dropped", "publish/bytes/received", "publish/bytes/sent",
    "subscriptions/count", "retained messages/count", "store/messages/count", "store/messages/bytes",
) + tuple(f"load/{what}/{window}" for window in ("1min", "5min", "15min") for what in (
    "messages/received", "messages/sent", "publish/received", "publish/sent", "publish/dropped", "bytes/received",
    "bytes/sent", "sockets", "connections"))


class SystemTopicsTest(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server(config='[broker]\nsys_interval = "100ms"\n'))

    def sub(self, *arguments):
        done = subprocess.run(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.server.mqtt), "-W", "30", *arguments],
                              check=True, timeout=60, stdout=subprocess.PIPE, text=True)
        return done.stdout.splitlines()

    def test_every_topic_that_dashboards_read_is_there(self):
        lines = self.sub("--retained-only", "-t", "$SYS/#", "-F", "%t", "-C", str(len(DASHBOARD)))
        self.assertEqual(sorted(line.removeprefix("$SYS/broker/") for line in lines), sorted(DASHBOARD))

    def test_what_is_published_is_counted_at_the_next_round(self):
        for _ in range(3):
            subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.server.mqtt), "-q", "1", "-t", "a", "-m", "x"],
                           check=True, timeout=60)
        received = "$SYS/broker/publish/messages/received"
        harness.wait_until(lambda: self.sub("-t", received, "-C", "1") == ["3"], what="three publishes counted")
        self.assertEqual(self.sub("-t", "$SYS/broker/store/messages/count", "-C", "1"), ["3"])


if __name__ == "__main__":
    harness.main(requires=["mosquitto_pub", "mosquitto_sub"])
