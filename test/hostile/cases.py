"""Hostile requests and the answers they must get.

A case is (name, bytes, status, phrase): the phrase stands in the answer's body, case ignored.
"""

import random
import struct
import urllib.parse

import pyarrow

from app.remote_write import V1, V2, field, request_v1, snappy, varint

HOST = b"Host: t\r\n"
NOW_MS = 1_790_000_000_000


def raw(first_line, *lines, body=b""):
    """A request of lines as they are; Host is not added."""
    return b"\r\n".join([first_line, *lines, b"", b""]) + body


def get(target, *lines):
    return raw(b"GET " + target + b" HTTP/1.1", b"Host: t", *lines)


def post(target, body, *lines):
    return raw(b"POST " + target + b" HTTP/1.1", b"Host: t",
               b"Content-Length: %d" % len(body), *lines, body=body)


def write(body, content_type=V1, encoding="snappy"):
    return post(b"/api/v1/write", body, b"Content-Type: " + content_type.encode(),
                b"Content-Encoding: " + encoding.encode())


def write_v1(message):
    return write(snappy(message))


def write_v2(message):
    return write(snappy(message), V2)


def one_series(labels, samples=((NOW_MS, 1.0),)):
    return write_v1(request_v1([(labels, list(samples))]))


def chunked(body, *lines):
    return raw(b"POST /api/v1/write HTTP/1.1", b"Host: t", b"Transfer-Encoding: chunked", *lines,
               body=body)


def read(message, encoding="snappy"):
    body = snappy(message) if encoding == "snappy" else message
    return post(b"/api/v1/read", body, b"Content-Encoding: " + encoding.encode())


def matcher(kind, name, value):
    return field(3, field(1, kind) + field(2, name) + field(3, value))


def broken_http():
    """What no HTTP/1 client sends: it may be meant for another server behind this one."""
    write_head = (b"POST /api/v1/write HTTP/1.1", b"Host: t")
    yield "garbage", b"\x00\x01\x02 garbage\r\n\r\n", 400, "bad request"
    yield "blank method", b" / HTTP/1.1\r\n" + HOST + b"\r\n", 400, "bad request"
    yield "http/0.9", b"GET /\r\n\r\n", 400, "bad request"
    yield "http/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad request"
    yield "http/3.0", b"GET / HTTP/3.0\r\n" + HOST + b"\r\n", 400, "bad request"
    yield "version without a dot", b"GET / HTTP/11\r\n" + HOST + b"\r\n", 400, "bad request"
    yield "tls on a plain port", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 60, 400, ""
    yield "no host", b"GET / HTTP/1.1\r\n\r\n", 400, "exactly one host"
    yield "two hosts", get(b"/", b"Host: u"), 400, "exactly one host"
    yield "field without a colon", get(b"/", b"Nonsense"), 400, "bad request"
    yield "blank before the colon", get(b"/", b"Content-Length : 5"), 400, "bad request"
    yield "zero byte in a field", get(b"/", b"X: a\x00b"), 400, "bad request"
    yield "carriage return in a field", get(b"/", b"X: a\rb: c"), 400, "bad request"
    yield "line feeds alone", b"GET / HTTP/1.1\nHost: t\n\n", 400, "bad request"
    yield "length and chunks", raw(*write_head, b"Content-Length: 5",
                                   b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 400, ""
    yield "chunks and length", raw(*write_head, b"Transfer-Encoding: chunked",
                                   b"Content-Length: 5", body=b"0\r\n\r\n"), 400, ""
    yield "two lengths", raw(*write_head, b"Content-Length: 1", b"Content-Length: 2",
                             body=b"ab"), 400, "bad request"
    yield "a list of lengths", raw(*write_head, b"Content-Length: 1, 2", body=b"a"), 400, ""
    for length in (b"-1", b"+1", b"0x1", b"1e1", b" ", b"1 1", b"99999999999999999999999"):
        yield (f"length {length.decode()!r}", raw(*write_head, b"Content-Length: " + length,
                                                  body=b"a"), 400, "bad request")
    yield "length past all limits", raw(*write_head, b"Content-Length: 9223372036854775807"), 413, ""
    yield "length past the limit", raw(*write_head, b"Content-Length: 40000000"), 413, "too large"
    yield "chunked twice", raw(*write_head, b"Transfer-Encoding: chunked, chunked",
                               body=b"0\r\n\r\n"), 400, "transfer encoding"
    yield "chunked in two fields", raw(*write_head, b"Transfer-Encoding: chunked",
                                       b"Transfer-Encoding: identity", body=b"0\r\n\r\n"), 400, ""
    yield "almost chunked", raw(*write_head, b"Transfer-Encoding: xchunked",
                                body=b"0\r\n\r\n"), 400, "transfer encoding"
    yield "gzip, chunked", raw(*write_head, b"Transfer-Encoding: gzip, chunked",
                               body=b"0\r\n\r\n"), 400, "transfer encoding"
    yield "chunked by a vertical tab", raw(*write_head, b"Transfer-Encoding: \x0bchunked",
                                           body=b"0\r\n\r\n"), 400, ""
    for size in (b"zz", b"-1", b"FFFFFFFFFFFFFFFFFF", b"0x5", b"", b" 5"):
        yield f"chunk of size {size.decode()!r}", chunked(size + b"\r\nabcde\r\n0\r\n\r\n"), 400, ""
    yield "chunk without its end", chunked(b"5\r\nabcdeXX0\r\n\r\n"), 400, "bad request"
    yield "chunk past all limits", chunked(b"7FFFFFFFFFFFFFFF\r\na"), 413, "too large"
    yield "long chunk extension", chunked(b"5;" + b"x" * 100_000 + b"\r\nabcde\r\n0\r\n\r\n"), 431, ""
    yield "endless trailers", chunked(b"0\r\n" + b"X: y\r\n" * 30_000 + b"\r\n"), 431, "too large"
    yield "forged trailer", chunked(b"3\r\nabc\r\n0\r\nContent-Type: text/plain\r\n\r\n"), 400, "snappy"
    yield "long field", get(b"/", b"X: " + b"x" * 70_000), 431, "too large"
    yield "many fields", get(b"/", *[b"X%d: y" % i for i in range(10_000)]), 431, "too large"
    yield "long target", get(b"/" + b"x" * 70_000), 431, "too large"
    yield "connect", raw(b"CONNECT example.org:443 HTTP/1.1", b"Host: t"), 400, "bad request"
    yield "options of all", raw(b"OPTIONS * HTTP/1.1", b"Host: t"), 404, ""
    yield "target without a slash", get(b"metrics"), 400, "bad request"
    yield "control byte in the target", get(b"/\x01"), 400, "bad request"
    yield "unknown method", raw(b"BREW / HTTP/1.1", b"Host: t"), 405, "not allowed"
    yield "small method", raw(b"get / HTTP/1.1", b"Host: t"), 405, "not allowed"
    yield "unknown expectation", get(b"/", b"Expect: wonders"), 417, "expectation"
    yield "two credentials", get(b"/", b"Authorization: Basic YQ==", b"Authorization: Bearer x"), \
        400, "more than one authorization"


def paths():
    yield "dots", get(b"/../../../../etc/passwd"), 404, "not found"
    yield "encoded dots", get(b"/%2e%2e/%2e%2e/etc/passwd"), 404, "not found"
    yield "zero byte in a path", get(b"/api/v1/labels%00"), 404, "not found"
    yield "double slash", get(b"//api/v1/labels"), 404, "not found"
    yield "pattern as a path", get(b"/api/v1/label/:name/values"), 200, "success"
    yield "slash in a name", get(b"/api/v1/label/a/b/values"), 404, "not found"
    yield "bad escape in a name", get(b"/api/v1/label/%zz/values"), 404, "not found"
    yield "bytes that are no text in a name", get(b"/api/v1/label/%ff%fe/values"), 200, "[]"
    yield "admin by get", get(b"/api/v1/admin/flush"), 405, "not allowed"
    yield "another host's page", raw(b"GET http://example.org/nothing HTTP/1.1", HOST[:-2]), 404, ""


def parameters():
    samples = b"/api/v1/samples?match[]=up"
    yield "no selector", get(b"/api/v1/samples"), 400, "no match[] parameter"
    yield "selector of everything", get(b"/api/v1/series?match[]={}"), 400, "at least one"
    yield "selector of all that is absent", get(b"/api/v1/series?match[]={a=~%22.*%22}"), 400, ""
    yield "unclosed selector", get(b"/api/v1/series?match[]={a=%22"), 400, "parse error"
    yield "zero byte in a selector", get(b"/api/v1/series?match[]=a%00b"), 400, "parse error"
    yield "bytes that are no text in a selector", \
        get(b"/api/v1/series?match[]={a=%22%ff%22}"), 400, ""
    yield "long selector", \
        post(b"/api/v1/series", b"match[]={" + b"(" * 500_000,
             b"Content-Type: application/x-www-form-urlencoded"), 400, "parse error"
    yield "broken regular expression", get(b"/api/v1/series?match[]={a=~%22(%22}"), 400, ""
    yield "large regular expression", \
        get(b"/api/v1/series?match[]={a=~%22((a{100}){100}){100}%22}"), 400, ""
    yield "back reference", get(b"/api/v1/series?match[]={a=~%22(a)%5C%5C1%22}"), 400, ""
    yield "bad escape", get(b"/api/v1/series?match[]=%zz"), 400, "invalid url escape"
    yield "semicolons", get(b"/api/v1/series?a=b;c=d"), 400, "semicolon"
    for name, values in {"start": [b"NaN", b"1e999", b"-1e30", b"yesterday", b"2026-13-01T00:00:00Z"],
                         "limit": [b"-1", b"1e3", b"99999999999999999999", b"0x10"],
                         "timeout": [b"-1", b"0", b"1000y", b"1.5.5"],
                         "format": [b"xml", b"../json"], "stale": [b"maybe"]}.items():
        for value in values:
            yield (f"{name}={value.decode()}", get(samples + b"&" + name.encode() + b"=" + value), 400,
                   f'invalid parameter \\"{name}\\"')
    yield "end before start", get(samples + b"&start=5&end=4"), 400, "end timestamp must not be"
    yield "largest limit of status", get(b"/api/v1/status/tsdb?limit=10001"), 400, "10000"
    yield "merge of perhaps everything", \
        post(b"/api/v1/admin/merge?everything=perhaps", b""), 400, "true or false"


def bodies():
    """Bodies of writes that are not what they say."""
    message = request_v1([({"__name__": "m"}, [(NOW_MS, 1.0)])])
    noise = random.Random(1).randbytes(2000)
    bomb = bytes(64 << 20)
    yield "no body", post(b"/api/v1/write", b""), 400, "snappy"
    yield "noise", write(noise), 400, "snappy"
    yield "message without compression", write(message), 400, "snappy"
    yield "snappy of a false length", write(varint(len(message) + 1) + snappy(message)[1:]), 400, ""
    yield "snappy of 4 GiB", write(varint((1 << 32) - 1) + b"\x00a"), 413, ""
    yield "snappy copy from before the start", write(varint(8) + b"\x01\x40"), 400, "snappy"
    yield "snappy bomb", write(pyarrow.compress(bomb, "snappy", asbytes=True)), 413, "limit"
    yield "zstd bomb", write(pyarrow.compress(bomb, "zstd", asbytes=True), encoding="zstd"), 413, ""
    yield "zstd noise", write(noise, encoding="zstd"), 400, "zstd"
    zstd = pyarrow.compress(message, "zstd", asbytes=True)
    yield "zstd cut off", write(zstd[:-3], encoding="zstd"), 400, "zstd"
    yield "zstd of a huge window", \
        write(b"\x28\xb5\x2f\xfd\x00\xf8" + b"\x01\x00\x00", encoding="zstd"), 400, "zstd"
    yield "gzip", write(message, encoding="gzip"), 415, "content encoding"
    yield "two encodings", write(message, encoding="snappy, snappy"), 415, "content encoding"
    yield "json", write(b"{}", content_type="application/json"), 415, "content type"
    yield "version 3", write(message, V1 + ";proto=io.prometheus.write.v3.Request"), 415, ""
    yield "frames of snappy", write(b"\xff\x06\x00\x00sNaPpY" + noise[:100]), 400, ""


def messages():
    """Protobuf that is broken, or lies."""
    good = request_v1([({"__name__": "m", "a": "b"}, [(NOW_MS, 1.0)])])
    yield "cut off", write_v1(good[:-1]), 400, "offset"
    yield "noise in protobuf", write_v1(random.Random(2).randbytes(500)), 400, ""
    yield "wire type 7", write_v1(b"\x0f"), 400, "offset"
    yield "group", write_v1(b"\x0b\x0c"), 400, "offset"
    yield "field zero", write_v1(b"\x02\x00"), 400, "offset"
    yield "long varint", write_v1(b"\x80" * 11), 400, "offset"
    yield "length past the end", write_v1(b"\x0a\xff\xff\xff\xff\x0f"), 400, "offset"
    yield "length of 2^63", write_v1(b"\x0a" + b"\xff" * 9 + b"\x01"), 400, "offset"
    yield "sample as a number", write_v1(field(1, b"\x10\x05")), 400, ""
    yield "millions of empty parts", write_v1(b"\x0a\x00" * 4_000_000), 204, ""
    symbols = b"".join(field(4, text) for text in ("", "__name__", "m"))
    sample = field(2, field(1, 1.0) + field(2, NOW_MS))
    yield "symbol past the table", write_v2(symbols + field(5, field(1, b"\x01\x09") + sample)), 400, ""
    yield "symbol of 2^32", \
        write_v2(symbols + field(5, field(1, b"\x01\xff\xff\xff\xff\x0f") + sample)), 400, ""
    yield "odd number of symbols", write_v2(symbols + field(5, field(1, b"\x01") + sample)), 400, ""
    yield "first symbol not empty", write_v2(field(4, "x") + field(5, sample)), 400, ""
    yield "no symbols", write_v2(field(5, field(1, b"\x01\x02") + sample)), 400, ""
    amplified = field(4, "") + field(4, "a" * 60_000) + field(4, "__name__")
    refs = field(1, b"\x02\x01")
    yield "one large symbol, a thousand times", \
        write_v2(amplified + field(5, refs + sample) * 10_000), (400, 413), ""


def labels():
    name = {"__name__": "m"}
    yield "no metric name", one_series({"a": "b"}), 400, "no metric name"
    yield "no labels", one_series({}), 400, "no metric name"
    yield "repeated name", one_series([("__name__", "m"), ("a", "1"), ("a", "2")]), 400, "repeated"
    yield "empty name", one_series([("", "x"), ("__name__", "m")]), 400, "empty label name"
    bad = field(1, field(1, field(1, "__name__") + field(2, b"\xff\xfe")) +
                field(2, field(1, 1.0) + field(2, NOW_MS)))
    yield "no utf-8", write_v1(bad), 400, "utf-8"
    surrogate = field(1, field(1, field(1, "__name__") + field(2, b"\xed\xa0\x80")) +
                      field(2, field(1, 1.0) + field(2, NOW_MS)))
    yield "surrogate", write_v1(surrogate), 400, "utf-8"
    yield "too many labels", one_series({**name, **{f"l{i}": "x" for i in range(600)}}), 400, "label"
    yield "long name", one_series({**name, "n" * 5000: "x"}), 400, "label name"
    yield "long value", one_series({**name, "n": "x" * 100_000}), 400, "label value"
    far = {"far ahead": NOW_MS * 10, "before 1970": -1, "the last": (1 << 63) - 1,
           "the first": -(1 << 63)}
    for text, time_ms in far.items():
        yield f"time {text}", one_series(name, [(time_ms, 1.0)]), 400, "out of bounds"


def histogram(count=3, deltas=(3,), spans=((0, 1),), schema=0, extra=b""):
    def zigzag(number):
        return (number << 1) ^ (number >> 63)
    body = field(1, count) + field(3, 1.5) + field(4, zigzag(schema) & 0xFFFFFFFF)
    for offset, length in spans:
        body += field(11, field(1, zigzag(offset) & 0xFFFFFFFF) + field(2, length))
    body += field(12, b"".join(varint(zigzag(delta)) for delta in deltas))
    body += field(15, NOW_MS) + extra
    return write_v1(field(1, field(1, field(1, "__name__") + field(2, "h")) + field(4, body)))


def histograms():
    yield "negative bucket", histogram(deltas=(-3,)), 400, "negative histogram bucket"
    yield "false count", histogram(count=99), 400, "count"
    yield "more spans than buckets", histogram(spans=((0, 2),)), 400, "spans"
    yield "span of 4 billion buckets", histogram(spans=((0, (1 << 32) - 1),)), 400, "spans"
    yield "spans that add up past 2^32", histogram(spans=((0, (1 << 31)), (0, (1 << 31) + 1))), 400, ""
    yield "overlapping spans", histogram(spans=((0, 1), (-5, 1)), deltas=(3, 0)), 400, "span"
    yield "unknown schema", histogram(schema=99), 400, "schema"
    yield "more buckets than bounds", \
        histogram(count=6, schema=-53, spans=((0, 2),), deltas=(3, 0)), 400, ""
    yield "integers and floats", histogram(extra=field(13, struct.pack("<d", 1.0))), 400, ""
    yield "bounds in disorder", \
        histogram(schema=-53, extra=field(16, struct.pack("<2d", 2.0, 1.0))), 400, ""
    yield "bucket counts past 2^63", histogram(deltas=((1 << 63) - 1, (1 << 63) - 1),
                                               spans=((0, 2),)), 400, ""


def remote_reads():
    yield "read noise", read(random.Random(3).randbytes(300)), 400, "broken read request"
    yield "read without compression", post(b"/api/v1/read", b"\x0a\x00"), 400, "snappy"
    yield "read bomb", post(b"/api/v1/read", pyarrow.compress(bytes(8 << 20), "snappy",
                                                              asbytes=True)), 413, ""
    yield "read of a matcher of no kind", read(field(1, matcher(7, "a", "b"))), 400, "kind of matcher"
    yield "read of a broken expression", read(field(1, matcher(2, "a", "("))), 400, ""
    yield "read of a large expression", \
        read(field(1, matcher(2, "a", "((a{100}){100}){100}"))), 400, ""
    yield "read of too many queries", read(field(1, b"") * 1000), 413, "too many queries"
    yield "read of too many matchers", read(field(1, matcher(0, "a", "b") * 5000)), 413, "matchers"
    yield "read of an unknown answer", read(field(2, 9)), 400, "response types"
    yield "read of all times", read(field(1, field(1, -(1 << 63)) + field(2, (1 << 63) - 1) +
                                          matcher(0, "__name__", "none"))), 200, ""


def form(path, **values):
    return post(path, urllib.parse.urlencode(values).encode(),
                b"Content-Type: application/x-www-form-urlencoded")


def queries():
    """Expressions that are broken, endless, or ask for everything."""
    def query(text, **values):
        return form(b"/api/v1/query", query=text, **values)

    def over(text, **values):
        return form(b"/api/v1/query_range", **{"query": text, "start": 0, "end": 100, "step": 1, **values})

    yield "no expression", query(""), 400, "parse error"
    yield "zero byte in an expression", query("up\x00"), 400, "parse error"
    yield "no utf-8 in an expression", \
        post(b"/api/v1/query", b"query=%ff%fe", b"Content-Type: application/x-www-form-urlencoded"), 400, ""
    yield "deep parentheses", query("(" * 100_000 + "1" + ")" * 100_000), 400, ""
    yield "deep signs", query("-" * 200_000 + "1"), 400, ""
    yield "deep calls", query("abs(" * 50_000 + "up" + ")" * 50_000), 400, ""
    yield "long sum", query("1" + "+1" * 100_000), (200, 400), ""
    yield "long power", query("2" + "^2" * 100_000), (200, 400), ""
    yield "deep subqueries", query("up" + "[1m:1s]" * 1000), 400, ""
    yield "unclosed string", query('{a="'), 400, "parse error"
    yield "matcher of everything", query("{}"), 400, ""
    yield "unknown function", query("system('id')"), 400, "unknown function"
    yield "large regular expression in an expression", \
        query('up{a=~"((a{100}){100}){100}"}'), 400, ""
    yield "duration past 292 years", query("up[300y]"), 400, ""
    yield "offset past all times", query("up offset 292y"), 200, ""
    yield "time past all times", query("up @ 1e300"), 400, ""
    yield "too many steps", over("up", end=11_001), 400, "11,000"
    yield "step of nothing", over("up", step=0), 400, "step"
    yield "step below zero", over("up", step=-1), 400, "step"
    yield "step of no number", over("up", step="NaN"), 400, "step"
    yield "end before the start", over("up", start=5, end=4), 400, ""
    yield "times at the ends of the numbers", \
        over("up", start=-9e15, end=9e15, step=9e14), (200, 400, 422), ""
    yield "subquery of millions of steps", query("count_over_time((1+vector(1))[10y:1ms])"), \
        (400, 422, 503), ""
    yield "subquery in a range of steps", \
        over("max_over_time(vector(1)[1000d:1s])", end=10_000), (400, 422, 503), ""
    yield "label of a template", query('label_replace(up, "a", "$9999999999", "b", "(.*)")'), (200, 400), ""
    yield "sort by a bad label", query("label_join(up, '\\xff', ',', 'b')"), (200, 400, 422), ""
    yield "lookback below zero", query("up", lookback_delta="-5m"), 400, ""
    yield "format of a broken expression", form(b"/api/v1/format_query", query="("), 400, "parse error"
    yield "parse of a broken expression", form(b"/api/v1/parse_query", query="("), 400, "parse error"
    yield "exemplars of everything", \
        form(b"/api/v1/query_exemplars", query="{}", start=0, end=1), 400, ""


def all_cases():
    for group in (broken_http, paths, parameters, bodies, messages, labels, histograms, remote_reads,
                  queries):
        for name, data, status, phrase in group():
            yield f"{group.__name__}: {name}", data, status, phrase
