#!/usr/bin/env python3
"""Every transport with real clients: mosquitto_pub and mosquitto_sub over TLS and Unix sockets, Paho for Python over TLS
and WebSocket, and a certificate that is renewed while clients are connected."""

import pathlib
import queue
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

import harness
from harness import Server, wait_until

try:
    import paho.mqtt.client as paho
except ImportError:
    print("skipped: python3-paho-mqtt is not installed")
    sys.exit(harness.SKIPPED)

TIMEOUT = 30


def openssl(*arguments, text=None):
    subprocess.run(["openssl", *arguments], check=True, input=text, text=True, capture_output=True)


class Authority:
    """A certificate authority in a directory, made for one run."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.file = self.directory / "ca.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=Test CA", "-keyout", str(self.directory / "ca.key"), "-out", str(self.file))

    def issue(self, name, common_name):
        """Writes name.pem and name.key; over those that are there."""
        key, request, certificate = (self.directory / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                f"/CN={common_name}", "-keyout", str(key), "-out", str(request))
        extensions = self.directory / "extensions"
        extensions.write_text("subjectAltName=IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", str(request), "-CA", str(self.file), "-CAkey", str(self.directory / "ca.key"),
                "-CAcreateserial", "-days", "2", "-extfile", str(extensions), "-out", str(certificate))
        return certificate, key


class ListenersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="bitacora-e2e-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.authority = Authority(cls.directory)
        cls.certificate, cls.key = cls.authority.issue("server", "first")
        cls.own = cls.authority.issue("client", "sensor-7")
        cls.socket = cls.directory / "mqtt.sock"
        tls = f'tls_certificate = "{cls.certificate}"\ntls_key = "{cls.key}"\n'
        config = f"""
[[listeners]]
protocol = "http"
port = 0
[[listeners]]
protocol = "mqtt"
address = "unix:{cls.socket}"
[[listeners]]
name = "tls"
protocol = "mqtt"
transport = "tls"
{tls}
[[listeners]]
name = "strict"
protocol = "mqtt"
transport = "tls"
tls_client_certificates = "required"
tls_client_ca = "{cls.authority.file}"
certificate_user = "common_name"
{tls}
[[listeners]]
name = "ws"
protocol = "mqtt"
transport = "ws"
[[listeners]]
name = "wss"
protocol = "mqtt"
transport = "wss"
{tls}
"""
        cls.server = cls.enterClassContext(Server(config=config, listeners=()))

    # --- mosquitto's clients ---

    def tls_arguments(self, listener, own=None):
        arguments = ["--cafile", str(self.authority.file), "-h", "127.0.0.1", "-p", str(self.server.ports[listener])]
        return arguments + (["--cert", str(own[0]), "--key", str(own[1])] if own else [])

    def publish(self, arguments, topic, payload):
        return subprocess.run(["mosquitto_pub", *arguments, "-q", "1", "-t", topic, "-m", payload], timeout=TIMEOUT,
                              capture_output=True, text=True)

    def read_back(self, arguments, topic):
        done = subprocess.run(["mosquitto_sub", *arguments, "-q", "1", "-C", "1", "-W", str(TIMEOUT), "-t",
                               "$replay/earliest/" + topic], timeout=2 * TIMEOUT, capture_output=True, text=True)
        return done.stdout.strip()

    def test_mosquitto_publishes_and_reads_over_tls(self):
        arguments = self.tls_arguments("tls")
        self.assertEqual(self.publish(arguments, "m/tls", "over TLS").returncode, 0)
        self.assertEqual(self.read_back(arguments, "m/tls"), "over TLS")

    def test_mosquitto_publishes_and_reads_over_a_unix_socket(self):
        arguments = ["--unix", str(self.socket)]
        self.assertEqual(self.publish(arguments, "m/unix", "over a file").returncode, 0)
        self.assertEqual(self.read_back(arguments, "m/unix"), "over a file")

    def test_a_client_certificate_is_asked_for_where_it_is_required(self):
        self.assertEqual(self.publish(self.tls_arguments("strict", self.own), "m/strict", "x").returncode, 0)
        self.assertNotEqual(self.publish(self.tls_arguments("strict"), "m/strict", "y").returncode, 0)
        self.assertEqual(self.read_back(self.tls_arguments("strict", self.own), "m/strict"), "x")

    def test_a_client_that_does_not_know_the_authority_does_not_connect(self):
        stranger = pathlib.Path(tempfile.mkdtemp(dir=self.directory))
        arguments = self.tls_arguments("tls")
        arguments[1] = str(Authority(stranger).file)
        self.assertNotEqual(self.publish(arguments, "m/tls", "x").returncode, 0)

    # --- Paho ---

    def paho_client(self, listener, client_id, transport="tcp", protocol=paho.MQTTv311):
        client = paho.Client(client_id, protocol=protocol, transport=transport)
        if transport == "websockets":
            client.ws_set_options(path="/mqtt")
        if listener in ("tls", "wss"):
            client.tls_set(ca_certs=str(self.authority.file))
        client.arrived, connected = queue.Queue(), queue.Queue()
        client.on_message = lambda _client, _data, message: client.arrived.put(message.payload)
        client.on_connect = lambda _client, _data, _flags, code, *_: connected.put(code)
        client.disconnections = queue.Queue()
        client.on_disconnect = lambda _client, _data, code, *_: client.disconnections.put(code)
        client.connect("127.0.0.1", self.server.ports[listener])
        client.loop_start()
        self.addCleanup(client.loop_stop)
        self.addCleanup(client.disconnect)
        self.assertEqual(connected.get(timeout=TIMEOUT), 0)
        return client

    def check_round_trips(self, client, topic):
        subscribed = queue.Queue()
        client.on_subscribe = lambda *_: subscribed.put(True)
        client.subscribe(topic, 2)
        subscribed.get(timeout=TIMEOUT)
        payloads = [b"%d" % number * size for number, size in enumerate([1, 100, 70_000, 900_000, 1])]
        for qos in (0, 1, 2):
            for payload in payloads:
                client.publish(topic, payload, qos).wait_for_publish(TIMEOUT)
                self.assertEqual(client.arrived.get(timeout=TIMEOUT), payload)

    def test_paho_round_trips_small_and_large_messages_over_every_transport(self):
        for listener, transport in (("tls", "tcp"), ("ws", "websockets"), ("wss", "websockets")):
            for protocol in (paho.MQTTv311, paho.MQTTv5):
                with self.subTest(listener=listener, protocol=int(protocol)):
                    client = self.paho_client(listener, f"{listener}-{int(protocol)}", transport, protocol)
                    self.check_round_trips(client, f"p/{listener}/{int(protocol)}")

    # --- what a reload does ---

    def served_name(self):
        """The common name of the certificate that the listener shows now."""
        context = ssl.create_default_context(cafile=str(self.authority.file))
        with socket.create_connection(("127.0.0.1", self.server.ports["tls"]), timeout=TIMEOUT) as plain:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                return dict(part[0] for part in secure.getpeercert()["subject"])["commonName"]

    def test_a_hang_up_serves_the_renewed_certificate_and_drops_nobody(self):
        client = self.paho_client("tls", "stays")
        self.authority.issue("server", "second")
        self.server.hang_up()
        wait_until(lambda: self.served_name() == "second", what="the renewed certificate")
        self.check_round_trips(client, "p/stays")
        self.assertTrue(client.disconnections.empty())

    def test_a_hang_up_with_a_broken_certificate_changes_nothing(self):
        served, kept = self.served_name(), self.certificate.read_bytes()
        self.certificate.write_text("this is no certificate\n")
        try:
            self.server.hang_up()
            wait_until(lambda: "cannot be used" in self.server.log(), what="the complaint")
        finally:
            self.certificate.write_bytes(kept)
        self.assertEqual(self.served_name(), served)

    def test_metrics_count_handshakes(self):
        self.served_name()
        with socket.create_connection(("127.0.0.1", self.server.ports["tls"]), timeout=TIMEOUT) as garbage:
            garbage.sendall(b"this is no TLS\r\n\r\n")
            while garbage.recv(1024):
                pass
        text = self.server.http.request("GET", "/metrics")[1:][1].decode()
        counts = dict(re.findall(r"^(bitacora_(?:tls|websocket)_handshakes\w*) (\d+)", text, re.MULTILINE))
        self.assertGreaterEqual(int(counts["bitacora_tls_handshakes_total"]), 1)
        self.assertGreaterEqual(int(counts["bitacora_tls_handshakes_failed_total"]), 1)


if __name__ == "__main__":
    harness.main(requires=["openssl", "mosquitto_pub", "mosquitto_sub"])
