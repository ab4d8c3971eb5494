"""The checks of tools/ can fail: each is given a small tree with one offence."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parent.parent.parent / "tools"
LAYERS = "# lowest first\nlarnax\nbase\nio\ncolumns\ndb\nhttp\n"


class Tree:
    """A throwaway source tree."""

    def __init__(self, files):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        for name, text in {"src/LAYERS": LAYERS, "Makefile": "build: x\n", **files}.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def check(self, tool, *arguments):
        """Run a tool on the tree; return its exit status and output."""
        done = subprocess.run([sys.executable, TOOLS / tool, *(arguments or [self.root])],
                              capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr


class LayersTest(unittest.TestCase):
    def assert_found(self, files, phrase):
        status, output = Tree(files).check("check_layers.py")
        self.assertEqual(status, 1, output)
        self.assertIn(phrase, output)

    def test_good_tree_passes(self):
        status, output = Tree({
            "include/larnax/labels.h": "#include <string>\n",
            "src/base/a.h": '#include "larnax/labels.h"\n',
            "src/io/b.cc": '#include "base/a.h"\n#include <fcntl.h>\n',
            "src/columns/c.cc": "#include <parquet/types.h>\n",
            "src/db/d_test.cc": '#include "test/matchers.h"\n#include <filesystem>\n',
            "src/http/e.cc": '#include "larnax/labels.h"\n',
        }).check("check_layers.py")
        self.assertEqual(status, 0, output)

    def test_include_that_goes_up(self):
        self.assert_found({"src/base/a.h": '#include "io/b.h"\n'}, 'room base includes "io/b.h"')

    def test_public_header_that_includes_a_room(self):
        self.assert_found({"include/larnax/a.h": '  #  include "base/b.h"\n'}, "room larnax")

    def test_face_that_knows_a_room(self):
        self.assert_found({"src/http/a.cc": '#include "db/b.h"\n'}, "face http")

    def test_parquet_outside_columns(self):
        self.assert_found({"src/db/a.cc": "#include <parquet/types.h>\n"}, "src/columns alone")

    def test_files_outside_io(self):
        self.assert_found({"src/db/a.cc": "#include <fcntl.h>\n"}, "src/io alone")

    def test_test_header_in_product_code(self):
        self.assert_found({"src/db/a.cc": '#include "test/matchers.h"\n'}, "no full path")

    def test_relative_include(self):
        self.assert_found({"src/db/a.cc": '#include "b.h"\n'}, "no full path")

    def test_unknown_room(self):
        self.assert_found({"src/util/a.cc": ""}, "room 'util' is not in src/LAYERS")

    def test_cycle(self):
        self.assert_found({"src/db/a.h": '#include "db/b.h"\n', "src/db/b.h": '#include "db/a.h"\n'},
                          "include cycle")


class SymbolsTest(unittest.TestCase):
    def compile(self, tree, room, code):
        folder = tree.root / f"src/{room}/CMakeFiles/larnax_{room}.dir"
        folder.mkdir(parents=True)
        subprocess.run(["c++", "-std=c++20", "-x", "c++", "-", "-c", "-o", folder / "a.cc.o"],
                       input=code, text=True, check=True)

    def check(self, room, code):
        tree = Tree({f"src/{room}/a.cc": code})
        self.compile(tree, room, code)
        return tree.check("check_symbols.py", tree.root, tree.root)

    def test_io_may_open(self):
        tree = Tree({"src/io/a.cc": "", "src/base/a.cc": ""})
        self.compile(tree, "io", '#include <cstdio>\nauto F() { return fopen("x", "r"); }\n')
        self.compile(tree, "base", "int F() { return 1; }\n")
        status, output = tree.check("check_symbols.py", tree.root, tree.root)
        self.assertEqual(status, 0, output)

    def test_open_outside_io(self):
        status, output = self.check(
            "db", '#include <fcntl.h>\nint F() { return open("x", O_RDONLY); }\n')
        self.assertEqual(status, 1, output)
        self.assertIn("src/db/a.cc: uses open", output)

    def test_stream_outside_io(self):
        status, output = self.check(
            "db", '#include <fstream>\nbool F() { std::ifstream s("x"); return s.good(); }\n')
        self.assertEqual(status, 1, output)
        self.assertIn("std::basic_", output)

    def test_objects_of_sources_that_are_gone_do_not_count(self):
        tree = Tree({"src/base/a.cc": ""})
        self.compile(tree, "base", "int F() { return 1; }\n")
        self.compile(tree, "db", '#include <fcntl.h>\nint F() { return open("x", O_RDONLY); }\n')
        status, output = tree.check("check_symbols.py", tree.root, tree.root)
        self.assertEqual(status, 0, output)

    def test_nothing_to_check_is_no_success(self):
        self.assertEqual(Tree({}).check("check_symbols.py")[0], 2)


class DocsTest(unittest.TestCase):
    def assert_found(self, files, phrase):
        status, output = Tree(files).check("check_docs.py")
        self.assertEqual(status, 1, output)
        self.assertIn(phrase, output)

    def test_good_tree_passes(self):
        status, output = Tree({"README.md": "[a](docs/a.md#part), `make build`",
                               "docs/a.md": "[up](../README.md)"}).check("check_docs.py")
        self.assertEqual(status, 0, output)

    def test_dead_link(self):
        self.assert_found({"docs/a.md": "[a](b.md)"}, "docs/a.md: link to b.md")

    def test_unknown_make_target(self):
        self.assert_found({"README.md": "run `make coffee`"}, "`make coffee`")

    def test_room_without_words(self):
        self.assert_found({"ARCHITECTURE.md": "larnax base io columns db"}, "room http")


if __name__ == "__main__":
    # Each tree is removed when its test lets go of it.
    unittest.main(warnings="ignore")
