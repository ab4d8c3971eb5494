"""Openness: every reader finds in the files what was sent, through one glob or directory.

A table of readers by properties. The archive is made once by the real server: several flushes, a
merge, files that lack columns, labels past the column cap.
"""

import collections
import functools

import pytest

from app.server import Larnax
from readers import elsewhere, reading, rows, sent

# Readers that tell NULL from NaN.
KNOWS_NULL = set(reading.READERS) - {"pandas"}


@pytest.fixture(scope="module")
def archive(build, tmp_path_factory):
    """An archive at rest, and all that was sent into it."""
    folder = tmp_path_factory.mktemp("archive")
    server = Larnax(build, folder / "data", "--max-future", "1h").start()
    try:
        everything = []
        waves = sent.waves(sent.now_ms())
        for i, wave in enumerate(waves):
            sender = server.sender()
            for at in range(0, len(wave), 20):
                sender.send(wave[at:at + 20])
            server.flush()
            if i == len(waves) - 2:
                server.merge()
            everything += wave
        assert server.stop() == 0, server.log()
    finally:
        server.end()
    return folder / "data", rows.expected_rows(everything)


@pytest.fixture(scope="module")
def read(archive):
    """Rows as a reader finds them; each reads once."""
    return functools.cache(lambda reader: reading.READERS[reader](str(archive[0])))


@pytest.fixture(params=sorted(reading.READERS))
def reader(request):
    if request.param == "spark" and elsewhere.why_not_spark():
        pytest.skip(elsewhere.why_not_spark())
    return request.param


def difference(found, wanted):
    """What two multisets do not share, shortened for a message."""
    found, wanted = collections.Counter(found), collections.Counter(wanted)
    return {"missing": list((wanted - found).elements())[:5],
            "extra": list((found - wanted).elements())[:5]}


NOTHING = {"missing": [], "extra": []}


def test_series(archive, read, reader):
    """Label names and values, of every series, and no other series."""
    assert difference({row[0] for row in read(reader)}, {row[0] for row in archive[1]}) == NOTHING


def test_rows(archive, read, reader):
    """One row per sample, with its series and its time."""
    assert difference([row[:2] for row in read(reader)], [row[:2] for row in archive[1]]) == NOTHING


def test_stale(archive, read, reader):
    """Exactly the stale markers are marked, and their value is NULL."""
    found = [row[:3] for row in read(reader)]
    assert difference(found, [row[:3] for row in archive[1]]) == NOTHING
    if reader in KNOWS_NULL:
        assert [row for row in read(reader) if row[2] != (row[3] is None)] == []


def test_values(archive, read, reader):
    """Every value, to the bit; NaN as some NaN."""
    def key(row):
        labels, time_us, stale, bits = row
        return labels, time_us, "NaN" if stale or sent.is_nan(bits) else bits
    assert difference(map(key, read(reader)), map(key, archive[1])) == NOTHING


def test_nan_payloads(archive, read, reader):
    """The payload of each NaN: every one of these readers keeps it."""
    def nans(all_rows):
        return [row for row in all_rows if not row[2] and sent.is_nan(row[3])]
    assert difference(nans(read(reader)), nans(archive[1])) == NOTHING


def test_duckdb_without_the_option_fails_rather_than_losing_labels(archive):
    """Of the readers that need an option, DuckDB says so; README names the option."""
    import duckdb
    with pytest.raises(duckdb.Error, match="union_by_name"):
        duckdb.sql(f"from '{archive[0]}/samples/*/*.parquet'").fetchall()


def test_archive_is_what_the_table_is_about(archive):
    """The archive has what makes reading it hard: otherwise the tests above prove little."""
    import pyarrow.parquet
    root, wanted = archive
    schemas = [set(pyarrow.parquet.read_schema(path).names) for path in rows.data_files(root)]
    union = set().union(*schemas)
    assert len({frozenset(schema) for schema in schemas}) > 2, "all files have the same columns"
    assert schemas[0] == union, "the first file does not carry the union of all columns"
    assert pyarrow.parquet.read_metadata(rows.data_files(root)[0]).num_rows == 0
    # Columns that are no labels: see rows.OWN_COLUMNS (`date` is none of a file) and `metric`.
    assert len(union) - len(rows.OWN_COLUMNS) <= 256
    labels = {name for labels, *_ in wanted for name, _ in labels}
    assert len(labels) > 430
    assert any(row["other_labels"] for row in pyarrow.parquet.read_table(
        f"{root}/samples", columns=["other_labels"]).to_pylist())
    assert len({name.lower() for name in union}) == len(union), "columns that differ by case alone"
    assert "date" not in union
