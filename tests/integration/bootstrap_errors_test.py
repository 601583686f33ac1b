#!/usr/bin/env python3
"""A wrong bootstrap names file, line, field and what was expected; a right one starts.

Each wrong file is the right one with one change. `--mode validate` exits 1 and says where; starting
with it says the same and exits 1, too. No port is bound by `--mode validate`.
"""

import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import cases, process, programs, proxies  # noqa: E402
from tests.support.cases import Options, case, check, equal  # noqa: E402
from tests.support.http1_client import fetch  # noqa: E402

RIGHT = """\
node: {id: sidecar~test, cluster: test}
admin:
  address:
    socket_address: {address: 127.0.0.1, port_value: @ADMIN@}
static_resources:
  listeners:
  - name: http
    address:
      socket_address: {address: 127.0.0.1, port_value: @PORT@}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: http
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
          route_config:
            name: local
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {prefix: /hello}
                direct_response:
                  status: 200
                  body: {inline_string: hi}
              - match: {prefix: /}
                route:
                  cluster: service
                  timeout: 3s
  clusters:
  - name: service
    type: STATIC
    connect_timeout: 1s
    load_assignment:
      cluster_name: service
      endpoints:
      - lb_endpoints:
        - endpoint:
            address:
              socket_address: {address: 127.0.0.1, port_value: 9}
"""

# One of each place that finds mistakes; proxy/config/bootstrap_test.cc has the whole table. name: (text to replace,
# replacement, words that the message must have). The line is that of the replacement's first line that differs.
WRONG = {
    "unknown field deep inside": ("stat_prefix: http", "stat_prefixx: http", ["stat_prefixx"]),
    "port out of range": ("port_value: 9}", "port_value: 70000}", ["port_value", "65535"]),
    "text where a list belongs": ('domains: ["*"]', 'domains: "*"', ["domains"]),
    "unknown type URL": ("http.router.v3.Router", "http.router.v3.Rooter", ["Rooter"]),
    "regex that does not compile": ("match: {prefix: /hello}",
                                    'match: {safe_regex: {regex: "a(b"}}', ["regex"]),
    "cluster that does not exist": ("cluster: service\n", "cluster: servise\n", ["servise"]),
    "broken YAML": ("  clusters:\n", "  clusters:\n  - [unclosed\n", []),
    "known but unsupported field": ("    type: STATIC", "    type: STATIC\n    lb_subset_config: {}",
                                    ["lb_subset_config"]),
}

# Wrong as a whole: what a shell's redirection or a wrong editor leaves behind.
WHOLE = {
    "empty file": (lambda text: "", []),
    "not UTF-8": (lambda text: text.replace("hi}", "h\udcffi}"), []),
}


# What a stock Envoy lets pass: the first hides a mistake, the second is a feature of its own.
ENVOY_TAKES = ("text where a list belongs", "known but unsupported field", "not UTF-8")


class File:
    """A bootstrap in a folder of its own."""

    def __init__(self, t, text, suffix=".yaml"):
        folder = t.start(tempfile.TemporaryDirectory(prefix="weft-bootstrap-"))
        self.port, self.admin = process.free_port(), process.free_port()
        text = text.replace("@PORT@", str(self.port)).replace("@ADMIN@", str(self.admin))
        self.path = os.path.join(folder, "bootstrap" + suffix)
        with open(self.path, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))

    def validate(self):
        """(exit code, everything that was said)."""
        program = programs.envoy() if Options.proxy == "envoy" else programs.weft_proxy()
        done = subprocess.run([program, "-c", self.path, "--mode", "validate"], capture_output=True,
                              check=False, timeout=30)
        return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


def changed_line(wrong):
    """The number of the first line that is not as in RIGHT."""
    for number, (right, now) in enumerate(zip(RIGHT.splitlines(), wrong.splitlines()), 1):
        if right != now:
            return number
    raise AssertionError("nothing was changed")


def says_line(text, path, line):
    return f"{os.path.basename(path)}:{line}" in text


@case
def right_file_is_valid_and_starts(t):
    file = File(t, RIGHT)
    code, text = file.validate()
    equal(code, 0, f"exit code ({text})")
    config = RIGHT.replace("@PORT@", str(file.port)).replace("@ADMIN@", str(file.admin))
    proxy = proxies.under_test(config, suffix=".yaml")
    proxy.admin_port = file.admin
    t.start(proxy)
    equal(fetch(file.port, target="/hello").body, b"hi", "answer")


@case
def json_and_camel_case_are_read_too(t):
    text = json.dumps({
        "admin": {"address": {"socketAddress": {"address": "127.0.0.1", "portValue": 0}}},
        "staticResources": {"clusters": [{"name": "a", "connectTimeout": "1.5s", "type": "STATIC"}]}})
    code, said = File(t, text, ".json").validate()
    equal(code, 0, f"exit code ({said})")


@case(seconds=180)
def each_wrong_file_names_file_line_and_field(t):
    wrong = []
    for name, (old, new, words) in WRONG.items():
        if Options.proxy == "envoy" and name in ENVOY_TAKES:
            continue
        check(RIGHT.count(old) >= 1, f"{name}: {old!r} is not in the right file")
        text = RIGHT.replace(old, new, 1)
        file = File(t, text)
        code, said = file.validate()
        line = changed_line(text)
        if code != 1:
            wrong.append(f"{name}: exit code {code}")
        if Options.proxy == "envoy":
            continue  # names neither file nor line
        missing = [word for word in words if word not in said]
        if not any(says_line(said, file.path, near) for near in (line, line + 1)):
            missing.append(f"bootstrap.yaml:{line}")
        if missing:
            wrong.append(f"{name}: lacks {missing} in: {said.strip()[:300]!r}")
    sys.stderr.write("\n".join(wrong) + "\n")
    check(not wrong, f"{len(wrong)} of {len(WRONG)}: " + "; ".join(wrong[:4]))


@case
def files_that_are_wrong_as_a_whole(t):
    wrong = []
    for name, (change, words) in WHOLE.items():
        if Options.proxy == "envoy" and name in ENVOY_TAKES:
            continue
        file = File(t, change(RIGHT))
        code, said = file.validate()
        if code != 1:
            wrong.append(f"{name}: exit code {code}")
        elif Options.proxy == "weft" and ("bootstrap.yaml" not in said
                                          or any(word not in said for word in words)):
            wrong.append(f"{name}: said {said.strip()[:300]!r}")
    check(not wrong, "; ".join(wrong))


@case
def every_error_of_a_file_is_told_at_once(t):
    t.weft_only("Envoy stops at the first")
    text = RIGHT.replace("stat_prefix:", "stat_prefixx:").replace("type: STATIC", "type: STATICAL")
    _, said = File(t, text).validate()
    check("stat_prefixx" in said and "STATICAL" in said, f"said {said!r}")


@case
def starting_with_a_wrong_file_fails_alike(t):
    t.weft_only("our words")
    file = File(t, RIGHT.replace("type: STATIC", "type: STATICAL"))
    done = subprocess.run([programs.weft_proxy(), "-c", file.path], capture_output=True, text=True,
                          check=False, timeout=20)
    equal(done.returncode, 1, "exit code")
    check("bootstrap.yaml:" in done.stderr and "STATICAL" in done.stderr, f"said {done.stderr!r}")


@case
def validating_binds_nothing(t):
    file = File(t, RIGHT)
    import socket
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", file.port))
        taken.listen()
        equal(file.validate()[0], 0, "exit code while the port is taken")


@case
def taken_port_is_named(t):
    t.weft_only("our words")
    file = File(t, RIGHT)
    import socket
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", file.port))
        taken.listen()
        done = subprocess.run([programs.weft_proxy(), "-c", file.path], capture_output=True,
                              text=True, check=False, timeout=20)
    equal(done.returncode, 1, "exit code")
    check(str(file.port) in done.stderr and "http" in done.stderr, f"said {done.stderr!r}")


@case
def missing_certificate_file_is_named(t):
    t.weft_only("our words")
    tls = """\
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            tls_certificates:
            - certificate_chain: {filename: /does/not/exist.pem}
              private_key: {filename: /does/not/exist.key}
"""
    code, said = File(t, RIGHT.replace("  clusters:\n  - name", tls + "  clusters:\n  - name")).validate()
    equal(code, 1, "exit code")
    check("/does/not/exist" in said, f"said {said!r}")


cases.main(__file__)
