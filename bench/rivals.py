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
import os
import statistics
import struct
import sys
import time

from systems import (add_rivals, cpu_name, drop_caches, kubernetes, load, noon, own_folder, seconds,
                     systems_of, write_page)

SELECTED = "container_cpu_usage_seconds_total"


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
    with own_folder("rivals") as folder:
        system = system_class(arguments, folder)
        report = load(system, *kubernetes(arguments.series, arguments.span, start))
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
        window = (SELECTED, begin - 1, end + 1)
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
        return samples, figures


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
    add_rivals(parser, runs=3, short="one run of ten minutes of samples")
    arguments = parser.parse_args()
    if arguments.short:
        arguments.runs, arguments.span = 1, "10m"
    systems = systems_of(arguments)
    names = [system.name for system in systems]
    start = noon()

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
    write_page(arguments, "Beside Prometheus and VictoriaMetrics",
               "`make bench-rivals` (`bench/rivals.py`)", text)


if __name__ == "__main__":
    main()
