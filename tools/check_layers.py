#!/usr/bin/env python3
"""Check that every #include goes down src/LAYERS: check_layers.py [ROOT]

Faces include only the public headers, one room owns Parquet, one owns the files, nothing goes in
circles. Prints one line per offence; exits 1 when there is one.
"""

import graphlib
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.MULTILINE)
FACES = {"http", "cli", "python", "web"}
OS_HEADERS = {"fcntl.h", "unistd.h", "dirent.h", "fstream", "filesystem", "sys/file.h", "sys/mman.h",
              "sys/stat.h", "sys/statvfs.h", "sys/uio.h", "sys/xattr.h"}
# Which room may include what against the rules, and why.
EXCEPTIONS = {
    ("cli", "http/server.h"): "the command `serve` starts the other face",
    ("cli", "fstream"): "reads the configuration file",
    ("cli", "filesystem"): "shows the archive's path in full",
    ("http", "unistd.h"): "asks for its process id and host name",
    ("http", "filesystem"): "asks for its working directory",
    ("http", "wire/remote_read/chunk_decoder_fixture.h"): "tests read chunks back",
    ("cli", "unistd.h"): "asks whether the output is a terminal",
    ("cli", "sys/mman.h"): "unmaps what only the start has read",
}
TEST_CODE = re.compile(r"_(test|bench|fuzz)\.cc$|_(fixture|for_test)\.h$")


def read_includes(root):
    """Map each source file, relative to `root`, to its (kind, path) includes."""
    files = [path for folder in ("include", "src") for suffix in ("*.h", "*.cc")
             for path in sorted((root / folder).rglob(suffix))]
    return {str(path.relative_to(root)): INCLUDE.findall(path.read_text()) for path in files}


def room_of(file):
    return "larnax" if file.startswith("include/") else file.split("/")[1]


def check_file(file, includes, layers):
    room, is_test = room_of(file), TEST_CODE.search(file)
    if room not in layers:
        yield f"{file}: room {room!r} is not in src/LAYERS"
        return
    for kind, path in includes:
        target = path.split("/")[0]
        if kind == '"' and is_test and target == "test":
            continue
        if kind == '"' and target not in layers:
            yield f'{file}: "{path}" is no full path into a room of src/LAYERS'
        elif kind == '"' and layers.index(target) > layers.index(room):
            yield f'{file}: room {room} includes "{path}", which lies above it'
        elif (room, path) in EXCEPTIONS:
            continue
        elif kind == '"' and room in FACES and target not in ("larnax", room):
            yield f'{file}: face {room} includes "{path}"; faces know only include/larnax'
        elif kind == "<" and target == "parquet" and room != "columns":
            yield f"{file}: <{path}> belongs to src/columns alone"
        elif path in OS_HEADERS and room != "io" and not is_test:
            yield f"{file}: <{path}> belongs to src/io alone"


def find_cycle(includes):
    """Return the first include cycle as a list of files, or an empty one."""
    where = {re.sub(r"^(include|src)/", "", file): file for file in includes}
    graph = {file: [where[path] for kind, path in found if kind == '"' and path in where]
             for file, found in includes.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def check(root):
    lines = (root / "src/LAYERS").read_text().splitlines()
    layers = [line.strip() for line in lines if re.match(r"[a-z]", line)]
    includes = read_includes(root)
    problems = [line for file in includes for line in check_file(file, includes[file], layers)]
    cycle = find_cycle(includes)
    return problems + ([f"include cycle: {' -> '.join(cycle)}"] if cycle else [])


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parent.parent
    found = check(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here)
    print("\n".join(found) or "layers: every include goes down")
    sys.exit(1 if found else 0)
