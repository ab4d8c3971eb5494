"""The commands of docs/tour.md work, in their order, against a fresh server."""

import os
import pathlib
import re
import subprocess

from app.server import Larnax, wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_tour(build, tmp_path):
    blocks = BLOCK.findall((ROOT / "docs/tour.md").read_text())
    assert len(blocks) > 8
    server = Larnax(build, tmp_path / "data", "--self-metrics-interval", "1s", own_metrics=True)
    try:
        server.start()
        wait_until(lambda: server.data_of("/api/v1/series", match='{job="larnax"}'), "own metrics")
        outputs = []
        for block in blocks:
            script = (block.replace("127.0.0.1:9797", server.address)
                      .replace("./data", str(server.data)).replace("build/release", str(build))
                      .replace(".venv/bin/python", os.sys.executable))
            done = subprocess.run(["bash", "-eu", "-c", script], cwd=ROOT, text=True,
                                  capture_output=True, stdin=subprocess.DEVNULL, timeout=120)
            assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
            assert done.stdout.strip(), f"prints nothing:\n{script}"
            assert '"status":"error"' not in done.stdout, f"{script}\n{done.stdout}"
            outputs.append(done.stdout)
    finally:
        server.end()
    everything = "\n".join(outputs)
    for phrase in ("larnax_samples_total", ".parquet", "rows of"):
        assert phrase in everything, phrase
