"""The commands of docs/tour.md and README.md work, in their order, against a fresh server."""

import pathlib
import re
import subprocess
import sys

import pytest

from app.server import Larnax, wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^    ((?:curl|build/release/larnax) .*)$", re.MULTILINE)
# The table of readers: | name | `code` |
READER = re.compile(r"^\| (\w+)[^|]*\| `(.*)` \|$", re.MULTILINE)


@pytest.fixture
def server(build, tmp_path):
    """A server that records its own metrics, a first time already."""
    server = Larnax(build, tmp_path / "data", "--self-metrics-interval", "1s", own_metrics=True)
    try:
        server.start()
        wait_until(lambda: server.data_of("/api/v1/series", match='{job="larnax"}'), "own metrics")
        yield server
    finally:
        server.end()


def run(server, script, folder=ROOT):
    """Run a command of the documents on this server instead of theirs; return its output."""
    for theirs, ours in (("127.0.0.1:9797", server.address), ("./data", str(server.data)),
                         ("build/release", str(server.build)), (".venv/bin/python", sys.executable)):
        script = script.replace(theirs, ours)
    done = subprocess.run(["bash", "-eu", "-c", script], cwd=folder, text=True, capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=120)
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    assert done.stdout.strip(), f"prints nothing:\n{script}"
    assert '"status":"error"' not in done.stdout, f"{script}\n{done.stdout}"
    return done.stdout


def test_tour(server):
    blocks = BLOCK.findall((ROOT / "docs/tour.md").read_text())
    assert len(blocks) > 8
    everything = "\n".join(run(server, block) for block in blocks)
    for phrase in ("larnax_samples_total", ".parquet", "rows of", "all is well"):
        assert phrase in everything, phrase


def test_readme(server, tmp_path):
    text = (ROOT / "README.md").read_text()
    # In the folder that holds `data`, as the commands expect.
    commands = COMMAND.findall(text)
    assert len(commands) > 7
    for command in commands:
        run(server, command, tmp_path)

    readers = dict(READER.findall(text))
    for name in ("pandas", "pyarrow", "Polars"):
        code = f"import pandas, pyarrow.dataset, polars; print({readers[name]})"
        run(server, f".venv/bin/python - <<'END'\n{code}\nEND", tmp_path)
    code = f'import duckdb; duckdb.sql("""{readers["DuckDB"]}""").show()'
    run(server, f".venv/bin/python - <<'END'\n{code}\nEND", tmp_path)
