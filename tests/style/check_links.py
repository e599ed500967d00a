#!/usr/bin/env python3
"""Every link of every Markdown document leads somewhere: the file is there, and so is the heading.

    check_links.py ROOT
"""

import pathlib
import re
import sys

import tree

FENCE = re.compile(r"^\s*(```|~~~)")
CODE_SPAN = re.compile(r"`[^`]*`")
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\s*\[[^\]]+\]:\s*(\S+)")
EXTERNAL = re.compile(r"^[a-z][a-z0-9+.-]*:", re.I)


def prose(lines):
    """(number, line) outside of fenced code, without code spans."""
    fenced = False
    for number, line in enumerate(lines, 1):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            yield number, CODE_SPAN.sub("", line)


def anchors(lines):
    """The headings' anchors as web front ends make them."""
    found = set()
    fenced = False
    for line in lines:
        if FENCE.match(line):
            fenced = not fenced
        heading = re.match(r"^#{1,6}\s+(.*?)\s*#*$", line)
        if fenced or not heading:
            continue
        text = re.sub(r"[^\w\- ]", "", heading.group(1).lower()).replace(" ", "-")
        repeated = text
        count = 0
        while repeated in found:
            count += 1
            repeated = f"{text}-{count}"
        found.add(repeated)
    return found


def check_link(root, document, target):
    if EXTERNAL.match(target):
        return None
    file, _, anchor = target.partition("#")
    path = root / document.parent / file if file else root / document
    if not path.exists():
        return "there is no such file"
    if root.resolve() not in [path.resolve(), *path.resolve().parents]:
        return "it leads out of the tree"
    if anchor and path.suffix == ".md" and anchor not in anchors(path.read_text(encoding="utf-8").splitlines()):
        return "there is no such heading"
    return None


def problems(root):
    root = pathlib.Path(root)
    found = []
    for document in tree.files(root, suffixes=(".md",)):
        for number, line in prose(tree.lines(root, document)):
            for match in LINK.finditer(line):
                target = match.group(1) or match.group(2)
                if wrong := check_link(root, document, target):
                    found.append(f"{document}:{number}: {target}: {wrong}")
    return found


if __name__ == "__main__":
    sys.exit(tree.report("links", problems(sys.argv[1])))
