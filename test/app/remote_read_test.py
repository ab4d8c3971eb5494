"""Remote read: a stock Prometheus shows the history that Larnax has, and both kinds of answers hold
every bit that was sent."""

import math
import shutil
import struct
import time

import pytest

from app import prometheus_read
from app.remote_write import STALE_BITS, bits_of
from app.server import Process, free_port, http, wait_until

# History: nothing that the Prometheus of the test could have by itself.
START_MS = (int(time.time()) - 7200) * 1000
END_MS = START_MS + 3_600_000

needs_prometheus = pytest.mark.skipif(not shutil.which("prometheus"),
                                      reason="no prometheus: run `make setup-app`")


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


class Prometheus(Process):
    """A Prometheus that scrapes nothing and reads from Larnax."""

    def __init__(self, folder, read_url):
        super().__init__(folder / "prometheus.log")
        self.folder, self.address = folder, f"127.0.0.1:{free_port()}"
        (folder / "prometheus.yml").write_text(
            "global:\n  external_labels: {cluster: test, replica: a b}\n"
            f"remote_read:\n  - url: {read_url}\n    read_recent: true\n")

    def start(self):
        self.spawn(["prometheus", f"--config.file={self.folder}/prometheus.yml",
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


@needs_prometheus
@pytest.mark.slow
def test_prometheus_shows_our_history(server, tmp_path):
    prometheus = Prometheus(tmp_path, f"http://{server.address}/api/v1/read").start()
    try:
        check_history(prometheus)
    finally:
        prometheus.end()
    assert "level=error" not in prometheus.log()


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
