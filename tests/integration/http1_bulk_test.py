#!/usr/bin/env python3
"""Large bodies: whole, streamed in both directions, with backpressure and flat memory.

No message is ever held whole: what the proxy holds for a reader that does not read is bounded, and
the sender feels it (RFC 9293 3.8.6 does the rest).
"""

import hashlib
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import cases  # noqa: E402
from tests.support.cases import Options, case, check, equal, wait_until, within  # noqa: E402
from tests.support.http1_client import Client, format_request  # noqa: E402
from tests.support.one_service import serve  # noqa: E402

MIB = 1 << 20
SIZE = 64 * MIB
HELD = 12 * MIB  # socket buffers of four sockets and the proxy's own, at most
PART = hashlib.sha256(b"seed").digest() * 2048  # 64 KiB that a shift would show


def _expected(size):
    digest = hashlib.sha256()
    for _ in range(size // len(PART)):
        digest.update(PART)
    return digest.hexdigest()


class Watch:
    """The largest resident size of a proxy while it runs."""

    def __init__(self, proxy):
        self._proxy, self._stop = proxy, threading.Event()
        self.first = self.most = proxy.memory().resident
        self._thread = threading.Thread(target=self._loop, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self._stop.set()
        self._thread.join()

    def _loop(self):
        while not self._stop.wait(0.02):
            self.most = max(self.most, self._proxy.memory().resident)


def _send_parts(send, size, chunked):
    for _ in range(size // len(PART)):
        send(b"%x\r\n%s\r\n" % (len(PART), PART) if chunked else PART)
    if chunked:
        send(b"0\r\n\r\n")


def _framing(size, chunked):
    return ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(size))


def _download(t, chunked):
    def script(exchange):
        exchange.send("HTTP/1.1 200 OK\r\n%s: %s\r\n\r\n" % _framing(SIZE, chunked))
        _send_parts(exchange.send, SIZE, chunked)

    s = serve(t, script)
    with Client(s.port) as client, Watch(s.proxy) as watch:
        body = client.request().body
    equal(len(body), SIZE, "length")
    equal(hashlib.sha256(body).hexdigest(), _expected(SIZE), "content")
    within(watch.most - watch.first, 0, HELD, "bytes that the proxy grew by")


@case
def download_with_a_length(t):
    _download(t, chunked=False)


@case
def download_in_chunks(t):
    _download(t, chunked=True)


def _upload(t, chunked):
    s = serve(t)
    with Client(s.port, timeout=30) as client, Watch(s.proxy) as watch:
        client.send(format_request("POST", "/", [_framing(SIZE, chunked)]))
        _send_parts(client.send, SIZE, chunked)
        equal(client.read_response().status, 200, "status")
    body = s.up.requests[0].body
    equal(len(body), SIZE, "length")
    equal(hashlib.sha256(body).hexdigest(), _expected(SIZE), "content")
    within(watch.most - watch.first, 0, HELD, "bytes that the proxy grew by")


@case
def upload_with_a_length(t):
    _upload(t, chunked=False)


@case
def upload_in_chunks(t):
    _upload(t, chunked=True)


@case
def both_directions_at_once(t):
    """The upstream answers while it reads; both bodies are larger than all buffers together."""

    def script(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        left = SIZE
        while left:
            data = exchange.read_some(65536)
            left -= len(data)
            exchange.send(b"%x\r\n%s\r\n" % (len(data), data))
        exchange.send(b"0\r\n\r\n")

    s = serve(t, script)
    with Client(s.port, timeout=30) as client, Watch(s.proxy) as watch:
        client.send(format_request("POST", "/", [_framing(SIZE, False)]))
        sender = threading.Thread(target=_send_parts, args=(client.send, SIZE, False), daemon=True)
        sender.start()
        body = client.read_response().body
        sender.join()
    equal(hashlib.sha256(body).hexdigest(), _expected(SIZE), "content")
    within(watch.most - watch.first, 0, HELD, "bytes that the proxy grew by")


def _stalls(count, seconds=0.5):
    """Waits until count() stops growing; gives its value."""
    last, since = -1, time.monotonic()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        now = count()
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > seconds:
            return now
        time.sleep(0.01)
    raise cases.CheckFailed(f"the sender never stalls, {last} bytes so far")


@case
def reader_that_does_not_read_stops_the_upstream(t):
    sent = [0]

    def script(exchange):
        exchange.send(f"HTTP/1.1 200 OK\r\nContent-Length: {1024 * MIB}\r\n\r\n")
        for _ in range(1024 * MIB // len(PART)):
            exchange.send(PART)
            sent[0] += len(PART)

    s = serve(t, script)
    with Client(s.port, receive_buffer=65536) as client, Watch(s.proxy) as watch:
        client.send(format_request())
        client.read_head()
        stalled = wait_until(lambda: sent[0] and _stalls(lambda: sent[0]), "the upstream stalls", 30)
        check(stalled < 64 * MIB, f"{stalled} bytes went nowhere")
        within(watch.most - watch.first, 0, HELD, "bytes that the proxy grew by")
        client.take(32 * MIB)
        wait_until(lambda: sent[0] > stalled, "the upstream goes on when the client reads")
    wait_until(lambda: s.up.errors, "the upstream learns that the client left")


@case
def upstream_that_does_not_read_stops_the_client(t):
    release = threading.Event()
    t.stack.callback(release.set)

    def script(exchange):
        release.wait(30)
        exchange.read_body()
        exchange.reply(200, body=b"at last")

    s = serve(t, script)
    sent = [0]

    def upload(client):
        for _ in range(SIZE // len(PART)):
            client.send(PART)
            sent[0] += len(PART)

    with Client(s.port, timeout=30) as client, Watch(s.proxy) as watch:
        client.send(format_request("POST", "/", [_framing(SIZE, False)]))
        sender = threading.Thread(target=upload, args=(client,), daemon=True)
        sender.start()
        stalled = wait_until(lambda: sent[0] and _stalls(lambda: sent[0]), "the client stalls", 30)
        check(stalled < SIZE, "the whole body was taken though nobody reads it")
        within(watch.most - watch.first, 0, HELD, "bytes that the proxy grew by")
        release.set()
        sender.join()
        equal(client.read_response().body, b"at last", "body")


@case
def pipelining_client_that_never_reads_is_held_back(t):
    """Answers that nobody takes may not pile up: the proxy stops reading requests."""

    def script(exchange):
        exchange.reply(200, body=b"x" * 10000)

    s = serve(t, script)
    sent = [0]
    many = format_request() * 1000

    def flood(client):
        try:
            while True:
                client.send(many)
                sent[0] += len(many)
        except OSError:
            pass  # closed at the end of the test, or by a proxy that has a limit

    with Client(s.port, receive_buffer=65536, timeout=30) as client, Watch(s.proxy) as watch:
        threading.Thread(target=flood, args=(client,), daemon=True).start()
        wait_until(lambda: len(s.up.requests) > 100, "requests flow")
        _stalls(lambda: (sent[0], len(s.up.requests)))
        within(watch.most - watch.first, 0, HELD, "bytes that the proxy grew by")
        client.reset()


@case
def stalled_download_does_not_stop_others(t):
    def script(exchange):
        if exchange.request.target == "/big":
            exchange.send(f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n")
            _send_parts(exchange.send, SIZE, False)
        else:
            exchange.reply(200, body=b"quick")

    s = serve(t, script)
    with Client(s.port, receive_buffer=65536) as stalled, Client(s.port) as quick:
        stalled.send(format_request("GET", "/big"))
        stalled.read_head()
        slowest = 0.0
        for _ in range(200):
            begin = time.monotonic()
            equal(quick.request("GET", "/small").body, b"quick", "body")
            slowest = max(slowest, time.monotonic() - begin)
    check(slowest < 1.0, f"a small request took {slowest:.2f} s beside a stalled one")


@case(seconds=600, long_only=True)
def gigabytes_with_flat_memory(t):
    size = 4096 * MIB

    def script(exchange):
        exchange.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n")
        _send_parts(exchange.send, size, False)

    s = serve(t, script)
    space = bytearray(MIB)
    with Client(s.port, timeout=60) as client, Watch(s.proxy) as watch:
        client.send(format_request())
        client.read_head()
        total = len(client.buffer)
        while total < size:
            count = client.socket.recv_into(space)
            check(count, f"the end came after {total} bytes")
            total += count
    equal(total, size, "length")
    within(watch.most - watch.first, 0, HELD, "bytes that the proxy grew by")
    check(Options.long, "runs in the long form only")


cases.main(__file__)
