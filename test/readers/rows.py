"""Rows of an archive as every reader is asked to give them.

A row is (labels, time_us, stale, bits): labels a frozenset of (true name, value), bits those of the
value as an int, or None where it is NULL.
"""

import glob
import json
import struct

from app.remote_write import STALE_BITS

# Columns of `samples` that are no labels. `date` comes from the folders' names.
OWN_COLUMNS = {"other_labels", "series_id", "timestamp", "value", "stale", "start_timestamp", "date"}


def data_files(root):
    return sorted(glob.glob(f"{root}/samples/*/*.parquet"))


def true_names(root):
    """Map column names to label names where they differ, as the files' metadata tells it."""
    import pyarrow.parquet

    names = {"metric": "__name__"}
    for path in data_files(root):
        metadata = pyarrow.parquet.read_metadata(path).metadata or {}
        for column, label in json.loads(metadata.get(b"larnax.columns", b"{}")).items():
            if names.setdefault(column, label) != label:
                raise AssertionError(f"column {column!r} means {names[column]!r} and {label!r}")
    return names


def row(columns, names, other_labels, time_us, stale, bits):
    """Make a row. columns: (column, value or None) of the labels; other_labels: pairs or None."""
    labels = [(names.get(column, column), value) for column, value in columns if value is not None]
    labels += list(other_labels or ())
    if len({name for name, _ in labels}) != len(labels):
        raise AssertionError(f"a label occurs twice in a row: {sorted(labels)}")
    return frozenset(labels), time_us, stale, bits


def bits_of(value):
    return None if value is None else struct.unpack("<Q", struct.pack("<d", value))[0]


def from_arrow(table, names):
    """Rows of an Arrow table of the samples."""
    import numpy
    import pyarrow

    label_columns = [name for name in table.column_names if name not in OWN_COLUMNS]
    times = table["timestamp"].cast(pyarrow.timestamp("us", "UTC")).cast(pyarrow.int64()).to_pylist()
    values = table["value"].combine_chunks()
    bits = numpy.asarray(values.fill_null(0.0)).view("uint64").tolist()
    nulls = values.is_null().to_pylist()
    stale = table["stale"].to_pylist()
    other = table["other_labels"].to_pylist()
    # Arrow gives a map as pairs, Polars as structs.
    other = [[(e["key"], e["value"]) if isinstance(e, dict) else e for e in entries or ()]
             for entries in other]
    columns = {name: table[name].cast(pyarrow.string()).to_pylist() for name in label_columns}
    return [row([(name, values[i]) for name, values in columns.items()], names, other[i], times[i],
                stale[i], None if nulls[i] else bits[i])
            for i in range(table.num_rows)]


def by_series(root, start_ms=None, end_ms=None):
    """Samples of each series: {labels: (times in ms, bits)}, both arrays sorted by time.

    The quick way for many rows: labels are put together once per series, after a look at whether
    all rows of a `series_id` have the same ones.
    """
    import numpy
    import pyarrow
    import pyarrow.dataset as dataset

    wanted = None
    for bound, compare in ((start_ms, "__ge__"), (end_ms, "__le__")):
        if bound is not None:
            time = pyarrow.scalar(bound * 1000, pyarrow.timestamp("us", "UTC"))
            part = getattr(dataset.field("timestamp"), compare)(time)
            wanted = part if wanted is None else wanted & part
    table = dataset.dataset(f"{root}/samples", partitioning="hive").to_table(filter=wanted)
    table = table.sort_by([("series_id", "ascending"), ("timestamp", "ascending")]).combine_chunks()
    if table.num_rows == 0:
        return {}
    ids = table["series_id"].to_numpy()
    first = numpy.flatnonzero(numpy.r_[True, ids[1:] != ids[:-1]])
    names = true_names(root)
    heads = table.take(pyarrow.array(first))
    pairs = [[] for _ in first]
    for column in table.column_names:
        if column in OWN_COLUMNS:
            continue
        codes = table[column].combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy()
        if (codes[1:] != codes[:-1])[ids[1:] == ids[:-1]].any():
            raise AssertionError(f"column {column!r} differs within a series_id")
        for series, value in zip(pairs, heads[column].to_pylist()):
            if value is not None:
                series.append((names.get(column, column), value))
    for series, other in zip(pairs, heads["other_labels"].to_pylist()):
        series.extend(other or ())
    times = table["timestamp"].cast(pyarrow.int64()).to_numpy() // 1000
    bits = table["value"].combine_chunks().fill_null(0.0).to_numpy().view("uint64").copy()
    bits[table["stale"].combine_chunks().to_numpy(zero_copy_only=False)] = STALE_BITS
    found = {}
    for series, start, end in zip(pairs, first, numpy.r_[first[1:], len(ids)]):
        found[frozenset(series)] = times[start:end], bits[start:end]
    if len(found) != len(first):
        raise AssertionError("two series_ids for one series")
    return found


def expected_rows(series):
    """The rows that sent series must be found as; see remote_write for the shape of a series."""
    rows = []
    for labels, samples in series:
        pairs = labels.items() if isinstance(labels, dict) else labels
        key = frozenset((name, value) for name, value in pairs if value != "")
        for time_ms, value in samples:
            bits = value if isinstance(value, int) else bits_of(value)
            stale = bits == STALE_BITS
            rows.append((key, time_ms * 1000, stale, None if stale else bits))
    return rows
