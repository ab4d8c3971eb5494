"""Never lost: the real server is killed (SIGKILL) under load, again and again.

After each kill and recovery `larnax verify` is clean, and at the end every sample that was
acknowledged is in the files, bit by bit. LARNAX_KILLS says how often (`make soak`: 100), LARNAX_SEED repeats a run.
"""

import json
import os
import random
import threading
import time

import pyarrow
import pyarrow.csv
import pytest

from app.server import Larnax, Process, wait_until
from readers import rows

KILLS = int(os.environ.get("LARNAX_KILLS", "3"))
SEED = int(os.environ.get("LARNAX_SEED", random.randrange(1 << 32)))
HOUR_MS = 3_600_000


class Load(Process):
    """One run of the load generator; each has an hour of its own."""

    def __init__(self, build, folder, number, start_ms):
        super().__init__(folder / f"load-{number}.log")
        self.program = build / "larnax-load"
        self.acknowledged = folder / f"acknowledged-{number}"
        self.start_ms = start_ms
        self.flags = ["--series", 2200, "--interval", "15s", "--span", "50m", "--seed", number + 1,
                      "--start", f"{start_ms / 1000:.3f}", "--batch", 500, "--connections", 4]

    def start(self, address):
        self.spawn([self.program, "generate", *self.flags, "--ack-log", self.acknowledged,
                    "--url", f"http://{address}/api/v1/write", "--give-up", "1s"])

    def acknowledged_count(self):
        try:
            return self.acknowledged.read_bytes().count(b"\n")
        except FileNotFoundError:
            return 0

    def acknowledged_samples(self, folder):
        """{series as text: {time_ms: bits}} of the acknowledged requests."""
        listed = folder / "listed.csv"
        Process.spawn(self, [self.program, "verify-list", *self.flags, "--requests",
                             self.acknowledged, "--out", listed])
        assert self.wait() == 0, self.log()
        table = pyarrow.csv.read_csv(listed, convert_options=pyarrow.csv.ConvertOptions(
            column_types={"series": pyarrow.string(), "value_bits": pyarrow.string()}))
        samples = {}
        for series, time_ms, bits in zip(*(table[name].to_pylist() for name in
                                           ("series", "time_ms", "value_bits"))):
            samples.setdefault(series, {})[time_ms] = int(bits, 16)
        return samples


def as_text(labels):
    """A series as the load generator prints it."""
    labels = dict(labels)
    name = labels.pop("__name__")
    return name + "{" + ", ".join(f"{k}={json.dumps(v)}" for k, v in sorted(labels.items())) + "}"


def disturb(server, random_source):
    """Have the kill fall into a flush or a merge now and then; return the thread, or None."""
    paths = random_source.choice([[], ["flush"], ["flush", "merge"], ["flush", "flush", "flush"]])

    def run():
        for path in paths:
            try:
                server.post(f"/api/v1/admin/{path}", everything="true")
            except OSError:
                return  # Killed.

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def verify(server):
    done = server.command("verify", "--data", server.data)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(120 + 30 * KILLS)
def test_acknowledged_samples_survive_kills(build, tmp_path):
    print(f"LARNAX_SEED={SEED} LARNAX_KILLS={KILLS}")
    random_source = random.Random(SEED)
    first_ms = (int(time.time()) * 1000 // HOUR_MS - KILLS - 1) * HOUR_MS
    loads = [Load(build, tmp_path, n, first_ms + n * HOUR_MS) for n in range(KILLS)]
    server = Larnax(build, tmp_path / "data")
    try:
        server.start()
        for load in loads:
            target = random_source.randrange(1, 300)
            load.start(server.address)
            wait_until(lambda: load.acknowledged_count() >= target or load.process.poll() is not None,
                       f"{target} acknowledged requests")
            disturber = disturb(server, random_source)
            more = target + random_source.randrange(60)
            wait_until(lambda: load.acknowledged_count() >= more or load.process.poll() is not None,
                       f"{more} acknowledged requests")
            server.kill()
            disturber.join()
            load.end()
            server.start()
            verify(server)
        server.flush()
        assert server.stop() == 0, server.log()

        compared = 0
        for load in loads:
            wanted = load.acknowledged_samples(tmp_path)
            found = {as_text(labels): dict(zip(times.tolist(), bits.tolist()))
                     for labels, (times, bits) in rows.by_series(
                         server.data, load.start_ms, load.start_ms + HOUR_MS - 1).items()}
            for series, samples in wanted.items():
                lost = samples.items() - found.get(series, {}).items()
                assert not lost, f"{series}: {len(lost)} of {len(samples)}: {sorted(lost)[:3]}"
                compared += len(samples)
        print(f"{compared} acknowledged samples compared after {KILLS} kills")
        assert compared >= 500 * KILLS
        verify(server)
    finally:
        server.end()
        for load in loads:
            load.end()
