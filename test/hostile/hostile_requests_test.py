"""Everything that hostile clients send gets its answer, and the server is none the worse for it."""

import json
import resource
import threading
import time
import urllib.parse

import pytest

from app.remote_write import STALE_BITS, request_v1, snappy
from app.server import Larnax, wait_until
from hostile import cases
from hostile.wire import Wire, ask

CASES = {name: case for name, *case in cases.all_cases()}
IMPATIENT = ["--header-timeout", "1s", "--body-timeout", "1s", "--write-timeout", "2s"]


@pytest.fixture(scope="module")
def server(build, tmp_path_factory):
    server = Larnax(build, tmp_path_factory.mktemp("hostile") / "data").start()
    yield server
    server.end()


@pytest.fixture
def impatient(larnax):
    """Gives up soon: on a loaded machine, who is not slow on purpose asks the other one."""
    return larnax(*IMPATIENT)


def is_serving(server):
    reply = ask(server.address, cases.get(b"/-/healthy"))
    return reply.status == 200


def check_case(server, name):
    data, status, phrase = CASES[name]
    reply = ask(server.address, data)
    wanted = status if isinstance(status, tuple) else (status,)
    assert reply.status in wanted, reply
    assert phrase.lower() in reply.text.lower(), reply
    assert reply.status == 503 or reply.status < 500, reply


def test_there_are_many():
    assert len(CASES) >= 190


@pytest.mark.parametrize("name", CASES)
def test_hostile_request(server, name):
    check_case(server, name)
    assert is_serving(server)


def test_memory_returns_to_where_it_was(server):
    """All of them again, at once from many clients."""
    wait_until(lambda: is_serving(server), "an answer")
    for name in CASES:
        check_case(server, name)
    before = server.resident_bytes()
    failures = []

    def all_of_them(seed):
        try:
            for name in list(CASES)[seed::4] + list(CASES):
                check_case(server, name)
        except (AssertionError, OSError) as error:
            failures.append((name, error))

    threads = [threading.Thread(target=all_of_them, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[:3]
    # jemalloc gives memory back after some seconds.
    wait_until(lambda: not server.has_grown(before, 64 << 20), "memory to be given back")
    metrics = server.get("/metrics").text
    assert "larnax_http_requests_in_flight 1\n" in metrics
    for line in metrics.splitlines():
        if line.startswith("larnax_http_requests_total{"):
            code = line.split('code="')[1][:3]
            assert code < "500" or code == "503", line


def test_slow_clients_are_given_up(impatient):
    slow = {"header": b"GET / HTTP/1.1\r\nHost", "body": cases.post(b"/receive", b"abc")[:-1],
            "chunk": cases.chunked(b"5\r\nab")}
    wires = {}
    for name, data in slow.items():
        wires[name] = Wire(impatient.address)
        wires[name].send(data)
    for name, wire in wires.items():
        with wire:
            assert wire.reply().status == 408, name
            assert wire.at_end(), name


def test_a_drop_at_a_time_does_not_hold_a_connection(impatient):
    with Wire(impatient.address) as wire:
        begin = time.monotonic()
        while time.monotonic() - begin < 30:
            wire.send(b"X")
            wire.socket.settimeout(0.05)
            try:
                if wire.fill():
                    break
            except TimeoutError:
                pass
        wire.socket.settimeout(30)
        # One line without an end: the deadline is for all of it, not from byte to byte.
        assert wire.reply().status == 408
        assert time.monotonic() - begin < 15


def test_requests_cut_anywhere_are_no_requests(server):
    whole = cases.one_series({"__name__": "cut"})
    before = server.get("/metrics").text.count("\n")
    for size in range(0, len(whole), 7):
        with Wire(server.address) as wire:
            wire.send(whole[:size])
            wire.finish()
            assert wire.reply().status in (0, 400), size
    assert before > 0
    assert server.data_of("/api/v1/series", match="cut") == []


def test_a_byte_at_a_time_is_a_request(server):
    with Wire(server.address) as wire:
        for byte in cases.get(b"/-/healthy"):
            wire.send(bytes([byte]))
        assert wire.reply().status == 200


def test_pipelined_requests_end_at_the_broken_one(server):
    with Wire(server.address) as wire:
        good = cases.get(b"/-/healthy")
        wire.send(good * 500 + b"broken\r\n\r\n" + good * 500)
        for _ in range(500):
            assert wire.reply().status == 200
        assert wire.reply().status == 400
        # What came behind it cannot be told from it.
        assert wire.at_end()


def test_a_request_in_a_body_is_no_request(server):
    hidden = cases.post(b"/api/v1/admin/flush", b"")
    with Wire(server.address) as wire:
        wire.send(cases.write(hidden) + cases.get(b"/-/healthy"))
        assert wire.reply().status == 400
        assert wire.reply().status == 200
    # Behind an ambiguous length nothing is answered.
    for ambiguous in (b"Transfer-Encoding: chunked\r\nContent-Length: 4",
                      b"Content-Length: 4\r\nContent-Length: 0",
                      b"Transfer-Encoding: chunked, identity"):
        with Wire(server.address) as wire:
            wire.send(cases.raw(b"POST /receive HTTP/1.1", b"Host: t", ambiguous,
                                   body=b"0\r\n\r\n" + hidden))
            assert wire.reply().status == 400
            assert wire.at_end()


HOSTILE_TEXTS = ['"', "\\", "</script><script>alert(1)</script>", "a\nb\r\nSet-Cookie: x", "\x00",
                 "\x7f\x1b[2J", "\u2028\u2029", "{{.}}", "${x}", "=cmd()", "\ufffe", "\U0010ffff", "%00",
                 "'; DROP TABLE samples; --", "../../x", "a,b;c\td", "🧨" * 100]


def test_hostile_texts_come_back_as_they_were(server):
    sent = [{"__name__": f"text_{i}", "value": text, f"name {text}": "x"}
            for i, text in enumerate(HOSTILE_TEXTS)]
    time_ms = int(time.time() * 1000)
    server.sender().send([(labels, [(time_ms, 1.0), (time_ms + 1, STALE_BITS)]) for labels in sent])
    for path in ("memory", "files"):
        found = server.data_of("/api/v1/series", match='{__name__=~"text_.*"}')
        key = lambda labels: labels["__name__"]
        assert sorted(found, key=key) == sorted(sent, key=key), path
        values = server.data_of("/api/v1/label/value/values", match='{__name__=~"text_.*"}')
        assert sorted(values) == sorted(HOSTILE_TEXTS), path
        reply = ask(server.address, cases.get(
            b"/api/v1/samples?match[]={__name__=~%22text_.*%22}&format=json"))
        assert reply.headers["content-type"] == "application/json"
        assert b"<script" not in reply.body
        result = json.loads(reply.body)["data"]["result"]
        assert sorted((entry["metric"] for entry in result), key=key) == sorted(sent, key=key)
        status = ask(server.address, cases.get(b"/api/v1/status/tsdb?limit=1000"))
        json.loads(status.body)
        server.flush()
    # An error repeats what was asked; no header or page can be made of it.
    reply = ask(server.address, cases.get(
        b"/api/v1/series?match[]=%22%3Cscript%3E%0d%0aX-Evil:%201"))
    assert reply.status == 400 and b"<script" not in reply.body
    assert "x-evil" not in reply.headers
    assert reply.headers["content-type"] == "application/json"


def test_a_reader_that_stands_still_is_cut(impatient):
    time_ms = int(time.time() * 1000) - 5_000_000
    for part in range(4):
        impatient.sender().send([({"__name__": "long", "n": str(n), "part": str(part)},
                                  [(time_ms + i, i / 7) for i in range(5000)]) for n in range(40)])
    with Wire(impatient.address) as wire:
        wire.send(cases.get(b"/api/v1/samples?match[]=long", b"Accept-Encoding: identity"))
        # Nothing is read: the server gives up by itself.
        wait_until(lambda: "larnax_http_timeouts_total 0\n" not in impatient.get("/metrics").text
                   and "larnax_http_connections 1\n" in impatient.get("/metrics").text,
                   "the connection to be cut")
        # What is left in between ends by a reset, not by what looks like an end.
        with pytest.raises(ConnectionResetError):
            while wire.socket.recv(1 << 20):
                pass


@pytest.mark.parametrize("stack_bytes", [1 << 20, None], ids=["small", "largest"])
def test_expressions_of_many_levels_need_no_large_stack(build, tmp_path, stack_bytes):
    server = Larnax(build, tmp_path / "data")
    before = resource.getrlimit(resource.RLIMIT_STACK)
    resource.setrlimit(resource.RLIMIT_STACK, (stack_bytes or before[1], before[1]))
    try:
        server.start()
    finally:
        resource.setrlimit(resource.RLIMIT_STACK, before)
    try:
        server.sender().send([({"__name__": "x"}, [(int(time.time() * 1000), 1.0)])])
        for operator in ("+", "or"):
            text = f" {operator} ".join(["x"] * 2000)
            answer = server.post("/api/v1/query", urllib.parse.urlencode({"query": text}).encode(),
                                 {"Content-Type": "application/x-www-form-urlencoded"})
            assert answer.status == 200, answer
            assert len(answer.json()["data"]["result"]) == 1, answer
    finally:
        server.end()


def test_connections_past_the_limit_are_refused_politely(build, tmp_path):
    server = Larnax(build, tmp_path / "data", "--max-connections", "20").start()
    try:
        held = [Wire(server.address) for _ in range(20)]
        for wire in held:
            wire.send(cases.get(b"/-/healthy"))
            assert wire.reply().status == 200
        with Wire(server.address) as refused:
            reply = refused.reply()
            assert reply.status == 503 and "retry-after" in reply.headers
        # Hundreds more do no harm, and those within go on.
        flood = [Wire(server.address) for _ in range(300)]
        held[0].send(cases.get(b"/-/healthy"))
        assert held[0].reply().status == 200
        for wire in held + flood:
            wire.socket.close()
        wait_until(lambda: is_serving(server), "room for another")
    finally:
        server.end()


def test_more_than_it_can_bear_is_sent_back(build, tmp_path):
    """Many times what a tiny head takes: 503 with Retry-After, and no growth."""
    # Nothing is flushed by itself: however quick the machine is, the head gets full.
    server = Larnax(build, tmp_path / "data", "--head-limit-samples", "20000", "--flush-samples",
                    "1000000", "--flush-interval", "1h").start()
    time_ms = int(time.time() * 1000) - 10_000_000
    try:
        accepted, refused, lock = {}, 0, threading.Lock()

        def send(worker):
            nonlocal refused
            with Wire(server.address) as wire:
                for i in range(150):
                    series = [({"__name__": "load", "worker": str(worker), "n": str(n)},
                               [(time_ms + i * 10 + k, float(k)) for k in range(10)])
                              for n in range(100)]
                    wire.send(cases.write(snappy(request_v1(series))))
                    reply = wire.reply()
                    with lock:
                        if reply.status == 204:
                            accepted[worker] = accepted.get(worker, 0) + 1000
                        else:
                            assert reply.status == 503, reply
                            assert reply.headers["retry-after"] == "1"
                            refused += 1

        send("warm")
        before = server.resident_bytes()
        threads = [threading.Thread(target=send, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert accepted and refused > 0
        assert not server.has_grown(before, 96 << 20)
        # What was accepted is there, and what was not can be sent again.
        server.flush()
        wait_until(lambda: ask(server.address, cases.one_series({"__name__": "after"}, [
            (time_ms, 1.0)])).status == 204, "room")
        server.flush()
        for worker, count in accepted.items():
            found = server.data_of("/api/v1/samples", match=f'load{{worker="{worker}"}}')["result"]
            assert sum(len(entry["values"]) for entry in found) == count, worker
    finally:
        server.end()
