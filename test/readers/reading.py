"""How each reader opens an archive: one glob or one directory, nothing else known about it.

As a program, `reading.py READER ROOT OUT` pickles the rows to OUT: for readers that live in a
Python environment of their own.
"""

import os
import pathlib
import pickle
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from readers import rows  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def read_pyarrow(root):
    import pyarrow.dataset

    table = pyarrow.dataset.dataset(f"{root}/samples", partitioning="hive").to_table()
    return rows.from_arrow(table, rows.true_names(root))


def read_pandas(root):
    import pandas

    frame = pandas.read_parquet(f"{root}/samples")
    names = rows.true_names(root)
    labels = [name for name in frame.columns if name not in rows.OWN_COLUMNS]
    times = frame["timestamp"].dt.as_unit("us").astype("int64").tolist()
    stale = frame["stale"].tolist()
    # A data frame of doubles has no NULL: a stale marker's value is some NaN.
    bits = frame["value"].to_numpy().view("uint64").tolist()
    missing = frame["value"].isna().tolist()
    other = [entries if isinstance(entries, list) else None for entries in frame["other_labels"]]
    columns = {name: frame[name].astype(object).where(frame[name].notna(), None).tolist()
               for name in labels}
    return [rows.row([(name, values[i]) for name, values in columns.items()], names, other[i],
                     times[i], stale[i], None if stale[i] and missing[i] else bits[i])
            for i in range(len(frame))]


def read_polars(root):
    import polars

    frame = polars.scan_parquet(f"{root}/samples/**/*.parquet", missing_columns="insert").collect()
    return rows.from_arrow(frame.to_arrow(), rows.true_names(root))


def read_duckdb(root):
    """DuckDB of either line, whichever this environment has."""
    import duckdb

    table = duckdb.sql(f"from read_parquet('{root}/samples/*/*.parquet', union_by_name = true)")
    return rows.from_arrow(table.to_arrow_table(), rows.true_names(root))


def read_spark(root):
    from pyspark.sql import SparkSession, functions

    spark = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
             .config("spark.sql.session.timeZone", "UTC")
             .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
             # Its vectorized reader knows BYTE_STREAM_SPLIT from 4.3 on.
             .config("spark.sql.parquet.enableVectorizedReader", "false").getOrCreate())
    frame = spark.read.option("mergeSchema", True).parquet(f"{root}/samples")
    labels = [name for name in frame.columns if name not in rows.OWN_COLUMNS]
    # Positions, not names: any label name can be a column's.
    frame = frame.select(functions.unix_micros("timestamp"), "value", "stale", "other_labels",
                         *[functions.col("`" + name.replace("`", "``") + "`") for name in labels])
    names = json_names(root)
    result = []
    for time_us, value, stale, other, *values in frame.collect():
        result.append(rows.row(zip(labels, values), names, (other or {}).items(), time_us, stale,
                               rows.bits_of(value)))
    spark.stop()
    return result


def json_names(root):
    """rows.true_names, told by the environment that has pyarrow."""
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'test')!r}); import json; " \
           f"from readers import rows; print(json.dumps(rows.true_names({str(root)!r})))"
    python = os.environ["LARNAX_TEST_PYTHON"]
    import json
    return json.loads(subprocess.run([python, "-c", code], check=True, capture_output=True).stdout)


def read_elsewhere(name, venv):
    """A reader that runs in another environment."""
    def read(root):
        out = pathlib.Path(root).parent / f"{name}.pickle"
        done = subprocess.run([venv / "bin/python", __file__, name, str(root), str(out)],
                              capture_output=True, text=True, timeout=280, stdin=subprocess.DEVNULL,
                              env={**os.environ, "LARNAX_TEST_PYTHON": sys.executable})
        if done.returncode != 0:
            raise AssertionError(f"{name}:\n{done.stderr[-6000:]}")
        with open(out, "rb") as file:
            return pickle.load(file)
    return read


def why_not_spark():
    """Why Spark cannot be tested here; None if it can."""
    if shutil.which("java") is None:
        return "no Java"
    if not (ROOT / ".venv-spark/bin/python").exists():
        return "no .venv-spark: run `make setup-spark`"
    return None


READERS = {
    "pyarrow": read_pyarrow,
    "pandas": read_pandas,
    "polars": read_polars,
    "duckdb": read_duckdb,
    "duckdb15": read_elsewhere("duckdb15", ROOT / ".venv-duckdb15"),
    "spark": read_elsewhere("spark", ROOT / ".venv-spark"),
}


if __name__ == "__main__":
    _, reader, archive, output = sys.argv
    answer = {"duckdb15": read_duckdb, "spark": read_spark}[reader](archive)
    with open(output, "wb") as file:
        pickle.dump(answer, file)
