"""Native histograms as remote read gives them back, decoded in plain Python: messages and chunks."""

import struct

from app.prometheus_read import (HISTOGRAMS, SAMPLES, BitReader, chunks_of, label_of, request,
                                 signed)
from app.remote_write import read_fields, read_varint, unsnappy

FLOAT_HISTOGRAM = 3


def read_histograms(address, start_ms, end_ms, answer_type):
    """Read all native histograms: {frozenset(labels): {time_ms: histogram}}, see histogram_of."""
    body = request(address, start_ms, end_ms, answer_type).body
    found = {}
    if answer_type == SAMPLES:
        for labels, message in messages_of(body):
            histogram = histogram_of(message)
            found.setdefault(labels, {})[histogram.pop("time_ms")] = histogram
        return found
    for labels, chunk in chunks_of(body):
        if chunk[3] in HISTOGRAMS:
            decoded = HistogramChunk(chunk[4], chunk[3] == FLOAT_HISTOGRAM).read()
            found.setdefault(labels, {}).update(decoded)
    return found


def messages_of(body):
    """(labels, message Histogram) of a ReadResponse."""
    for _, result in read_fields(unsnappy(body)):
        for _, series in read_fields(result):
            parts = list(read_fields(series))
            labels = frozenset(label_of(value) for number, value in parts if number == 1)
            for number, value in parts:
                if number == 4:
                    yield labels, value


def unzigzag(number):
    return number >> 1 ^ -(number & 1)


def varints(data):
    numbers, at = [], 0
    while at < len(data):
        number, at = read_varint(data, at)
        numbers.append(unzigzag(number))
    return numbers


def doubles(data):
    return list(struct.unpack(f"<{len(data) // 8}Q", data))


def histogram_of(message):
    """A message Histogram; floats as bits, buckets as the differences or counts that are sent."""
    fields = list(read_fields(message))
    one = dict(fields)

    def spans(wanted):
        parts = [dict(read_fields(value)) for number, value in fields if number == wanted]
        return [(unzigzag(part.get(1, 0)), part.get(2, 0)) for part in parts]

    is_float = 2 in one
    histogram = {"is_float": is_float, "sum": one.get(3, 0), "schema": unzigzag(one.get(4, 0)),
                 "zero_threshold": one.get(5, 0), "count": one.get(2 if is_float else 1, 0),
                 "zero_count": one.get(7 if is_float else 6, 0), "positive_spans": spans(11),
                 "negative_spans": spans(8), "bounds": doubles(one.get(16, b"")),
                 "time_ms": signed(one.get(15, 0))}
    read, sides = (doubles, (13, 10)) if is_float else (varints, (12, 9))
    histogram["positive"], histogram["negative"] = (read(one.get(side, b"")) for side in sides)
    return histogram


class XorValue:
    """A float that is written as its difference in bits from the one before."""

    def __init__(self, bits):
        self.bits, self.leading, self.significant = bits, 0, 0

    def next(self, reader):
        if reader.read(1):
            if reader.read(1):
                self.leading, self.significant = reader.read(5), reader.read(6) or 64
            self.bits ^= reader.read(self.significant) << (64 - self.leading - self.significant)
        return self.bits


class HistogramChunk:
    """A chunk of native histograms; buckets come back as they are sent in messages."""

    WIDTHS = (0, 3, 6, 9, 12, 18, 25, 56, 64)
    STALE_BITS = 0x7FF0000000000002

    def __init__(self, data, is_float):
        self.count = struct.unpack(">H", data[:2])[0]
        self.reader, self.is_float = BitReader(data[3:]), is_float

    def signed(self):
        width = self.WIDTHS[self.reader.ones(8)]
        number = self.reader.read_signed(width) if width else 0
        return number - (1 << 64) if number >= 1 << 63 else number

    def unsigned(self):
        return self.reader.read(self.WIDTHS[self.reader.ones(8)])

    def layout(self):
        threshold = self.reader.read(8)
        if threshold == 255:
            bits = self.reader.read(64)
        else:
            bits = (threshold - 244 + 1023) << 52 if threshold else 0
        layout = {"is_float": self.is_float, "zero_threshold": bits, "schema": self.signed()}
        for side in ("positive_spans", "negative_spans"):
            spans = [(self.unsigned(), self.signed()) for _ in range(self.unsigned())]
            layout[side] = [(offset, length) for length, offset in spans]
        layout["bounds"] = []
        if layout["schema"] == -53:
            for _ in range(self.unsigned()):
                thousandths = self.unsigned()
                layout["bounds"].append(
                    struct.unpack("<Q", struct.pack("<d", (thousandths - 1) / 1000))[0]
                    if thousandths else self.reader.read(64))
        return layout

    def read(self):
        """{time_ms: histogram}."""
        layout, found = self.layout(), {}
        sides = [sum(length for _, length in layout[side])
                 for side in ("positive_spans", "negative_spans")]
        time = delta = 0
        for i in range(self.count):
            if i == 0:
                time = self.signed()
                numbers = self.first(sum(sides))
            else:
                delta += self.signed()
                time += delta
                numbers = self.next()
            count, zero_count, total, *buckets = numbers
            histogram = dict(layout, count=count, zero_count=zero_count, sum=total,
                             positive=buckets[:sides[0]], negative=buckets[sides[0]:])
            if total == self.STALE_BITS:
                histogram = {"stale": True}
            found[time] = histogram
        return found

    def first(self, buckets):
        read = self.reader.read
        if self.is_float:
            self.values = [XorValue(read(64)) for _ in range(3 + buckets)]
            return [value.bits for value in self.values]
        count, zero_count = self.unsigned(), self.unsigned()
        self.sum = XorValue(read(64))
        numbers = [count, zero_count] + [self.signed() for _ in range(buckets)]
        self.values = [[number, 0] for number in numbers]
        return [count, zero_count, self.sum.bits, *numbers[2:]]

    def next(self):
        if self.is_float:
            head = [value.next(self.reader) for value in self.values[:3]]
            if head[2] == self.STALE_BITS:
                return head
            return head + [value.next(self.reader) for value in self.values[3:]]
        head = [self.step(value) for value in self.values[:2]]
        head.append(self.sum.next(self.reader))
        if head[2] == self.STALE_BITS:
            return head
        return head + [self.step(value) for value in self.values[2:]]

    def step(self, value):
        value[1] += self.signed()
        value[0] += value[1]
        return value[0]
