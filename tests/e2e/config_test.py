#!/usr/bin/env python3
"""The configuration file as the server meets it: mistakes named with their line, SIGHUP whole or not at all, a clean stop."""

import http.client
import re
import subprocess
import tempfile
import pathlib
import unittest

import harness
from harness import BITACORA, Server
from mqtt_client import Client

ONE_LOG = '[[logs]]\nname = "mqtt"\n'


class ConfigTest(unittest.TestCase):
    def logs(self, server):
        return set(server.http.logs())

    def check(self, text):
        """`bitacora config-check` of a file with this text: (exit status, what it printed)."""
        with tempfile.TemporaryDirectory(prefix="bitacora-e2e-") as directory:
            file = pathlib.Path(directory) / "bitacora.toml"
            file.write_text(text)
            done = subprocess.run([BITACORA, "config-check", str(file)], capture_output=True, text=True, timeout=60)
            return done.returncode, done.stdout + done.stderr

    def test_the_file_that_is_shipped_is_good(self):
        done = subprocess.run([BITACORA, "config-check", harness.SOURCE / "config/bitacora.toml"], capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_mistake_is_named_with_its_line(self):
        status, said = self.check('data_dir = "d"\nshards = "many"\n\n[[logs]]\nname = "mqtt"\ndurabilty = "sync"\n')
        self.assertNotEqual(status, 0)
        self.assertRegex(said, r"bitacora\.toml:2\b")
        self.assertRegex(said, r"bitacora\.toml:6\b")
        self.assertIn("durabilty", said)

    def test_a_start_with_a_bad_file_fails_and_touches_nothing(self):
        server = Server(config='[[logs]]\nname = "mqtt"\ndurability = "perhaps"\n')
        try:
            process = server.spawn()
            self.assertNotEqual(process.wait(60), 0)
            self.assertRegex(server.log(), r"bitacora\.toml:3\b")
            self.assertFalse(server.data.exists(), "a data directory was made")
        finally:
            server.__exit__(None)

    def test_hang_up_takes_a_good_file_whole(self):
        with Server(config=ONE_LOG) as server, Client(server.mqtt, "stays") as client:
            self.assertEqual(self.logs(server), {"mqtt"})
            server.config_file.write_text(
                ONE_LOG + '[[logs]]\nname = "alarms"\n[[routes]]\nfilter = "alarm/#"\nlog = "alarms"\n')
            server.hang_up()
            harness.wait_until(lambda: "alarms" in self.logs(server), what="the new log")
            harness.wait_until(lambda: self.route_of(server, client, "alarm/fire") == "alarms", what="the new route")
            client.ping()

    def route_of(self, server, client, topic):
        """Publishes to `topic` and says in which log it is."""
        client.publish(topic, b"x", 1)
        for log in self.logs(server):
            if any(record.topic == topic for record in server.http.all_records(log)):
                if log != "mqtt":
                    return log
        return "mqtt"

    def test_hang_up_takes_nothing_of_a_bad_file(self):
        with Server(config=ONE_LOG) as server, Client(server.mqtt, "stays") as client:
            server.config_file.write_text(
                ONE_LOG + '[[logs]]\nname = "alarms"\n[[routes]]\nfilter = "alarm/#/x"\nlog = "alarms"\n')
            server.hang_up()
            harness.wait_until(lambda: re.search(r"bitacora\.toml:\d+", server.log()), what="a message with file:line")
            client.publish("alarm/fire", b"x", 1)
            self.assertEqual(self.logs(server), {"mqtt"})
            self.assertTrue(server.is_running())

    def test_the_http_section_reaches_the_http_door(self):
        def status(server, host, body=b""):
            connection = http.client.HTTPConnection("127.0.0.1", server.ports["http"], timeout=60)
            connection.request("POST" if body else "GET", "/topics/mqtt" if body else "/topics", body, {"Host": host})
            with connection.getresponse() as response:
                return response.status

        with Server(config='[http]\nhost_names = ["log.example.org"]\nmax_body_bytes = "1KiB"\n') as server:
            self.assertEqual(status(server, "log.example.org"), 200)
            self.assertNotEqual(status(server, "elsewhere.example.org"), 200)
            self.assertEqual(status(server, "localhost", b" " * 2000), 413)

    def test_terminate_stops_cleanly(self):
        with Server() as server:
            client = Client(server.mqtt, "stays", 5, clean=False, session_expiry=3600)
            client.subscribe("a")
            Client(server.mqtt, "writer").publish("a", b"x", 1)
            self.assertEqual(server.terminate(), 0)
            with self.assertRaises(Exception):
                client.ping()
            client.close()
            server.start()
            self.assertIs(server.http.recovery()["clean_shutdown"], True)
            server.restart()
            self.assertIs(server.http.recovery()["clean_shutdown"], False)

    def test_a_second_server_on_the_same_data_is_refused(self):
        with Server() as server:
            second = Server()
            second.data = server.data
            try:
                self.assertNotEqual(second.spawn().wait(60), 0)
                self.assertRegex(second.log(), "(?i)lock|in use|another")
            finally:
                second.__exit__(None)
            Client(server.mqtt, "still").disconnect()


if __name__ == "__main__":
    harness.main()
