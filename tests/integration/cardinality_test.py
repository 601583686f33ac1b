#!/usr/bin/env python3
"""Distinct hosts and paths neither make series nor memory.

Must-show 8: 1,000,000 distinct hosts and paths leave the number of series within its cap and the
resident size flat (long form); the ordinary run has 20,000.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.bench import servers  # noqa: E402
from tests.support import bootstrap as b  # noqa: E402
from tests.support import cases, process, proxies  # noqa: E402
from tests.support.cases import Options, case, check, equal, within  # noqa: E402
from tests.support.http1_client import Client  # noqa: E402

SHORT, LONG = 20_000, 1_000_000
AT_ONCE = 100  # pipelined; Envoy closes a connection with more than two local replies queued
SERIES = 500   # what a million strangers may add, at most
MEMORY = 4 << 20


def proxy_before_nginx(t):
    backend = t.start(servers.Backend(process.free_port()))
    port = process.free_port()
    hosts = [b.virtual_host("known", ["*.known.test"], b.route({"prefix": "/go/"}, "service"),
                            b.direct({"prefix": "/direct/"}, 200, "d")),
             b.virtual_host("rest", ["*"], b.route({"prefix": "/go/"}, "service"))]
    proxy = proxies.start(t, [b.http_listener(port, hosts)], [b.cluster("service", backend.port)])
    return port, proxy


def request(number):
    """Hosts and paths that no other number has; some are known, some are not, some fail."""
    folder = ("go", "direct", "nowhere")[number % 3]
    host = f"h{number}.known.test" if number % 2 else f"h{number}.stranger.test"
    return (f"GET /{folder}/{number}/x?q={number} HTTP/1.1\r\nHost: {host}\r\n"
            f"User-Agent: agent-{number}\r\nX-Tenant: {number}\r\n\r\n").encode()


def send_all(port, count, first=0):
    """Statuses of all answers."""
    seen = {}
    at_once = AT_ONCE if Options.proxy == "weft" else 1
    with Client(port, timeout=60) as client:
        for start in range(first, first + count, at_once):
            client.send(b"".join(request(number) for number in range(start, start + at_once)))
            for _ in range(at_once):
                status = client.read_response().status
                seen[status] = seen.get(status, 0) + 1
    return seen


@case(seconds=300)
def strangers_make_no_series_and_no_memory(t):
    count = LONG if Options.long else SHORT
    port, proxy = proxy_before_nginx(t)
    warm = 3000
    send_all(port, warm)
    series, resident = len(proxy.metrics()), proxy.memory().resident
    seen = send_all(port, count, first=warm)
    equal(sum(seen.values()), count, f"answers {seen}")
    equal(set(seen), {200, 404}, "statuses")
    grown = len(proxy.metrics()) - series
    check(grown <= SERIES, f"{grown} more series than the {series} before")
    within(proxy.memory().resident - resident, -(1 << 30), MEMORY,
           f"bytes that the proxy grew by with {count} hosts and paths")
    sys.stderr.write(f"{count} distinct hosts and paths: {series} + {grown} series, "
                     f"{(proxy.memory().resident - resident) / 1e6:+.2f} MB\n")


@case(seconds=300)
def broken_strangers_make_no_series(t):
    """The same for messages that are refused: nothing of them may become a label."""
    count = 20_000 if Options.long else 1_000
    port, proxy = proxy_before_nginx(t)

    def one(number):
        with Client(port) as client:
            client.send(f"G{number}\x01 /{number} HTTP/1.1\r\nHost: h{number}\r\n\r\n")
            equal(client.read_response().status, 400, "status")

    for number in range(200):
        one(number)
    series, resident = len(proxy.metrics()), proxy.memory().resident
    for number in range(200, count):
        one(number)
    check(len(proxy.metrics()) - series <= 20, "refused messages make series")
    t.skip_memory_of_sanitizer()
    within(proxy.memory().resident - resident, -(1 << 30), MEMORY, "bytes that the proxy grew by")


cases.main(__file__)
