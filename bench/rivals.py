#!/usr/bin/env python3
"""Larnax beside Prometheus and VictoriaMetrics: the same bytes, the same run, one table; Markdown.

    bench/rivals.py --build build/release [--short] [--runs 3] [--span 1h] [--series 22000]
                    [--prometheus /path/to/prometheus] [--victoria-metrics /path/to/victoria-metrics]
                    [--page docs/rivals.md]

Each system gets the requests of one generator (remote write 1.0, snappy) into an empty directory
and is asked for the same raw samples after; the answers are compared before any time is printed.
CPU seconds are user and system of the server alone, memory is its peak resident set. The systems
run one after the other, in turns, `--runs` times; a cell shows the median and the spread.
"""

import argparse
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

TICKS = os.sysconf("SC_CLK_TCK")
SELECTED = "container_cpu_usage_seconds_total"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class System:
    """A server on a folder of its own, on a free port of loopback."""

    running = []
    name = ""
    write_path = "/api/v1/write"

    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command(), stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        System.running.append(self)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.request(self.ready_path)
                return
            except (urllib.error.URLError, ConnectionError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"{self.name} does not start: {' '.join(self.command())}")
                time.sleep(0.02)

    @property
    def listen(self):
        return self.url.removeprefix("http://")

    def request(self, path, method="GET", **parameters):
        query = urllib.parse.urlencode(parameters, doseq=True)
        request = urllib.request.Request(f"{self.url}{path}?{query}", method=method)
        with urllib.request.urlopen(request, timeout=3600) as answer:
            return answer.read()

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak_mb(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=600)
        System.running.remove(self)

    def restart(self):
        self.stop()
        self.start()


def folder_bytes(folder):
    return sum(os.path.getsize(os.path.join(path, name))
               for path, _, names in os.walk(folder) for name in names)


class Larnax(System):
    name = "Larnax"
    ready_path = "/-/ready"

    def command(self):
        return [f"{self.arguments.build}/larnax", "serve", "--data", f"{self.folder}/data",
                "--listen", self.listen, "--self-metrics-interval", "0"]

    def merge(self):
        self.request("/api/v1/admin/flush", "POST")
        self.request("/api/v1/admin/merge", "POST", everything="true")

    def bytes_at_rest(self):
        return sum(folder_bytes(f"{self.folder}/data/{table}") for table in ("samples", "series"))

    def select(self, start, end):
        answer = json.loads(self.request("/api/v1/samples", **{
            "match[]": SELECTED, "start": start, "end": end}))
        return {key(one["metric"]): [(round(t * 1000), float(v)) for t, v in one["values"]]
                for one in answer["data"]["result"]}

    @staticmethod
    def version(arguments):
        out = subprocess.run([f"{arguments.build}/larnax", "version"], check=True,
                             capture_output=True, text=True).stdout
        return out.split("\n")[0].removeprefix("larnax ")


class Prometheus(System):
    name = "Prometheus"
    ready_path = "/-/ready"

    def command(self):
        config = f"{self.folder}/prometheus.yml"
        with open(config, "w") as out:
            out.write("{}\n")
        return [self.arguments.prometheus, f"--config.file={config}",
                f"--storage.tsdb.path={self.folder}/data", f"--web.listen-address={self.listen}",
                "--web.enable-remote-write-receiver", "--web.enable-admin-api",
                "--storage.tsdb.retention.time=100y", "--query.max-samples=1000000000"]

    def merge(self):
        """A block of everything: what its own compaction makes of the head two hours later."""
        self.request("/api/v1/admin/tsdb/snapshot", "POST")

    def bytes_at_rest(self):
        return folder_bytes(f"{self.folder}/data/snapshots")

    def select(self, start, end):
        answer = json.loads(self.request("/api/v1/query", query=f"{SELECTED}[{end - start}s]",
                                         time=end))
        return {key(one["metric"]): [(round(t * 1000), float(v)) for t, v in one["values"]]
                for one in answer["data"]["result"]}

    @staticmethod
    def version(arguments):
        out = subprocess.run([arguments.prometheus, "--version"], check=True,
                             capture_output=True, text=True)
        found = re.search(r"version (\d+\.\d+\.\d+)", out.stdout + out.stderr)
        if found:
            return found[1]
        # A build as a Go module tells it in the module's version: v0.313.0 is 3.13.0.
        modules = subprocess.run(["go", "version", "-m", arguments.prometheus],
                                 capture_output=True, text=True).stdout
        found = re.search(r"prometheus/prometheus\s+v0\.(\d)(\d+)\.(\d+)", modules)
        return ".".join([found[1], str(int(found[2])), found[3]]) if found else "of unknown version"


class VictoriaMetrics(System):
    name = "VictoriaMetrics"
    ready_path = "/health"

    def command(self):
        return [self.arguments.victoria_metrics, f"-storageDataPath={self.folder}/data",
                f"-httpListenAddr={self.listen}", "-retentionPeriod=100y",
                "-search.maxUniqueTimeseries=10000000"]

    def merge(self):
        self.request("/internal/force_flush")
        self.request("/internal/force_merge")
        # The answer comes before the end; it has ended when nothing is being merged.
        while True:
            metrics = self.request("/metrics").decode()
            active = [line for line in metrics.splitlines()
                      if line.startswith("vm_active_merges") or
                      line.startswith("vm_active_force_merges")]
            if all(float(line.rsplit(" ", 1)[1]) == 0 for line in active):
                return
            time.sleep(0.05)

    def bytes_at_rest(self):
        return folder_bytes(f"{self.folder}/data/data") + folder_bytes(
            f"{self.folder}/data/indexdb")

    def select(self, start, end):
        result = {}
        out = self.request("/api/v1/export", **{"match[]": SELECTED, "start": start, "end": end})
        for line in out.decode().splitlines():
            one = json.loads(line)
            result[key(one["metric"])] = [
                (t, float(v)) for t, v in zip(one["timestamps"], one["values"])]
        return result

    @staticmethod
    def version(arguments):
        out = subprocess.run([arguments.victoria_metrics, "--version"], check=True,
                             capture_output=True, text=True)
        found = re.search(r"v?(\d+\.\d+\.\d+)", out.stdout + out.stderr)
        if found:
            return found[1]
        # Debian's build does not know its version.
        package = subprocess.run(["dpkg-query", "-W", "-f=${Version}", "victoria-metrics"],
                                 capture_output=True, text=True).stdout
        return package or "of unknown version"


def key(metric):
    return tuple(sorted(metric.items()))


def load(arguments, system, start):
    out = subprocess.run(
        [f"{arguments.build}/larnax-load", "generate", "--series", str(arguments.series),
         "--interval", "15s", "--batch", "2000", "--connections", "2", "--protocol", "1",
         "--span", arguments.span, "--speed", "max", "--start", str(start),
         "--url", system.url + system.write_path, "--pid", str(system.process.pid)],
        check=True, capture_output=True, text=True).stdout
    report = json.loads(out)
    assert report["samples_acknowledged"] == report["samples_sent"], report
    return report


def drop_caches():
    subprocess.run(["sync"], check=True)
    try:
        with open("/proc/sys/vm/drop_caches", "w") as caches:
            caches.write("3")
    except OSError:
        pass


def compare(reference, answer, exact, who):
    """Number of values that differ; the shape must not."""
    assert reference.keys() == answer.keys(), (
        f"{who}: {len(answer)} series, {len(reference)} expected")
    differing = 0
    for series, samples in reference.items():
        other = answer[series]
        assert [t for t, _ in samples] == [t for t, _ in other], f"{who}: times of {series}"
        for (_, a), (_, b) in zip(samples, other):
            if struct.pack("d", a) != struct.pack("d", b):
                assert not exact, f"{who}: value of {series}: {b!r} instead of {a!r}"
                assert abs(a - b) <= 1e-9 * max(abs(a), abs(b)), f"{who}: {series}: {a!r} {b!r}"
                differing += 1
    return differing


def measure(arguments, system_class, start, answers):
    folder = tempfile.mkdtemp(prefix="larnax-rivals-")
    try:
        system = system_class(arguments, folder)
        report = load(arguments, system, start)
        samples = report["samples_acknowledged"]
        figures = {"ingest_cpu": system.cpu_seconds() / samples,
                   "wall": report["samples_per_second"], "ingest_mb": system.peak_mb()}
        system.merge()
        figures["merged_cpu"] = system.cpu_seconds() / samples
        figures["peak_mb"] = system.peak_mb()
        figures["bytes"] = system.bytes_at_rest() / samples

        end = start + seconds(arguments.span)
        begin = end - min(3600, seconds(arguments.span))
        # Ends included on one side, excluded on the other (Prometheus 3): ask off the samples.
        window = (begin - 1, end + 1)
        system.restart()
        began = time.perf_counter()
        answers[system.name] = system.select(*window)
        figures["select_first_ms"] = (time.perf_counter() - began) * 1000
        runs = 5
        before = system.cpu_seconds()
        for _ in range(runs):
            system.select(*window)
        selected = sum(len(values) for values in answers[system.name].values())
        figures["select_cpu"] = (system.cpu_seconds() - before) / runs / max(selected, 1)
        system.stop()
        return samples, figures
    finally:
        for system in list(System.running):  # After a failure.
            system.stop()
        shutil.rmtree(folder, ignore_errors=True)


def seconds(span):
    return int(span[:-1]) * {"s": 1, "m": 60, "h": 3600}[span[-1]]


ROWS = [  # figure, title, how to show it
    ("ingest_cpu", "samples per CPU second, until durable¹", lambda v: f"{1 / v:,.0f}"),
    ("merged_cpu", "the same, with flush and merge²", lambda v: f"{1 / v:,.0f}"),
    ("wall", "samples per second of wall time", lambda v: f"{v:,.0f}"),
    ("ingest_mb", "peak memory while ingesting, MB", lambda v: f"{v:.0f}"),
    ("peak_mb", "peak memory with merge, MB", lambda v: f"{v:.0f}"),
    ("bytes", "bytes per sample at rest³", lambda v: f"{v:.3f}"),
    ("select_cpu", "raw select, samples per CPU second⁴", lambda v: f"{1 / v:,.0f}"),
]

NOTES = """\
¹ Larnax syncs its log before it acknowledges; the other two acknowledge before their data is synced.
² Larnax: `admin/flush`, `admin/merge?everything=true`; Prometheus: a snapshot, which writes the block
that its head would become; VictoriaMetrics: `force_flush`, `force_merge`.
³ Data and index, logs left out.
⁴ All raw samples of `%s` over the last hour as JSON: `/api/v1/samples`, a query of `x[1h]`,
`/api/v1/export`. Series, times and values were compared first: Prometheus' equal Larnax' bit for bit;
VictoriaMetrics keeps fewer digits of %s values of %s (all within 1e-9 of the value).
"""


def cpu_name():
    with open("/proc/cpuinfo") as info:
        for line in info:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def table(results, names):
    lines = ["| figure | " + " | ".join(names) + " | "
             + " | ".join(f"Larnax : {name}" for name in names[1:]) + " |",
             "|---|" + "---|" * (2 * len(names) - 1)]
    for figure, title, show in ROWS:
        cells, ratios = [], []
        medians = {}
        for name in names:
            values = sorted(one[figure] for one in results[name])
            medians[name] = statistics.median(values)
            shown = show(medians[name])
            if len(values) > 1:
                spread = (values[-1] - values[0]) / medians[name] / 2
                shown += f" ±{spread:.0%}"
            cells.append(shown)
        for name in names[1:]:
            ratio = medians["Larnax"] / medians[name]
            # Kept as seconds per sample, shown as a rate.
            ratios.append(f"{1 / ratio if figure.endswith('_cpu') else ratio:.2f}")
        lines.append(f"| {title} | " + " | ".join(cells + ratios) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--short", action="store_true", help="one run of ten minutes of samples")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--span", default="1h")
    parser.add_argument("--series", type=int, default=22000)
    parser.add_argument("--prometheus", default=shutil.which("prometheus"))
    parser.add_argument("--victoria-metrics", default=shutil.which("victoria-metrics"))
    parser.add_argument("--page", help="write the result as a page here too")
    arguments = parser.parse_args()
    if arguments.short:
        arguments.runs, arguments.span = 1, "10m"
    systems = [Larnax]
    for system, path in ((Prometheus, arguments.prometheus),
                         (VictoriaMetrics, arguments.victoria_metrics)):
        if path:
            systems.append(system)
        else:
            print(f"{system.name} is not there: left out (give its path)", file=sys.stderr)
    names = [system.name for system in systems]
    start = int(time.time()) - seconds(arguments.span) - 600

    results = {name: [] for name in names}
    answers = {}
    load_before = os.getloadavg()[0]
    for run in range(arguments.runs):
        for system in systems[run % len(systems):] + systems[:run % len(systems)]:
            drop_caches()
            samples, figures = measure(arguments, system, start, answers)
            results[system.name].append(figures)
            print(f"run {run + 1}: {system.name} done", file=sys.stderr)
    differing = 0
    if "Prometheus" in answers:
        compare(answers["Prometheus"], answers["Larnax"], True, "Larnax and Prometheus")
    if "VictoriaMetrics" in answers:
        differing = compare(answers["Larnax"], answers["VictoriaMetrics"], False,
                            "VictoriaMetrics and Larnax")
    selected = sum(len(values) for values in answers["Larnax"].values())

    versions = ", ".join(f"{system.name} {system.version(arguments)}" for system in systems)
    text = (f"{cpu_name()}, {os.cpu_count()} cores, load {load_before:.1f} before the runs; "
            f"{versions}.\n{samples:,} samples, {arguments.series:,} Kubernetes-like series, "
            f"{arguments.span} at 15 s, remote write 1.0; median of {arguments.runs} "
            f"run{'s' if arguments.runs > 1 else ''}, half the spread behind ±.\n"
            f"A ratio above 1 means more of it; for rates that is better, for memory and bytes worse."
            f"\n\n{table(results, names)}\n\n"
            + NOTES % (SELECTED, f"{differing:,}", f"{selected:,}"))
    print(text)
    if arguments.page:
        with open(arguments.page, "w") as page:
            page.write("# Beside Prometheus and VictoriaMetrics\n\nMade by `make bench-rivals` "
                       f"(`bench/rivals.py`), {time.strftime('%Y-%m-%d')}.\n\n{text}")


if __name__ == "__main__":
    main()
