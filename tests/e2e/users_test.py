#!/usr/bin/env python3
"""Users and rights with the real binary: `bitacora users`, mosquitto's clients and files, SIGHUP, the example."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import unittest

import harness
from harness import BITACORA, SOURCE, Server

RULES = """
[auth]
password_file = "{users}"

[[rules]]
whom = "user:sensor"
actions = "publish"
topic = "plant/%c/#"

[[rules]]
whom = "user:ann"
actions = "read"
topic = "plant/#"

[[rules]]
whom = "user:root"
actions = "replay, administer"
topic = "#"
"""
PASSWORD = "canary-password-7f3a"


def users(*arguments, password=None):
    return subprocess.run([str(BITACORA), "users", *map(str, arguments)], input=password, capture_output=True, text=True,
                          timeout=60)


def client(program, server, *arguments, user=None, password=PASSWORD, version="5"):
    command = [program, "-p", str(server.mqtt), "-V", version]
    command += ["-u", user, "-P", password] if user else []
    return subprocess.run(command + list(arguments), capture_output=True, text=True, timeout=60)


class UsersTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="bitacora-users-")
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.file = self.directory / "users"
        for name in ("sensor", "ann", "root"):
            self.assertEqual(users("add", "--file", self.file, name, password=PASSWORD + "\n").returncode, 0)

    def server(self, config=RULES):
        return Server(config=config.format(users=self.file, directory=self.directory))

    def test_a_user_does_what_its_rules_allow_and_nothing_else(self):
        with self.server() as server:
            publish = ["-q", "1", "-i", "pump-1", "-m", "21.5", "-t"]
            self.assertEqual(client("mosquitto_pub", server, *publish, "plant/pump-1/temp", user="sensor").returncode, 0)
            refused = client("mosquitto_pub", server, *publish, "plant/pump-2/temp", user="sensor")
            self.assertIn("Not authorized", refused.stdout + refused.stderr)
            client("mosquitto_pub", server, *publish, "plant/pump-1/temp", user="ann")
            read = client("mosquitto_sub", server, "-t", "$replay/earliest/#", "-C", "1", "-W", "20", user="ann")
            self.assertEqual(read.stdout, "21.5\n")
            for program, arguments in (("mosquitto_sub", ["-t", "plant/#", "-C", "1", "-W", "5"]),):
                refused = client(program, server, *arguments, user="sensor")
                self.assertIn("denied", refused.stdout + refused.stderr)
            self.assertEqual([record.value for record in server.http_as("root", PASSWORD).all_records()], [b"21.5"])

    def test_a_wrong_password_and_no_password_are_refused(self):
        with self.server() as server:
            for version, words in (("5", "(?i)bad user name or password"), ("311", "(?i)bad user name or password")):
                refused = client("mosquitto_pub", server, "-t", "a", "-m", "x", user="ann", password="guess", version=version)
                self.assertNotEqual(refused.returncode, 0)
                self.assertRegex(refused.stderr + refused.stdout, words)
            anonymous = client("mosquitto_pub", server, "-t", "a", "-m", "x")
            self.assertNotEqual(anonymous.returncode, 0)
            self.assertRegex(anonymous.stderr + anonymous.stdout, "[Nn]ot authori[sz]ed")

    def test_a_removed_user_is_disconnected_at_sighup(self):
        with self.server() as server:
            # Written to a pipe, mosquitto_sub keeps its lines to itself until there are many; stdbuf has it say them.
            reading = subprocess.Popen(["stdbuf", "-oL", "mosquitto_sub", "-p", str(server.mqtt), "-V", "5", "-u", "ann", "-P",
                                        PASSWORD, "-t", "plant/#", "-d"],
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            # Killed, not terminated: a mosquitto_sub that is told to end just while it reconnects goes on reconnecting.
            deadline = threading.Timer(60, reading.kill)
            deadline.start()
            try:
                for line in reading.stdout:
                    if "Subscribed" in line:
                        break
                self.assertEqual(users("delete", "--file", self.file, "ann").returncode, 0)
                server.hang_up()
                for line in reading.stdout:
                    if "DISCONNECT" in line:
                        self.assertIn("135", line)  # 0x87
                        break
                else:
                    self.fail("mosquitto_sub was not disconnected")
            finally:
                deadline.cancel()
                reading.kill()
                reading.wait()
                reading.stdout.close()
            self.assertNotEqual(client("mosquitto_pub", server, "-t", "a", "-m", "x", user="ann").returncode, 0)

    def test_a_broken_file_changes_nothing_and_lets_nobody_in(self):
        """CVE-2018-12551, CVE-2017-7652: what cannot be read is not an empty file."""
        with self.server() as server:
            good = self.file.read_text()
            self.file.write_text(good + "mallory:\n")
            server.hang_up()
            harness.wait_until(lambda: "has no password hash" in server.log(), what="the refusal in the log")
            refused = client("mosquitto_pub", server, "-t", "a", "-m", "x", user="mallory", password="")
            self.assertNotEqual(refused.returncode, 0)
            read = client("mosquitto_sub", server, "-t", "plant/#", "-E", user="ann")
            self.assertEqual(read.returncode, 0, read.stderr)
            server.terminate()
            process = server.spawn()
            self.assertNotEqual(process.wait(30), 0)
            self.assertIn("users:4: user \"mallory\" has no password hash", server.log())

    def test_mosquittos_own_files_are_read_as_they_are(self):
        passwords = self.directory / "mosquitto_passwords"
        passwords.touch()
        subprocess.run(["mosquitto_passwd", "-b", str(passwords), "roger", "s3cret"], check=True, capture_output=True)
        subprocess.run(["mosquitto_passwd", "-b", str(passwords), "auditor", "s3cret"], check=True, capture_output=True)
        acl = self.directory / "acl"
        acl.write_text("topic read open/#\nuser roger\ntopic open/#\ntopic deny open/closed\nuser auditor\ntopic read #\npattern write c/%c\n")
        config = '[auth]\npassword_file = "{directory}/mosquitto_passwords"\nacl_file = "{directory}/acl"\n'
        with self.server("allow_anonymous = true\n" + config) as server:
            def publish(topic, **who):
                done = client("mosquitto_pub", server, "-q", "1", "-i", "me", "-t", topic, "-m", topic, **who)
                return "Not authorized" not in done.stdout + done.stderr and done.returncode == 0

            roger = {"user": "roger", "password": "s3cret"}
            self.assertTrue(publish("open/a", **roger))
            self.assertFalse(publish("open/closed", **roger))
            self.assertTrue(publish("c/me", **roger))
            self.assertFalse(publish("c/you", **roger))
            self.assertFalse(publish("open/a"))
            self.assertEqual(sorted(record.topic for record in server.http_as("auditor", "s3cret").all_records()),
                             ["c/me", "open/a"])

    def test_no_password_and_no_hash_is_told_to_anybody(self):
        with self.server() as server:
            client("mosquitto_pub", server, "-t", "plant/x", "-m", "x", user="ann", password=PASSWORD + "wrong")
            client("mosquitto_sub", server, "-t", "plant/#", "-E", user="ann")
            http = server.http_as("root", PASSWORD)
            told = server.log() + http.request("GET", "/metrics")[2].decode() + str(http.logs())
            self.assertNotIn("canary", told)
            self.assertNotIn("$argon2", told)
        self.assertNotIn("canary", self.file.read_text())
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)

    def test_the_file_of_users_is_changed_a_line_at_a_time(self):
        self.file.write_text("# of the plant\n" + self.file.read_text())
        self.assertNotEqual(users("add", "--file", self.file, "ann", password="x\n").returncode, 0)
        self.assertNotEqual(users("passwd", "--file", self.file, "bob", password="x\n").returncode, 0)
        self.assertNotEqual(users("add", "--file", self.file, "bob", password="\n").returncode, 0)
        self.assertNotEqual(users("add", "--file", self.file, "a/b", password="x\n").returncode, 0)
        before = self.file.read_text()
        self.assertEqual(users("add", "--file", self.file, "bob", "--scram", password="pencil\n").returncode, 0)
        self.assertTrue(self.file.read_text().startswith(before))
        self.assertEqual(users("list", "--file", self.file).stdout, "sensor\nann\nroot\nbob\tSCRAM-SHA-256\n")
        self.assertEqual(users("delete", "--file", self.file, "bob").returncode, 0)
        self.assertEqual(self.file.read_text(), before)

    def test_the_http_door_is_opened_to_others_only_where_there_are_users(self):
        open_to_all = Server(arguments=["--http", "0.0.0.0:0"])
        self.addCleanup(shutil.rmtree, open_to_all.directory)
        self.assertNotEqual(open_to_all.spawn().wait(30), 0)
        self.assertIn("the http listener on 0.0.0.0:0 (--http) can be reached from other machines", open_to_all.log())
        with Server(config=RULES.format(users=self.file), listeners=["mqtt"], arguments=["--http", "0.0.0.0:0"]) as server:
            with self.assertRaises(harness.HttpError) as refused:
                server.http.logs()
            self.assertEqual(refused.exception.status, 401)
            self.assertEqual(server.http_as("ann", PASSWORD).logs(), ["mqtt"])

    def test_the_commands_that_ask_a_server_say_who_asks(self):
        secret = self.directory / "secret"
        secret.write_text(PASSWORD + "\n")
        with self.server() as server:
            client("mosquitto_pub", server, "-q", "1", "-i", "pump-1", "-t", "plant/pump-1/temp", "-m", "21.5", user="sensor")
            ask = [str(BITACORA), "replay", "--url", server.http.base, "--log", "mqtt", "--from", "earliest"]
            refused = subprocess.run(ask, capture_output=True, text=True, timeout=60)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn("a user name and a password, or a token, are needed", refused.stderr)
            told = subprocess.run([*ask, "--user", "ann", "--password-file", str(secret)], capture_output=True, text=True, timeout=60)
            self.assertIn("plant/pump-1/temp 21.5", told.stdout, told.stderr)

    def test_the_example_shows_what_it_says(self):
        done = subprocess.run([str(SOURCE / "examples/two_users.sh")], capture_output=True, text=True, timeout=120,
                              env={**os.environ, "BITACORA": str(BITACORA)})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("plant/pump-1/temp 21.5", done.stdout)
        self.assertIn("Not authorized", done.stdout)
        self.assertNotIn("99", done.stdout)


if __name__ == "__main__":
    harness.main(requires=("mosquitto_pub", "mosquitto_sub", "mosquitto_passwd"))
