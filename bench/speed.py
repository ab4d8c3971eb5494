#!/usr/bin/env python3
"""Measure the whole server: ingest, steady state, size at rest, selects; print Markdown.

    bench/speed.py --build build/release ingest [--protocol 1]
    bench/speed.py --build build/release steady
    bench/speed.py --build build/release select [--span 19h]
    bench/speed.py --build build/release replay --scrapes FILE   (of larnax-load record)

Every figure is of one run on this machine: CPU seconds are user and system of the server alone,
memory is its peak resident set. The server syncs before it acknowledges (the default).
"""

import argparse
import json
import os
import subprocess
import sys
import time

from systems import (UnaskedLarnax as Larnax, cpu_name, drop_caches, kubernetes, load, own_folder)


def file_count(data):
    return sum(len(names) for _, _, names in os.walk(f"{data}/samples"))


def cluster(arguments, span, start, speed="max"):
    return kubernetes(22000, span, start, protocol=arguments.protocol, speed=speed)


def hours_ago(hours):
    return int(time.time()) - hours * 3600


def measure_ingest(arguments, folder):
    server = Larnax(arguments, folder)
    report = load(server, *cluster(arguments, "1h", hours_ago(2)))
    samples = report["samples_acknowledged"]
    durable = server.cpu_seconds()
    peak_durable = server.peak_mb()
    server.flush()
    flushed = server.cpu_seconds()
    server.merge()
    merged = server.cpu_seconds()
    rows = [
        ("samples per CPU second, flushes that fell due included", f"{samples / durable:,.0f}"),
        ("samples per CPU second, all flushed and merged", f"{samples / merged:,.0f}"),
        ("CPU seconds: ingest, last flush, merge",
         f"{durable:.2f}, {flushed - durable:.2f}, {merged - flushed:.2f}"),
        ("samples per second of wall time", f"{report['samples_per_second']:,.0f}"),
        ("peak memory MB: ingest, with merge", f"{peak_durable:.0f}, {server.peak_mb():.0f}"),
        ("bytes per sample at rest, index included", f"{server.bytes_at_rest() / samples:.3f}"),
    ]
    server.stop()
    return f"Ingest, {samples:,} samples, remote write {arguments.protocol}.0", rows


def measure_durable(arguments, folder):
    """The same without any flush: what it costs until durable."""
    server = Larnax(arguments, folder, "--flush-interval", "1h", "--flush-samples", "100000000",
                    "--head-limit-samples", "100000000")
    report = load(server, *cluster(arguments, "1h", hours_ago(2)))
    samples = report["samples_acknowledged"]
    rows = [("samples per CPU second until durable, no flush",
             f"{samples / server.cpu_seconds():,.0f}"),
            ("peak memory MB, all of it held in memory", f"{server.peak_mb():.0f}")]
    server.stop()
    return "Until durable", rows


def measure_steady(arguments, folder):
    """An hour in a minute: as many flushes of as many samples as in an hour of real time."""
    server = Larnax(arguments, folder, "--flush-interval", "1s")
    report = load(server, *cluster(arguments, "1h", hours_ago(2), speed=60))
    samples = report["samples_acknowledged"]
    server.request("/api/v1/admin/merge", "POST")
    cpu = server.cpu_seconds()
    written = server.written_bytes()
    rows = [
        ("flushes, merges", f"{server.metric('larnax_flushes_total'):.0f}, "
                            f"{server.metric('larnax_merges_total'):.0f}"),
        ("CPU seconds for the hour; samples per CPU second", f"{cpu:.2f}; {samples / cpu:,.0f}"),
        ("share of one core in real time", f"{cpu / 3600:.3%}"),
        ("bytes written to disk per sample, log included", f"{written / samples:.1f}"),
        ("of them log", f"{server.metric('larnax_wal_bytes_total') / samples:.1f}"),
        ("bytes per sample at rest", f"{server.bytes_at_rest() / samples:.3f}"),
        ("write amplification (written / at rest)", f"{written / server.bytes_at_rest():.1f}"),
        ("files after the hour", str(file_count(server.data))),
        ("peak memory MB", f"{server.peak_mb():.0f}"),
    ]
    server.stop()
    return f"Steady state, {samples:,} samples, 60 times real time", rows


def measure_select(arguments, folder):
    start = (int(time.time()) // 86400 - 1) * 86400 + 600
    server = Larnax(arguments, folder)
    report = load(server, *cluster(arguments, arguments.span, start))
    server.merge()
    samples = report["samples_acknowledged"]
    ingest = [("ingest and merge CPU seconds", f"{server.cpu_seconds():.1f}"),
              ("peak memory MB", f"{server.peak_mb():.0f}"),
              ("bytes per sample at rest", f"{server.bytes_at_rest() / samples:.3f}")]
    hour = start + 9 * 3600
    metric = "container_cpu_usage_seconds_total"
    series = json.loads(server.request("/api/v1/series", **{
        "match[]": metric, "start": hour, "end": hour + 60}))["data"]
    pods = [one["pod"] for one in series]
    programs = server.programs()
    server.stop()

    # Programs as cold as the data are those of a machine just started: a case of its own.
    cold = {False: [], True: []}
    for pod, programs_too in ((pods[10], True), (pods[10], False), (pods[len(pods) // 2], False),
                              (pods[-10], False)):
        note = ("caches of the operating system " + ("" if drop_caches() else "NOT ") + "dropped")
        if not programs_too:
            for program in programs:
                with open(program, "rb") as out:
                    while out.read(1 << 20):
                        pass
        server = Larnax(arguments, folder)
        if not programs_too:  # Nor is the way to the server part of it.
            server.request("/-/healthy")
        begin = time.perf_counter()
        answer = json.loads(server.request("/api/v1/samples", **{
            "match[]": f'{metric}{{pod="{pod}"}}', "start": hour, "end": hour + 3600,
            "stats": "all"}))
        cold[programs_too].append(((time.perf_counter() - begin) * 1000, answer["data"]["stats"]))
        (result,) = answer["data"]["result"]
        assert abs(len(result["values"]) - 240) <= 1, len(result["values"])
        server.stop()
    rows = ingest + [
        (f"one series x 1 h, cold ({note}), ms",
         ", ".join(f"{ms:.1f}" for ms, _ in cold[False])),
        ("the same, the pages of the program dropped too, ms",
         ", ".join(f"{ms:.1f}" for ms, _ in cold[True])),
        ("bytes read", ", ".join(f"{stats['bytesRead']:,}" for _, stats in cold[False])),
        ("files, pages read", ", ".join(f"{stats['filesRead']}, {stats['pagesRead']}"
                                        for _, stats in cold[False][:1]))]

    server = Larnax(arguments, folder)
    wide = {"match[]": metric, "start": hour, "end": hour + 3600, "format": "arrow"}
    server.request("/api/v1/samples", **wide)
    before = server.cpu_seconds()
    runs = 20
    for _ in range(runs):
        server.request("/api/v1/samples", **wide)
    used = server.cpu_seconds() - before
    rows.append((f"{len(pods):,} series x 1 h over HTTP as Arrow, samples per CPU second",
                 f"{len(pods) * 240 * runs / used:,.0f}"))
    server.stop()
    return f"Select out of {samples:,} samples", rows


def measure_replay(arguments, folder):
    server = Larnax(arguments, folder)
    report = load(server, "replay", "--in", arguments.scrapes, "--speed", "max",
                  "--labels", "job=node,instance=localhost:9100")
    samples = report["samples_acknowledged"]
    server.merge()
    rows = [("bytes per sample at rest, index included", f"{server.bytes_at_rest() / samples:.3f}"),
            ("samples per CPU second, flush and merge included",
             f"{samples / server.cpu_seconds():,.0f}"),
            ("peak memory MB", f"{server.peak_mb():.0f}")]
    server.stop()
    columns = subprocess.run([f"{arguments.build}/larnax", "inspect", server.data, "--columns"],
                             check=True, capture_output=True, text=True).stdout
    print(columns, file=sys.stderr)
    return f"Recorded node_exporter scrapes, {samples:,} samples", rows


MEASURES = {"ingest": measure_ingest, "durable": measure_durable, "steady": measure_steady,
            "select": measure_select, "replay": measure_replay}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measures", nargs="+", choices=MEASURES)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--protocol", type=int, default=1, choices=(1, 2))
    parser.add_argument("--span", default="19h", help="of the load that `select` reads from")
    parser.add_argument("--scrapes", help="file of larnax-load record, for `replay`")
    arguments = parser.parse_args()
    version = subprocess.run([f"{arguments.build}/larnax", "version"], check=True,
                             capture_output=True, text=True).stdout.split("\n")[0]
    print(f"{cpu_name()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {version}")
    for name in arguments.measures:
        with own_folder("speed") as folder:
            title, rows = MEASURES[name](arguments, folder)
        print(f"\n### {title}\n\n| figure | value |\n|---|---|")
        for figure, value in rows:
            print(f"| {figure} | {value} |")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
