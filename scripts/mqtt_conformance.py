#!/usr/bin/env python3
"""Which test holds which statement of the MQTT standards, and which code decides it: docs/mqtt-conformance.md.

    mqtt_conformance.py ROOT                  writes the table
    mqtt_conformance.py ROOT --check          says what is wrong or out of date; writes nothing
    mqtt_conformance.py ROOT --results BUILD  runs the named tests of a build; prints each statement with its result

The statements are docs/mqtt-statements.tsv. A statement is named by a tag in a comment: [MQTT-3.1.2-24] of 5.0,
[MQTT311-3.1.2-24] of 3.1.1. A tag belongs to the test in whose body, or in the comment directly above which, it stands;
in a library it marks the line that decides.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

FLOORS = ("base", "storage", "mqtt", "kafka", "bridge", "net", "http", "app")
STATEMENTS = "docs/mqtt-statements.tsv"
TABLE = "docs/mqtt-conformance.md"
TAG = re.compile(r"\[MQTT(311)?-(\d+(?:\.\d+)+-\d+)\]")
LIKE_A_TAG = re.compile(r"\bMQTT(?:311)?-\d+\.\d")
TEST = re.compile(r"^TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\)", re.M)


class Statement:
    def __init__(self, version, number, gist="", counterpart="", state=""):
        self.version, self.number, self.gist = version, number, gist
        self.counterpart, self.later = counterpart, state == "later"
        self.tests, self.code = [], []

    @property
    def key(self):
        return ("3.1.1" if self.version == "3.1.1" else "5.0", self.number)

    @property
    def tag(self):
        return f"[MQTT{'311' if self.version == '3.1.1' else ''}-{self.number}]"


def read_statements(root):
    statements = {}
    for line in (root / STATEMENTS).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            statement = Statement(*line.split("\t"))
            statements[statement.key] = statement
    return statements


def tags_of(text):
    return [("3.1.1" if match.group(1) else "5.0", match.group(2)) for match in TAG.finditer(text)]


def tests_in(text):
    """(test, the text it owns): its comment directly above, and its body."""
    starts = []
    for match in TEST.finditer(text):
        start = match.start()
        while start > 0:
            line_start = text.rfind("\n", 0, start - 1) + 1
            if not text.startswith("//", line_start):
                break
            start = line_start
        starts.append((start, f"{match.group(1)}.{match.group(2)}"))
    for index, (start, name) in enumerate(starts):
        end = starts[index + 1][0] if index + 1 < len(starts) else len(text)
        yield name, text[start:end]


def sources(root, folders):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".cc", ".h") and path.is_file():
                yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


def collect(root, statements):
    """Puts tests and code into the statements; returns what is wrong with the tags."""
    problems = []

    def note(path, key, what, where):
        if key not in statements:
            problems.append(f"{path}: a tag names {key[1]} of {key[0]}, which {STATEMENTS} does not have")
        elif where not in what(statements[key]):
            what(statements[key]).append(where)

    for path, text in sources(root, ("tests",)):
        for name, owned in tests_in(text):
            for key in tags_of(owned):
                note(path, key, lambda statement: statement.tests, (path, name))
    for path, text in sources(root, FLOORS):
        for key in tags_of(text):
            note(path, key, lambda statement: statement.code, path)
    for path, text in sources(root, ("tests", *FLOORS)):
        for number, line in enumerate(text.splitlines(), 1):
            if LIKE_A_TAG.search(TAG.sub("", line)):
                problems.append(f"{path}:{number}: not a tag: each is [MQTT-number] or [MQTT311-number], one number in each")
    return problems


def missing(statements):
    problems = []
    for statement in statements.values():
        if statement.version == "client" or statement.later:
            continue
        if not statement.tests:
            problems.append(f"{STATEMENTS}: no test carries {statement.tag} ({statement.gist})")
        if not statement.code and statement.version == "5.0":
            problems.append(f"{STATEMENTS}: no line of code carries {statement.tag} ({statement.gist})")
    return problems


def row(statement, cells):
    return f"| {statement.number} | {statement.gist} | " + " | ".join(cells) + " |"


def tests_cell(statement):
    if not statement.tests:
        return "*not built yet*"
    return "<br>".join(f"`{pathlib.PurePath(path).parts[1]}` {name}" for path, name in statement.tests)


def code_cell(statement):
    return "<br>".join(f"`{path.replace('/src/', '/').replace('/include/mqtt/', '/').replace('/include/bridge/', '/')}`"
                       for path in statement.code)


def table(statements):
    five = [s for s in statements.values() if s.version == "5.0"]
    older = [s for s in statements.values() if s.version == "3.1.1"]
    client = [s.number for s in statements.values() if s.version == "client"]
    later = [s for s in five if not s.tests]
    lines = [
        "# MQTT: each statement, its tests, its code",
        "",
        "Made by `scripts/mqtt_conformance.py .` from [the statements](mqtt-statements.tsv) and from the tags in tests and code; the test",
        "`style.mqtt_conformance` fails when it is out of date, when a statement has no test or no deciding line, and when a tag names none.",
        "A line `// [MQTT-3.1.2-24]` beside code or above a test is such a tag; `[MQTT311-...]` is a statement of 3.1.1.",
        "",
        "A table in git cannot know what passes today. `scripts/mqtt_conformance.py . --results build/release` runs the named tests and",
        "prints each statement with its result; the test `conformance.statements` does that and fails if any does.",
        "",
        f"{len(five)} statements of 5.0 bind a server"
        + (f"; {len(later)} of them bind parts that are not built yet." if later else ", and each has its tests."),
        f"{len(client)} bind a client only and are not here: {', '.join(client)}.",
        "",
        "## MQTT 5.0",
        "",
        "| number | what, in our words | in 3.1.1 | tests | decided in |",
        "|---|---|---|---|---|",
    ]
    lines += [row(s, (s.counterpart or "new", tests_cell(s), code_cell(s))) for s in five]
    lines += [
        "",
        "## MQTT 3.1.1, where it says it in its own way",
        "",
        "| number | what, in our words | tests | decided in |",
        "|---|---|---|---|",
    ]
    lines += [row(s, (tests_cell(s), code_cell(s))) for s in older]
    return "\n".join(lines) + "\n"


def problems(root):
    root = pathlib.Path(root)
    statements = read_statements(root)
    found = collect(root, statements) + missing(statements)
    kept = root / TABLE
    if not kept.exists() or kept.read_text(encoding="utf-8") != table(statements):
        found.append(f"{TABLE}: out of date; `scripts/mqtt_conformance.py .` writes it")
    return found


def run_program(program, names):
    """Results by test name; a parameterized test passes when all its instances do."""
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "results.json"
        patterns = ":".join(f"{name}:*/{name}/*" for name in sorted(names))
        subprocess.run([program, f"--gtest_filter={patterns}", f"--gtest_output=json:{output}"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
        if not output.exists():
            return {}
        results = {}
        for suite in json.loads(output.read_text(encoding="utf-8"))["testsuites"]:
            for case in suite["testsuite"]:
                name = f"{suite['name'].split('/')[-1]}.{case['name'].split('/')[0]}"
                good = case["result"] == "COMPLETED" and not case.get("failures")
                results[name] = results.get(name, True) and good
        return results


def print_results(root, build):
    root = pathlib.Path(root)
    statements = read_statements(root)
    collect(root, statements)
    wanted = {}
    for statement in statements.values():
        for path, name in statement.tests:
            wanted.setdefault(pathlib.PurePath(path).parts[1], set()).add(name)
    results = {}
    for folder, names in sorted(wanted.items()):
        program = pathlib.Path(build) / "tests" / f"{folder}_test"
        for name, good in (run_program(program, names) if program.exists() else {}).items():
            results[folder, name] = good
    failed = 0
    for statement in statements.values():
        if statement.version == "client":
            continue
        outcomes = {(pathlib.PurePath(path).parts[1], name): results.get((pathlib.PurePath(path).parts[1], name))
                    for path, name in statement.tests}
        bad = [f"{'/'.join(test)} {'failed' if good is False else 'did not run'}" for test, good in outcomes.items() if not good]
        failed += bool(bad)
        word = "not built yet" if not outcomes else f"FAILED: {', '.join(bad)}" if bad else f"passed ({len(outcomes)})"
        print(f"{statement.version:5} {statement.number:9} {word:12}  {statement.gist}")
    print(f"{failed} statement(s) failed")
    return 1 if failed else 0


def main(arguments):
    root = pathlib.Path(arguments[0])
    if arguments[1:2] == ["--results"]:
        return print_results(root, arguments[2])
    if arguments[1:] == ["--check"]:
        found = problems(root)
        for problem in found:
            print(problem)
        print(f"mqtt conformance: {len(found)} problem(s)" if found else "mqtt conformance: in order")
        return 1 if found else 0
    statements = read_statements(root)
    for problem in collect(root, statements) + missing(statements):
        print(problem)
    (root / TABLE).write_text(table(statements), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
