"""Runs the real binary for a test: a temporary data directory, free ports, ready when it says so, killed by its pid.

Needs only Python's standard library and what Debian packages. The binary comes from BITACORA (default: the release
preset's); a test file is run as a program, `python3 tests/e2e/kill9_test.py`, and ends with SKIPPED (77) when something it
needs is not installed.
"""

import base64
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BITACORA = pathlib.Path(os.environ.get("BITACORA", SOURCE / "build/release/bin/bitacora")).resolve()
SKIPPED = 77
START_TIMEOUT = 60  # seconds
# What an assertion or a sanitizer leaves behind.
CRASHES = (-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS, -signal.SIGFPE, -signal.SIGILL)
FOUND_BY_ITSELF = re.compile(r"(ERROR|WARNING): \w+Sanitizer|runtime error:|assertion failed", re.I)


def setting(name, default):
    """A number that the environment may change: BITACORA_E2E_<NAME>."""
    return int(os.environ.get("BITACORA_E2E_" + name, default))


# Whether memory is compared with its bounds: a sanitizer's own use of it would drown what is measured.
CHECKS_MEMORY = setting("CHECK_MEMORY", 1) == 1


def seeded_random():
    """A random generator whose seed is printed, and taken from BITACORA_E2E_SEED to repeat a run."""
    seed = setting("SEED", random.SystemRandom().randrange(1 << 32))
    print(f"seed: BITACORA_E2E_SEED={seed}", flush=True)
    return random.Random(seed)


def wait_until(condition, timeout=30, what="the condition"):
    """Polls an observable condition of another process; for what gives no event to wait for."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {timeout} s")
        time.sleep(0.01)


def path_of(program):
    """Where a program is installed, also in /usr/sbin; None if it is not."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/local/sbin")


def free_port():
    """A port that is free now; only for programs that cannot be told 0 and asked which it became."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One `bitacora serve`. The data directory lives as long as this object, over any number of starts."""

    def __init__(self, config=None, arguments=(), durability=None, listeners=("mqtt", "http")):
        """`config`: text of a configuration file. `durability`: shorthand for one log `mqtt` that has it. `listeners`: those
        that are given by flags, which come before the file's; () leaves them to the file."""
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="bitacora-e2e-"))
        self.data = self.directory / "data"
        self.config_file = self.directory / "bitacora.toml"
        self.log_file = self.directory / "server.log"
        self.arguments = list(arguments)
        self.listeners = list(listeners)
        self.process = None
        self.ports = {}
        if durability:
            config = (config or "") + f'\n[[logs]]\nname = "mqtt"\ndurability = "{durability}"\n'
        if config is not None:
            self.config_file.write_text(config)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.kill9()
            shutil.rmtree(self.directory, ignore_errors=True)
            raise

    def __exit__(self, kind, *_):
        self.kill9()
        log = self.log()
        shutil.rmtree(self.directory, ignore_errors=True)
        if FOUND_BY_ITSELF.search(log) or self.process.returncode in CRASHES:
            raise AssertionError(f"the server ended with {self.process.returncode} by a mistake of its own:\n{log[-8000:]}")
        if kind is not None:
            print(f"--- the end of the server's log ---\n{log[-4000:]}\n---", file=sys.stderr)

    def start(self):
        """Starts and returns once both listeners take connections."""
        process = self.spawn()
        deadline = time.monotonic() + START_TIMEOUT
        while not self._read_ports():
            if process.poll() is not None:
                raise AssertionError(f"bitacora ended with {process.returncode} at its start:\n{self.log()[-4000:]}")
            if time.monotonic() > deadline:
                raise AssertionError(f"bitacora was not ready within {START_TIMEOUT} s:\n{self.log()[-4000:]}")
            time.sleep(0.005)
        for port in self.ports.values():
            socket.create_connection(("127.0.0.1", port), timeout=10).close()
        return self

    def spawn(self):
        """Starts without waiting: for starts that must fail."""
        assert self.process is None or self.process.poll() is not None, "the server is running"
        ports_file = self.directory / "ports"
        ports_file.unlink(missing_ok=True)
        self.ports = {}
        command = [str(BITACORA), "serve", "--data", str(self.data), "--ports-file", str(ports_file)]
        for protocol in self.listeners:
            command += ["--" + protocol, "127.0.0.1:0"]
        if self.config_file.exists():
            command += ["--config", str(self.config_file)]
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(command + self.arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self.process

    def _read_ports(self):
        try:
            text = (self.directory / "ports").read_text()
        except FileNotFoundError:
            return False
        self.ports = {name: int(port) for name, port in re.findall(r"^([\w-]+)=(\d+)\n", text, re.MULTILINE)}
        return all(protocol in self.ports for protocol in self.listeners)

    @property
    def mqtt(self):
        return self.ports["mqtt"]

    @property
    def pid(self):
        return self.process.pid

    @property
    def http(self):
        return Http(self.ports["http"])

    def http_as(self, user, password):
        return Http(self.ports["http"], user, password)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill9(self):
        if self.is_running():
            os.kill(self.process.pid, signal.SIGKILL)
        if self.process:
            self.process.wait()

    def terminate(self, timeout=30):
        """SIGTERM; returns the exit status."""
        os.kill(self.process.pid, signal.SIGTERM)
        return self.process.wait(timeout)

    def hang_up(self):
        os.kill(self.process.pid, signal.SIGHUP)

    def restart(self):
        """kill -9 and start again on the same data."""
        self.kill9()
        return self.start()

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def memory(self, name="VmRSS"):
        """Bytes, of a line of /proc/<pid>/status: VmRSS is resident now, VmHWM the most so far."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) << 10
        raise AssertionError(f"/proc/{self.pid}/status has no {name}")


class HttpError(AssertionError):
    def __init__(self, status, headers, body):
        super().__init__(f"HTTP {status}: {body[:1000]!r}")
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Http:
    """The offset API. Every path that the tests use is here, once."""

    def __init__(self, port, user=None, password=None):
        self.base = f"http://127.0.0.1:{port}"
        self.login = {}
        if user is not None:
            self.login["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def request(self, method, path, body=None, headers=None, patience=60, **query):
        """Returns (status, headers, bytes); raises HttpError at 400 and above. Values of `query` that are None are left
        out."""
        query = {key: value for key, value in query.items() if value is not None}
        url = self.base + path + ("?" + urllib.parse.urlencode(query, quote_via=urllib.parse.quote) if query else "")
        headers = {**self.login, **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(url, data=body, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=patience) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            with error:
                raise HttpError(error.code, error.headers, error.read()) from None

    def get(self, path, **query):
        """The parsed JSON of a GET."""
        return json.loads(self.request("GET", path, **query)[2])

    def logs(self):
        return self.get("/topics")

    def partitions(self, log="mqtt"):
        """A list of {partition, ...}, by number."""
        return self.get(f"/topics/{log}/partitions")

    def records(self, log, partition, offset, **query):
        """One read. Returns (records, response headers)."""
        _, headers, body = self.request("GET", f"/topics/{log}/partitions/{partition}/records",
                                        headers={"Accept": "application/vnd.kafka.binary.v2+json"}, offset=offset, **query)
        return json.loads(body), headers

    def all_records(self, log="mqtt"):
        """Every record of a log: [Record, ...], partition by partition in offset order, as a reader that follows the next
        offset gets them."""
        found = []
        for entry in self.partitions(log):
            partition, offset = entry["partition"], "earliest"
            while True:
                records, headers = self.records(log, partition, offset)
                found += [Record(record) for record in records]
                following = int(headers[NEXT_OFFSET])
                if not records:
                    break
                offset = following
        return found

    def recovery(self):
        return self.get("/recovery")


NEXT_OFFSET = "X-Next-Offset"


class Record:
    """A record as the API shows it with binary values."""

    def __init__(self, shown):
        self.shown = shown
        self.partition, self.offset = shown["partition"], shown["offset"]
        self.key = base64.b64decode(shown["key"]) if shown["key"] is not None else None
        self.value = base64.b64decode(shown["value"]) if shown["value"] is not None else None

    @property
    def topic(self):
        return self.key.decode()

    def __repr__(self):
        return f"Record({self.partition}/{self.offset} {self.key} {self.value})"


def check_dense(test, records):
    """Offsets of each partition are dense: no gap, no repetition."""
    by_partition = {}
    for record in records:
        by_partition.setdefault(record.partition, []).append(record.offset)
    for partition, offsets in by_partition.items():
        test.assertEqual(offsets, list(range(offsets[0], offsets[0] + len(offsets))), f"partition {partition} is not dense")


def main(requires=()):
    """Runs the file's tests. `requires`: programs that must be installed; without one the file is skipped."""
    missing = [program for program in requires if not path_of(program)]
    if missing:
        print("skipped: not installed: " + ", ".join(missing))
        sys.exit(SKIPPED)
    if not BITACORA.exists():
        sys.exit(f"no binary at {BITACORA}: build it, or set BITACORA")
    sys.stdout.reconfigure(line_buffering=True)
    unittest.main(verbosity=2)
