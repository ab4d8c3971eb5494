"""A target that Prometheus scrapes in its protobuf format: native histograms, exemplars, metadata.

It knows what it served: `served` maps labels to {time_ms: what}, with the times that it gave itself.
Histograms are dicts with the column names of the table `histograms`.
"""

import http.server
import random
import struct
import threading
import time

from app.remote_write import field, varint

COUNTER, GAUGE, HISTOGRAM, GAUGE_HISTOGRAM = 0, 1, 4, 5
CONTENT_TYPE = ("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
                "encoding=delimited")


def zigzag(number):
    return number << 1 if number >= 0 else (-number << 1) - 1


def double_field(number, value):
    return varint(number << 3 | 1) + struct.pack("<d", value)


def label_field(number, labels):
    return b"".join(field(number, field(1, name) + field(2, value))
                    for name, value in sorted(labels.items()))


def time_message(time_ms):
    return field(1, time_ms // 1000) + field(2, time_ms % 1000 * 1_000_000)


def exemplar_message(exemplar):
    labels, value, time_ms = exemplar
    return (label_field(1, labels) + double_field(2, value) + field(3, time_message(time_ms)))


def spans_and_counts(buckets):
    """Buckets {index: count} as span offsets, span lengths, counts; no bucket of count 0."""
    offsets, lengths, counts = [], [], []
    last = None
    for index in sorted(buckets):
        if last is not None and index == last + 1:
            lengths[-1] += 1
        else:
            offsets.append(index - (0 if last is None else last + 1))
            lengths.append(1)
        counts.append(buckets[index])
        last = index
    return offsets, lengths, counts


class Histogram:
    """A native histogram that grows; as it would be scraped, and as it must be stored."""

    def __init__(self, schema, is_integer, hint="unknown"):
        self.schema, self.is_integer, self.hint = schema, is_integer, hint
        self.positive, self.negative = {}, {}
        self.zero_count, self.sum, self.zero_threshold = 0, 0.0, 2.0 ** -128

    def observe(self, draw):
        side = draw.choice([self.positive, self.positive, self.negative])
        index = draw.randint(-6, 20)
        step = 1 if self.is_integer else draw.random() + 0.25
        side[index] = side.get(index, 0) + step
        if draw.random() < 0.2:
            self.zero_count += step
        self.sum += draw.uniform(-3, 10)

    @property
    def count(self):
        return sum(self.positive.values()) + sum(self.negative.values()) + self.zero_count

    def message(self, exemplars, created_ms):
        out = double_field(2, self.sum) + field(5, zigzag(self.schema))
        out += double_field(6, self.zero_threshold)
        if self.is_integer:
            out += field(1, self.count) + field(7, self.zero_count)
        else:
            out += double_field(4, self.count) + double_field(8, self.zero_count)
        for buckets, span_field in ((self.negative, 9), (self.positive, 12)):
            offsets, lengths, counts = spans_and_counts(buckets)
            for offset, length in zip(offsets, lengths):
                out += field(span_field, field(1, zigzag(offset)) + field(2, length))
            last = 0
            for count in counts:
                if self.is_integer:
                    out += field(span_field + 1, zigzag(count - last))
                    last = count
                else:
                    out += double_field(span_field + 2, float(count))
        if created_ms:
            out += field(15, time_message(created_ms))
        for exemplar in exemplars:
            out += field(16, exemplar_message(exemplar))
        return out

    def stored(self):
        row = {"schema": self.schema, "zero_threshold": self.zero_threshold, "sum": self.sum,
               "count": float(self.count), "zero_count": float(self.zero_count),
               "counter_reset_hint": self.hint, "is_integer": self.is_integer,
               "custom_bounds": None}
        for side, buckets in (("positive", self.positive), ("negative", self.negative)):
            offsets, lengths, counts = spans_and_counts(buckets)
            row[f"{side}_span_offsets"] = offsets
            row[f"{side}_span_lengths"] = lengths
            row[f"{side}_buckets"] = [float(count) for count in counts]
        return row


class Target:
    """Serves on loopback until close()."""

    def __init__(self, seed=1):
        self.draw = random.Random(seed)
        self.lock = threading.Lock()
        self.scrapes = 0
        self.created_ms = int(time.time() * 1000) - 5000
        self.histograms = {
            ("request_seconds", "/a"): (HISTOGRAM, Histogram(3, True)),
            ("request_seconds", "/b é"): (HISTOGRAM, Histogram(3, True)),
            ("share", "all"): (HISTOGRAM, Histogram(0, False)),
            ("queue", "in"): (GAUGE_HISTOGRAM, Histogram(5, True, "gauge")),
        }
        self.classic = [0, 0, 0]
        self.total = 0
        self.metadata = {
            "request_seconds": ("histogram", "Time of a request.", "seconds"),
            "share": ("histogram", "Shares, as fractions.", ""),
            "queue": ("gaugehistogram", "Length of a queue; \"quoted\" \\ é.", ""),
            "requests_total": ("counter", "Requests.", ""),
            "size_bytes": ("histogram", "Sizes.", "bytes"),
            "heat_celsius": ("gauge", "How warm it is.", "celsius"),
        }
        self.served_histograms = {}  # (name, path) -> {time_ms: row}
        self.served_exemplars = {}   # (name, path) -> {(time_ms, value, labels)}
        self.served_values = {}      # (name, path) -> {time_ms: value}
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = owner.scrape()
                self.send_response(200)
                self.send_header("Content-Type", CONTENT_TYPE)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def exemplar(self, key, value, now_ms):
        labels = {"trace_id": f"{self.draw.getrandbits(64):016x}", "span": f"é{self.scrapes}"}
        self.served_exemplars.setdefault(key, set()).add(
            (now_ms, value, tuple(sorted(labels.items()))))
        return labels, value, now_ms

    def family(self, name, kind, metrics):
        _, help_text, unit = self.metadata[name]
        body = field(1, name) + field(2, help_text) + field(3, kind)
        body += b"".join(field(4, metric) for metric in metrics)
        if unit:
            body += field(5, unit)
        return varint(len(body)) + body

    def metric(self, path, now_ms, content):
        return label_field(1, {"path": path}) + content + field(6, now_ms)

    def scrape(self):
        with self.lock:
            self.scrapes += 1
            now_ms = int(time.time() * 1000)
            return (self.native_families(now_ms) + self.counter_family(now_ms)
                    + self.classic_family(now_ms) + self.gauge_family(now_ms))

    def native_families(self, now_ms):
        out = b""
        for name in ("request_seconds", "share", "queue"):
            metrics = []
            for (family, path), (kind, histogram) in self.histograms.items():
                if family != name:
                    continue
                for _ in range(self.draw.randint(1, 5)):
                    histogram.observe(self.draw)
                exemplars = []
                # Prometheus 3.13 reads those of a family's first native histogram only.
                if kind == HISTOGRAM and not metrics:
                    exemplars.append(self.exemplar((name, path), self.draw.random(), now_ms))
                self.served_histograms.setdefault((name, path), {})[now_ms] = histogram.stored()
                created = self.created_ms if kind == HISTOGRAM else 0
                metrics.append(self.metric(path, now_ms,
                                           field(7, histogram.message(exemplars, created))))
            out += self.family(name, kind_of(name), metrics)
        return out

    def counter_family(self, now_ms):
        self.total += self.draw.randint(0, 9)
        exemplar = self.exemplar(("requests_total", "/"), 1.0, now_ms)
        self.served_values.setdefault(("requests_total", "/"), {})[now_ms] = float(self.total)
        counter = (double_field(1, float(self.total)) + field(2, exemplar_message(exemplar))
                   + field(3, time_message(self.created_ms)))
        return self.family("requests_total", COUNTER, [self.metric("/", now_ms, field(3, counter))])

    def classic_family(self, now_ms):
        """A classic histogram, which the scrape turns into one with custom bounds."""
        for i in range(3):
            self.classic[i] += self.draw.randint(1, 4)
        bounds = [0.5, 10.0, float("inf")]
        body = field(1, sum(self.classic)) + double_field(2, 1.5 * sum(self.classic))
        total = 0
        for bound, count in zip(bounds, self.classic):
            total += count
            body += field(3, field(1, total) + double_field(2, bound))
        row = {"schema": -53, "zero_threshold": 0.0, "sum": 1.5 * sum(self.classic),
               "count": float(sum(self.classic)), "zero_count": 0.0,
               "counter_reset_hint": "unknown", "is_integer": True, "custom_bounds": bounds[:-1],
               "positive_span_offsets": [0], "positive_span_lengths": [3],
               "positive_buckets": [float(count) for count in self.classic],
               "negative_span_offsets": [], "negative_span_lengths": [], "negative_buckets": []}
        self.served_histograms.setdefault(("size_bytes", "/"), {})[now_ms] = row
        return self.family("size_bytes", HISTOGRAM, [self.metric("/", now_ms, field(7, body))])

    def gauge_family(self, now_ms):
        # No -0.0: Prometheus' encoder takes it for the default and sends nothing.
        value = self.draw.choice([self.draw.gauss(20, 5), float("inf"), 1e-320])
        self.served_values.setdefault(("heat_celsius", "/"), {})[now_ms] = value
        return self.family("heat_celsius", GAUGE,
                           [self.metric("/", now_ms, field(2, double_field(1, value)))])


def kind_of(name):
    return GAUGE_HISTOGRAM if name == "queue" else HISTOGRAM
