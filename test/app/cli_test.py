"""The command line on a real archive: inspect, verify, export; their output and exit codes."""

import collections
import csv
import itertools
import json
import math
import re
import shutil
import threading
import time

import pyarrow.parquet
import pytest

from app.remote_write import STALE_BITS, bits_of
from app.server import Larnax
from readers import rows

# Noon of a day, whatever the clock says: samples of two days are in two files.
NOW_MS = (int(time.time()) // 86_400 * 86_400 - 43_200) * 1000
START_MS = NOW_MS - 600_000

EXIT_NOT_FOUND, EXIT_BAD_QUERY, EXIT_CORRUPT = 1, 2, 5


def metric(name, **labels):
    return {"__name__": name, "job": "cli", **labels}


SENT = [
    *[(metric("requests_total", instance=f"host-{n}", code="200"),
       [(START_MS + 15_000 * i, float(i * n)) for i in range(40)]) for n in range(5)],
    (metric("temperature", room="a \"quoted\", one\\"),
     [(START_MS, -0.0), (START_MS + 1, math.inf), (START_MS + 2, -math.inf),
      (START_MS + 3, 0x7FF80000DEADBEEF), (START_MS + 4, 0.1), (START_MS + 5, STALE_BITS)]),
    (metric("größe.in metern", **{"a.b": "c"}), [(START_MS, 1.0)]),
]


@pytest.fixture(scope="module")
def archive(build, tmp_path_factory):
    """A server that has stopped; its `command` runs the command line."""
    server = Larnax(build, tmp_path_factory.mktemp("cli") / "data").start()
    try:
        for at in range(0, len(SENT), 3):
            server.sender().send(SENT[at:at + 3])
            server.flush()
        assert server.stop() == 0, server.log()
    finally:
        server.end()
    return server


@pytest.fixture
def copy(archive, tmp_path):
    """A copy of the archive, to be damaged."""
    shutil.copytree(archive.data, tmp_path / "copy")
    return tmp_path / "copy"


def run(archive, *arguments, status=0):
    """Run a command and insist on its exit status; return its standard output."""
    done = archive.command(*arguments)
    assert done.returncode == status, f"{done.returncode}: {done.stdout}\n{done.stderr}"
    assert (done.stdout + done.stderr).strip(), "without a word"
    return done.stdout if status == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("command", ["serve", "inspect", "verify", "export", "query", "explain"])
def test_help_of_commands(archive, command):
    text = run(archive, command, "--help")
    assert "--data" in text and len(text.splitlines()) > 5


def test_help_and_version(archive):
    text = run(archive, "--help")
    for command in ("serve", "inspect", "verify", "export", "query", "explain"):
        assert command in text
    assert re.search(r"\d+\.\d+\.\d+", run(archive, "--version"))


@pytest.mark.parametrize("arguments", [
    ["serf"], ["inspect", "--colour"], ["export", "--data", "DATA"],
    ["export", "--data", "DATA", "--match", "{", "--output", "x"],
    ["export", "--data", "DATA", "--match", "up", "--start", "noon", "--output", "x"],
    ["export", "--data", "DATA", "--match", "up", "--format", "xml", "--output", "x"],
], ids=" ".join)
def test_misuse(archive, tmp_path, arguments):
    paths = {"DATA": archive.data, "x": tmp_path / "x"}
    run(archive, *[paths.get(a, a) for a in arguments], status=EXIT_BAD_QUERY)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("command", ["inspect", "verify"])
def test_no_archive(archive, tmp_path, command):
    text = run(archive, command, "--data", tmp_path / "nothing", status=EXIT_NOT_FOUND)
    assert "nothing" in text
    assert not (tmp_path / "nothing").exists(), "a look must not create an archive"


def test_inspect(archive):
    text = run(archive, "inspect", archive.data, "--files", "--columns")
    for phrase in ("value", "timestamp", "instance", ".parquet"):
        assert phrase in text, phrase


def test_inspect_as_json(archive):
    report = json.loads(run(archive, "inspect", "--data", archive.data, "--format", "json"))
    samples = sum(len(samples) for _, samples in SENT)
    assert report["rows"] == samples
    assert sum(file["rows"] for file in report["files"]) == samples
    for file in report["files"]:
        path = archive.data / file["path"]
        assert path.stat().st_size == file["bytes"]
    columns = {column["column"]: column for column in report["columns"]}
    assert columns["value"]["bytes"] > 0
    # Distinct values are counted per file, and differ between the files here.
    assert columns["instance"]["distinct"] == 5


def test_verify(archive):
    assert run(archive, "verify", "--data", archive.data).strip()
    report = json.loads(run(archive, "verify", "--data", archive.data, "--format", "json"))
    assert report["problems"] == []
    assert report["rows"] == sum(len(samples) for _, samples in SENT)


def flip(path, at):
    """Flip one bit of a byte; a negative `at` counts from the end."""
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def data_file(root):
    return next(path for path in sorted((root / "samples").rglob("*.parquet"))
                if pyarrow.parquet.read_metadata(path).num_rows > 100)


@pytest.mark.parametrize("table", ["samples", "series"])
def test_verify_finds_a_flipped_bit_anywhere(archive, copy, table):
    """In both files of a pair: the magic at either end, pages, page indexes, footer."""
    path = next((copy / table).rglob(data_file(copy).name))
    whole, size = path.read_bytes(), path.stat().st_size
    places = {0, 3, size - 1, size - 5, size - 9, *range(4, size, size // 40 + 1)}
    for at in sorted(places):
        flip(path, at)
        text = run(archive, "verify", "--data", copy, status=EXIT_CORRUPT)
        assert path.name in text, at
        path.write_bytes(whole)
    run(archive, "verify", "--data", copy)


def test_verify_finds_a_missing_and_a_cut_file(archive, copy):
    path = data_file(copy)
    path.write_bytes(path.read_bytes()[:-1])
    assert path.name in run(archive, "verify", "--data", copy, status=EXIT_CORRUPT)
    path.unlink()
    for command in ("verify", "inspect"):
        assert path.name in run(archive, command, "--data", copy, status=EXIT_CORRUPT)


def test_inspect_goes_on_without_a_lost_file(archive, copy):
    path = data_file(copy)
    path.unlink()
    done = archive.command("inspect", "--data", copy, "--format", "json")
    assert done.returncode == EXIT_CORRUPT
    report = json.loads(done.stdout)
    lost = {file["path"]: file["problem"] for file in report["files"] if file["problem"]}
    assert list(lost) == [str(path.relative_to(copy))]
    assert len(report["files"]) > 1 and report["columns"]
    text = run(archive, "inspect", copy, "--files", status=EXIT_CORRUPT)
    assert "1 file is lost or damaged" in text and path.name in text


def test_verify_finds_a_damaged_manifest(archive, copy):
    newest = (copy / "manifest/CURRENT").read_text().split()[0]
    path = copy / "manifest" / newest
    if not path.exists():
        path = copy / newest
    flip(path, path.stat().st_size // 2)
    assert path.name in run(archive, "verify", "--data", copy, status=EXIT_CORRUPT)


def test_verify_names_every_damaged_file_in_json(archive, copy):
    paths = [path for path in sorted((copy / "samples").rglob("*.parquet"))
             if pyarrow.parquet.read_metadata(path).num_rows > 0]
    assert len(paths) > 1
    for path in paths:
        flip(path, 10)
    done = archive.command("verify", "--data", copy, "--format", "json")
    assert done.returncode == EXIT_CORRUPT
    problems = "\n".join(json.loads(done.stdout)["problems"])
    assert all(path.name in problems for path in paths)


def test_a_read_of_damaged_bytes_fails(archive, copy):
    """Never a wrong value: what cannot be read exactly is an error."""
    path = data_file(copy)
    flip(path, path.stat().st_size // 3)
    done = archive.command("export", "--data", copy, "--match", '{__name__=~".+"}', "--format",
                           "csv", "--output", copy.parent / "out.csv")
    assert done.returncode == EXIT_CORRUPT and path.name in done.stderr


def export(archive, output, *arguments, match='{__name__=~".+"}'):
    return run(archive, "export", "--data", archive.data, "--match", match, "--output", output,
               *arguments)


def test_export_to_parquet(archive, tmp_path):
    export(archive, tmp_path / "out.parquet", "--format", "parquet")
    table = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    names = {"metric": "__name__"}
    metadata = pyarrow.parquet.read_metadata(tmp_path / "out.parquet").metadata or {}
    names.update(json.loads(metadata.get(b"larnax.columns", b"{}")))
    assert collections.Counter(rows.from_arrow(table, names)) == \
        collections.Counter(rows.expected_rows(SENT))


def test_export_one_file_per_metric(archive, tmp_path):
    export(archive, tmp_path / "out", "--format", "parquet", "--layout", "per-metric")
    paths = sorted((tmp_path / "out").rglob("*.parquet"))
    assert len(paths) == 3
    for path in paths:
        assert len(set(pyarrow.parquet.read_table(path, columns=["metric"])["metric"]
                       .to_pylist())) == 1
    assert sum(pyarrow.parquet.read_metadata(path).num_rows for path in paths) == \
        sum(len(samples) for _, samples in SENT)


def test_export_a_part(archive, tmp_path):
    end_ms = START_MS + 150_000
    export(archive, tmp_path / "out.csv", "--format", "csv", "--start", str(START_MS / 1000 + 15),
           "--end", str(end_ms / 1000), match='requests_total{instance=~"host-[12]"}')
    with open(tmp_path / "out.csv", newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == 2 * 10
    assert {row["instance"] for row in found} == {"host-1", "host-2"}
    assert {row["metric"] for row in found} == {"requests_total"}
    done = archive.command("export", "--data", archive.data, "--match", "up", "--start", "now",
                           "--end", "-1h", "--output", tmp_path / "none")
    assert "--end must not be before --start" in done.stderr


def test_export_to_csv(archive, tmp_path):
    export(archive, tmp_path / "out.csv", "--format", "csv", match="temperature")
    with open(tmp_path / "out.csv", newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["value"] for row in found] == ["-0", "+Inf", "-Inf", "NaN", "0.1", ""]
    assert [row["stale"] for row in found] == ["false"] * 5 + ["true"]
    assert found[0]["room"] == 'a "quoted", one\\'


def test_export_to_openmetrics(archive, tmp_path):
    export(archive, tmp_path / "out.om", "--format", "openmetrics")
    lines = (tmp_path / "out.om").read_text().splitlines()
    assert lines[-1] == "# EOF"
    samples = [line for line in lines if line and not line.startswith("#")]
    assert len(samples) == sum(len(samples) for _, samples in SENT)
    # OpenMetrics has no stale markers: the last one became NaN, as the sent NaN did.
    assert [line.split()[-2] for line in samples if "temperature" in line] == \
        ["-0", "+Inf", "-Inf", "NaN", "0.1", "NaN"]
    line = next(line for line in samples if line.startswith("requests_total") and "host-3" in line)
    assert float(line.split()[-1]) == pytest.approx(START_MS / 1000)
    assert any(r'room="a \"quoted\", one\\"' in line for line in samples)


def test_export_does_not_overwrite(archive, tmp_path):
    (tmp_path / "out.csv").write_text("mine")
    done = archive.command("export", "--data", archive.data, "--match", "up", "--format", "csv",
                           "--output", tmp_path / "out.csv")
    assert done.returncode != 0 and "out.csv" in done.stderr
    assert (tmp_path / "out.csv").read_text() == "mine"


def test_commands_beside_a_running_server(larnax):
    """Reading an archive needs no lock, and sees what is in files."""
    server = larnax()
    server.sender().send(SENT)
    server.flush()
    run(server, "verify", "--data", server.data)
    report = json.loads(run(server, "inspect", "--data", server.data, "--format", "json"))
    assert report["rows"] == sum(len(samples) for _, samples in SENT)


def test_looking_while_files_come_and_go(larnax):
    """Flushes and merges move files under a reader's feet; that is no damage."""
    server = larnax()
    stop = threading.Event()

    def write():
        sender = server.sender()
        for n in itertools.count():
            if stop.is_set():
                return
            sender.send([(metric("m", n=str(i)), [(NOW_MS - n, float(n))]) for i in range(50)])
            server.flush()
            if n % 5 == 4:
                server.merge()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(10):
            run(server, "verify", server.data)
            run(server, "inspect", server.data)
    finally:
        stop.set()
        writer.join()


def test_values_go_through_export_to_the_bit(archive, tmp_path):
    export(archive, tmp_path / "out.parquet", "--format", "parquet", match="temperature")
    table = pyarrow.parquet.read_table(tmp_path / "out.parquet").sort_by("timestamp")
    bits = table["value"].combine_chunks().fill_null(0.0).to_numpy().view("uint64").tolist()
    assert bits[:5] == [bits_of(value) for _, value in SENT[5][1][:5]]
