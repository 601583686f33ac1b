#!/usr/bin/env python3
"""Mutual TLS: a pair of proxies, and everybody who must be refused.

Source: tls.v3 (CommonTlsContext, CertificateValidationContext.match_typed_subject_alt_names), the
SPIFFE X.509-SVID standard for the URI SAN, RFC 8446.
"""

import os
import ssl
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import bootstrap as b  # noqa: E402
from tests.support import cases, certificates, process, proxies, upstream  # noqa: E402
from tests.support.cases import case, check, equal, wait_until, within  # noqa: E402
from tests.support.http1_client import Client, Closed, fetch  # noqa: E402


def context(leaf, authority, *, version=ssl.TLSVersion.TLSv1_3, alpn=()):
    """A client's side in Python; the server's chain is verified, its name by the caller."""
    made = ssl.create_default_context(cafile=authority.certificate)
    made.check_hostname = False
    made.minimum_version = made.maximum_version = version
    if leaf is not None:
        made.load_cert_chain(leaf.chain, leaf.key)
    if alpn:
        made.set_alpn_protocols(list(alpn))
    return made


def server_context(leaf, authority):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(leaf.chain, leaf.key)
    made.load_verify_locations(authority.certificate)
    made.verify_mode = ssl.CERT_REQUIRED
    return made


class Mesh:
    """One trust domain with a client's and a server's certificate."""

    def __init__(self, t):
        self.authority = t.start(certificates.Authority("mesh.test"))
        self.client = self.authority.issue("default/client")
        self.server = self.authority.issue("default/server", dns=["server.test"])


def inbound(t, mesh, *, tls=None, http=None, script=None):
    """The accepting side: TLS from the peer, plain to the application."""
    up = t.start(upstream.Upstream(script, name="application"))
    port = process.free_port()
    tls = tls or b.downstream_tls(mesh.server, mesh.authority, uri_sans=[mesh.client.uri])
    proxy = proxies.start(t, [b.http_listener(port, b.to_one(), name="inbound", tls=tls,
                                              **(http or {}))],
                          [b.cluster("service", up.port)])
    return port, up, proxy


def outbound(t, mesh, peer, *, leaf=None, uri=None, authority=None):
    """The dialling side: plain from the application, TLS to the peer."""
    port = process.free_port()
    tls = b.upstream_tls(leaf or mesh.client, authority or mesh.authority,
                         uri_sans=[uri or mesh.server.uri], sni="server.test")
    proxy = proxies.start(t, [b.http_listener(port, b.to_one(), name="outbound")],
                          [b.cluster("service", peer, tls=tls)])
    return port, proxy


def refused(port, tls, **more):
    """Why a TLS client got no answer; fails when it got one. In TLS 1.3 a client learns only from
    the alert behind its own Finished."""
    try:
        response = fetch(port, tls=tls, timeout=5, **more)
    except (ssl.SSLError, OSError, Closed) as why:
        return str(why)
    raise cases.CheckFailed(f"was served: {response}")


def failures(proxy):
    """Sum of all counters whose name or labels speak of TLS or certificates."""
    total = 0
    for (name, labels), value in proxy.metrics().items():
        words = name + " " + " ".join(value for _, value in labels)
        if ("tls" in words or "certificate" in words or "ssl" in words) and (
                "fail" in words or "error" in words or "certificate" in words or "verify" in words):
            total += value
    return total


@case
def a_pair_speaks_mutual_tls(t):
    mesh = Mesh(t)
    peer, up, _ = inbound(t, mesh)
    port, _ = outbound(t, mesh, peer)
    with Client(port) as client:
        for number in range(50):
            response = client.request("POST", f"/{number}", body=b"x" * number)
            equal(response.status, 200, "status")
    equal([len(r.body) for r in up.requests], list(range(50)), "bodies")
    equal(len(up.connections), 1, "connections to the application")


@case
def large_bodies_through_a_pair(t):
    mesh = Mesh(t)
    size = 24 << 20
    part = os.urandom(65536)

    def script(exchange):
        length = len(exchange.read_body())
        exchange.send(f"HTTP/1.1 200 OK\r\nX-Got: {length}\r\nContent-Length: {size}\r\n\r\n")
        for _ in range(size // len(part)):
            exchange.send(part)

    peer, _, inner = inbound(t, mesh, script=script)
    port, outer = outbound(t, mesh, peer)
    before = [one.memory().resident for one in (inner, outer)]
    with Client(port, timeout=30) as client:
        response = client.request("POST", "/", body=part * (size // len(part)))
    equal(response.header("x-got"), str(size), "bytes that the application got")
    equal(response.body, part * (size // len(part)), "body")
    t.skip_memory_of_sanitizer()
    for proxy, resident in zip((inner, outer), before):
        within(proxy.memory().resident - resident, -(1 << 30), 12 << 20, f"growth of {proxy}")


@case
def peer_is_known_to_the_application(t):
    """forward_client_cert_details SANITIZE_SET with uri: By, Hash and URI of the peer."""
    mesh = Mesh(t)
    port, up, _ = inbound(t, mesh, http={
        "forward_client_cert_details": "SANITIZE_SET",
        "set_current_client_cert_details": {"uri": True}})
    tls = context(mesh.client, mesh.authority)
    response = fetch(port, tls=tls, headers=[("X-Forwarded-Client-Cert", "URI=spiffe://evil")])
    equal(response.status, 200, "status")
    seen = up.requests[0].header("x-forwarded-client-cert") or ""
    check(f"URI={mesh.client.uri}" in seen and f"By={mesh.server.uri}" in seen and "Hash=" in seen
          and "evil" not in seen, f"x-forwarded-client-cert: {seen!r}")


@case
def forged_identity_is_cut_from_plain_requests(t):
    mesh = Mesh(t)
    peer, up, _ = inbound(t, mesh)
    port, _ = outbound(t, mesh, peer)
    fetch(port, headers=[("X-Forwarded-Client-Cert", "URI=spiffe://evil")])
    equal(up.requests[0].header("x-forwarded-client-cert"), None, "x-forwarded-client-cert")


@case
def server_shows_its_spiffe_id(t):
    mesh = Mesh(t)
    port, *_ = inbound(t, mesh)
    with Client(port, tls=context(mesh.client, mesh.authority)) as client:
        names = client.socket.getpeercert()["subjectAltName"]
        check(("URI", mesh.server.uri) in names, f"names {names}")
        equal(client.socket.version(), "TLSv1.3", "version")
        equal(client.request().status, 200, "status")


def _refuse(t, make_client):
    """A client that must be refused by the accepting side, and counted."""
    mesh = Mesh(t)
    port, up, proxy = inbound(t, mesh)
    before = failures(proxy)
    why = refused(port, make_client(t, mesh))
    equal(len(up.requests), 0, f"requests that passed (the client saw: {why})")
    wait_until(lambda: failures(proxy) > before, "the refusal is counted")
    good = fetch(port, tls=context(mesh.client, mesh.authority))
    equal(good.status, 200, "the right client afterwards")


@case
def client_without_a_certificate(t):
    _refuse(t, lambda t, mesh: context(None, mesh.authority))


@case
def client_with_the_wrong_spiffe_id(t):
    _refuse(t, lambda t, mesh: context(mesh.authority.issue("default/other"), mesh.authority))


@case
def client_whose_id_only_begins_right(t):
    _refuse(t, lambda t, mesh: context(
        mesh.authority.issue("x", uri=mesh.client.uri + "2"), mesh.authority))


@case
def client_with_an_expired_certificate(t):
    _refuse(t, lambda t, mesh: context(
        mesh.authority.issue("default/client", ends="20210101000000Z"), mesh.authority))


@case
def client_whose_certificate_is_not_valid_yet(t):
    _refuse(t, lambda t, mesh: context(mesh.authority.issue(
        "default/client", starts="20990101000000Z", ends="20991231000000Z"), mesh.authority))


@case
def client_of_another_trust_domain(t):
    """Another root, though the URI is the right one."""

    def make(t, mesh):
        other = t.start(certificates.Authority("mesh.test"))
        return context(other.issue("default/client"), mesh.authority)

    _refuse(t, make)


@case
def plain_client_at_a_tls_port(t):
    mesh = Mesh(t)
    port, up, _ = inbound(t, mesh)
    with Client(port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try:
            data = client.read_to_end()
        except Closed as why:
            data = why.seen
    check(not data.startswith(b"HTTP/1.1 200"), f"a plain request got {data!r}")
    equal(len(up.requests), 0, "requests that passed")


def _refuse_server(t, make_server):
    """A server that must be refused by the dialling side: the application sees 503."""
    mesh = Mesh(t)
    leaf, authority = make_server(t, mesh)
    server = t.start(upstream.Upstream(name="server", tls=server_context(leaf, authority)))
    port, proxy = outbound(t, mesh, server.port)
    response = fetch(port, "POST", body=b"secret")
    equal(response.status, 503, "status")
    if cases.Options.proxy == "weft":
        equal(response.header("x-weft-reason"), "upstream_tls", "reason")
        check(mesh.server.uri not in response.body.decode(), "the answer names identities")
    equal(len(server.requests), 0, "requests that the wrong server got")
    check(proxy.alive(), "the proxy ended")


@case
def server_with_the_right_certificate(t):
    mesh = Mesh(t)
    server = t.start(upstream.Upstream(name="server", tls=server_context(mesh.server, mesh.authority)))
    port, _ = outbound(t, mesh, server.port)
    equal(fetch(port).status, 200, "status")
    equal(server.connections[0].identities, [mesh.client.uri], "identity of the proxy")


@case
def server_with_the_wrong_spiffe_id(t):
    _refuse_server(t, lambda t, mesh: (mesh.authority.issue("default/other"), mesh.authority))


@case
def server_with_an_expired_certificate(t):
    _refuse_server(t, lambda t, mesh: (
        mesh.authority.issue("default/server", ends="20210101000000Z"), mesh.authority))


@case
def server_of_another_trust_domain(t):
    def make(t, mesh):
        other = t.start(certificates.Authority("mesh.test"))
        return other.issue("default/server"), mesh.authority

    _refuse_server(t, make)


@case
def server_that_speaks_plain(t):
    mesh = Mesh(t)
    server = t.start(upstream.Upstream(name="plain"))
    port, _ = outbound(t, mesh, server.port)
    equal(fetch(port).status, 503, "status")
    equal(len(server.requests), 0, "requests that the plain server got")


@case
def tls12_only_where_it_is_configured(t):
    mesh = Mesh(t)
    port, *_ = inbound(t, mesh)
    refused(port, context(mesh.client, mesh.authority, version=ssl.TLSVersion.TLSv1_2))
    old = b.downstream_tls(mesh.server, mesh.authority, uri_sans=[mesh.client.uri],
                           tls_minimum_protocol_version="TLSv1_2")
    old["typed_config"]["common_tls_context"]["tls_params"]["tls_minimum_protocol_version"] = "TLSv1_2"
    port, *_ = inbound(t, mesh, tls=old)
    for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        with Client(port, tls=context(mesh.client, mesh.authority, version=version)) as client:
            equal(client.socket.version(), name, "version")
            equal(client.request().status, 200, "status")


@case
def alpn_is_negotiated(t):
    mesh = Mesh(t)
    tls = b.downstream_tls(mesh.server, mesh.authority, uri_sans=[mesh.client.uri],
                           alpn=["http/1.1"])
    port, *_ = inbound(t, mesh, tls=tls)
    with Client(port, tls=context(mesh.client, mesh.authority, alpn=["h9", "http/1.1"])) as client:
        equal(client.socket.selected_alpn_protocol(), "http/1.1", "protocol")
        equal(client.request().status, 200, "status")


@case
def opaque_tcp_through_a_pair(t):
    mesh = Mesh(t)

    def raw(connection):
        connection.socket.sendall(b"hello ")
        data = bytearray()
        while True:
            part = connection.socket.recv(65536)
            if not part:
                break
            data += part
        connection.socket.sendall(b"%d" % len(data))

    up = t.start(upstream.Upstream(raw=raw))
    middle, port = process.free_port(), process.free_port()
    proxies.start(t, [b.tcp_listener(middle, "app", tls=b.downstream_tls(
        mesh.server, mesh.authority, uri_sans=[mesh.client.uri]))], [b.cluster("app", up.port)])
    proxies.start(t, [b.tcp_listener(port, "peer")], [b.cluster("peer", middle, tls=b.upstream_tls(
        mesh.client, mesh.authority, uri_sans=[mesh.server.uri]))])
    with Client(port, timeout=20) as client:
        equal(client.take(6), b"hello ", "the server speaks first")
        client.send(b"z" * 3000000)
        client.half_close()
        equal(client.read_to_end(), b"3000000", "answer after a half-close")


@case
def cut_tls_is_not_an_end(t):
    """A close-delimited answer over TLS without close_notify may be cut (RFC 9112 9.8)."""
    t.weft_only("Envoy takes a FIN without close_notify for an end")
    mesh = Mesh(t)

    def script(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\npart")
        exchange.close()  # a FIN, and Python's ssl sends no alert before it

    server = t.start(upstream.Upstream(script, tls=server_context(mesh.server, mesh.authority)))
    port, _ = outbound(t, mesh, server.port)
    with Client(port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.read_head()
        try:
            rest = client.read_to_end()
        except Closed as why:
            rest = why.seen
        check(not rest.endswith(b"0\r\n\r\n"), f"a cut answer looks complete: {rest!r}")


@case
def handshakes_that_never_end_are_bounded(t):
    """transport_socket_connect_timeout, or our own bound, closes a peer that says nothing."""
    mesh = Mesh(t)
    up = t.start(upstream.Upstream())
    port = process.free_port()
    tls = b.downstream_tls(mesh.server, mesh.authority)
    chain = b.chain(b.http_filter(b.to_one()), tls=tls)
    chain["transport_socket_connect_timeout"] = "0.3s"
    proxies.start(t, [b.listener("inbound", port, chain)], [b.cluster("service", up.port)])
    for data in (b"", b"\x16\x03\x01\x02\x00"):
        with Client(port) as client:
            client.send(data)
            check(client.at_end(5), f"a handshake of {len(data)} bytes stays")


@case
def a_handshake_timeout_of_zero_is_none(t):
    """transport_socket_connect_timeout 0s cut every handshake; Envoy: "if present and nonzero"."""
    mesh = Mesh(t)
    up = t.start(upstream.Upstream())
    port = process.free_port()
    chain = b.chain(b.http_filter(b.to_one()), tls=b.downstream_tls(mesh.server, mesh.authority))
    chain["transport_socket_connect_timeout"] = "0s"
    proxies.start(t, [b.listener("inbound", port, chain)], [b.cluster("service", up.port)])
    tls = context(mesh.client, mesh.authority)
    for _ in range(3):
        equal(fetch(port, tls=tls).status, 200, "status")


@case
def many_handshakes(t):
    mesh = Mesh(t)
    port, *_ = inbound(t, mesh)
    tls = context(mesh.client, mesh.authority)
    for _ in range(100):
        equal(fetch(port, tls=tls).status, 200, "status")


cases.main(__file__)
