#!/usr/bin/env python3
"""The process around the data path: flags, ports that are taken, held ports, signals, the metrics port.

Source: the issue (the command line of weft-proxy; --hold, SIGTERM, --mode validate) and `weft-proxy --help`.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import bootstrap as b  # noqa: E402
from tests.support import cases, process, programs, proxies, upstream  # noqa: E402
from tests.support.cases import case, check, equal, wait_until, within  # noqa: E402
from tests.support.http1_client import Client, Closed, fetch  # noqa: E402
from tests.support.one_service import serve  # noqa: E402

KEY = "weft-proxy's own command line"


def run(t, config, *flags):
    """(exit code, what it said) of a weft-proxy that ends by itself."""
    folder = t.start(tempfile.TemporaryDirectory(prefix="weft-process-"))
    path = os.path.join(folder, "bootstrap.json")
    proxy = proxies.WeftProxy(config)
    proxy.folder = folder
    proxy.write(config)
    done = subprocess.run([programs.weft_proxy(), "-c", path, "--concurrency", "1", *flags],
                          capture_output=True, text=True, check=False, timeout=20)
    return done.returncode, done.stdout + done.stderr


def one_listener(port, name="http", admin=None):
    return b.bootstrap(admin or process.free_port(),
                       [b.http_listener(port, b.to_one(), name=name)], [b.cluster("service", 9)])


@case
def a_port_that_is_taken_ends_the_start_with_its_names(t):
    t.weft_only(KEY)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = run(t, one_listener(port, name="front"))
        equal(code, 1, "exit code")
        check("front" in said and f"127.0.0.1:{port}" in said, said)
        code, said = run(t, one_listener(process.free_port(), admin=port))
        equal(code, 1, "exit code")
        check("admin" in said and f"127.0.0.1:{port}" in said, said)


@case
def validate_binds_nothing(t):
    t.weft_only(KEY)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, said = run(t, one_listener(taken.getsockname()[1]), "--mode", "validate")
        equal(code, 0, f"exit code: {said}")
        check("OK" in said, said)


@case
def held_port_is_taken_over_by_its_listener(t):
    t.weft_only(KEY)
    up = t.start(upstream.Upstream())
    port = process.free_port()
    proxies.start(t, [b.http_listener(port, b.to_one())], [b.cluster("service", up.port)],
                  flags=["--hold", str(port)])
    equal(fetch(port).status, 200, "status")


@case
def held_port_without_a_listener_says_so_in_time(t):
    t.weft_only(KEY)
    held = process.free_port()
    proxy = proxies.start(t, [], [], flags=["--hold", str(held), "--hold-timeout", "0.5s"])
    begin = time.monotonic()
    response = fetch(held)
    equal(response.status, 503, "status")
    equal(response.header("x-weft-reason"), "no_config", "reason")
    within(time.monotonic() - begin, 0.4, 5, "seconds")
    wait_until(lambda: proxy.total("weft_connections_refused_total", reason="no_config"), "it is counted")


@case
def second_signal_ends_at_once(t):
    t.weft_only(KEY)
    up = t.start(upstream.Upstream(raw=lambda connection: connection.socket.recv(1)))
    port = process.free_port()
    proxy = proxies.start(t, [b.tcp_listener(port, "service")], [b.cluster("service", up.port)])
    with Client(port) as client:
        wait_until(lambda: up.connections, "the connection arrives")
        proxy.process.send_signal(signal.SIGTERM)
        wait_until(lambda: proxy.admin("GET", "/ready").status == 503, "it drains")
        equal(proxy.admin("GET", "/ready").body.strip(), b"DRAINING", "state")
        check(proxy.alive(), "the connection did not hold it")
        proxy.process.send_signal(signal.SIGINT)
        wait_until(lambda: not proxy.alive(), "it ends")
        equal(proxy.process.returncode, 0, "exit code")
        try:
            check(client.at_end(), "the connection goes on")
        except Closed:
            pass


@case
def drain_time_bounds_the_drain(t):
    t.weft_only(KEY)
    up = t.start(upstream.Upstream(raw=lambda connection: connection.socket.recv(1)))
    port = process.free_port()
    proxy = proxies.start(t, [b.tcp_listener(port, "service")], [b.cluster("service", up.port)],
                          flags=["--drain-time", "700ms"])
    with Client(port):
        wait_until(lambda: up.connections, "the connection arrives")
        begin = time.monotonic()
        proxy.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not proxy.alive(), "it ends")
        within(time.monotonic() - begin, 0.6, 5, "seconds")
        equal(proxy.process.returncode, 0, "exit code")


@case
def sigusr1_opens_the_access_log_anew(t):
    t.weft_only(KEY)
    folder = t.start(tempfile.TemporaryDirectory(prefix="weft-logs-"))
    path = os.path.join(folder, "access.log")
    log = {"name": "envoy.access_loggers.file", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": path}}
    up = t.start(upstream.Upstream())
    port = process.free_port()
    proxy = proxies.start(t, [b.http_listener(port, b.to_one(), access_log=[log])],
                          [b.cluster("service", up.port)])

    def lines(file):
        return open(file, encoding="utf-8").read().count("\n") if os.path.exists(file) else 0

    fetch(port)
    wait_until(lambda: lines(path) == 1, "the first line")
    os.rename(path, path + ".1")
    proxy.process.send_signal(signal.SIGUSR1)

    def arrives_anew():
        fetch(port)
        return lines(path) > 0

    wait_until(arrives_anew, "lines in the new file")


@case
def metrics_port_shows_metrics_and_readiness_alone(t):
    t.weft_only(KEY)
    port = process.free_port()
    proxies.start(t, [], [], flags=["--metrics-address", f"0.0.0.0:{port}"])
    for path, status in (("/metrics", 200), ("/ready", 200), ("/config_dump", 404), ("/quitquitquit", 404)):
        equal(fetch(port, target=path).status, status, path)
    equal(fetch(port, "POST", "/quitquitquit").status, 404, "POST /quitquitquit")


@case
def admin_is_for_this_machine_alone(t):
    t.weft_only("Envoy does as it is told")
    config = b.bootstrap(process.free_port(), [], [])
    config["admin"]["address"]["socket_address"]["address"] = "0.0.0.0"
    proxy = t.start(proxies.under_test(config))
    wait_until(lambda: "--metrics-address" in proxy.log_text(), "the log says so")
    check(not process.accepts(proxy.admin_port, "127.0.0.2"), "another address than 127.0.0.1 is served")


cases.main(__file__)
