#!/usr/bin/env python3
"""Churn: a million series come and go in an hour; memory and latency must not grow. Markdown.

    bench/churn.py --build build/release [--series 22000] [--new 1000000] [--span 1h] [--speed 30]

A cluster whose pods live for a minute or two is written at `--speed` times real time, with flushes
as much closer together, while a second client writes one sample and asks three questions in turn:
an instant query of one metric in one namespace, the series of that metric in the last five minutes,
and the values of a label there. One line for each tenth of the run: what the server holds (its
series in memory, resident MB, files), its CPU, and the median and the slowest of each answer.
"""

import argparse
import json
import os
import statistics
import time

from systems import Larnax, cpu_name, kubernetes, own_folder, seconds, start_load

TENTHS = 10
METRIC = "container_cpu_usage_seconds_total"
SELECTOR = f'{METRIC}{{namespace="team-3"}}'
WINDOW = 300


def field(number, data):
    """A field of protobuf that holds bytes (shorter than 128)."""
    assert len(data) < 128
    return bytes([number << 3 | 2, len(data)]) + data


def one_sample(time_ms):
    """A write of one sample, uncompressed."""
    varint, rest = bytearray(), time_ms
    while rest > 127:
        varint.append(rest & 127 | 128)
        rest >>= 7
    varint.append(rest)
    label = field(1, b"__name__") + field(2, b"churn_probe")
    return field(1, field(1, label) + field(2, b"\x10" + bytes(varint)))


class Prober:
    """Asks as a dashboard would, and keeps how long each answer took."""

    def __init__(self, server):
        self.server, self.taken = server, {}

    def timed(self, name, path, **parameters):
        began = time.perf_counter()
        answer = self.server.request(path, **parameters)
        self.taken.setdefault(name, []).append((time.perf_counter() - began) * 1000)
        return answer

    def ask(self, now):
        """`now`: the time that the load has come to."""
        self.timed("write", "/api/v1/write", method="POST", body=one_sample(int(now * 1000)),
                   headers={"Content-Encoding": "identity", "Content-Type": "application/x-protobuf"})
        last = {"match[]": SELECTOR, "start": now - WINDOW, "end": now}
        self.timed("query", "/api/v1/query", query=f"sum(rate({SELECTOR}[5m]))", time=now)
        self.timed("series", "/api/v1/series", **last)
        self.timed("values", "/api/v1/label/pod/values", **last)

    def take(self):
        taken, self.taken = self.taken, {}
        return taken


def measure(arguments, server):
    span = seconds(arguments.span)
    start = int(time.time()) // 86400 * 86400 - 86400 + 3600
    churn = arguments.new / arguments.series / (span / 3600)
    process = start_load(server, *kubernetes(arguments.series, arguments.span, start, "--churn", churn,
                                             speed=arguments.speed))
    try:
        return probe(arguments, server, process, start, span)
    finally:
        process.kill()


def probe(arguments, server, process, start, span):
    prober = Prober(server)
    lines, cpu = [], server.cpu_seconds()
    began = time.monotonic()
    for tenth in range(1, TENTHS + 1):
        while True:
            now = start + (time.monotonic() - began) * arguments.speed
            if now >= start + span * tenth / TENTHS or process.poll() is not None:
                break
            prober.ask(now)
        used = server.cpu_seconds()
        lines.append((tenth, server.metric("larnax_head_series"), server.resident_mb(),
                      server.metric("larnax_files"), used - cpu, prober.take()))
        cpu = used
    report = json.loads(process.communicate()[0])
    assert report["samples_acknowledged"] == report["samples_sent"], report
    return report, lines


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--series", type=int, default=22000, help="at one time")
    parser.add_argument("--new", type=int, default=1_000_000, help="series that begin in the span")
    parser.add_argument("--span", default="1h")
    parser.add_argument("--speed", type=float, default=30)
    arguments = parser.parse_args()
    with own_folder("churn") as folder:
        interval = f"{max(1000, round(50_000 / arguments.speed))}ms"  # 50 s of the load's time.
        server = Larnax(arguments, folder, "--flush-interval", interval)
        began_with = os.getloadavg()[0]
        report, lines = measure(arguments, server)
        print(f"{cpu_name()}, {os.cpu_count()} cores, load {began_with:.1f} before; larnax "
              f"{Larnax.version(arguments)}. {arguments.series:,} series at a time, "
              f"{arguments.new:,} new ones in {arguments.span}, {arguments.speed:g} times real time; "
              f"{report['samples_acknowledged']:,} samples, {report['retries']} sent again.\n")
        kinds = ("write", "query", "series", "values")
        print("| tenth | series in memory | RSS MB | files | CPU s | "
              + " | ".join(f"{kind} ms, median / most" for kind in kinds) + " |")
        print("|---|---|---|---|---|" + "---|" * len(kinds))
        for tenth, head, resident, files, cpu, taken in lines:
            cells = [f"{statistics.median(taken[kind]):.1f} / {max(taken[kind]):.0f}"
                     if taken.get(kind) else "-" for kind in kinds]
            print(f"| {tenth} | {head:,.0f} | {resident:.0f} | {files:.0f} | {cpu:.1f} | "
                  + " | ".join(cells) + " |")
        before = server.cpu_seconds()
        server.merge()
        print(f"\nMerged: {server.bytes_at_rest() / report['samples_acknowledged']:.2f} bytes a sample, "
              f"{server.cpu_seconds() - before:.1f} CPU s, peak {server.peak_mb():.0f} MB.")


if __name__ == "__main__":
    main()
