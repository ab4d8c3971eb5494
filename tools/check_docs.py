#!/usr/bin/env python3
"""Check the documents: check_docs.py [ROOT]

Links to files of this repository lead somewhere, `make` targets that are named exist, and
ARCHITECTURE.md names every room of src/LAYERS. Prints one line per offence; exits 1 when there is
one.
"""

import pathlib
import re
import sys

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
MAKE = re.compile(r"\bmake ([a-z][a-z-]*)")
# Words that follow "make" in prose.
PROSE = {"sure", "it", "a", "an", "the", "them", "this", "that", "no", "up", "one", "two", "of"}


def documents(root):
    yield from sorted(root.glob("*.md"))
    for folder in ("docs", "src", "test", "bench", "fuzz"):
        yield from sorted((root / folder).rglob("*.md"))


def check(root):
    targets = set(re.findall(r"^([a-z][a-z -]*):", (root / "Makefile").read_text(), re.MULTILINE))
    targets = {name for line in targets for name in line.split()}
    for path in documents(root):
        name, text = path.relative_to(root), path.read_text()
        for link in LINK.findall(text):
            target = link.split("#")[0]
            if target and "://" not in link and not (path.parent / target).exists():
                yield f"{name}: link to {link}, which is not there"
        for code in re.findall(r"`([^`\n]*)`", text):
            for target in MAKE.findall(code):
                if target not in targets | PROSE:
                    yield f"{name}: `make {target}` is no target of the Makefile"
    architecture = root / "ARCHITECTURE.md"
    if architecture.exists():
        text = architecture.read_text()
        for room in re.findall(r"^[a-z]\w*", (root / "src/LAYERS").read_text(), re.MULTILINE):
            if not re.search(rf"`?\b{room}/?\b", text):
                yield f"ARCHITECTURE.md: says nothing of the room {room}"


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parent.parent
    found = list(check(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here))
    print("\n".join(found) or "docs: every link and target is there")
    sys.exit(1 if found else 0)
