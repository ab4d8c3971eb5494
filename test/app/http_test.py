"""The real server over HTTP: what was sent is what every endpoint gives back.

The questions are asked three times: with everything in memory, in files, and in both.
"""

import calendar
import csv
import http.client
import io
import json
import struct
import threading
import time

import pyarrow
import pytest

from app.remote_write import (STALE_BITS, V1, V2, bits_of, field, request_v1, request_v2, snappy)
from app.server import Larnax, wait_until

NOW_MS = int(time.time()) * 1000
START_MS = NOW_MS - 3_600_000


def metric(name, **labels):
    return {"__name__": name, **labels}


def ramp(count, step_ms=15_000, start_ms=START_MS):
    return [(start_ms + i * step_ms, i * 0.25) for i in range(count)]


SENT = [
    (metric("http_requests_total", job="api", instance="a", code="200"), ramp(40)),
    (metric("http_requests_total", job="api", instance="a", code="500"), ramp(40)),
    (metric("http_requests_total", job="api", instance="b", code="200"), ramp(25)),
    (metric("http_requests_total", job="web", instance="a"), ramp(10)),
    (metric("up", job="api", instance="a"), [*ramp(5), (START_MS + 90_000, STALE_BITS)]),
    (metric("special", job="bits"), [(START_MS + i, bits) for i, bits in enumerate(
        [0x8000000000000000, 0x7FF0000000000000, 0xFFF0000000000000, 0x7FF80000DEADBEEF, 1,
         bits_of(0.1), bits_of(1e300), bits_of(-2.5e-7)])]),
    (metric("münze", job="names", größe="7 Zoll", **{"http.method": "GET", "value": "taken"}),
     ramp(3)),
]
EARLY = [(labels, samples[:len(samples) // 2]) for labels, samples in SENT]
LATE = [(labels, samples[len(samples) // 2:]) for labels, samples in SENT]


@pytest.fixture(scope="module", params=["memory", "files", "both"])
def server(request, build, tmp_path_factory):
    """A server that holds SENT in one place or the other."""
    server = Larnax(build, tmp_path_factory.mktemp(request.param) / "data").start()
    try:
        sender = server.sender()
        sender.send(EARLY, metadata=[(1, "http_requests_total", "Requests \"served\".", ""),
                                     (2, "up", "Whether it is.", "")])
        if request.param == "both":
            server.flush()
        sender.send(LATE)
        if request.param == "files":
            server.flush()
        yield server
    finally:
        server.end()


def selected(**labels):
    """SENT's series that have these labels."""
    return [(have, samples) for have, samples in SENT if labels.items() <= have.items()]


def as_key(labels):
    return tuple(sorted(labels.items()))


def matrix(answer):
    """{labels: [(time_ms, bits or None)]} of a JSON answer; a NaN's bits are any NaN's."""
    assert answer.status == 200, answer
    data = answer.json()["data"]
    assert data["resultType"] == "matrix"
    return {as_key(series["metric"]): [
        (round(at * 1000), None if text is None else bits_of(float(text)))
        for at, text in series["values"]] for series in data["result"]}


def wanted_matrix(series):
    nan = bits_of(float("nan"))
    def shown(value):
        bits = bits_of(value)
        if bits == STALE_BITS:
            return None
        return nan if bits == 0x7FF80000DEADBEEF else bits
    return {as_key(labels): [(at, shown(value)) for at, value in samples]
            for labels, samples in series}


SELECTORS = [
    ("up", selected(__name__="up")),
    ('http_requests_total{job="api"}', selected(__name__="http_requests_total", job="api")),
    ('{__name__="http_requests_total",code="500"}', selected(code="500")),
    ('http_requests_total{code=~"2.*"}', selected(code="200")),
    ('http_requests_total{code!="200"}',
     [s for s in selected(__name__="http_requests_total") if s[0].get("code") != "200"]),
    ('http_requests_total{code!~"200|500"}', selected(job="web")),
    ('http_requests_total{code=""}', selected(job="web")),
    ('{instance=~"a|b",job=~".+"}', [s for s in SENT if "instance" in s[0]]),
    ('{"münze"}', selected(__name__="münze")),
    ('{"http.method"="GET"}', selected(__name__="münze")),
    ('{job="none"}', []),
    ('{__name__=~".+"}', SENT),
]


@pytest.mark.parametrize("selector, wanted", SELECTORS)
def test_samples_by_selector(server, selector, wanted):
    assert matrix(server.get("/api/v1/samples", match=selector)) == wanted_matrix(wanted)


@pytest.mark.parametrize("selector, wanted", SELECTORS)
def test_series(server, selector, wanted):
    assert server.data_of("/api/v1/series", match=selector) == sorted(
        (labels for labels, _ in wanted), key=lambda labels: sorted(labels.items()))


def test_samples_by_time(server):
    """Both ends are included; seconds and RFC 3339 are understood."""
    start, end = START_MS + 30_000, START_MS + 60_000
    wanted = wanted_matrix([(labels, [s for s in samples if start <= s[0] <= end])
                            for labels, samples in selected(job="api")])
    spelled = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end / 1000))
    for text in (str(end / 1000), spelled):
        answer = server.get("/api/v1/samples", match='{job="api"}', start=start / 1000, end=text)
        assert matrix(answer) == wanted


def test_samples_of_several_selectors(server):
    answer = server.post("/api/v1/samples", b"match[]=up&match[]=special&match[]=up",
                         {"Content-Type": "application/x-www-form-urlencoded"})
    assert matrix(answer) == wanted_matrix(selected(__name__="up") + selected(job="bits"))


def test_samples_without_stale_markers(server):
    found = matrix(server.get("/api/v1/samples", match="up", stale="drop"))
    assert [len(samples) for samples in found.values()] == [5]


def test_samples_as_csv(server):
    answer = server.get("/api/v1/samples", match='{job=~"api|web"}', format="csv")
    assert answer.headers["Content-Type"].startswith("text/csv")
    found = {}
    for row in csv.DictReader(io.StringIO(answer.text)):
        labels = {"__name__": row["metric"], **{name: row[name] for name in
                  ("job", "instance", "code") if row[name]}}
        at = time.strptime(row["timestamp"][:19], "%Y-%m-%dT%H:%M:%S")
        time_ms = calendar.timegm(at) * 1000 + int(row["timestamp"][20:23])
        assert (row["stale"] == "true") == (row["value"] == "")
        value = None if row["stale"] == "true" else bits_of(float(row["value"]))
        found.setdefault(as_key(labels), []).append((time_ms, value))
    assert found == wanted_matrix(selected(job="api") + selected(job="web"))


def test_samples_as_arrow_to_the_bit(server):
    answer = server.get("/api/v1/samples", match='{__name__=~".+"}',
                        headers={"Accept": "application/vnd.apache.arrow.stream"})
    assert answer.headers["Content-Type"] == "application/vnd.apache.arrow.stream"
    table = pyarrow.ipc.open_stream(answer.body).read_all()
    names = {f.name: (f.metadata or {}).get(b"label", f.name.encode()).decode()
             for f in table.schema}
    names["metric"] = "__name__"
    own = {"timestamp", "value", "stale", "start_timestamp", "histogram", "other_labels"}
    found = {}
    for row in table.to_pylist():
        labels = {names[c]: v for c, v in row.items() if c not in own and v is not None}
        labels.update(row["other_labels"] or ())
        time_ms = round(row["timestamp"].timestamp() * 1000)
        found.setdefault(as_key(labels), []).append(
            (time_ms, STALE_BITS if row["stale"] else bits_of(row["value"])))
    assert found == {as_key(labels): [(at, bits_of(value)) for at, value in samples]
                     for labels, samples in SENT}


def test_labels(server):
    names = sorted({name for labels, _ in SENT for name in labels})
    assert server.data_of("/api/v1/labels") == names
    assert server.data_of("/api/v1/labels", match="up") == ["__name__", "instance", "job"]
    assert server.data_of("/api/v1/labels", match='{job="web"}', end=START_MS / 1000 - 1) == []


def test_label_values(server):
    def values(name, **params):
        return server.data_of(f"/api/v1/label/{name}/values", **params)
    assert values("__name__") == sorted({labels["__name__"] for labels, _ in SENT})
    assert values("code") == ["200", "500"]
    assert values("instance", match='{job="web"}') == ["a"]
    assert values("none") == []
    assert values("U__http_2e_method") == ["GET"]
    assert values("gr%C3%B6%C3%9Fe") == ["7 Zoll"]
    assert values("__name__", limit="2") == sorted({s[0]["__name__"] for s in SENT})[:2]


def test_limit_warns(server):
    answer = server.get("/api/v1/label/__name__/values", limit="1").json()
    assert answer["warnings"] == ["results truncated due to limit"]


def test_metadata(server):
    assert server.data_of("/api/v1/metadata") == {
        "http_requests_total": [{"type": "counter", "help": 'Requests "served".', "unit": ""}],
        "up": [{"type": "gauge", "help": "Whether it is.", "unit": ""}]}
    assert list(server.data_of("/api/v1/metadata", metric="up")) == ["up"]


def test_status(server):
    assert {"version", "revision"} <= server.data_of("/api/v1/status/buildinfo").keys()
    assert "startTime" in server.data_of("/api/v1/status/runtimeinfo")
    assert "headStats" in server.data_of("/api/v1/status/tsdb")
    assert server.data_of("/api/v1/status/flags")


def test_health_and_own_metrics(server):
    assert server.get("/-/healthy").status == 200
    assert server.get("/-/ready").status == 200
    text = server.get("/metrics").text
    samples = sum(len(samples) for _, samples in SENT)
    assert f"\nlarnax_samples_total {samples}\n" in text


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_compressed_answers(server, encoding):
    path = "/api/v1/samples"
    plain = server.get(path, match='{__name__=~".+"}')
    small = server.get(path, match='{__name__=~".+"}', headers={"Accept-Encoding": encoding})
    assert small.headers["Content-Encoding"] == encoding
    assert len(small.body) < len(plain.body)
    assert pyarrow.input_stream(pyarrow.py_buffer(small.body), compression=encoding).read() \
        == plain.body


@pytest.mark.parametrize("path, params, phrase", [
    ("/api/v1/samples", {}, "no match[] parameter provided"),
    ("/api/v1/series", {}, "no match[] parameter provided"),
    ("/api/v1/samples", {"match": "{"}, "match[]"),
    ("/api/v1/samples", {"match": "{}"}, "at least one"),
    ("/api/v1/samples", {"match": '{a=~".*"}'}, "at least one non-empty matcher"),
    ("/api/v1/samples", {"match": 'up{a=~"("}'}, "match[]"),
    ("/api/v1/samples", {"match": "up", "start": "yesterday"}, "cannot parse \"yesterday\""),
    ("/api/v1/samples", {"match": "up", "start": "20", "end": "10"}, "end timestamp"),
    ("/api/v1/samples", {"match": "up", "format": "xml"}, "format"),
    ("/api/v1/labels", {"limit": "-1"}, "limit"),
])
def test_bad_questions(server, path, params, phrase):
    answer = server.get(path, **params)
    assert answer.status == 400, answer
    assert answer.json()["status"] == "error" and answer.json()["errorType"] == "bad_data"
    assert phrase in answer.json()["error"]


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/api/v1/write", 405), ("PUT", "/api/v1/write", 405), ("DELETE", "/api/v1/labels", 405),
    ("GET", "/api/v1/admin/flush", 405), ("POST", "/-/healthy", 405),
    ("GET", "/api/v1/nothing", 404), ("GET", "/api/v1/label//values", 404),
])
def test_wrong_methods_and_paths(server, method, path, status):
    connection = http.client.HTTPConnection(server.address, timeout=30)
    connection.request(method, path)
    answer = connection.getresponse()
    assert answer.status == status
    assert status == 404 or answer.headers["Allow"]


# Writes: the case table of remote write.

GOOD = (metric("good", job="cases"), [(NOW_MS, 1.5)])


@pytest.fixture(scope="module")
def writes(build, tmp_path_factory):
    """A server for writes of all kinds."""
    server = Larnax(build, tmp_path_factory.mktemp("writes") / "data").start()
    yield server
    server.end()


class Version:
    """Remote write 1.0 or 2.0, as a test case wants to use it."""

    def __init__(self, number):
        self.number = number
        self.content_type = V1 if number == 1 else V2

    def encode(self, series):
        return request_v1(series) if self.number == 1 else request_v2(series)

    def post(self, server, series, body=None):
        """Post series; return status, text and the count of the Written header (None in 1.0)."""
        body = snappy(self.encode(series)) if body is None else body
        status, headers, text = server.sender().post(body, self.content_type)
        written = headers["X-Prometheus-Remote-Write-Samples-Written"]
        assert (written is None) == (self.number == 1)
        return status, text, None if written is None else int(written)


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def version(request):
    return Version(request.param)


@pytest.fixture
def job(request):
    """A label value of this test alone: tests share the server."""
    return request.node.name


def stored(server, job):
    return matrix(server.get("/api/v1/samples", match=f"{{job={json.dumps(job)}}}"))


def test_valid_of_any_age_in_any_order(writes, version, job):
    late, early = (NOW_MS, 2.0), (0, 1.0)
    for sample in (late, early, (NOW_MS + 60_000, 3.0), (1_000_000, 4.0)):
        status, text, written = version.post(writes, [(metric("m", job=job), [sample])])
        assert (status, text) == (204, "") and written in (None, 1)
    assert [at for at, _ in stored(writes, job)[as_key(metric("m", job=job))]] == \
        [0, 1_000_000, NOW_MS, NOW_MS + 60_000]


def test_repeats_are_stored_once(writes, version, job):
    series = [(metric("m", job=job), [(NOW_MS, 0x7FF80000DEADBEEF), (NOW_MS + 1, 2.0)])]
    for _ in range(3):
        assert version.post(writes, series)[0] == 204
    assert len(stored(writes, job)[as_key(metric("m", job=job))]) == 2


@pytest.mark.parametrize("flush", [False, True], ids=["in memory", "across files"])
def test_the_later_value_wins(writes, version, job, flush):
    for value in (1.0, 3.0, 2.0):
        assert version.post(writes, [(metric("m", job=job), [(NOW_MS, value)])])[0] == 204
        if flush:
            writes.flush()
    assert stored(writes, job) == {as_key(metric("m", job=job)): [(NOW_MS, bits_of(2.0))]}


REFUSED = {
    "too far ahead": (metric("m"), [(NOW_MS + 3_600_000, 1.0)]),
    "before 1970": (metric("m"), [(-1, 1.0)]),
    "after 9999": (metric("m"), [(253_402_300_800_000, 1.0)]),
    "no metric name": ({"a": "b"}, [(NOW_MS, 1.0)]),
    "repeated label": ([("__name__", "m"), ("a", "1"), ("a", "2")], [(NOW_MS, 1.0)]),
    "empty label name": (metric("m", **{"": "x"}), [(NOW_MS, 1.0)]),
}


@pytest.mark.parametrize("bad", REFUSED.values(), ids=REFUSED.keys())
def test_the_rest_of_a_request_is_stored(writes, version, job, bad):
    labels, samples = bad
    labels = list(labels.items()) if isinstance(labels, dict) else labels
    good = [(metric(f"good_{i}", job=job), [(NOW_MS, float(i))]) for i in range(2)]
    series = [good[0], (sorted([*labels, ("job", job)]), samples), good[1]]
    status, text, written = version.post(writes, series)
    assert status == 400 and text.strip()
    assert written in (None, 2)
    assert stored(writes, job) == wanted_matrix(good)


def test_one_bad_sample_of_a_series(writes, version, job):
    samples = [(NOW_MS - 1000, 1.0), (NOW_MS + 3_600_000, 2.0)]
    status, text, written = version.post(writes, [(metric("m", job=job), samples)])
    assert status == 400 and 'm{job=' in text and written in (None, 1)
    assert stored(writes, job) == {as_key(metric("m", job=job)): [(NOW_MS - 1000, bits_of(1.0))]}


def test_text_that_is_no_utf8(writes, version, job):
    good = metric("good", job=job)
    body = version.encode([(good, [(NOW_MS, 1.0)]),
                           (metric("m", job=job, text="BAD!"), [(NOW_MS, 1.0)])])
    status, text, written = version.post(writes, None, snappy(body.replace(b"BAD!", b"\xff\xfe\xc0\x80")))
    assert status == 400 and written in (None, 1)
    assert list(stored(writes, job)) == [as_key(good)]


def test_broken_bodies_store_nothing(writes, version, job):
    good = version.encode([(metric("m", job=job), [(NOW_MS, 1.0)])])
    bodies = {
        "snappy": b"\x64\xff\xffgarbage",
        "snappy that is cut": snappy(good)[:-3],
        "protobuf": snappy(good + b"\x0a\xff\x01broken"),
        "protobuf that is cut": snappy(good[:-2]),
    }
    for what, body in bodies.items():
        status, text, written = version.post(writes, None, body)
        assert status == 400 and text.strip() and written in (None, 0), what
    assert stored(writes, job) == {}


def test_bad_symbol_reference(writes, job):
    body = request_v2([(metric("m", job=job), [(NOW_MS, 1.0)])])
    body += field(5, field(1, bytes([1, 99])) + field(2, field(1, 1.0) + field(2, NOW_MS)))
    status, text, written = Version(2).post(writes, None, snappy(body))
    assert status == 400 and written == 0
    assert stored(writes, job) == {}


def test_too_large(writes):
    status, *_ = writes.sender().post(b"\0" * (33 << 20))
    assert status == 413
    # 4 GiB - 1 when decompressed, says the first byte.
    status, _, text = writes.sender().post(b"\xff\xff\xff\xff\x0f" + b"\0" * 100)
    assert status in (400, 413), text


@pytest.mark.parametrize("content_type, encoding", [
    ("application/json", "snappy"),
    ("application/x-protobuf;proto=some.Other", "snappy"),
    ("application/x-protobuf", "br"),
    ("text/plain", None),
])
def test_unknown_types_and_encodings(writes, content_type, encoding):
    status, _, text = writes.sender().post(snappy(request_v1([GOOD])), content_type, encoding)
    assert status == 415 and text.strip()


@pytest.mark.parametrize("content_type", [None, V1, V1 + ";proto=prometheus.WriteRequest",
                                          V1 + "; proto=prometheus.WriteRequest; x=y"])
def test_spellings_of_version_1(writes, content_type):
    assert writes.sender().post(snappy(request_v1([GOOD])), content_type)[0] == 204


def test_no_encoding_means_snappy(writes):
    assert writes.sender().post(snappy(request_v1([GOOD])), encoding=None)[0] == 204


def test_start_timestamps(writes, job):
    series = [(metric("m", job=job), [(NOW_MS, 1.0)])]
    body = snappy(request_v2(series, start_ms=NOW_MS - 5000))
    assert writes.sender().post(body, V2)[0] == 204
    answer = writes.get("/api/v1/samples", match=f'{{job="{job}"}}', format="arrow")
    row = pyarrow.ipc.open_stream(answer.body).read_all().to_pylist()[0]
    assert round(row["start_timestamp"].timestamp() * 1000) == NOW_MS - 5000


def test_prom2parquet_paths(writes, job):
    sender = writes.sender()
    sender.path = "/receive"
    sender.send([(metric("m", job=job, prom2parquet_prefix="run-1"), [(NOW_MS, 1.0)])])
    assert writes.post("/flush").status == 200
    labels, = stored(writes, job)
    assert dict(labels)["prom2parquet_prefix"] == "run-1"
    experiments = list((writes.data / "experiments").glob("*.json"))
    assert any("run-1" in path.read_text() for path in experiments)


def test_many_writers_at_once(writes, job):
    """Connections that write together; each answer means stored."""
    failures = []

    def write(n):
        try:
            sender = writes.sender()
            for i in range(20):
                sender.send([(metric("m", job=job, n=str(n)), [(NOW_MS - 1000 * i, float(i))])])
        except Exception as error:  # pylint: disable=broad-except
            failures.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(map(len, stored(writes, job).values())) == [20] * 16


def test_garbage_instead_of_http(writes):
    """Bytes that are no request do the server no harm."""
    import socket
    host, port = writes.address.split(":")
    for garbage in (b"\0" * 100, b"GET / HTTP/9.9\r\n\r\n", b"POST /api/v1/write HTTP/1.1\r\n"
                    b"Host: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
                    b"GET /" + b"a" * 100_000, struct.pack("<Q", 1 << 63)):
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            try:
                while connection.recv(65536):
                    pass
            except ConnectionError:
                pass
    wait_until(lambda: writes.get("/-/healthy").status == 200, "health")
