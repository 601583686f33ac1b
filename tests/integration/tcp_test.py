#!/usr/bin/env python3
"""Opaque TCP: bytes both ways, half-close, resets, who speaks first, weights, original destination.

Source: envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, Listener.use_original_dst,
Cluster.ORIGINAL_DST.
"""

import hashlib
import os
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import bootstrap as b  # noqa: E402
from tests.support import cases, nftables, process, proxies, upstream  # noqa: E402
from tests.support.cases import case, check, equal, wait_until, within  # noqa: E402
from tests.support.http1_client import Client, Closed  # noqa: E402


def echo(connection):
    """Sends back what comes; half-closes when the peer does."""
    while True:
        data = connection.socket.recv(65536)
        if not data:
            connection.socket.shutdown(1)
            return
        connection.socket.sendall(data)


def serve(t, raw, **fields):
    up = t.start(upstream.Upstream(raw=raw))
    port = process.free_port()
    proxy = proxies.start(t, [b.tcp_listener(port, "service", **fields)],
                          [b.cluster("service", up.port)])
    return port, up, proxy


@case
def bytes_pass_both_ways(t):
    port, _, _ = serve(t, echo)
    with Client(port) as client:
        for size in (1, 10, 1000, 100000):
            data = os.urandom(size)
            client.send(data)
            equal(client.take(size), data, f"{size} bytes")
        client.half_close()
        equal(client.read_to_end(), b"", "after the end")


@case
def megabytes_both_ways_with_flat_memory(t):
    port, _, proxy = serve(t, echo)
    part = os.urandom(65536)
    parts = 1024
    before = proxy.memory().resident
    with Client(port, timeout=30) as client:
        def send():
            for _ in range(parts):
                client.send(part)
            client.half_close()

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        got = client.read_to_end()
        sender.join()
    equal(len(got), parts * len(part), "length")
    digest = hashlib.sha256()
    for _ in range(parts):
        digest.update(part)
    equal(hashlib.sha256(got).digest(), digest.digest(), "content")
    within(proxy.memory().resident - before, -(1 << 30), 12 << 20, "bytes that the proxy grew by")


@case
def server_speaks_first(t):
    def raw(connection):
        connection.socket.sendall(b"220 ready\r\n")
        equal(connection.socket.recv(100), b"HELO\r\n", "what the client said")
        connection.socket.sendall(b"250 hello\r\n")

    port, up, _ = serve(t, raw)
    with Client(port) as client:
        equal(client.take_line(), b"220 ready", "greeting")
        client.send("HELO\r\n")
        equal(client.take_line(), b"250 hello", "answer")
    equal(up.errors, [], "errors at the upstream")


@case
def client_half_closes_and_still_gets_the_answer(t):
    def raw(connection):
        data = bytearray()
        while True:
            part = connection.socket.recv(65536)
            if not part:
                break
            data += part
        connection.socket.sendall(b"got %d" % len(data))

    port, _, _ = serve(t, raw)
    with Client(port) as client:
        client.send(b"x" * 300000)
        client.half_close()
        equal(client.read_to_end(), b"got 300000", "answer")


@case
def server_half_closes_and_still_reads(t):
    got = []

    def raw(connection):
        connection.socket.sendall(b"that is all")
        connection.socket.shutdown(1)
        while True:
            part = connection.socket.recv(65536)
            if not part:
                break
            got.append(part)
        got.append(None)

    port, _, _ = serve(t, raw)
    with Client(port) as client:
        equal(client.read_to_end(), b"that is all", "from the server")
        for _ in range(10):
            client.send(b"y" * 10000)
        client.half_close()
        wait_until(lambda: got and got[-1] is None, "the server sees the end")
    equal(sum(len(part) for part in got[:-1]), 100000, "bytes after the server's end")


@case
def reset_of_the_server_reaches_the_client(t):
    def raw(connection):
        connection.socket.recv(1)
        connection.reset()

    port, _, proxy = serve(t, raw)
    with Client(port) as client:
        client.send(b"x")
        check(client.at_end(), "the client waits on")
    check(proxy.alive(), "the proxy ended")


@case
def reset_of_the_client_reaches_the_server(t):
    ended = threading.Event()

    def raw(connection):
        try:
            while connection.socket.recv(100):
                pass
        except ConnectionResetError:
            pass
        ended.set()

    port, up, _ = serve(t, raw)
    client = Client(port)
    client.send(b"x")
    wait_until(lambda: up.connections, "the server has a connection")
    client.reset()
    check(ended.wait(5), "the server waits on")


def is_turned_away(port, **more):
    """The connection ends without a byte. The reset may even overtake the return of connect()."""
    try:
        with Client(port, **more) as client:
            return client.at_end()
    except (Closed, ConnectionResetError):
        return True


@case
def refused_upstream_closes_the_client(t):
    port = process.free_port()
    proxies.start(t, [b.tcp_listener(port, "service")], [b.cluster("service", process.free_port())])
    with Client(port) as client:
        check(client.at_end(), "the client waits on")


def _one_dead_of_two(t, **fields):
    up = t.start(upstream.Upstream(raw=echo))
    port = process.free_port()
    proxies.start(t, [b.tcp_listener(port, "service", **fields)],
                  [b.cluster("service", process.free_port(), up.port)])
    return port


def _all_are_carried(port):
    for _ in range(10):
        with Client(port) as client:
            client.send(b"x")
            equal(client.take(1), b"x", "echo")


@case
def another_endpoint_is_tried_as_often_as_allowed(t):
    _all_are_carried(_one_dead_of_two(t, max_connect_attempts=2))


@case
def another_endpoint_is_tried_without_a_word(t):
    t.weft_only("Envoy connects once unless max_connect_attempts says more")
    _all_are_carried(_one_dead_of_two(t))


@case
def one_connect_attempt_is_one(t):
    port = _one_dead_of_two(t, max_connect_attempts=1)
    answered = 0
    for _ in range(10):
        try:
            with Client(port) as client:
                client.send(b"x")
                answered += client.take(1) == b"x"
        except (Closed, OSError):  # the reset may even overtake the return of connect()
            pass
    equal(answered, 5, "connections that were carried, of ten to two endpoints of which one is dead")


@case
def access_log_of_a_connection(t):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "access.log")
        log = {"name": "envoy.access_loggers.file", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": path,
            "log_format": {"text_format_source": {"inline_string":
                           "%BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_CLUSTER% %UPSTREAM_HOST%\n"}}}}
        port, up, _ = serve(t, echo, access_log=[log])
        with Client(port) as client:
            client.send(b"abc")
            client.take(3)

        def line():
            try:
                with open(path, encoding="utf-8") as file:
                    return file.read()
            except FileNotFoundError:
                return ""

        wait_until(line, "there is a line")
        equal(line(), f"3 3 service 127.0.0.1:{up.port}\n", "log")


@case
def idle_timeout_closes_both_ends(t):
    port, up, _ = serve(t, echo, idle_timeout="0.4s")
    with Client(port) as client:
        for _ in range(4):
            time.sleep(0.2)  # shorter than the timeout: traffic keeps the connection
            client.send(b"a")
            equal(client.take(1), b"a", "echo")
        begin = time.monotonic()
        check(client.at_end(5), "the client waits on")
        within(time.monotonic() - begin, 0.3, 2.0, "seconds of idleness")
    equal(len(up.connections), 1, "connections")


@case
def slow_reader_holds_the_sender_back(t):
    sent = [0]

    def raw(connection):
        part = b"z" * 65536
        while sent[0] < 512 << 20:
            connection.socket.sendall(part)
            sent[0] += len(part)

    port, _, proxy = serve(t, raw)
    before = proxy.memory().resident
    with Client(port, receive_buffer=65536) as client:
        last = -1
        while sent[0] != last or not sent[0]:
            last = sent[0]
            time.sleep(0.4)  # a duration that is measured: no progress for that long
        check(last < 64 << 20, f"{last} bytes went nowhere")
        within(proxy.memory().resident - before, -(1 << 30), 12 << 20, "bytes that the proxy grew by")
        client.take(16 << 20)
        wait_until(lambda: sent[0] > last, "the sender goes on when the client reads")


@case
def many_connections(t):
    port, up, _ = serve(t, echo)
    clients = [t.start(Client(port)) for _ in range(300)]
    for number, client in enumerate(clients):
        client.send(b"%06d" % number)
    for number, client in enumerate(clients):
        equal(client.take(6), b"%06d" % number, "echo")
    equal(len(up.connections), 300, "connections")


@case
def weighted_clusters(t):
    ups = [t.start(upstream.Upstream(raw=echo, name=name)) for name in ("v1", "v2")]
    port = process.free_port()
    proxies.start(t, [b.tcp_listener(port, weighted=[("v1", 3), ("v2", 1)])],
                  [b.cluster(up.name, up.port) for up in ups])
    for _ in range(400):
        with Client(port) as client:
            client.send(b"x")
            client.take(1)
    within(len(ups[0].connections), 250, 350, "connections to the cluster with weight 3 of 4")


def _same_requests(t, listener_of):
    """One client connection, 100 requests; the requests that each of two upstreams counted."""
    ups = [t.start(upstream.Upstream(name=name)) for name in ("v1", "v2")]
    port = process.free_port()
    proxies.start(t, [listener_of(port)], [b.cluster(up.name, up.port) for up in ups])
    with Client(port) as client:
        for number in range(100):
            equal(client.request("GET", f"/{number}").status, 200, "status")
    return sorted(len(up.requests) for up in ups), [len(up.connections) for up in ups]


@case
def one_connection_is_split_as_http(t):
    """Must-show 4, first half: as HTTP each request is routed."""
    ups = [t.start(upstream.Upstream(name=name)) for name in ("one", "two")]
    port = process.free_port()
    proxies.start(t, [b.http_listener(port, b.to_one())],
                  [b.cluster("service", *[up.port for up in ups])])
    with Client(port) as client:
        for number in range(100):
            equal(client.request("GET", f"/{number}").status, 200, "status")
    equal([len(up.requests) for up in ups], [50, 50], "requests per upstream")


@case
def one_connection_is_split_by_weights_as_http(t):
    counts, _ = _same_requests(t, lambda port: b.http_listener(port, [b.virtual_host(
        "all", ["*"], b.route(None, weighted=[("v1", 50), ("v2", 50)]))]))
    within(counts[0], 30, 50, "requests to the one that got fewer")
    equal(sum(counts), 100, "requests in all")


@case
def one_connection_stays_together_as_tcp(t):
    """Must-show 4, second half: as TCP the connection is routed."""
    counts, connections = _same_requests(
        t, lambda port: b.tcp_listener(port, weighted=[("v1", 50), ("v2", 50)]))
    equal(counts, [0, 100], "requests per upstream")
    equal(sorted(connections), [0, 1], "connections per upstream")


@case
def original_destination_cluster(t):
    up = t.start(upstream.Upstream())
    port = process.free_port()
    proxies.start(
        t,
        [b.listener("outbound", port, b.chain(b.tcp_filter("passthrough")),
                    inspectors=[b.original_dst()])],
        [b.cluster("passthrough", kind="ORIGINAL_DST", policy="CLUSTER_PROVIDED", trailers=False)])
    t.start(nftables.Redirect("127.0.0.9", up.port, port))
    with Client(up.port, source="127.0.0.9") as client:
        equal(client.request().status, 200, "status")
    check(up.connections[0].peer[0] != "127.0.0.9", "the traffic did not pass through the proxy")


@case
def listener_of_the_original_destination(t):
    """use_original_dst hands over to the listener of that address; others stay."""
    up = t.start(upstream.Upstream())
    port, service, other = (process.free_port() for _ in range(3))
    said = [b.virtual_host("all", ["*"], b.direct({"prefix": "/"}, 200, "service"))]
    owner = b.http_listener(service, said, name="service", listener_fields={"bind_to_port": False})
    fallback = b.listener("outbound", port, b.chain(b.tcp_filter("passthrough")),
                          inspectors=[b.original_dst()], use_original_dst=True)
    proxies.start(t, [fallback, owner],
                  [b.cluster("passthrough", kind="ORIGINAL_DST", policy="CLUSTER_PROVIDED",
                             trailers=False)])
    nftables_rules = nftables.Redirect("127.0.0.9", f"{{ {service}, {up.port}, {other} }}", port)
    t.start(nftables_rules)
    with Client(service, source="127.0.0.9") as client:
        equal(client.request().body, b"service", "the service's own listener")
    with Client(up.port, source="127.0.0.9") as client:
        check(b'"upstream"' in client.request().body, "what no listener owns passes")
    check(is_turned_away(other, source="127.0.0.9"), "a destination where nobody listens stays open")


cases.main(__file__)
