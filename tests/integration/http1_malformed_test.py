#!/usr/bin/env python3
"""Malformed HTTP/1.1 gets 400 and a close, is counted by reason, and never reaches an upstream.

RFC 9112: 2.2 (lines), 3 (request line), 3.2 (Host), 5 (fields), 6 (framing; 6.1 and 6.3 against
request smuggling), 7.1 (chunks).
"""

import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import cases  # noqa: E402
from tests.support.cases import Options, case, check, equal, wait_until  # noqa: E402
from tests.support.http1_client import Client, Closed, fetch, format_request  # noqa: E402
from tests.support.one_service import serve  # noqa: E402

HOST = "Host: service\r\n"

# name → (bytes, statuses that are right)
BAD = {
    "no version": ("GET /\r\nHost: service\r\n\r\n", {400}),
    "no such version": ("GET / HTTP/7.3\r\n" + HOST + "\r\n", {400, 505}),
    "version in lower case": ("GET / http/1.1\r\n" + HOST + "\r\n", {400}),
    "not a token in the method": ("G\x01T / HTTP/1.1\r\n" + HOST + "\r\n", {400}),
    "space in the target": ("GET /a b HTTP/1.1\r\n" + HOST + "\r\n", {400}),
    "control character in the target": ("GET /a\x00b HTTP/1.1\r\n" + HOST + "\r\n", {400}),
    "no host": ("GET / HTTP/1.1\r\nX-A: b\r\n\r\n", {400}),
    "space before the colon": ("GET / HTTP/1.1\r\n" + HOST + "X-A : b\r\n\r\n", {400}),
    "space in a name": ("GET / HTTP/1.1\r\n" + HOST + "X A: b\r\n\r\n", {400}),
    "empty name": ("GET / HTTP/1.1\r\n" + HOST + ": b\r\n\r\n", {400}),
    "line without a colon": ("GET / HTTP/1.1\r\n" + HOST + "nothing\r\n\r\n", {400}),
    "folded line": ("GET / HTTP/1.1\r\n" + HOST + "X-A: b\r\n c\r\n\r\n", {400}),
    "NUL in a value": ("GET / HTTP/1.1\r\n" + HOST + "X-A: b\x00c\r\n\r\n", {400}),
    "CR in a value": ("GET / HTTP/1.1\r\n" + HOST + "X-A: b\rc\r\n\r\n", {400}),
    "length and chunked": ("POST / HTTP/1.1\r\n" + HOST + "Content-Length: 4\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
    "chunked and length": ("POST / HTTP/1.1\r\n" + HOST + "Transfer-Encoding: chunked\r\n"
                           "Content-Length: 4\r\n\r\n0\r\n\r\n", {400}),
    "two lengths that differ": ("POST / HTTP/1.1\r\n" + HOST + "Content-Length: 4\r\n"
                                "Content-Length: 5\r\n\r\nabcde", {400}),
    "list of lengths that differ": ("POST / HTTP/1.1\r\n" + HOST + "Content-Length: 4, 5\r\n\r\nabcde",
                                    {400}),
    "length with a sign": ("POST / HTTP/1.1\r\n" + HOST + "Content-Length: +4\r\n\r\nabcd", {400}),
    "negative length": ("POST / HTTP/1.1\r\n" + HOST + "Content-Length: -4\r\n\r\nabcd", {400}),
    "hexadecimal length": ("POST / HTTP/1.1\r\n" + HOST + "Content-Length: 0x4\r\n\r\nabcd", {400}),
    "length that overflows": ("POST / HTTP/1.1\r\n" + HOST + "Content-Length: 18446744073709551620"
                              "\r\n\r\nabcd", {400}),
    "chunked is not the last coding": ("POST / HTTP/1.1\r\n" + HOST + "Transfer-Encoding: "
                                       "chunked, gzip\r\n\r\n0\r\n\r\n", {400, 501}),
    "unknown coding": ("POST / HTTP/1.1\r\n" + HOST + "Transfer-Encoding: xchunked\r\n\r\n"
                       "0\r\n\r\n", {400, 501}),
    "chunk size that is no number": ("POST / HTTP/1.1\r\n" + HOST + "Transfer-Encoding: chunked"
                                     "\r\n\r\nzz\r\n", {400}),
    "negative chunk size": ("POST / HTTP/1.1\r\n" + HOST + "Transfer-Encoding: chunked"
                            "\r\n\r\n-1\r\n", {400}),
    "chunk size that overflows": ("POST / HTTP/1.1\r\n" + HOST + "Transfer-Encoding: chunked"
                                  "\r\n\r\nfffffffffffffffff\r\n", {400}),
    "chunk longer than its size": ("POST / HTTP/1.1\r\n" + HOST + "Transfer-Encoding: chunked"
                                   "\r\n\r\n2\r\nabcd\r\n0\r\n\r\n", {400}),
}

# What a stock Envoy takes and we do not; each is stricter than it for a reason in the RFC.
ENVOY_TAKES = {
    "no version",                 # 3: the version is part of the request line
    "no such version",            # 2.3
    "folded line",                # 5.2: obs-fold, may be refused or replaced
    "CR in a value",              # 2.2: a bare CR is invalid or becomes a space
    "chunk longer than its size",  # 7.1: chunk-data is followed by CRLF
}

# Lines that break only inside a body: the request's head went upstream before.
IN_THE_BODY = {name for name in BAD if "chunk" in name and "coding" not in name and "length" not in name}


def malformed_count(proxy):
    """{reason: count} of the counter of refused messages."""
    found = {}
    for (name, labels), value in proxy.metrics().items():
        labels = dict(labels)
        if "malformed" in name and "reason" in labels:
            found[labels["reason"]] = found.get(labels["reason"], 0) + value
    return found


@case
def each_gets_400_and_a_close(t):
    s = serve(t)
    wrong = []
    for name, (data, statuses) in BAD.items():
        if Options.proxy == "envoy" and name in ENVOY_TAKES:
            continue
        with Client(s.port, timeout=5) as client:
            client.send(data)
            try:
                response = client.read_response()
                if response.status not in statuses:
                    wrong.append(f"{name}: {response.status}")
                elif not client.at_end():
                    wrong.append(f"{name}: {response.status}, but the connection stays open")
            except (Closed, TimeoutError, ValueError) as why:
                wrong.append(f"{name}: {why}")
    check(not wrong, "; ".join(wrong))
    reached = [r for r in s.up.requests if r.body is not None]
    equal(reached, [], "whole requests that reached the upstream")
    check(fetch(s.port).status == 200, "the proxy no longer serves")


@case
def each_is_counted_by_its_reason(t):
    t.weft_only("Envoy counts them in one number")
    s = serve(t)
    for name, (data, _) in BAD.items():
        if name in IN_THE_BODY:
            continue
        before = sum(malformed_count(s.proxy).values())
        with Client(s.port) as client:
            client.send(data)
            client.read_response()
        wait_until(lambda: sum(malformed_count(s.proxy).values()) == before + 1,
                   f"{name} is counted; counters: {malformed_count(s.proxy)}")
    check(len(malformed_count(s.proxy)) >= 4, f"reasons: {malformed_count(s.proxy)}")


@case
def smuggled_request_stays_inside(t):
    """Whatever the proxy makes of it, `/hidden` must not come out as a request of its own."""
    s = serve(t)
    for framing in ("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
                    "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
                    "Transfer-Encoding: xchunked\r\nContent-Length: 46\r\n",
                    "Transfer-Encoding : chunked\r\nContent-Length: 46\r\n",
                    "Transfer-Encoding:\r\n chunked\r\nContent-Length: 46\r\n",
                    "Content-Length: 0\r\nContent-Length: 46\r\n",
                    "Transfer-Encoding: identity, chunked\r\nContent-Length: 46\r\n"):
        with Client(s.port, timeout=3) as client:
            client.send("POST /outer HTTP/1.1\r\n" + HOST + framing
                        + "\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: service\r\n\r\n")
            try:
                client.read_to_end()
            except (Closed, TimeoutError):
                pass
    equal(s.up.count(target="/hidden"), 0, "hidden requests at the upstream")


@case
def bad_request_behind_good_ones_on_one_connection(t):
    s = serve(t)
    with Client(s.port) as client:
        client.send(format_request("GET", "/good") + b"GET /bad HTTP/1.1\r\n\r\n")
        equal(client.read_response().status, 200, "the good one")
        equal(client.read_response().status, 400, "the bad one")
        check(client.at_end(), "the connection stays open")
    equal([r.target for r in s.up.requests], ["/good"], "at the upstream")


@case
def headers_beyond_the_limit(t):
    s = serve(t)
    with Client(s.port) as client:
        client.send(format_request("GET", "/", [("X-Big", "a" * 70000)]))
        equal(client.read_response().status, 431, "a header of 70,000 bytes (limit 60 KiB)")
    with Client(s.port) as client:
        client.send(format_request("GET", "/", [(f"X-{n}", "a") for n in range(150)]))
        equal(client.read_response().status, 431, "150 headers (limit 100)")
    with Client(s.port) as client:
        response = client.request("GET", "/", [(f"X-{n}", "a" * 500) for n in range(90)])
        equal(response.status, 200, "90 headers of 500 bytes")
    equal(len(s.up.requests), 1, "requests at the upstream")


@case
def endless_header_is_cut_off(t):
    s = serve(t)
    with Client(s.port) as client:
        client.send("GET / HTTP/1.1\r\nHost: service\r\nX-Endless: ")
        try:
            for _ in range(400):
                client.send(b"a" * 4096)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            equal(client.read_response().status, 431, "status")
        except Closed as why:
            equal(why.how, "reset", "how it ended")


@case
def malformed_answers_become_502(t):
    """An upstream that does not speak HTTP: Envoy says 502 (UPE)."""
    answers = {
        "/garbage": b"\x16\x03\x01 nonsense\r\n\r\n",
        "/length": b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello",
        "/both": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "/status": b"HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n",
    }

    def script(exchange):
        exchange.send(answers[exchange.request.target])
        exchange.close()

    s = serve(t, script)
    for target in answers:
        with Client(s.port) as client:
            equal(client.request("GET", target).status, 502, target)
    check(s.proxy.alive(), "the proxy ended")


@case
def answer_in_parts_is_not_split(t):
    """Bytes behind a complete answer on an idle connection are not the next answer."""

    sent = threading.Event()

    def script(exchange):
        if exchange.request.connection == 0:
            exchange.reply(200, body=b"first")
            exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
            sent.set()
        else:
            exchange.reply(200, body=b"second")

    s = serve(t, script)
    equal(fetch(s.port).body, b"first", "first answer")
    wait_until(sent.is_set, "the second answer was sent")
    equal(fetch(s.port).body, b"second", "second answer")


cases.main(__file__)
