"""Twice what it can bear: the real server sends back what is too much (503, Retry-After), keeps what it
acknowledged, does not grow, and recovers.

What it bears is found first: the largest pace, doubled from step to step, at which nothing is sent
back. LARNAX_OVERLOAD says for how many seconds twice as much is sent (`make soak`: 60), LARNAX_SEED
repeats the choice of what is compared.
"""

import itertools
import json
import os
import random
import threading
import time

import pyarrow
import pyarrow.csv
import pytest

from app.remote_write import request_v1
from app.server import Larnax, Process
from readers import rows

SECONDS = int(os.environ.get("LARNAX_OVERLOAD", "6"))
SEED = int(os.environ.get("LARNAX_SEED", random.randrange(1 << 32)))
HOUR_MS = 3_600_000
SERIES = 2200
SAMPLES_PER_SECOND = SERIES / 15  # At real time.
STEP_SECONDS = 2
FIRST_PACE = 25_000
MOST_COMPARED = 1000  # Requests, of 500 samples.
ROOM_BYTES = 128 << 20


class Load(Process):
    """One run of the load generator at a pace of so many samples a second, over days of its own."""

    made = 0

    def __init__(self, build, folder, start_ms, pace, length):
        Load.made += 1
        super().__init__(folder / f"load-{Load.made}.log")
        self.program, self.folder = build / "larnax-load", folder
        self.acknowledged = folder / f"acknowledged-{Load.made}"
        speed = pace / SAMPLES_PER_SECOND
        self.start_ms, self.end_ms = start_ms, start_ms + int(speed * length * 1000)
        self.speed = f"{speed:.3f}"
        self.flags = ["--series", SERIES, "--interval", "15s",
                      "--span", f"{(self.end_ms - start_ms) // 1000}s", "--seed", Load.made,
                      "--start", f"{start_ms / 1000:.3f}", "--batch", 500, "--connections", 8]

    def start(self, address):
        self.spawn([self.program, "generate", *self.flags, "--speed", self.speed,
                    "--ack-log", self.acknowledged, "--url", f"http://{address}/api/v1/write",
                    "--give-up", "1m"])
        return self

    def report(self):
        assert self.wait(600) == 0, self.log()
        return json.loads(self.log())

    def acknowledged_rows(self, random_source):
        """Samples of some of the acknowledged requests, as a table, and how many requests there were."""
        indexes = [line.split()[0] for line in self.acknowledged.read_text().splitlines()]
        some = random_source.sample(indexes, min(MOST_COMPARED, len(indexes)))
        log, listed = self.folder / "compared", self.folder / "listed.csv"
        log.write_text("".join(f"{index} 0\n" for index in some))
        lister = Process(self.folder / "list.log")
        lister.spawn([self.program, "verify-list", *self.flags, "--requests", log, "--out", listed])
        assert lister.wait(600) == 0, lister.log()
        return pyarrow.csv.read_csv(listed, convert_options=pyarrow.csv.ConvertOptions(
            column_types={"series": pyarrow.string(), "value_bits": pyarrow.string()})), len(indexes)


class Watch(threading.Thread):
    """Writes a sample now and then, and notes the answers, their times, and the server's memory."""

    def __init__(self, server):
        super().__init__()
        self.server, self.done = server, threading.Event()
        self.answers, self.resident, self.refused, self.wrong = [], [], 0, []
        self.time_ms = int(time.time() * 1000) - 10_000_000

    def run(self):
        while not self.done.wait(0.05):
            self.time_ms += 1
            began = time.monotonic()
            answer = self.server.post(
                "/api/v1/write", request_v1([({"__name__": "watch"}, [(self.time_ms, 1.0)])]),
                headers={"Content-Encoding": "identity", "Content-Type": "application/x-protobuf"})
            self.answers.append((answer.status, time.monotonic() - began))
            self.refused += answer.status == 503
            if answer.status != (503 if "Retry-After" in answer.headers else 204):
                self.wrong.append(answer)
            self.resident.append(self.server.resident_bytes())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()
        assert not self.wrong, self.wrong[:3]

    def slowest_ms(self):
        return max(seconds for _, seconds in self.answers) * 1000


def as_text(labels):
    """A series as the load generator prints it."""
    labels = dict(labels)
    name = labels.pop("__name__")
    return name + "{" + ", ".join(f"{k}={json.dumps(v)}" for k, v in sorted(labels.items())) + "}"


def find_bearable(build, folder, server, start_ms):
    """The largest pace at which nothing was sent back, and where the next load may begin."""
    pace, bearable = FIRST_PACE, None
    while True:
        load = Load(build, folder, start_ms, pace, STEP_SECONDS).start(server.address)
        report, start_ms = load.report(), load.end_ms + HOUR_MS
        server.flush()
        # Sent back, or it could not be made or taken any faster.
        if report["retries"] > 0 or report["wall_seconds"] > 1.5 * STEP_SECONDS:
            return bearable or pace / 2, start_ms
        pace, bearable = 2 * pace, pace


def check_nothing_lost(server, load, random_source):
    wanted, requests = load.acknowledged_rows(random_source)
    samples = sorted(zip(*(wanted[name].to_pylist() for name in ("time_ms", "series", "value_bits"))))
    # A minute of load may be a hundred million samples: some hours of them are read at a time.
    for _, hours in itertools.groupby(samples, lambda sample: sample[0] // (2 * HOUR_MS)):
        hours = list(hours)
        found = {as_text(labels): dict(zip(times.tolist(), bits.tolist())) for labels, (times, bits)
                 in rows.by_series(server.data, hours[0][0], hours[-1][0]).items()}
        for time_ms, series, bits in hours:
            assert found.get(series, {}).get(time_ms) == int(bits, 16), (series, time_ms)
    return wanted.num_rows, requests


@pytest.mark.slow
@pytest.mark.timeout(600 + 20 * SECONDS)
def test_twice_the_bearable_load(build, tmp_path):
    print(f"LARNAX_SEED={SEED} LARNAX_OVERLOAD={SECONDS}")
    # Little may wait in memory, so that the disk sets the pace on any machine; where a machine gives
    # the server no time, requests that it receives wait too.
    server = Larnax(build, tmp_path / "data", "--head-limit-samples", "60000", "--flush-samples",
                    "30000", "--max-buffered-size", "32MiB").start()
    try:
        start_ms = (int(time.time()) * 1000 // HOUR_MS - 24 * 300) * HOUR_MS
        bearable, start_ms = find_bearable(build, tmp_path, server, start_ms)
        before = server.resident_bytes()

        # On a machine with other work the search may have ended at what could be sent, not taken.
        for pace in (2 * bearable, 8 * bearable, 32 * bearable):
            load = Load(build, tmp_path, start_ms, pace, SECONDS)
            with Watch(server) as watch:
                report = load.start(server.address).report()
            if report["retries"] > 0:
                break
            start_ms = load.end_ms + HOUR_MS
        assert report["retries"] > 0, report
        assert report["samples_acknowledged"] == report["samples_sent"], report
        tenths = [watch.resident[len(watch.resident) * i // 10] >> 20 for i in range(10)]
        assert not server.has_grown(before, ROOM_BYTES, max(watch.resident)), tenths

        # It recovers at once: what it bears is taken, as if nothing had been.
        server.flush()
        after = Load(build, tmp_path, load.end_ms + HOUR_MS, bearable / 4, STEP_SECONDS)
        with Watch(server) as calm:
            calm_report = after.start(server.address).report()
        assert calm.refused == 0 and calm_report["retries"] == 0, calm_report
        metrics = server.get("/metrics").text
        assert "larnax_flush_failures_total 0\n" in metrics

        server.flush()
        assert server.stop() == 0, server.log()
        compared, requests = check_nothing_lost(server, load, random.Random(SEED))
        done = server.command("verify", "--data", server.data)
        assert done.returncode == 0, done.stdout + done.stderr
        print(f"bears {bearable:,.0f} samples/s; twice as much for {SECONDS} s: "
              f"{report['samples_per_second']:,.0f}/s taken, {report['retries']:,} requests of "
              f"{requests:,} sent back, {watch.refused} of {len(watch.answers)} lone samples; "
              f"resident MB {before >> 20} before, by tenth "
              f"{' '.join(map(str, tenths))}, {calm.resident[-1] >> 20} after; slowest "
              f"answer {watch.slowest_ms():.0f} ms, {calm.slowest_ms():.0f} ms after; "
              f"{compared:,} acknowledged samples compared")
    finally:
        server.end()
