#!/usr/bin/env python3
"""A disk that somebody else fills to its last byte: no false success, reads go on, kill -9 and starts work, and everything
comes back once there is room, without a restart.

The data directory is a small tmpfs in a user and mount namespace of its own; no root is needed. Where the kernel does not
allow that the file is skipped.
"""

import os
import pathlib
import shutil
import stat
import subprocess
import sys
import unittest

import harness
from harness import HttpError, Server, check_dense, wait_until
from mqtt_client import PUBACK, Client

SIZE = "64m"
QUOTA_EXCEEDED = 0x97


class SmallDisk:
    """A tmpfs that only programs see which enter its namespaces, as long as its keeper lives."""

    def __init__(self, directory):
        self.directory = directory
        script = f'mount -t tmpfs -o size={SIZE} tmpfs "$0" && echo mounted && exec cat'
        self.keeper = subprocess.Popen(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, str(directory)],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self.keeper.stdout.readline() != b"mounted\n":
            raise OSError(self.keeper.communicate()[1].decode().strip() or "no mount")

    @property
    def seen_from_outside(self):
        return pathlib.Path(f"/proc/{self.keeper.pid}/root{self.directory}")

    def entering(self, program):
        """A program that starts `program` inside."""
        wrapper = self.directory.parent / "inside"
        wrapper.write_text(f'#!/bin/sh\nexec nsenter --target {self.keeper.pid} --user --mount --preserve-credentials '
                           f'-- "{program}" "$@"\n')
        wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
        return wrapper

    def used_percent(self):
        status = os.statvfs(self.seen_from_outside)
        return 100 * (status.f_blocks - status.f_bavail) / status.f_blocks

    def fill(self, percent=100):
        """Another program's file takes all there is, or so much that so much is used."""
        with open(self.seen_from_outside / "somebody-elses", "ab", buffering=0) as file:
            try:
                while percent == 100 or self.used_percent() < percent:
                    file.write(bytes(1 << (12 if percent == 100 else 18)))
            except OSError as error:
                assert percent == 100 and error.errno == 28, error

    def make_room(self):
        (self.seen_from_outside / "somebody-elses").unlink()

    def close(self):
        self.keeper.stdin.close()
        self.keeper.wait()
        self.keeper.stdout.close()
        self.keeper.stderr.close()


class DiskServer(Server):
    def __init__(self, storage):
        logs = '[[logs]]\nname = "mqtt"\npartitions = 1\n'
        super().__init__(config=f"[storage]\n{storage}\n{logs}")
        mount = self.directory / "disk"
        mount.mkdir()
        self.data = mount / "data"
        try:
            self.disk = SmallDisk(mount)
        except OSError as reason:
            shutil.rmtree(self.directory)
            print(f"skipped: a tmpfs in a namespace of one's own is not to be had here: {reason}")
            sys.exit(harness.SKIPPED)

    def spawn(self):
        real = harness.BITACORA
        harness.BITACORA = self.disk.entering(real)
        try:
            return super().spawn()
        finally:
            harness.BITACORA = real

    def __enter__(self):
        try:
            return super().__enter__()
        except BaseException:
            self.disk.close()
            raise

    def __exit__(self, *details):
        self.kill9()
        self.disk.close()
        super().__exit__(*details)

    def ballast(self):
        return self.disk.seen_from_outside / "data" / "ballast"


class FullDisk(unittest.TestCase):
    def publish(self, server, count, size=16000):
        """At QoS 1, 5.0: payloads acknowledged, and those refused; each says which it is."""
        acknowledged, refused = [], []
        with Client(server.mqtt, "publisher", version=5) as client:
            for _ in range(count):
                self.sent += 1
                payload = f"{self.sent:08}".encode() + bytes(size)
                reason = client.publish("t", payload, qos=1).reason
                self.assertIn(reason, (0, QUOTA_EXCEEDED))
                (acknowledged if reason < 0x80 else refused).append(payload)
        self.acknowledged += acknowledged
        return acknowledged, refused

    def check_records(self, server):
        records = server.http.all_records("mqtt")
        check_dense(self, records)
        self.assertEqual([record.value for record in records], self.acknowledged)

    def setUp(self):
        self.sent, self.acknowledged = 0, []

    def test_full_to_the_last_byte(self):
        # Without marks, so that it is the disk itself that says no.
        with DiskServer("disk_warn_percent = 0\ndisk_stop_percent = 0") as server:
            self.assertEqual(self.publish(server, 50)[1], [])
            self.assertEqual(server.ballast().stat().st_size, 8 << 20)
            server.disk.fill()

            # What was written ahead is used up first.
            refused = []
            while not refused:
                _, refused = self.publish(server, 10)
            with Client(server.mqtt, "older", version=4) as older:
                older.send_publish("t", bytes(16000), qos=1)
                self.assertNotIn(PUBACK, [packet.type for packet in older.wait_closed()])
            self.check_records(server)

            server.disk.fill()
            server.restart()
            self.assertIn("the ballast was given up", server.log())
            self.assertFalse(server.ballast().exists())
            self.check_records(server)

            # Again, now that no ballast is left.
            for _ in range(2):
                server.disk.fill()
                server.restart()
                self.check_records(server)
            # And by a stop.
            server.disk.fill()
            server.terminate()
            server.disk.fill()
            server.start()
            self.check_records(server)
            server.disk.fill()
            while not self.publish(server, 10)[1]:
                pass
            self.check_records(server)

            server.disk.make_room()
            wait_until(lambda: self.publish(server, 1)[0], what="a publish that is taken")
            self.assertEqual(self.publish(server, 50)[1], [])
            self.check_records(server)
            self.assertEqual(server.terminate(), 0)
            server.start()
            self.assertTrue(server.http.recovery()["clean_shutdown"])
            self.assertTrue(server.ballast().exists())
            self.check_records(server)

    def test_persistent_sessions_on_a_full_disk(self):
        # They write at each start: the ballast's room is for that, and publishes do not take it.
        with DiskServer("disk_warn_percent = 0\ndisk_stop_percent = 0") as server:
            for number in range(100):
                with Client(server.mqtt, f"session-{number}", version=5, clean=False, session_expiry=3600) as client:
                    client.subscribe("t", "u/#")
            self.publish(server, 20)
            server.disk.fill()
            for _ in range(5):
                server.restart()
                self.assertFalse(server.ballast().exists())
                acknowledged, refused = self.publish(server, 3)
                self.assertEqual((len(acknowledged), len(refused)), (0, 3))
                self.check_records(server)
            with Client(server.mqtt, "session-7", version=5, clean=False, session_expiry=3600) as client:
                self.assertTrue(client.session_present)
                self.assertEqual([message.payload for message in client.receive(20)], self.acknowledged)
            server.disk.make_room()
            wait_until(lambda: self.publish(server, 1)[0], what="a publish that is taken")

    def test_past_the_marks(self):
        with DiskServer("disk_warn_percent = 70\ndisk_stop_percent = 90") as server:
            self.publish(server, 50)
            server.disk.fill(80)
            wait_until(lambda: "[warning] disk space" in server.log(), what="the warning")
            self.assertEqual(self.publish(server, 5)[1], [])
            health = server.http.get("/health")
            self.assertEqual((health["status"], len(health["warnings"])), ("ok", 1))

            server.disk.fill(92)
            wait_until(lambda: "publishes are refused" in server.log(), what="the word that publishes are refused")
            wait_until(lambda: self.publish(server, 1)[1], what="a refusal")
            acknowledged, _ = self.publish(server, 20)
            self.assertEqual(acknowledged, [])
            with self.assertRaises(HttpError) as red:
                server.http.get("/health")
            self.assertEqual(red.exception.status, 503)
            with self.assertRaises(HttpError) as full:
                server.http.request("POST", "/topics/mqtt", {"records": [{"value": "eA=="}]},
                                    {"Content-Type": "application/vnd.kafka.binary.v2+json"})
            self.assertEqual(full.exception.status, 507)
            self.assertIn(b"\nbitacora_disk_space_level 2\n", server.http.request("GET", "/metrics")[2])
            self.check_records(server)
            with Client(server.mqtt, "reader", version=5) as reader:
                reader.subscribe("$replay/earliest/t")
                self.assertEqual([message.payload for message in reader.receive(len(self.acknowledged))], self.acknowledged)

            server.disk.make_room()
            wait_until(lambda: self.publish(server, 1)[0], what="a publish that is taken")
            self.assertEqual(self.publish(server, 20)[1], [])
            wait_until(lambda: server.http.get("/health")["status"] == "ok", what="a green /health")
            self.check_records(server)


if __name__ == "__main__":
    harness.main(requires=("unshare", "nsenter"))
