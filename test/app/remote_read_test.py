"""Remote read: a stock Prometheus shows the history that Larnax has, and both kinds of answers hold
every bit that was sent."""

import math
import shutil
import struct
import time

import pytest

from app import native_histograms, prometheus_read
from app.remote_write import STALE_BITS, bits_of, field, snappy, value_field, varint
from app.server import Process, free_port, http, wait_until

# History: nothing that the Prometheus of the test could have by itself.
START_MS = (int(time.time()) - 7200) * 1000
END_MS = START_MS + 3_600_000
LATE_MS = START_MS + 7_000_000

def metric(name, **labels):
    return {"__name__": name, **labels}


def history():
    """Series of 1000 samples and odd ones: (labels, samples)."""
    series = []
    for job in ("api", "web"):
        for instance in ("a", "b", "c"):
            values = [(START_MS + i * 3500 + (i * i) % 7, math.sin(i) * i) for i in range(1000)]
            series.append((metric("wave", job=job, instance=instance, zone=instance * 2), values))
    counter = [(START_MS + i * 15_000, float(i % 150)) for i in range(240)]
    series.append((metric("requests_total", job="api", instance="a"), counter))
    odd = [0x8000000000000000, 0x7FF0000000000000, 0xFFF0000000000000, 1, bits_of(0.1), STALE_BITS,
           bits_of(1e300), bits_of(-2.5e-7)]
    series.append((metric("special", job="bits"),
                   [(START_MS + i * 1000, bits) for i, bits in enumerate(odd)]))
    return series


@pytest.fixture(params=["memory", "files"])
def server(request, larnax):
    server = larnax("--external-label", "cluster=test", "--external-label", "replica=a b")
    server.sender().send(history())
    if request.param == "files":
        server.flush()
    return server


def test_both_answers_hold_every_bit(server):
    wanted = {frozenset({"cluster": "test", "replica": "a b", **labels}.items()):
              {time_ms: bits_of(value) for time_ms, value in samples}
              for labels, samples in history()}
    for kind in (prometheus_read.SAMPLES, prometheus_read.STREAMED_XOR_CHUNKS):
        found = prometheus_read.read_everything(server.address, START_MS, END_MS, kind)
        assert found.keys() == wanted.keys()
        for labels, samples in wanted.items():
            assert found[labels] == samples, sorted(labels)


def histogram_message(time_ms, step, is_float=False, stale=False, bounds=()):
    """A native histogram of two spans, growing with `step`; the reset hint says `no`."""
    def zigzag(number):
        return (number << 1) ^ (number >> 63)
    if stale:
        return field(1, 0) + value_field(3, STALE_BITS) + field(15, time_ms)
    buckets = [4 + step, 1, 9 + 2 * step, 3]
    count = sum(buckets) + 2
    body = field(2, float(count)) if is_float else field(1, count)
    body += value_field(3, bits_of(12.5 * (step + 1)))
    body += field(4, zigzag(-53 if bounds else 3) & 0xFFFFFFFF)
    body += b"" if bounds else value_field(5, bits_of(0.001))
    body += b"" if bounds else field(7, 2.0) if is_float else field(6, 2)
    if bounds:
        body = field(1, sum(buckets)) + value_field(3, bits_of(12.5)) + field(4, zigzag(-53) & 0xFFFFFFFF)
    for offset, length in [(0 if bounds else -3, 2), (1, 2)]:
        body += field(11, field(1, zigzag(offset) & 0xFFFFFFFF) + field(2, length))
    if is_float:
        body += field(13, b"".join(struct.pack("<d", float(bucket)) for bucket in buckets))
    else:
        deltas = [now - before for before, now in zip([0] + buckets, buckets)]
        body += field(12, b"".join(varint(zigzag(delta)) for delta in deltas))
    body += field(14, 2) + field(15, time_ms)
    return body + (field(16, b"".join(struct.pack("<d", bound) for bound in bounds)) if bounds else b"")


def send_native_histograms(server):
    """Series `native` of several kinds; the messages of each."""
    messages = {"integers": [histogram_message(START_MS + i * 15_000, i) for i in range(250)],
                "floats": [histogram_message(START_MS + i * 15_000, i, is_float=True)
                           for i in range(130)],
                "bounds": [histogram_message(START_MS + i * 15_000, 0, bounds=(-1, 0.1, 1 / 3, 5))
                           for i in range(5)],
                "ends": [histogram_message(START_MS + i * 15_000, i, stale=i == 3) for i in range(6)]}
    body = b""
    for kind, histograms in messages.items():
        series = b"".join(field(1, field(1, name) + field(2, value))
                          for name, value in (("__name__", "native"), ("kind", kind)))
        body += field(1, series + b"".join(field(4, message) for message in histograms))
    status, _, text = server.sender().post(snappy(body))
    assert status == 204, text
    return messages


def test_native_histograms_come_back_as_they_were_sent(server):
    messages = send_native_histograms(server)
    for place in ("memory", "files"):
        for answer in (prometheus_read.SAMPLES, prometheus_read.STREAMED_XOR_CHUNKS):
            found = native_histograms.read_histograms(server.address, START_MS, LATE_MS, answer)
            found = {dict(labels)["kind"]: histograms for labels, histograms in found.items()}
            assert found.keys() == messages.keys(), (place, answer)
            for kind, histograms in messages.items():
                wanted = {histogram.pop("time_ms"): histogram
                          for histogram in map(native_histograms.histogram_of, histograms)}
                assert found[kind].keys() == wanted.keys(), (place, answer, kind)
                for time_ms, histogram in wanted.items():
                    read = found[kind][time_ms]
                    if histogram["sum"] == STALE_BITS:
                        assert read.get("stale") or read["sum"] == STALE_BITS
                    else:
                        assert read == histogram, (place, answer, kind, time_ms)
        server.flush()


class Prometheus(Process):
    """A Prometheus that scrapes nothing and reads from Larnax."""

    def __init__(self, program, folder, read_url):
        super().__init__(folder / "prometheus.log")
        self.program, self.folder = program, folder
        self.address = f"127.0.0.1:{free_port()}"
        (folder / "prometheus.yml").write_text(
            "global:\n  external_labels: {cluster: test, replica: a b}\n"
            f"remote_read:\n  - url: {read_url}\n    read_recent: true\n")

    def start(self):
        self.spawn([self.program, f"--config.file={self.folder}/prometheus.yml",
                    f"--storage.tsdb.path={self.folder}/tsdb",
                    f"--web.listen-address={self.address}"])
        wait_until(lambda: self.get("/-/ready") is not None, "prometheus", alive=self.process)
        return self

    def get(self, path):
        try:
            answer = http("GET", f"http://{self.address}{path}")
        except OSError:
            return None
        return answer if answer.status == 200 else None

    def api(self, path, **params):
        pairs = "&".join(f"{name}={value}" for name, value in params.items())
        answer = http("POST", f"http://{self.address}/api/v1/{path}", pairs.encode(),
                      {"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status == 200, answer
        assert not answer.json().get("warnings"), answer
        return answer.json()["data"]


@pytest.fixture(params=["installed", "--prometheus"])
def program(request):
    """Debian's reads messages, a version 3 streams."""
    path = shutil.which("prometheus") if request.param == "installed" else \
        request.config.getoption("--prometheus")
    if not path:
        pytest.skip("no prometheus: run `make setup-app`, or give --prometheus PATH of a version 3")
    return path


@pytest.mark.slow
def test_prometheus_shows_our_history(server, program, tmp_path):
    prometheus = Prometheus(program, tmp_path, f"http://{server.address}/api/v1/read").start()
    try:
        check_history(prometheus)
    finally:
        prometheus.end()
    assert "level=error" not in prometheus.log()


@pytest.mark.slow
def test_prometheus_reads_native_histograms(server, program, tmp_path):
    if program == shutil.which("prometheus"):
        pytest.skip("no native histograms: give --prometheus PATH of a version 3")
    messages = send_native_histograms(server)
    prometheus = Prometheus(program, tmp_path, f"http://{server.address}/api/v1/read").start()
    try:
        for i in (0, 119, 120, 240):
            data = prometheus.api("query", query='histogram_sum(native{kind="integers"})',
                                  time=START_MS / 1000 + i * 15)
            assert [float(entry["value"][1]) for entry in data["result"]] == [12.5 * (i + 1)]
        data = prometheus.api("query", query='count_over_time(native[4000s])',
                              time=START_MS / 1000 + 3990)
        counts = {entry["metric"]["kind"]: int(entry["value"][1]) for entry in data["result"]}
        # The stale marker is none.
        assert counts == {kind: len(histograms) - (kind == "ends")
                          for kind, histograms in messages.items()}
        rates = prometheus.api("query", query='histogram_count(rate(native{kind="integers"}[10m]))',
                               time=START_MS / 1000 + 3000)
        # Each adds three observations in 15 seconds.
        assert abs(float(rates["result"][0]["value"][1]) - 3 / 15) < 1e-9
    finally:
        prometheus.end()


def check_history(prometheus):
    # Raw samples, all of them: stale markers are the only ones that a range leaves out. What left
    # end of the range 2.42 includes is before the first sample.
    for labels, samples in history():
        selector = ",".join(f'{name}="{value}"' for name, value in labels.items())
        data = prometheus.api("query", query=f"{{{selector}}}[3601s]", time=END_MS / 1000)
        assert [entry["metric"] for entry in data["result"]] == [labels]
        found = [(round(seconds * 1000), bits_of(float(value)))
                 for seconds, value in data["result"][0]["values"]]
        assert found == [(time_ms, bits_of(value)) for time_ms, value in samples
                         if bits_of(value) != STALE_BITS]

    # Expressions over them.
    data = prometheus.api("query", query="count({__name__=~\".%2B\"} offset 1h)",
                          time=(END_MS + 3_600_000) / 1000)
    assert data["result"] == [] or float(data["result"][0]["value"][1]) > 0
    rates = prometheus.api("query_range", query="sum by(job)(rate(requests_total[5m]))",
                           start=START_MS / 1000 + 600, end=END_MS / 1000 - 600, step=60)
    assert [entry["metric"] for entry in rates["result"]] == [{"job": "api"}]
    assert all(abs(float(value) - 1 / 15) < 0.01 for _, value in rates["result"][0]["values"])
    one = prometheus.api("query", query='wave{zone!~"aa|bb",job="web"}',
                         time=START_MS / 1000 + 600)
    assert [entry["metric"]["instance"] for entry in one["result"]] == ["c"]

    # Names and series come through the same door.
    series = prometheus.api("series", **{"match[]": "wave", "start": START_MS / 1000,
                                         "end": END_MS / 1000})
    assert len(series) == 6 and all("cluster" not in labels for labels in series)


def test_stale_bits_are_what_the_test_says():
    assert struct.pack(">Q", STALE_BITS).hex() == "7ff0000000000002"
