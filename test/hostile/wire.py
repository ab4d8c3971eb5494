"""Raw HTTP for hostile clients: bytes in, whatever comes back out."""

import socket


class Reply:
    """What a server sent back: `status` (0: nothing), `headers` (names in lower case), `body`."""

    def __init__(self, status=0, headers=None, body=b""):
        self.status, self.headers, self.body = status, headers or {}, body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:300]!r}>"


class Wire:
    """One connection."""

    def __init__(self, address, timeout=60):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """Send all, or what the server lets in before it closes."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def finish(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def fill(self):
        try:
            part = self.socket.recv(1 << 16)
        except ConnectionResetError:
            part = b""
        self.buffer += part
        return bool(part)

    def take(self, size):
        while len(self.buffer) < size and self.fill():
            pass
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def line(self):
        while b"\r\n" not in self.buffer and self.fill():
            pass
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def reply(self, head_only=False):
        """Read one whole answer; status 0 where the connection ended instead."""
        first = self.line()
        if not first:
            return Reply()
        status = int(first.split()[1])
        headers = {}
        while line := self.line():
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        if head_only or status in (100, 204):
            return Reply(status, headers)
        if headers.get("transfer-encoding") == "chunked":
            return Reply(status, headers, self.chunks())
        if "content-length" in headers:
            return Reply(status, headers, self.take(int(headers["content-length"])))
        while self.fill():
            pass
        return Reply(status, headers, self.buffer)

    def chunks(self):
        body = b""
        while size := int(self.line() or b"0", 16):
            body += self.take(size)
            self.take(2)
        while self.line():
            pass
        return body

    def at_end(self):
        """Whether the server closes, with nothing more sent."""
        while not self.buffer and self.fill():
            pass
        return not self.buffer


def ask(address, data):
    """Send bytes and read one answer."""
    with Wire(address) as wire:
        wire.send(data)
        return wire.reply()
