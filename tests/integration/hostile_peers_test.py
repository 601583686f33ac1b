#!/usr/bin/env python3
"""Each case is a way in which a client or an upstream once hurt others through the proxy."""

import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import cases, upstream  # noqa: E402
from tests.support.cases import case, check, equal, wait_until  # noqa: E402
from tests.support.http1_client import Client, Closed, fetch, format_request  # noqa: E402
from tests.support.one_service import serve  # noqa: E402

MIB = 1 << 20
WEBSOCKET = {"upgrade_configs": [{"upgrade_type": "websocket"}]}


def grown(proxy, before):
    return proxy.memory().resident - before


def in_background(action, *arguments):
    threading.Thread(target=action, args=arguments, daemon=True).start()


@case
def content_of_an_upgrade_request_became_the_next_request(t):
    """The content was read as a request of its own, and the upstream, which was promised content that never came, took the
    next client's request for it."""
    t.weft_only("Envoy hands the content on as the tunnel's first bytes")
    for http in ({}, WEBSOCKET):
        s = serve(t, http=http)
        hidden = "GET /hidden HTTP/1.1\r\nHost: service\r\n\r\n"
        with Client(s.port) as client:
            client.send("POST /outer HTTP/1.1\r\nHost: service\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        f"Content-Length: {len(hidden)}\r\n\r\n{hidden}")
            equal(client.read_response().status, 200, "the request, not upgraded")
        equal(fetch(s.port, target="/next").status, 200, "the next client's request")
        equal([r.target for r in s.up.requests], ["/outer", "/next"], f"what the upstream saw, with {http}")


@case
def bytes_behind_a_refused_connect_became_a_request(t):
    s = serve(t)
    with Client(s.port) as client:
        client.send("CONNECT service:80 HTTP/1.1\r\nHost: service:80\r\n\r\n" + "GET /hidden HTTP/1.1\r\nHost: service\r\n\r\n")
        check(client.read_response().status >= 400, "CONNECT was accepted")
        check(client.at_end(), "the connection stays open")
    equal(s.up.count(target="/hidden"), 0, "hidden requests at the upstream")


@case
def endless_trailer_of_a_client_filled_the_memory(t):
    """43 MB of one trailer took 3 GB, and so long to copy that the proxy did not end any more."""
    s = serve(t)
    before = s.proxy.memory().resident
    with Client(s.port) as client:
        client.send("POST / HTTP/1.1\r\nHost: service\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Endless: ")
        try:
            for _ in range(400):
                client.send(b"a" * 65536)
            raise cases.CheckFailed("26 MB of trailer were read")
        except (BrokenPipeError, ConnectionResetError):
            pass
    check(grown(s.proxy, before) < 8 * MIB, lambda: f"grew by {grown(s.proxy, before)} bytes")
    equal(fetch(s.port).status, 200, "another client")


@case
def endless_trailer_of_an_upstream_filled_the_memory(t):
    cut = threading.Event()

    def script(exchange):
        if exchange.request.target != "/endless":
            return exchange.echo()
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Endless: ")
        try:
            for _ in range(400):
                exchange.send(b"a" * 65536)
        except OSError:
            cut.set()
        return exchange.close()

    s = serve(t, script)
    before = s.proxy.memory().resident
    with Client(s.port) as client:
        client.send(format_request(target="/endless"))
        try:
            client.read_response()
            raise cases.CheckFailed("the response came through whole")
        except Closed:
            pass
    wait_until(cut.is_set, "the upstream's connection is closed")
    check(grown(s.proxy, before) < 8 * MIB, lambda: f"grew by {grown(s.proxy, before)} bytes")
    equal(fetch(s.port).status, 200, "another client")


@case
def too_large_answer_was_blamed_on_the_client(t):
    def script(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nX-Big: " + b"a" * 200000 + b"\r\nContent-Length: 0\r\n\r\n")
        exchange.close()

    s = serve(t, script)
    check(fetch(s.port).status in (502, 503), "431 is about the request")


class Flood:
    """An upstream that sends `piece` for as long as somebody takes it, and answers everything else at once."""

    def __init__(self, piece, head=b""):
        self.piece, self.head, self.ended = piece, head, threading.Event()
        self.sent = 0

    def __call__(self, exchange):
        if exchange.request.target != "/flood":
            return exchange.reply(200, body=b"small")
        exchange.send(self.head)
        try:
            while not self.ended.is_set():
                exchange.send(self.piece)
                self.sent += len(self.piece)
        except OSError:
            pass
        return exchange.close()


@case
def interim_responses_filled_the_memory(t):
    """A client that does not read let them pile up: 800 MB in 4 seconds."""
    flood = Flood((b"HTTP/1.1 103 Early Hints\r\nLink: " + b"a" * 1000 + b"\r\n\r\n") * 64)
    s = serve(t, flood)
    t.stack.callback(flood.ended.set)
    with Client(s.port, receive_buffer=4096) as client:
        client.send(format_request(target="/flood"))
        wait_until(lambda: flood.sent > 8 * MIB, "8 MiB of interim responses")
        before = s.proxy.memory().resident
        wait_until(lambda: flood.sent > 64 * MIB, "64 MiB of interim responses", seconds=30)
        check(grown(s.proxy, before) < 16 * MIB, lambda: f"grew by {grown(s.proxy, before)} bytes")


def others_are_served(t, flood, floods):
    """While clients take what the flood sends, the others on the same worker have their turn."""
    s = serve(t, flood)
    t.stack.callback(flood.ended.set)

    def take(client):
        try:
            while client.socket.recv(MIB):
                pass
        except OSError:
            pass

    for _ in range(floods):
        client = t.start(Client(s.port, timeout=60))
        client.send(format_request(target="/flood"))
        in_background(take, client)
    wait_until(lambda: flood.sent > 4 * MIB, "the flood runs")
    begin = time.monotonic()
    served = 0
    while served < 100 and time.monotonic() - begin < 10:
        equal(fetch(s.port, target="/small").status, 200, "a small request")
        served += 1
    # 60 ms each is far above what they take beside a busy machine, and far below what they took.
    equal(served, 100, "small requests within 10 s")


@case
def interim_responses_kept_a_worker_for_themselves(t):
    """One request per flood took as long as the flood."""
    t.weft_only("how long others wait is ours to promise")
    others_are_served(t, Flood(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2000), 1)


@case
def fast_bodies_kept_a_worker_for_themselves(t):
    """Beside four of them a small request took 110 ms on average."""
    t.weft_only("how long others wait is ours to promise")
    others_are_served(t, Flood(b"x" * MIB, b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n"), 4)


@case
def urgent_data_stopped_the_stream(t):
    """recv() stops short at TCP urgent data; the rest lay in the socket until something more came."""
    from tests.support import bootstrap, process, proxies
    server = t.start(upstream.Upstream(raw=lambda connection: _echo(connection.socket)))
    port = process.free_port()
    proxies.start(t, [bootstrap.tcp_listener(port, "service")], [bootstrap.cluster("service", server.port)])
    with Client(port) as client:
        client.send(b"before")
        equal(client.take(6), b"before", "the echo")
        client.socket.send(b"ab!", socket.MSG_OOB)
        client.send(b"cd")
        # The byte marked urgent travels beside the stream, and no proxy hands it on.
        equal(client.take(4), b"abcd", "the echo of what is not urgent")


def _echo(sock):
    while data := sock.recv(65536):
        sock.sendall(data)


cases.main(__file__)
