"""How each reader opens the tables histograms, exemplars and metadata: one glob or one directory.

A reader gives {table: rows}. A row is a dict from column to value, as Python has them; times in
microseconds; lists as tuples, maps as frozensets of pairs; doubles as their bits. Also a program, see
elsewhere.py.
"""

import glob
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from readers import elsewhere  # noqa: E402
from readers.rows import bits_of  # noqa: E402

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
    from pyspark.sql import functions

    spark = elsewhere.spark_session()
    result = {}
    for table in PATTERNS:
        frame = spark.read.option("mergeSchema", True).parquet(f"{root}/{table}")
        names = frame.columns
        frame = frame.select(*[functions.unix_micros(column) if name in TIMES else column
                               for name, column in zip(names, elsewhere.spark_columns(names))])
        found = frame.collect()
        columns = {name: [row[i] for row in found] for i, name in enumerate(names)}
        result[table] = gather(columns, elsewhere.ask("other_tables_reading", "true_names", root, table),
                               OWN_COLUMNS[table])
    spark.stop()
    return result


READERS = {
    "pyarrow": read_pyarrow,
    "pandas": read_pandas,
    "polars": read_polars,
    "duckdb": read_duckdb,
    **elsewhere.readers_of(__file__),
}


if __name__ == "__main__":
    elsewhere.run({"duckdb15": read_duckdb, "spark": read_spark})
