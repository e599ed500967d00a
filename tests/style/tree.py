"""What the checks of tests/style walk over: the files of the tree that are the project's own."""

import pathlib

FLOORS = ("base", "proof", "storage", "mqtt", "kafka", "identity", "bridge", "net", "http", "app")
FOLDERS = FLOORS + ("config", "examples", "tests", "bench", "docs", "cmake", "scripts", ".ci")
SKIPPED = {"__pycache__", "node_modules", "build", ".git"}


def files(root, suffixes=None, folders=FOLDERS):
    """Paths relative to `root`, sorted; files at the root are always among them."""
    root = pathlib.Path(root)
    found = [path for path in root.iterdir() if path.is_file()]
    for folder in folders:
        found += [path for path in (root / folder).rglob("*") if path.is_file()]
    for path in sorted(found):
        relative = path.relative_to(root)
        if not SKIPPED & set(relative.parts) and (suffixes is None or path.suffix in suffixes):
            yield relative


def lines(root, path):
    return (pathlib.Path(root) / path).read_text(encoding="utf-8", errors="replace").splitlines()


def report(what, problems):
    """Prints the problems and returns the exit status."""
    for problem in problems:
        print(problem)
    print(f"{what}: {len(problems)} problem(s)" if problems else f"{what}: in order")
    return 1 if problems else 0
