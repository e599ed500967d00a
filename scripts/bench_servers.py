"""Starts the servers that scripts/bench.sh compares, each on free ports with a fresh data directory, and ends them."""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BITACORA = os.environ.get("BITACORA", str(ROOT / "build/release/bin/bitacora"))
BENCH = os.environ.get("BENCH", str(ROOT / "build/release/bin/bitacora-bench"))
SYNC_COST = os.environ.get("SYNC_COST", str(pathlib.Path(BENCH).parent / "bitacora-sync-cost"))
MOSQUITTO = os.environ.get("MOSQUITTO") or shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
NATS = os.environ.get("NATS") or shutil.which("nats-server", path=os.environ["PATH"] + ":/usr/sbin")


class Unavailable(Exception):
    pass


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server: `port` speaks MQTT, `http` is bitacora's door, `pid` is looked at in /proc."""

    def __init__(self, name, work):
        self.name = name
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=work, prefix=name.split(":")[0] + "-"))
        self.http = None
        self.process = None

    def start(self, command):
        self.command = command
        self.log = open(self.directory / "server.log", "ab")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)
        return self

    @property
    def pid(self):
        return self.process.pid

    def await_port(self):
        for _ in range(1000):
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.01)  # of another program: there is nothing to wait on
        text = (self.directory / "server.log").read_text(errors="replace")
        self.stop()
        raise Unavailable(f"{self.name} did not start:\n{text}")

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def await_bitacora(server, config, data):
    """Starts it and waits until it listens; seconds that took."""
    ports = server.directory / "ports"
    ports.unlink(missing_ok=True)
    begin = time.perf_counter()
    server.start([BITACORA, "serve", "--config", str(config), "--data", str(data), "--mqtt", "127.0.0.1:0", "--http",
                  "127.0.0.1:0", "--ports-file", str(ports)])
    while not (ports.exists() and "http=" in ports.read_text()):
        if server.process.poll() is not None:
            text = (server.directory / "server.log").read_text(errors="replace")
            raise Unavailable(f"bitacora did not start:\n{text}")
        time.sleep(0.001)  # of another program: there is nothing to wait on
    seconds = time.perf_counter() - begin
    named = dict(line.split("=") for line in ports.read_text().split())
    server.port, server.http = int(named["mqtt"]), int(named["http"])
    return seconds


def start_bitacora(work, durability="sync", partitions=4, shards=0):
    server = Server(f"bitacora:{durability}", work)
    config = server.directory / "bitacora.toml"
    config.write_text(f'shards = {shards}\n[[logs]]\nname = "mqtt"\npartitions = {partitions}\ndurability = "{durability}"\n')
    await_bitacora(server, config, server.directory / "data")
    return server


def start_mosquitto(work):
    if not MOSQUITTO:
        raise Unavailable("mosquitto is not installed: apt-get install mosquitto")
    server = Server("mosquitto", work)
    server.port = free_port()
    config = server.directory / "mosquitto.conf"
    config.write_text(f"""listener {server.port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {server.directory}/
max_queued_messages 0
max_inflight_messages 0
set_tcp_nodelay true
user root
""")
    return server.start([MOSQUITTO, "-c", str(config)]).await_port()


def start_nats(work):
    if not NATS:
        raise Unavailable("nats-server is not installed: apt-get install nats-server")
    server = Server("nats", work)
    server.port = free_port()
    config = server.directory / "nats.conf"
    config.write_text(f"""server_name: bench
listen: "127.0.0.1:{free_port()}"
jetstream {{ store_dir: "{server.directory}/jetstream" }}
mqtt {{ listen: "127.0.0.1:{server.port}", max_ack_pending: 30000 }}
""")
    return server.start([NATS, "-c", str(config)]).await_port()


def start_null(work):
    server = Server("null", work)
    server.port = free_port()
    return server.start([BENCH, "null-server", "--port", str(server.port)]).await_port()


STARTERS = {
    "bitacora": start_bitacora,
    "bitacora-async": lambda work: start_bitacora(work, "async"),
    "bitacora-memory": lambda work: start_bitacora(work, "memory"),
    "bitacora-1": lambda work: start_bitacora(work, partitions=1),
    "bitacora-8": lambda work: start_bitacora(work, partitions=8),
    "bitacora-16": lambda work: start_bitacora(work, partitions=16),
    "bitacora-64": lambda work: start_bitacora(work, partitions=64),
    "mosquitto": start_mosquitto,
    "nats": start_nats,
    "null": start_null,
}
