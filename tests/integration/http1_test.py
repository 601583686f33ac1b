#!/usr/bin/env python3
"""HTTP/1.1 messages through the proxy: bodies, trailers, HEAD, HTTP/1.0, 1xx, hop-by-hop headers.

Sources: RFC 9110 (semantics), RFC 9112 (HTTP/1.1). Each case also holds for a stock Envoy
(`--proxy envoy`) unless it says weft_only.
"""

import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import cases  # noqa: E402
from tests.support.cases import case, check, equal, wait_until  # noqa: E402
from tests.support.http1_client import Client, Closed, format_request  # noqa: E402
from tests.support.one_service import serve  # noqa: E402


@case
def keep_alive_on_both_sides(t):
    s = serve(t)
    with Client(s.port) as client:
        for number in range(20):
            equal(client.request("GET", f"/{number}").status, 200, "status")
    equal(len(s.up.connections), 1, "upstream connections")
    equal([r.target for r in s.up.requests], [f"/{n}" for n in range(20)], "targets")


@case
def upstream_connection_is_shared_by_clients(t):
    s = serve(t)
    for _ in range(5):
        with Client(s.port) as client:
            equal(client.request().status, 200, "status")
    equal(len(s.up.connections), 1, "upstream connections")


@case
def pipelined_requests_are_answered_in_order(t):
    s = serve(t)
    with Client(s.port) as client:
        client.send(b"".join(format_request("POST", f"/{n}", body=b"x" * n) for n in range(1, 9)))
        for number in range(1, 9):
            response = client.read_response()
            equal(response.status, 200, "status")
            check(f'"target": "/{number}"'.encode() in response.body,
                  f"answer {number} is {response.body!r}")
            check(f'"length": {number}'.encode() in response.body, f"body of request {number}")


@case
def pipelined_get_behind_a_slow_post_waits(t):
    release = threading.Event()

    def script(exchange):
        exchange.read_body()
        if exchange.request.target == "/slow":
            release.wait(10)
        exchange.reply(200, body=exchange.request.target.encode())

    s = serve(t, script)
    with Client(s.port) as client:
        client.send(format_request("POST", "/slow", body=b"abc") + format_request("GET", "/fast"))
        wait_until(lambda: s.up.requests, "the first request arrives")
        check(client.silent(0.1), "an answer came before the first request was answered")
        release.set()
        equal(client.read_response().body, b"/slow", "first answer")
        equal(client.read_response().body, b"/fast", "second answer")


@case
def request_that_comes_byte_by_byte(t):
    s = serve(t)
    with Client(s.port) as client:
        for byte in format_request("POST", "/slowly", [("X-A", "b")], b"hello"):
            client.send(bytes([byte]))
        response = client.read_response()
    equal(response.status, 200, "status")
    equal(s.up.requests[0].header("x-a"), "b", "header")
    equal(s.up.requests[0].body, b"hello", "body")


@case
def chunked_request_body(t):
    s = serve(t)
    with Client(s.port) as client:
        client.send(format_request("POST", "/", [("Transfer-Encoding", "chunked")]))
        client.send(b"5\r\nhello\r\n")
        client.send(b"6;name=value;quoted=\"a b\"\r\n world\r\n")
        client.send(b"0\r\n\r\n")
        equal(client.read_response().status, 200, "status")
    equal(s.up.requests[0].body, b"hello world", "body at the upstream")
    equal(s.up.requests[0].header("content-length"), None, "content-length at the upstream")
    equal(s.up.requests[0].header("transfer-encoding"), "chunked", "framing at the upstream")


@case
def chunked_body_streams_before_its_end(t):
    got = []

    def script(exchange):
        got.append(exchange.read_some(100))
        exchange.read_body()
        exchange.reply(200)

    s = serve(t, script)
    with Client(s.port) as client:
        client.send(format_request("POST", "/", [("Transfer-Encoding", "chunked")]))
        client.send(b"5\r\nhello\r\n")
        wait_until(lambda: got and b"hello" in got[0], "the first chunk is forwarded at once")
        client.send(b"0\r\n\r\n")
        equal(client.read_response().status, 200, "status")


@case
def chunked_response_body(t):
    def script(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for part in (b"one", b"two" * 1000, b"x"):
            exchange.send(b"%x;ext=1\r\n%s\r\n" % (len(part), part))
        exchange.send(b"0\r\n\r\n")

    s = serve(t, script)
    with Client(s.port) as client:
        for _ in range(3):
            response = client.request()
            equal(response.body, b"one" + b"two" * 1000 + b"x", "body")
            equal(response.framing, "chunked", "framing")
    equal(len(s.up.connections), 1, "upstream connections")


@case
def response_streams_before_its_end(t):
    release = threading.Event()

    def script(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        release.wait(10)
        exchange.send(b"0\r\n\r\n")

    s = serve(t, script)
    with Client(s.port) as client:
        client.send(format_request())
        equal(client.read_head().status, 200, "status")
        equal(client.take(8), b"3\r\none\r\n", "first chunk")
        release.set()
        equal(client.take(5), b"0\r\n\r\n", "end")


@case
def trailers_of_request_and_response(t):
    def script(exchange):
        exchange.read_body()
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n"
                      "2\r\nok\r\n0\r\nX-Sum: 42\r\nX-More: a\r\n\r\n")

    s = serve(t, script)
    with Client(s.port) as client:
        client.send(format_request("POST", "/", [("Transfer-Encoding", "chunked"),
                                                 ("Trailer", "x-check")]))
        client.send(b"3\r\nabc\r\n0\r\nX-Check: yes\r\n\r\n")
        response = client.read_response()
        equal(response.body, b"ok", "body")
        equal(response.trailers, [("x-sum", "42"), ("x-more", "a")], "response trailers")
        equal(client.request().status, 200, "the connection goes on")
    equal(s.up.requests[0].trailers, [("x-check", "yes")], "request trailers")


@case
def head_keeps_the_length_and_has_no_body(t):
    def script(exchange):
        exchange.reply(200, [("Content-Length", "1234")])

    s = serve(t, script)
    with Client(s.port) as client:
        for _ in range(3):
            response = client.request("HEAD")
            equal(response.status, 200, "status")
            equal(response.header("content-length"), "1234", "content-length")
    equal(len(s.up.connections), 1, "upstream connections")


@case
def head_with_chunked_coding_has_no_body(t):
    def script(exchange):
        if exchange.request.method == "HEAD":
            exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        else:
            exchange.reply(200, body=b"abc")

    s = serve(t, script)
    with Client(s.port) as client:
        equal(client.request("HEAD").status, 200, "status")
        equal(client.request("GET").body, b"abc", "body of the next request")


@case
def answers_without_a_body(t):
    def script(exchange):
        status = int(exchange.request.target.strip("/"))
        exchange.send(f"HTTP/1.1 {status} X\r\nETag: \"a\"\r\n\r\n")

    s = serve(t, script)
    with Client(s.port) as client:
        for status in (204, 304, 204):
            response = client.request("GET", f"/{status}")
            equal(response.status, status, "status")
            equal(response.header("etag"), '"a"', "etag")
            equal(response.header("transfer-encoding"), None, "transfer-encoding")
    equal(len(s.up.connections), 1, "upstream connections")


@case
def http_10_client_gets_no_chunks_and_a_close(t):
    def script(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "3\r\nabc\r\n0\r\n\r\n")

    s = serve(t, script)
    with Client(s.port) as client:
        client.send("GET / HTTP/1.0\r\nHost: service\r\n\r\n")
        response = client.read_response()
        equal(response.status, 200, "status")
        equal(response.header("transfer-encoding"), None, "transfer-encoding (RFC 9112 6.1)")
        equal(response.body, b"abc", "body")
        check(client.at_end(), "the connection stays open")
    equal(s.up.requests[0].version, "HTTP/1.1", "version at the upstream")


@case
def http_10_client_without_host(t):
    s = serve(t)
    with Client(s.port) as client:
        client.send("GET /old HTTP/1.0\r\n\r\n")
        equal(client.read_response().status, 200, "status")
        check(client.at_end(), "the connection stays open")
    equal(s.up.requests[0].target, "/old", "target")


@case
def http_10_client_with_keep_alive(t):
    s = serve(t)
    with Client(s.port) as client:
        for _ in range(2):
            response = client.request(headers=[("Connection", "keep-alive")], version="HTTP/1.0")
            equal(response.status, 200, "status")
            equal((response.header("connection") or "").lower(), "keep-alive", "connection header")


@case
def http_10_upstream_that_ends_by_closing(t):
    def script(exchange):
        exchange.send("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it")
        exchange.close()

    s = serve(t, script)
    with Client(s.port) as client:
        for _ in range(3):
            response = client.request()
            equal(response.status, 200, "status")
            equal(response.body, b"all of it", "body")
            equal(response.framing, "chunked", "framing for the client")
    equal(len(s.up.connections), 3, "upstream connections")


@case
def http_11_upstream_that_ends_by_closing(t):
    def script(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"z" * 100000)
        exchange.close()

    s = serve(t, script)
    with Client(s.port) as client:
        for _ in range(3):
            response = client.request()
            equal(response.body, b"z" * 100000, "body")
            equal(response.header("connection"), None, "connection header for the client")


@case
def upstream_close_does_not_close_the_client(t):
    def script(exchange):
        exchange.reply(200, [("Connection", "close")], b"bye")
        exchange.close()

    s = serve(t, script)
    with Client(s.port) as client:
        for _ in range(3):
            response = client.request()
            equal(response.body, b"bye", "body")
            equal(response.header("connection"), None, "connection header for the client")


@case
def client_close_is_honoured(t):
    s = serve(t)
    with Client(s.port) as client:
        response = client.request(headers=[("Connection", "close")])
        equal((response.header("connection") or "").lower(), "close", "connection header")
        check(client.at_end(), "the connection stays open")
    with Client(s.port) as client:
        equal(client.request().status, 200, "status")
    equal(len(s.up.connections), 1, "upstream connections (the close was the client's own)")


@case
def truncated_response_never_looks_complete(t):
    def script(exchange):
        if exchange.request.target == "/length":
            exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        else:
            exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nonly\r\n")
        exchange.close()

    s = serve(t, script)
    for target in ("/length", "/chunked"):
        with Client(s.port) as client:
            client.send(format_request("GET", target))
            equal(client.read_head().status, 200, "status")
            try:
                rest = client.read_to_end()
            except Closed as why:
                rest = why.seen
            check(not rest.endswith(b"0\r\n\r\n") and len(rest) < 100,
                  f"{target}: a cut body looks complete: {rest!r}")


@case
def expect_continue(t):
    def script(exchange):
        if exchange.request.header("expect"):
            exchange.send("HTTP/1.1 100 Continue\r\n\r\n")
        exchange.echo()

    s = serve(t, script)
    with Client(s.port) as client:
        client.send(format_request("POST", "/", [("Expect", "100-continue"),
                                                 ("Content-Length", "5")]))
        equal(client.take_line(), b"HTTP/1.1 100 Continue", "before the body was sent")
        while client.take_line():
            pass
        client.send(b"hello")
        equal(client.read_response().status, 200, "status")
        equal(client.request().status, 200, "the connection goes on")
    equal(s.up.requests[0].body, b"hello", "body")


@case
def expectation_refused_by_the_upstream(t):
    def script(exchange):
        exchange.reply(401, [("Connection", "close")], b"no", reason="Unauthorized")
        exchange.close()

    s = serve(t, script)
    with Client(s.port) as client:
        client.send(format_request("POST", "/", [("Expect", "100-continue"),
                                                 ("Content-Length", "100000")]))
        response = client.read_response()
        equal(response.status, 401, "status")
        equal(response.body, b"no", "body")


@case
def early_hints_pass(t):
    t.weft_only("Envoy drops 1xx other than 100 and 101")

    def script(exchange):
        exchange.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
        exchange.reply(200, body=b"page")

    s = serve(t, script)
    with Client(s.port) as client:
        for _ in range(2):
            response = client.request()
            equal(response.informational, [(103, [("link", "</a.css>")])], "1xx answers")
            equal(response.body, b"page", "body")
        client.send("GET / HTTP/1.0\r\nHost: service\r\n\r\n")
        equal(client.read_response().informational, [], "1xx for HTTP/1.0 (RFC 9110 15.2)")


@case
def early_response_to_an_upload(t):
    def script(exchange):
        exchange.reply(413, [("Connection", "close")], b"too big", reason="Too Large")
        exchange.half_close()
        while exchange.read_some(65536):  # closing with unread bytes would be a reset
            pass
        exchange.close()

    s = serve(t, script)
    with Client(s.port) as client:
        client.send(format_request("POST", "/", [("Content-Length", str(50 << 20))]))
        try:
            for _ in range(50 * 16):
                client.send(b"x" * 65536)
        except (BrokenPipeError, ConnectionResetError):
            pass
        response = client.read_response()
        equal(response.status, 413, "status")
        equal(response.body, b"too big", "body")


@case
def absolute_form_names_the_host(t):
    s = serve(t)
    with Client(s.port) as client:
        client.send("GET http://service/path?q=1 HTTP/1.1\r\nHost: other\r\n\r\n")
        equal(client.read_response().status, 200, "status")
    equal(s.up.requests[0].target, "/path?q=1", "target (RFC 9112 3.2.1)")
    equal(s.up.requests[0].header("host"), "service", "host (RFC 9112 3.2.2)")


@case
def hop_by_hop_headers_end_here(t):
    s = serve(t)
    with Client(s.port) as client:
        response = client.request(headers=[
            ("Connection", "keep-alive"), ("Keep-Alive", "timeout=5"), ("Proxy-Connection", "x"),
            ("X-End", "stays")])
        equal(response.status, 200, "status")
    seen = s.up.requests[0]
    for name in ("connection", "keep-alive", "proxy-connection"):
        equal(seen.header(name), None, f"{name} at the upstream (RFC 9110 7.6.1)")
    equal(seen.header("x-end"), "stays", "x-end")


@case
def nominated_headers_end_here(t):
    s = serve(t)
    with Client(s.port) as client:
        client.request(headers=[("Connection", "X-Only-Here"), ("X-Only-Here", "1"), ("X-End", "2")])
    equal(s.up.requests[0].header("x-only-here"), None, "nominated header (RFC 9110 7.6.1)")
    equal(s.up.requests[0].header("x-end"), "2", "other header")


@case
def header_values_arrive_as_they_were(t):
    s = serve(t)
    value = "\xe4\xf6\xfc; a=\"b, c\"; \t trailing-tab-inside"
    with Client(s.port) as client:
        response = client.request(headers=[
            ("X-Bytes", value), ("Cookie", "a=1; b=2"), ("X-Twice", "1"), ("X-Twice", "2"),
            ("X-Empty", ""), ("X-Padded", "  both sides  ")])
        equal(response.status, 200, "status")
    seen = s.up.requests[0]
    equal(seen.header("x-bytes"), value, "obs-text and inner white space")
    equal(seen.header("cookie"), "a=1; b=2", "cookie")
    equal(seen.header("x-twice").replace(" ", ""), "1,2", "repeated header, in order")
    equal(seen.header("x-empty"), "", "empty value")
    equal(seen.header("x-padded"), "both sides", "optional white space is cut")


@case
def methods_of_any_name_pass(t):
    s = serve(t)
    with Client(s.port) as client:
        for method in ("GET", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "TRACE"):
            equal(client.request(method, "/m").status, 200, method)
    equal([r.method for r in s.up.requests],
          ["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "TRACE"], "methods")


cases.main(__file__)
