"""Prometheus' remote read, decoded in plain Python: both of its answer types."""

import struct

from app.remote_write import field, read_fields, read_varint, snappy, unsnappy
from app.server import http

SAMPLES, STREAMED_XOR_CHUNKS = 0, 1
XOR, HISTOGRAMS = 1, (2, 3)


def request(address, start_ms, end_ms, answer_type):
    """Ask for every series."""
    matcher = field(1, 2) + field(2, "__name__") + field(3, ".+")
    query = field(1, start_ms) + field(2, end_ms) + field(3, matcher)
    answer = http("POST", f"http://{address}/api/v1/read",
                  snappy(field(1, query) + field(2, answer_type)),
                  {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
                   "X-Prometheus-Remote-Read-Version": "0.1.0"})
    assert answer.status == 200, answer
    return answer


def read_everything(address, start_ms, end_ms, answer_type):
    """Read all float samples in [start_ms, end_ms]: {frozenset(labels): {time_ms: bits}}."""
    answer = request(address, start_ms, end_ms, answer_type)
    read = decode_samples if answer_type == SAMPLES else decode_chunks
    return {labels: {time_ms: bits for time_ms, bits in samples.items()
                     if start_ms <= time_ms <= end_ms}
            for labels, samples in read(answer.body).items()}


def read_histograms(address, start_ms, end_ms):
    """Read all native histograms: {frozenset(labels): {time_ms: message}}.

    A message is a sorted list of (field, bytes or number), without the hint on counter resets, of
    which a reader knows only what it read in sequence; packed numbers are taken apart.
    """
    answer = request(address, start_ms, end_ms, SAMPLES)
    found = {}
    for _, result in read_fields(unsnappy(answer.body)):
        for _, series in read_fields(result):
            parts = list(read_fields(series))
            samples = {}
            for number, value in parts:
                if number == 4:
                    message = canonical_histogram(value)
                    samples[message.pop("time_ms")] = message
            if samples:
                labels = frozenset(label_of(value) for number, value in parts if number == 1)
                found.setdefault(labels, {}).update(samples)
    return found


SUM, RESET_HINT, TIMESTAMP = 3, 14, 15
PACKED_DOUBLES, PACKED_VARINTS, SPANS = (10, 13, 16), (9, 12), (8, 11)


def canonical_histogram(data):
    """The fields of a Histogram, defaults left out and buckets by index: equal ones compare equal."""
    message = {}
    for number, value in read_fields(data):
        if number == RESET_HINT:
            continue
        if number == TIMESTAMP:
            message["time_ms"] = signed(value)
        elif number in SPANS:
            span = dict(read_fields(value))
            message.setdefault(number, []).append((span.get(1, 0), span.get(2, 0)))
        elif number in PACKED_DOUBLES:
            packed = value if isinstance(value, bytes) else struct.pack("<Q", value)
            message.setdefault(number, []).extend(
                struct.unpack(f"<{len(packed) // 8}Q", packed))
        elif number in PACKED_VARINTS:
            numbers = message.setdefault(number, [])
            if isinstance(value, bytes):
                at = 0
                while at < len(value):
                    one, at = read_varint(value, at)
                    numbers.append(one)
            else:
                numbers.append(value)
        elif value != 0:
            message[number] = value
    for spans, deltas, counts in ((8, 9, 10), (11, 12, 13)):
        message["buckets", spans] = buckets_of(
            message.pop(spans, []), message.pop(deltas, []), message.pop(counts, []))
    return message


def buckets_of(spans, deltas, counts):
    """Counts (bits of floats, or numbers) by index, empty buckets left out: chunks share a layout,
    which adds some."""
    if deltas:
        total, counts = 0, []
        for delta in deltas:
            total += delta >> 1 ^ -(delta & 1)
            counts.append(total)
    buckets, at, index = {}, 0, 0
    for offset, length in spans:
        index += offset >> 1 ^ -(offset & 1)
        for count in counts[at:at + length]:
            if count:
                buckets[index] = count
            index += 1
        at += length
    return buckets


def label_of(data):
    parts = dict(read_fields(data))
    return parts.get(1, b"").decode(), parts.get(2, b"").decode()


def signed(number):
    """A varint as protobuf's int64."""
    return number - (1 << 64) if number >> 63 else number


def decode_samples(body):
    """A ReadResponse."""
    found = {}
    for _, result in read_fields(unsnappy(body)):
        for _, series in read_fields(result):
            parts = list(read_fields(series))
            labels = frozenset(label_of(value) for number, value in parts if number == 1)
            samples = found.setdefault(labels, {})
            for number, value in parts:
                if number == 2:
                    sample = dict(read_fields(value))
                    samples[signed(sample.get(2, 0))] = sample.get(1, 0)
    return found


def chunks_of(body):
    """(labels, chunk) of ChunkedReadResponse frames. Checksums are TCP's business here."""
    at = 0
    while at < len(body):
        size, at = read_varint(body, at)
        at += 4
        frame, at = body[at:at + size], at + size
        for number, series in read_fields(frame):
            if number != 1:
                continue
            parts = list(read_fields(series))
            labels = frozenset(label_of(value) for number, value in parts if number == 1)
            for number, value in parts:
                if number == 2:
                    yield labels, dict(read_fields(value))


def decode_chunks(body):
    """The float samples of such a stream."""
    found = {}
    for labels, chunk in chunks_of(body):
        samples = found.setdefault(labels, {})
        # Histograms are compared by their messages, see read_histograms.
        assert chunk[3] in (XOR, *HISTOGRAMS), f"chunk of type {chunk[3]}"
        if chunk[3] == XOR:
            samples.update(decode_xor(chunk[4]))
    return found


class BitReader:
    """Bits of a byte string, the highest of each byte first."""

    def __init__(self, data):
        self.bits = int.from_bytes(data, "big")
        self.left = len(data) * 8

    def read(self, count):
        self.left -= count
        assert self.left >= 0, "chunk is too short"
        return self.bits >> self.left & ((1 << count) - 1)

    def read_varint(self):
        number = shift = 0
        while True:
            byte = self.read(8)
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    def read_signed(self, count):
        number = self.read(count)
        return number - (1 << count) if number > 1 << (count - 1) else number

    def ones(self, most):
        """Count the ones before a zero, `most` at the most."""
        for count in range(most):
            if self.read(1) == 0:
                return count
        return most


def decode_xor(data):
    """Samples of an XOR chunk: [(time_ms, bits)]."""
    count = struct.unpack(">H", data[:2])[0]
    reader = BitReader(data[2:])
    samples = []
    time = delta = value = leading = significant = 0
    for i in range(count):
        if i == 0:
            zigzag = reader.read_varint()
            time = zigzag >> 1 ^ -(zigzag & 1)
            value = reader.read(64)
        else:
            if i == 1:
                delta = reader.read_varint()
            else:
                width = (0, 14, 17, 20, 64)[reader.ones(4)]
                delta += reader.read_signed(width) if width else 0
            time += delta
            if reader.read(1):
                if reader.read(1):
                    leading, significant = reader.read(5), reader.read(6) or 64
                value ^= reader.read(significant) << (64 - leading - significant)
        samples.append((time, value))
    return samples
