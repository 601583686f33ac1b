#!/usr/bin/env python3
"""First bytes decide: SNI passthrough, TLS, HTTP and raw on one port, silence, slow first bytes.

Source: FilterChainMatch (server_names, transport_protocol, application_protocols), the listener
filters tls_inspector and http_inspector, Listener.listener_filters_timeout.
"""

import os
import socket
import ssl
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import bootstrap as b  # noqa: E402
from tests.support import cases, certificates, process, proxies, upstream  # noqa: E402
from tests.support.cases import case, check, equal, within  # noqa: E402
from tests.support.http1_client import Client, Closed, fetch, format_request  # noqa: E402


def server_context(leaf):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.chain, leaf.key)
    return context


def client_context(authority):
    context = ssl.create_default_context(cafile=authority.certificate)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Passthrough:
    """Two TLS servers behind one port, told apart by SNI."""

    def __init__(self, t, *, more_chains=(), inspectors=None, **fields):
        self.authority = t.start(certificates.Authority())
        self.ups = []
        chains, clusters = [], []
        for name in ("a", "b"):
            leaf = self.authority.issue(f"default/{name}", dns=[f"{name}.test"])
            up = t.start(upstream.Upstream(name=name, tls=server_context(leaf)))
            self.ups.append(up)
            clusters.append(b.cluster(name, up.port))
            chains.append(b.chain(b.tcp_filter(name, prefix=name), match={
                "server_names": [f"{name}.test"], "transport_protocol": "tls"}, name=name))
        self.port = process.free_port()
        self.proxy = proxies.start(
            t, [b.listener("sni", self.port, *chains, *more_chains,
                           inspectors=inspectors or [b.tls_inspector()], **fields)],
            clusters + [b.cluster("raw", fields.pop("raw_port", 1))] if more_chains else clusters)

    def get(self, name, sni=None):
        return fetch(self.port, tls=client_context(self.authority), server_name=sni or name,
                     host=name)


@case
def sni_picks_the_server_and_the_bytes_stay_sealed(t):
    p = Passthrough(t)
    for name in ("a", "b", "a"):
        response = p.get(f"{name}.test")  # the client verifies the server's own certificate
        equal(response.header("x-upstream"), name, f"server for {name}.test")
    equal([len(up.requests) for up in p.ups], [2, 1], "requests")


@case
def sni_in_other_letters(t):
    p = Passthrough(t)
    context = client_context(p.authority)
    context.check_hostname = False
    equal(fetch(p.port, tls=context, server_name="A.TEST").header("x-upstream"), "a", "server")


@case
def unknown_name_is_refused(t):
    p = Passthrough(t)
    context = client_context(p.authority)
    context.check_hostname = False
    for name in ("c.test", "x.a.test", None):
        try:
            fetch(p.port, tls=context, server_name=name)
            raise cases.CheckFailed(f"{name} was served")
        except (OSError, ssl.SSLError, Closed):
            pass
    equal([len(up.connections) for up in p.ups], [0, 0], "connections")


@case
def hello_in_pieces(t):
    """The ClientHello comes byte by byte; nothing of it may be lost."""
    p = Passthrough(t)
    context = client_context(p.authority)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="b.test")
    with socket.create_connection(("127.0.0.1", p.port), timeout=10) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    wire.sendall(bytes([byte]))
                incoming.write(wire.recv(65536))
        equal(tls.getpeercert()["subjectAltName"][1], ("DNS", "b.test"), "certificate")


@case
def tls13_and_tls12_hellos(t):
    p = Passthrough(t)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = client_context(p.authority)
        context.minimum_version = context.maximum_version = version
        equal(fetch(p.port, tls=context, server_name="a.test").header("x-upstream"), "a", "server")


def _mixed(t, **fields):
    """One port: TLS with SNI a.test passes, HTTP is routed, anything else is raw."""

    def raw(connection):
        connection.socket.sendall(b"raw!")
        while connection.socket.recv(1000):
            pass

    raw_up = t.start(upstream.Upstream(raw=raw, name="raw"))
    authority = t.start(certificates.Authority())
    leaf = authority.issue("default/a", dns=["a.test"])
    tls_up = t.start(upstream.Upstream(name="a", tls=server_context(leaf)))
    hosts = [b.virtual_host("all", ["*"], b.direct({"prefix": "/"}, 200, "http"))]
    port = process.free_port()
    listener = b.listener(
        "mixed", port,
        b.chain(b.tcp_filter("a", prefix="a"), name="tls",
                match={"server_names": ["a.test"], "transport_protocol": "tls"}),
        b.chain(b.http_filter(hosts), name="http", match={
            "transport_protocol": "raw_buffer", "application_protocols": ["http/1.0", "http/1.1"]}),
        b.chain(b.tcp_filter("raw", prefix="raw"), name="raw",
                match={"transport_protocol": "raw_buffer"}),
        inspectors=[b.tls_inspector(), b.http_inspector()], **fields)
    proxies.start(t, [listener], [b.cluster("a", tls_up.port), b.cluster("raw", raw_up.port)])
    return port, authority, tls_up, raw_up


@case
def three_protocols_on_one_port(t):
    port, authority, tls_up, raw_up = _mixed(t)
    equal(fetch(port).body, b"http", "HTTP/1.1")
    with Client(port) as client:
        client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        equal(client.read_response().body, b"http", "HTTP/1.0")
    equal(fetch(port, tls=client_context(authority), server_name="a.test").header("x-upstream"), "a",
          "TLS")
    for data in (b"\x00\x01\x02\x03 binary\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x16\x03\x09nope\r\n\r\n"):
        with Client(port) as client:
            client.send(data)
            equal(client.take(4), b"raw!", f"{data!r}")
    equal((len(tls_up.connections), len(raw_up.connections)), (1, 3), "connections")


@case
def http_in_small_pieces_is_still_http(t):
    t.weft_only("Envoy's http_inspector now and then takes such a request for raw bytes")
    port, *_ = _mixed(t)
    for method in ("GET", "OPTIONS", "PROPFIND"):
        with Client(port) as client:
            for byte in format_request(method, "/a"):
                client.send(bytes([byte]))
            equal(client.read_response().body, b"http", method)


@case
def nothing_is_lost_when_raw_bytes_come_in_pieces(t):
    got = bytearray()

    def raw(connection):
        while True:
            data = connection.socket.recv(1000)
            if not data:
                connection.socket.sendall(b"end")
                return
            got.extend(data)

    up = t.start(upstream.Upstream(raw=raw))
    port = process.free_port()
    proxies.start(t, [b.listener("raw", port, b.chain(b.tcp_filter("raw")),
                                 inspectors=[b.tls_inspector(), b.http_inspector()])],
                  [b.cluster("raw", up.port)])
    sent = b"GE\x00 not http at all \xff\r\n"
    with Client(port) as client:
        for byte in sent:
            client.send(bytes([byte]))
        client.half_close()
        equal(client.read_to_end(), b"end", "answer")
    equal(bytes(got), sent, "bytes at the upstream")


@case
def silent_client_of_a_server_first_protocol(t):
    """With continue_on_listener_filters_timeout the raw chain takes a client that says nothing: Envoy after the timeout,
    weft-proxy as soon as the server speaks (server_first_test)."""
    port, _, _, raw_up = _mixed(t, listener_filters_timeout="0.3s",
                                continue_on_listener_filters_timeout=True)
    with Client(port) as client:
        begin = time.monotonic()
        equal(client.take(4), b"raw!", "greeting")
        within(time.monotonic() - begin, 0, 2.0, "seconds until the greeting")
    equal(len(raw_up.connections), 1, "connections")


@case
def where_bytes_decide_nothing_nobody_waits_for_them(t):
    """One listener, two destinations: the looking of one must not delay the other, in which the server speaks first."""
    t.weft_only("Envoy's inspectors look at every connection of a listener")

    def greet(connection):
        connection.socket.sendall(b"220 ready\r\n")
        while connection.socket.recv(1000):
            pass

    greeting = t.start(upstream.Upstream(raw=greet, name="greeting"))
    other = t.start(upstream.Upstream(name="other"))
    port = process.free_port()
    looked_at = {"prefix_ranges": [{"address_prefix": "127.0.0.3", "prefix_len": 32}]}
    proxies.start(
        t,
        [b.listener("both", port,
                    b.chain(b.tcp_filter("greeting"), name="quiet", match={
                        "prefix_ranges": [{"address_prefix": "127.0.0.2", "prefix_len": 32}]}),
                    b.chain(b.http_filter(b.to_one("other")), name="http", match={
                        **looked_at, "transport_protocol": "raw_buffer", "application_protocols": ["http/1.1"]}),
                    b.chain(b.tcp_filter("other", prefix="raw"), name="raw", match={
                        **looked_at, "transport_protocol": "raw_buffer"}),
                    host="0.0.0.0", inspectors=[b.tls_inspector(), b.http_inspector()],
                    listener_filters_timeout="3s", continue_on_listener_filters_timeout=True)],
        [b.cluster("greeting", greeting.port), b.cluster("other", other.port)])
    with Client(port, "127.0.0.2") as client:
        begin = time.monotonic()
        equal(client.take_line(), b"220 ready", "greeting")
        within(time.monotonic() - begin, 0, 1.5, "seconds until the greeting")
    with Client(port, "127.0.0.3") as client:
        equal(client.request().status, 200, "HTTP where the bytes decide")


@case
def silent_client_is_closed(t):
    port, _, _, raw_up = _mixed(t, listener_filters_timeout="0.3s")
    with Client(port) as client:
        check(client.at_end(5), "a silent client stays")
    equal(len(raw_up.connections), 0, "connections")


@case
def client_that_leaves_while_it_is_looked_at(t):
    port, *_ = _mixed(t)
    for data in (b"", b"G", b"\x16\x03\x01"):
        with Client(port) as client:
            client.send(data)
    equal(fetch(port).body, b"http", "the proxy goes on")


cases.main(__file__)
