"""Servers under test: each a process on a folder and a port of its own, asked over HTTP.

Larnax, Prometheus and VictoriaMetrics look the same to a benchmark: `System`.
"""

import contextlib
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def folder_bytes(*folders):
    return sum(os.path.getsize(os.path.join(path, name))
               for folder in folders for path, _, names in os.walk(folder) for name in names)


def seconds(span):
    return int(span[:-1]) * {"s": 1, "m": 60, "h": 3600}[span[-1]]


def key(metric):
    return tuple(sorted(metric.items()))


def cpu_name():
    with open("/proc/cpuinfo") as info:
        for line in info:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def drop_caches():
    """Empty the system's cache of files; whether that was allowed."""
    subprocess.run(["sync"], check=True)
    try:
        with open("/proc/sys/vm/drop_caches", "w") as caches:
            caches.write("3")
    except OSError:
        return False
    return True


CHUNKED = b"\r\ntransfer-encoding: chunked\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
HEAD_END = b"\r\n\r\n"
# Of a body in chunks. JSON has no line ends of its own that could look like it.
LAST_CHUNK = b"\r\n0\r\n\r\n"
RECEIVED_AT_ONCE = 1 << 17


def is_whole(answer):
    """Whether these bytes are all of an answer; quick, since it is asked while time is taken."""
    end = answer.find(HEAD_END)
    if end < 0:
        return False
    length = LENGTH.search(answer, 0, end + 2)
    if length:
        return len(answer) == end + len(HEAD_END) + int(length[1])
    return answer.endswith(LAST_CHUNK)


def body_of(answer):
    """The body of a whole answer; OSError where its status is not 200."""
    head, _, body = bytes(answer).partition(HEAD_END)
    if CHUNKED in head.lower() + b"\r\n":
        pieces, begin = [], 0
        while begin < len(body):
            end = body.index(b"\r\n", begin)
            size = int(body[begin:end], 16)
            pieces.append(body[end + 2:end + 2 + size])
            begin = end + 2 + size + 2
        body = b"".join(pieces)
    status = head.split(b" ", 2)[1]
    if status != b"200":
        raise OSError(f"status {status.decode()}: {body[:200].decode(errors='replace')}")
    return body


class System:
    """A server on a folder of its own, on a free port of loopback."""

    running = []
    name = ""
    ready_path = ""

    def __init__(self, arguments, folder, *flags):
        self.arguments, self.folder, self.flags = arguments, folder, flags
        self.url = f"http://127.0.0.1:{free_port()}"
        self.kept = None
        self.start()

    def start(self):
        self.process = subprocess.Popen([*self.command(), *self.flags], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        System.running.append(self)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.request(self.ready_path)
                return
            except (urllib.error.URLError, ConnectionError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"{self.name} does not start: {' '.join(self.command())}")
                time.sleep(0.02)

    @property
    def listen(self):
        return self.url.removeprefix("http://")

    def request(self, path, method="GET", body=None, headers=None, **parameters):
        query = urllib.parse.urlencode(parameters, doseq=True)
        request = urllib.request.Request(f"{self.url}{path}?{query}", data=body, method=method,
                                         headers=headers or {})
        with urllib.request.urlopen(request, timeout=3600) as answer:
            return answer.read()

    def get(self, path, **parameters):
        """The bytes of a GET, for `exchange`."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        return f"GET {path}?{query} HTTP/1.1\r\nHost: {self.listen}\r\n\r\n".encode()

    def exchange(self, request):
        """Send the bytes of a request over a connection that is kept, as dashboards do; what came
        back, for `body_of`. Python's own clients take longer than many an answer."""
        if self.kept is None:
            self.kept = socket.create_connection(self.listen.split(":"), timeout=3600)
            self.kept.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.kept.sendall(request)
        answer = self.kept.recv(RECEIVED_AT_ONCE)
        if is_whole(answer):
            return answer
        answer = bytearray(answer)
        while not is_whole(answer):
            received = self.kept.recv(RECEIVED_AT_ONCE)
            if not received:
                raise ConnectionError(f"{self.name} closed the connection in an answer")
            answer += received
        return answer

    def ask(self, path, **parameters):
        """The body that answers a GET."""
        return body_of(self.exchange(self.get(path, **parameters)))

    def _stat(self, name, file="status"):
        with open(f"/proc/{self.process.pid}/{file}") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith(name))

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak_mb(self):
        return self._stat("VmHWM:") / 1024

    def resident_mb(self):
        return self._stat("VmRSS:") / 1024

    def own_mb(self):
        """Of the resident memory what is no file's."""
        return self._stat("RssAnon:") / 1024

    def written_bytes(self):
        return self._stat("write_bytes:", "io")

    def reset_peak(self):
        with open(f"/proc/{self.process.pid}/clear_refs", "w") as out:
            out.write("5")

    def programs(self):
        """Files that it runs: itself and its libraries."""
        with open(f"/proc/{self.process.pid}/maps") as maps:
            return sorted({line.split(maxsplit=5)[5].strip() for line in maps
                           if " r-xp " in line and "/" in line})

    def stop(self):
        if self.kept is not None:
            self.kept.close()
            self.kept = None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=600)
        System.running.remove(self)

    def restart(self):
        self.stop()
        self.start()


class Larnax(System):
    name = "Larnax"
    ready_path = "/-/ready"

    def command(self):
        return [f"{self.arguments.build}/larnax", "serve", "--data", self.data,
                "--listen", self.listen, "--self-metrics-interval", "0"]

    @property
    def data(self):
        return f"{self.folder}/data"

    def metric(self, name):
        for line in self.request("/metrics").decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise KeyError(name)

    def flush(self):
        self.request("/api/v1/admin/flush", "POST")

    def merge(self):
        self.flush()
        self.request("/api/v1/admin/merge", "POST", everything="true")

    def bytes_at_rest(self):
        """Of data and index files: the log is left out."""
        return folder_bytes(f"{self.data}/samples", f"{self.data}/series")

    def select(self, metric, start, end):
        answer = json.loads(self.request("/api/v1/samples", **{
            "match[]": metric, "start": start, "end": end}))
        return {key(one["metric"]): [(round(t * 1000), float(v)) for t, v in one["values"]]
                for one in answer["data"]["result"]}

    @staticmethod
    def version(arguments):
        out = subprocess.run([f"{arguments.build}/larnax", "version"], check=True,
                             capture_output=True, text=True).stdout
        return out.split("\n")[0].removeprefix("larnax ")


class UnaskedLarnax(Larnax):
    """One that nobody has asked anything when it is there: its first answer is still to come."""

    def start(self):
        self.process = subprocess.Popen([*self.command(), *self.flags], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        System.running.append(self)
        if "http://" not in self.process.stdout.readline():
            sys.exit(f"{self.name} does not start: {' '.join(self.command())}")


class Prometheus(System):
    name = "Prometheus"
    ready_path = "/-/ready"

    def command(self):
        config = f"{self.folder}/prometheus.yml"
        with open(config, "w") as out:
            out.write("{}\n")
        return [self.arguments.prometheus, f"--config.file={config}",
                f"--storage.tsdb.path={self.folder}/data", f"--web.listen-address={self.listen}",
                "--web.enable-remote-write-receiver", "--web.enable-admin-api",
                "--storage.tsdb.retention.time=100y", "--query.max-samples=1000000000"]

    def merge(self):
        """A block of everything: what its own compaction makes of the head two hours later."""
        self.request("/api/v1/admin/tsdb/snapshot", "POST")

    def bytes_at_rest(self):
        return folder_bytes(f"{self.folder}/data/snapshots")

    def select(self, metric, start, end):
        answer = json.loads(self.request("/api/v1/query", query=f"{metric}[{end - start}s]",
                                         time=end))
        return {key(one["metric"]): [(round(t * 1000), float(v)) for t, v in one["values"]]
                for one in answer["data"]["result"]}

    @staticmethod
    def version(arguments):
        out = subprocess.run([arguments.prometheus, "--version"], check=True,
                             capture_output=True, text=True)
        found = re.search(r"version (\d+\.\d+\.\d+)", out.stdout + out.stderr)
        if found:
            return found[1]
        # A build as a Go module tells it in the module's version: v0.313.0 is 3.13.0.
        modules = subprocess.run(["go", "version", "-m", arguments.prometheus],
                                 capture_output=True, text=True).stdout
        found = re.search(r"prometheus/prometheus\s+v0\.(\d)(\d+)\.(\d+)", modules)
        return ".".join([found[1], str(int(found[2])), found[3]]) if found else "of unknown version"


class VictoriaMetrics(System):
    name = "VictoriaMetrics"
    ready_path = "/health"

    def command(self):
        return [self.arguments.victoria_metrics, f"-storageDataPath={self.folder}/data",
                f"-httpListenAddr={self.listen}", "-retentionPeriod=100y",
                "-search.maxUniqueTimeseries=10000000"]

    def merge(self):
        self.request("/internal/force_flush")
        self.request("/internal/force_merge")
        # The answer comes before the end; it has ended when nothing is being merged.
        while True:
            metrics = self.request("/metrics").decode()
            active = [line for line in metrics.splitlines()
                      if line.startswith("vm_active_merges") or
                      line.startswith("vm_active_force_merges")]
            if all(float(line.rsplit(" ", 1)[1]) == 0 for line in active):
                return
            time.sleep(0.05)

    def bytes_at_rest(self):
        return folder_bytes(f"{self.folder}/data/data", f"{self.folder}/data/indexdb")

    def select(self, metric, start, end):
        result = {}
        out = self.request("/api/v1/export", **{"match[]": metric, "start": start, "end": end})
        for line in out.decode().splitlines():
            one = json.loads(line)
            result[key(one["metric"])] = [
                (t, float(v)) for t, v in zip(one["timestamps"], one["values"])]
        return result

    @staticmethod
    def version(arguments):
        out = subprocess.run([arguments.victoria_metrics, "--version"], check=True,
                             capture_output=True, text=True)
        found = re.search(r"v?(\d+\.\d+\.\d+)", out.stdout + out.stderr)
        if found:
            return found[1]
        # Debian's build does not know its version.
        package = subprocess.run(["dpkg-query", "-W", "-f=${Version}", "victoria-metrics"],
                                 capture_output=True, text=True).stdout
        return package or "of unknown version"


def noon():
    """Of the day before, in seconds: hours from then on lie in one day, whenever this is run. Larnax
    keeps each day in files of its own."""
    return int(time.time()) // 86_400 * 86_400 - 43_200


@contextlib.contextmanager
def own_folder(prefix):
    """A folder for servers, which end with it, also after a failure."""
    folder = tempfile.mkdtemp(prefix=f"larnax-{prefix}-")
    try:
        yield folder
    finally:
        for system in list(System.running):
            system.stop()
        shutil.rmtree(folder, ignore_errors=True)


def start_load(system, *flags):
    """Start the load generator; `load` waits for its report."""
    return subprocess.Popen(
        [f"{system.arguments.build}/larnax-load", *map(str, flags),
         "--url", f"{system.url}/api/v1/write", "--pid", str(system.process.pid)],
        stdout=subprocess.PIPE, text=True)


def load(system, *flags):
    """Run the load generator; give its report. Everything must be taken."""
    process = start_load(system, *flags)
    report = json.loads(process.communicate()[0])
    assert process.returncode == 0, process.returncode
    assert report["samples_acknowledged"] == report["samples_sent"], report
    return report


def kubernetes(series, span, start, *flags, protocol=1, speed="max"):
    """Flags of a load of so many series, every 15 s."""
    return ("generate", "--series", series, "--interval", "15s", "--batch", 2000,
            "--connections", 2, "--protocol", protocol, "--span", span, "--speed", speed,
            "--start", start, *flags)


def add_rivals(parser, runs, short):
    """Arguments of what measures beside other systems; `short` says what --short sets."""
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--short", action="store_true", help=short)
    parser.add_argument("--runs", type=int, default=runs)
    parser.add_argument("--span", default="1h")
    parser.add_argument("--series", type=int, default=22000)
    parser.add_argument("--prometheus", default=shutil.which("prometheus"))
    parser.add_argument("--victoria-metrics", default=shutil.which("victoria-metrics"))
    parser.add_argument("--page", help="write the result as a page here too")


def systems_of(arguments):
    """Larnax, and those that are there."""
    systems = [Larnax]
    for system, path in ((Prometheus, arguments.prometheus),
                         (VictoriaMetrics, arguments.victoria_metrics)):
        if path:
            systems.append(system)
        else:
            print(f"{system.name} is not there: left out (give its path)", file=sys.stderr)
    return systems


def write_page(arguments, title, made_by, text):
    """Print; and write the page where one is asked for."""
    print(text)
    if not arguments.page:
        return
    with open(arguments.page, "w") as page:
        page.write(f"# {title}\n\nMade by {made_by}, {time.strftime('%Y-%m-%d')}.\n\n{text}")
