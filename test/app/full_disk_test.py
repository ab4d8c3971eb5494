"""The real server on a disk that fills up, or can only be read: it says 503, loses nothing that it
acknowledged, and goes on by itself when there is room again.

The disk is a small tmpfs, which takes root to mount.
"""

import os
import subprocess
import time

import pytest

from app.remote_write import bits_of
from app.server import Larnax, wait_until

DISK_BYTES = 24 << 20


def can_mount(folder):
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "larnax-test",
                              str(folder)], capture_output=True, text=True)
    return mounted.returncode == 0, mounted.stderr


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    mounted, problem = can_mount(folder) if os.geteuid() == 0 else (False, "not root")
    if not mounted:
        pytest.skip(f"SKIPPED, NOT TESTED: a full disk needs a mount of its own: {problem}")
    yield folder
    # Lazily: a server that is being killed may still have files open.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Load:
    """Sends samples of which the values tell when they were sent; remembers what was taken."""

    def __init__(self, server):
        self.sender, self.taken, self.sent = server.sender(), [], 0
        self.begin_ms = int(time.time() * 1000) - 40_000_000

    def send(self):
        """One request of 2000 samples with noise that does not compress; the status."""
        from app.remote_write import request_v1, snappy
        series = []
        for n in range(20):
            values = [(self.begin_ms + self.sent * 100 + k,
                       ((self.sent * 2654435761 + n * 40503 + k) * 0x9E3779B97F4A7C15 >> 12)
                       % (1 << 52) / 3) for k in range(100)]
            series.append(({"__name__": "load", "n": str(n)}, values))
        self.sent += 1
        status, headers, text = self.sender.post(snappy(request_v1(series)))
        assert status in (204, 503), text
        if status == 204:
            self.taken.append(series)
        else:
            assert headers["Retry-After"], text
        return status

    def check(self, server):
        """Every sample that was acknowledged is there, by its bits."""
        wanted = {}
        for series in self.taken:
            for labels, samples in series:
                wanted.setdefault(labels["n"], {}).update(
                    {time_ms: bits_of(value) for time_ms, value in samples})
        answer = server.data_of("/api/v1/samples", match="load")
        found = {entry["metric"]["n"]: {round(float(seconds) * 1000): bits_of(float(value))
                                        for seconds, value in entry["values"]}
                 for entry in answer["result"]}
        for n, samples in wanted.items():
            assert samples.items() <= found[n].items(), n


def fill(folder, leave):
    """Take up the disk's room but for `leave` bytes; the file that does."""
    filler = folder / "filler"
    free = os.statvfs(folder)
    with open(filler, "wb") as file:
        file.write(b"x" * max(0, free.f_bavail * free.f_bsize - leave))
    return filler


def start(build, disk, tmp_path, *flags):
    server = Larnax(build, disk / "data", "--flush-interval", "1s", *flags)
    server.log_path = tmp_path / "server.log"
    return server.start()


@pytest.mark.parametrize("guard", ["0", "4MiB"])
def test_a_full_disk(build, disk, tmp_path, guard):
    """With `guard` 0 writes run into the end of the disk, else they stop before it."""
    server = start(build, disk, tmp_path, "--min-free-disk", guard)
    try:
        load = Load(server)
        assert [load.send() for _ in range(5)] == [204] * 5
        filler = fill(disk, leave=(6 << 20) if guard != "0" else (1 << 20))
        wait_until(lambda: load.send() == 503, "the disk to be full")
        # Nothing new is taken, what is there can be read, and the server stands.
        for _ in range(20):
            load.send()
        assert server.get("/-/ready").status == 200
        load.check(server)
        filler.unlink()
        wait_until(lambda: load.send() == 204, "writes to be taken again")
        wait_until(lambda: server.post("/api/v1/admin/flush").status == 200, "a flush")
        load.check(server)
        server.kill()
        server.start()
        load.check(server)
        assert server.stop() == 0, server.log()
        assert server.command("verify", "--data", server.data).returncode == 0
    finally:
        server.end()


def test_a_power_cut_on_a_full_disk(build, disk, tmp_path):
    server = start(build, disk, tmp_path, "--min-free-disk", "0")
    try:
        load = Load(server)
        load.send()
        filler = fill(disk, leave=1 << 20)
        wait_until(lambda: load.send() == 503, "the disk to be full")
        server.kill()
        # It may or may not start without room for a new log; it must not lose anything by that.
        server.start(ready=False)
        wait_until(lambda: server.process.poll() is not None or server.is_ready(), "a decision")
        if server.process.poll() is None:
            load.check(server)
            server.kill()
        filler.unlink()
        server.start()
        load.sender = server.sender()
        load.check(server)
        wait_until(lambda: load.send() == 204, "writes to be taken again")
        load.check(server)
    finally:
        server.end()


def remount(folder, mode):
    subprocess.run(["mount", "-o", f"remount,{mode}", str(folder)], check=True)


def test_a_disk_that_can_only_be_read(build, disk, tmp_path):
    """Linux forbids the remount while a server has its log open: it finds the disk like that when it
    starts, says so, and has lost nothing when the disk can be written again."""
    server = start(build, disk, tmp_path)
    try:
        load = Load(server)
        assert [load.send() for _ in range(3)] == [204] * 3
        server.kill()
        remount(disk, "ro")
        server.start(ready=False)
        assert server.wait() != 0
        assert "Read-only file system" in server.log()
        assert server.command("verify", "--data", server.data).returncode == 0
        remount(disk, "rw")
        server.start()
        load.check(server)
        load.sender = server.sender()
        assert load.send() == 204
    finally:
        server.end()
