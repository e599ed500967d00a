"""A server that takes clients over TCP, TLS, WebSocket and secure WebSocket, each at a port of its own."""

import pathlib
import subprocess
import tempfile

from harness import Server

TRANSPORTS = ("mqtt", "tls", "ws", "wss")
WEBSOCKET_PATH = "/mqtt"


class TransportServer(Server):
    """`port(transport)` says where; `authority` is the file of who signed the server's certificate, good for 127.0.0.1."""

    def __init__(self):
        self.certificates = tempfile.TemporaryDirectory(prefix="bitacora-e2e-")
        folder = pathlib.Path(self.certificates.name)
        self.authority = folder / "ca.pem"
        make_certificates(folder)
        config = ""
        for name in TRANSPORTS:
            transport = "tcp" if name == "mqtt" else name
            config += f'\n[[listeners]]\nprotocol = "mqtt"\nname = "{name}"\ntransport = "{transport}"\nport = 0\n'
            if name in ("tls", "wss"):
                config += f'tls_certificate = "{folder}/server.pem"\ntls_key = "{folder}/server.key"\n'
        super().__init__(config, listeners=["http"])

    def port(self, transport):
        return self.ports[transport]

    def __exit__(self, *error):
        try:
            return super().__exit__(*error)
        finally:
            self.certificates.cleanup()


def make_certificates(folder):
    """ca.pem, server.pem with server.key that it has signed, and other.pem, an authority that has signed nothing."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, cwd=folder, capture_output=True, timeout=60)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=bitacora test authority")
    openssl("req", "-x509", *key, "-keyout", "other.key", "-out", "other.pem", "-days", "2", "-subj", "/CN=another authority")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
    (folder / "extensions").write_text("subjectAltName = IP:127.0.0.1, DNS:localhost\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "extensions", "-out", "server.pem")
