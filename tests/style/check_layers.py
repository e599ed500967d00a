#!/usr/bin/env python3
"""The layer rule of the tree: who may include whom, and where sockets, threads and clocks may be met.

    check_layers.py ROOT
"""

import re
import sys

import tree

# Each library, and the libraries whose headers it may include and link.
MAY_USE = {
    "base": set(),
    "proof": {"base"},
    "storage": {"base"},
    "mqtt": {"base"},
    "kafka": {"base"},
    "identity": {"base"},
    "bridge": {"base", "storage", "mqtt", "kafka", "identity"},
    "net": {"base", "storage", "mqtt", "kafka", "identity", "bridge"},
    "http": {"base", "storage", "mqtt", "kafka", "identity", "bridge", "net"},  # net: TLS
    "app": {"base", "proof", "storage", "mqtt", "kafka", "identity", "bridge", "net", "http"},
}

ASIO = re.compile(r"boost/(asio|beast)\b")
SOCKETS = re.compile(r"(sys/(socket|epoll|select|un|sendfile)|netinet/.*|arpa/inet|netdb|poll)\.h$")
THREADS = re.compile(r"(thread|mutex|shared_mutex|condition_variable|future|semaphore|latch|barrier|stop_token|pthread\.h)$")
CLOCKS = re.compile(r"(ctime|time\.h|sys/time\.h)$")
FILES = re.compile(r"(fstream|filesystem|unistd\.h|fcntl\.h|sys/(stat|mman|uio|file|types)\.h)$")

REAL_CLOCK = re.compile(r"\b(steady|system|high_resolution|utc)_clock\s*::\s*now\b|\bSystemClock\b|\bclock_gettime\b|\btime\(\s*(0|NULL|nullptr)\s*\)")
THREAD_NAME = re.compile(r"\bstd::(mutex|thread|jthread|shared_mutex|recursive_mutex|condition_variable\w*|async|this_thread)\b")
CHANCE = re.compile(r"\bstd::random_device\b|\b(s?rand|getrandom)\(")

# (folders, what an include there must not be, why)
FORBIDDEN_INCLUDES = [
    (("base", "proof", "storage", "mqtt", "kafka", "identity", "bridge", "app"), ASIO, "Asio and Beast live in net/ and http/"),
    (("base", "proof", "storage", "mqtt", "kafka", "identity", "bridge"), SOCKETS, "sockets live in net/ and http/"),
    (("base", "proof", "mqtt", "kafka", "identity", "bridge"), THREADS, "this floor has no threads and no locks"),
    (("proof", "mqtt", "kafka", "identity", "bridge"), CLOCKS, "time comes in as an argument"),
    (("base", "mqtt", "kafka", "identity", "bridge"), FILES, "files are storage's"),
]
# (folders, what a line of code there must not have, why)
FORBIDDEN_CODE = [
    (("proof", "mqtt", "kafka", "identity", "bridge"), THREAD_NAME, "this floor has no threads and no locks"),
    (("proof", "mqtt", "kafka", "identity", "bridge", "storage"), REAL_CLOCK, "time comes in as an argument or through a Clock"),
    (("proof", "mqtt", "kafka", "identity", "bridge"), CHANCE, "given the same inputs this floor does the same thing"),
]
# Where a rule above is broken on purpose: (path, rule's reason) -> why.
ALLOWED = {
    ("app/src/http_client.cc", "Asio and Beast live in net/ and http/"): "the command line's own HTTP client, one blocking call",
    ("base/src/failpoint.cc", "files are storage's"): "in builds for the rigs alone: kills its own process, tells counts",
    ("base/src/failpoint.cc", "this floor has no threads and no locks"): "in builds for the rigs alone: a step that takes longer",
}

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
COMMENT = re.compile(r"//.*$")


def check_source(root, path):
    folder = path.parts[0]
    for number, line in enumerate(tree.lines(root, path), 1):
        code = COMMENT.sub("", line)
        broken = []
        if include := INCLUDE.match(code):
            broken = list(wrong_include(folder, include.group(1)))
        else:
            broken = [why for folders, pattern, why in FORBIDDEN_CODE if folder in folders and pattern.search(code)]
        for why in broken:
            if (str(path), why) not in ALLOWED:
                yield f"{path}:{number}: {line.strip()}: {why}"


def wrong_include(folder, header):
    library = header.split("/")[0]
    if library in MAY_USE and "/" in header and library != folder and library not in MAY_USE[folder]:
        yield f"{folder}/ must not know {library}/"
    if ".." in header.split("/") or "/src/" in header:
        yield "what is in another library's src/ is its own"
    for folders, pattern, why in FORBIDDEN_INCLUDES:
        if folder in folders and pattern.search(header):
            yield why


def check_links(root, path):
    folder = path.parts[0]
    text = COMMENT.sub("", "\n".join(tree.lines(root, path)))
    for library in re.findall(r"\bbitacora(?:::|_)(\w+)", text):
        if library in MAY_USE and library != folder and library not in MAY_USE[folder]:
            yield f"{path}: {folder}/ must not link {library}/"


def problems(root):
    found = []
    for path in tree.files(root, folders=tree.FLOORS):
        if path.parts[0] not in MAY_USE:
            continue
        if path.suffix in (".h", ".cc"):
            found += check_source(root, path)
        elif path.name == "CMakeLists.txt":
            found += check_links(root, path)
    return found


if __name__ == "__main__":
    sys.exit(tree.report("layers", problems(sys.argv[1])))
