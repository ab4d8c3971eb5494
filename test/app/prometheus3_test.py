"""Remote write 2.0 of a stock Prometheus 3: native histograms, exemplars and metadata, every field.

A target of our own serves them and knows what it served; the Parquet tables must say the same. Then
remote read of Larnax and of that Prometheus must give the same series.
"""

import json
import os
import re
import shutil
import struct
import subprocess
import time

import pytest

from app import prometheus_read
from app.prometheus_test import Prometheus
from app.remote_write import STALE_BITS
from app.scrape_target import Target
from app.server import http, wait_until

SCRAPE_SECONDS = float(os.environ.get("LARNAX_PROMETHEUS_SECONDS", "60")) / 2


@pytest.fixture(scope="module")
def prometheus3(request):
    """Path of a Prometheus 3, by option or on the PATH."""
    path = request.config.getoption("--prometheus") or shutil.which("prometheus")
    if path is None:
        pytest.skip("no prometheus: give --prometheus PATH of a version 3")
    out = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"version (\d+)\.(\d+)", out.stdout + out.stderr)
    # A build as a Go module does not know its version.
    if found and int(found[1]) == 2:
        pytest.skip(f"prometheus is {found[0]}: give --prometheus PATH of a version 3")
    return path


class Prometheus3(Prometheus):
    def __init__(self, path, folder, write_url):
        super().__init__(folder, write_url)
        self.path = path

    def configure(self, targets):
        lines = ["global:", "  scrape_interval: 1s", "  scrape_timeout: 1s",
                 "remote_write:", f"  - url: {self.write_url}",
                 "    protobuf_message: io.prometheus.write.v2.Request",
                 "    send_exemplars: true", "    send_native_histograms: true",
                 "    queue_config:", "      batch_send_deadline: 1s",
                 # 3.13 sends metadata in messages of 1.0 only: in those nothing else.
                 f"  - url: {self.write_url}", "    metadata_config:", "      send_interval: 1s",
                 "    write_relabel_configs:", "      - action: drop", "        regex: .*"]
        lines += ["scrape_configs:"] if targets else ["scrape_configs: []"]
        for job, address in targets.items():
            lines += [f"  - job_name: {job}", "    scrape_native_histograms: true",
                      "    scrape_protocols: [PrometheusProto]",
                      "    track_timestamps_staleness: true",
                      "    convert_classic_histograms_to_nhcb: true", "    static_configs:",
                      f'      - targets: [{json.dumps(address) if address else ""}]']
        (self.folder / "prometheus.yml").write_text("\n".join(lines) + "\n")

    def start(self):
        self.spawn([self.path, f"--config.file={self.folder}/prometheus.yml",
                    f"--storage.tsdb.path={self.folder}/tsdb", "--web.enable-lifecycle",
                    "--enable-feature=exemplar-storage,metadata-wal-records,native-histograms",
                    f"--web.listen-address={self.address}"])
        wait_until(self.is_ready, "prometheus", alive=self.process)


def is_drained(prometheus):
    """Whether nothing more is scraped and all of it was sent."""
    metrics = prometheus.metrics()
    # Of the second queue there is only metadata.
    sent = sum(metrics[f"prometheus_remote_storage_{kind}_total"]
               for kind in ("samples", "histograms"))
    pending = sum(metrics[f"prometheus_remote_storage_{kind}_pending"]
                  for kind in ("samples", "histograms", "exemplars"))
    return pending == 0 and sent == metrics["prometheus_tsdb_head_samples_appended_total"]


def rows_of(server, table):
    """Rows of a table as dicts, read by pyarrow; {} labels included under `labels`."""
    import pyarrow.dataset as dataset

    return dataset.dataset(f"{server.data}/{table}", partitioning="hive").to_table().to_pylist()


def milliseconds(stamp):
    return round(stamp.timestamp() * 1000)


def key_of(row):
    return row["metric"], row["path"]


def bits(value):
    return struct.pack("<d", value)


def check_histograms(server, target):
    found, stale = {}, {}
    for row in rows_of(server, "histograms"):
        assert row["job"] == "target" and row["instance"] == target.address
        kept = stale if row["stale"] else found
        kept.setdefault(key_of(row), {})[milliseconds(row["timestamp"])] = row
    assert found.keys() == target.served_histograms.keys()
    for key, served in target.served_histograms.items():
        assert found[key].keys() == served.keys(), key
        for time_ms, wanted in served.items():
            row = found[key][time_ms]
            assert bits(row["sum"]) == bits(wanted["sum"]), (key, time_ms)
            for column, value in wanted.items():
                got = row[column]
                # An absent list of bounds may be NULL or empty.
                assert (got or None) == (value or None) if value in (None, []) else got == value, (
                    key, time_ms, column, got, value)
    # Each series ends by a stale marker, which may be a float.
    for row in rows_of(server, "samples"):
        if row["stale"] and row["path"] is not None:
            stale.setdefault(key_of(row), {})[milliseconds(row["timestamp"])] = row
    assert found.keys() <= stale.keys()
    return sum(map(len, found.values()))


def check_exemplars(server, target):
    found = {}
    for row in rows_of(server, "exemplars"):
        labels = row["exemplar_labels"]
        pairs = tuple(sorted(labels.items() if isinstance(labels, dict) else labels))
        found.setdefault(key_of(row), []).append(
            (milliseconds(row["timestamp"]), row["value"], pairs))
    for key, exemplars in found.items():
        assert len(set(exemplars)) == len(exemplars), f"{key}: an exemplar twice"
    assert {key: set(exemplars) for key, exemplars in found.items()} == target.served_exemplars
    return sum(map(len, found.values()))


def check_metadata(server, target):
    found = {}
    for row in rows_of(server, "metadata"):
        assert row["first_seen"] <= row["last_seen"]
        found.setdefault(row["metric"], set()).add((row["type"], row["help"], row["unit"]))
    for metric, wanted in target.metadata.items():
        assert found.get(metric) == {wanted}, metric
    api = server.data_of("/api/v1/metadata")
    for metric, (kind, help_text, unit) in target.metadata.items():
        assert api[metric] == [{"type": kind, "help": help_text, "unit": unit}]


def check_values(server, target):
    found = {}
    for row in rows_of(server, "samples"):
        if row["path"] is not None and not row["stale"]:
            found.setdefault(key_of(row), {})[milliseconds(row["timestamp"])] = row["value"]
    for key, served in target.served_values.items():
        assert {time: bits(value) for time, value in found[key].items()} == {
            time: bits(value) for time, value in served.items()}, key


def read_histograms(address, start_ms, end_ms):
    """Histogram messages of every series by remote read: {labels: {time: {field: value}}}."""
    return prometheus_read.read_histograms(address, start_ms, end_ms)


@pytest.mark.slow
@pytest.mark.timeout(SCRAPE_SECONDS + 300)
def test_every_field_arrives(larnax, tmp_path, prometheus3):
    server = larnax()
    target = Target()
    prometheus = Prometheus3(prometheus3, tmp_path, f"http://{server.address}/api/v1/write")
    try:
        prometheus.configure({})
        prometheus.start()
        prometheus.reload({"target": target.address})
        end = time.monotonic() + SCRAPE_SECONDS
        wait_until(lambda: time.monotonic() > end, "scraping", seconds=SCRAPE_SECONDS + 10,
                   alive=prometheus.process)
        prometheus.reload({"target": None})
        wait_until(lambda: prometheus.query("up") == [], "end of scraping")
        wait_until(lambda: is_drained(prometheus), "remote write to drain")
        metrics = prometheus.metrics()
        for kind in ("samples", "histograms", "exemplars", "metadata"):
            assert metrics[f"prometheus_remote_storage_{kind}_failed_total"] == 0, kind
        assert "non-recoverable error" not in prometheus.log()
        server.flush()

        histograms = check_histograms(server, target)
        exemplars = check_exemplars(server, target)
        check_metadata(server, target)
        check_values(server, target)
        print(f"{target.scrapes} scrapes, {histograms} histograms, {exemplars} exemplars")
        assert target.scrapes > SCRAPE_SECONDS / 2

        now_ms = int(time.time() * 1000)
        for answer_type in (prometheus_read.SAMPLES, prometheus_read.STREAMED_XOR_CHUNKS):
            theirs = prometheus_read.read_everything(prometheus.address, 0, now_ms, answer_type)
            ours = prometheus_read.read_everything(server.address, 0, now_ms, answer_type)
            # What ends a series of histograms is sent as a float, and is a histogram over there.
            ours = {labels: samples for labels, samples in ours.items()
                    if set(samples.values()) != {STALE_BITS}}
            assert ours == {labels: samples for labels, samples in theirs.items() if samples}
        theirs = {labels: {time_ms: message for time_ms, message in samples.items()
                           if message.get(prometheus_read.SUM) != STALE_BITS}
                  for labels, samples in read_histograms(prometheus.address, 0, now_ms).items()}
        ours = read_histograms(server.address, 0, now_ms)
        assert ours == theirs and len(ours) == len(target.served_histograms)

        wanted = http("GET", f"http://{prometheus.address}/api/v1/query_exemplars?query="
                             "request_seconds&start=0&end=9999999999").json()["data"]
        found = server.data_of("/api/v1/query_exemplars", query="request_seconds", start=0,
                               end=9999999999)

        def by_series(answer):
            return {tuple(sorted(one["seriesLabels"].items())):
                    [(e["timestamp"], e["value"], e["labels"]) for e in one["exemplars"]]
                    for one in answer}
        assert by_series(found) == by_series(wanted)
        assert server.stop() == 0, server.log()
        assert server.command("verify", "--data", server.data).returncode == 0
    finally:
        target.close()
        prometheus.end()
