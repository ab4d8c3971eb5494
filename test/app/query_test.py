"""PromQL over HTTP and on the command line: what dashboards, promtool and attackers ask.

Answers are checked against values worked out by hand; what is compared here is the way through the
whole server, not the language (test/promql has that).
"""

import io
import json
import math
import shutil
import subprocess
import threading
import time

import pyarrow
import pyarrow.parquet
import pytest

from app.server import http, wait_until

# Far enough back that no sample is in the future, whatever the clocks say.
START = int(time.time()) // 60 * 60 - 3600
STEPS = 121
STEP = 15
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

needs_promtool = pytest.mark.skipif(not shutil.which("promtool"),
                                    reason="no promtool: run `make setup-app`")


def counter(rate):
    return [(1000 * (START + STEP * i), float(rate * STEP * i)) for i in range(STEPS)]


SENT = [
    ({"__name__": "requests_total", "job": "api", "instance": "a"}, counter(2)),
    ({"__name__": "requests_total", "job": "api", "instance": "b"}, counter(3)),
    ({"__name__": "requests_total", "job": "web", "instance": "c"}, counter(0.5)),
    ({"__name__": "up", "job": "api", "http.method": "GET"},
     [(1000 * (START + STEP * i), 0.1 + i) for i in range(STEPS)]),
]
END = START + STEP * (STEPS - 1)


@pytest.fixture(scope="module", params=["memory", "files"])
def server(request, build, tmp_path_factory):
    from app.server import Larnax
    folder = tmp_path_factory.mktemp("query")
    larnax = Larnax(build, folder / "data", "--enable-feature", "promql-experimental-functions",
                    "--query-log", str(folder / "query.log"), "--query-timeout", "20s")
    larnax.query_log = folder / "query.log"
    larnax.start()
    larnax.sender().send(SENT, [(1, "requests_total", "Requests.", "")])
    if request.param == "files":
        larnax.flush()
    yield larnax
    larnax.end()


def post(server, path, **params):
    from urllib.parse import urlencode
    return server.post(path, urlencode(params, doseq=True).encode(), FORM)


def error_of(answer):
    return answer.status, answer.json()["errorType"], answer.json()["error"]


def test_instant_query(server):
    data = server.data_of("/api/v1/query", time=END,
                          query="sum by (job) (rate(requests_total[5m]))")
    assert data["resultType"] == "vector"
    values = {row["metric"]["job"]: float(row["value"][1]) for row in data["result"]}
    assert values == {"api": pytest.approx(5), "web": pytest.approx(0.5)}
    assert all(row["value"][0] == END for row in data["result"])


def test_range_query(server):
    data = server.data_of("/api/v1/query_range", query="requests_total{job='web'} * 2",
                          start=START, end=START + 60, step=15)
    assert data == {"resultType": "matrix", "result": [
        {"metric": {"job": "web", "instance": "c"},
         "values": [[START + 15 * i, text] for i, text in enumerate(["0", "15", "30", "45", "60"])]}]}


def test_range_selector_gives_the_samples(server):
    data = server.data_of("/api/v1/query", query="up[30s]", time=START + 30)
    assert data["resultType"] == "matrix"
    assert data["result"][0]["values"] == [[START + 15, "1.1"], [START + 30, "2.1"]]


def test_scalar_and_string(server):
    assert server.data_of("/api/v1/query", query="1+1", time=5) == {
        "resultType": "scalar", "result": [5, "2"]}
    assert server.data_of("/api/v1/query", query='"a"', time=5) == {
        "resultType": "string", "result": [5, "a"]}


def test_grafana(server):
    """What Grafana asks when a data source is saved, a variable filled and a panel drawn."""
    health = post(server, "/api/v1/query", query="1+1", time=END)
    assert health.json()["data"]["result"][1] == "2"
    version = server.data_of("/api/v1/status/buildinfo")["version"]
    assert tuple(int(part) for part in version.split(".")[:2]) >= (2, 24)
    window = {"start": START, "end": END}
    assert server.data_of("/api/v1/label/job/values", match="requests_total", **window) == [
        "api", "web"]
    assert server.data_of("/api/v1/label/U__http_2e_method/values", match="up", **window) == ["GET"]
    labels = post(server, "/api/v1/labels", **{"match[]": "requests_total"}, **window)
    assert labels.json()["data"] == ["__name__", "instance", "job"]
    series = post(server, "/api/v1/series", **{"match[]": 'requests_total{job="web"}'}, **window)
    assert series.json()["data"] == [
        {"__name__": "requests_total", "instance": "c", "job": "web"}]
    panel = post(server, "/api/v1/query_range", start=START, end=END, step=60, timeout="30s",
                 query="histogram_quantile(0.9, sum by (le) (rate(nothing_bucket[5m])))")
    assert panel.json()["data"] == {"resultType": "matrix", "result": []}
    panel = post(server, "/api/v1/query_range", query="rate(requests_total[1m])", start=START + 120,
                 end=END, step=60)
    assert len(panel.json()["data"]["result"]) == 3
    exemplars = post(server, "/api/v1/query_exemplars", query="requests_total", **window)
    assert exemplars.json() == {"status": "success", "data": []}
    assert server.data_of("/api/v1/metadata") == {
        "requests_total": [{"type": "counter", "help": "Requests.", "unit": ""}]}
    assert server.data_of("/api/v1/rules") == {"groups": []}
    assert server.get("/api/v1/query", query="up", headers={"Origin": "http://a"}).headers[
        "Access-Control-Allow-Origin"] == "*"


@needs_promtool
def test_promtool(server):
    url = f"http://{server.address}"

    def promtool(command, *arguments):
        done = subprocess.run(["promtool", "query", command, *map(str, arguments)], text=True,
                              capture_output=True, timeout=60)
        assert done.returncode == 0, done
        return done.stdout

    instant = promtool("instant", f"--time={END}", url, "sum(rate(requests_total[5m]))")
    assert instant.startswith("{} => ")
    assert float(instant.split()[2]) == pytest.approx(5.5)
    ranged = promtool("range", f"--start={START}", f"--end={START + 30}", "--step=15s", url,
                      'requests_total{job="web"}')
    assert 'requests_total{instance="c", job="web"} =>' in ranged
    assert f"7.5 @[{START + 15}]" in ranged
    # Debian's promtool knows no label names with dots.
    series = promtool("series", f"--start={START}", f"--end={END}",
                      '--match=requests_total{job="web"}', url)
    assert series.count("\n") == 1 and 'instance="c", job="web"}' in series
    labels = promtool("labels", f"--start={START}", f"--end={END}", url, "job")
    assert labels.split() == ["api", "web"]


@pytest.mark.parametrize("path", ["/api/v1/query", "/api/v1/query_range"])
def test_tables(server, path):
    params = {"query": "up / 3", "time": END, "start": START, "end": END, "step": 15}
    want = [(START + 15 * i, (0.1 + i) / 3) for i in range(STEPS)]
    if path == "/api/v1/query":
        want = want[-1:]
    arrow = server.get(path, headers={"Accept": "application/vnd.apache.arrow.stream"}, **params)
    table = pyarrow.ipc.open_stream(arrow.body).read_all()
    parquet = server.get(path, format="parquet", **params)
    for rows in (table, pyarrow.parquet.read_table(io.BytesIO(parquet.body))):
        assert rows.column_names == ["metric", "http.method", "job", "other_labels", "timestamp",
                                     "value"]
        assert [(time.timestamp(), value) for time, value in zip(
            rows["timestamp"].to_pylist(), rows["value"].to_pylist())] == want
        assert set(rows["http.method"].to_pylist()) == {"GET"}
    text = server.get(path, format="csv", **params).text.splitlines()
    assert text[0] == "metric,http.method,job,other_labels,timestamp,value"
    assert [float(line.rsplit(",", 1)[1]) for line in text[1:]] == [value for _, value in want]
    answer = server.data_of(path, **params)["result"][0]
    points = answer.get("values") or [answer["value"]]
    assert [(time, float(value)) for time, value in points] == want


HOSTILE = [
    ("(" * 100_000, "nested too deep"),
    ("-" * 100_000 + "1", "nested too deep"),
    ("a" + "^a" * 100_000, "nested too deep"),
    ("a" + "+a" * 100_000, "too many levels"),
    ("up{a=~\"" + "(" * 50_000 + "\"}", "error parsing regexp"),
    ("up{a=~\"((((a{1000}){1000}){1000}){1000})\"}", "error parsing regexp"),
    ("a" * 10_000_000, "too long"),
    ("\x00", "unexpected character"),
    ("rate(up[5m]", "unclosed left parenthesis"),
    ("topk(up, up)", "expected type scalar"),
]


@pytest.mark.parametrize("query, error", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_refused(server, query, error):
    for path in ("/api/v1/query", "/api/v1/format_query", "/api/v1/parse_query",
                 "/api/v1/query_exemplars"):
        if path != "/api/v1/query" and error in ("expected type scalar",):
            continue
        status, kind, message = error_of(post(server, path, query=query, time=END))
        assert (status, kind) == (400, "bad_data")
        assert error in message and len(message) < 200_000
    assert server.data_of("/api/v1/query", query="1")["result"][1] == "1"


def test_hostile_ranges_end_in_errors(server):
    too_many = "exceeded maximum resolution of 11,000 points per timeseries"
    for params, error in [
            ({"start": 0, "end": END, "step": "1ms"}, too_many),
            ({"start": 0, "end": 1e300, "step": 1}, "cannot parse"),
            ({"start": END, "end": 0, "step": 1}, "end timestamp must not be before start time"),
            ({"start": 0, "end": 1, "step": -1}, "zero or negative query resolution"),
            ({"start": 0, "end": 1, "step": "NaN"}, "cannot parse")]:
        status, kind, message = error_of(post(server, "/api/v1/query_range", query="up", **params))
        assert (status, kind) == (400, "bad_data") and error in message, params


def test_memory_of_a_query_has_a_limit(larnax, server):
    steps = {"start": 0, "end": 11_000, "step": 1}  # 88 kB of values.
    small = larnax("--query-max-memory", "64KiB")
    status, kind, message = error_of(post(small, "/api/v1/query_range", query="vector(1)", **steps))
    assert (status, kind) == (422, "execution") and "limit=65536" in message, message
    assert small.data_of("/api/v1/query", query="vector(1)")["result"][0]["value"][1] == "1"
    # Without the flag it is far above that.
    assert post(server, "/api/v1/query_range", query="vector(1)", **steps).status == 200
    assert "--query-max-memory SIZE=1GiB" in server.command("serve", "--help").stdout


@pytest.mark.parametrize("query", [
    # Billions of points, of one subquery and of many.
    "max_over_time(up[1000y:1ms])",
    "sum_over_time(sum_over_time(sum_over_time(up[1d:1s])[1d:1s])[1d:1s])",
    "sum_over_time((time() * count_over_time(vector(time())[1d:1s]))[1d:1s])",
    "count_over_time(vector(1)[100y:1s])",
])
def test_queries_of_very_many_points_end(server, query):
    began = time.monotonic()
    answer = post(server, "/api/v1/query", query=query, time=END, timeout="3s")
    # Some of them an engine can answer without looking at each point.
    assert answer.status in (200, 400, 422, 503), answer
    assert time.monotonic() - began < 30
    assert answer.json()["status"] == ("success" if answer.status == 200 else "error")
    assert server.data_of("/api/v1/query", query="1")["result"][1] == "1"


def test_many_at_once(server):
    failures = []

    def ask(number):
        answer = server.get("/api/v1/query", query=f"sum(requests_total) * 0 + {number}", time=END)
        if answer.status != 200 or answer.json()["data"]["result"][0]["value"][1] != str(number):
            failures.append(answer)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_query_log(server):
    server.get("/api/v1/query", query="up == 17", time=END)
    line = wait_until(lambda: [text for text in server.query_log.read_text().splitlines()
                               if "up == 17" in text], "a line in the query log")[0]
    entry = json.loads(line)
    assert entry["params"]["query"] == "up == 17"
    assert entry["httpRequest"]["path"] == "/api/v1/query"


def test_stats(server):
    data = server.data_of("/api/v1/query", query="up", time=END, stats="all")
    assert data["stats"]["samples"]["samplesRead"] >= 1
    assert data["stats"]["timings"]["execTotalTime"] > 0


@pytest.fixture(scope="module")
def archive(build, tmp_path_factory):
    """A server that has put everything into files, and was stopped."""
    from app.server import Larnax
    larnax = Larnax(build, tmp_path_factory.mktemp("archive") / "data").start()
    larnax.sender().send(SENT)
    assert larnax.stop() == 0
    return larnax


def test_command_reads_files(archive):
    done = archive.command("query", "sum by (job) (rate(requests_total[5m]))", "--data",
                           archive.data, "--time", END)
    assert done.returncode == 0, done
    assert [line.split()[0] for line in done.stdout.splitlines()] == ['{job="api"}', '{job="web"}']
    done = archive.command("query", "up", "--data", archive.data, "--start", START, "--end", END,
                           "--step", "5m", "--format", "json")
    values = json.loads(done.stdout)["data"]["result"][0]["values"]
    assert [time for time, _ in values] == list(range(START, END + 1, 300))
    done = archive.command("query", "up", "--data", archive.data, "--start", START, "--end", END,
                           "--format", "graph")
    assert "up{" in done.stdout and "\u2524" in done.stdout
    done = archive.command("query", "up + ", "--data", archive.data)
    assert done.returncode == 2
    assert "1:6: parse error: unexpected end of input" in done.stderr


def test_command_writes_parquet(archive, tmp_path):
    with open(tmp_path / "up.parquet", "wb") as out:
        done = subprocess.run([archive.build / "larnax", "query", "up", "--data", archive.data,
                               "--time", str(END), "--format", "parquet"], stdout=out, timeout=60)
    assert done.returncode == 0
    assert pyarrow.parquet.read_table(tmp_path / "up.parquet")["value"].to_pylist() == [120.1]


def test_command_explains(archive):
    query = "sum by (job) (rate(requests_total[5m]))"
    done = archive.command("explain", query, "--data", archive.data, "--time", END)
    assert done.returncode == 0, done
    assert "requests_total" in done.stdout and " ms" not in done.stdout
    done = archive.command("explain", query, "--data", archive.data, "--time", END, "--analyze")
    assert " ms" in done.stdout and "files" in done.stdout


def test_command_asks_servers(server):
    url = f"http://{server.address}"
    done = server.command("query", "up", "--url", url, "--time", END)
    assert done.returncode == 0, done
    assert done.stdout.split()[-1] == "120.1"
    done = server.command("query", "up", "--url", url, "--start", START, "--end", END, "--step",
                          "15s", "--format", "csv")
    assert len(done.stdout.splitlines()) == STEPS + 1
    done = server.command("query", "up(", "--url", url)
    assert done.returncode == 2 and "parse error" in done.stderr
    done = server.command("query", "up", "--url", "http://127.0.0.1:1")
    assert done.returncode == 5


def test_servers_go_without_the_client_library(server):
    with open(f"/proc/{server.process.pid}/maps") as maps:
        libraries = maps.read()
    assert "libcurl" not in libraries and "libparquet" in libraries


def test_values_are_exact(server):
    """Numbers that decimals do not have come through every form."""
    data = server.data_of("/api/v1/query", query="up / 0 or vector(-1) ^ 0.5 or -up / 0", time=END)
    assert {row["value"][1] for row in data["result"]} >= {"+Inf"}
    data = server.data_of("/api/v1/query", query="scalar(up)", time=END)
    assert data["result"][1] == "120.1" and math.isclose(float(data["result"][1]), 120.1)
    assert http("GET", server.url("/api/v1/query", query="1e21")).json()["data"]["result"][1] == (
        "1000000000000000000000")
