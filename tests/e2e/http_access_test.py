#!/usr/bin/env python3
"""The HTTP door for other machines: TLS with the certificates of MQTT's listeners, reloaded, client certificates as users,
passwords and rules, and one position of a group that live members hold."""

import http.client
import json
import pathlib
import socket
import ssl
import subprocess
import tempfile
import unittest

import harness
from harness import Server, wait_until
from transports import make_certificates

LISTENERS = """
[[listeners]]
protocol = "mqtt"
port = 0

[[listeners]]
protocol = "http"
name = "https"
port = 0
transport = "tls"
handshake_timeout = "500ms"
tls_certificate = "{folder}/server.pem"
tls_key = "{folder}/server.key"
tls_client_certificates = "optional"
tls_client_ca = "{folder}/ca.pem"
certificate_user = "common_name"

[[rules]]
whom = "user:pump"
actions = "publish, replay"
topic = "plant/#"

[[rules]]
whom = "anonymous"
actions = "replay"
topic = "open/#"
"""


class HttpsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="bitacora-https-")
        cls.addClassCleanup(directory.cleanup)
        cls.folder = pathlib.Path(directory.name)
        make_certificates(cls.folder)
        cls.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "pump.key", "-out",
                    "pump.csr", "-subj", "/CN=pump")
        cls.openssl("x509", "-req", "-in", "pump.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                    "-out", "pump.pem")

    @classmethod
    def openssl(cls, *arguments):
        subprocess.run(["openssl", *arguments], check=True, cwd=cls.folder, capture_output=True, timeout=60)

    def server(self):
        return Server(config=LISTENERS.format(folder=self.folder), listeners=())

    def connect(self, server, certificate=None, authority="ca.pem"):
        context = ssl.create_default_context(cafile=str(self.folder / authority))
        if certificate:
            context.load_cert_chain(self.folder / f"{certificate}.pem", self.folder / f"{certificate}.key")
        connection = http.client.HTTPSConnection("127.0.0.1", server.ports["https"], context=context, timeout=30)
        self.addCleanup(connection.close)
        return connection

    def ask(self, connection, method, target, body=None):
        connection.request(method, target, body=json.dumps(body) if body else None,
                           headers={"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")

    def test_requests_and_large_answers_pass_through_tls(self):
        with self.server() as server:
            connection = self.connect(server)
            for _ in range(3):
                self.assertEqual(self.ask(connection, "GET", "/topics"), (200, ["mqtt"]))
            pump = self.connect(server, "pump")
            value = "x" * 200_000  # many records of TLS, both ways
            for n in range(4):
                status, _ = self.ask(pump, "POST", "/topics/mqtt/partitions/0", {"records": [{"key": f"plant/{n}", "value": value}]})
                self.assertEqual(status, 200)
            status, records = self.ask(pump, "GET", "/topics/mqtt/partitions/0/records?format=json&max_bytes=10000000")
            self.assertEqual((status, [record["value"] for record in records]), (200, [value] * 4))

    def test_a_client_certificate_is_a_user_and_nobody_else_may_what_it_may(self):
        with self.server() as server:
            record = {"records": [{"key": "plant/1", "value": 1}]}
            self.assertEqual(self.ask(self.connect(server, "pump"), "POST", "/topics/mqtt/partitions/0", record)[0], 200)
            status, refused = self.ask(self.connect(server), "POST", "/topics/mqtt/partitions/0", record)
            self.assertEqual((status, refused["error_code"]), (403, 40301))
            self.assertEqual(self.ask(self.connect(server), "GET", "/topics/mqtt/partitions/0/records"), (200, []))

    def test_a_tail_over_tls_goes_on_into_what_is_published_now(self):
        with self.server() as server:
            tail = self.connect(server, "pump")
            tail.request("GET", "/tail?from=earliest&format=json")
            events = tail.getresponse()
            self.assertEqual(events.status, 200)
            self.ask(self.connect(server, "pump"), "POST", "/topics/mqtt", {"records": [{"key": "plant/1", "value": 42}]})
            while True:
                line = events.readline()
                if line.startswith(b"data: "):
                    break
            self.assertEqual(json.loads(line[6:])["value"], 42)

    def test_certificates_are_reloaded_and_no_client_is_dropped(self):
        with self.server() as server:
            before = self.connect(server)
            self.assertEqual(self.ask(before, "GET", "/topics")[0], 200)
            kept = {name: (self.folder / name).read_bytes() for name in ("server.pem", "server.key")}
            try:
                self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "server.key",
                             "-out", "server.pem", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                             "subjectAltName = IP:127.0.0.1")
                server.hang_up()
                wait_until(lambda: "SIGHUP: the configuration was reloaded" in server.log(), what="the reload")
                self.assertEqual(self.ask(before, "GET", "/topics")[0], 200)
                self.assertEqual(self.ask(self.connect(server, authority="server.pem"), "GET", "/topics")[0], 200)
                with self.assertRaises(ssl.SSLError):
                    self.ask(self.connect(server), "GET", "/topics")
                (self.folder / "server.key").write_text("no key")
                server.hang_up()
                wait_until(lambda: "nothing was changed" in server.log(), what="the refused reload")
                self.assertEqual(self.ask(self.connect(server, authority="server.pem"), "GET", "/topics")[0], 200)
            finally:
                for name, text in kept.items():
                    (self.folder / name).write_bytes(text)

    def test_what_is_no_tls_and_who_says_nothing_is_closed(self):
        with self.server() as server:
            for said in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b""):
                with socket.create_connection(("127.0.0.1", server.ports["https"]), timeout=30) as plain:
                    plain.sendall(said)
                    while plain.recv(4096):
                        pass
            self.assertEqual(self.ask(self.connect(server), "GET", "/topics")[0], 200)


class MembersTest(unittest.TestCase):
    def test_a_position_that_live_members_hold_is_not_written_over(self):
        with Server() as server:
            reading = subprocess.Popen(["stdbuf", "-oL", "mosquitto_sub", "-p", str(server.mqtt), "-t", "$group/g/t/#", "-q", "1", "-d"],
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            try:
                while "Subscribed" not in reading.stdout.readline():
                    self.assertIsNone(reading.poll())
                offsets = {"offsets": [{"topic": "mqtt", "partition": 0, "offset": 0}]}
                for method, body in (("PUT", offsets), ("DELETE", None)):
                    with self.assertRaises(harness.HttpError) as refused:
                        server.http.request(method, "/groups/g" + ("/offsets" if body else ""), body=body)
                    self.assertEqual(refused.exception.status, 409)
                    self.assertIn("UNKNOWN_MEMBER_ID", refused.exception.json()["message"])
                metrics = server.http.request("GET", "/metrics")[2].decode()
                self.assertIn('bitacora_group_lag_records{group="g",log="mqtt",partition="0"} 0', metrics)
            finally:
                reading.kill()
                reading.communicate()

            def written():
                try:
                    server.http.request("PUT", "/groups/g/offsets", body=offsets)
                    return True
                except harness.HttpError as error:
                    self.assertEqual(error.status, 409)
                    return False
            wait_until(written, what="the group to be without members")


if __name__ == "__main__":
    harness.main(requires=("openssl", "mosquitto_sub"))
