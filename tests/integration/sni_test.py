#!/usr/bin/env python3
"""TLS passthrough by server name: real ClientHellos, names that are or may be hidden, PostgreSQL's SSLRequest.

Source: FilterChainMatch (server_names), RFC 8446, RFC 9849, PostgreSQL "Message Flow: SSL Session Encryption".
tests/conformance/client_hellos has the ClientHellos; client_hello_test cuts them at every byte.
"""

import os
import ssl
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import bootstrap as b  # noqa: E402
from tests.support import cases, certificates, process, proxies, upstream  # noqa: E402
from tests.support.cases import case, check, equal, wait_until  # noqa: E402
from tests.support.http1_client import Client, Closed  # noqa: E402

HELLOS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "conformance", "client_hellos")
SSL_REQUEST = bytes.fromhex("0000000804d2162f")
GSS_REQUEST = bytes.fromhex("0000000804d21630")
CHAIN_OF = {"pay.shop.test": "pay", "front.test": "front", "localhost": "local", "-": "nameless"}


def corpus():
    """(name, kind, bytes) by file."""
    found = {}
    with open(os.path.join(HELLOS, "corpus.tsv"), encoding="utf-8") as table:
        for line in table:
            if not line.startswith("#"):
                file, name, kind, *_ = line.rstrip("\n").split("\t")
                with open(os.path.join(HELLOS, file), "rb") as hello:
                    found[file] = (name, kind, hello.read())
    return found


def ours(**metadata):
    return {"metadata": {"filter_metadata": {"weft.dev": metadata}}}


def named_echo(name):
    """Says its name at the first byte, then sends back what comes."""
    def raw(connection):
        data = connection.socket.recv(65536)
        connection.socket.sendall(name.encode() + b":")
        while data:
            connection.socket.sendall(data)
            data = connection.socket.recv(65536)
    return raw


class Router:
    """One port, chains by name; `metadata` of each chain by its name; with `rest` a chain for what no other takes."""

    def __init__(self, t, names, metadata=None, rest=False):
        self.log = os.path.join(tempfile.mkdtemp(), "access.log")
        access = [{"name": "envoy.access_loggers.file", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": self.log,
            "log_format": {"text_format_source": {
                "inline_string": "%FILTER_CHAIN_NAME% %REQUESTED_SERVER_NAME% %REQUESTED_SERVER_NAME_KIND%\n"}}}}]
        self.ups, chains, clusters = {}, [], []
        for name, server_names in names.items():
            up = self.ups[name] = t.start(upstream.Upstream(raw=named_echo(name)))
            match = {"transport_protocol": "tls", **({"server_names": server_names} if server_names else {})}
            chains.append({**b.chain(b.tcp_filter(name, prefix=name, access_log=access), match=match, name=name),
                           **ours(**(metadata or {}).get(name, {}))})
            clusters.append(b.cluster(name, up.port))
        self.port = process.free_port()
        fields = {}
        if rest:
            up = self.ups["rest"] = t.start(upstream.Upstream(raw=named_echo("rest")))
            clusters.append(b.cluster("rest", up.port))
            fields["default_filter_chain"] = {**b.chain(b.tcp_filter("rest", prefix="rest")), "name": "rest"}
        self.proxy = proxies.start(
            t, [b.listener("sni", self.port, *chains, inspectors=[b.tls_inspector()], **fields)], clusters)

    def chain_of(self, data, cut=None):
        """The name of the server that all of `data` reached as it was sent; None: the connection was refused."""
        try:
            with Client(self.port) as client:
                for part in (data[:cut], data[cut:]) if cut else (data,):
                    client.send(part)
                name = b""
                while not name.endswith(b":"):
                    name += client.take(1)
                equal(client.take(len(data)), data, "bytes at the server")
                return name[:-1].decode()
        except (Closed, ConnectionResetError):
            return None

    def lines(self, count):
        def read():
            with open(self.log, encoding="utf-8") as file:
                return file.read().splitlines()
        wait_until(lambda: os.path.exists(self.log) and len(read()) >= count, f"{count} lines in the access log")
        return read()


NAMES = {"pay": ["pay.shop.test"], "shop": ["*.shop.test"], "front": ["front.test"], "local": ["localhost"], "nameless": []}


@case(seconds=60)
def hellos_of_real_clients_in_two_segments(t):
    t.weft_only("the access log's word for the kind of name is ours")
    router = Router(t, NAMES)
    count = 0
    for file, (name, kind, hello) in corpus().items():
        for cut in sorted({None, 1, 2, 5, 6, 9, 43, len(hello) // 3, len(hello) // 2, 1460, len(hello) - 1}, key=str):
            if cut is not None and cut >= len(hello):
                continue
            equal(router.chain_of(hello, cut), CHAIN_OF[name], f"server of {file} cut at {cut}")
            count += 1
    expected = {f"{CHAIN_OF[name]} {name} {kind}" for name, kind, _ in corpus().values()}
    equal(set(router.lines(count)), expected, "lines of the access log")


@case
def hidden_names_are_denied(t):
    t.weft_only("hidden_name is ours")
    router = Router(t, NAMES, {name: {"hidden_name": "deny"} for name in NAMES})
    for file, (name, kind, hello) in corpus().items():
        expected = CHAIN_OF[name] if kind in ("plain", "none") else None
        equal(router.chain_of(hello), expected, f"server of {file}")
    wait_until(lambda: "hidden_name" in router.proxy.log_text(), "the word in the log")


@case
def hello_that_cannot_be_read_passes_no_chain_that_denies(t):
    """It might carry any name; without `deny` it is opaque, as for Envoy."""
    t.weft_only("hidden_name is ours")
    record = b"\x16\x03\x01\x40\x00"
    too_long = (record + b"\x01\x00\xea\x60\x03\x03" + bytes(16378) + record + bytes(16384) + record + bytes(16384))
    malformed = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"
    denying = Router(t, {"pay": ["pay.shop.test"]}, {"pay": {"hidden_name": "deny"}}, rest=True)
    allowing = Router(t, {"pay": ["pay.shop.test"]}, rest=True)
    for what, hello in {"too long": too_long, "malformed": malformed}.items():
        equal(denying.chain_of(hello), None, f"server of a ClientHello that is {what}")
        equal(allowing.chain_of(hello), "rest", f"server of a ClientHello that is {what}, where it may pass")
    wait_until(lambda: "hidden_name" in denying.proxy.log_text(), "the word in the log")
    equal(denying.chain_of(b"SSH-2.0-x\r\n"), "rest", "server of plain bytes")


@case
def hidden_names_go_by_address(t):
    t.weft_only("hidden_name is ours")
    router = Router(t, {"pay": ["pay.shop.test"], "gate": ["gate.test"]}, {"gate": {"hidden_name": "by-address"}})
    for file, (name, kind, hello) in corpus().items():
        expected = "pay" if name == "pay.shop.test" else "gate" if kind in ("outer", "hidden") else None
        equal(router.chain_of(hello), expected, f"server of {file}")


# PostgreSQL.
def postgres(name, context, answer=b"S"):
    """A server that knows no more than SSLRequest, TLS and a refusal that tells its name."""
    def raw(connection):
        sock = connection.socket
        first = sock.recv(8)
        if first == SSL_REQUEST:
            sock.sendall(answer)
            if answer != b"S":
                return
            sock = context.wrap_socket(sock, server_side=True)
            first = b""
        while len(first) < 4 or len(first) < struct.unpack(">I", first[:4])[0]:
            part = sock.recv(1000)
            if not part:
                return
            first += part
        secure = isinstance(sock, ssl.SSLSocket)
        fields = b"SFATAL\0VFATAL\0C28000\0M" + f"this is {name} {'with' if secure else 'without'} TLS".encode() + b"\0\0"
        sock.sendall(b"E" + struct.pack(">I", 4 + len(fields)) + fields)
    return raw


class Databases:
    """Two servers behind one port, told apart by SNI behind SSLRequest; a third for those without TLS."""

    def __init__(self, t, answer=b"S"):
        self.authority = t.start(certificates.Authority())
        chains, clusters, self.ups = [], [], {}
        for name in ("a", "b", "plain"):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            leaf = self.authority.issue(f"default/{name}", dns=[f"{name}.test"])
            context.load_cert_chain(leaf.chain, leaf.key)
            self.ups[name] = t.start(upstream.Upstream(raw=postgres(name, context, answer)))
            match = {"transport_protocol": "raw_buffer"} if name == "plain" else {
                "transport_protocol": "tls", "server_names": [f"{name}.test"]}
            chains.append({**b.chain(b.tcp_filter(name, prefix=name), match=match, name=name), **ours(preamble="postgres")})
            clusters.append(b.cluster(name, self.ups[name].port))
        self.port = process.free_port()
        self.proxy = proxies.start(t, [b.listener("db", self.port, *chains, inspectors=[b.tls_inspector()])], clusters)

    def psql(self, host, mode="verify-full"):
        run = subprocess.run(
            ["psql", f"host={host} hostaddr=127.0.0.1 port={self.port} user=u dbname=d sslmode={mode} "
             f"sslrootcert={self.authority.certificate} connect_timeout=10", "-c", "select 1"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30, check=False)
        return run.stdout

    def open(self):
        return Client(self.port)


@case
def psql_is_routed_by_the_name_behind_its_request(t):
    t.weft_only("Envoy's preamble of PostgreSQL is a contrib filter")
    d = Databases(t)
    for name in ("a", "b", "a"):
        check(f"this is {name} with TLS" in (said := d.psql(f"{name}.test")), f"psql {name}.test: {said}")
    check("this is plain without TLS" in (said := d.psql("a.test", "disable")), f"psql without TLS: {said}")
    equal({name: len(up.connections) for name, up in d.ups.items()}, {"a": 2, "b": 1, "plain": 1}, "connections")


@case
def request_in_pieces_and_kerberos_first(t):
    t.weft_only("preamble is ours")
    d = Databases(t)
    context = ssl.create_default_context(cafile=d.authority.certificate)
    for opening in ([bytes([byte]) for byte in SSL_REQUEST], [GSS_REQUEST, SSL_REQUEST]):
        with d.open() as client:
            for part in opening:
                client.send(part)
                if part == GSS_REQUEST:
                    equal(client.take(1), b"N", "answer to GSSENCRequest")
            equal(client.take(1), b"S", "answer to SSLRequest")
            tls = context.wrap_socket(client.socket, server_hostname="b.test")
            tls.sendall(struct.pack(">II", 8, 196608))
            check(b"this is b with TLS" in tls.recv(1000), "the server's word")


@case
def server_without_tls_ends_the_connection_with_a_word(t):
    t.weft_only("preamble is ours")
    d = Databases(t, answer=b"N")
    said = d.psql("a.test")
    check("this is" not in said, said)
    wait_until(lambda: "upstream_tls" in d.proxy.log_text() and "has no TLS" in d.proxy.log_text(), "the word in the log")


@case
def tls_without_a_request_needs_none_of_the_server(t):
    """PostgreSQL 17 can begin with TLS at once: then nothing is asked of the server either."""
    t.weft_only("preamble is ours")
    seen = []

    def raw(connection):
        seen.append(connection.socket.recv(3))
        connection.socket.sendall(b"x")

    up = t.start(upstream.Upstream(raw=raw))
    port = process.free_port()
    chain = {**b.chain(b.tcp_filter("a"), match={"server_names": ["pay.shop.test"]}, name="a"), **ours(preamble="postgres")}
    proxies.start(t, [b.listener("db", port, chain, inspectors=[b.tls_inspector()])], [b.cluster("a", up.port)])
    with Client(port) as client:
        client.send(corpus()["openssl.bin"][2])
        equal(client.take(1), b"x", "answer")
    equal(seen, [b"\x16\x03\x01"], "first bytes at the server")


cases.main(__file__)
