"""Readers that live in a Python environment of their own, and what those share.

A module of readers is then a program too: `MODULE.py READER ROOT OUT` pickles what the reader gives
of the archive to OUT.
"""

import json
import os
import pathlib
import pickle
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
VENVS = {"duckdb15": ".venv-duckdb15", "spark": ".venv-spark"}


def why_not_spark():
    """Why Spark cannot be tested here; None if it can."""
    if shutil.which("java") is None:
        return "no Java"
    if not (ROOT / VENVS["spark"] / "bin/python").exists():
        return "no .venv-spark: run `make setup-spark`"
    return None


def readers_of(module):
    """The readers of a module's program that run in other environments."""
    program = pathlib.Path(module)

    def reader(name):
        def read(root):
            out = pathlib.Path(root).parent / f"{program.stem}-{name}.pickle"
            done = subprocess.run(
                [ROOT / VENVS[name] / "bin/python", program, name, str(root), str(out)],
                capture_output=True, text=True, timeout=280, stdin=subprocess.DEVNULL,
                env={**os.environ, "LARNAX_TEST_PYTHON": sys.executable})
            if done.returncode != 0:
                raise AssertionError(f"{name}:\n{done.stderr[-6000:]}")
            with open(out, "rb") as file:
                return pickle.load(file)
        return read

    return {name: reader(name) for name in VENVS}


def run(readers):
    """Be the program."""
    _, name, archive, output = sys.argv
    answer = readers[name](archive)
    with open(output, "wb") as file:
        pickle.dump(answer, file)


def ask(module, function, *arguments):
    """What a function gives in the environment that has pyarrow; texts and JSON."""
    code = (f"import sys; sys.path.insert(0, {str(ROOT / 'test')!r}); import json; "
            f"from readers import {module}; "
            f"print(json.dumps({module}.{function}(*{[str(one) for one in arguments]!r})))")
    done = subprocess.run([os.environ["LARNAX_TEST_PYTHON"], "-c", code], check=True,
                          capture_output=True)
    return json.loads(done.stdout)


def spark_session():
    from pyspark.sql import SparkSession

    return (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
            # Its vectorized reader knows BYTE_STREAM_SPLIT from 4.3 on.
            .config("spark.sql.parquet.enableVectorizedReader", "false").getOrCreate())


def spark_columns(names):
    """Columns by position rather than name: any label name can be a column's."""
    from pyspark.sql import functions

    return [functions.col("`" + name.replace("`", "``") + "`") for name in names]
