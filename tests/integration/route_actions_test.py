#!/usr/bin/env python3
"""What a route does: redirect, direct response, rewrites, header operations, timeouts, failures.

Source: envoy.config.route.v3 (RedirectAction, DirectResponseAction, RouteAction), core.v3
HeaderValueOption; statuses of local replies as Envoy's (503, 504) with our reason header beside.
"""

import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import bootstrap as b  # noqa: E402
from tests.support import cases, process, proxies, upstream  # noqa: E402
from tests.support.cases import case, check, equal, within  # noqa: E402
from tests.support.http1_client import Client  # noqa: E402
from tests.support.one_service import serve  # noqa: E402


def one_host(t, *routes, clusters=(), **host_fields):
    """A proxy with these routes for every host; gives a connected client."""
    port = process.free_port()
    proxies.start(t, [b.http_listener(port, [b.virtual_host("all", ["*"], *routes, **host_fields)])],
                  clusters)
    return t.start(Client(port))


def reason(response, wanted):
    if cases.Options.proxy == "weft":
        equal(response.header("x-weft-reason"), wanted, "reason header")


@case
def redirects(t):
    client = one_host(
        t,
        b.redirect({"path": "/host"}, host_redirect="new.test"),
        b.redirect({"path": "/path"}, path_redirect="/else"),
        b.redirect({"path": "/query"}, path_redirect="/else", strip_query=True),
        b.redirect({"prefix": "/old/"}, prefix_rewrite="/new/"),
        b.redirect({"path": "/tls"}, https_redirect=True),
        b.redirect({"path": "/port"}, port_redirect=8443, scheme_redirect="https"),
        b.redirect({"path": "/found"}, path_redirect="/x", response_code="FOUND"),
        b.redirect({"path": "/other"}, path_redirect="/x", response_code="SEE_OTHER"),
        b.redirect({"path": "/temporary"}, path_redirect="/x", response_code="TEMPORARY_REDIRECT"),
        b.redirect({"path": "/permanent"}, path_redirect="/x", response_code="PERMANENT_REDIRECT"),
        b.redirect({"prefix": "/re/"}, regex_rewrite={
            "pattern": {"regex": "^/re/([a-z]+)/(.*)$"}, "substitution": "/\\2/\\1"}))
    expected = {
        "/host": (301, "http://new.test/host"),
        "/host?a=b": None,
        "/path?a=b": (301, "http://api.test/else?a=b"),
        "/query?a=b": (301, "http://api.test/else"),
        "/old/thing?q=1": (301, "http://api.test/new/thing?q=1"),
        "/tls": (301, "https://api.test/tls"),
        "/port": (301, "https://api.test:8443/port"),
        "/found": (302, "http://api.test/x"),
        "/other": (303, "http://api.test/x"),
        "/temporary": (307, "http://api.test/x"),
        "/permanent": (308, "http://api.test/x"),
        "/re/abc/d/e": (301, "http://api.test/d/e/abc"),
    }
    expected["/host?a=b"] = (301, "http://new.test/host?a=b")
    for target, wanted in expected.items():
        response = client.request("GET", target, host="api.test")
        equal((response.status, response.header("location")), wanted, target)


@case
def direct_response(t):
    client = one_host(t, b.direct({"path": "/teapot"}, 418, "short and stout\n"),
                      b.direct({"path": "/empty"}, 204), b.direct({"prefix": "/"}, 200, "rest"))
    response = client.request("GET", "/teapot")
    equal((response.status, response.body), (418, b"short and stout\n"), "answer")
    equal(client.request("GET", "/empty").status, 204, "status")
    response = client.request("HEAD", "/teapot")
    equal((response.status, response.body), (418, b""), "answer to HEAD")
    response = client.request("POST", "/x", body=b"z" * 1000)
    equal((response.status, response.body), (200, b"rest"), "answer to a POST with a body")
    if cases.Options.proxy == "weft":  # Envoy closes when it answers before it read a body
        equal(client.request("GET", "/y").body, b"rest", "the connection goes on")


@case
def path_rewrites(t):
    up = t.start(upstream.Upstream())
    client = one_host(
        t,
        b.route({"prefix": "/api/"}, "service", action={"prefix_rewrite": "/v1/"}),
        b.route({"path": "/exact"}, "service", action={"prefix_rewrite": "/other"}),
        b.route({"prefix": "/re/"}, "service", action={"regex_rewrite": {
            "pattern": {"regex": "^/re/([^/]+)/([^/]+)$"}, "substitution": "/swap/\\2/\\1"}}),
        b.route({"prefix": "/"}, "service"),
        clusters=[b.cluster("service", up.port)])
    for target, wanted in (("/api/users?id=1", "/v1/users?id=1"), ("/exact?x", "/other?x"),
                           ("/re/a/b?q=/re/c/d", "/swap/b/a?q=/re/c/d"), ("/plain%20x", "/plain%20x")):
        equal(client.request("GET", target).status, 200, target)
        equal(up.requests[-1].target, wanted, f"target of {target} at the upstream")


@case
def host_rewrites(t):
    up = t.start(upstream.Upstream())
    named = b.endpoint(up.port)
    named["endpoint"]["hostname"] = "endpoint.test"
    client = one_host(
        t,
        b.route({"path": "/literal"}, "service", action={"host_rewrite_literal": "inner.test"}),
        b.route({"path": "/auto"}, "named", action={"auto_host_rewrite": True}),
        b.route({"prefix": "/"}, "service"),
        clusters=[b.cluster("service", up.port),
                  b.cluster("named", b.endpoint(up.port, "localhost"), kind="STRICT_DNS",
                            dns_lookup_family="V4_ONLY")])
    for target, wanted in (("/literal", "inner.test"), ("/auto", "localhost"), ("/", "outer.test")):
        cases.wait_until(lambda: client.request("GET", target, host="outer.test").status == 200,
                         f"{target} is answered")  # the name may not be resolved yet
        equal(up.requests[-1].header("host"), wanted, f"host of {target} at the upstream")


def option(key, value, action="APPEND_IF_EXISTS_OR_ADD"):
    return {"header": {"key": key, "value": value}, "append_action": action}


@case
def request_headers(t):
    up = t.start(upstream.Upstream())
    client = one_host(
        t,
        b.route({"prefix": "/"}, "service",
                request_headers_to_add=[
                    option("x-append", "new"),
                    option("x-absent", "new", "ADD_IF_ABSENT"),
                    option("x-absent-2", "new", "ADD_IF_ABSENT"),
                    option("x-over", "new", "OVERWRITE_IF_EXISTS_OR_ADD"),
                    option("x-over-2", "new", "OVERWRITE_IF_EXISTS"),
                    option("x-over-3", "new", "OVERWRITE_IF_EXISTS")],
                request_headers_to_remove=["x-gone", "X-Gone-Too"]),
        clusters=[b.cluster("service", up.port)],
        request_headers_to_add=[option("x-host-level", "yes")])
    response = client.request("GET", "/", [
        ("X-Append", "old"), ("X-Absent", "old"), ("X-Over", "old"), ("X-Over-2", "old"),
        ("X-Gone", "1"), ("X-Gone-Too", "1"), ("X-Stays", "1")])
    equal(response.status, 200, "status")
    seen = up.requests[0]
    equal(seen.all("x-append"), ["old", "new"], "x-append")
    equal(seen.all("x-absent"), ["old"], "x-absent")
    equal(seen.all("x-absent-2"), ["new"], "x-absent-2")
    equal(seen.all("x-over"), ["new"], "x-over")
    equal(seen.all("x-over-2"), ["new"], "x-over-2")
    equal(seen.all("x-over-3"), [], "x-over-3")
    equal(seen.all("x-host-level"), ["yes"], "x-host-level")
    equal(seen.all("x-gone") + seen.all("x-gone-too"), [], "removed headers")
    equal(seen.all("x-stays"), ["1"], "x-stays")


@case
def response_headers(t):
    def script(exchange):
        exchange.reply(200, [("X-Old", "1"), ("X-Gone", "1"), ("X-Over", "old")], b"ok")

    up = t.start(upstream.Upstream(script))
    client = one_host(
        t,
        b.route({"prefix": "/"}, "service",
                response_headers_to_add=[option("x-route", "r"), option("x-old", "2"),
                                         option("x-over", "new", "OVERWRITE_IF_EXISTS_OR_ADD")],
                response_headers_to_remove=["x-gone"]),
        clusters=[b.cluster("service", up.port)],
        response_headers_to_add=[option("x-host-level", "h")])
    response = client.request()
    equal(response.all("x-route"), ["r"], "x-route")
    equal(response.all("x-old"), ["1", "2"], "x-old")
    equal(response.all("x-over"), ["new"], "x-over")
    equal(response.all("x-gone"), [], "x-gone")
    equal(response.all("x-host-level"), ["h"], "x-host-level")


@case
def order_of_header_levels(t):
    """Without most_specific_header_mutations_wins: route first, then virtual host, then table."""
    up = t.start(upstream.Upstream())
    over = "OVERWRITE_IF_EXISTS_OR_ADD"
    client = one_host(
        t, b.route({"prefix": "/"}, "service", request_headers_to_add=[option("x-l", "route", over)]),
        clusters=[b.cluster("service", up.port)],
        request_headers_to_add=[option("x-l", "host", over)])
    equal(client.request().status, 200, "status")
    equal(up.requests[0].all("x-l"), ["host"], "x-l")


@case
def weighted_cluster_headers(t):
    up = t.start(upstream.Upstream())
    route = b.route({"prefix": "/"}, weighted=[("service", 1)])
    one = route["route"]["weighted_clusters"]["clusters"][0]
    one["request_headers_to_add"] = [option("x-version", "v2")]
    one["response_headers_to_add"] = [option("x-served-by", "v2")]
    client = one_host(t, route, clusters=[b.cluster("service", up.port)])
    equal(client.request().header("x-served-by"), "v2", "response header")
    equal(up.requests[0].header("x-version"), "v2", "request header")


@case
def timeout_of_a_route(t):
    release = threading.Event()
    t.stack.callback(release.set)
    s = serve(t, lambda exchange: release.wait(20), action={"timeout": "0.3s"})
    with Client(s.port) as client:
        begin = time.monotonic()
        response = client.request()
        taken = time.monotonic() - begin
        equal(response.status, 504, "status")
        reason(response, "upstream_timeout")
        within(taken, 0.28, 1.5, "seconds")


@case
def timeout_after_the_head_cuts_the_body(t):
    release = threading.Event()
    t.stack.callback(release.set)

    def script(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nstart")
        release.wait(20)

    s = serve(t, script, action={"timeout": "0.3s"})
    with Client(s.port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        equal(client.read_head().status, 200, "status")
        equal(client.take(5), b"start", "what came")
        check(client.at_end(5), "the connection stays open behind a cut body")


@case
def zero_timeout_is_none(t):
    def script(exchange):
        time.sleep(0.5)  # slower than the other test's limit
        exchange.reply(200, body=b"slow")

    s = serve(t, script, action={"timeout": "0s"})
    with Client(s.port) as client:
        equal(client.request().body, b"slow", "body")


@case
def refused_connection(t):
    client = one_host(t, b.route(None, "service"),
                      clusters=[b.cluster("service", process.free_port())])
    for _ in range(3):
        response = client.request("POST", "/", body=b"abc")
        equal(response.status, 503, "status")
        reason(response, "connect_refused")


@case
def connection_that_is_never_answered(t):
    """A listening socket whose queue is full drops SYNs."""
    full = t.start(socket.socket())
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    waiting = []
    for _ in range(8):
        one = t.start(socket.socket())
        one.setblocking(False)
        one.connect_ex(full.getsockname())
        waiting.append(one)
    client = one_host(t, b.route(None, "service"),
                      clusters=[b.cluster("service", full.getsockname()[1], connect_timeout="0.3s")])
    begin = time.monotonic()
    response = client.request()
    taken = time.monotonic() - begin
    equal(response.status, 503, "status")
    reason(response, "connect_timeout")
    within(taken, 0.28, 2.0, "seconds")


@case
def no_endpoint(t):
    client = one_host(t, b.route(None, "service"), clusters=[b.cluster("service")])
    response = client.request()
    equal(response.status, 503, "status")
    reason(response, "no_healthy_endpoint")


@case
def refused_endpoint_beside_a_good_one(t):
    """Whatever the proxy does with the refused one, the good one is used and nothing hangs."""
    up = t.start(upstream.Upstream())
    client = one_host(t, b.route(None, "service"),
                      clusters=[b.cluster("service", up.port, process.free_port())])
    statuses = [client.request().status for _ in range(20)]
    check(set(statuses) <= {200, 503} and statuses.count(200) >= 10, f"statuses {statuses}")


@case
def forwarding_headers(t):
    s = serve(t)
    with Client(s.port) as client:
        client.request("GET", "/")
    seen = s.up.requests[0]
    equal(seen.header("x-forwarded-proto"), "http", "x-forwarded-proto")
    check(len(seen.header("x-request-id") or "") >= 16, "x-request-id is made")


@case
def local_reply_does_not_break_pipelining(t):
    client = one_host(t, b.direct({"prefix": "/direct"}, 200, "d"), b.route(None, "service"),
                      clusters=[b.cluster("service", process.free_port())])
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /direct HTTP/1.1\r\nHost: a\r\n\r\n"
                "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
                "GET /direct HTTP/1.1\r\nHost: a\r\n\r\n")
    equal([client.read_response().status for _ in range(4)], [503, 200, 503, 200], "statuses")


cases.main(__file__)
