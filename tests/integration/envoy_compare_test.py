#!/usr/bin/env python3
"""The same bootstrap file starts weft-proxy and a stock Envoy, and 50 requests see no difference.

Must-show 3: plain HTTP with a canary split, opaque TCP, SNI passthrough, both ends of a mutual-TLS
pair. Status, headers and bodies are compared, and what the upstreams saw. Not compared is only what
IGNORED lists, each with its reason.
"""

import json
import os
import ssl
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import bootstrap as b  # noqa: E402
from tests.support import cases, certificates, process, programs, proxies, upstream  # noqa: E402
from tests.support.cases import case, check, equal, within  # noqa: E402
from tests.support.http1_client import Client, fetch  # noqa: E402

# Headers that may differ, and why.
IGNORED = {
    "date": "a clock",
    "server": "names the proxy",
    "x-request-id": "random",
    "x-envoy-upstream-service-time": "Envoy's own; milliseconds",
    "x-envoy-expected-rq-timeout-ms": "Envoy's own",
    "x-envoy-attempt-count": "Envoy's own",
    "x-weft-reason": "our own",
}
# Bodies and types of replies that the proxy makes itself are each proxy's own words.
OWN_WORDS = (404, 503, 504)


class Ports:
    def __init__(self):
        self.admin, self.http, self.tcp, self.sni, self.tls_in, self.tls_out, self.dead = (
            process.free_port() for _ in range(7))


def listeners(ports, mesh):
    option = {"header": {"key": "x-added", "value": "by-the-route"},
              "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    hosts = [
        b.virtual_host(
            "shop", ["shop.test", "*.shop.test"],
            b.direct({"path": "/hello"}, 200, "hello from the proxy\n"),
            b.redirect({"path": "/moved"}, path_redirect="/new", response_code="FOUND"),
            b.redirect({"path": "/secure"}, https_redirect=True),
            b.route({"prefix": "/api/"}, "v1", action={"prefix_rewrite": "/"}),
            b.route({"safe_regex": {"regex": "/item/[0-9]+"}}, "v2"),
            b.route({"prefix": "/", "headers": [
                {"name": "x-canary", "string_match": {"exact": "yes"}}]}, "v2",
                    response_headers_to_add=[option], request_headers_to_add=[option]),
            b.route({"prefix": "/", "query_parameters": [
                {"name": "version", "string_match": {"exact": "2"}}]}, "v2"),
            b.route({"path": "/host"}, "v1", action={"host_rewrite_literal": "inner.test"},
                    request_headers_to_remove=["x-secret"]),
            b.route({"path": "/slow"}, "v1", action={"timeout": "0.2s"}),
            b.route({"path": "/refused"}, "dead"),
            b.route({"prefix": "/v1"}, "v1")),
        b.virtual_host("canary", ["canary.test"],
                       b.route(None, weighted=[("v1", 90), ("v2", 10)])),
    ]
    return [
        b.http_listener(ports.http, hosts),
        b.tcp_listener(ports.tcp, "v1"),
        b.listener("sni", ports.sni,
                   b.chain(b.tcp_filter("sealed", prefix="sealed"),
                           match={"server_names": ["sealed.test"], "transport_protocol": "tls"}),
                   inspectors=[b.tls_inspector()]),
        b.http_listener(ports.tls_in, b.to_one("v2"), name="tls_in",
                        tls=b.downstream_tls(mesh.server, mesh.authority,
                                             uri_sans=[mesh.client.uri]),
                        forward_client_cert_details="SANITIZE_SET",
                        set_current_client_cert_details={"uri": True}),
        b.http_listener(ports.tls_out, b.to_one("peer"), name="tls_out"),
    ]


class Mesh:
    def __init__(self, authority):
        self.authority = authority
        self.client = authority.issue("default/client")
        self.server = authority.issue("default/server", dns=["sealed.test"])


def script(exchange):
    if exchange.request.target == "/slow":
        exchange.server.closed.wait(5)
    elif exchange.request.target == "/chunks":
        exchange.read_body()
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "4\r\nfour\r\n0\r\nX-Trailer: t\r\n\r\n")
    elif exchange.request.target == "/none":
        exchange.reply(204, [("Content-Length", "0")], reason="No Content")
    elif exchange.request.target == "/teapot":
        exchange.reply(418, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")], b"short", reason="Teapot")
    else:
        exchange.echo()


class Setting:
    """Upstreams, certificates and one bootstrap file for both proxies."""

    def __init__(self, t):
        self.mesh = Mesh(t.start(certificates.Authority()))
        self.ports = Ports()
        self.ups = {name: t.start(upstream.Upstream(script, name=name)) for name in ("v1", "v2")}
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.mesh.server.chain, self.mesh.server.key)
        self.ups["sealed"] = t.start(upstream.Upstream(script, name="sealed", tls=context))
        peer_tls = b.upstream_tls(self.mesh.client, self.mesh.authority,
                                  uri_sans=[self.mesh.server.uri])
        clusters = [b.cluster(name, up.port) for name, up in self.ups.items()]
        clusters += [b.cluster("dead", self.ports.dead),
                     b.cluster("peer", self.ports.tls_in, tls=peer_tls)]
        config = b.bootstrap(self.ports.admin, listeners(self.ports, self.mesh), clusters)
        self.text = json.dumps(config, indent=1)
        self.admin = self.ports.admin

    def client_tls(self):
        context = ssl.create_default_context(cafile=self.mesh.authority.certificate)
        context.check_hostname = False
        context.load_cert_chain(self.mesh.client.chain, self.mesh.client.key)
        return context


class FromFile:
    """Both proxies from the very same bytes."""

    def __init__(self, kind, setting):
        self.proxy = kind(setting.text)
        self.proxy.admin_port = setting.admin


def the_fifty(s):
    """[(name, function → Response)]: 50 requests."""
    http, tcp, sni = s.ports.http, s.ports.tcp, s.ports.sni
    found = []

    def add(name, port, *arguments, **more):
        found.append((name, lambda: fetch(port, *arguments, **more)))

    def shop(target, method="GET", headers=(), body=b"", host="shop.test"):
        add(f"{method} {host}{target} {headers}", http, method, target, headers, body, host=host)

    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        shop("/v1/echo", method, body=b"abc" if method in ("POST", "PUT") else b"")
    for target in ("/hello", "/moved", "/moved?a=b", "/secure", "/api/users", "/api/users?x=1&y=2",
                   "/item/7", "/item/seven", "/v1?version=2", "/v1?version=22", "/v1/%2e%2e/x",
                   "/v1/a%20b", "/v1//double", "/host", "/refused", "/slow", "/nothing", "/v10"):
        shop(target)
    shop("/x", headers=[("X-Canary", "yes")])
    shop("/x", headers=[("X-Canary", "no")])
    shop("/x", headers=[("X-Canary", "yes"), ("X-Added", "by the client")])
    shop("/host", headers=[("X-Secret", "1"), ("X-Open", "2")])
    shop("/v1", host="deep.shop.test")
    shop("/v1", host="SHOP.test")
    shop("/v1", host="unknown.test")
    shop("/v1", "POST", body=b"z" * 200000)
    shop("/v1", "POST", [("Content-Type", "text/plain")], b"")
    shop("/v1", headers=[("Cookie", "a=1; b=2"), ("Accept", "a"), ("Accept", "b")])
    shop("/v1", headers=[("Range", "bytes=0-1"), ("If-None-Match", '"x"')])
    shop("/api/chunks")
    shop("/api/none")
    shop("/api/teapot")
    shop("/hello", "HEAD")
    shop("/moved", "POST", body=b"q")
    add("tcp get", tcp, "GET", "/x?y", host="any")
    add("tcp post", tcp, "POST", "/x", body=b"b" * 5000, host="any")
    for target in ("/a", "/teapot"):
        add(f"sealed {target}", sni, "GET", target, tls=s.client_tls(), server_name="sealed.test")
    for target, body in (("/a", b""), ("/b", b"body"), ("/chunks", b""), ("/none", b"")):
        add(f"pair {target}", s.ports.tls_out, "POST", target, body=body)
    add("inbound", s.ports.tls_in, "GET", "/x", tls=s.client_tls())
    add("inbound forged", s.ports.tls_in, "GET", "/x",
        [("X-Forwarded-Client-Cert", "URI=spiffe://evil")], tls=s.client_tls())
    return found


def joined(pairs):
    """Fields of one name as one list (RFC 9110 5.3): Envoy joins some of them, which means the same."""
    values = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value.strip())
    return [(name, ",".join(all_of_it)) for name, all_of_it in values.items()]


def shown(response):
    """What is compared of an answer."""
    headers = sorted((name, value) for name, value in response.headers
                     if name not in IGNORED and name not in ("content-length", "transfer-encoding"))
    body = response.body
    if response.status in OWN_WORDS:
        headers = [pair for pair in headers if pair[0] != "content-type"]
        body = b""
    try:  # the upstream's JSON of what it saw
        seen = json.loads(body)
        seen["headers"] = sorted(joined(pair for pair in seen["headers"] if pair[0] not in IGNORED))
        body = json.dumps(seen)
    except (ValueError, KeyError, TypeError):
        body = body.decode("latin-1")
    return {"status": response.status, "headers": headers, "body": body,
            "trailers": response.trailers}


def answers(t, kind, setting):
    with FromFile(kind, setting).proxy as proxy:
        check(proxy.alive(), "the proxy ended")
        fifty = the_fifty(setting)
        equal(len(fifty), 50, "requests")
        return [(name, shown(ask())) for name, ask in fifty]


@case(seconds=120)
def fifty_requests_see_no_difference(t):
    programs.envoy()
    programs.weft_proxy()
    setting = Setting(t)
    theirs = answers(t, proxies.Envoy, setting)
    ours = answers(t, proxies.WeftProxy, setting)
    wrong = []
    for (name, envoy), (_, weft) in zip(theirs, ours):
        for part in ("status", "headers", "body", "trailers"):
            if envoy[part] != weft[part]:
                wrong.append(f"{name}: {part}: Envoy {envoy[part]!r}, weft-proxy {weft[part]!r}")
    sys.stderr.write("\n".join(wrong) + "\n")
    check(not wrong, f"{len(wrong)} differences: " + "; ".join(wrong[:5]))


@case(seconds=120)
def canary_split_from_the_same_file(t):
    programs.envoy()
    programs.weft_proxy()
    setting = Setting(t)
    for kind in (proxies.Envoy, proxies.WeftProxy):
        before = len(setting.ups["v2"].requests)
        with FromFile(kind, setting).proxy, Client(setting.ports.http) as client:
            for _ in range(1000):
                equal(client.request(host="canary.test").status, 200, "status")
        share = (len(setting.ups["v2"].requests) - before) / 1000
        within(share, 0.06, 0.14, f"share of v2 (weight 10 of 100) through {kind.name}")


@case
def the_fifty_are_answered(t):
    """Guards the comparison itself: through the proxy under test, with the expected statuses."""
    setting = Setting(t)
    kind = proxies.Envoy if cases.Options.proxy == "envoy" else proxies.WeftProxy
    statuses = [(name, one["status"]) for name, one in answers(t, kind, setting)]
    odd = {name: status for name, status in statuses if status not in (200, 204)}
    equal(sorted(odd.values()), [301, 302, 302, 302, 404, 404, 404, 404, 418, 418, 503, 504],
          f"statuses of {odd}")


cases.main(__file__)
