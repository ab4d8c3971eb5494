"""The same samples in Larnax and in a real Prometheus, and the same questions to both.

Queries: the file differential_queries.txt, and as many seeded ones as LARNAX_DIFFERENTIAL says
(default 200; `make soak` asks for more). Each is asked at one time and over a range. With
`--prometheus` (a Prometheus 3) native histograms, annotations and the texts of errors are compared
as well; without it Debian's Prometheus 2.42 answers what it can.
"""

import collections
import http.client
import json
import math
import os
import pathlib
import re
import shutil
import urllib.parse

import pytest

from app.remote_write import V1, request_v1, snappy
from app.server import Larnax, Process, free_port, http as request, wait_until
from promql import differential_data as data
from promql.expression_generator import Generator

# For both servers, where it is a Prometheus 3. (Without promql-delayed-name-removal: there, filters
# between vectors bring dropped names back in 3.13.)
FEATURES = ("promql-experimental-functions,promql-extended-range-selectors,"
            "promql-binop-fill-modifiers,promql-duration-expr")
FOLDER = pathlib.Path(__file__).resolve().parent
GENERATED = int(os.environ.get("LARNAX_DIFFERENTIAL", "200"))
SEED = int(os.environ.get("LARNAX_SEED", "1"))

# What Prometheus answers otherwise: in the query, in the difference, why. First every version, then
# 2.42, then 3.13.
DIFFERENCES = [
    (r"timestamp\([^()]*(@.*offset|offset.*@)", r"",
     "the offset of a selector that @ fixes is forgotten in timestamp()"),
    (r"(sin|cos|tan)\(.*(exp\(|\^)", r"^points",
     "the last bit of a large number is all of its cosine"),
    (r"(changes|resets)\(.*((sin|cos|tan)h?|exp|ln|log\d+|histogram_(fraction|quantile))\(", r"^points",
     "where the last bit is the machine's, each may count"),
    (r"exp\(", r"^points.*'1\.\d+e\+308'\], \[[\d.]+, '\+Inf'\]",
     "the exp of Go is +Inf from 709.44 on, though the largest number is that of 709.78"),
    (r"std(dev|var).*(timestamp|ts_of_)", r"^points",
     "times have no digits left for squares of differences"),
]
OLD_DIFFERENCES = [
    (r"atan2", r"^series|labelset", "2.42 keeps the metric's name in the result of atan2"),
    (r"count_values\w*.*\"a-b\"", r"^status", "label names are any UTF-8 since 3.0"),
    (r"-\(|label_", r"^status: 'success' and .*same labelset",
     "series that become one at different steps are merged since 3.0"),
    (r"predict_linear\(.*@|@.*predict_linear", r"^points",
     "2.42 takes predict_linear of a fixed range to be the same at every step"),
    (r"std(dev|var)", r"^points.*'NaN'.*'(0|-Inf)'", "in 2.42 one NaN alone deviates by 0"),
    (r"[<>=]", r"^status: 'multiple matches .* and 'success'",
     "2.42 looks for second matches only among what a comparison keeps"),
]
NEW_DIFFERENCES = [
    (r"mad_over_time", r"'NaN'", "a NaN makes the result NaN only since 3.14"),
    (r"(min|max|sum|avg|count|quantile|[<>=]).*mad_over_time|mad_over_time.*[<>=]", r"^points",
     "the same below what leaves the NaN out"),
    (r"histogram_(count|sum|avg)\(nh [-+] nh", r"subtraction|addition|^points",
     "where only counts are read, 3.13 takes the hints of resets from the samples it reads"),
    (r"histogram_(count|sum|avg)\((sum|avg)_over_time\(nh", r"^warnings.*counter resets",
     "the same: of windows that do not touch it does not read what lies between"),
]


class Prometheus(Process):
    """A Prometheus that takes remote writes and scrapes nothing."""

    def __init__(self, program, folder, flags):
        super().__init__(folder / "prometheus.log")
        self.program, self.folder, self.flags = program, folder, flags
        self.address = f"127.0.0.1:{free_port()}"

    def start(self):
        (self.folder / "prometheus.yml").write_text("scrape_configs: []\n")
        self.spawn([self.program, f"--config.file={self.folder}/prometheus.yml",
                    f"--storage.tsdb.path={self.folder}/tsdb", "--storage.tsdb.retention.time=99y",
                    f"--web.listen-address={self.address}", "--web.enable-remote-write-receiver",
                    *self.flags])
        wait_until(self.is_ready, "prometheus", alive=self.process)
        return self

    def is_ready(self):
        try:
            return request("GET", f"http://{self.address}/-/ready", timeout=5).status == 200
        except OSError:
            return False


class Asker:
    """Asks one server on one connection."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address, timeout=120)

    def ask(self, path, **params):
        """The answer, parsed."""
        self.connection.request("POST", path, urllib.parse.urlencode(params),
                                {"Content-Type": "application/x-www-form-urlencoded"})
        return json.loads(self.connection.getresponse().read())


@pytest.fixture(scope="module")
def is_new(pytestconfig):
    return pytestconfig.getoption("--prometheus") is not None


@pytest.fixture(scope="module")
def servers(build, is_new, pytestconfig, tmp_path_factory):
    """Both servers with the same samples: a pair of Askers, Larnax first."""
    program = pytestconfig.getoption("--prometheus") or shutil.which("prometheus")
    if program is None:
        pytest.skip("no prometheus: run `make setup-app`")
    folder = tmp_path_factory.mktemp("differential")
    flags = [f"--enable-feature={FEATURES}"] if is_new else []
    running = [Larnax(build, folder / "data", *flags), Prometheus(program, folder, flags)]
    try:
        for server in running:
            server.start()
        writes = []
        for floats, histograms in zip(data.slices(data.floats()),
                                      data.slices(list(data.histograms()))):
            writes.append(request_v1(floats))
            if is_new:
                writes.append(data.histogram_request(histograms))
        for server in running:
            for body in writes:
                answer = request("POST", f"http://{server.address}/api/v1/write", snappy(body),
                                 {"Content-Type": V1, "Content-Encoding": "snappy",
                                  "X-Prometheus-Remote-Write-Version": "0.1.0"})
                assert answer.status in (200, 204), answer
        yield [Asker(server.address) for server in running]
    finally:
        for server in running:
            server.end()


def close(a, b):
    """Tell whether two values, as texts, are equal but for rounding."""
    if a == b:
        return True
    x, y = float(a), float(b)
    if math.isnan(x) or math.isnan(y):
        return math.isnan(x) and math.isnan(y)
    # Differences of large numbers lose digits: of 1e5, 1e-9 is left.
    return math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-7)


def same_histogram(a, b):
    return (close(a["count"], b["count"]) and close(a["sum"], b["sum"]) and
            len(a.get("buckets", [])) == len(b.get("buckets", [])) and
            all(x[0] == y[0] and all(map(close, x[1:], y[1:]))
                for x, y in zip(a.get("buckets", []), b.get("buckets", []))))


def same_points(a, b):
    return len(a) == len(b) and all(
        x[0] == y[0] and (same_histogram(x[1], y[1]) if isinstance(x[1], dict) else
                          not isinstance(y[1], dict) and close(x[1], y[1]))
        for x, y in zip(a, b))


def points_of(series):
    """Floats and histograms of one entry of a result."""
    return (series.get("values", []) + ([series["value"]] if "value" in series else []),
            series.get("histograms", []) + ([series["histogram"]] if "histogram" in series else []))


def key(series):
    return sorted(series["metric"].items())


def is_ordered(query):
    """Tell whether the order of an instant vector means something."""
    return re.match(r"(sort|sort_desc|topk|bottomk) ?\(", query) is not None


def error_text(answer):
    """An error without what is nobody's promise: which of several wrong matches, at which step, is
    found first, and what is wrong in a regular expression."""
    text = re.sub(r"(error parsing regexp): .*", r"\1", answer["error"])
    return re.sub(r"(found duplicate series for the match group|multiple matches for labels).*",
                  "no match", text)


def difference(query, ours, theirs, is_new):
    """Say how two answers differ; None where they do not."""
    if ours["status"] != theirs["status"]:
        return f"status: {ours.get('error', 'success')!r} and {theirs.get('error', 'success')!r}"
    if ours["status"] == "error":
        same = ours["errorType"] == theirs["errorType"]
        if same and (not is_new or error_text(ours) == error_text(theirs)):
            return None
        return f"error: {ours['error']!r} and {theirs['error']!r}"
    a, b = ours["data"], theirs["data"]
    if a["resultType"] != b["resultType"]:
        return f"type: {a['resultType']} and {b['resultType']}"
    if is_new:
        for kind in ("warnings", "infos"):
            if sorted(ours.get(kind, [])) != sorted(theirs.get(kind, [])):
                return f"{kind}: {ours.get(kind)} and {theirs.get(kind)}"
    a, b = a["result"], b["result"]
    if ours["data"]["resultType"] == "string":
        return None if a == b else f"string: {a} and {b}"
    if ours["data"]["resultType"] == "scalar":
        return None if same_points([a], [b]) else f"value: {a} and {b}"
    if ours["data"]["resultType"] == "vector" and not is_ordered(query):
        a, b = sorted(a, key=key), sorted(b, key=key)
    if [key(series) for series in a] != [key(series) for series in b]:
        return f"series: {[s['metric'] for s in a][:5]} and {[s['metric'] for s in b][:5]}"
    for x, y in zip(a, b):
        for p, q in zip(points_of(x), points_of(y)):
            if not same_points(p, q):
                bad = [(i, j) for i, j in zip(p, q) if not same_points([i], [j])][:2]
                return f"points of {x['metric']}: {len(p)} and {len(q)}, {bad}"
    return None


class Comparison:
    """Asks both, counts, and keeps what differs."""

    def __init__(self, servers, is_new):
        self.servers, self.is_new = servers, is_new
        self.counts = collections.Counter()
        self.found = []

    def compare(self, query, path, **params):
        answers = [server.ask(path, query=query, **params) for server in self.servers]
        self.counts["compared"] += 1
        self.counts[answers[0]["status"]] += 1
        if answers[0]["status"] == "success" and answers[0]["data"]["result"]:
            self.counts["not empty"] += 1
        text = difference(query, *answers, self.is_new)
        known = DIFFERENCES + (NEW_DIFFERENCES if self.is_new else OLD_DIFFERENCES)
        if text is not None and any(re.search(in_query, query) and re.search(in_text, text)
                                    for in_query, in_text, _ in known):
            self.counts["explained"] += 1
        elif text is not None:
            self.found.append(f"{query}  {params}\n    {text}")

    def instant_and_range(self, query, offset_s):
        first = data.FIRST_S + offset_s % (data.LAST_S - data.FIRST_S - 600)
        self.compare(query, "/api/v1/query", time=first)
        self.compare(query, "/api/v1/query_range", start=first, end=first + 600,
                     step=[10, 30, 60, 170][offset_s // 10 % 4])

    def finish(self):
        print(dict(self.counts))
        assert not self.found, (f"{len(self.found)} of {self.counts['compared']} differ:\n" +
                                "\n".join(self.found[:40]))


def ask_written(servers, is_new, name):
    lines = (FOLDER / name).read_text().splitlines()
    queries = [line for line in lines if line and not line.startswith("#")]
    comparison = Comparison(servers, is_new)
    for number, query in enumerate(queries):
        comparison.instant_and_range(query, 10 * (37 * number % 997))
    comparison.finish()
    assert comparison.counts["not empty"] > len(queries)


def test_written_queries(servers, is_new):
    ask_written(servers, is_new, "differential_queries.txt")


def test_written_queries_of_prometheus_3(servers, is_new):
    if not is_new:
        pytest.skip("no Prometheus 3: give one by --prometheus")
    ask_written(servers, is_new, "differential_queries_3.txt")


def test_generated_queries(servers, is_new):
    comparison = Comparison(servers, is_new)
    generator = Generator(SEED, experimental=is_new)
    for number in range(GENERATED):
        comparison.instant_and_range(generator.expression(), 10 * (41 * number % 2003))
    comparison.finish()
