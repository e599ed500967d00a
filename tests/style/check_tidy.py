#!/usr/bin/env python3
"""clang-tidy over the libraries' sources, as many at once as there are cores.

    check_tidy.py ROOT BUILD [PATTERN]      BUILD has compile_commands.json; PATTERN: only paths that it matches

A file is not looked at again while nothing that it includes from the tree, nor .clang-tidy, has changed: what passed is
remembered in BUILD/clang-tidy-passed.

Sources of one library are looked at in groups, as one translation unit (most of the time goes into the headers that they
share). Those of a group with findings are looked at once more by themselves, and that is what counts.
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

GROUP = 6  # as the unity builds of CMakePresets.json: there such sources are known to compile together
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


def tidy(compile_commands, path, checks=""):
    # GCC's flags that clang does not know are no finding.
    command = ["clang-tidy-14", "--quiet", f"-p={compile_commands}", f"--checks={checks}",
               "--extra-arg=-Wno-unknown-warning-option", str(path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stdout if done.stdout.strip() else done.stderr


def groups_of(root, paths):
    """The sources of each library, in their order, so many at a time."""
    for floor in tree.FLOORS:
        library = [path for path in paths if path.relative_to(root).parts[0] == floor]
        yield from (library[at : at + GROUP] for at in range(0, len(library), GROUP))


class Groups:
    """Translation units that include the sources of a group; they and their compile commands are in a directory of their own."""

    def __init__(self, directory, groups, command_of):
        self.directory = directory
        directory.mkdir(exist_ok=True)
        entries = []
        self.units = []
        for number, group in enumerate(groups):
            unit = directory / f"group_{number}.cc"
            unit.write_text("".join(f'#include "{path}"\n' for path in group), encoding="utf-8")
            command = command_of[group[0]].replace(str(group[0]), str(unit))
            entries.append({"directory": str(directory), "file": str(unit), "command": command})
            self.units.append((unit, group))
        (directory / "compile_commands.json").write_text(json.dumps(entries), encoding="utf-8")

    def findings(self, build, unit, group):
        """(source, its findings or "") for each of the group."""
        if tidy(self.directory, unit, "-bugprone-suspicious-include")[0] == 0:
            return [(path, "") for path in group]
        alone = [(path, *tidy(build, path)) for path in group]
        return [(path, output if status != 0 else "") for path, status, output in alone]


def main(root, build, pattern):
    remembered = build / "clang-tidy-passed"
    passed = set(remembered.read_text(encoding="utf-8").split()) if remembered.exists() else set()
    command_of = commands(build, root, pattern)
    wanted = {path: fingerprint(root, path, command) for path, command in command_of.items()}
    waiting = sorted(path for path, digest in wanted.items() if digest not in passed)
    started = time.monotonic()
    failed = 0
    groups = Groups(build / "clang-tidy", groups_of(root, waiting), command_of)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for findings in pool.map(lambda of: groups.findings(build, *of), groups.units):
            for path, output in findings:
                if output == "":
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
