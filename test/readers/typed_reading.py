"""How each reader opens the tables histograms, exemplars and metadata: one glob or one directory.

As a program, `typed_reading.py READER ROOT OUT` pickles {table: rows} to OUT: for readers that live in
a Python environment of their own. A row is a dict from column to value, as Python has them; times in
microseconds; lists as tuples, maps as frozensets of pairs; doubles as their bits.
"""

import glob
import json
import os
import pathlib
import pickle
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

TIMES = {"timestamp", "start_timestamp", "first_seen", "last_seen"}
MAPS = {"other_labels", "exemplar_labels"}
SERIES = {"other_labels", "series_id", "timestamp", "date"}
OWN_COLUMNS = {
    "histograms": SERIES | {
        "start_timestamp", "stale", "count", "sum", "schema", "zero_threshold", "zero_count",
        "positive_span_offsets", "positive_span_lengths", "positive_buckets",
        "negative_span_offsets", "negative_span_lengths", "negative_buckets", "custom_bounds",
        "counter_reset_hint", "is_integer", "count_int", "zero_count_int",
        "positive_buckets_int", "negative_buckets_int"},
    "exemplars": SERIES | {"value", "exemplar_labels"},
    "metadata": {"type", "help", "unit", "first_seen", "last_seen"},
}
PATTERNS = {"histograms": "histograms/*/*.parquet", "exemplars": "exemplars/*/*.parquet",
            "metadata": "metadata/*.parquet"}


def true_names(root, table):
    """Map column names to label names where they differ, as the files' metadata tells it."""
    import pyarrow.parquet

    names = {"metric": "__name__"}
    for path in glob.glob(f"{root}/{PATTERNS[table]}"):
        metadata = pyarrow.parquet.read_metadata(path).metadata or {}
        names.update(json.loads(metadata.get(b"larnax.columns", b"{}")))
    return names


def bits_of(value):
    return struct.unpack("<Q", struct.pack("<d", value))[0]


def plain(column, value):
    """A value as rows have it."""
    if value is None:
        return None
    if column in MAPS and not isinstance(value, str):
        pairs = value.items() if isinstance(value, dict) else value
        return frozenset((pair["key"], pair["value"]) if isinstance(pair, dict) else tuple(pair)
                         for pair in pairs)
    if isinstance(value, float):
        return bits_of(value)
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return tuple(bits_of(one) if isinstance(one, float) else one for one in value)
    return value


def gather(columns, names, own):
    """Rows of columns: labels and `other_labels` come together under `labels`."""
    columns.pop("date", None)
    columns.pop("series_id", None)
    rows = []
    for values in zip(*columns.values()):
        row = {name: plain(name, value) for name, value in zip(columns, values)}
        labels = set(row.pop("other_labels", None) or ())
        for name in [name for name in row if name not in own]:
            value = row.pop(name)
            if value is not None:
                labels.add((names.get(name, name), value))
        row["labels"] = frozenset(labels)
        rows.append(row)
    return rows


def from_arrow(table, names, own):
    import pyarrow

    columns = {}
    for name in table.column_names:
        column = table[name]
        if name in TIMES:
            column = column.cast(pyarrow.timestamp("us", "UTC")).cast(pyarrow.int64())
        columns[name] = column.to_pylist()
    return gather(columns, names, own)


def with_arrow(read):
    """A reader that gives an Arrow table of a root and a table's name."""
    def read_all(root):
        return {table: from_arrow(read(root, table), true_names(root, table), OWN_COLUMNS[table])
                for table in PATTERNS}
    return read_all


@with_arrow
def read_pyarrow(root, table):
    import pyarrow.dataset

    return pyarrow.dataset.dataset(f"{root}/{table}", partitioning="hive").to_table()


@with_arrow
def read_polars(root, table):
    import polars

    path = f"{root}/{PATTERNS[table]}"
    return polars.scan_parquet(path, missing_columns="insert").collect().to_arrow()


@with_arrow
def read_duckdb(root, table):
    import duckdb

    path = f"{root}/{PATTERNS[table]}"
    return duckdb.sql(f"from read_parquet('{path}', union_by_name = true)").to_arrow_table()


def read_pandas(root):
    import pandas

    result = {}
    for table in PATTERNS:
        frame = pandas.read_parquet(f"{root}/{table}")
        columns = {}
        for name in frame.columns:
            column = frame[name]
            if name in TIMES:
                micros = column.dt.as_unit("us").astype("int64")
                columns[name] = micros.where(column.notna(), None).astype(object).tolist()
                columns[name] = [None if value is pandas.NA or value is None or value != value
                                 else int(value) for value in columns[name]]
            elif column.dtype == float:
                # A data frame of doubles has no NULL.
                columns[name] = column.tolist()
            else:
                columns[name] = column.astype(object).where(column.notna(), None).tolist()
        result[table] = gather(columns, true_names(root, table), OWN_COLUMNS[table])
    return result


def read_spark(root):
    from pyspark.sql import SparkSession, functions

    spark = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
             .config("spark.sql.session.timeZone", "UTC")
             .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
             # Its vectorized reader knows BYTE_STREAM_SPLIT from 4.3 on.
             .config("spark.sql.parquet.enableVectorizedReader", "false").getOrCreate())
    result = {}
    for table in PATTERNS:
        frame = spark.read.option("mergeSchema", True).parquet(f"{root}/{table}")
        names = frame.columns
        quoted = [functions.col("`" + name.replace("`", "``") + "`") for name in names]
        frame = frame.select(*[functions.unix_micros(column) if name in TIMES else column
                               for name, column in zip(names, quoted)])
        found = frame.collect()
        columns = {name: [row[i] for row in found] for i, name in enumerate(names)}
        result[table] = gather(columns, json_names(root, table), OWN_COLUMNS[table])
    spark.stop()
    return result


def json_names(root, table):
    """true_names, told by the environment that has pyarrow."""
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'test')!r}); import json; " \
           f"from readers import typed_reading; " \
           f"print(json.dumps(typed_reading.true_names({str(root)!r}, {table!r})))"
    done = subprocess.run([os.environ["LARNAX_TEST_PYTHON"], "-c", code], check=True,
                          capture_output=True)
    return json.loads(done.stdout)


def read_elsewhere(name, venv):
    """A reader that runs in another environment."""
    def read(root):
        out = pathlib.Path(root).parent / f"typed-{name}.pickle"
        done = subprocess.run([venv / "bin/python", __file__, name, str(root), str(out)],
                              capture_output=True, text=True, timeout=280, stdin=subprocess.DEVNULL,
                              env={**os.environ, "LARNAX_TEST_PYTHON": sys.executable})
        if done.returncode != 0:
            raise AssertionError(f"{name}:\n{done.stderr[-6000:]}")
        with open(out, "rb") as file:
            return pickle.load(file)
    return read


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
