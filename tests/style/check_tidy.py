#!/usr/bin/env python3
"""clang-tidy over the libraries' sources, as many at once as there are cores.

    check_tidy.py ROOT BUILD [PATTERN]      BUILD has compile_commands.json; PATTERN: only paths that it matches

A file is not looked at again while nothing that it includes from the tree, nor .clang-tidy, has changed: what passed is
remembered in BUILD/clang-tidy-passed.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import tree

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)


def commands(build, root, pattern):
    """source -> its compile command, for the libraries' own sources."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        path = pathlib.Path(entry["file"])
        if root in path.parents and path.relative_to(root).parts[0] in tree.FLOORS:
            if re.search(pattern, str(path.relative_to(root))):
                found[path] = entry["command"]
    return found


def includes(root, path, seen):
    """Adds to `seen` every file of the tree that `path` includes, itself too."""
    if path in seen:
        return
    seen.add(path)
    for header in INCLUDE.findall(path.read_text(encoding="utf-8", errors="replace")):
        for folder in [path.parent] + [root / floor / "include" for floor in tree.FLOORS]:
            if (folder / header).is_file():
                includes(root, (folder / header).resolve(), seen)
                break


def fingerprint(root, path, command):
    seen = set()
    includes(root, path, seen)
    digest = hashlib.sha256(command.encode())
    for file in [root / ".clang-tidy", *sorted(seen)]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def tidy(build, path):
    # GCC's flags that clang does not know are no finding.
    command = ["clang-tidy-14", "--quiet", f"-p={build}", "--extra-arg=-Wno-unknown-warning-option", str(path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stdout if done.stdout.strip() else done.stderr


def main(root, build, pattern):
    remembered = build / "clang-tidy-passed"
    passed = set(remembered.read_text(encoding="utf-8").split()) if remembered.exists() else set()
    wanted = {path: fingerprint(root, path, command) for path, command in commands(build, root, pattern).items()}
    waiting = sorted(path for path, digest in wanted.items() if digest not in passed)
    started = time.monotonic()
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, (status, output) in zip(waiting, pool.map(lambda path: tidy(build, path), waiting)):
            if status == 0:
                passed.add(wanted[path])
            else:
                failed += 1
                print(output)
    kept = passed & set(wanted.values()) if pattern == "" else passed
    remembered.write_text("\n".join(sorted(kept)) + "\n", encoding="utf-8")
    took = time.monotonic() - started
    print(f"clang-tidy: {len(wanted)} sources, {len(waiting)} looked at in {took:.0f} s, {failed} with findings")
    return 1 if failed or not wanted else 0


if __name__ == "__main__":
    ROOT, BUILD = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    sys.exit(main(ROOT, BUILD, sys.argv[3] if len(sys.argv) > 3 else ""))
