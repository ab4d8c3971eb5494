"""Real input: what a stock Prometheus scraped and sent is in the Parquet files, sample by sample.

Prometheus' own remote read says what it has; pyarrow says what the files have. Same series, same
times, same bits, stale markers too.
"""

import json
import os
import shutil
import time

import pytest

from app import prometheus_read
from app.remote_write import STALE_BITS
from app.server import Process, free_port, http, wait_until
from readers import rows

SCRAPE_SECONDS = float(os.environ.get("LARNAX_PROMETHEUS_SECONDS", "60"))
EXTERNAL_LABELS = {"cluster": "test", "replica": "a b"}

needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("prometheus-node-exporter")),
    reason="no prometheus and prometheus-node-exporter: run `make setup-app`")


class Prometheus(Process):
    """A Prometheus of its own, with its configuration and its data in `folder`."""

    def __init__(self, folder, write_url):
        super().__init__(folder / "prometheus.log")
        self.folder, self.write_url = folder, write_url
        self.address = f"127.0.0.1:{free_port()}"

    def configure(self, targets):
        """Write the configuration; targets: {job: address, or None for a job without targets}."""
        lines = ["global:", "  scrape_interval: 1s", "  scrape_timeout: 1s", "  external_labels:"]
        lines += [f'    {name}: "{value}"' for name, value in EXTERNAL_LABELS.items()]
        lines += ["remote_write:", f"  - url: {self.write_url}", "    queue_config:",
                  "      batch_send_deadline: 1s"]
        lines += ["scrape_configs:"] if targets else ["scrape_configs: []"]
        for job, address in targets.items():
            lines += [f"  - job_name: {job}", "    static_configs:",
                      f'      - targets: [{json.dumps(address) if address else ""}]']
        (self.folder / "prometheus.yml").write_text("\n".join(lines) + "\n")

    def start(self):
        self.spawn(["prometheus", f"--config.file={self.folder}/prometheus.yml",
                    f"--storage.tsdb.path={self.folder}/tsdb", "--web.enable-lifecycle",
                    f"--web.listen-address={self.address}"])
        wait_until(self.is_ready, "prometheus", alive=self.process)

    def is_ready(self):
        try:
            return http("GET", f"http://{self.address}/-/ready", timeout=5).status == 200
        except OSError:
            return False

    def reload(self, targets):
        self.configure(targets)
        answer = http("POST", f"http://{self.address}/-/reload")
        assert answer.status == 200, answer

    def metrics(self):
        """Its own metrics, of several series the sum: {name: value}."""
        found = {}
        for line in http("GET", f"http://{self.address}/metrics").text.splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                name = name.split("{")[0]
                found[name] = found.get(name, 0.0) + float(value)
        return found

    def query(self, text):
        answer = http("POST", f"http://{self.address}/api/v1/query", f"query={text}".encode(),
                      {"Content-Type": "application/x-www-form-urlencoded"})
        return [float(entry["value"][1]) for entry in answer.json()["data"]["result"]]


def is_drained(prometheus):
    """Whether nothing more is scraped and all of it was sent."""
    metrics = prometheus.metrics()
    state = (metrics["prometheus_tsdb_head_samples_appended_total"],
             metrics["prometheus_remote_storage_samples_total"],
             metrics["prometheus_remote_storage_samples_pending"])
    return state[2] == 0 and state[0] == state[1]


@pytest.fixture
def processes():
    started = []
    yield started.append
    for process in started:
        process.end()


@needs_prometheus
@pytest.mark.slow
@pytest.mark.timeout(SCRAPE_SECONDS + 240)
def test_every_sample_arrives(larnax, tmp_path, processes):
    server = larnax()
    prometheus = Prometheus(tmp_path, f"http://{server.address}/api/v1/write")
    processes(prometheus)
    # Without targets at first: what is scraped before the queue runs, Prometheus does not send.
    prometheus.configure({})
    prometheus.start()

    exporter = Process(tmp_path / "exporter.log")
    processes(exporter)
    exporter_address = f"127.0.0.1:{free_port()}"
    exporter.spawn(["prometheus-node-exporter", f"--web.listen-address={exporter_address}"])
    targets = {"node": exporter_address, "prometheus": prometheus.address}
    prometheus.reload(targets)

    # The minute of scrapes is what the test is about.
    end = time.monotonic() + SCRAPE_SECONDS
    wait_until(lambda: time.monotonic() > end, "scraping", seconds=SCRAPE_SECONDS + 10,
               alive=exporter.process)

    # A target that goes away ends its series by stale markers; one no longer listed, too (but not
    # one whose whole job is gone).
    exporter.stop()
    wait_until(lambda: prometheus.query('up{job="node"}') == [0.0], "failed scrape")
    prometheus.reload({job: None for job in targets})
    wait_until(lambda: prometheus.query("up") == [], "end of scraping")
    wait_until(lambda: is_drained(prometheus), "remote write to drain")
    metrics = prometheus.metrics()
    for name in ("failed", "dropped"):
        assert metrics[f"prometheus_remote_storage_samples_{name}_total"] == 0

    now_ms = int(time.time() * 1000)
    wanted = prometheus_read.read_everything(prometheus.address, 0, now_ms,
                                             prometheus_read.STREAMED_XOR_CHUNKS)
    plain = prometheus_read.read_everything(prometheus.address, 0, now_ms, prometheus_read.SAMPLES)
    assert prometheus.stop() == 0
    server.flush()
    found = {labels: dict(zip(times.tolist(), bits.tolist()))
             for labels, (times, bits) in rows.by_series(server.data).items()}

    count = sum(map(len, wanted.values()))
    stale = sum(bits == STALE_BITS for samples in wanted.values() for bits in samples.values())
    print(f"{len(wanted)} series, {count} samples, {stale} stale markers")
    assert len(wanted) > 300 and count > 200 * SCRAPE_SECONDS and stale > 300
    assert all(EXTERNAL_LABELS.items() <= dict(labels).items() for labels in wanted)
    assert found.keys() == wanted.keys()
    for labels, samples in wanted.items():
        assert found[labels] == samples, sorted(labels)
    # The other answer type has the same samples.
    assert plain == wanted

    assert server.stop() == 0, server.log()
    assert server.command("verify", "--data", server.data).returncode == 0
