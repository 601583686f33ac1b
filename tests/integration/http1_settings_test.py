#!/usr/bin/env python3
"""Settings of the HTTP connection manager: HTTP/1.0, request_timeout, stream_idle_timeout, request ids, upgrades, the form
of the path.

Sources: HttpConnectionManager and Http1ProtocolOptions (Envoy v3), RFC 9110, RFC 3986. Each case also holds for a stock
Envoy (`--proxy envoy`) unless it says weft_only.
"""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import cases  # noqa: E402
from tests.support.cases import case, check, equal, within  # noqa: E402
from tests.support.http1_client import Client, fetch  # noqa: E402
from tests.support.one_service import serve  # noqa: E402


@case
def http_10_needs_leave(t):
    s = serve(t, http={"http_10": False})
    with Client(s.port) as client:
        client.send("GET / HTTP/1.0\r\nHost: service\r\n\r\n")
        equal(client.read_response().status, 426, "status")
        check(client.at_end(), "the connection stays open")
    equal(len(s.up.requests), 0, "requests at the upstream")
    equal(fetch(s.port).status, 200, "HTTP/1.1")


@case
def http_10_without_host_gets_the_default(t):
    s = serve(t)
    with Client(s.port) as client:
        client.send("GET / HTTP/1.0\r\n\r\n")
        equal(client.read_response().status, 200, "status")
    equal(s.up.requests[0].header("host"), "service", "Host at the upstream")


@case
def http_10_without_host_and_without_a_default_is_refused(t):
    s = serve(t, http={"http_protocol_options": {"accept_http_10": True}})
    with Client(s.port) as client:
        client.send("GET / HTTP/1.0\r\n\r\n")
        equal(client.read_response().status, 400, "status")
    with Client(s.port) as client:
        client.send("GET / HTTP/1.0\r\nHost: there\r\n\r\n")
        equal(client.read_response().status, 200, "status with a Host")


@case
def a_request_that_does_not_end_in_time(t):
    def script(exchange):
        exchange.read_body()
        exchange.reply(200)

    s = serve(t, script, http={"request_timeout": "0.5s"})
    with Client(s.port) as client:
        begin = time.monotonic()
        client.send("POST / HTTP/1.1\r\nHost: service\r\nContent-Length: 10\r\n\r\nabc")
        equal(client.read_response().status, 408, "status")
        within(time.monotonic() - begin, 0.4, 3.0, "seconds")
        check(client.at_end(), "the connection stays open")
    with Client(s.port) as client:
        client.send("GET / HTTP/1.1\r\nHost: serv")
        equal(client.read_response().status, 408, "status of half a head")
    equal(fetch(s.port, "POST", body=b"0123456789").status, 200, "a request in time")


@case
def request_timeout_does_not_cut_a_slow_answer(t):
    def script(exchange):
        exchange.read_body()
        time.sleep(0.8)  # longer than the timeout: what is measured
        exchange.reply(200, body=b"late")

    s = serve(t, script, http={"request_timeout": "0.3s"})
    equal(fetch(s.port, "POST", body=b"x").body, b"late", "answer to a complete request")


@case
def request_timeout_does_not_cut_an_early_answer(t):
    def script(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")
        time.sleep(0.8)  # longer than the timeout: what is measured
        exchange.send("56789")

    s = serve(t, script, http={"request_timeout": "0.3s"})
    with Client(s.port) as client:
        client.send("POST / HTTP/1.1\r\nHost: service\r\nContent-Length: 10\r\n\r\nabc")
        equal(client.read_response().body, b"0123456789", "answer that began in time")


@case
def request_ids_of_strangers_are_replaced_at_the_edge(t):
    stranger = [("X-Request-Id", "00000000-0000-4000-8000-000000000000")]
    seen = {}
    for name, fields in {"edge": {"use_remote_address": True},
                         "preserving": {"use_remote_address": True, "preserve_external_request_id": True},
                         "sidecar": {"use_remote_address": False}}.items():
        s = serve(t, http=fields)
        equal(fetch(s.port, headers=stranger).status, 200, "status")
        seen[name] = s.up.requests[0].all("x-request-id")
    equal(len(seen["edge"]), 1, "ids of one request")
    check(len(seen["edge"][0]) == 36 and seen["edge"][0] != stranger[0][1], f"id is {seen['edge'][0]}")
    equal(seen["preserving"], [stranger[0][1]], "preserved id")
    equal(seen["sidecar"], [stranger[0][1]], "id where nobody is a stranger")


def _switch(exchange):
    exchange.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello")


def _upgraded(t, *, http=None, action=None):
    s = serve(t, _switch, http=http, action=action)
    with Client(s.port) as client:
        client.send("GET /chat HTTP/1.1\r\nHost: service\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        head = client.read_head()
        if head.status == 101:
            equal(client.take(5), b"hello", "first bytes of the tunnel")
        return head.status, len(s.up.requests)


@case
def upgrades_need_leave(t):
    websocket = [{"upgrade_type": "websocket"}]
    refused = [{"upgrade_type": "websocket", "enabled": False}]
    equal(_upgraded(t), (403, 0), "without a word")
    equal(_upgraded(t, http={"upgrade_configs": websocket}), (101, 1), "by the connection manager")
    equal(_upgraded(t, http={"upgrade_configs": [{"upgrade_type": "other"}]}), (403, 0), "another type")
    equal(_upgraded(t, http={"upgrade_configs": refused}, action={"upgrade_configs": websocket}), (101, 1),
          "by the route")
    equal(_upgraded(t, http={"upgrade_configs": websocket}, action={"upgrade_configs": refused}), (403, 0),
          "refused by the route")


@case
def an_offer_of_h2c_is_no_upgrade(t):
    """Java's HttpClient makes it with every first request."""
    s = serve(t)
    response = fetch(s.port, headers=[("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"),
                                      ("HTTP2-Settings", "AAEAAEAAAAIAAAABAAMAAABk")])
    equal(response.status, 200, "status")
    equal(s.up.requests[0].header("upgrade"), None, "Upgrade at the upstream")
    equal(s.up.requests[0].header("http2-settings"), None, "HTTP2-Settings at the upstream")


@case
def a_stream_that_stalls(t):
    def script(exchange):
        exchange.read_body()
        if exchange.request.target == "/answered":
            exchange.reply(200)
        else:
            exchange.read_some(1)  # until the proxy gives up

    s = serve(t, script, http={"stream_idle_timeout": "0.6s"})
    for sent, what in (("POST / HTTP/1.1\r\nHost: service\r\nContent-Length: 10\r\n\r\nabc", "half a content"),
                       ("GET / HTTP/1.1\r\nHost: serv", "half a head")):
        with Client(s.port) as client:
            begin = time.monotonic()
            client.send(sent)
            equal(client.read_response().status, 408, f"status of {what}")
            within(time.monotonic() - begin, 0.5, 3.0, "seconds")
            check(client.at_end(), "the connection stays open")
    equal(fetch(s.port).status, 504, "status without an answer to a whole request")
    with Client(s.port) as client:  # slower than the limit, but never silent for so long
        client.send("POST /answered HTTP/1.1\r\nHost: service\r\nContent-Length: 4\r\n\r\n")
        for byte in "slow":
            time.sleep(0.3)  # the pace that is tested
            client.send(byte)
        equal(client.read_response().status, 200, "status of a slow request")


@case
def the_idle_time_of_a_route_replaces_that_of_the_listener(t):
    s = serve(t, lambda exchange: exchange.read_some(1), http={"stream_idle_timeout": "0s"},
              action={"idle_timeout": "0.5s"})
    begin = time.monotonic()
    equal(fetch(s.port).status, 504, "status")
    within(time.monotonic() - begin, 0.4, 3.0, "seconds")


@case
def a_tunnel_is_idle_when_neither_side_sends(t):
    def script(exchange):
        _switch(exchange)
        seen = b""
        while len(seen) < 8:
            seen += exchange.read_some(8)
        exchange.send(seen)
        exchange.read_some(1)

    s = serve(t, script, http={"stream_idle_timeout": "0.8s", "upgrade_configs": [{"upgrade_type": "websocket"}]})
    with Client(s.port) as client:
        client.send("GET /chat HTTP/1.1\r\nHost: service\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        equal(client.read_head().status, 101, "status")
        equal(client.take(5), b"hello", "first bytes of the tunnel")
        for byte in "onlyhere":  # 3.2 s, in which the other side is silent
            time.sleep(0.4)  # the pace that is tested
            client.send(byte)
        equal(client.take(8), b"onlyhere", "what came back")
        begin = time.monotonic()
        check(client.at_end(), "an idle tunnel stays open")
        within(time.monotonic() - begin, 0.6, 3.0, "seconds of silence")


def _targets(t, sent, **fields):
    s = serve(t, http=fields)
    with Client(s.port) as client:
        for target in sent:
            equal(client.request("GET", target).status, 200, target)
    return [request.target for request in s.up.requests]


@case
def paths_are_left_alone_by_default(t):
    sent = ["/a/../b", "//c", "/%2e%2e/d", "/e%2Ff"]
    equal(_targets(t, sent), sent, "targets")


@case
def paths_are_normalized(t):
    equal(_targets(t, ["/a/../b", "/./c/d/..", "//e", "/a/%2e%2E/f?x=/../y", "/plain"], normalize_path=True),
          ["/b", "/c/", "//e", "/f?x=/../y", "/plain"], "normalize_path")
    equal(_targets(t, ["//e///f/?x=//", "/a/../b"], merge_slashes=True), ["/e/f/?x=//", "/a/../b"], "merge_slashes")
    equal(_targets(t, ["/a%2F..%2fb", "/c%5cd"], normalize_path=True,
                   path_with_escaped_slashes_action="UNESCAPE_AND_FORWARD"), ["/b", "/c/d"], "unescaped")


@case
def escaped_slashes_are_refused_or_redirected(t):
    s = serve(t, http={"path_with_escaped_slashes_action": "REJECT_REQUEST"})
    equal(fetch(s.port, target="/a%2Fb").status, 400, "status")
    equal(fetch(s.port, target="/a/b?c=%2F").status, 200, "status of an escape in the query")
    s = serve(t, http={"path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT"})
    response = fetch(s.port, target="/a%2Fb?c")
    equal((response.status, response.header("location")), (307, "/a/b?c"), "redirect")
    equal(len(s.up.requests), 0, "requests at the upstream")


cases.main(__file__)
