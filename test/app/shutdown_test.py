"""Ending and starting again: SIGTERM flushes, the lock keeps a second writer out."""

import signal
import socket
import threading
import time

import pytest

from app.remote_write import STALE_BITS, bits_of, request_v1, snappy
from app.server import Larnax, wait_until
from readers import rows

NOW_MS = int(time.time()) * 1000


def some_series(count=20, samples=50):
    return [({"__name__": "m", "job": "shutdown", "n": str(n)},
             [(NOW_MS - 1000 * i, float(n * i)) for i in range(samples)] + [(NOW_MS + 1, STALE_BITS)])
            for n in range(count)]


def as_dict(series):
    return {frozenset(labels.items()): {time_ms: bits_of(value) for time_ms, value in samples}
            for labels, samples in series}


def stored(server):
    return {labels: dict(zip(times.tolist(), bits.tolist()))
            for labels, (times, bits) in rows.by_series(server.data).items()}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_flushes(larnax, number):
    server = larnax()
    server.sender().send(some_series())
    assert rows.data_files(server.data)[1:] == [], "flushed too early for this test to prove a thing"
    server.signal(number)
    assert server.wait() == 0, server.log()
    assert stored(server) == as_dict(some_series())

    server.start()
    status = server.data_of("/api/v1/status/tsdb")
    assert status["headStats"]["numSamples"] == 0, "the log still had work"
    found = server.data_of("/api/v1/samples", match="m")["result"]
    assert sorted(len(series["values"]) for series in found) == [51] * 20
    assert server.stop() == 0


def test_recovers_from_the_log(larnax):
    server = larnax()
    server.sender().send(some_series())
    server.kill()
    server.start()
    found = server.data_of("/api/v1/samples", match="m")["result"]
    assert sorted(len(series["values"]) for series in found) == [51] * 20
    server.flush()
    assert server.stop() == 0
    assert stored(server) == as_dict(some_series())


def test_writers_at_the_end_are_told(larnax):
    """While it stops, a write is either acknowledged and kept, or refused with 503, or unanswered."""
    server = larnax()
    acknowledged, statuses = [], set()

    def write(n):
        sender = server.sender()
        for i in range(100_000):
            series = ({"__name__": "m", "job": "end", "n": str(n)}, [(NOW_MS - i, float(i))])
            try:
                sender.connection.timeout = 10
                status, headers, _ = sender.post(snappy(request_v1([series])))
            except OSError:
                return
            except Exception as error:  # http.client's own
                statuses.add(type(error).__name__)
                return
            statuses.add(status)
            if status == 204:
                acknowledged.append(series)
            else:
                assert status == 503 and headers["Retry-After"], status
                return

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(acknowledged) > 200, "writes")
    assert server.stop() == 0, server.log()
    for thread in threads:
        thread.join()
    found = rows.by_series(server.data)
    times = {(dict(labels)["n"], at) for labels, (all_times, _) in found.items()
             for at in all_times.tolist()}
    missing = [(labels["n"], samples[0][0]) for labels, samples in acknowledged
               if (labels["n"], samples[0][0]) not in times]
    assert missing == []
    assert statuses <= {204, 503, "RemoteDisconnected", "BadStatusLine"}, statuses


def test_a_second_writer_is_kept_out(larnax, build, tmp_path):
    server = larnax()
    second = Larnax(build, server.data)
    second.log_path = tmp_path / "second.log"
    try:
        second.start(ready=False)
        assert second.wait() != 0
        assert server.address in second.log(), second.log()
    finally:
        second.end()
    assert server.is_ready()


def test_an_address_in_use_is_said(build, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = Larnax(build, tmp_path / "data")
        server.address = f"127.0.0.1:{taken.getsockname()[1]}"
        try:
            server.start(ready=False)
            assert server.wait() not in (0, None)
            assert server.address.split(":")[1] in server.log(), server.log()
        finally:
            server.end()


def test_records_its_own_metrics(build, tmp_path):
    server = Larnax(build, tmp_path / "data", "--self-metrics-interval", "1s", own_metrics=True)
    try:
        server.start()
        wait_until(lambda: server.data_of("/api/v1/series", match='{job="larnax"}'), "own metrics")
        names = server.data_of("/api/v1/label/__name__/values", match='{job="larnax"}')
        assert "larnax_samples_total" in names and "process_resident_memory_bytes" in names
        assert server.stop() == 0
        assert rows.by_series(server.data)
    finally:
        server.end()
