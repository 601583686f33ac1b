#!/usr/bin/env python3
"""SIGTERM drains: what has begun ends well, new work is turned away politely, and the process ends.

Source: the issue (SIGTERM drains), RFC 9112 9.6 (Connection: close before the close).
"""

import os
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import cases  # noqa: E402
from tests.support.cases import case, check, equal, wait_until, within  # noqa: E402
from tests.support.http1_client import Client, Closed, format_request  # noqa: E402
from tests.support.one_service import serve  # noqa: E402


def terminate(s):
    s.proxy.process.send_signal(signal.SIGTERM)


def ended(s, seconds=30):
    wait_until(lambda: not s.proxy.alive(), "the proxy ends", seconds)
    equal(s.proxy.process.returncode, 0, "exit code")


@case
def idle_proxy_ends_soon(t):
    t.weft_only("Envoy ends at once, without draining")
    s = serve(t)
    begin = time.monotonic()
    terminate(s)
    ended(s)
    within(time.monotonic() - begin, 0, 8, "seconds")


@case
def request_in_flight_is_answered(t):
    t.weft_only("Envoy ends at once, without draining")
    release = threading.Event()
    t.stack.callback(release.set)

    def script(exchange):
        release.wait(20)
        exchange.echo()

    s = serve(t, script)
    with Client(s.port, timeout=30) as client:
        client.send(format_request("POST", "/slow", body=b"abc"))
        wait_until(lambda: s.up.requests, "the request arrives")
        terminate(s)
        check(client.silent(0.3), "the connection was cut")
        release.set()
        response = client.read_response()
        equal(response.status, 200, "status")
        equal((response.header("connection") or "").lower(), "close", "connection header")
        check(client.at_end(), "the connection stays open")
    ended(s)


@case
def download_in_flight_is_finished(t):
    t.weft_only("Envoy ends at once, without draining")
    release = threading.Event()
    t.stack.callback(release.set)

    def script(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + "a" * 1000000)
        release.wait(20)
        exchange.send("b" * 1000000)

    s = serve(t, script)
    with Client(s.port, timeout=30) as client:
        client.send(format_request())
        response = client.read_head()
        terminate(s)
        release.set()
        client.read_body(response)
        equal(response.body, b"a" * 1000000 + b"b" * 1000000, "body")
    ended(s)


@case
def idle_kept_alive_connections_do_not_hold_it(t):
    t.weft_only("Envoy ends at once, without draining")
    s = serve(t)
    clients = [t.start(Client(s.port)) for _ in range(20)]
    for client in clients:
        equal(client.request().status, 200, "status")
    begin = time.monotonic()
    terminate(s)
    for client in clients:
        check(client.at_end(20), "an idle connection stays open")
    ended(s)
    within(time.monotonic() - begin, 0, 15, "seconds")


@case
def no_request_is_lost_while_it_ends(t):
    """Every request on a kept-alive connection is answered, or provably not taken."""
    t.weft_only("Envoy ends at once, without draining")
    s = serve(t)
    lost = []
    stop = threading.Event()

    def loop(number):
        while not stop.is_set():
            try:
                with Client(s.port) as client:
                    while not stop.is_set():
                        target = f"/{number}/{time.monotonic_ns()}"
                        before = len(client.buffer)
                        try:
                            response = client.request("GET", target)
                        except (Closed, BrokenPipeError) as why:
                            if s.up.count(target=target) or before:
                                lost.append(f"{target}: {why}")
                            break
                        if response.status != 200:
                            lost.append(f"{target}: {response.status}")
                        if (response.header("connection") or "").lower() == "close":
                            break
            except ConnectionRefusedError:
                return
            except ConnectionResetError:
                continue

    threads = [threading.Thread(target=loop, args=(n,), daemon=True) for n in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(s.up.requests) > 200, "traffic flows")
    terminate(s)
    ended(s)
    stop.set()
    for thread in threads:
        thread.join(10)
    equal(lost, [], "requests that the upstream took and the client lost")


@case
def opaque_connection_is_served_until_the_deadline(t):
    """A TCP connection lives on while it drains, then the process ends."""
    t.weft_only("Envoy ends at once, without draining")
    from tests.support import bootstrap as b
    from tests.support import process, proxies, upstream

    def raw(connection):
        while True:
            data = connection.socket.recv(100)
            if not data:
                return
            connection.socket.sendall(data)

    up = t.start(upstream.Upstream(raw=raw))
    port = process.free_port()
    proxy = proxies.start(t, [b.tcp_listener(port, "service")], [b.cluster("service", up.port)])
    with Client(port) as client:
        client.send(b"1")
        equal(client.take(1), b"1", "echo")
        proxy.process.send_signal(signal.SIGTERM)
        client.send(b"2")
        equal(client.take(1), b"2", "echo while it drains")
        client.half_close()
        check(client.at_end(), "the end did not come through")
    wait_until(lambda: not proxy.alive(), "the proxy ends when the last connection has ended", 20)
    equal(proxy.process.returncode, 0, "exit code")


cases.main(__file__)
