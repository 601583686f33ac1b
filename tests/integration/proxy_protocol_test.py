#!/usr/bin/env python3
"""The PROXY protocol, in and out, versions 1 and 2: who the client is, and that nobody says it who may not.

Source: https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, envoy.extensions.filters.listener.proxy_protocol.v3,
envoy.extensions.transport_sockets.proxy_protocol.v3, FilterChainMatch (source_prefix_ranges, direct_source_prefix_ranges).
"""

import os
import socket
import ssl
import struct
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import bootstrap as b  # noqa: E402
from tests.support import cases, certificates, process, proxies, upstream  # noqa: E402
from tests.support.cases import case, check, equal, wait_until  # noqa: E402
from tests.support.http1_client import Client, Closed, format_request  # noqa: E402

_TYPE = "type.googleapis.com/envoy.extensions."
_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_CLIENT = "192.0.2.7"


def inbound_filter(**fields):
    return {"name": "envoy.filters.listener.proxy_protocol",
            "typed_config": {"@type": _TYPE + "filters.listener.proxy_protocol.v3.ProxyProtocol", **fields}}


def outbound_socket(version, inner=None):
    return {"name": "envoy.transport_sockets.upstream_proxy_protocol", "typed_config": {
        "@type": _TYPE + "transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport",
        "config": {"version": version},
        "transport_socket": inner or {"name": "envoy.transport_sockets.raw_buffer", "typed_config": {
            "@type": _TYPE + "transport_sockets.raw_buffer.v3.RawBuffer"}}}}


def text(source=_CLIENT, destination="198.51.100.1", source_port=5000, port=443):
    family = "TCP6" if ":" in source else "TCP4"
    return f"PROXY {family} {source} {destination} {source_port} {port}\r\n".encode()


def binary(source=_CLIENT, destination="198.51.100.1", source_port=5000, port=443, command=1, tlvs=b""):
    v6 = ":" in source
    family = socket.AF_INET6 if v6 else socket.AF_INET
    block = (socket.inet_pton(family, source) + socket.inet_pton(family, destination)
             + struct.pack(">HH", source_port, port) + tlvs)
    return _SIGNATURE + bytes([0x20 | command, 0x21 if v6 else 0x11]) + struct.pack(">H", len(block)) + block


def read_header(connection):
    """The PROXY header that a server gets: (version, source, source port, destination, port)."""
    def take(count):
        data = b""
        while len(data) < count:
            part = connection.socket.recv(count - len(data))
            if not part:
                raise Closed(data)
            data += part
        return data

    head = take(16)
    if not head.startswith(_SIGNATURE):
        while not head.endswith(b"\r\n"):
            head += take(1)
        words = head.decode().split()
        return 1, words[2], int(words[4]), words[3], int(words[5])
    block = take(struct.unpack(">H", head[14:16])[0])
    family, size = (socket.AF_INET, 4) if head[13] == 0x11 else (socket.AF_INET6, 16)
    ports = struct.unpack(">HH", block[2 * size:2 * size + 4])
    return (2, socket.inet_ntop(family, block[:size]), ports[0], socket.inet_ntop(family, block[size:2 * size]), ports[1])


def echo(connection):
    while data := connection.socket.recv(65536):
        connection.socket.sendall(data)


class Opaque:
    """A TCP listener that wants headers, an echo behind it, an access log that says who came."""

    def __init__(self, t, filter_fields=None, **listener_fields):
        folder = tempfile.mkdtemp()
        self.log = os.path.join(folder, "access.log")
        logs = [{"name": "envoy.access_loggers.file", "typed_config": {
            "@type": _TYPE + "access_loggers.file.v3.FileAccessLog", "path": self.log,
            "log_format": {"text_format_source": {"inline_string":
                           "%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT% "
                           "%DOWNSTREAM_LOCAL_ADDRESS% %BYTES_RECEIVED%\n"}}}}]
        self.up = t.start(upstream.Upstream(raw=echo))
        self.port = process.free_port()
        chain = b.chain(b.tcp_filter("service", access_log=logs))
        self.proxy = proxies.start(
            t, [b.listener("tcp", self.port, chain, inspectors=[inbound_filter(**(filter_fields or {}))],
                           **listener_fields)],
            [b.cluster("service", self.up.port)])

    def passes(self, header, cut=None, payload=b"payload"):
        """The payload behind `header` comes back; the header does not. `cut`: two segments."""
        with Client(self.port) as client:
            if cut is not None:
                client.send(header[:cut])
                client.send(header[cut:])
            else:
                client.send(header)
            client.send(payload)
            equal(client.take(len(payload)), payload, f"echo behind {header!r}")

    def is_refused(self, data, end=False):
        try:
            with Client(self.port) as client:
                client.send(data)
                if end:
                    client.half_close()
                return client.at_end()
        except (Closed, ConnectionResetError):
            return True

    def lines(self, count):
        def read():
            with open(self.log, encoding="utf-8") as file:
                return file.read().splitlines()
        wait_until(lambda: os.path.exists(self.log) and len(read()) >= count, f"{count} lines in the access log")
        return read()


@case
def header_names_the_client_in_the_log(t):
    o = Opaque(t)
    o.passes(text())
    o.passes(binary(source_port=5001))
    o.passes(text("2001:db8::1", "2001:db8::2", 5002))
    o.passes(binary("2001:db8::1", "2001:db8::2", 5003, tlvs=b"\x02\x00\x01x"))
    equal(sorted(o.lines(4)), [
        "192.0.2.7:5000 127.0.0.1 198.51.100.1:443 7", "192.0.2.7:5001 127.0.0.1 198.51.100.1:443 7",
        "[2001:db8::1]:5002 127.0.0.1 [2001:db8::2]:443 7", "[2001:db8::1]:5003 127.0.0.1 [2001:db8::2]:443 7"], "log")


@case
def header_in_two_segments_cut_anywhere(t):
    o = Opaque(t)
    for header in (text(), binary()):
        for cut in range(1, len(header)):
            o.passes(header, cut)
    check(o.proxy.alive(), "the proxy ended")


@case
def local_and_unknown_stand_for_themselves(t):
    o = Opaque(t)
    o.passes(b"PROXY UNKNOWN\r\n")
    o.passes(_SIGNATURE + b"\x20\x00\x00\x00")
    for line in o.lines(2):
        check(line.startswith("127.0.0.1:") and line.endswith(" 7"), line)


@case
def what_is_no_header_is_refused(t):
    o = Opaque(t)
    for bad in (b"GET / HTTP/1.1\r\n\r\n", b"PROXY TCP4 nonsense\r\n", binary()[:12] + b"\x31" + binary()[13:],
                text().replace(b"443", b"70000"), b"PROXY UNKNOWN " + b"x" * 107):
        check(o.is_refused(bad), f"{bad!r} passed")
    check(o.is_refused(b"PROX", end=True), "half a header passed")
    equal(len(o.up.connections), 0, "connections at the server")


@case
def header_of_a_datagram_is_refused_with_a_word(t):
    t.weft_only("Envoy lets the family of UDP pass, and has another word")
    o = Opaque(t)
    check(o.is_refused(binary()[:13] + b"\x12" + binary()[14:]), "UDP over TCP passed")
    wait_until(lambda: "refused, proxy_header: version 2: expected TCP" in o.proxy.log_text(), "the word in the log")


@case
def header_does_not_lead_back_to_the_proxy(t):
    """A client could take two descriptors for each header that it sends, until there are none left."""
    t.weft_only("Envoy dials itself")
    port = process.free_port()
    proxy = proxies.start(
        t, [b.listener("tcp", port, b.chain(b.tcp_filter("passthrough")), inspectors=[inbound_filter()])],
        [b.cluster("passthrough", kind="ORIGINAL_DST", policy="CLUSTER_PROVIDED", trailers=False)])
    header = binary(destination="127.0.0.1", port=port)
    before = len(os.listdir(f"/proc/{proxy.pid}/fd"))
    with Client(port) as client:
        client.send(header * 100)
        try:
            check(client.at_end(), "the connection is ended")
        except ConnectionResetError:
            pass
    wait_until(lambda: "leads back" in proxy.log_text(), "the word in the log")
    wait_until(lambda: len(os.listdir(f"/proc/{proxy.pid}/fd")) <= before + 1, "no descriptor left behind")
    server = t.start(upstream.Upstream(raw=echo))
    with Client(port) as client:
        client.send(binary(destination="127.0.0.1", port=server.port) + b"payload")
        equal(client.take(7), b"payload", "what leads elsewhere passes")


@case
def version_that_is_not_allowed(t):
    o = Opaque(t, {"disallowed_versions": ["V1"]})
    check(o.is_refused(text()), "version 1 passed")
    o.passes(binary())


@case
def header_may_be_left_out_where_allowed(t):
    o = Opaque(t, {"allow_requests_without_proxy_protocol": True})
    o.passes(text())
    o.passes(b"")
    o.passes(b"", payload=b"POST /")  # the first letter is that of a header


@case
def chains_match_the_client_and_who_connected(t):
    """source_prefix_ranges sees the header's client, direct_source_prefix_ranges who connected."""
    ups = {name: t.start(upstream.Upstream(raw=lambda c, n=name: c.socket.sendall(n.encode())))
           for name in ("office", "balancer", "rest")}
    port = process.free_port()
    match = {"office": {"source_prefix_ranges": [{"address_prefix": "192.0.2.0", "prefix_len": 24}]},
             "balancer": {"direct_source_prefix_ranges": [{"address_prefix": "127.0.0.2", "prefix_len": 32}]},
             "rest": None}
    chains = [b.chain(b.tcp_filter(name, prefix=name), match=match[name], name=name) for name in ups]
    proxies.start(t, [b.listener("tcp", port, *chains, inspectors=[inbound_filter()])],
                  [b.cluster(name, up.port) for name, up in ups.items()])
    for header, source, expected in ((text(), None, b"office"), (text("198.51.100.9"), None, b"rest"),
                                     (text(), "127.0.0.2", b"balancer"), (binary(), None, b"office")):
        with Client(port, source=source) as client:
            client.send(header)
            equal(client.read_to_end(), expected, f"server for {header!r} from {source}")


@case
def forwarded_for_names_the_headers_client(t):
    up = t.start(upstream.Upstream())
    port = process.free_port()
    proxies.start(t, [b.http_listener(port, b.to_one(), use_remote_address=True,
                                      listener_fields={"listener_filters": [inbound_filter()]})],
                  [b.cluster("service", up.port)])
    with Client(port) as client:
        for _ in range(3):  # one header for a connection, whatever requests come on it
            client.send((b"" if up.requests else text()) + format_request("GET", "/"))
            equal(client.read_response().status, 200, "status")
    equal([r.header("x-forwarded-for") for r in up.requests], [_CLIENT] * 3, "x-forwarded-for")


@case
def first_bytes_are_those_behind_the_header(t):
    """TLS behind a header is told by SNI."""
    authority = t.start(certificates.Authority())
    leaf = authority.issue("default/a", dns=["a.test"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.chain, leaf.key)
    up = t.start(upstream.Upstream(name="a", tls=context))
    port = process.free_port()
    chain = b.chain(b.tcp_filter("a"), match={"server_names": ["a.test"]}, name="a")
    proxies.start(t, [b.listener("sni", port, chain, inspectors=[inbound_filter(), b.tls_inspector()])],
                  [b.cluster("a", up.port)])
    trusting = ssl.create_default_context(cafile=authority.certificate)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trusting.wrap_bio(incoming, outgoing, server_hostname="a.test")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = binary()
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                wire.sendall(head + outgoing.read())
                head = b""
                incoming.write(wire.recv(65536))


def _silent(port, seconds=5):
    with Client(port, timeout=seconds) as client:
        return client.at_end()


@case
def silence_is_cut_where_a_header_is_required(t):
    t.weft_only("Envoy goes on without the header that it requires")
    o = Opaque(t, listener_filters_timeout="0.2s", continue_on_listener_filters_timeout=True)
    check(_silent(o.port), "a client without a header is still there")
    equal(len(o.up.connections), 0, "connections at the server")


# Out.
def _serve_out(t, version, *, front=None, inner=None, up_tls=None):
    """A TCP listener whose cluster gets headers. -> port, the headers that the server saw."""
    seen = []

    def raw(connection):
        seen.append(read_header(connection))
        echo(connection)

    up = t.start(upstream.Upstream(raw=raw))
    port = process.free_port()
    proxies.start(t, [b.listener("tcp", port, b.chain(b.tcp_filter("service")), inspectors=front or ())],
                  [b.cluster("service", up.port, tls=outbound_socket(version, inner))])
    return port, seen


@case
def header_goes_out(t):
    for version, number in (("V1", 1), ("V2", 2)):
        port, seen = _serve_out(t, version)
        with Client(port) as client:
            client.send(b"payload")
            equal(client.take(7), b"payload", "echo")
            equal(seen, [(number, "127.0.0.1", client.socket.getsockname()[1], "127.0.0.1", port)], "header")


@case
def header_is_handed_on_in_another_version(t):
    port, seen = _serve_out(t, "V2", front=[inbound_filter()])
    with Client(port) as client:
        client.send(text() + b"payload")
        equal(client.take(7), b"payload", "echo")
    equal(seen, [(2, _CLIENT, 5000, "198.51.100.1", 443)], "header")


@case
def server_that_speaks_first_gets_the_header_at_once(t):
    seen = []

    def raw(connection):
        seen.append(read_header(connection))
        connection.socket.sendall(b"220 ready\r\n")
        connection.socket.recv(1)

    up = t.start(upstream.Upstream(raw=raw))
    port = process.free_port()
    proxies.start(t, [b.tcp_listener(port, "service")], [b.cluster("service", up.port, tls=outbound_socket("V1"))])
    with Client(port) as client:
        equal(client.take_line(), b"220 ready", "greeting")
    equal(len(seen), 1, "headers")


@case
def header_goes_before_tls(t):
    """The server sees the header in the clear, then the ClientHello."""
    authority = t.start(certificates.Authority())
    leaf = authority.issue("default/a", dns=["a.test"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.chain, leaf.key)
    seen = []

    def raw(connection):
        seen.append(read_header(connection))
        connection.socket = context.wrap_socket(connection.socket, server_side=True)
        echo(connection)

    up = t.start(upstream.Upstream(raw=raw))
    port = process.free_port()
    inner = b.upstream_tls(None, authority, sni="a.test")
    proxies.start(t, [b.tcp_listener(port, "service")],
                  [b.cluster("service", up.port, tls=outbound_socket("V2", inner))])
    with Client(port) as client:
        client.send(b"payload")
        equal(client.take(7), b"payload", "echo")
        equal(seen, [(2, "127.0.0.1", client.socket.getsockname()[1], "127.0.0.1", port)], "header")


@case
def http_connections_name_one_client_each(t):
    """A connection to the server carries one header, and the requests of nobody else."""
    seen = []

    def raw(connection):
        seen.append(read_header(connection))
        connection.buffer = bytearray()
        while True:
            data = b""
            while b"\r\n\r\n" not in data:
                part = connection.socket.recv(65536)
                if not part:
                    return
                data += part
            answer = f"{len(seen)} {seen[-1][2]}".encode()
            connection.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))

    up = t.start(upstream.Upstream(raw=raw))
    port = process.free_port()
    proxies.start(t, [b.http_listener(port, b.to_one())],
                  [b.cluster("service", up.port, tls=outbound_socket("V2"))])
    for number in (1, 2):
        with Client(port) as client:
            own = client.socket.getsockname()[1]
            for _ in range(3):
                equal(client.request("GET", "/").body, f"{number} {own}".encode(), "connection and client")


cases.main(__file__)
