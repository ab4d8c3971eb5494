#!/usr/bin/env python3
"""PromQL beside Prometheus and VictoriaMetrics: the same samples, the same queries; Markdown.

    bench/queries.py --build build/release [--short] [--span 1h] [--series 22000] [--runs 5]
                     [--prometheus PATH] [--victoria-metrics PATH] [--page docs/queries.md]

Every system gets the same requests of one generator, brings them into its files and is started
again. Answers are compared before any time is printed: with Prometheus' all series, steps and
values, with VictoriaMetrics' (whose rate() is another function) the series only. Times are of the
whole HTTP request on loopback; the first after a start with the files' pages out of the system's
cache where root may drop them, then the median of `--runs` (VictoriaMetrics without its cache of
results). CPU and memory are the server's.
"""

import argparse
import json
import math
import os
import shutil
import statistics
import sys
import tempfile
import time

from rivals import (Larnax, Prometheus, System, VictoriaMetrics, cpu_name, drop_caches, key, load,
                    seconds)

CPU = "container_cpu_usage_seconds_total"
BUCKETS = "http_request_duration_seconds_bucket"

# name, expression, step in seconds (None: instant)
QUERIES = [
    ("sum by rate", f"sum by (namespace) (rate({CPU}[5m]))", 15),
    ("classic quantile", f"histogram_quantile(0.99, sum by (le, namespace) (rate({BUCKETS}[5m])))", 15),
    ("quantile over time", "avg(quantile_over_time(0.9, container_memory_working_set_bytes[15m]))", 60),
    ("topk of rate", f"topk(10, rate({CPU}[1m]))", 15),
    ("count everything", 'count({__name__=~".+"})', None),
    ("one series", f'rate({CPU}{{pod=~"{{pod}}"}}[5m])', 15),
    ("one series, instant", f'{CPU}{{pod=~"{{pod}}"}}', None),
    ("one namespace", f'sum(rate({CPU}{{namespace="team-3"}}[5m]))', 15),
    ("regex on pods", f'sum by (pod) (rate({CPU}{{pod=~"service-1.*"}}[5m]))', 60),
    ("wide, no aggregation", f"rate({CPU}[5m])", 60),
    ("instant rate, wide", f"sum by (node) (rate({CPU}[5m]))", None),
    ("join with info", f"sum by (created_by_kind) (rate({CPU}[5m]) * on (namespace, pod) "
                       "group_left (created_by_kind) kube_pod_info)", 60),
    ("ratio of two", "sum by (namespace) (container_memory_working_set_bytes) / sum by (namespace) "
                     "(kube_pod_container_resource_limits)", 15),
    ("error share", 'sum(rate(http_requests_total{code=~"2.."}[5m])) / '
                    "sum(rate(http_requests_total[5m]))", 15),
    ("mean duration", "sum by (namespace) (rate(http_request_duration_seconds_sum[5m])) / "
                      "sum by (namespace) (rate(http_request_duration_seconds_count[5m]))", 15),
    ("max over time", "max by (node) (max_over_time(container_memory_working_set_bytes[10m]))", 60),
    ("avg over time, long", "avg_over_time(container_memory_working_set_bytes[1h])", None),
    ("subquery", f"max_over_time(sum(rate({CPU}[5m]))[30m:1m])", 60),
    ("deriv", "sum by (namespace) (deriv(container_memory_working_set_bytes[10m]))", 60),
    ("increase", "topk(5, sum by (namespace) (increase(kube_pod_container_status_restarts_total[1h])))",
     None),
    ("threshold", "count(container_memory_working_set_bytes > 1e8)", 15),
    ("unless", "count(container_memory_working_set_bytes unless on (pod) kube_pod_info)", 60),
    ("sort by value", f"sort_desc(sum by (namespace) (rate({CPU}[5m])))", None),
    ("stddev", f"stddev by (namespace) (rate({CPU}[5m]))", 60),
    ("changes", "sum(changes(kube_pod_container_status_restarts_total[30m]))", 60),
    ("label_replace", f'sum by (short) (label_replace(rate({CPU}[5m]), "short", "$1", "pod", '
                      '"(service-[0-9]).*"))', 60),
    ("offset", f"sum(rate({CPU}[5m])) - sum(rate({CPU}[5m] offset 30m))", 60),
]


def run(system, expression, step, start, end):
    # VictoriaMetrics would answer the same question from its cache of results.
    more = {"nocache": "1"} if isinstance(system, VictoriaMetrics) else {}
    if step is None:
        return system.request("/api/v1/query", query=expression, time=end, **more)
    return system.request("/api/v1/query_range", query=expression, start=start, end=end, step=step,
                          **more)


def shape(body):
    data = json.loads(body)["data"]
    if data["resultType"] == "scalar":
        return {(): [data["result"]]}
    return {key(one["metric"]): one.get("values") or [one["value"]] for one in data["result"]}


def differs(a, b):
    """Largest relative difference of two answers; infinity where their shapes differ."""
    if a.keys() != b.keys():
        return math.inf
    largest = 0.0
    for series, values in a.items():
        other = b[series]
        if [float(t) for t, _ in values] != [float(t) for t, _ in other]:
            return math.inf
        for (_, x), (_, y) in zip(values, other):
            x, y = float(x), float(y)
            if x == y or (math.isnan(x) and math.isnan(y)):
                continue
            largest = max(largest, abs(x - y) / max(abs(x), abs(y)))
    return largest


def reset_peak(system):
    with open(f"/proc/{system.process.pid}/clear_refs", "w") as out:
        out.write("5")


def measure(arguments, system_class, start, end, pod, folder):
    """{query: (answer, first ms, warm ms, CPU ms, peak MB)}; an error is the answer's text."""
    system = system_class(arguments, folder)
    load(arguments, system, start)
    system.merge()
    # Steps off the samples' times: the edges of windows are another matter in Prometheus 2.
    start, end = start + 7, end + 7
    if pod is None:
        answer = shape(run(system, CPU, None, start, end - 60))
        pod = sorted(dict(series)["pod"] for series in answer)[len(answer) // 2]
    found = {}
    for name, expression, step in QUERIES:
        expression = expression.replace("{pod}", pod)
        drop_caches()
        system.restart()
        try:
            began = time.perf_counter()
            body = run(system, expression, step, start, end)
            first = (time.perf_counter() - began) * 1000
        except OSError as error:
            print(f"{system.name}: {name}: {error}", file=sys.stderr)
            continue
        reset_peak(system)
        walls = []
        cpu = system.cpu_seconds()
        runs = arguments.runs
        for _ in range(runs):
            began = time.perf_counter()
            run(system, expression, step, start, end)
            walls.append((time.perf_counter() - began) * 1000)
        # Ticks of 10 ms: quick queries run until they can be counted.
        while system.cpu_seconds() - cpu < 0.1 and runs < 400:
            run(system, expression, step, start, end)
            runs += 1
        found[name] = (shape(body), first, statistics.median(walls),
                       (system.cpu_seconds() - cpu) / runs * 1000, system.peak_mb())
    system.stop()
    return found, pod


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--short", action="store_true", help="2,200 series, ten minutes, two runs")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--span", default="1h")
    parser.add_argument("--series", type=int, default=22000)
    parser.add_argument("--prometheus", default=shutil.which("prometheus"))
    parser.add_argument("--victoria-metrics", default=shutil.which("victoria-metrics"))
    parser.add_argument("--page", help="write the result as a page here too")
    arguments = parser.parse_args()
    if arguments.short:
        arguments.runs, arguments.span, arguments.series = 2, "10m", 2200
    systems = [Larnax] + [system for system, path in (
        (Prometheus, arguments.prometheus),
        (VictoriaMetrics, arguments.victoria_metrics)) if path]
    start = (int(time.time()) - seconds(arguments.span) - 600) // 15 * 15
    end = start + seconds(arguments.span)
    results, pod = {}, None
    load_before = os.getloadavg()[0]
    for system_class in systems:
        folder = tempfile.mkdtemp(prefix="larnax-queries-")
        try:
            results[system_class.name], pod = measure(arguments, system_class, start, end, pod,
                                                      folder)
        finally:
            for system in list(System.running):  # After a failure.
                system.stop()
            shutil.rmtree(folder, ignore_errors=True)

    rivals = [system.name for system in systems[1:]]
    lines = ["| query | " + " | ".join(f"{name} ms, first / warm / CPU, MB" for name in results)
             + " | " + " | ".join(f"{name} : Larnax, warm" for name in rivals) + " |",
             "|---|" + "---|" * (len(results) + len(rivals))]
    ratios = {name: [] for name in rivals}
    remarks = []
    for name, _, _ in QUERIES:
        ours = results["Larnax"].get(name)
        cells, compared = [], []
        for system, found in results.items():
            one = found.get(name)
            cells.append(f"{one[1]:.1f} / {one[2]:.1f} / {one[3]:.1f}, {one[4]:.0f}" if one else "error")
        for rival in rivals:
            theirs = results[rival].get(name)
            if ours is None or theirs is None:
                compared.append("-")
                continue
            difference = differs(theirs[0], ours[0])
            if rival == "Prometheus" and difference > 1e-9:
                remarks.append(f"- {name}: differs from Prometheus by {difference:.3g}")
            if rival == "VictoriaMetrics" and difference == math.inf:
                remarks.append(f"- {name}: VictoriaMetrics gives other series or steps "
                               f"({len(theirs[0])} series, {len(ours[0])} here)")
            ratio = theirs[2] / ours[2]
            ratios[rival].append(ratio)
            compared.append(f"{ratio:.1f}")
        lines.append(f"| {name} | " + " | ".join(cells + compared) + " |")
    means = [f"{geometric_mean(ratios[rival]):.1f}" for rival in rivals]
    lines.append("| geometric mean | " + " | ".join([""] * len(results) + means) + " |")
    versions = ", ".join(f"{system.name} {system.version(arguments)}" for system in systems)
    text = (f"{cpu_name()}, {os.cpu_count()} cores, load {load_before:.1f} before the runs; "
            f"{versions}. {arguments.series:,} series, {arguments.span} at 15 s.\n\n"
            + "\n".join(lines) + "\n\n" + "\n".join(remarks) + "\n")
    print(text)
    if arguments.page:
        with open(arguments.page, "w") as page:
            page.write("# Queries beside Prometheus and VictoriaMetrics\n\nMade by "
                       f"`bench/queries.py`, {time.strftime('%Y-%m-%d')}.\n\n{text}")


if __name__ == "__main__":
    main()
