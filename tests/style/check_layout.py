#!/usr/bin/env python3
"""How files look: their sizes, the sizes of functions, the names of files, what a header begins with, who is named.

    check_layout.py ROOT
"""

import re
import sys

import tree

MAX_HEADER_LINES = 300
MAX_SOURCE_LINES = 500
MAX_FUNCTION_LINES = 70

# What may be larger, and why. Keep it short: splitting is nearly always better.
ALLOWED = {}

CODE = (".h", ".cc", ".py", ".sh", ".js")
TEXT = CODE + (".md", ".txt", ".cmake", ".toml", ".json", ".yaml", ".yml", "")
EMPTY_NAMES = re.compile(r"(^|_)(managers?|utils?|utilities|helpers?|misc|common)(_|$)")
# A line that opens a block and is no function: namespaces, types, and tables of values.
NOT_A_FUNCTION = re.compile(r"^\s*(namespace|class|struct|enum|union|extern)\b|=\s*\{?$|\{\{$")
OPENS_FUNCTION = re.compile(r"\)[^;={]*\{$|\)\s*(->\s*[^;={]+)?\{$")
# People are not named in the tree; the history knows who did what.
NAMES_SOMEBODY = re.compile(
    r"@author\b|\\author\b|^\W*Authors?:|\bTODO\(\w+\)|\bFIXME\(\w+\)|(Signed-off|Co-authored)[ -]by\b|Copyright \(c\)", re.I)
EMAIL = re.compile(r"[\w.+-]+@(?!example\.)[\w-]+\.(com|org|net|io|dev|edu|de|es|fr|uk|ch)\b")
OWN_MACHINE = re.compile(r"(?<![\w.])/(work|home/\w+|root|Users)/\w")


def check_size(path, lines):
    limit = MAX_HEADER_LINES if path.suffix == ".h" else MAX_SOURCE_LINES
    if path.suffix in CODE and len(lines) > limit and str(path) not in ALLOWED:
        yield f"{path}: {len(lines)} lines; at most {limit}"


def indent_of(line):
    return len(line) - len(line.lstrip())


def functions(lines):
    """(first line's number, line count) of each function, seen by its indentation: clang-format keeps that true."""
    start = closing = None
    for number, line in enumerate(lines, 1):
        if start is None:
            if indent_of(line) <= 4 and OPENS_FUNCTION.search(line) and not NOT_A_FUNCTION.search(line):
                start = number
        elif closing is None:
            # The first line of the body tells where the closing brace will stand.
            closing = indent_of(line) - 2 if line.strip() and not line.strip().startswith(("}", "#")) else None
            if line.strip().startswith("}"):
                start = None
        elif indent_of(line) == closing and line.strip().startswith("}"):
            yield start, number - start + 1
            start = closing = None


def check_functions(path, lines):
    if path.suffix not in (".h", ".cc"):
        return
    for number, count in functions(lines):
        if count > MAX_FUNCTION_LINES and f"{path}:{lines[number - 1].strip()}" not in ALLOWED:
            yield f"{path}:{number}: a function of {count} lines; at most {MAX_FUNCTION_LINES}"


def check_name(path):
    if path.suffix in CODE and EMPTY_NAMES.search(path.stem):
        yield f"{path}: a name that says nothing; name what is in it"


def check_header(path, lines):
    if path.suffix != ".h":
        return
    if "#pragma once" not in lines:
        yield f"{path}: no #pragma once"
    if not lines or not lines[0].startswith("// "):
        yield f"{path}:1: a header begins with a comment that says what it is and why"


def check_people(path, lines):
    if path.suffix not in TEXT or path.name == "LICENSE" or path.parts[:2] == ("tests", "style"):
        return
    for number, line in enumerate(lines, 1):
        if NAMES_SOMEBODY.search(line) or EMAIL.search(line):
            yield f"{path}:{number}: names somebody: {line.strip()}"
        if OWN_MACHINE.search(line):
            yield f"{path}:{number}: a path of one machine: {line.strip()}"


def problems(root):
    found = []
    for path in tree.files(root):
        lines = tree.lines(root, path)
        found += [*check_size(path, lines), *check_functions(path, lines), *check_name(path)]
        found += [*check_header(path, lines), *check_people(path, lines)]
    return found


if __name__ == "__main__":
    sys.exit(tree.report("layout", problems(sys.argv[1])))
