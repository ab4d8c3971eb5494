"""Compile one file that must not compile: check_compile_fail.py FILE COMPILER FLAGS..

With -DLARNAX_COMPILES it must compile, without it must fail with the message that its first line
expects. So a wrong include path or a typo cannot pass for the error that is meant.
"""

import pathlib
import re
import subprocess
import sys


def main():
    source, *command = sys.argv[1:]
    first_line = pathlib.Path(source).read_text().splitlines()[0]
    expected = re.fullmatch(r"// expect-error: (.*)", first_line).group(1)
    command = [part for part in command if part] + ["-fsyntax-only", source]

    good = subprocess.run([*command, "-DLARNAX_COMPILES"], capture_output=True, text=True)
    if good.returncode != 0:
        print(f"{source}: does not compile with LARNAX_COMPILES either:\n{good.stderr}")
        return 1
    bad = subprocess.run(command, capture_output=True, text=True)
    if bad.returncode == 0:
        print(f"{source}: compiles, and must not")
        return 1
    if not re.search(expected, bad.stderr):
        print(f"{source}: fails otherwise than with {expected!r}:\n{bad.stderr}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
