#!/usr/bin/env python3
"""Paho C and Paho C++, each with its blocking and its asynchronous client, against bitacora: 3.1, 3.1.1 and 5.0.

The programs are those of tests/e2e/programs/paho: one scenario, each library in a program of its own.
"""

import contextlib
import os
import pathlib
import subprocess
import sys
import unittest

import harness
from harness import BITACORA, Server
from transports import TransportServer, WEBSOCKET_PATH

PROGRAMS = pathlib.Path(os.environ.get("E2E_PROGRAMS", BITACORA.parent / "e2e"))
LIBRARIES = ("paho_c_sync", "paho_c_async", "paho_cpp_sync", "paho_cpp_async")
VERSIONS = ("3.1", "3.1.1", "5.0")
STEPS = 6
# Paho's libraries leave some memory behind: what is looked for here is what the server does.
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


class PahoProgramsTest(unittest.TestCase):
    def run_scenario(self, make_server, uri_of, arguments_of=lambda server: ()):
        """The scenario of every library that was built, each with a server of its own, and of its versions: all at once, since
        Paho's clients mostly wait."""
        with contextlib.ExitStack() as stack:
            running = {}
            for library in LIBRARIES:
                if not (PROGRAMS / library).exists():
                    print(f"left out: {library} was not built")
                    continue
                server = stack.enter_context(make_server())
                for version in VERSIONS:
                    running[library, version] = stack.enter_context(subprocess.Popen(
                        [PROGRAMS / library, uri_of(server), version, *arguments_of(server)], stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT))
            for (library, version), process in running.items():
                with self.subTest(library=library, version=version):
                    out = process.communicate(timeout=300)[0]
                    self.assertEqual(process.returncode, 0, out)
                    self.assertEqual(out.count("ok: "), STEPS, out)

    def test_every_library_and_version_over_tcp(self):
        self.run_scenario(Server, lambda server: f"tcp://127.0.0.1:{server.mqtt}")

    def test_every_library_and_version_over_tls(self):
        self.run_scenario(TransportServer, lambda server: f"ssl://127.0.0.1:{server.port('tls')}",
                          lambda server: [str(server.authority)])

    def test_every_library_and_version_over_websocket(self):
        self.run_scenario(TransportServer, lambda server: f"ws://127.0.0.1:{server.port('ws')}{WEBSOCKET_PATH}")

    def test_every_library_and_version_over_websocket_and_tls(self):
        self.run_scenario(TransportServer, lambda server: f"wss://127.0.0.1:{server.port('wss')}{WEBSOCKET_PATH}",
                          lambda server: [str(server.authority)])

    def test_a_failing_step_is_found(self):
        """The scenario's own negative control: nobody listens."""
        for library in LIBRARIES:
            with self.subTest(library=library):
                if not (PROGRAMS / library).exists():
                    self.skipTest(f"{library} was not built")
                done = subprocess.run([PROGRAMS / library, f"tcp://127.0.0.1:{harness.free_port()}", "3.1.1"],
                                      capture_output=True, text=True, timeout=300)
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertIn("failed: ", done.stdout)


if __name__ == "__main__":
    if not any((PROGRAMS / library).exists() for library in LIBRARIES):
        print(f"skipped: none of the programs is in {PROGRAMS}: they were not built")
        sys.exit(harness.SKIPPED)
    harness.main()
