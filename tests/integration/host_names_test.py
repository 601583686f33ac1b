#!/usr/bin/env python3
"""The control plane's host name is looked up as the rest of the machine looks names up: /etc/hosts first, and a name
server that does not answer delays nobody whose name stands there."""

import os
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support import cases, process, programs  # noqa: E402
from tests.support.cases import case, check  # noqa: E402

HOST = "control.weft.test"
DEAF = "127.0.0.9"

# Puts two files over the machine's, in a mount namespace of its own, and becomes the program.
MOUNT = 'mount --bind "$1" /etc/hosts && mount --bind "$2" /etc/resolv.conf && shift 2 && exec "$@"'

BOOTSTRAP = """\
node: {{id: sidecar~test, cluster: test}}
dynamic_resources:
  ads_config: {{api_type: GRPC, transport_api_version: V3, grpc_services: [{{envoy_grpc: {{cluster_name: control}}}}]}}
  cds_config: {{ads: {{}}, resource_api_version: V3}}
static_resources:
  clusters:
  - name: control
    type: STRICT_DNS
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{http2_protocol_options: {{}}}}
    load_assignment:
      cluster_name: control
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: {host}, port_value: {port}}}}}}}
"""


class Proxy(process.Process):
    name = "weft-proxy"
    expect_exit = 0

    def __init__(self, command):
        super().__init__()
        self._command = command

    def command(self):
        return self._command


class Machine:
    """A machine whose only name server takes questions and never answers; /etc/hosts knows HOST."""

    def __init__(self, t):
        self.folder = t.start(tempfile.TemporaryDirectory(prefix="weft-names-"))
        self.name_server = t.start(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        try:
            self.name_server.bind((DEAF, 53))
        except OSError as why:
            t.skip(f"cannot stand for a name server at {DEAF}:53 ({why})")
        self._write("hosts", f"127.0.0.1 localhost {HOST}\n")
        self._write("resolv.conf", f"nameserver {DEAF}\n")
        done = subprocess.run([*self.command(), "true"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            t.skip(f"cannot mount over /etc/hosts here ({done.stderr.strip()})")

    def _write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="ascii") as file:
            file.write(text)

    def command(self):
        files = [os.path.join(self.folder, name) for name in ("hosts", "resolv.conf")]
        return ["unshare", "--mount", "sh", "-c", MOUNT, "sh", *files]

    def proxy(self, t, host, port):
        self._write("proxy.yaml", BOOTSTRAP.format(host=host, port=port))
        return t.start(Proxy([*self.command(), programs.weft_proxy(), "-c", os.path.join(self.folder, "proxy.yaml")]))


@case
def ads_host_of_etc_hosts_needs_no_name_server(t):
    t.weft_only("our own resolving")
    machine = Machine(t)
    control = t.start(socket.create_server(("127.0.0.1", 0)))
    control.settimeout(15)
    begin = time.monotonic()
    machine.proxy(t, HOST, control.getsockname()[1])
    try:
        t.start(control.accept()[0])
    except TimeoutError:
        check(False, "the control plane was not dialled within 15 s")
    took = time.monotonic() - begin
    check(took < 5, f"the control plane was dialled only after {took:.1f} s")


@case
def a_name_that_nobody_answers_for_does_not_hold_up_the_end(t):
    t.weft_only("our own resolving")
    machine = Machine(t)
    proxy = machine.proxy(t, "nowhere.weft.test", 9)
    machine.name_server.settimeout(10)
    machine.name_server.recv(512)  # the question is under way
    begin = time.monotonic()
    proxy.stop()
    took = time.monotonic() - begin
    check(took < 5, f"the proxy ended only after {took:.1f} s")


cases.main(__file__)
