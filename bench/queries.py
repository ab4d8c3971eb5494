#!/usr/bin/env python3
"""PromQL beside Prometheus and VictoriaMetrics: the same samples, the same queries; Markdown.

    bench/queries.py --build build/release [--short] [--span 1h] [--series 22000] [--runs 5]
                     [--prometheus PATH] [--victoria-metrics PATH] [--page docs/queries.md]

Every system gets the same requests of one generator, native histograms too, brings them into its
files and is started again. Answers are compared before any time is printed: with Prometheus' all
series, steps and values, with VictoriaMetrics' (whose rate() is another function, and which takes
no native histograms) the series only.
Times are of the whole HTTP request on loopback over a connection that is kept, from the request's
first byte sent to the answer's last one received, what a request costs that asks for nothing told
beside them; the first after a start with the files' pages out of the system's cache where root may
drop them; warm, the median of at least `--runs` after as many, one right after the other by one client
(VictoriaMetrics without its cache of results). CPU and memory are the server's. Last, what six queries
cost where 4 and 16 times as many series, or as much time, are read, and what a second core gains
(`--only cost`).
"""

import argparse
import contextlib
import json
import math
import os
import statistics
import sys
import time

from systems import (Larnax, VictoriaMetrics, add_rivals, body_of, cpu_name, drop_caches, key,
                     kubernetes, load, noon, own_folder, seconds, systems_of, write_page)

CPU = "container_cpu_usage_seconds_total"
BUCKETS = "http_request_duration_seconds_bucket"

MEMORY = """\
MB is the peak of the resident set while a query is answered. Larnax unmaps pages of program and
libraries that only its start has read (`src/cli/serve/startup_pages.h`), some 20 MB that stay in the
page cache; what is no file's is compared by itself, as it is after the query. All that is asked for lies
in one day, for which Larnax has one file of samples: across midnight, where it has two, it took 1.4 times
as long when that was measured (2026-11-23, mean over the kinds of query).

"""

NATIVE = "rpc_duration_seconds"
NATIVE_SERIES = 500

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
    ("native quantile", f"histogram_quantile(0.99, sum by (namespace) (rate({NATIVE}[5m])))", 15),
    ("offset", f"sum(rate({CPU}[5m])) - sum(rate({CPU}[5m] offset 30m))", 60),
]


# name, path, selector; over the whole time
LOOKUPS = [
    ("label names", "/api/v1/labels", None),
    ("label names, matched", "/api/v1/labels", CPU),
    ("label values", "/api/v1/label/pod/values", None),
    ("label values, matched", "/api/v1/label/pod/values", f'{CPU}{{namespace="team-3"}}'),
    ("series, one namespace", "/api/v1/series", f'{CPU}{{namespace="team-3"}}'),
    ("series, one metric", "/api/v1/series", CPU),
]
NOTHING = "1"


def question_of(expression, step, start, end):
    """Path and parameters of a query."""
    if step is None:
        return "/api/v1/query", {"query": expression, "time": end}
    return "/api/v1/query_range", {"query": expression, "start": start, "end": end, "step": step}


def questions(start, end, pod):
    """{name: path and parameters} of all that is asked."""
    found = {name: question_of(expression.replace("{pod}", pod), step, start, end)
             for name, expression, step in QUERIES}
    for name, path, selector in LOOKUPS:
        found[name] = path, {"start": start, "end": end, **({"match[]": selector} if selector else {})}
    return found


def request_of(system, question):
    path, parameters = question
    # VictoriaMetrics would answer the same question from its cache of results.
    more = {"nocache": "1"} if isinstance(system, VictoriaMetrics) else {}
    return system.get(path, **parameters, **more)


def run(system, question):
    return body_of(system.exchange(request_of(system, question)))


def shape(body):
    data = json.loads(body)["data"]
    if isinstance(data, list):
        return {one if isinstance(one, str) else key(one): [] for one in data}
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


def only_ties(a, b):
    """Whether two answers have the same values, though not of the same series: topk takes any of
    those that tie."""
    values = [sorted((float(t), float(v)) for points in answer.values() for t, v in points)
              for answer in (a, b)]
    return values[0] == values[1]


def warm(system, runs, question):
    """Milliseconds of time (the median) and of CPU, once the server has grown its memory: after so
    many runs that do not count."""
    request = request_of(system, question)
    for _ in range(runs):
        body_of(system.exchange(request))
    walls = []
    cpu = system.cpu_seconds()
    # Ticks of 10 ms: quick queries run until they can be counted. The counter is looked at now and
    # then only: that takes longer than many an answer, and meanwhile the server's core falls asleep.
    while not walls or (system.cpu_seconds() - cpu < 0.3 and len(walls) < 2000):
        look_again = time.perf_counter() + 0.1
        while time.perf_counter() < look_again or len(walls) < runs:
            began = time.perf_counter()
            answer = system.exchange(request)
            walls.append((time.perf_counter() - began) * 1000)
            if not answer.startswith(b"HTTP/1.1 200"):
                body_of(answer)
    return statistics.median(walls), (system.cpu_seconds() - cpu) / len(walls) * 1000


def prepared(arguments, system_class, folder, start):
    """A system that has all in its files, and does not run."""
    system = system_class(arguments, folder)
    load(system, *kubernetes(arguments.series, arguments.span, start, "--histograms", NATIVE_SERIES))
    system.merge()
    system.stop()
    return system


def measure(arguments, system, question):
    """(answer, first ms, warm ms, CPU ms, peak MB, own MB) after a start; None for what fails."""
    drop_caches()
    system.start()
    try:
        began = time.perf_counter()
        body = run(system, question)
        first = (time.perf_counter() - began) * 1000
        system.reset_peak()
        return (shape(body), first, *warm(system, arguments.runs, question), system.peak_mb(),
                system.own_mb())
    except OSError as error:
        print(f"{system.name}: {question}: {error}", file=sys.stderr)
        return None
    finally:
        system.stop()


def measure_all(arguments, systems, start, end):
    """{system: {query: what measure gives}}, {system: ms of asking for nothing}. Each query is asked of
    one system after the other: the machine is not the same in each minute."""
    with contextlib.ExitStack() as folders:
        systems = [prepared(arguments, one, folders.enter_context(own_folder("queries")), start)
                   for one in systems]
        # Steps off the samples' times: the edges of windows are another matter in Prometheus 2.
        start, end = start + 7, end + 7
        every_pod, *_ = measure(arguments, systems[0], question_of(CPU, None, start, end - 60))
        pod = sorted(dict(series)["pod"] for series in every_pod)[len(every_pod) // 2]
        found = {system.name: {} for system in systems}
        for name, question in questions(start, end, pod).items():
            for system in systems:
                one = measure(arguments, system, question)
                if one is not None:
                    found[system.name][name] = one
        nothing = {}
        for system in systems:
            system.start()
            nothing[system.name], _ = warm(system, 20 * arguments.runs,
                                           question_of(NOTHING, None, start, end))
            system.stop()
        return found, nothing


# What a query costs when there is more to read: of so many series over so many minutes. Two of the
# queries above once more, of the metric with the most series.
COSTS = {name: expression for name, expression, _ in QUERIES
         if name in ("sum by rate", "topk of rate", "classic quantile", "quantile over time")}
COSTS["sum by rate, widest"] = f"sum by (namespace) (rate({BUCKETS}[5m]))"
COSTS["topk of rate, widest"] = f"topk(10, rate({BUCKETS}[1m]))"
FACTORS = (1, 4, 16)
COST_MINUTES, COST_STEPS = 20, 60
CORE_ROUNDS = 7


@contextlib.contextmanager
def one_core():
    """What is started meanwhile has one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def ask_costs(arguments, system, start, minutes):
    """{query: (ms, CPU ms, series read)}; asked in as many steps, however long the time is."""
    answers = {}
    for name, expression in COSTS.items():
        path, parameters = question_of(expression, minutes * 60 // COST_STEPS, start + 7,
                                       start + minutes * 60 + 7)
        stats = json.loads(run(system, (path, {**parameters, "stats": "1"})))["data"]["stats"]
        answers[name] = (*warm(system, arguments.runs, (path, parameters)),
                         stats["archive"]["series"])
    return answers


def measure_costs(arguments):
    """{(query, what grows): [CPU ms of each factor]}, {query: (ms with one core, with all, series)}."""
    found, cores = {}, {}
    for grows in ("series", "time"):
        for factor in FACTORS:
            series, minutes = arguments.series // 4, COST_MINUTES
            if grows == "series":
                series *= factor
            else:
                minutes *= factor
            with own_folder("queries") as folder:
                system = Larnax(arguments, folder)
                start = noon()
                load(system, *kubernetes(series, f"{minutes}m", start))
                system.merge()
                system.restart()
                answers = ask_costs(arguments, system, start, minutes)
                for name, (_, cpu, _) in answers.items():
                    found.setdefault((name, grows), []).append(cpu)
                if grows == "series" and factor == FACTORS[-1]:
                    cores = compare_cores(arguments, system, start, minutes)
    return found, cores


def compare_cores(arguments, system, start, minutes):
    """{query: (ms with one core, with all, series read)}, the medians of some rounds of one after the
    other: the machine is not the same in each minute."""
    alone, together, read = {}, {}, {}
    for _ in range(CORE_ROUNDS):
        with one_core():
            system.restart()
        for name, (ms, _, series) in ask_costs(arguments, system, start, minutes).items():
            alone.setdefault(name, []).append(ms)
            read[name] = series
        system.restart()
        for name, (ms, _, _) in ask_costs(arguments, system, start, minutes).items():
            together.setdefault(name, []).append(ms)
    return {name: (statistics.median(alone[name]), statistics.median(together[name]), read[name])
            for name in alone}


def cost_table(arguments):
    found, cores = measure_costs(arguments)
    lines = [f"CPU ms of {arguments.series // 4:,} series over {COST_MINUTES} minutes, and of 4 and 16 times as "
             f"many, in {COST_STEPS} steps; behind it how much more a sample costs. Then the time of "
             "the most series with one core and with all, and how many series the query reads then.\n",
             "| query | what grows | 1x | 4x | 16x | one core, all, ms | series |",
             "|---|---|---|---|---|---|---|"]
    for (name, grows), costs in found.items():
        cells = [f"{cost:.1f}" + (f" ({cost / costs[0] / factor:.2f})" if factor > 1 else "")
                 for factor, cost in zip(FACTORS, costs)]
        alone, together, read = cores[name]
        last = (f"{alone:.1f}, {together:.1f} ({alone / together:.2f}) | {read:,}"
                if grows == "series" else " | ")
        lines.append(f"| {name} | {grows} | " + " | ".join(cells) + f" | {last} |")
    return "\n".join(lines) + "\n"


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def compare(name, rival, theirs, ours, remarks):
    """How many times as long theirs took, or None where they do not answer; says what differs."""
    if ours is None or theirs is None:
        return None
    if ours[0] and not theirs[0]:
        remarks.append(f"- {name}: {rival} answers nothing")
        return None
    difference = differs(theirs[0], ours[0])
    if rival == "Prometheus" and difference > 1e-9:
        remarks.append(f"- {name}: differs from Prometheus " +
                       ("in which series it takes of those that tie"
                        if only_ties(theirs[0], ours[0]) else f"by {difference:.3g}"))
    if rival == "VictoriaMetrics" and difference == math.inf:
        remarks.append(f"- {name}: VictoriaMetrics gives other series or steps "
                       f"({len(theirs[0])} series, {len(ours[0])} here)")
    return theirs[2] / ours[2]


def above(rival, theirs, ours):
    """A line on where Larnax takes longer, or more memory, than a rival."""
    asked = [name for name in ours if name in theirs and bool(theirs[name][0]) == bool(ours[name][0])]
    slower = [name for name in asked if ours[name][2] > theirs[name][2]]

    def more(figure):
        return ", ".join(f"{name} ({ours[name][figure]:.0f} and {theirs[name][figure]:.0f} MB)"
                         for name in asked if ours[name][figure] > theirs[name][figure]) or "none"

    return (f"- Slower than {rival}, warm: {', '.join(slower) or 'none'}.\n"
            f"- More resident memory than {rival}: {more(4)}.\n"
            f"- More memory of its own, that is no file's pages, than {rival}: {more(5)}.\n")


def beside_rivals(arguments, systems):
    start = noon()
    end = start + seconds(arguments.span)
    results, nothing = measure_all(arguments, systems, start, end)

    rivals = [system.name for system in systems[1:]]
    lines = ["| query | " + " | ".join(f"{name} ms, first / warm / CPU, MB" for name in results)
             + " | " + " | ".join(f"{name} : Larnax, warm" for name in rivals) + " |",
             "|---|" + "---|" * (len(results) + len(rivals))]
    ratios = {name: [] for name in rivals}
    remarks = []
    for name in questions(start, end, pod=""):
        cells = []
        for found in results.values():
            one = found.get(name)
            cells.append(f"{one[1]:.1f} / {one[2]:.2f} / {one[3]:.2f}, {one[4]:.0f}" if one else "error")
        for rival in rivals:
            ratio = compare(name, rival, results[rival].get(name), results["Larnax"].get(name), remarks)
            cells.append("-" if ratio is None else f"{ratio:.1f}")
            if ratio is not None:
                ratios[rival].append(ratio)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    means = [f"{geometric_mean(ratios[rival]):.1f}" for rival in rivals]
    lines.append("| geometric mean | " + " | ".join([""] * len(results) + means) + " |")
    asked = ", ".join(f"{name} {ms:.2f}" for name, ms in nothing.items())
    text = "\n".join(lines) + (f"\n\nWarm: one client asks again as soon as it has its answer. "
                               f"Asking for nothing (`{NOTHING}`) takes, ms: {asked}.\n\n") + MEMORY
    text += "".join(above(rival, results[rival], results["Larnax"]) for rival in rivals)
    return text + "\n".join(remarks) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add_rivals(parser, runs=5, short="2,200 series, ten minutes, two runs")
    parser.add_argument("--only", choices=("rivals", "cost"), help="one half of it")
    arguments = parser.parse_args()
    if arguments.short:
        arguments.runs, arguments.span, arguments.series = 2, "10m", 2200
    systems = systems_of(arguments)
    versions = ", ".join(f"{system.name} {system.version(arguments)}" for system in systems)
    text = (f"{cpu_name()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the runs; "
            f"{versions}. {arguments.series:,} series and {NATIVE_SERIES} native "
            f"histograms, {arguments.span} at 15 s.\n\n")
    if arguments.only != "cost":
        text += beside_rivals(arguments, systems)
    if arguments.only != "rivals":
        text += "\n" + cost_table(arguments)
    write_page(arguments, "Queries beside Prometheus and VictoriaMetrics", "`bench/queries.py`", text)


if __name__ == "__main__":
    main()
