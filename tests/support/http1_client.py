"""A raw HTTP/1.1 client: sends exactly the bytes that a test gives, shows exactly what came back."""

import socket
import ssl
import struct
import time


class Closed(Exception):
    """The peer closed before the message was complete; `seen` holds what came."""

    def __init__(self, seen, how="closed"):
        super().__init__(f"{how} after {seen!r}")
        self.seen = seen
        self.how = how


class Response:
    """One parsed response. Header names are lower case, in the order they came."""

    def __init__(self):
        self.version = self.reason = ""
        self.status = 0
        self.headers = []
        self.body = b""
        self.trailers = []
        self.informational = []  # (status, headers) of the 1xx before it
        self.framing = "none"    # none, length, chunked, close
        self.head_bytes = b""

    def header(self, name, default=None):
        """The values of a header joined with ", ", as RFC 9110 5.3 allows."""
        values = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(values) if values else default

    def all(self, name):
        return [value for key, value in self.headers if key == name.lower()]

    def __repr__(self):
        return f"Response({self.status}, {self.headers}, {self.body[:200]!r})"


class Client:
    """One connection. Not thread-safe. A context manager that closes it."""

    def __init__(self, port, address="127.0.0.1", *, tls=None, server_name=None, timeout=10.0,
                 receive_buffer=None, source=None):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((address, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=server_name)
        self.buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def _receive(self):
        """Adds to the buffer; False at the end of the stream."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError as why:
            raise Closed(bytes(self.buffer), "reset") from why
        except ssl.SSLEOFError:
            data = b""
        self.buffer += data
        return bool(data)

    def _need(self, count):
        while len(self.buffer) < count:
            if not self._receive():
                raise Closed(bytes(self.buffer))

    def take(self, count):
        self._need(count)
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def take_line(self):
        while True:
            end = self.buffer.find(b"\n")
            if end >= 0:
                return self.take(end + 1).rstrip(b"\r\n")
            if not self._receive():
                raise Closed(bytes(self.buffer))

    def read_to_end(self):
        """Everything until the peer closes."""
        while self._receive():
            pass
        data = bytes(self.buffer)
        self.buffer.clear()
        return data

    def at_end(self, seconds=5.0):
        """True when the peer closes (FIN or RST) within the time and sends nothing more."""
        if self.buffer:
            return False
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except ssl.SSLError:
            return True
        except TimeoutError:
            return False
        finally:
            self.socket.settimeout(before)

    def silent(self, seconds):
        """True when nothing comes, not even an end, for that long."""
        if self.buffer:
            return False
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(1, socket.MSG_PEEK)
            return False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(before)

    def _headers(self):
        headers = []
        while True:
            line = self.take_line()
            if not line:
                return headers
            name, _, value = line.decode("latin-1").partition(":")
            headers.append((name.lower(), value.strip()))

    def read_head(self):
        """Status line and headers; 1xx (but 101) are collected."""
        response = Response()
        while True:
            line = self.take_line().decode("latin-1")
            version, _, rest = line.partition(" ")
            status, _, reason = rest.partition(" ")
            if not version.startswith("HTTP/") or not status.isdigit():
                raise ValueError(f"not a status line: {line!r}")
            headers = self._headers()
            if 100 <= int(status) < 200 and int(status) != 101:
                response.informational.append((int(status), headers))
                continue
            response.version, response.status, response.reason = version, int(status), reason
            response.headers = headers
            return response

    def read_body(self, response, *, head=False):
        """RFC 9112 6.3, in its order."""
        coding = (response.header("transfer-encoding") or "").lower()
        length = response.header("content-length")
        if head or response.status in (204, 304) or response.status == 101:
            response.framing = "none"
        elif coding.endswith("chunked"):
            response.framing = "chunked"
            response.body = self._chunked(response)
        elif length is not None:
            response.framing = "length"
            response.body = self.take(int(length))
        else:
            response.framing = "close"
            response.body = self.read_to_end()
        return response

    def _chunked(self, response):
        body = bytearray()
        while True:
            size = int(self.take_line().split(b";")[0], 16)
            if size == 0:
                response.trailers = self._headers()
                return bytes(body)
            body += self.take(size)
            if self.take(2) != b"\r\n":
                raise ValueError("a chunk does not end with CRLF")

    def read_response(self, *, head=False):
        return self.read_body(self.read_head(), head=head)

    def request(self, method="GET", target="/", headers=(), body=b"", *, host="service",
                version="HTTP/1.1"):
        """Sends a well-formed request and reads the answer."""
        self.send(format_request(method, target, headers, body, host=host, version=version))
        return self.read_response(head=method == "HEAD")


def format_request(method="GET", target="/", headers=(), body=b"", *, host="service",
                   version="HTTP/1.1"):
    lines = [f"{method} {target} {version}"]
    names = {name.lower() for name, _ in headers}
    if host is not None and "host" not in names:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in headers]
    if body and "transfer-encoding" not in names and "content-length" not in names:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def fetch(port, method="GET", target="/", headers=(), body=b"", *, host="service",
          address="127.0.0.1", tls=None, server_name=None, timeout=10.0):
    """One request on a connection of its own."""
    with Client(port, address, tls=tls, server_name=server_name, timeout=timeout) as client:
        return client.request(method, target, [*headers, ("Connection", "close")], body, host=host)


def seconds_of(action):
    begin = time.monotonic()
    action()
    return time.monotonic() - begin
