#!/usr/bin/env python3
"""The admin endpoints (the names that Envoy's users know) and the metrics.

Source: Envoy's admin interface; Prometheus' exposition format 0.0.4 and its naming rules.
"""

import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import bootstrap as b  # noqa: E402
from tests.support import certificates, cases, process, programs, proxies, upstream  # noqa: E402
from tests.support.cases import Options, case, check, equal, wait_until  # noqa: E402
from tests.support.http1_client import Client, fetch  # noqa: E402
from tests.support.one_service import serve  # noqa: E402


@case
def ready(t):
    s = serve(t)
    response = s.proxy.admin("GET", "/ready")
    equal((response.status, response.body.strip()), (200, b"LIVE"), "answer")


@case
def unknown_paths_and_wrong_methods(t):
    s = serve(t)
    equal(s.proxy.admin("GET", "/no_such_thing").status, 404, "unknown path")
    for path in ("/quitquitquit", "/drain_listeners", "/logging?level=debug"):
        equal(s.proxy.admin("GET", path).status, 405, f"GET {path}")
    check(s.proxy.alive(), "a GET ended the proxy")
    equal(fetch(s.port).status, 200, "traffic")


@case
def server_info(t):
    s = serve(t)
    info = json.loads(s.proxy.admin("GET", "/server_info").body)
    equal(info["state"], "LIVE", "state")
    check(info["version"], "version")
    check("uptime_current_epoch" in info, f"keys {sorted(info)}")
    equal(info["node"]["id"], "sidecar~test", "node id")


@case
def clusters(t):
    s = serve(t)
    fetch(s.port)
    text = s.proxy.admin("GET", "/clusters").body.decode()
    check(f"service::127.0.0.1:{s.up.port}::" in text, text)
    check(re.search(rf"service::127\.0\.0\.1:{s.up.port}::health_flags::healthy", text), text)
    check(re.search(rf"service::127\.0\.0\.1:{s.up.port}::rq_total::1\b", text), text)


@case
def config_dump(t):
    s = serve(t)
    text = s.proxy.admin("GET", "/config_dump").body.decode()
    dump = json.loads(text)
    kinds = {one["@type"].rpartition(".")[2] for one in dump["configs"]}
    for kind in ("BootstrapConfigDump", "ClustersConfigDump", "ListenersConfigDump",
                 "RoutesConfigDump"):
        check(kind in kinds, f"{kind} is missing among {sorted(kinds)}")
    for name in ('"service"', '"http"', f"{s.up.port}"):
        check(name in text, f"{name} is not in the dump")


@case
def config_dump_hides_keys(t):
    authority = t.start(certificates.Authority())
    leaf = authority.issue("default/server")
    with open(leaf.key, encoding="ascii") as file:
        key = file.read()
    with open(leaf.chain, encoding="ascii") as file:
        chain = file.read()
    tls = b.downstream_tls(leaf, authority)
    common = tls["typed_config"]["common_tls_context"]
    common["tls_certificates"] = [{"certificate_chain": {"inline_string": chain},
                                   "private_key": {"inline_string": key}}]
    port = process.free_port()
    proxy = proxies.start(t, [b.http_listener(port, b.to_one(), tls=tls)], [b.cluster("service")])
    text = proxy.admin("GET", "/config_dump").body.decode()
    check(key.splitlines()[1] not in text.replace("\\n", "\n"), "the private key is in the dump")
    check("PRIVATE KEY" not in text, "a private key is in the dump")
    check("redacted" in text, "the dump does not say that something was left out")


@case
def logging_level(t):
    s = serve(t)
    equal(s.proxy.admin("POST", "/logging?level=debug").status, 200, "status")
    text = s.proxy.admin("POST", "/logging").body.decode()
    check("debug" in text, text)
    fetch(s.port)
    wait_until(lambda: "debug" in s.proxy.log_text(), "debug lines appear")
    equal(s.proxy.admin("POST", "/logging?level=nonsense").status, 400, "unknown level")


@case
def quitquitquit(t):
    s = serve(t)
    equal(s.proxy.admin("POST", "/quitquitquit").status, 200, "status")
    wait_until(lambda: not s.proxy.alive(), "the proxy ends")
    equal(s.proxy.process.returncode, 0, "exit code")


@case
def drain_listeners(t):
    s = serve(t)
    with Client(s.port) as client:
        equal(client.request().status, 200, "before")
        equal(s.proxy.admin("POST", "/drain_listeners").status, 200, "status")
        wait_until(lambda: not process.accepts(s.port), "new connections are refused")
        check(s.proxy.alive(), "the proxy ended")
        equal(s.proxy.admin("GET", "/server_info").status, 200, "admin goes on")


@case
def admin_survives_nonsense(t):
    s = serve(t)
    for data in (b"nonsense\r\n\r\n", b"GET " + b"/" * 100000 + b" HTTP/1.1\r\n\r\n", b"\x16\x03\x01"):
        with Client(s.proxy.admin_port) as client:
            try:
                client.send(data)
                client.half_close()
                client.read_to_end()
            except Exception:  # however the connection ends is right, as long as the proxy lives
                pass
    with Client(s.proxy.admin_port):  # a connection that says nothing does not block others
        equal(s.proxy.admin("GET", "/ready").status, 200, "ready")


# Metrics.
def traffic(t):
    """A proxy that has seen good, bad, refused and local answers."""
    up = t.start(upstream.Upstream())
    port, opaque = process.free_port(), process.free_port()
    hosts = [b.virtual_host("all", ["*"], b.direct({"path": "/direct"}, 200, "d"),
                            b.route({"path": "/dead"}, "dead"), b.route({"prefix": "/a"}, "service"))]
    proxy = proxies.start(t, [b.http_listener(port, hosts), b.tcp_listener(opaque, "service")],
                          [b.cluster("service", up.port), b.cluster("dead", process.free_port())])
    for target in ("/a", "/direct", "/dead", "/nowhere"):
        fetch(port, target=target)
    with Client(port) as client:
        client.send("nonsense\r\n\r\n")
        client.read_to_end()
    fetch(opaque)
    if Options.proxy == "weft":  # an opaque connection is counted when it has ended
        wait_until(lambda: proxy.total("weft_tcp_connections_total"), "the opaque connection is counted")
    return proxy


@case
def both_paths_give_the_same_metrics(t):
    t.weft_only("/metrics is our second name")
    proxy = traffic(t)
    one, two = proxy.admin("GET", "/stats/prometheus"), proxy.admin("GET", "/metrics")
    names = [sorted({name for name, _ in proxies.parse_metrics(r.body.decode())}) for r in (one, two)]
    equal(names[0], names[1], "names")
    for response in (one, two):
        equal(response.status, 200, "status")
        check((response.header("content-type") or "").startswith("text/plain; version=0.0.4"),
              f"content type {response.header('content-type')}")


@case
def promtool_finds_nothing_wrong(t):
    t.weft_only("Envoy's names do not follow the rules")
    proxy = traffic(t)
    text = proxy.admin("GET", "/stats/prometheus").body
    done = subprocess.run([programs.debian("promtool", "prometheus"), "check", "metrics"],
                          input=text, capture_output=True, check=False)
    equal((done.returncode, done.stdout + done.stderr), (0, b""), "promtool check metrics")


@case
def every_metric_has_our_prefix_and_a_help_text(t):
    t.weft_only("our names")
    text = traffic(t).admin("GET", "/stats/prometheus").body.decode()
    helped = set(re.findall(r"^# HELP (\S+) .+$", text, re.M))
    typed = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    check(typed, "no metric at all")
    for name in typed:
        check(name.startswith("weft_"), f"{name} lacks the prefix")
        check(name in helped, f"{name} has no help text")


@case
def requests_are_counted_with_their_labels(t):
    t.weft_only("our names")
    proxy = traffic(t)
    counted = {}
    for (name, labels), value in proxy.metrics().items():
        if name == "weft_requests_total":
            for label, text in labels:
                counted.setdefault(label, {}).setdefault(text, 0)
                counted[label][text] += value
    for label in ("direction", "destination_service", "destination_version", "source_namespace",
                  "source_service_account", "code_class", "tls", "reason"):
        check(label in counted, f"label {label} is missing among {sorted(counted)}")
    classes = counted["code_class"]
    equal(classes.get("2xx"), 2.0, f"2xx in {classes}")  # /a and /direct; the opaque one is no request
    check(classes.get("5xx", 0) >= 1 and classes.get("4xx", 0) >= 1, f"classes {classes}")
    for reason in ("connect_refused", "no_route"):
        equal(counted["reason"].get(reason), 1.0, f"{reason} in {counted['reason']}")


@case
def certificate_days_left(t):
    t.weft_only("our names")
    authority = t.start(certificates.Authority())
    leaf = authority.issue("default/server")  # ten days
    port = process.free_port()
    proxy = proxies.start(t, [b.http_listener(port, b.to_one(), tls=b.downstream_tls(leaf, authority))],
                          [b.cluster("service")])
    left = [value for (name, _), value in proxy.metrics().items()
            if "certificate" in name and ("expir" in name or "days" in name or "not_after" in name)]
    check(left, f"no such metric among {sorted({name for name, _ in proxy.metrics()})}")
    import time
    seconds_left = [value - time.time() if value > 1e9 else value * 86400 if value < 1000 else value
                    for value in left]
    check(any(8.9 * 86400 < value < 10.1 * 86400 for value in seconds_left), f"values {left}")


# The command line.
@case
def version_and_help(t):
    t.weft_only("our command line")
    for flag, wanted in (("--version", "weft-proxy"), ("--help", "--concurrency")):
        done = subprocess.run([programs.weft_proxy(), flag], capture_output=True, text=True,
                              check=False, timeout=20)
        equal(done.returncode, 0, f"exit code of {flag}")
        check(wanted in done.stdout, f"{flag} says {done.stdout!r}")


@case
def wrong_flags(t):
    t.weft_only("our command line")
    for flags in (["--no-such-flag"], [], ["-c"], ["-c", "/does/not/exist"],
                  ["-c", "/dev/null", "--concurrency", "x"]):
        done = subprocess.run([programs.weft_proxy(), *flags], capture_output=True, text=True,
                              check=False, timeout=20)
        check(done.returncode in (1, 2), f"{flags}: exit code {done.returncode}")
        check(done.stderr.strip(), f"{flags}: says nothing")


cases.main(__file__)
