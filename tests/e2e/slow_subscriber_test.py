#!/usr/bin/env python3
"""A subscriber that stops reading costs the server nothing but its place in the log.

BITACORA_E2E_SLOW_MESSAGES: how many messages pass meanwhile (default 1,000,000).
"""

import unittest

import harness
from harness import Server
from mqtt_client import Client, publish_many

MIB = 1 << 20


class SlowSubscriberTest(unittest.TestCase):
    def test_memory_stays_flat_while_a_subscriber_does_not_read_and_then_it_gets_everything_in_order(self):
        count = harness.setting("SLOW_MESSAGES", 1_000_000)
        with Server() as server, Client(server.mqtt, "slow", receive_buffer=1 << 16, timeout=60) as slow:
            self.assertEqual(slow.subscribe("flood/#"), [1])
            before = server.memory()
            peak = [before]

            def messages():
                for number in range(count):
                    if number % 10_000 == 0:
                        peak[0] = max(peak[0], server.memory())
                    yield f"flood/{number % 7}", b"%08d" % number

            self.assertEqual(publish_many(server.mqtt, messages()), count)
            growth = max(peak[0], server.memory()) - before
            print(f"{count} messages passed, memory grew by {growth / MIB:.1f} MiB from {before / MIB:.1f} MiB")
            self.check_growth(growth)

            following = {}
            for _ in range(count):
                message, = slow.receive(1)
                number = int(message.payload)
                topic = number % 7
                self.assertEqual(message.topic, f"flood/{topic}")
                self.assertEqual(number, following.get(topic, topic), "lost, repeated or out of order")
                following[topic] = number + 7
            self.check_growth(server.memory() - before)
            self.assertEqual(sum(1 for _ in slow.receive_until_quiet(0.2)), 0)

    def check_growth(self, growth):
        if harness.CHECKS_MEMORY:
            self.assertLess(growth, 32 * MIB)

    def test_a_slow_subscriber_does_not_hold_up_a_quick_one(self):
        count = 50_000
        with Server() as server, Client(server.mqtt, "slow", receive_buffer=1 << 16) as slow, \
                Client(server.mqtt, "quick") as quick:
            slow.subscribe("both")
            quick.subscribe("both")
            for start in range(0, count, 1000):
                publish_many(server.mqtt, (("both", b"%d" % n) for n in range(start, start + 1000)))
                self.assertEqual([int(m.payload) for m in quick.receive(1000)], list(range(start, start + 1000)))
            self.assertEqual([int(m.payload) for m in slow.receive(count)], list(range(count)))


if __name__ == "__main__":
    harness.main()
