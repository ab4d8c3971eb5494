"""TLS and accounts of the real server: what comes in, what stays out, and changes of certificates
while it runs."""

import base64
import hashlib
import json
import select
import shutil
import socket
import ssl
import subprocess
import time
import urllib.request

import pytest

from app.remote_write import V1, request_v1, snappy
from app.server import Larnax, wait_until

# bcrypt of "open sesame", of the lowest cost.
CHEAP = "$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy"
USER = "Basic " + base64.b64encode(b"ali:open sesame").decode()
TOKEN = "Bearer a-long-random-token"

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl: run `make setup`")


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_certificate(folder, name, ca=None, san="DNS:localhost,IP:127.0.0.1"):
    """`name`.crt and `name`.key in `folder`: self-signed, or signed by `ca`."""
    key, crt = folder / f"{name}.key", folder / f"{name}.crt"
    signed = [] if ca is None else ["-CA", folder / f"{ca}.crt", "-CAkey", folder / f"{ca}.key"]
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", crt, "-days", "2", "-subj", f"/CN={name}", "-addext",
            f"subjectAltName={san}", *signed)
    return crt


class SecureLarnax(Larnax):
    """A server with a web config file; talks TLS where `ca` is given."""

    def __init__(self, build, data, config, *flags, ca=None, client=None):
        self.web_config = data.parent / "web.yml"
        self.web_config.write_text(config)
        super().__init__(build, data, "--web-config", self.web_config, "--web-config-interval",
                         "50ms", *flags)
        self.context = None
        if ca:
            self.context = ssl.create_default_context(cafile=ca)
            if client:
                self.context.load_cert_chain(client.with_suffix(".crt"), client.with_suffix(".key"))

    def ask(self, method, path, authorization=None, body=None, content_type=None):
        """The status and text of one request."""
        scheme = "https" if self.context else "http"
        headers = {"Authorization": authorization} if authorization else {}
        if content_type:
            headers["Content-Type"] = content_type
        request = urllib.request.Request(f"{scheme}://{self.address}{path}", method=method,
                                         data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.context) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def is_ready(self):
        try:
            return self.ask("GET", "/-/ready")[0] == 200
        except OSError:
            return False


@pytest.fixture
def secure(build, tmp_path):
    servers = []

    def start(config, *flags, **options):
        servers.append(SecureLarnax(build, tmp_path / "data", config, *flags, **options))
        return servers[-1].start()

    yield start
    for server in servers:
        server.end()


def tls_config(extra=""):
    return f"tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n{extra}"


ACCOUNTS = (f"basic_auth_users:\n  ali: {CHEAP}\nbearer_tokens:\n"
            f"  ci: sha256:{hashlib.sha256(b'a-long-random-token').hexdigest()}\n"
            "roles:\n  ali: admin\n  ci: read\n")


def test_accounts_over_tls(secure, tmp_path):
    ca = make_certificate(tmp_path, "server")
    server = secure(tls_config() + ACCOUNTS, ca=ca)
    assert server.ask("GET", "/api/v1/labels")[0] == 401
    assert server.ask("GET", "/api/v1/labels", USER) == (200, '{"status":"success","data":[]}')
    assert server.ask("GET", "/api/v1/labels", TOKEN)[0] == 200
    assert server.ask("POST", "/api/v1/admin/flush", TOKEN, b"")[0] == 403
    assert server.ask("POST", "/api/v1/admin/flush", USER, b"")[0] == 200
    wrong = "Basic " + base64.b64encode(b"ali:open sesame!").decode()
    assert server.ask("GET", "/metrics", wrong)[0] == 401
    assert server.stop() == 0
    log = server.log()
    assert f"https://{server.address}" in log
    assert 'audit: path=/api/v1/admin/flush account="ali" from=127.0.0.1:' in log
    assert 'account="ci"' in log
    for secret in ("sesame", "a-long-random-token", USER.split()[1], CHEAP):
        assert secret not in log


def test_large_answers_over_tls(secure, tmp_path):
    ca = make_certificate(tmp_path, "server")
    server = secure(tls_config(), ca=ca)
    now_ms = int(time.time() * 1000) - 10_000_000
    sent = [({"__name__": "m", "n": str(n)}, [(now_ms + i, i / 7) for i in range(5000)])
            for n in range(40)]
    status, text = server.ask("POST", "/api/v1/write", body=snappy(request_v1(sent)),
                              content_type=V1)
    assert status == 204, text
    status, text = server.ask("GET", "/api/v1/samples?match[]=m")
    assert status == 200
    found = {entry["metric"]["n"]: entry["values"]
             for entry in json.loads(text)["data"]["result"]}
    assert len(found) == 40
    for labels, samples in sent:
        assert [float(value) for _, value in found[labels["n"]]] == [v for _, v in samples]


def test_plain_text_is_not_spoken_on_a_tls_port(secure, tmp_path):
    ca = make_certificate(tmp_path, "server")
    server = secure(tls_config(), "--header-timeout", "1s", ca=ca)
    host, port = server.address.split(":")
    for words in (b"GET /-/ready HTTP/1.1\r\nHost: t\r\n\r\n", b"\x16\x03\x01\xff\xff",
                  b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"\x80" * 300, b""):
        with socket.create_connection((host, int(port)), timeout=30) as plain:
            plain.sendall(words)
            # An alert of TLS at most, then the end: also of one who says nothing.
            answer = b""
            try:
                while part := plain.recv(4096):
                    answer += part
            except ConnectionResetError:
                pass
            assert b"HTTP" not in answer
    old = ssl.create_default_context(cafile=ca)
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection((host, int(port)), timeout=30) as plain:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            old.wrap_socket(plain, server_hostname="localhost")
    assert server.is_ready()


def test_client_certificates(secure, tmp_path):
    ca = make_certificate(tmp_path, "server")
    make_certificate(tmp_path, "ca", san="DNS:ca")
    make_certificate(tmp_path, "good", ca="ca", san="DNS:good.example")
    make_certificate(tmp_path, "other", ca="ca", san="DNS:other.example")
    make_certificate(tmp_path, "stranger")
    config = tls_config("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n"
                        "  client_allowed_sans: [good.example]\n")
    server = secure(config, ca=ca, client=tmp_path / "good")
    assert server.ask("GET", "/-/ready")[0] == 200
    for client in (None, "other", "stranger"):
        server.context = ssl.create_default_context(cafile=ca)
        if client:
            server.context.load_cert_chain(tmp_path / f"{client}.crt", tmp_path / f"{client}.key")
        with pytest.raises(OSError):
            server.ask("GET", "/-/ready")


def served_certificate(server):
    host, port = server.address.split(":")
    return ssl.get_server_certificate((host, int(port)))


def test_certificates_are_read_again(secure, tmp_path):
    ca = make_certificate(tmp_path, "server")
    server = secure(tls_config() + ACCOUNTS, ca=ca)
    first = served_certificate(server)
    # A request that is under way keeps its connection.
    kept = server.context.wrap_socket(
        socket.create_connection(tuple(server.address.split(":")), timeout=30),
        server_hostname="localhost")
    make_certificate(tmp_path, "server")
    wait_until(lambda: served_certificate(server) != first, "another certificate", seconds=60)
    kept.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: t\r\n\r\n")
    assert kept.recv(100).startswith(b"HTTP/1.1 200")
    kept.close()
    second = served_certificate(server)
    # A damaged one is not taken, and said once.
    (tmp_path / "server.crt").write_text("damaged")
    wait_until(lambda: "cert_file holds no certificate" in server.log(), "a complaint", seconds=60)
    assert served_certificate(server) == second
    # Nor is a file without accounts, as one that is just being written.
    server.context = ssl.create_default_context(cadata=second)
    server.web_config.write_text("")
    wait_until(lambda: "has no TLS any more" in server.log(), "a complaint", seconds=60)
    assert server.ask("GET", "/api/v1/labels")[0] == 401
    assert server.ask("GET", "/api/v1/labels", USER)[0] == 200


@pytest.mark.parametrize("config, problem", [
    ("basic_auth_users:\n  a: plain\n", "web.yml:2: the password of a is no bcrypt hash"),
    ("basic_auth_user:\n", "web.yml:1: unknown field"),
    (tls_config(), "server.crt"),
])
def test_a_bad_file_is_told_at_once(build, tmp_path, config, problem):
    server = SecureLarnax(build, tmp_path / "data", config)
    server.start(ready=False)
    assert server.wait() != 0
    assert problem in server.log()


@pytest.mark.parametrize("listen, config, warning", [
    ("0.0.0.0", "", "everyone who reaches this address may read"),
    ("0.0.0.0", ACCOUNTS, "cross the network in plain text"),
    ("127.0.0.1", "", None),
])
def test_open_doors_are_told(build, tmp_path, listen, config, warning):
    server = SecureLarnax(build, tmp_path / "data", config)
    server.address = server.address.replace("127.0.0.1", listen)
    try:
        server.start()
    finally:
        server.stop()
    assert (" warning " in server.log()) == (warning is not None)
    assert warning is None or warning in server.log()


def test_guessing_passwords_does_not_stop_the_server(secure, tmp_path):
    # Ten times as costly as the usual: each guess is a second of one thread.
    import ctypes
    import ctypes.util
    crypt = ctypes.CDLL(ctypes.util.find_library("crypt")).crypt
    crypt.restype = ctypes.c_char_p
    costly = crypt(b"open sesame", b"$2b$13$abcdefghijklmnopqrstuu").decode()
    server = secure(f"basic_auth_users:\n  ali: {costly}\n  bob: {CHEAP}\n")
    assert server.ask("GET", "/api/v1/labels", USER)[0] == 200
    host, port = server.address.split(":")
    guesses = []
    for i in range(60):
        guess = base64.b64encode(f"ali:guess {i}".encode()).decode()
        connection = socket.create_connection((host, int(port)), timeout=60)
        connection.sendall(f"GET /api/v1/labels HTTP/1.1\r\nHost: t\r\nAuthorization: Basic {guess}"
                           "\r\n\r\n".encode())
        guesses.append(connection)
    begin = time.monotonic()
    # Those who were let in before do not wait for the guesses.
    for _ in range(20):
        assert server.ask("GET", "/api/v1/labels", USER)[0] == 200
    assert time.monotonic() - begin < 20
    # The queue is short: those past it are told at once to come again.
    refused, waiting = 0, list(guesses)
    while refused < 20:
        ready, _, _ = select.select(waiting, [], [], 60)
        assert ready, "no answer"
        for connection in ready:
            refused += connection.recv(4096).split()[1] == b"503"
            waiting.remove(connection)
    assert len(guesses) - len(waiting) < 60
    for connection in guesses:
        connection.close()
