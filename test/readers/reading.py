"""How each reader opens an archive: one glob or one directory, nothing else known about it.

Also a program, see elsewhere.py.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from readers import elsewhere, rows  # noqa: E402


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
    from pyspark.sql import functions

    spark = elsewhere.spark_session()
    frame = spark.read.option("mergeSchema", True).parquet(f"{root}/samples")
    labels = [name for name in frame.columns if name not in rows.OWN_COLUMNS]
    frame = frame.select(functions.unix_micros("timestamp"), "value", "stale", "other_labels",
                         *elsewhere.spark_columns(labels))
    names = elsewhere.ask("rows", "true_names", root)
    result = []
    for time_us, value, stale, other, *values in frame.collect():
        result.append(rows.row(zip(labels, values), names, (other or {}).items(), time_us, stale,
                               rows.bits_of(value)))
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
