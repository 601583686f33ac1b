#!/usr/bin/env python3
"""TLS termination and origination against real peers: openssl s_client, Go's and Python's TLS, curl.

Source: tls.v3 (DownstreamTlsContext, UpstreamTlsContext, CertificateValidationContext, TlsCertificate), RFC 8446,
RFC 5280 for revocation, RFC 6960 for stapling, docs/signer.md for keys that live elsewhere.
"""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import bootstrap as b  # noqa: E402
from tests.support import cases, certificates, process, programs, proxies, upstream  # noqa: E402
from tests.support.cases import case, check, equal, wait_until  # noqa: E402
from tests.support.http1_client import Client, Closed, fetch  # noqa: E402

_LOG = "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog"
_SIGNER = os.path.join(programs.ROOT, "deploy", "signer", "weft_signer.py")


def server_tls(leaves, authority=None, *, require=False, validation=None, alpn=(), **fields):
    """DownstreamTlsContext with TLS 1.2 and 1.3; `leaves` are Leaf objects or whole TlsCertificates."""
    common = {"tls_certificates": [one if isinstance(one, dict) else pair(one) for one in leaves]}
    if authority is not None:
        common["validation_context"] = {"trusted_ca": {"filename": authority.certificate}, **(validation or {})}
    if alpn:
        common["alpn_protocols"] = list(alpn)
    config = {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
              "common_tls_context": common, **fields}
    if require:
        config["require_client_certificate"] = True
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}


def client_tls(authority=None, *, leaf=None, validation=None, alpn=(), **fields):
    common = {}
    trusted = {"trusted_ca": {"filename": authority.certificate}} if authority is not None else {}
    if authority is not None or validation is not None:
        common["validation_context"] = {**trusted, **(validation or {})}
    if leaf is not None:
        common["tls_certificates"] = [pair(leaf)]
    if alpn:
        common["alpn_protocols"] = list(alpn)
    return {"name": "envoy.transport_sockets.tls", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "common_tls_context": common, **fields}}


def pair(leaf, **fields):
    return {"certificate_chain": {"filename": leaf.chain}, "private_key": {"filename": leaf.key}, **fields}


def terminating(t, tls, *, port=None, **more):
    """A proxy that ends TLS and answers itself with 200 "served"."""
    port = port or process.free_port()
    hosts = [b.virtual_host("all", ["*"], b.direct({"prefix": "/"}, 200, "served"))]
    http = {"access_log": [{"name": "log", "typed_config": {"@type": _LOG, "log_format": {"text_format_source": {
        "inline_string": "connection=%CONNECTION_ID% code=%RESPONSE_CODE%\n"}}}}]}
    proxy = proxies.start(t, [b.http_listener(port, hosts, name="edge", tls=tls, **http)], [], **more)
    return port, proxy


def s_client(port, *flags):
    """What `openssl s_client` says, with one request sent."""
    done = subprocess.run([programs.debian("openssl"), "s_client", "-ign_eof", "-connect", f"127.0.0.1:{port}",
                           *flags], input=b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                          capture_output=True, check=False, timeout=30)
    return (done.stdout + done.stderr).decode(errors="replace")


def context(authority=None, leaf=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    if authority is None:
        made.verify_mode = ssl.CERT_NONE
    else:
        made.load_verify_locations(authority.certificate)
    if leaf is not None:
        made.load_cert_chain(leaf.chain, leaf.key)
    return made


def refusals(proxy, peer):
    """{word: count} of weft_tls_failures_total."""
    found = {}
    for (name, labels), value in proxy.metrics().items():
        labels = dict(labels)
        if name == "weft_tls_failures_total" and labels["peer"] == peer:
            found[labels["reason"]] = found.get(labels["reason"], 0) + value
    return found


@case
def rsa_and_ecdsa_by_what_the_client_can(t):
    authority = t.start(certificates.Authority())
    rsa, ecdsa = (authority.issue("edge/web", dns=["web.test"], rsa=rsa) for rsa in (True, False))
    port, _ = terminating(t, server_tls([rsa, ecdsa]))
    for flags, kind in ((("-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256"), "RSA-PSS"),
                        (("-tls1_3", "-sigalgs", "ecdsa_secp256r1_sha256"), "ECDSA"),
                        (("-tls1_3",), "ECDSA"),
                        (("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"), "RSA-PSS"),
                        (("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"), "ECDSA")):
        said = s_client(port, *flags, "-servername", "web.test")
        check(f"Peer signature type: {kind}" in said and "served" in said, f"{flags}: {said}")


@case
def the_certificate_whose_name_fits_best(t):
    authority = t.start(certificates.Authority())
    first = authority.issue("edge/first", dns=["first.test"])
    wild = authority.issue("edge/wild", dns=["*.shop.test"], rsa=True)
    exact = authority.issue("edge/exact", dns=["pay.shop.test"], rsa=True)
    port, _ = terminating(t, server_tls([first, wild, exact]))
    for name, uri in (("pay.shop.test", exact.uri), ("PAY.Shop.test", exact.uri), ("cart.shop.test", wild.uri),
                      ("a.b.shop.test", first.uri), ("unknown.org", first.uri), (None, first.uri)):
        with Client(port, tls=context(authority), server_name=name) as client:
            names = [value for kind, value in client.socket.getpeercert()["subjectAltName"] if kind == "URI"]
            equal(names, [uri], f"certificate for {name}")
            equal(client.request().status, 200, "status")


_GO = """package main

import ("crypto/tls"; "fmt"; "os")

func main() {
	c, err := tls.Dial("tcp", os.Args[1], &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil { fmt.Println("error:", err); os.Exit(1) }
	s := c.ConnectionState()
	fmt.Println(tls.VersionName(s.Version), s.CurveID, s.NegotiatedProtocol)
}
"""


@case(seconds=240)
def post_quantum_key_exchange_with_go(t):
    """Go from 1.24 on offers X25519MLKEM768 first."""
    go = shutil.which("go", path=os.environ.get("PATH", "") + ":/usr/local/go/bin")
    if go is None:
        t.skip("go not found")
    version = re.search(r"go1\.(\d+)", subprocess.run([go, "version"], capture_output=True, text=True).stdout)
    if version is None or int(version.group(1)) < 24:
        t.skip("needs Go 1.24")
    authority = t.start(certificates.Authority())
    port, _ = terminating(t, server_tls([authority.issue("edge/web")], alpn=["http/1.1"]))
    source = os.path.join(authority.folder, "main.go")
    with open(source, "w", encoding="ascii") as file:
        file.write(_GO)
    done = subprocess.run([go, "run", source, f"127.0.0.1:{port}"], capture_output=True, text=True, check=False,
                          env={"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", **os.environ}, cwd=authority.folder)
    equal(done.stdout.split(), ["TLS", "1.3", "X25519MLKEM768", "http/1.1"], f"what Go says {done.stderr}")


@case
def classic_curves_for_older_clients(t):
    authority = t.start(certificates.Authority())
    port, _ = terminating(t, server_tls([authority.issue("edge/web")]))
    for curve, named in (("X25519", "X25519"), ("P-256", "prime256v1")):
        said = s_client(port, "-curves", curve)
        check(f"Server Temp Key: {'X25519' if curve == 'X25519' else 'ECDH, ' + named}" in said and "served" in said,
              f"{curve}: {said}")
    check("handshake failure" in s_client(port, "-curves", "P-521"), "a curve that is not offered")


def _workers_of(proxy):
    """The workers that logged requests: ids of connections are dealt out in turn."""
    return {int(number) % 1024 for number in re.findall(r"connection=(\d+) code=200", proxy.log_text())}


@case
def a_session_resumes_on_another_worker(t):
    """While there are few connections each new one goes to the worker that has fewer: held ones spread."""
    authority = t.start(certificates.Authority())
    client_leaf = authority.issue("shop/cart")
    port, proxy = terminating(t, server_tls([authority.issue("edge/web")], authority, require=True), concurrency=2)
    tls = context(authority, client_leaf)
    for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
        tls.maximum_version = version
        session, held = None, []
        for number in range(12):
            raw = socket.create_connection(("127.0.0.1", port), timeout=10)
            made = tls.wrap_socket(raw, session=session)
            held.append(made)
            equal(made.session_reused, number > 0, f"{version.name}, connection {number} resumed")
            made.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            data = b""
            while b"served" not in data:
                part = made.recv(4096)
                check(part, f"ended after {data!r}")
                data += part
            session = made.session
        wait_until(lambda: len(_workers_of(proxy)) == 2, "both workers served")
        for one in held:
            one.close()


@case
def given_ticket_keys_are_shared_by_proxies_and_reloaded(t):
    authority = t.start(certificates.Authority())
    leaf = authority.issue("edge/web")
    keys = [os.path.join(authority.folder, name) for name in ("new.key", "old.key")]
    for path in keys:
        with open(path, "wb") as file:
            file.write(os.urandom(80))
    ports = [terminating(t, server_tls([leaf], session_ticket_keys={"keys": [{"filename": path} for path in paths]}))[0]
             for paths in ([keys[1]], keys, [keys[0]])]
    kept = os.path.join(authority.folder, "session")
    check("served" in s_client(ports[0], "-tls1_2", "-sess_out", kept), "the first connection")
    for port, word in ((ports[0], "Reused"), (ports[1], "Reused"), (ports[2], "New")):
        said = s_client(port, "-tls1_2", "-sess_in", kept)
        check(f"\n{word}, TLSv1.2" in said and "served" in said, f"port {port}, wanted {word}: {said}")


@case
def no_session_when_resumption_is_off(t):
    authority = t.start(certificates.Authority())
    port, _ = terminating(t, server_tls([authority.issue("edge/web")], disable_stateless_session_resumption=True))
    kept = os.path.join(authority.folder, "session")
    s_client(port, "-tls1_2", "-sess_out", kept)
    said = s_client(port, "-tls1_2", *(["-sess_in", kept] if os.path.exists(kept) else []))
    check("\nNew, TLSv1.2" in said and "served" in said, said)


class _Refused:
    """The clients that a server must refuse, each with its word."""

    def __init__(self, t):
        self.authority = t.start(certificates.Authority())
        self.other = t.start(certificates.Authority())
        self.below = self.authority.subordinate()
        self.revoked_below = self.authority.subordinate()
        self.good = self.authority.issue("shop/cart", dns=["cart.test"])
        revoked = self.authority.issue("shop/cart", dns=["cart.test"])
        self.crl = os.path.join(self.authority.folder, "all.crl")
        with open(self.crl, "w", encoding="ascii") as file:
            for path in (self.authority.revocation_list(revoked.serial, self.revoked_below.serial),
                         self.revoked_below.revocation_list()):
                with open(path, encoding="ascii") as one:
                    file.write(one.read())
        name = {"dns": ["cart.test"]}
        self.leaves = {
            "certificate_expired": self.authority.issue("shop/cart", ends="20210101000000Z", **name),
            "certificate_not_yet_valid": self.authority.issue("shop/cart", starts="20490101000000Z",
                                                              ends="20491231000000Z", **name),
            "wrong_identity": self.authority.issue("shop/thief", dns=["thief.test"]),
            "certificate_revoked": revoked,
            "issuer": self.revoked_below.issue("shop/cart", **name),
            "revocation_unknown": self.below.issue("shop/cart", **name),
            "untrusted_issuer": self.other.issue("shop/cart", **name),
        }

    def word(self, key):
        return "certificate_revoked" if key == "issuer" else key


@case
def each_client_is_refused_with_its_own_word(t):
    r = _Refused(t)
    leaves = {**r.leaves, "wrong_usage": r.authority.issue("shop/cart", dns=["cart.test"], usage="serverAuth")}
    port, proxy = terminating(t, server_tls([r.authority.issue("edge/web")], r.authority, require=True, validation={
        "crl": {"filename": r.crl},
        "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": "cart.test"}}]}))
    equal(fetch(port, tls=context(r.authority, r.good)).status, 200, "the right client")
    expected = {}
    for key, leaf in [*leaves.items(), ("no_certificate", None)]:
        try:
            raise cases.CheckFailed(f"{key} was served: {fetch(port, tls=context(r.authority, leaf))}")
        except (ssl.SSLError, OSError, Closed):
            pass
        word = r.word(key)
        expected[word] = expected.get(word, 0) + 1
        wait_until(lambda: refusals(proxy, "downstream") == expected,
                   f"{key}: {expected}, saw {refusals(proxy, 'downstream')}")
        wait_until(lambda: f"{word}: " in proxy.log_text(), f"the log has {word}")
    equal(fetch(port, tls=context(r.authority, r.good)).status, 200, "the right client afterwards")


@case
def each_server_is_refused_with_its_own_word(t):
    r = _Refused(t)
    leaves = {"good": r.good, **r.leaves,
              "wrong_usage": r.authority.issue("shop/cart", dns=["cart.test"], usage="clientAuth")}
    clusters, routes = [], []
    for key, leaf in leaves.items():
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(leaf.chain, leaf.key)
        up = t.start(upstream.Upstream(name=key, tls=server))
        clusters.append(b.cluster(key, up.port, tls=client_tls(r.authority, sni="cart.test", validation={
            "crl": {"filename": r.crl},
            "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": "cart.test"}}]})))
        routes.append(b.route({"path": "/" + key}, key))
    port = process.free_port()
    proxy = proxies.start(t, [b.http_listener(port, [b.virtual_host("all", ["*"], *routes)])], clusters)
    equal(fetch(port, target="/good").status, 200, "the right server")
    expected = {}
    for key in leaves:
        if key == "good":
            continue
        equal(fetch(port, target="/" + key).status, 503, f"status of {key}")
        expected[r.word(key)] = expected.get(r.word(key), 0) + 1
        wait_until(lambda: refusals(proxy, "upstream") == expected,
                   f"{key}: {expected}, saw {refusals(proxy, 'upstream')}")


@case
def a_newer_revocation_list_is_read(t):
    """The file is replaced while the proxy runs; a known chain and a kept session do not outlive it."""
    authority = t.start(certificates.Authority())
    leaf = authority.issue("shop/cart")
    crl = os.path.join(authority.folder, "live.crl")
    shutil.copy(authority.revocation_list(), crl)
    port, proxy = terminating(t, server_tls([authority.issue("edge/web")], authority, require=True,
                                            validation={"crl": {"filename": crl}}))
    equal(fetch(port, tls=context(authority, leaf)).status, 200, "before")
    os.replace(authority.revocation_list(leaf.serial), crl)

    def refused():
        try:
            fetch(port, tls=context(authority, leaf))
            return False
        except (ssl.SSLError, OSError, Closed):
            return True

    wait_until(refused, "the revoked client is refused", seconds=20)
    check("certificate_revoked" in refusals(proxy, "downstream"), f"{refusals(proxy, 'downstream')}")


@case
def an_ocsp_answer_is_stapled(t):
    authority = t.start(certificates.Authority())
    leaf = authority.issue("edge/web")
    stapled = pair(leaf, ocsp_staple={"filename": authority.ocsp_answer(leaf)})
    for version in ("-tls1_2", "-tls1_3"):
        port, _ = terminating(t, server_tls([stapled], ocsp_staple_policy="MUST_STAPLE"))
        said = s_client(port, version, "-status", "-CAfile", authority.certificate)
        check("OCSP Response Status: successful" in said and "Cert Status: good" in said and "served" in said, said)


def _refuses_to_start(t, tls, words):
    config = b.bootstrap(process.free_port(), [b.http_listener(process.free_port(), b.to_one(), tls=tls)],
                         [b.cluster("service", 1)])
    try:
        t.start(proxies.under_test(config))
    except cases.CheckFailed as why:
        check(words in str(why), f"{words!r} is not in {why}")
        return
    raise cases.CheckFailed(f"started, though {words}")


@case
def wrong_material_is_named_at_start(t):
    authority = t.start(certificates.Authority())
    leaf, other = authority.issue("edge/web"), authority.issue("edge/other")
    bad = pair(leaf, ocsp_staple={"filename": authority.ocsp_answer(other)})
    _refuses_to_start(t, server_tls([bad]), "ocsp_staple: is about another certificate")
    bad = pair(leaf, ocsp_staple={"filename": authority.ocsp_answer(leaf, revoked=True)})
    _refuses_to_start(t, server_tls([bad]), "ocsp_staple: says that the certificate is revoked")
    _refuses_to_start(t, server_tls([leaf], ocsp_staple_policy="MUST_STAPLE"), "ocsp_staple: missing")
    must = authority.issue("edge/must", extra="tlsfeature=status_request")
    _refuses_to_start(t, server_tls([must]), "ocsp_staple: missing")
    _refuses_to_start(t, server_tls([leaf], authority, validation={"crl": {"filename": leaf.chain}}),
                      "crl: no X509 CRL block")
    _refuses_to_start(t, server_tls([leaf], session_ticket_keys={"keys": [{"filename": leaf.key}]}),
                      "a key has 80 bytes")


class Signer(process.Process):
    name = "signer"

    def __init__(self, path, *keys):
        super().__init__()
        self.path, self.keys = path, keys

    def command(self):
        return [sys.executable, _SIGNER, "--socket", self.path, *self.keys]

    def is_ready(self):
        return "signing with" in self.log_text()


def _signed_elsewhere(leaf, path, timeout="2s"):
    return {"certificate_chain": {"filename": leaf.chain}, "private_key_provider": {
        "provider_name": "weft.unix_signer",
        "typed_config": {"@type": "type.googleapis.com/weft.v1.UnixSigner", "path": path, "timeout": timeout}}}


@case
def the_key_lives_in_another_process(t):
    authority = t.start(certificates.Authority())
    leaves = [authority.issue("edge/web", rsa=rsa) for rsa in (False, True)]
    path = os.path.join(authority.folder, "signer.sock")
    signer = t.start(Signer(path, *(leaf.key for leaf in leaves)))
    port, proxy = terminating(t, server_tls([_signed_elsewhere(leaf, path) for leaf in leaves]))
    for flags in (("-tls1_3", "-sigalgs", "ecdsa_secp256r1_sha256"), ("-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256"),
                  ("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256", "-sigalgs", "RSA+SHA256"),
                  ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256")):
        said = s_client(port, *flags, "-CAfile", authority.certificate)
        check("Verify return code: 0 (ok)" in said and "served" in said, f"{flags}: {said}")
    results = []
    threads = [threading.Thread(target=lambda: results.append(fetch(port, tls=context(authority)).status))
               for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(results, [200] * 16, "handshakes at the same time")
    signer.kill()
    check("served" not in s_client(port), "served without a signer")
    wait_until(lambda: refusals(proxy, "downstream") == {"signer_lost": 1}, "signer_lost")
    signer.launch()
    signer.wait_ready()
    wait_until(lambda: "served" in s_client(port), "served when the signer is back")


@case
def a_signer_that_hangs_or_refuses(t):
    authority = t.start(certificates.Authority())
    leaf, other = authority.issue("edge/web"), authority.issue("edge/other")
    hanging = os.path.join(authority.folder, "hangs.sock")
    listening = t.start(socket.socket(socket.AF_UNIX))
    listening.bind(hanging)
    listening.listen(16)
    without = os.path.join(authority.folder, "without.sock")
    t.start(Signer(without, other.key))
    port, proxy = terminating(t, server_tls([_signed_elsewhere(leaf, hanging, "0.3s")]))
    check("served" not in s_client(port), "served without a signature")
    wait_until(lambda: refusals(proxy, "downstream") == {"signer_timeout": 1}, "signer_timeout")
    port, proxy = terminating(t, server_tls([_signed_elsewhere(leaf, without)]))
    check("served" not in s_client(port), "served without a signature")
    wait_until(lambda: refusals(proxy, "downstream") == {"signer_refused": 1}, "signer_refused")
    wait_until(lambda: "no such key" in proxy.log_text(), "the log has the signer's words")


class _Server:
    """A TLS server with a certificate for `dns`, which knows what its clients asked for."""

    def __init__(self, t, authority, *, dns, ask=False, alpn=()):
        leaf = authority.issue("far/server", dns=dns)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(leaf.chain, leaf.key)
        if ask:
            self.context.load_verify_locations(authority.certificate)
            self.context.verify_mode = ssl.CERT_REQUIRED
        if alpn:
            self.context.set_alpn_protocols(list(alpn))
        self.names = []
        self.context.sni_callback = lambda sock, name, ctx: self.names.append(name)
        self.up = t.start(upstream.Upstream(name="far", tls=self.context))


def originating(t, clusters):
    port = process.free_port()
    routes = [b.route({"prefix": "/" + one["name"]}, one["name"]) for one in clusters]
    proxy = proxies.start(t, [b.http_listener(port, [b.virtual_host("all", ["*"], *routes)])], clusters)
    return port, proxy


@case
def origination_by_name_and_authority(t):
    authority = t.start(certificates.Authority())
    server = _Server(t, authority, dns=["api.far.test"], ask=True, alpn=["http/1.1"])
    own = authority.issue("near/client")
    san = [{"san_type": "DNS", "matcher": {"exact": "api.far.test"}}]
    wrong = [{"san_type": "DNS", "matcher": {"exact": "other.far.test"}}]
    port, proxy = originating(t, [
        b.cluster("good", server.up.port, tls=client_tls(authority, leaf=own, sni="api.far.test", alpn=["http/1.1"],
                                                         validation={"match_typed_subject_alt_names": san})),
        b.cluster("wrong", server.up.port, tls=client_tls(authority, leaf=own, sni="other.far.test",
                                                          validation={"match_typed_subject_alt_names": wrong})),
        b.cluster("sni", server.up.port, tls=client_tls(authority, leaf=own, sni="api.far.test",
                                                        auto_sni_san_validation=True)),
        b.cluster("snx", server.up.port, tls=client_tls(authority, leaf=own, sni="snx.far.test",
                                                        auto_sni_san_validation=True)),
        b.cluster("system", server.up.port, tls=client_tls(leaf=own, sni="api.far.test",
                                                           validation={"system_root_certs": {}})),
    ])
    equal(fetch(port, target="/good").status, 200, "the right name")
    equal(server.up.connections[-1].identities, [own.uri], "our certificate")
    equal(fetch(port, target="/sni").status, 200, "the name that was sent")
    equal(server.names, ["api.far.test", "api.far.test"], "server names")
    for target, word in (("/wrong", "wrong_identity"), ("/snx", "wrong_identity"), ("/system", "untrusted_issuer")):
        equal(fetch(port, target=target).status, 503, f"status of {target}")
    equal(refusals(proxy, "upstream"), {"wrong_identity": 2, "untrusted_issuer": 1}, "words")


@case
def the_endpoints_host_name_is_the_sni(t):
    authority = t.start(certificates.Authority())
    server = _Server(t, authority, dns=["localhost"])
    tls = client_tls(authority, auto_host_sni=True, auto_sni_san_validation=True)
    port, _ = originating(t, [b.cluster("named", b.endpoint(server.up.port, "localhost"), kind="STRICT_DNS", tls=tls,
                                        dns_lookup_family="V4_ONLY")])
    wait_until(lambda: fetch(port, target="/named").status == 200, "the name is resolved")
    equal(set(server.names), {"localhost"}, "server names")


@case
def sessions_with_a_server_are_resumed(t):
    authority = t.start(certificates.Authority())
    for fields, resumed in (({}, True), ({"max_session_keys": 0}, False)):
        server = _Server(t, authority, dns=["api.far.test"])
        port, _ = originating(t, [b.cluster("far", server.up.port, tls=client_tls(
            authority, sni="api.far.test", **fields), typed_extension_protocol_options={
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                    "common_http_protocol_options": {"max_requests_per_connection": 1},
                    "explicit_http_config": {"http_protocol_options": {}}}})])
        for _ in range(4):
            equal(fetch(port, target="/far").status, 200, "status")
        reused = server.context.session_stats()["hits"]
        check(reused >= 2 if resumed else reused == 0, f"{fields}: {reused} of 4 resumed")


@case
def curl_checks_our_certificate(t):
    authority = t.start(certificates.Authority())
    port, _ = terminating(t, server_tls([authority.issue("edge/web", dns=["web.test"])], alpn=["http/1.1"]))
    done = subprocess.run([programs.debian("curl"), "-sS", "--cacert", authority.certificate, "--connect-to",
                           f"web.test:443:127.0.0.1:{port}", "https://web.test/"], capture_output=True, text=True,
                          check=False, timeout=30)
    equal((done.returncode, done.stdout), (0, "served"), f"curl {done.stderr}")


@case
def old_versions_and_weak_ciphers_are_not_spoken(t):
    authority = t.start(certificates.Authority())
    port, _ = terminating(t, server_tls([authority.issue("edge/web", rsa=True), authority.issue("edge/web")]))
    for flags in (("-tls1", "-cipher", "ALL:@SECLEVEL=0"), ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
                  ("-tls1_2", "-cipher", "AES128-GCM-SHA256"), ("-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA")):
        said = s_client(port, *flags)
        check("served" not in said and "Cipher is (NONE)" in said, f"{flags}: {said}")


@case
def sslscan_finds_nothing_weak(t):
    authority = t.start(certificates.Authority())
    port, _ = terminating(t, server_tls([authority.issue("edge/web", rsa=True), authority.issue("edge/web")]))
    said = subprocess.run([programs.debian("sslscan"), "--no-colour", f"127.0.0.1:{port}"], capture_output=True,
                          text=True, check=False, timeout=50).stdout
    for line in ("TLSv1.0   disabled", "TLSv1.1   disabled", "TLSv1.2   enabled", "TLSv1.3   enabled",
                 "not vulnerable to heartbleed"):
        check(line in said, f"no {line!r} in {said}")
    suites = re.findall(r"^(?:Preferred|Accepted)\s+\S+\s+\d+ bits\s+(\S+)", said, re.MULTILINE)
    check(len(suites) >= 6, f"suites {suites}")
    for suite in suites:
        check(suite.startswith(("TLS_", "ECDHE-")) and ("GCM" in suite or "CHACHA20" in suite), f"{suite} is accepted")


# What a test authority on 127.0.0.1 cannot have: a name, a public root, somewhere to ask for revocation, DNS records,
# more than ten days; and the headers of the response, which are not TLS' matter.
_OF_THE_SETTING = ("cert_trust", "cert_chain_of_trust", "cert_revocation", "cert_crlDistributionPoints", "cert_ocspURL",
                   "DNS_CAArecord", "OCSP_stapling", "HSTS", "cert_commonName", "cert_subjectAltName", "cert_expirationStatus",
                   "cert_notAfter", "security_headers", "overall_grade")


@case(seconds=400, long_only=True)
def testssl_finds_nothing_above_low(t):
    authority = t.start(certificates.Authority())
    port, _ = terminating(t, server_tls([authority.issue("edge/web", rsa=True), authority.issue("edge/web")]))
    report = os.path.join(authority.folder, "report.json")
    subprocess.run([programs.debian("testssl", "testssl.sh"), "--quiet", "--color", "0", "--warnings", "batch",
                    "--add-ca", authority.certificate, "--jsonfile", report, f"127.0.0.1:{port}"],
                   capture_output=True, check=False, timeout=380)
    with open(report, encoding="utf-8") as file:
        findings = json.load(file)
    check(len(findings) > 50, f"only {len(findings)} findings")
    bad = [f"{one['id']}: {one['severity']}: {one['finding']}" for one in findings
           if one["severity"] in ("MEDIUM", "HIGH", "CRITICAL") and not one["id"].startswith(_OF_THE_SETTING)]
    equal(bad, [], "findings above LOW")


@case
def a_client_whose_root_was_removed_does_not_stay(t):
    """A new bundle was for new handshakes only: a connection of a client that it no longer trusts stood for days."""
    old, new = t.start(certificates.Authority("old.test")), t.start(certificates.Authority("new.test"))
    server, folder = new.issue("edge/web"), t.start(tempfile.TemporaryDirectory(prefix="weft-roots-"))
    bundle = os.path.join(folder, "roots.pem")

    def trust(*authorities):
        text = ""
        for authority in authorities:
            with open(authority.certificate, encoding="ascii") as file:
                text += file.read()
        with open(bundle + ".new", "w", encoding="ascii") as file:
            file.write(text)
        os.replace(bundle + ".new", bundle)

    trust(old, new)
    tls = server_tls([server], validation={}, require=True)
    tls["typed_config"]["common_tls_context"]["validation_context"] = {"trusted_ca": {"filename": bundle}}
    http_port, tcp_port, back = process.free_port(), process.free_port(), t.start(upstream.Upstream())
    hosts = [b.virtual_host("all", ["*"], b.direct({"prefix": "/"}, 200, "served"))]
    proxy = proxies.start(t, [b.http_listener(http_port, hosts, name="edge", tls=tls), b.tcp_listener(tcp_port, "app", tls=tls)],
                          [b.cluster("app", back.port)])
    connect = lambda port, authority: t.start(Client(port, tls=context(new, authority.issue("edge/client")), timeout=20))  # noqa: E731
    clients = {(kind, name): connect(port, authority) for kind, port in (("http", http_port), ("tcp", tcp_port))
               for name, authority in (("old", old), ("new", new))}
    for who, client in clients.items():
        equal(client.request().status, 200, f"status of {who}")
    trust(new)
    for kind in ("http", "tcp"):
        check(clients[kind, "old"].at_end(20), f"{kind}: the client of the root that is gone is still connected")
        equal(clients[kind, "new"].request().status, 200, f"{kind}: status of the client of the root that stayed")
    cut = [labels for (name, labels), _ in proxy.metrics().items() if name == "weft_tcp_connections_total"]
    check(any(("reason", "downstream_certificate") in labels for labels in cut), f"the reason of the cut is not counted: {cut}")


if __name__ == "__main__":
    cases.main(__file__)
