#!/usr/bin/env python3
"""Groups with real clients: $share balances over mosquitto_sub, $group goes on after kill -9 and shows one position at every
door."""

import subprocess
import threading
import unittest

import harness
from harness import BITACORA, Server, wait_until
from mqtt_client import Client, publish_many

MESSAGES = harness.setting("GROUP_MESSAGES", 200)


class Subscriber:
    """A running mosquitto_sub, subscribed; `lines` gets what it prints."""

    def __init__(self, test, port, client_id, filter_, *arguments):
        self.process = subprocess.Popen(
            ["stdbuf", "-oL", "mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-i", client_id, "-t", filter_, "-q", "1",
             "-d", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        test.addCleanup(self.process.wait)
        test.addCleanup(self.process.kill)
        self.lines = []
        self.subscribed = threading.Event()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        if not self.subscribed.wait(30):
            raise AssertionError("mosquitto_sub did not subscribe")

    def _read(self):
        with self.process.stdout as output:
            for line in output:
                if "Subscribed (mid" in line:
                    self.subscribed.set()
                elif line.strip() and not line.startswith(("Client ", "Subscribed")):
                    self.lines.append(line.rstrip("\n"))

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()


def readings(count, first=0):
    return ((f"plant/{n % 20}", b"%d" % n) for n in range(first, first + count))


class GroupsTest(unittest.TestCase):
    def offsets(self, server, group):
        try:
            found = server.http.get(f"/groups/{group}/offsets")["offsets"]
        except harness.HttpError as error:
            if error.status != 404:
                raise
            return {}
        return {entry["partition"]: entry["offset"] for entry in found}

    def ends(self, server):
        return {entry["partition"]: entry["committed_offset"] for entry in server.http.partitions()}

    def test_a_share_gives_each_message_to_one_of_two_clients(self):
        with Server() as server:
            for version in ("mqttv311", "mqttv5"):
                with self.subTest(version=version):
                    members = [Subscriber(self, server.mqtt, f"m{n}-{version}", f"$share/g-{version}/plant/#", "-V", version)
                               for n in range(2)]
                    publish_many(server.mqtt, readings(MESSAGES))
                    wait_until(lambda: sum(len(m.lines) for m in members) >= MESSAGES, what="every message")
                    got = sorted(int(line) for member in members for line in member.lines)
                    self.assertEqual(got, list(range(MESSAGES)))
                    for member in members:
                        if version == "mqttv311":
                            self.assertEqual(len(member.lines), MESSAGES // 2)
                        else:  # its Receive Maximum is 20, in turns: then who acknowledges sooner gets more
                            self.assertGreaterEqual(len(member.lines), 20)
                        member.kill()

    def test_a_share_survives_kill_9_with_a_persistent_member(self):
        with Server() as server:
            member = Subscriber(self, server.mqtt, "steady", "$share/g/plant/#", "-c")
            publish_many(server.mqtt, readings(MESSAGES))
            wait_until(lambda: len(member.lines) >= MESSAGES, what="every message")
            member.kill()
            publish_many(server.mqtt, readings(MESSAGES, MESSAGES))
            server.restart()
            publish_many(server.mqtt, readings(MESSAGES, 2 * MESSAGES))
            back = Subscriber(self, server.mqtt, "steady", "$share/g/plant/#", "-c")
            wanted = {str(n) for n in range(MESSAGES, 3 * MESSAGES)}
            wait_until(lambda: wanted <= set(back.lines), what="what came while it was away")
            back.kill()

    def test_a_group_goes_on_after_kill_9_and_every_door_shows_its_position(self):
        with Server() as server:
            members = [Subscriber(self, server.mqtt, f"m{n}", "$group/readers/plant/#") for n in range(2)]
            self.assertEqual(self.offsets(server, "readers"), {0: 0, 1: 0, 2: 0, 3: 0})
            publish_many(server.mqtt, readings(MESSAGES))
            wait_until(lambda: sum(len(m.lines) for m in members) >= MESSAGES, what="every message")
            ends = self.ends(server)
            wait_until(lambda: self.offsets(server, "readers") == ends, what="the position of all that was acknowledged")
            for member in members:
                self.assertGreater(len(member.lines), 0)
                member.kill()
            publish_many(server.mqtt, readings(MESSAGES, MESSAGES))
            server.restart()
            self.assertEqual(self.offsets(server, "readers"), ends)
            listed = subprocess.run([str(BITACORA), "groups", "--url", server.http.base, "readers"], check=True,
                                    capture_output=True, text=True, timeout=60).stdout
            self.assertEqual(sum(int(line.split()[-1]) for line in listed.splitlines()[1:]), MESSAGES, listed)

            member = Subscriber(self, server.mqtt, "next", "$group/readers/plant/#")
            wait_until(lambda: len(member.lines) >= MESSAGES, what="what came meanwhile")
            self.assertEqual(sorted(map(int, member.lines)), list(range(MESSAGES, 2 * MESSAGES)))
            metrics = server.http.request("GET", "/metrics")[2].decode()
            self.assertIn("\nbitacora_groups 1\n", metrics)
            self.assertIn("\nbitacora_group_members 1\n", metrics)
            member.kill()

    def test_a_position_set_over_http_is_where_a_group_begins(self):
        with Server() as server:
            publish_many(server.mqtt, readings(MESSAGES))
            offsets = [{"topic": "mqtt", "partition": number, "offset": 0} for number in range(4)]
            server.http.request("PUT", "/groups/again/offsets", body={"offsets": offsets})
            member = Subscriber(self, server.mqtt, "m", "$group/again/plant/#")
            wait_until(lambda: len(member.lines) >= MESSAGES, what="everything")
            self.assertEqual(sorted(map(int, member.lines)), list(range(MESSAGES)))
            member.kill()

    def test_a_clean_stop_repeats_nothing(self):
        with Server() as server:
            with Client(server.mqtt, "m") as member:
                member.subscribe("$group/calm/plant/#")
                publish_many(server.mqtt, readings(MESSAGES))
                member.receive(MESSAGES)
                member.ping()  # what was acknowledged before it is known to the server
                ends = self.ends(server)
                self.assertEqual(server.terminate(), 0)
            server.start()
            self.assertEqual(self.offsets(server, "calm"), ends)


if __name__ == "__main__":
    harness.main(requires=["mosquitto_sub", "stdbuf"])
