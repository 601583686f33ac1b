#!/usr/bin/env python3
"""Which route takes a request: virtual hosts, paths, headers, methods, queries, weights.

Source: envoy.config.route.v3 (VirtualHost.domains, RouteMatch, WeightedCluster). Most cases answer by
direct_response, whose body names the route.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import bootstrap as b  # noqa: E402
from tests.support import cases, process, proxies, upstream  # noqa: E402
from tests.support.cases import case, check, equal, within  # noqa: E402
from tests.support.http1_client import Client  # noqa: E402


class Table:
    """A proxy with these virtual hosts; `which(...)` is the body of the answer."""

    def __init__(self, t, hosts, clusters=(), **http):
        self.port = process.free_port()
        self.proxy = proxies.start(t, [b.http_listener(self.port, hosts, **http)], clusters)
        self.client = t.start(Client(self.port))

    def which(self, target="/", host="api.test", method="GET", headers=()):
        response = self.client.request(method, target, headers, host=host)
        return response.body.decode() if response.status == 200 else response.status

    def expect(self, wanted, target="/", **request):
        equal(self.which(target, **request), wanted, f"route of {target} {request}")


def says(name, **match):
    return b.direct(match or {"prefix": "/"}, 200, name)


def in_one_host(*routes):
    return [b.virtual_host("api", ["api.test"], *routes)]


@case
def virtual_hosts_by_domain(t):
    table = Table(t, [
        b.virtual_host("exact", ["api.test", "other.test:8080"], says("exact")),
        b.virtual_host("suffix", ["*.api.test"], says("suffix")),
        b.virtual_host("longer suffix", ["*.deep.api.test"], says("longer suffix")),
        b.virtual_host("dash suffix", ["*-bar.test"], says("dash suffix")),
        b.virtual_host("prefix", ["api.*"], says("prefix")),
        b.virtual_host("longer prefix", ["api.test.*"], says("longer prefix")),
        b.virtual_host("any", ["*"], says("any"))])
    table.expect("exact", host="api.test")
    table.expect("exact", host="API.Test")
    table.expect("exact", host="other.test:8080")
    table.expect("any", host="other.test")
    table.expect("suffix", host="a.api.test")
    table.expect("suffix", host="b.a.api.test")
    table.expect("longer suffix", host="x.deep.api.test")
    table.expect("suffix", host="deep.api.test")
    table.expect("any", host=".api.tes")
    table.expect("dash suffix", host="foo-bar.test")
    table.expect("any", host="-bar.test")  # a wildcard matches at least one character
    table.expect("prefix", host="api.example")
    table.expect("longer prefix", host="api.test.example")
    table.expect("any", host="something.else")


@case
def port_in_the_host(t):
    table = Table(t, in_one_host(says("api")))
    table.expect("api", host="api.test")
    table.expect(404, host="api.test:8080")
    port = process.free_port()
    ignoring = b.http_listener(port, [])
    config = ignoring["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]
    config["virtual_hosts"] = in_one_host(says("api"))
    config["ignore_port_in_host_matching"] = True
    proxies.start(t, [ignoring], [])
    with Client(port) as client:
        equal(client.request(host="api.test:8080").body, b"api", "ignore_port_in_host_matching")


@case
def paths(t):
    table = Table(t, in_one_host(
        says("exact", path="/exact"),
        says("any case", path="/Any", case_sensitive=False),
        says("regex", safe_regex={"regex": "/item/[0-9]+"}),
        says("separated", path_separated_prefix="/sep"),
        says("prefix", prefix="/prefix"),
        says("any case prefix", prefix="/ICASE", case_sensitive=False)))
    table.expect("exact", "/exact")
    table.expect("exact", "/exact?q=1")
    table.expect(404, "/exact/")
    table.expect(404, "/EXACT")
    table.expect("any case", "/aNY")
    table.expect("regex", "/item/42")
    table.expect("regex", "/item/42?x=y")
    table.expect(404, "/item/42/more")
    table.expect(404, "/item/x")
    table.expect(404, "/a/item/42")
    table.expect("separated", "/sep")
    table.expect("separated", "/sep/more")
    table.expect("separated", "/sep?q")
    table.expect(404, "/separate")
    table.expect("prefix", "/prefix")
    table.expect("prefix", "/prefixed")
    table.expect("any case prefix", "/icase/x")
    table.expect(404, "/")


@case
def first_match_wins(t):
    table = Table(t, in_one_host(says("one", prefix="/a"), says("two", path="/ab"),
                                 says("rest", prefix="/")))
    table.expect("one", "/ab")
    table.expect("rest", "/b")


def by_header(name, value):
    return says(name, prefix="/", headers=[value])


@case
def headers(t):
    match = {"name": "x-m"}
    table = Table(t, in_one_host(
        by_header("exact", {**match, "string_match": {"exact": "one"}}),
        by_header("prefix", {**match, "string_match": {"prefix": "pre-"}}),
        by_header("suffix", {**match, "string_match": {"suffix": "-suf"}}),
        by_header("contains", {**match, "string_match": {"contains": "mid"}}),
        by_header("regex", {**match, "string_match": {"safe_regex": {"regex": "r[0-9]+"}}}),
        by_header("any case", {**match, "string_match": {"exact": "CaSe", "ignore_case": True}}),
        by_header("range", {**match, "range_match": {"start": "-10", "end": "20"}}),
        by_header("not this", {"name": "x-n", "string_match": {"exact": "this"},
                               "invert_match": True}),
        by_header("present", {**match, "present_match": True}),
        by_header("absent", {"name": "x-o", "present_match": False}),
        says("rest")))

    def with_m(value):
        return [("X-M", value)]

    table.expect("exact", headers=with_m("one"))
    table.expect("prefix", headers=with_m("pre-x"))
    table.expect("suffix", headers=with_m("x-suf"))
    table.expect("contains", headers=with_m("a-mid-b"))
    table.expect("regex", headers=with_m("r42"))
    table.expect("any case", headers=with_m("cAsE"))
    table.expect("range", headers=with_m("-10"))
    table.expect("range", headers=with_m("19"))
    table.expect("present", headers=with_m("20"))      # the end of a range is outside
    table.expect("present", headers=with_m("r42x"))    # a regex matches the whole value
    table.expect("not this", headers=[("X-N", "that")])
    table.expect("absent", headers=[("X-N", "this")])
    table.expect("rest", headers=[("X-N", "this"), ("X-O", "")])


@case
def absent_headers_and_inversion(t):
    """treat_missing_header_as_empty, and what invert_match says about a header that is not there."""
    table = Table(t, in_one_host(
        says("empty", path="/empty", headers=[
            {"name": "x-m", "string_match": {"exact": ""}, "treat_missing_header_as_empty": True}]),
        says("inverted", path="/inverted", headers=[
            {"name": "x-m", "string_match": {"exact": "a"}, "invert_match": True}]),
        says("not there", path="/gone", headers=[
            {"name": "x-m", "present_match": True, "invert_match": True}])))
    table.expect("empty", "/empty")
    table.expect(404, "/empty", headers=[("X-M", "a")])
    table.expect("inverted", "/inverted", headers=[("X-M", "b")])
    table.expect(404, "/inverted", headers=[("X-M", "a")])
    table.expect("not there", "/gone")
    table.expect(404, "/gone", headers=[("X-M", "a")])


@case
def all_matchers_must_hold(t):
    table = Table(t, in_one_host(
        says("both", prefix="/p", headers=[
            {"name": "x-a", "string_match": {"exact": "1"}},
            {"name": "x-b", "string_match": {"exact": "2"}}]),
        says("rest")))
    table.expect("both", "/p", headers=[("X-A", "1"), ("X-B", "2")])
    table.expect("rest", "/p", headers=[("X-A", "1")])
    table.expect("rest", "/q", headers=[("X-A", "1"), ("X-B", "2")])


@case
def methods(t):
    def method(name):
        return [{"name": ":method", "string_match": {"exact": name}}]

    table = Table(t, in_one_host(says("get", prefix="/", headers=method("GET")),
                                 says("post", prefix="/", headers=method("POST"))))
    table.expect("get", method="GET")
    table.expect("post", method="POST")
    table.expect(404, method="PUT")


@case
def queries(t):
    def query(name, **match):
        return [{"name": name, **match}]

    table = Table(t, in_one_host(
        says("exact", prefix="/", query_parameters=query("v", string_match={"exact": "2"})),
        says("regex", prefix="/", query_parameters=query(
            "v", string_match={"safe_regex": {"regex": "[a-f]+"}})),
        says("present", prefix="/", query_parameters=query("debug", present_match=True)),
        says("both", prefix="/", query_parameters=[
            {"name": "a", "string_match": {"exact": "1"}},
            {"name": "b", "string_match": {"exact": "2"}}]),
        says("rest")))
    table.expect("exact", "/?v=2")
    table.expect("exact", "/x?a=1&v=2&b=3")
    table.expect("rest", "/?v=22")
    table.expect("rest", "/?vv=2")
    table.expect("regex", "/?v=beef")
    table.expect("present", "/?debug")
    table.expect("present", "/?debug=")
    table.expect("present", "/?v=9&debug=1")
    table.expect("both", "/?b=2&a=1")
    table.expect("rest", "/?a=1")
    table.expect("rest", "/v=2")


@case
def nothing_matches_inside_a_known_host(t):
    table = Table(t, in_one_host(says("a", prefix="/a")))
    response = table.client.request("GET", "/b", host="api.test")
    equal(response.status, 404, "status")
    if cases.Options.proxy == "weft":
        equal(response.header("x-weft-reason"), "no_route", "reason")
    equal(table.client.request("GET", "/a", host="nobody.test").status, 404, "unknown host")
    equal(table.client.request("GET", "/a", host="api.test").status, 200, "the connection goes on")


def two_versions(t, weights, **route_fields):
    ups = [t.start(upstream.Upstream(name=name)) for name in ("v1", "v2")]
    port = process.free_port()
    hosts = [b.virtual_host("all", ["*"], b.route(
        {"prefix": "/"}, weighted=[("v1", weights[0]), ("v2", weights[1])], **route_fields))]
    proxies.start(t, [b.http_listener(port, hosts)],
                  [b.cluster(up.name, up.port) for up in ups])
    return port, ups


@case
def weighted_clusters(t):
    requests = 4000 if cases.Options.long else 2000
    for weights in ((80, 20), (1, 1), (100, 0), (0, 5), (999, 1)):
        port, ups = two_versions(t, weights)
        with Client(port) as client:
            for _ in range(requests):
                equal(client.request().status, 200, "status")
        share = len(ups[0].requests) / requests
        wanted = weights[0] / sum(weights)
        if wanted in (0.0, 1.0):
            equal(share, wanted, f"share of v1 with weights {weights}")
        else:
            within(share, wanted - 0.05, wanted + 0.05, f"share of v1 with weights {weights}")
        equal(sum(len(up.requests) for up in ups), requests, "requests in all")


@case
def round_robin_is_even(t):
    ups = [t.start(upstream.Upstream(name=f"u{n}")) for n in range(3)]
    port = process.free_port()
    proxies.start(t, [b.http_listener(port, b.to_one())],
                  [b.cluster("service", *[up.port for up in ups])])
    with Client(port) as client:
        for _ in range(90):
            equal(client.request().status, 200, "status")
    equal([len(up.requests) for up in ups], [30, 30, 30], "requests per endpoint")


@case
def endpoint_weights(t):
    ups = [t.start(upstream.Upstream(name=f"u{n}")) for n in range(2)]
    port = process.free_port()
    proxies.start(t, [b.http_listener(port, b.to_one())],
                  [b.cluster("service", b.endpoint(ups[0].port, weight=3),
                             b.endpoint(ups[1].port, weight=1))])
    with Client(port) as client:
        for _ in range(400):
            client.request()
    within(len(ups[0].requests), 290, 310, "requests to the endpoint with weight 3 of 4")


@case
def least_request_avoids_the_busy_one(t):
    import threading
    release = threading.Event()
    t.stack.callback(release.set)

    def slow(exchange):
        if exchange.request.target == "/hold":
            release.wait(20)
        exchange.echo()

    ups = [t.start(upstream.Upstream(slow, name=f"u{n}")) for n in range(2)]
    port = process.free_port()
    proxies.start(t, [b.http_listener(port, b.to_one())],
                  [b.cluster("service", *[up.port for up in ups], policy="LEAST_REQUEST")])
    held = [t.start(Client(port, timeout=30)) for _ in range(16)]
    for client in held:
        client.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
    cases.wait_until(lambda: sum(len(up.requests) for up in ups) == 16, "all are held")
    counts = sorted(len(up.requests) for up in ups)
    check(counts[0] >= 5, f"16 requests at once were split {counts}")
    release.set()


@case
def strict_dns(t):
    up = t.start(upstream.Upstream())
    port = process.free_port()
    proxies.start(t, [b.http_listener(port, b.to_one())],
                  [b.cluster("service", b.endpoint(up.port, "localhost"), kind="STRICT_DNS",
                             dns_lookup_family="V4_ONLY")])
    with Client(port) as client:
        cases.wait_until(lambda: client.request().status == 200, "localhost is resolved")
    check(up.requests, "the request reached the upstream")


cases.main(__file__)
