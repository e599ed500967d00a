#!/usr/bin/env python3
"""Shows that the checks beside this file can fail: a small tree in order passes each, and every planted violation is caught."""

import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

import check_layers
import check_layout
import check_links

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import mqtt_conformance  # noqa: E402

IN_ORDER = {
    "mqtt/src/topic.h": "// What it is.\n#pragma once\n\n#include \"base/bytes.h\"\n",
    "mqtt/src/topic.cc": "#include \"topic.h\"\n\n// std::mutex in a comment is no mutex\nint f() {\n  return 1;\n}\n",
    "mqtt/CMakeLists.txt": "bitacora_library(mqtt DEPENDS bitacora::base)\n",
    "bridge/include/bridge/shard.h": "// What it is.\n#pragma once\n#include \"storage/offset.h\"\n#include <atomic>\n",
    "net/src/socket.cc": "#include <boost/asio.hpp>\n#include <thread>\n#include \"bridge/shard.h\"\n",
    "docs/a.md": "# A heading: here\n[self](#a-heading-here) [b](sub/b.md#b) [out](https://example.com) `[no](link.md)`\n",
    "docs/sub/b.md": "# B\n[up](../a.md)\n```\n[not](a-link.md)\n```\n",
}


def function_of(lines):
    return "int f() {\n" + "  g();\n" * (lines - 2) + "}\n"


class Planted(unittest.TestCase):
    def tree_with(self, planted):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for path, text in {**IN_ORDER, **planted}.items():
            file = pathlib.Path(folder.name) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return folder.name

    def assert_caught(self, check, path, text):
        caught = check.problems(self.tree_with({path: text}))
        self.assertEqual(len(caught), 1, caught)
        self.assertTrue(caught[0].startswith(path), caught)

    def test_a_tree_in_order_has_no_problem(self):
        for check in (check_layers, check_layout, check_links):
            self.assertEqual(check.problems(self.tree_with({})), [])

    def test_an_include_of_a_higher_floor_is_caught(self):
        for path, header in (
            ("base/src/x.cc", "storage/offset.h"),
            ("storage/src/x.cc", "mqtt/topic.h"),
            ("mqtt/src/x.cc", "kafka/wire.h"),
            ("mqtt/src/x.cc", "storage/offset.h"),
            ("bridge/src/x.cc", "net/server.h"),
            ("http/src/x.cc", "app/config.h"),
            ("net/src/x.cc", "http/server.h"),
            ("net/src/x.cc", "app/config.h"),
            ("net/src/x.cc", "../../bridge/include/bridge/shard.h"),
        ):
            with self.subTest(path=path, header=header):
                self.assert_caught(check_layers, path, f'#include "{header}"\n')
                self.assert_caught(check_layers, path, f"  #  include <{header}>  // because\n")

    def test_sockets_threads_clocks_and_chance_are_caught_where_they_must_not_be(self):
        for path, line in (
            ("bridge/src/x.cc", "#include <boost/asio/io_context.hpp>"),
            ("app/src/x.cc", "#include <boost/beast/http.hpp>"),
            ("storage/src/x.cc", "#include <sys/socket.h>"),
            ("mqtt/src/x.cc", "#include <netinet/in.h>"),
            ("bridge/src/x.cc", "#include <mutex>"),
            ("mqtt/src/x.cc", "#include <thread>"),
            ("bridge/src/x.cc", "#include <ctime>"),
            ("bridge/src/x.cc", "#include <fstream>"),
            ("bridge/src/x.cc", "std::mutex lock_;"),
            ("bridge/src/x.cc", "auto t = std::chrono::steady_clock::now();"),
            ("storage/src/x.cc", "auto t = std::chrono::system_clock::now();"),
            ("bridge/src/x.cc", "SystemClock clock;"),
            ("bridge/src/x.cc", "std::random_device seed;"),
        ):
            with self.subTest(path=path, line=line):
                self.assert_caught(check_layers, path, line + "\n")

    def test_a_link_to_a_higher_floor_is_caught(self):
        self.assert_caught(check_layers, "storage/CMakeLists.txt", "bitacora_library(storage DEPENDS bitacora::mqtt)\n")
        self.assert_caught(check_layers, "bridge/CMakeLists.txt", "target_link_libraries(bitacora_bridge bitacora_net)\n")

    def test_what_is_too_large_is_caught(self):
        header = "// What it is.\n#pragma once\n"
        self.assert_caught(check_layout, "net/src/x.h", header + "int x;\n" * 299)
        self.assert_caught(check_layout, "net/src/x.cc", "int x;\n" * 501)
        self.assert_caught(check_layout, "net/src/x.cc", function_of(71))
        self.assert_caught(check_layout, "net/src/x.cc", "class A {\n  " + function_of(71).replace("\n", "\n  ") + "\n};\n")
        self.assertEqual(check_layout.problems(self.tree_with({"net/src/x.cc": function_of(70) * 2})), [])

    def test_a_name_that_says_nothing_is_caught(self):
        for name in ("utils.cc", "string_util.cc", "session_manager.cc", "helpers.py"):
            self.assert_caught(check_layout, f"net/src/{name}", "\n")

    def test_a_header_without_its_beginning_is_caught(self):
        self.assert_caught(check_layout, "net/src/x.h", "// What it is.\nint x;\n")
        self.assert_caught(check_layout, "net/src/x.h", "#pragma once\nint x;\n")

    def test_a_person_or_a_machine_is_caught(self):
        for line in ("// TODO(somebody): later", "// Author: somebody", "# somebody@gmail.com", "// see /home/somebody/x"):
            self.assert_caught(check_layout, "net/src/x.cc", line + "\n")

    def test_a_statement_without_its_test_or_code_and_a_tag_without_its_statement_are_caught(self):
        statements = "5.0\t9.9.9-1\tit holds\n5.0\t9.9.9-2\tanother\t\tlater\nclient\t9.9.9-3\n"
        test = "// [MQTT-9.9.9-1]\nTEST(It, Holds) {\n}\n"
        in_order = {"docs/mqtt-statements.tsv": statements, "mqtt/src/x.cc": "// [MQTT-9.9.9-1] [MQTT-9.9.9-3]\n",
                    "tests/mqtt/x_test.cc": test}
        for planted, wrong in (
            ({}, None),
            ({"tests/mqtt/x_test.cc": "TEST(It, Holds) {\n}\n"}, "no test carries [MQTT-9.9.9-1]"),
            ({"mqtt/src/x.cc": "\n"}, "no line of code carries [MQTT-9.9.9-1]"),
            ({"mqtt/src/y.cc": "// [MQTT-9.9.9-4]\n"}, "names 9.9.9-4 of 5.0"),
            ({"mqtt/src/y.cc": "// [MQTT311-9.9.9-1]\n"}, "names 9.9.9-1 of 3.1.1"),
            ({"mqtt/src/y.cc": "// [MQTT-9.9.9-1, -2]\n"}, "not a tag"),
        ):
            with self.subTest(planted=planted):
                root = self.tree_with({**in_order, **planted})
                with contextlib.redirect_stdout(io.StringIO()):
                    mqtt_conformance.main([root])
                found = mqtt_conformance.problems(root)
                self.assertEqual(len(found), 1 if wrong else 0, found)
                self.assertIn(wrong or "", found[0] if found else "")
        root = self.tree_with(in_order)
        mqtt_conformance.main([root])
        (pathlib.Path(root) / "tests/mqtt/x_test.cc").write_text(test.replace("Holds", "HoldsToo"), encoding="utf-8")
        self.assertIn("out of date", mqtt_conformance.problems(root)[0])

    def test_a_link_that_leads_nowhere_is_caught(self):
        for line in ("[x](missing.md)", "[x](a.md#no-such-heading)", "[x](#none)", "![x](missing.png)", "[x]: missing.md"):
            self.assert_caught(check_links, "docs/x.md", line + "\n")


if __name__ == "__main__":
    unittest.main()
