"""Remote write requests, encoded in plain Python: an encoder that owes nothing to the server's.

A series is a pair (labels, samples): labels a dict or list of (name, value) pairs, samples a list of
(time_ms, value) where value is a float, or an int that stands for the bits of one.
"""

import http.client
import struct

STALE_BITS = 0x7FF0000000000002

V1 = "application/x-protobuf"
V2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, value):
    """One protobuf field: bytes or str length-delimited, int as varint, float as 64-bit."""
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    return varint(number << 3) + varint(value)


def bits_of(value):
    """The bits of a sample's value, as an int."""
    return value if isinstance(value, int) else struct.unpack("<Q", struct.pack("<d", value))[0]


def value_field(number, value):
    # By bits: a float on its way through Python could lose a NaN's payload.
    return varint(number << 3 | 1) + struct.pack("<Q", bits_of(value))


def label_pairs(labels):
    return sorted(labels.items()) if isinstance(labels, dict) else list(labels)


def request_v1(series, metadata=()):
    """A prometheus.WriteRequest. `metadata`: (type number, family, help, unit)."""
    out = bytearray()
    for labels, samples in series:
        body = b"".join(field(1, field(1, name) + field(2, value))
                        for name, value in label_pairs(labels))
        body += b"".join(field(2, value_field(1, value) + field(2, time_ms))
                         for time_ms, value in samples)
        out += field(1, body)
    for kind, family, help_text, unit in metadata:
        out += field(3, field(1, kind) + field(2, family) + field(4, help_text) + field(5, unit))
    return bytes(out)


def request_v2(series, start_ms=0):
    """An io.prometheus.write.v2.Request; `start_ms` is every sample's start timestamp."""
    symbols = {"": 0}

    def ref(text):
        return symbols.setdefault(text, len(symbols))

    bodies = []
    for labels, samples in series:
        refs = b"".join(varint(ref(text)) for pair in label_pairs(labels) for text in pair)
        body = field(1, refs)
        for time_ms, value in samples:
            sample = value_field(1, value) + field(2, time_ms)
            body += field(2, sample + (field(3, start_ms) if start_ms else b""))
        bodies.append(body)
    return b"".join(field(4, text) for text in symbols) + b"".join(field(5, b) for b in bodies)


def snappy(data):
    """Snappy's block format, in literals only."""
    out = bytearray(varint(len(data)))
    for at in range(0, len(data), 65536):
        literal = data[at:at + 65536]
        out += bytes([61 << 2]) + struct.pack("<H", len(literal) - 1) + literal
    return bytes(out)


def unsnappy(data):
    """Decode Snappy's block format, copies included."""
    size, at = read_varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        kind, length = tag & 3, tag >> 2
        if kind == 0:
            if length >= 60:
                extra = length - 59
                length = int.from_bytes(data[at:at + extra], "little")
                at += extra
            out += data[at:at + length + 1]
            at += length + 1
            continue
        if kind == 1:
            offset = (tag >> 5) << 8 | data[at]
            length = (tag >> 2 & 7) + 4
            at += 1
        else:
            width = 2 if kind == 2 else 4
            offset = int.from_bytes(data[at:at + width], "little")
            length += 1
            at += width
        start = len(out) - offset
        if offset >= length:
            out += out[start:start + length]
        else:
            for i in range(length):
                out.append(out[start + i])
    if len(out) != size:
        raise ValueError(f"snappy: {len(out)} bytes, {size} expected")
    return bytes(out)


def read_varint(data, at):
    """Read a varint; return it and the offset after it."""
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def read_fields(data):
    """Yield (number, value) of a protobuf message; 64-bit and varint fields as ints."""
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = read_varint(data, at)
        elif kind == 1:
            value = int.from_bytes(data[at:at + 8], "little")
            at += 8
        elif kind == 2:
            size, at = read_varint(data, at)
            value = data[at:at + size]
            at += size
        elif kind == 5:
            value = int.from_bytes(data[at:at + 4], "little")
            at += 4
        else:
            raise ValueError(f"protobuf: wire type {kind}")
        yield key >> 3, value


class Sender:
    """One connection that posts remote writes."""

    def __init__(self, address, path="/api/v1/write", timeout=60):
        self.connection = http.client.HTTPConnection(address, timeout=timeout)
        self.path = path

    def post(self, body, content_type=V1, encoding="snappy"):
        """Post an encoded body as it is; return (status, headers, text)."""
        headers = {"User-Agent": "larnax-test"}
        if content_type is not None:
            headers["Content-Type"] = content_type
        if encoding is not None:
            headers["Content-Encoding"] = encoding
        self.connection.request("POST", self.path, body, headers)
        response = self.connection.getresponse()
        return response.status, response.headers, response.read().decode()

    def send(self, series, metadata=()):
        """Send by remote write 1.0 and insist on success."""
        status, _, text = self.post(snappy(request_v1(series, metadata)))
        if status != 204:
            raise AssertionError(f"remote write answered {status}: {text}")
