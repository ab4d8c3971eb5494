#!/usr/bin/env python3
"""Check the sizes of files and functions: check_limits.py [ROOT]

Product code: .cc at most 800 lines, .h at most 400, functions at most 70. Prints one line per
offence; exits 1 when there is one.
"""

import pathlib
import re
import sys

import lizard

FILE_LIMITS = {".cc": 800, ".h": 400}
FUNCTION_LIMIT = 70
# A function's `file:name` or a file, with the reason why it may be longer.
EXCEPTIONS = {}
TEST_CODE = re.compile(r"_(test|bench|fuzz)\.cc$|_(fixture|for_test)\.h$")


def check(root):
    files = [path for folder in ("include", "src") for path in sorted((root / folder).rglob("*"))
             if path.suffix in FILE_LIMITS and not TEST_CODE.search(path.name)]
    for path in files:
        name = str(path.relative_to(root))
        lines = len(path.read_text().splitlines())
        if lines > FILE_LIMITS[path.suffix] and name not in EXCEPTIONS:
            yield f"{name}: {lines} lines, at most {FILE_LIMITS[path.suffix]}"
        for function in lizard.analyze_file(str(path)).function_list:
            if function.length > FUNCTION_LIMIT and f"{name}:{function.name}" not in EXCEPTIONS:
                yield (f"{name}:{function.start_line}: {function.name} has {function.length} lines, "
                       f"at most {FUNCTION_LIMIT}")


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parent.parent
    found = list(check(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here))
    print("\n".join(found) or "limits: every file and function is short enough")
    sys.exit(1 if found else 0)
