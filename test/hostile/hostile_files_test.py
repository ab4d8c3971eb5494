"""Archives and settings that were damaged, or made to do harm: every change of a byte is found and
named, or changes nothing."""

import os
import pathlib
import random
import shutil
import time

import pytest

from app.server import Larnax, wait_until

START_MS = (int(time.time()) // 86_400 - 2) * 86_400_000
# What `larnax` exits with: all is well, not found, a bad request, damage or another failure.
EXITS = {0, 1, 2, 5}
DAMAGE = 5


def samples(day, count=300):
    return [(START_MS + day * 86_400_000 + i * 60_000, i / 3) for i in range(count)]


SENT = [({"__name__": "m", "job": job, "instance": str(i)}, samples(day))
        for job in ("a", "b") for i in range(5) for day in (0, 1)]
LATE = [({"__name__": "late", "job": "a"}, samples(1, 50))]


@pytest.fixture(scope="module")
def archive(build, tmp_path_factory):
    """An archive with files, an index and a log, of a server that was killed."""
    server = Larnax(build, tmp_path_factory.mktemp("archive") / "data").start()
    try:
        for part in range(2):
            server.sender().send(SENT[part::2])
            server.flush()
        server.sender().send(LATE)
    finally:
        server.kill()
    return server.data


@pytest.fixture
def copy(archive, tmp_path):
    shutil.copytree(archive, tmp_path / "data", symlinks=True)
    return tmp_path / "data"


class Tool:
    """The command line, on one archive."""

    def __init__(self, build, data):
        self.larnax, self.data = Larnax(build, data), data

    def run(self, *arguments):
        done = self.larnax.command(*arguments)
        assert done.returncode in EXITS, (arguments, done)
        return done.returncode, done.stdout + done.stderr

    def verify(self):
        return self.run("verify", "--data", self.data)

    def export(self, path):
        shutil.rmtree(path, ignore_errors=True)
        pathlib.Path(path).unlink(missing_ok=True)
        status, text = self.run("export", self.data, "--match", '{__name__=~".+"}', "--format", "csv",
                                "--output", path)
        return status, text, pathlib.Path(path).read_text() if status == 0 else None


def files_of(data, pattern):
    """Regular files below `data`, by pattern, in name order; schema files are not of interest."""
    return [path for path in sorted(data.glob(pattern))
            if path.is_file() and not path.name.startswith("00-")]


def places(size, seed, count):
    """Offsets to damage: the ends, and some between."""
    chosen = {0, 3, size // 2, size - 1, size - 5, size - 9}
    generator = random.Random(seed)
    chosen |= {generator.randrange(size) for _ in range(count)}
    return sorted(place for place in chosen if 0 <= place < size)


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << (place % 8)
    path.write_bytes(data)


def serves_or_refuses(build, data, tmp_path, names):
    """Start a server on it: it serves, or ends and names one of `names`. Give whether it serves."""
    server = Larnax(build, data)
    server.log_path = tmp_path / "server.log"
    server.log_path.unlink(missing_ok=True)
    server.start(ready=False)
    try:
        wait_until(lambda: server.process.poll() is not None or server.is_ready(), "a decision")
        if server.process.poll() is None:
            assert server.stop() == 0, server.log()
            return True
        assert server.process.returncode in EXITS - {0}, (server.process.returncode, server.log())
        assert any(name in server.log() for name in names), (names, server.log())
        return False
    finally:
        server.end()


@pytest.mark.parametrize("pattern", ["samples/**/*.parquet", "series/**/*.parquet"])
def test_a_changed_byte_of_a_file_is_found(build, archive, copy, tmp_path, pattern):
    tool = Tool(build, copy)
    status, _, whole = tool.export(tmp_path / "whole.csv")
    assert status == 0 and whole.count("\n") > 3000
    found = 0
    for path in files_of(copy, pattern)[:2]:
        original = path.read_bytes()
        for place in places(len(original), 1, 12):
            flip(path, place)
            status, text = tool.verify()
            if status == DAMAGE:
                assert path.name in text, (place, text)
                found += 1
            else:
                # A byte that means nothing to a reader: what is read is the same.
                assert status == 0 and tool.export(tmp_path / "flipped.csv")[2] == whole, place
            path.write_bytes(original)
    assert found > 20
    assert tool.verify()[0] == 0


@pytest.mark.parametrize("pattern", ["samples/**/*.parquet", "series/**/*.parquet"])
def test_a_file_cut_short_is_found(build, copy, pattern):
    tool = Tool(build, copy)
    path = files_of(copy, pattern)[0]
    original = path.read_bytes()
    for size in (0, 1, 4, len(original) // 2, len(original) - 8, len(original) - 1):
        path.write_bytes(original[:size])
        status, text = tool.verify()
        assert status == DAMAGE and path.name in text, (size, text)
    # A footer that claims to be larger than the file, or to begin before it.
    for length in (0, 0x7FFFFFFF, 0xFFFFFFFF, len(original)):
        path.write_bytes(original[:-8] + length.to_bytes(4, "little") + b"PAR1")
        status, text = tool.verify()
        assert status == DAMAGE and path.name in text, (length, text)
    path.unlink()
    status, text = tool.verify()
    assert status == DAMAGE and path.name in text, text


def test_reading_a_damaged_page_names_the_file_and_ends_nothing(build, copy, tmp_path):
    path = files_of(copy, "samples/**/*.parquet")[0]
    size = path.stat().st_size
    data = bytearray(path.read_bytes())
    for place in range(4, size // 2):
        data[place] ^= 0xFF
    path.write_bytes(data)
    server = Larnax(build, copy)
    server.log_path = tmp_path / "server.log"
    try:
        server.start()
        answer = server.get("/api/v1/samples", match="m")
        assert answer.status == 500 and path.name in answer.text, answer
        assert "damage" in answer.text or "checksum" in answer.text or "corrupt" in answer.text
        # The other day, and what comes in, are as they were.
        late = server.data_of("/api/v1/samples", match="late")["result"]
        assert len(late[0]["values"]) == 50
        server.sender().send([({"__name__": "new"}, samples(1, 1))])
        assert server.is_ready()
    finally:
        server.end()


def test_lists_of_labels_lack_only_what_a_damaged_index_holds(build, copy, tmp_path):
    path = files_of(copy, "series/**/*.parquet")[0]
    # All but the footer: an index with another footer is written anew at the start.
    whole = path.read_bytes()
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    path.write_bytes(whole[:4] + b"x" * (footer - 4) + whole[footer:])
    server = Larnax(build, copy)
    server.log_path = tmp_path / "server.log"
    try:
        server.start()
        for question, found in (("/api/v1/labels", "instance"), ("/api/v1/label/job/values", "a"),
                                ("/api/v1/series", {"__name__": "late", "job": "a"})):
            answer = server.get(question, match='{__name__=~".+"}')
            assert answer.status == 200 and found in answer.json()["data"], answer
            assert any(path.name in warning for warning in answer.json()["warnings"]), answer
    finally:
        server.end()


def test_a_changed_byte_of_the_manifest_is_found(build, copy, tmp_path):
    tool = Tool(build, copy)
    whole = tool.export(tmp_path / "whole.csv")[2]
    newest = max(files_of(copy, "manifest/*.json"), key=lambda path: int(path.stem))
    current = copy / "manifest/CURRENT"
    for path in (newest, current):
        original = path.read_bytes()
        refused = 0
        for place in places(len(original), 2, 10):
            flip(path, place)
            status, text = tool.verify()
            if status == 0:
                assert tool.export(tmp_path / "flipped.csv")[2] == whole, (path, place)
            else:
                assert status == DAMAGE and "manifest" in text, (path, place, text)
                refused += 1
            path.write_bytes(original)
        assert refused > 0, path
        flip(path, len(original) // 2)
        assert not serves_or_refuses(build, copy, tmp_path, ["manifest", "CURRENT"])
        path.write_bytes(original)
    assert serves_or_refuses(build, copy, tmp_path, [])


def manifest_texts():
    yield "empty", b""
    yield "no json", b"\x00\x01\x02"
    yield "a list", b"[]"
    yield "deep", b"[" * 200_000
    yield "large numbers", b'{"format_version": 1e999}'
    yield "another version", b'{"format_version": 99}'
    yield "megabytes of blanks", b" " * (4 << 20)


@pytest.mark.parametrize("name, text", list(manifest_texts()))
@pytest.mark.parametrize("file", ["manifest", "CURRENT"])
def test_a_strange_manifest_is_refused(build, copy, tmp_path, file, name, text):
    newest = max(files_of(copy, "manifest/*.json"), key=lambda path: int(path.stem))
    path = newest if file == "manifest" else copy / "manifest/CURRENT"
    path.write_bytes(text)
    status, output = Tool(build, copy).verify()
    assert status != 0 and ("manifest" in output or "CURRENT" in output), output
    assert not serves_or_refuses(build, copy, tmp_path, ["manifest", "CURRENT"])


def test_a_current_that_points_elsewhere_is_refused(build, copy, tmp_path):
    outside = tmp_path / "outside.json"
    outside.write_text("{}")
    current = copy / "manifest/CURRENT"
    for text in ("../../outside.json", str(outside), "999999", "-1", "1\n2\n", "%s" % ("9" * 400)):
        current.write_text(text)
        assert Tool(build, copy).verify()[0] != 0, text
        assert not serves_or_refuses(build, copy, tmp_path, ["manifest", "CURRENT"]), text


def log_segments(data):
    return [path for path in files_of(data, "wal/**/*") if path.stat().st_size > 0]


def test_a_changed_byte_of_the_log_is_found_or_lies_past_its_end(build, archive, tmp_path):
    segments = log_segments(archive)
    assert segments
    largest = max(segments, key=lambda path: path.stat().st_size).relative_to(archive)
    data = tmp_path / "data"
    refused = 0
    size = (archive / largest).stat().st_size
    for place in places(size, 3, 6):
        shutil.copytree(archive, data, symlinks=True)
        flip(data / largest, place)
        if not serves_or_refuses(build, data, tmp_path, ["wal", largest.name]):
            refused += 1
        else:
            # Where it serves: the byte was past the last record, or of the last one, which a power
            # cut would have torn, too. What is in files is untouched.
            status, text, rows = Tool(build, data).export(tmp_path / "rows.csv")
            assert status == 0 and rows.count("\nm,") >= 3000, (place, text)
        shutil.rmtree(data)
    print(f"{refused} of the places were refused")


def test_a_log_cut_short_loses_its_tail_alone(build, archive, tmp_path):
    data = tmp_path / "data"
    for path in [path.relative_to(archive) for path in log_segments(archive)]:
        size = (archive / path).stat().st_size
        for keep in (0, 1, size // 2, size - 1):
            shutil.copytree(archive, data, symlinks=True)
            os.truncate(data / path, keep)
            if serves_or_refuses(build, data, tmp_path, ["wal", path.name]):
                status, text, rows = Tool(build, data).export(tmp_path / "rows.csv")
                assert status == 0 and rows.count("\nm,") >= 3000, (path, keep, text)
            shutil.rmtree(data)


def test_strangers_in_the_folders_do_no_harm(build, copy, tmp_path):
    """Files that nobody wrote here, links and folders where files belong."""
    whole = Tool(build, copy).export(tmp_path / "whole.csv")[2]
    day = files_of(copy, "samples/**/*.parquet")[0].parent
    (day / "stranger.parquet").write_bytes(b"PAR1 no parquet PAR1")
    (day / "link.parquet").symlink_to("/etc/passwd")
    (day / "folder.parquet").mkdir()
    (copy / "wal/stranger").write_bytes(b"x" * 100)
    (copy / "manifest/stranger.json").write_text("{}")
    (copy / "manifest/999999999999999999999999.json").write_text("{}")
    (copy / "samples/date=9999-99-99").mkdir()
    assert serves_or_refuses(build, copy, tmp_path, ["stranger", "link", "folder"])
    rows = Tool(build, copy).export(tmp_path / "rows.csv")[2]
    assert [row for row in rows.splitlines() if row.startswith("m,")] == \
        [row for row in whole.splitlines() if row.startswith("m,")]


def config_texts():
    yield "tab", "data:\tx\n\t- y", ":2:"
    yield "list", "- data\n", ":1:"
    yield "unknown setting", "date: x\n", "unknown setting: date"
    yield "twice", "max-future: 1h\nmax-future: 2h\n", "given twice"
    yield "bad duration", "max-future: soon\n", "invalid max-future"
    yield "zero byte", "max-future: 1h\x00\n", "config.yml"
    yield "deep", "a: " + "[" * 5000, "config.yml"
    yield "large", "#" * (2 << 20), "1 MiB"
    yield "reference", "max-future: &a 1h\nmax-labels: *a\n", "invalid max-labels"
    yield "endless reference", "a: &a [*a, *a]\n", "config.yml"


@pytest.mark.parametrize("name, text, problem", list(config_texts()))
@pytest.mark.parametrize("flag", ["--config", "--web-config"])
def test_strange_settings_are_refused(build, tmp_path, flag, name, text, problem):
    config = tmp_path / "config.yml"
    config.write_text(text)
    status, output = Tool(build, tmp_path / "data").run(
        "serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", flag, config)
    assert status == 2 and "config.yml" in output, output
    assert flag == "--web-config" or problem in output, output


def test_a_changed_byte_of_a_config_file_is_refused_or_a_setting(build, tmp_path):
    """Never a crash, never a server on an address or folder that nobody meant... but by the letter."""
    text = "max-future: 1h\nmax-connections: 20\nwal-sync: batch\n"
    config = tmp_path / "config.yml"
    for place in range(0, len(text), 3):
        changed = bytearray(text.encode())
        changed[place] ^= 1 << (place % 7)
        # A last line that is always refused, so that no server has to be stopped.
        config.write_bytes(bytes(changed) + b"\nno-such-setting: 1\n")
        status, output = Tool(build, tmp_path / "data").run("serve", "--data", tmp_path / "data",
                                                            "--config", config)
        assert status == 2 and "config.yml" in output, (place, output)
