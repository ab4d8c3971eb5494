"""Samples for the comparison with Prometheus: seeded, over two hours, 15 seconds apart.

Samples stand some milliseconds past full seconds while queries ask at full seconds: no sample lies
on the edge of a window, where versions of Prometheus differ.
"""

import math
import random
import struct

from app.remote_write import STALE_BITS, field, varint

START_MS = 1_700_000_000_000
STEP_MS = 15_000
COUNT = 480
# Queries ask between these seconds; before and after lie samples for offsets.
FIRST_S = START_MS // 1000 + 2400 + 7
LAST_S = START_MS // 1000 + 5400 + 7


def times(rng):
    """Times of one target's scrapes."""
    phase = rng.randrange(100, 900)
    return [START_MS + i * STEP_MS + phase for i in range(COUNT)]


def counter(rng, at, low, high, resets=0):
    reset_at = set(rng.sample(range(COUNT), resets))
    value = rng.uniform(1e5, 2e5)
    samples = []
    for i, time_ms in enumerate(at):
        value = rng.uniform(0, low) if i in reset_at else value + rng.uniform(low, high)
        samples.append((time_ms, value))
    return samples


def gauge(rng, at, scale, nan_share=0.0):
    value = rng.uniform(-scale, scale)
    samples = []
    for time_ms in at:
        value += rng.uniform(-scale, scale) / 10
        samples.append((time_ms, math.nan if rng.random() < nan_share else value))
    return samples


def with_gaps(rng, samples):
    """Leave out runs of samples, some of which begin with a stale marker."""
    kept, left = [], 0
    for time_ms, value in samples:
        if left > 0:
            left -= 1
            continue
        if rng.random() < 0.04:
            left = rng.randrange(1, 40)
            if rng.random() < 0.5:
                kept.append((time_ms, STALE_BITS))
            continue
        kept.append((time_ms, value))
    return kept


def buckets(rng, labels, at):
    """The series of a classic histogram."""
    bounds = ["0.1", "0.5", "1", "5", "+Inf"]
    weights = [rng.randrange(1, 20) for _ in bounds]
    counts = [1000 * weight for weight in weights]
    total = 0.0
    series = {bound: [] for bound in [*bounds, "sum", "count"]}
    for time_ms in at:
        for i, weight in enumerate(weights):
            counts[i] += rng.randrange(0, weight + 1)
        total += rng.uniform(0, 30)
        for i, bound in enumerate(bounds):
            series[bound].append((time_ms, float(sum(counts[:i + 1]))))
        series["count"].append((time_ms, float(sum(counts))))
        series["sum"].append((time_ms, 1e4 + total))
    for bound in bounds:
        yield {"__name__": "h_bucket", "le": bound, **labels}, series[bound]
    yield {"__name__": "h_count", **labels}, series["count"]
    yield {"__name__": "h_sum", **labels}, series["sum"]


def floats(seed=1):
    """All float series: pairs of labels and samples."""
    rng = random.Random(seed)
    found = []
    for job in ("api", "db"):
        for instance in ("a", "b", "c"):
            target = {"job": job, "instance": instance}
            at = times(rng)
            for path in ("/", "/x"):
                resets = 2 if path == "/x" else 0
                found.append(({"__name__": "c_total", "path": path, **target},
                              counter(rng, at, 1, 50, resets)))
            found.append(({"__name__": "g", **target}, gauge(rng, at, 100)))
            found.append(({"__name__": "part", **target}, gauge(rng, at, 1, 0.05)))
            found.append(({"__name__": "flip", **target},
                          [(time_ms, float(rng.random() < 0.3)) for time_ms in at]))
            found.append(({"__name__": "info", "version": f"1.{ord(instance) - 97}", **target},
                          [(time_ms, 1.0) for time_ms in at]))
            if instance != "c":
                found.append(({"__name__": "gap", **target},
                              with_gaps(rng, gauge(rng, at, 10))))
                found.extend(buckets(rng, target, at))
        at = times(rng)
        found.append(({"__name__": "limit", "job": job}, gauge(rng, at, 50)))
        found.append(({"__name__": "late", "job": job}, gauge(rng, at, 10)[250:]))
        found.append(({"__name__": "early", "job": job},
                      gauge(rng, at, 10)[:250] + [(at[250], STALE_BITS)]))
    at = times(rng)
    found.append(({"__name__": "one"}, [(time_ms, 1.0) for time_ms in at]))
    found.append(({"__name__": "inf", "sign": "+"}, [(time_ms, math.inf) for time_ms in at]))
    found.append(({"__name__": "inf", "sign": "-"}, [(time_ms, -math.inf) for time_ms in at]))
    return found


def sint(number):
    """Zigzag, as protobuf's sint32 and sint64."""
    return number << 1 if number >= 0 else (-number << 1) - 1


def double_field(number, value):
    return varint(number << 3 | 1) + struct.pack("<d", value)


def histogram_message(time_ms, schema, offset, counts, zero_count, total):
    """A prometheus.Histogram with integer counts in one positive run of buckets."""
    span = field(1, sint(offset)) + field(2, len(counts))
    deltas = b"".join(varint(sint(count - before))
                      for before, count in zip([0, *counts], counts))
    return (field(1, sum(counts) + zero_count) + double_field(3, total) + field(4, sint(schema)) +
            double_field(5, 0.001) + field(6, zero_count) + field(11, span) + field(12, deltas) +
            field(15, time_ms))


def histograms(seed=2):
    """Native histogram series: pairs of labels and (time, encoded message)."""
    rng = random.Random(seed)
    for job in ("api", "db"):
        for i, instance in enumerate(("a", "b", "c")):
            schema = 0 if job == "db" else i
            counts, zero, total = [rng.randrange(1, 9) for _ in range(6)], 1, 10.0
            messages = []
            for k, time_ms in enumerate(times(rng)):
                if k == 200 and instance == "b":
                    counts, zero, total = [0] * 6, 0, 0.0
                counts = [count + rng.randrange(0, 5) for count in counts]
                zero += rng.randrange(0, 2)
                total += rng.uniform(0, 20)
                message = histogram_message(time_ms, schema, -1, counts, zero, total)
                messages.append((time_ms, message))
            yield {"__name__": "nh", "job": job, "instance": instance}, messages


def slices(series, minutes=20):
    """Cut all series alike into pieces of time, in order: Prometheus takes nothing much older than
    what it has. Samples begin with their time."""
    for begin in range(START_MS, START_MS + COUNT * STEP_MS, minutes * 60_000):
        part = [(labels, [sample for sample in samples
                          if begin <= sample[0] < begin + minutes * 60_000])
                for labels, samples in series]
        yield [(labels, samples) for labels, samples in part if samples]


def histogram_request(series):
    """A remote write 1.0 request of histograms."""
    out = bytearray()
    for labels, messages in series:
        body = b"".join(field(1, field(1, name) + field(2, value))
                        for name, value in sorted(labels.items()))
        out += field(1, body + b"".join(field(4, message) for _, message in messages))
    return bytes(out)
