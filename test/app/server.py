"""Run the real `larnax serve` on loopback and a free port, and talk to it."""

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from app.remote_write import Sender

SANITIZER_REPORT = re.compile(r"(ERROR|WARNING): \w+Sanitizer: |: runtime error: ")
# A loaded machine with sanitizers is slow; nothing waits longer than it must.
PATIENCE_SECONDS = float(os.environ.get("LARNAX_TEST_PATIENCE", "60"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, seconds=None, alive=None):
    """Poll until `condition()` is truthy and return it; fail with `what` past the time.

    `alive`: a process whose end makes waiting pointless.
    """
    end = time.monotonic() + (seconds or PATIENCE_SECONDS)
    while True:
        result = condition()
        if result:
            return result
        if alive is not None and alive.poll() is not None:
            raise AssertionError(f"{what}: process ended with {alive.returncode}")
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not in time")
        time.sleep(0.02)


def check_no_report(output):
    """Fail on a sanitizer's report in what a program wrote."""
    report = SANITIZER_REPORT.search(output)
    assert report is None, output[report.start():][:8000]


class Answer:
    """An HTTP answer: `status`, `headers`, `body` (bytes)."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


def http(method, url, body=None, headers=None, timeout=60):
    """One request; an error status is an Answer too. Raises OSError where nothing answers."""
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


class Process:
    """A child process whose output goes to a log; ended by its id, at the latest by end()."""

    def __init__(self, log_path):
        self.log_path = log_path
        self.process = None

    def spawn(self, command, **options):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(part) for part in command], stdout=log,
                                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                            **options)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=None):
        return self.process.wait(seconds or PATIENCE_SECONDS)

    def stop(self):
        """SIGTERM; return the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        """SIGKILL, the process' own power cut."""
        self.process.kill()
        self.process.wait()

    def end(self):
        """Kill what still runs; fail on a sanitizer's report, whatever the test looked at."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        check_no_report(self.log() if self.log_path.exists() else "")


class Larnax(Process):
    """A server on an archive. start() and stop() may take turns on the same folder."""

    def __init__(self, build, data, *flags, own_metrics=False):
        super().__init__(data.parent / f"{data.name}.log")
        self.build, self.data, self.flags = build, data, list(flags)
        if not own_metrics:
            self.flags += ["--self-metrics-interval", "0"]
        self.address = f"127.0.0.1:{free_port()}"

    def start(self, ready=True):
        """Start and wait until it is ready (or, with `ready` off, only start)."""
        self.data.parent.mkdir(parents=True, exist_ok=True)
        self.spawn([self.build / "larnax", "serve", "--data", self.data, "--listen", self.address,
                    *self.flags])
        if ready:
            try:
                wait_until(self.is_ready, "larnax serve", alive=self.process)
            except AssertionError as error:
                self.end()
                raise AssertionError(f"{error}\n{self.log()[-4000:]}") from None
        return self

    def is_ready(self):
        try:
            return self.get("/-/ready", timeout=5).status == 200
        except OSError:
            return False

    def url(self, path, **params):
        """A URL; a parameter given as a list repeats, `match` stands for `match[]`."""
        pairs = [("match[]" if name == "match" else name, value) for name, value in params.items()]
        query = urllib.parse.urlencode(pairs, doseq=True)
        return f"http://{self.address}{path}" + (f"?{query}" if query else "")

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def has_grown(self, before, room, now=None):
        """Whether it holds `room` bytes more than `before`, now or when `now` was measured.

        A sanitizer's build never has: it keeps hundreds of megabytes of what was freed.
        """
        cache = self.build / "CMakeCache.txt"
        if cache.exists() and re.search(r"^LARNAX_SANITIZE:\w+=\w", cache.read_text(), re.M):
            return False
        return (now or self.resident_bytes()) >= before + room

    def get(self, path, headers=None, timeout=60, **params):
        return http("GET", self.url(path, **params), headers=headers, timeout=timeout)

    def post(self, path, body=b"", headers=None, timeout=120, **params):
        return http("POST", self.url(path, **params), body, headers, timeout)

    def data_of(self, path, **params):
        """`data` of a successful JSON answer."""
        answer = self.get(path, **params)
        assert answer.status == 200, answer
        assert answer.json()["status"] == "success", answer
        return answer.json()["data"]

    def sender(self):
        return Sender(self.address)

    def flush(self):
        answer = self.post("/api/v1/admin/flush")
        assert answer.status in (200, 204), answer

    def merge(self, everything=True):
        answer = self.post("/api/v1/admin/merge", everything="true" if everything else "false")
        assert answer.status in (200, 204), answer

    def command(self, *arguments, seconds=120):
        """Run a `larnax` command; return the CompletedProcess with text output."""
        done = subprocess.run([str(self.build / "larnax"), *map(str, arguments)], text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=seconds)
        check_no_report(done.stderr)
        return done
