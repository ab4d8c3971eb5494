#!/usr/bin/env python3
"""Check that only src/io opens files, by the symbols of the object files: check_symbols.py BUILD [TREE]

What an object file outside src/io leaves undefined must not be a call that opens, renames, removes
or syncs files. TREE, else the tree that this file is in, has the sources: object files of those that
are gone stay in a build, and do not count. Prints one line per offence; exits 1 when there is one, 2
when nothing was found to check.
"""

import pathlib
import re
import subprocess
import sys

FORBIDDEN = {
    "open", "open64", "openat", "openat64", "creat", "fopen", "fopen64", "freopen", "mkstemp",
    "rename", "renameat", "renameat2", "unlink", "unlinkat", "remove", "mkdir", "mkdirat", "rmdir",
    "link", "linkat", "symlink", "truncate", "ftruncate", "truncate64", "ftruncate64", "opendir",
    "fdopendir", "readdir", "readdir64", "stat", "stat64", "fstat", "fstat64", "lstat", "access",
    "fsync", "fdatasync", "sync_file_range", "pread", "pread64", "pwrite", "pwrite64", "flock",
    "fallocate", "posix_fallocate", "statvfs", "statvfs64", "mmap", "mmap64",
}
# Of std::filesystem, paths as text and the working directory touch no file.
FORBIDDEN_CXX = re.compile(r"^std::(basic_(filebuf|ifstream|ofstream|fstream)\b"
                           r"|filesystem::(?!(__cxx11::)?path\b|current_path))")
# Object files that may call some of these, and why.
EXCEPTIONS = {
    "src/http/beast_impl.cc": (r"open|fopen|fstat",
                               "Boost's own file and serial port classes, which nothing uses"),
    "src/cli/command_line.cc": (r"std::(basic_(filebuf|ifstream)<|filesystem::status\().*",
                                "CLI11's own configuration files, which nothing uses"),
    "src/cli/serve/config_file.cc": (r"std::basic_(filebuf|ifstream)<.*", "reads the configuration file"),
    "src/cli/serve/line_log.cc": (r"std::basic_(filebuf|ofstream)<.*", "appends to the query logs"),
    "src/cli/serve/startup_pages.cc": (r"std::basic_(filebuf|ifstream)<.*",
                                       "reads what the system says of its own memory"),
    "src/cli/serve/serve.cc": (r"std::filesystem::absolute\(.*", "shows the archive's path in full"),
}
OBJECT = re.compile(r"src/(\w+)/CMakeFiles/[^/]+\.dir/(.*)\.o$")
# Tests, fuzz replays, and the check that headers compile alone, are no product.
OTHER_CODE = re.compile(r"_(test|bench|fuzz)\.cc$|replay_main|verify_interface_header_sets")


def undefined_symbols(path):
    text = subprocess.run(["nm", "--undefined-only", "--demangle", "--format=posix", str(path)],
                          check=True, capture_output=True, text=True).stdout
    # `name U`, where a demangled name may hold spaces; glibc versions follow an @.
    return {re.sub(r"\s+[UwWv]\b.*$", "", line).split("@")[0] for line in text.splitlines()}


def problems_of(path, name):
    allowed, _ = EXCEPTIONS.get(name, ("", ""))
    for symbol in sorted(undefined_symbols(path)):
        if (symbol in FORBIDDEN or FORBIDDEN_CXX.match(symbol)) and not re.fullmatch(allowed, symbol):
            yield f"{name}: uses {symbol}, which belongs to src/io alone"


def main():
    build = pathlib.Path(sys.argv[1])
    here = pathlib.Path(__file__).resolve().parent.parent
    tree = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else here
    checked, problems = 0, []
    for path in sorted(build.rglob("src/*/CMakeFiles/*.dir/**/*.o")):
        match = OBJECT.search(str(path.relative_to(build)))
        name = f"src/{match.group(1)}/{match.group(2)}" if match else ""
        if not (tree / name).is_file():
            continue
        if match.group(1) != "io" and not OTHER_CODE.search(str(path.with_suffix(""))):
            checked += 1
            problems += problems_of(path, name)
    if checked == 0:
        print(f"symbols: no object files of rooms under {build}")
        return 2
    print("\n".join(problems) or f"symbols: {checked} object files leave files to src/io")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
