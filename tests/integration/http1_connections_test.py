#!/usr/bin/env python3
"""HTTP/1.1 connections: stale kept-alive ones, replay, half-close, resets, no descriptors, no memory.

What may be sent again is RFC 9110 9.2.2: safe or idempotent requests of which nothing was answered;
a request of which not one byte can have been read by the upstream may go again whatever it is.
"""

import os
import resource
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import cases  # noqa: E402
from tests.support import bootstrap as b  # noqa: E402
from tests.support import process, proxies, upstream  # noqa: E402
from tests.support.cases import Options, case, check, equal, wait_until, within  # noqa: E402
from tests.support.http1_client import Client, Closed, fetch, format_request  # noqa: E402
from tests.support.one_service import serve  # noqa: E402


@case
def closed_idle_connection_never_shows(t):
    """The upstream closed long before: the proxy knows it before it writes."""
    s = serve(t)
    with Client(s.port) as client:
        for number in range(50):
            method = "POST" if number % 2 else "GET"
            equal(client.request(method, f"/{number}", body=b"x" * (number % 2)).status, 200,
                  f"status of {number}")
            s.up.close_connections()
    equal([r.target for r in s.up.requests], [f"/{n}" for n in range(50)], "requests, each once")


@case(seconds=120)
def requests_around_the_idle_timeout(t):
    """The upstream closes idle connections just when the next request may come."""
    s = serve(t, up=t.start(upstream.Upstream(idle_close=0.02)))
    rounds = 3000 if Options.long else 200
    failed = []
    with Client(s.port) as client:
        for number in range(rounds):
            method = "POST" if number % 2 else "GET"
            response = client.request(method, f"/{number}", body=b"x" * (number % 2))
            if response.status != 200:
                failed.append((method, number, response.status))
            time.sleep(0.0185 + (number % 31) * 1e-4)
    posts = [r.target for r in s.up.requests if r.method == "POST"]
    equal(len(posts), len(set(posts)), "POSTs, each at most once")
    if Options.proxy == "weft":  # Envoy answers some with 503 unless a retry policy is given
        equal([one for one in failed if one[0] == "GET"], [], "failed GETs")
        check(len(failed) <= rounds // 100, f"failed POSTs: {failed}")


@case
def get_is_replayed_when_the_kept_connection_dies_unanswered(t):
    t.weft_only("Envoy answers 503 unless a retry policy is given")

    def script(exchange):
        if exchange.request.target == "/again" and exchange.request.connection == 0:
            exchange.close()  # read, not answered
        else:
            exchange.echo()

    s = serve(t, script)
    with Client(s.port) as client:
        equal(client.request("GET", "/first").status, 200, "status")
        equal(client.request("GET", "/again").status, 200, "status of the replayed GET")
    equal(s.up.count(target="/again"), 2, "tries")


@case
def post_is_never_sent_twice(t):
    def script(exchange):
        if exchange.request.method == "POST":
            exchange.read_body()
            exchange.close()  # it may have been executed
        else:
            exchange.echo()

    s = serve(t, script)
    with Client(s.port) as client:
        for number in range(10):
            equal(client.request("GET", "/warm").status, 200, "status")
            equal(client.request("POST", f"/{number}", body=b"pay").status, 503, "status of the POST")
    for number in range(10):
        equal(s.up.count("POST", f"/{number}"), 1, f"POST /{number} at the upstream")


@case
def cut_answer_is_not_replayed(t):
    def script(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        exchange.close()

    s = serve(t, script)
    with Client(s.port) as client:
        client.send(format_request("GET", "/cut"))
        try:
            client.read_response()
            raise cases.CheckFailed("a cut answer was taken for a whole one")
        except Closed:
            pass
    equal(s.up.count(target="/cut"), 1, "tries")


@case
def client_that_half_closes_gets_its_answer(t):
    t.weft_only("Envoy takes a FIN from an HTTP/1.1 client for a disconnect")
    release = threading.Event()

    def script(exchange):
        exchange.read_body()
        release.wait(10)
        exchange.reply(200, body=b"late")

    s = serve(t, script)
    with Client(s.port) as client:
        client.send(format_request("POST", "/", body=b"all I have"))
        client.half_close()
        wait_until(lambda: s.up.requests, "the request arrives")
        release.set()
        response = client.read_response()
        equal(response.body, b"late", "body")
        check(client.at_end(), "the proxy keeps a connection whose client has finished")
    equal(s.up.requests[0].body, b"all I have", "request body")


@case
def pipelined_then_half_closed(t):
    t.weft_only("Envoy takes a FIN from an HTTP/1.1 client for a disconnect")
    s = serve(t)
    with Client(s.port) as client:
        client.send(b"".join(format_request("GET", f"/{n}") for n in range(5)))
        client.half_close()
        for number in range(5):
            check(f'"target": "/{number}"'.encode() in client.read_response().body, f"answer {number}")
        check(client.at_end(), "the connection stays open")


@case
def client_that_leaves_cancels_its_request(t):
    for leave in ("close", "reset"):
        gone = threading.Event()

        def script(exchange):
            if exchange.read_some(1) == b"":  # pylint: disable=cell-var-from-loop
                gone.set()
            exchange.close()

        s = serve(t, script)
        client = Client(s.port)
        client.send(format_request("GET", f"/{leave}"))
        wait_until(lambda: s.up.requests, "the request arrives")
        getattr(client, leave)()
        check(gone.wait(5), f"after {leave} the upstream still waits on its connection")
        check(s.proxy.alive(), "the proxy ended")


@case
def client_that_leaves_in_the_middle_of_an_upload(t):
    s = serve(t, lambda exchange: exchange.read_body())
    client = Client(s.port)
    client.send(format_request("POST", "/", [("Content-Length", "1000")]) + b"only a part")
    wait_until(lambda: s.up.requests, "the request arrives")
    client.reset()
    wait_until(lambda: s.up.requests[0].truncated, "the upstream sees a cut body")


@case
def used_connection_of_a_cancelled_request_is_not_reused(t):
    release = threading.Event()

    def script(exchange):
        if exchange.request.target == "/slow":
            release.wait(10)
        exchange.reply(200, body=exchange.request.target.encode())

    s = serve(t, script)
    client = Client(s.port)
    client.send(format_request("GET", "/slow"))
    wait_until(lambda: s.up.requests, "the request arrives")
    client.close()
    for _ in range(5):
        equal(fetch(s.port, target="/mine").body, b"/mine", "body (an answer that was not ours)")
    release.set()


@case
def many_connections_at_once(t):
    s = serve(t)
    clients = [Client(s.port) for _ in range(200)]
    for number, client in enumerate(clients):
        client.send(format_request("GET", f"/{number}"))
    for number, client in enumerate(clients):
        check(f'"target": "/{number}"'.encode() in client.read_response().body, f"answer {number}")
        client.close()


@case
def ipv6_on_both_sides(t):
    up = t.start(upstream.Upstream(address="::1"))
    port = process.free_port("::1")
    proxies.start(t, [b.listener("six", port, b.chain(b.http_filter(b.to_one())), host="::1")],
                  [b.cluster("service", b.endpoint(up.port, "::1"))])
    equal(fetch(port, address="::1").status, 200, "status")


@case(seconds=120)
def out_of_descriptors_is_survived_and_counted(t):
    t.weft_only("Envoy needs more descriptors to start")
    s = serve(t, limits=[(resource.RLIMIT_NOFILE, 96)])
    served = Client(s.port)
    equal(served.request().status, 200, "before")
    crowd = []
    for _ in range(150):  # the kernel's queue takes those that the proxy cannot accept
        crowd.append(Client(s.port, timeout=5))
    wait_until(lambda: s.proxy.descriptors() >= 90, "the descriptors are used up")
    before = s.proxy.cpu_seconds()
    time.sleep(0.5)  # a duration that is measured, not waited for
    after = s.proxy.cpu_seconds()
    check(sum(after) - sum(before) < 0.25, "the proxy spins when it cannot accept")
    equal(served.request().status, 200, "a connection that was there before")
    check(s.proxy.alive(), "the proxy ended")
    for client in crowd:
        client.close()
    wait_until(lambda: s.proxy.descriptors() < 60, "closed connections give their descriptors back")
    equal(fetch(s.port).status, 200, "after")
    metrics = s.proxy.metrics()
    counted = {name: value for (name, labels), value in metrics.items()
               if value > 0 and ("descriptor" in name or any("descriptor" in v or v == "emfile"
                                                             for _, v in labels))}
    check(counted, f"no counter tells of it; there are {sorted({name for name, _ in metrics})}")


@case(seconds=120)
def memory_comes_back_after_a_burst_of_connections(t):
    t.weft_only("a promise of ours")
    t.skip_memory_of_sanitizer()
    s = serve(t)
    for _ in range(3):
        clients = [Client(s.port) for _ in range(100)]
        for client in clients:
            client.request()
        for client in clients:
            client.close()
    before = s.proxy.memory().resident
    for _ in range(10):
        clients = [Client(s.port) for _ in range(300)]
        for client in clients:
            client.send(format_request("POST", "/", body=b"x" * 50000))
        for client in clients:
            equal(client.read_response().status, 200, "status")
            client.close()
    grown = s.proxy.memory().resident - before
    within(grown, -(1 << 30), 12 << 20, "bytes that ten bursts of 300 connections leave behind")


cases.main(__file__)
