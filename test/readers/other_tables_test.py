"""Openness of histograms, exemplars and metadata: every reader finds in the files what was written.

The files are the golden ones, put into folders as an archive has them: a zero-row file of all
columns first, then one with all label columns and one whose labels are past a cap of six.
"""

import collections
import functools
import json
import math
import pathlib
import re
import shutil
import struct

import pytest

from readers import elsewhere, other_tables_reading

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "test/golden"
STALE_BITS = "7ff0000000000002"
MAX_EXACT = 2**53


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    root = tmp_path_factory.mktemp("other_tables") / "data"
    for table in ("histograms", "exemplars"):
        folder = root / table / "date=2023-11-14"
        folder.mkdir(parents=True)
        shutil.copy(GOLDEN / f"{table}-1-schema.parquet", folder / "00-schema.parquet")
        for shape in ("day", "wide"):
            shutil.copy(GOLDEN / f"{table}-1-{shape}.parquet", folder / f"{shape}.parquet")
    (root / "metadata").mkdir()
    shutil.copy(GOLDEN / "metadata-1.parquet", root / "metadata/all.parquet")
    return root


@pytest.fixture(scope="module")
def content():
    return json.loads((GOLDEN / "other-tables-1.json").read_text())


@pytest.fixture(scope="module")
def read(archive):
    return functools.cache(lambda reader: other_tables_reading.READERS[reader](str(archive)))


@pytest.fixture(params=sorted(other_tables_reading.READERS))
def reader(request):
    if request.param == "spark" and elsewhere.why_not_spark():
        pytest.skip(elsewhere.why_not_spark())
    return request.param


def number(text, is_integer):
    """Bits of the double that a count is in the file."""
    return other_tables_reading.bits_of(float(int(text))) if is_integer else int(text, 16)


def twin(texts, is_integer):
    """Exact integers, or None where doubles have them."""
    if not is_integer or all(abs(int(text)) <= MAX_EXACT for text in texts):
        return None
    # The 64 bits as a signed number.
    return tuple((int(text) + 2**63) % 2**64 - 2**63 for text in texts)


def histogram_row(labels, sample):
    is_integer = sample["is_integer"]
    row = {"labels": labels, "timestamp": sample["time_ms"] * 1000,
           "start_timestamp": sample["start_ms"] * 1000 or None,
           "stale": sample["sum"] == STALE_BITS, "schema": sample["schema"],
           "sum": None if sample["sum"] == STALE_BITS else int(sample["sum"], 16),
           "zero_threshold": int(sample["zero_threshold"], 16),
           "counter_reset_hint": sample["counter_reset_hint"], "is_integer": is_integer,
           "custom_bounds": tuple(int(bound, 16) for bound in sample["custom_bounds"]) or None}
    for name in ("count", "zero_count"):
        row[name] = number(sample[name], is_integer)
        exact = twin([sample[name]], is_integer)
        row[name + "_int"] = exact and exact[0]
    for side in ("positive", "negative"):
        spans = sample[side + "_spans"]
        row[side + "_span_offsets"] = tuple(offset for offset, _ in spans)
        row[side + "_span_lengths"] = tuple(length for _, length in spans)
        counts = sample[side + "_buckets"]
        row[side + "_buckets"] = tuple(number(count, is_integer) for count in counts)
        row[side + "_buckets_int"] = twin(counts, is_integer)
    return row


def wanted_rows(content, table):
    if table == "metadata":
        return [{"labels": frozenset({("__name__", row["metric"])}), "type": row["type"],
                 "help": row["help"], "unit": row["unit"],
                 "first_seen": row["first_seen_ms"] * 1000, "last_seen": row["last_seen_ms"] * 1000}
                for row in content["metadata"]]
    rows = []
    for series in content[table]:
        labels = dict(series["labels"])
        # The column `metric` is never NULL.
        labels.setdefault("__name__", "")
        key = frozenset(labels.items())
        for sample in series.get("samples", ()):
            rows.append(histogram_row(key, sample))
        for exemplar in series.get("exemplars", ()):
            rows.append({"labels": key, "timestamp": exemplar["time_ms"] * 1000,
                         "value": int(exemplar["value"], 16),
                         "exemplar_labels": frozenset(exemplar["exemplar_labels"].items()) or None})
    return rows * 2


def as_pandas(row):
    """What a data frame of doubles and objects makes of a row: NULL in a number is some NaN."""
    row = dict(row)
    for name in ("count_int", "zero_count_int"):
        if name in row:
            row[name] = math.nan if row[name] is None else float(row[name])
            row[name] = "NaN" if row[name] != row[name] else other_tables_reading.bits_of(row[name])
    if row.get("sum", 0) is None:
        row["sum"] = "NaN"
    return row


def from_pandas(row):
    """The same of what was read: the NaN of NULL is told by `stale`, or is the only one there is."""
    row = dict(row)
    for name in ("count_int", "zero_count_int"):
        if name in row and math.isnan(struct.unpack("<d", struct.pack("<Q", row[name]))[0]):
            row[name] = "NaN"
    if row.get("stale"):
        row["sum"] = "NaN"
    return row


def difference(found, wanted):
    def count(rows):
        return collections.Counter(tuple(sorted(row.items())) for row in rows)
    found, wanted = count(found), count(wanted)
    return {"missing": list((wanted - found).elements())[:2],
            "extra": list((found - wanted).elements())[:2]}


@pytest.mark.parametrize("table", other_tables_reading.PATTERNS)
def test_rows(read, content, reader, table):
    """Every row with its labels, lists and maps, every number to the bit."""
    found, wanted = read(reader)[table], wanted_rows(content, table)
    assert len(found) == len(wanted)
    if reader == "pandas":
        found, wanted = map(from_pandas, found), map(as_pandas, wanted)
    assert difference(found, wanted) == {"missing": [], "extra": []}


def sql_blocks(page):
    text = (ROOT / "docs/format" / page).read_text()
    return re.findall(r"```sql\n(.*?)```", text, re.DOTALL)


INF = math.inf
EIGHTH = 2 ** 0.125

# Buckets of the series `ordinary`, sample by sample: written down by hand.
ORDINARY_BUCKETS = [
    [(-EIGHTH, -1, 1), (-1, -1 / EIGHTH, 2), (-2.0 ** -128, 2.0 ** -128, 3),
     (EIGHTH ** -4, EIGHTH ** -3, 1), (EIGHTH ** -3, EIGHTH ** -2, 4), (1, EIGHTH, 9),
     (EIGHTH, EIGHTH ** 2, 0), (EIGHTH ** 2, EIGHTH ** 3, 5)],
    [(2.0 ** -1040, 2.0 ** -1024, 2.5), (2.0 ** 1008, 1.7976931348623157e308, 4),
     (1.7976931348623157e308, INF, 1)],
    [(-INF, 0.1, 5), (0.25, 1, 3), (1, INF, 2)],
]


def test_buckets_as_rows(archive, monkeypatch):
    """The SQL in docs/format/histograms.md turns histograms into buckets with their bounds."""
    import duckdb

    monkeypatch.chdir(archive)
    connection = duckdb.connect()
    for block in sql_blocks("histograms.md"):
        connection.execute(block)
    samples = collections.defaultdict(list)
    for time, lower, upper, count in connection.execute(
            "SELECT timestamp, lower, upper, observations FROM histogram_buckets "
            "WHERE metric = 'ordinary'").fetchall():
        samples[time].append((lower, upper, count))
    found = [samples[time] for time in sorted(samples)]
    assert len(found) == len(ORDINARY_BUCKETS)
    for buckets, wanted in zip(found, ORDINARY_BUCKETS):
        # Both files have the sample.
        assert sorted(buckets)[::2] == sorted(buckets)[1::2]
        assert [count for *_, count in sorted(buckets)[::2]] == [count for *_, count in wanted]
        for (lower, upper, _), (wanted_lower, wanted_upper, _) in zip(sorted(buckets)[::2], wanted):
            assert lower == pytest.approx(wanted_lower, rel=1e-12)
            assert upper == pytest.approx(wanted_upper, rel=1e-12)
    assert connection.execute("SELECT count(*) FROM histogram_buckets").fetchone()[0] > 1000


@pytest.mark.parametrize("page", ["exemplars.md", "metadata.md"])
def test_examples_in_the_documents_run(archive, monkeypatch, page):
    import duckdb

    monkeypatch.chdir(archive)
    for block in sql_blocks(page):
        duckdb.connect().execute(block).fetchall()
