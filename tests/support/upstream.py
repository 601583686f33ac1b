"""A scripted upstream server: remembers what it saw and answers what the test says.

Each connection is a thread. A script is a function `script(exchange)` that is called once per
request after its head was read; what it does not send, nobody sends. Without a script every
request gets a 200 whose JSON body says what arrived.
"""

import json
import socket
import ssl
import struct
import threading

from tests.support.http1_client import Closed


class Request:
    """What arrived. The body is there once it was read."""

    def __init__(self, method, target, version, headers, connection, head_bytes):
        self.method, self.target, self.version = method, target, version
        self.headers = headers
        self.connection = connection  # 0, 1, … in order of accept
        self.head_bytes = head_bytes
        self.body = None
        self.trailers = []
        self.truncated = False

    def header(self, name, default=None):
        values = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(values) if values else default

    def all(self, name):
        return [value for key, value in self.headers if key == name.lower()]


class Exchange:
    """One request on one connection, in the hands of the script."""

    def __init__(self, server, connection, request):
        self.server, self.connection, self.request = server, connection, request
        self.close_after = (request.header("connection") or "").lower() == "close"

    def read_body(self):
        """Reads the whole body; a cut one marks the request as truncated and raises Closed."""
        if self.request.body is None:
            try:
                self.request.body = self.connection.read_body(self.request)
            except (Closed, OSError):
                self.request.truncated = True
                raise
        return self.request.body

    def read_some(self, count):
        """Up to `count` raw bytes of the body as they stand on the wire."""
        return self.connection.some(count)

    def send(self, data):
        self.connection.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def reply(self, status=200, headers=(), body=b"", reason="OK"):
        lines = [f"HTTP/1.1 {status} {reason}"]
        lines += [f"{name}: {value}" for name, value in headers]
        names = {name.lower() for name, _ in headers}
        if "content-length" not in names and "transfer-encoding" not in names:
            lines.append(f"Content-Length: {len(body)}")
        if self.request.method == "HEAD":
            body = b""
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)

    def echo(self):
        """Says what arrived."""
        body = self.read_body()
        self.reply(200, [("content-type", "application/json"), ("x-upstream", self.server.name)],
                   json.dumps({
                       "upstream": self.server.name, "method": self.request.method,
                       "target": self.request.target, "version": self.request.version,
                       "headers": self.request.headers, "length": len(body),
                       "trailers": self.request.trailers}).encode() + b"\n")

    def close(self):
        self.close_after = True
        self.connection.close()

    def half_close(self):
        self.connection.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        self.close_after = True
        self.connection.reset()


class _Connection:
    def __init__(self, server, number, sock, peer):
        self.server, self.number, self.socket, self.peer = server, number, sock, peer
        self.buffer = bytearray()
        self.identities = []  # URI SANs of the peer's certificate
        self.requests = 0

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _receive(self):
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def some(self, count):
        if not self.buffer:
            self._receive()
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def _take(self, count):
        while len(self.buffer) < count:
            if not self._receive():
                raise Closed(bytes(self.buffer))
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def _line(self):
        while True:
            end = self.buffer.find(b"\r\n")
            if end >= 0:
                return self._take(end + 2)[:-2]
            if not self._receive():
                raise Closed(bytes(self.buffer))

    def _headers(self):
        headers = []
        while True:
            line = self._line()
            if not line:
                return headers
            name, _, value = line.decode("latin-1").partition(":")
            headers.append((name.lower(), value.strip()))

    def read_head(self):
        """None at a clean end between requests."""
        while not self.buffer:
            if not self._receive():
                return None
        while b"\r\n\r\n" not in self.buffer:
            if not self._receive():
                raise Closed(bytes(self.buffer))
        head = bytes(self.buffer[:self.buffer.index(b"\r\n\r\n") + 4])
        method, target, version = self._line().decode("latin-1").split(" ", 2)
        return Request(method, target, version, self._headers(), self.number, head)

    def read_body(self, request):
        if (request.header("transfer-encoding") or "").lower().endswith("chunked"):
            body = bytearray()
            while True:
                size = int(self._line().split(b";")[0], 16)
                if size == 0:
                    request.trailers = self._headers()
                    return bytes(body)
                body += self._take(size)
                self._take(2)
        return self._take(int(request.header("content-length") or 0))


class Upstream:
    """A context manager; `port` is where it listens. `requests` and `connections` grow as they come
    (list appends, so a test may look at them at any time)."""

    def __init__(self, script=None, *, name="upstream", tls=None, address="127.0.0.1", port=0,
                 backlog=4096, idle_close=None, raw=None):
        self.script, self.name, self.tls, self.raw = script, name, tls, raw
        self.idle_close = idle_close  # seconds after which an idle connection is closed
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port))
        self.socket.listen(backlog)
        self.address, self.port = self.socket.getsockname()[:2]
        self.requests = []
        self.connections = []
        self.handshake_failures = []
        self.errors = []
        self.closed = threading.Event()
        self.lock = threading.Lock()

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind, value, trace):
        self.closed.set()
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        self.close_connections()

    def __str__(self):
        return f"upstream {self.name} on port {self.port}"

    def log_tail(self):
        lines = [f"{r.method} {r.target} (connection {r.connection})" for r in self.requests[-20:]]
        return "\n".join(lines + [f"error: {error}" for error in self.errors[-5:]])

    def close_connections(self):
        """Closes every open connection now."""
        with self.lock:
            still_open = list(self.connections)
        for connection in still_open:
            connection.close()

    def count(self, method=None, target=None):
        return sum((method is None or r.method == method) and (target is None or r.target == target)
                   for r in list(self.requests))

    def _accept(self):
        while not self.closed.is_set():
            try:
                sock, peer = self.socket.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(sock, peer), daemon=True).start()

    def _serve(self, sock, peer):
        if self.tls is not None:
            try:
                sock.settimeout(10)
                sock = self.tls.wrap_socket(sock, server_side=True)
                sock.settimeout(None)
            except (OSError, ssl.SSLError) as why:
                self.handshake_failures.append(str(why))
                sock.close()
                return
        with self.lock:
            connection = _Connection(self, len(self.connections), sock, peer)
            self.connections.append(connection)
        if self.tls is not None:
            names = (sock.getpeercert() or {}).get("subjectAltName", ())
            connection.identities = [value for kind, value in names if kind == "URI"]
        try:
            if self.raw is not None:
                self.raw(connection)
            else:
                self._exchanges(connection)
        except (OSError, Closed, ssl.SSLError) as why:
            self.errors.append(f"connection {connection.number}: {why}")
        finally:
            connection.close()

    def _exchanges(self, connection):
        while not self.closed.is_set():
            connection.socket.settimeout(self.idle_close)
            try:
                request = connection.read_head()
            except TimeoutError:
                return
            if request is None:
                return
            connection.socket.settimeout(None)
            connection.requests += 1
            self.requests.append(request)
            exchange = Exchange(self, connection, request)
            if self.script is None:
                exchange.echo()
            else:
                self.script(exchange)
            if exchange.close_after:
                return
