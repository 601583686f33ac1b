#!/usr/bin/env python3
"""Protocols in which the server speaks first, on ports where the proxy looks at the client's first bytes.

A listener that lets silence be an answer (continue_on_listener_filters_timeout) dials the server at accept: whoever speaks
first is heard. Elsewhere nobody is dialled before the client has spoken.
"""

import os
import ssl
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import bootstrap as b  # noqa: E402
from tests.support import cases, certificates, process, proxies, upstream  # noqa: E402
from tests.support.cases import case, check, equal, wait_until  # noqa: E402
from tests.support.http1_client import Client, Closed, fetch  # noqa: E402

GREETING = b"220 mail.test ESMTP\r\n"


def mail(connection):
    """An SMTP dialogue, as far as it matters here."""
    connection.socket.sendall(GREETING)
    while line := connection.socket.recv(1000):
        connection.socket.sendall(b"221 bye\r\n" if line.startswith(b"QUIT") else b"250 " + line)
        if line.startswith(b"QUIT"):
            return


def echo(connection):
    while data := connection.socket.recv(65536):
        connection.socket.sendall(data)


class Port:
    """HTTP is routed, all else goes to `raw`; the client has 5 s to speak. tls: for a.test, "passed" to another server or
    "ended" here."""

    def __init__(self, t, raw=mail, *, go_on=True, timeout="5s", tls=None):
        self.authority = t.start(certificates.Authority())
        leaf = self.authority.issue("default/a", dns=["a.test"])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(leaf.chain, leaf.key)
        self.tls_up = t.start(upstream.Upstream(name="a", tls=context))
        self.raw_up = t.start(upstream.Upstream(raw=raw))
        self.port = process.free_port()
        plain = {"transport_protocol": "raw_buffer"}
        secure = {"server_names": ["a.test"], "transport_protocol": "tls"}
        sealed = {None: [], "passed": [b.chain(b.tcp_filter("a", prefix="a"), match=secure, name="tls")],
                  "ended": [b.chain(b.tcp_filter("raw", prefix="a"), match=secure, name="tls", tls=b.downstream_tls(leaf))]}
        listener = b.listener(
            "mixed", self.port, *sealed[tls],
            b.chain(b.http_filter([b.virtual_host("all", ["*"], b.direct({"prefix": "/"}, 200, "http"))]),
                    match={**plain, "application_protocols": ["http/1.0", "http/1.1"]}, name="http"),
            b.chain(b.tcp_filter("raw", prefix="raw"), match=plain, name="raw"),
            inspectors=[b.tls_inspector(), b.http_inspector()], listener_filters_timeout=timeout,
            continue_on_listener_filters_timeout=go_on)
        self.proxy = proxies.start(t, [listener], [b.cluster("a", self.tls_up.port), b.cluster("raw", self.raw_up.port)])

    def tls_context(self):
        return ssl.create_default_context(cafile=self.authority.certificate)


def seconds_to_greeting(port):
    begin = time.monotonic()
    with Client(port) as client:
        equal(client.take(len(GREETING)), GREETING, "greeting")
        return time.monotonic() - begin


@case
def greeting_comes_as_early_as_without_us(t):
    t.weft_only("Envoy waits for the filter timeout")
    p = Port(t)
    through = statistics.median(seconds_to_greeting(p.port) for _ in range(21))
    direct = statistics.median(seconds_to_greeting(p.raw_up.port) for _ in range(21))
    check(through - direct <= 0.005, f"{1000 * through:.2f} ms through the proxy, {1000 * direct:.2f} ms without")
    equal(len(p.raw_up.connections), 42, "connections at the server")


@case
def whole_dialogue(t):
    t.weft_only("Envoy waits for the filter timeout")
    p = Port(t)
    with Client(p.port) as client:
        equal(client.take(len(GREETING)), GREETING, "greeting")
        for line, answer in ((b"HELO x\r\n", b"250 HELO x"), (b"QUIT\r\n", b"221 bye")):
            client.send(line)
            equal(client.take_line(), answer, f"answer to {line!r}")
        equal(client.read_to_end(), b"", "after the end")


@case
def who_speaks_first_is_still_understood(t):
    p = Port(t, echo, tls="passed")
    equal(fetch(p.port).body, b"http", "HTTP")
    equal(fetch(p.port, tls=p.tls_context(), server_name="a.test").header("x-upstream"), "a", "TLS")
    with Client(p.port) as client:
        client.send(b"*1\r\n$4\r\nPING\r\n")
        equal(client.take(14), b"*1\r\n$4\r\nPING\r\n", "echo")


@case
def client_hello_may_come_after_the_servers_word(t):
    """TLS that ends here wraps a server that speaks first: the greeting must not overtake the handshake."""
    p = Port(t, tls="ended", timeout="1s")
    for delay in (0, 0.1):
        with Client(p.port) as client:
            time.sleep(delay)  # a ClientHello that was lost once
            secure = p.tls_context().wrap_socket(client.socket, server_hostname="a.test")
            equal(secure.recv(100), GREETING, "greeting")
    with Client(p.port) as client:
        equal(client.take(len(GREETING)), GREETING, "greeting of the silent one, when his time is over")


@case
def name_of_another_server_is_waited_for(t):
    p = Port(t, tls="passed", timeout="1s")
    for delay in (0, 0.1):
        with Client(p.port) as client:
            time.sleep(delay)
            secure = p.tls_context().wrap_socket(client.socket, server_hostname="a.test")
            equal(secure.version() is not None, True, "TLS with the other server")


@case
def dials_for_others_do_not_add_up(t):
    t.weft_only("Envoy dials when the client has spoken")
    p = Port(t, echo)
    for _ in range(60):
        equal(fetch(p.port).body, b"http", "HTTP")
    check(len(p.raw_up.connections) <= 3, f"{len(p.raw_up.connections)} connections for requests that went elsewhere")


@case
def silence_is_no_answer_where_it_must_not_be(t):
    p = Port(t, go_on=False, timeout="0.3s")
    try:
        with Client(p.port) as client:
            check(client.at_end(), "the silent client is still there")
    except (Closed, ConnectionResetError):
        pass
    equal(len(p.raw_up.connections), 0, "connections at the server")


@case
def client_that_leaves_takes_the_dial_with_it(t):
    p = Port(t, echo)
    for _ in range(3):
        with Client(p.port):
            pass
    wait_until(lambda: all(c.socket.fileno() == -1 for c in p.raw_up.connections), "the server's connections end")
    check(p.proxy.alive(), "the proxy ended")


@case
def server_that_ends_at_once_ends_the_client(t):
    t.weft_only("Envoy waits for the filter timeout")
    p = Port(t, lambda connection: None)
    with Client(p.port) as client:
        check(client.at_end(), "the client waits on")


cases.main(__file__)
