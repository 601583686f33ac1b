#!/usr/bin/env python3
"""Who may not: callers without a certificate or with a wrong one at a replica's sidecar, and proxies with tokens that are no
good. Each is refused, counted, and named in the log with both identities.

Source: issue 3, "what bad input and bad luck get". A replica that is somebody else than expected: mesh_test.
"""

import os
import re
import ssl
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from deploy.scene import objects, servers  # noqa: E402
from deploy.scene.objects import NAMESPACE  # noqa: E402
from tests.support import cases, certificates, http1_client, netns, scene  # noqa: E402
from tests.support.cases import case, check, equal, wait_until  # noqa: E402

CASE_SECONDS = 120
ECHO_PORT, CHAT_PORT = 9000, 9001
REFUSED = "weft_connections_refused_total"
TRUST_DOMAIN = "cluster.local"  # weft-control's default


class IssuedByTheMesh(certificates.Authority):
    """Signs with the control plane's own key: what somebody could do who has stolen it, or a bug of ours."""

    def __init__(self, control, trust_domain):
        super().__init__(trust_domain)
        self._issuing = os.path.join(control.data, "ca", "issuing.pem")

    def _make_root(self):
        self.certificate = self.key = self._issuing


class Caller:
    """A visitor that dials a replica's application port as a sidecar does."""

    def __init__(self, t):
        self.mesh = scene.start(t)
        self.replica = self.mesh.nginxes[0]
        self.beside = self.mesh.sidecars[self.replica.pod.name]

    def call(self, leaf=None, alpn="weft-http/1.1", step="refused"):
        """The status that an HTTP request got, or how the connection ended."""
        context = None
        if alpn:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols([alpn])
            if leaf is not None:
                context.load_cert_chain(leaf.chain, leaf.key)
        try:
            with netns.network_of(self.mesh.visitor.pause.pid), http1_client.Client(
                    servers.APPLICATION_PORT, self.replica.pod.ip, tls=context) as client:
                client.send(f"GET /?step={step} HTTP/1.1\r\nhost: web\r\n\r\n")
                return client.read_response().status
        except (ssl.SSLError, http1_client.Closed, ConnectionError) as why:
            return str(why) or type(why).__name__

    def refused(self, **labels):
        return self.beside.scrape().total(REFUSED, direction="inbound", **labels)

    def is_refused(self, what, words, leaf=None, alpn="weft-http/1.1"):
        """`words` stand in one new line of the sidecar's log."""
        before, seen = self.refused(), len(self._log())
        answer = self.call(leaf, alpn)
        check(not isinstance(answer, int), f"{what}: answered with {answer}")
        wait_until(lambda: self.refused() == before + 1, f"{what}: counted (the caller saw {answer})")
        wait_until(lambda: any(all(word in line for word in words) for line in self._log()[seen:]),
                   f"{what}: one line with {words}; the log has {self._log()[seen:]}")
        equal(self.replica.lines("refused"), [], f"{what}: requests that the application saw")
        sys.stderr.write(f"{what}: {self._log()[seen:]}\n")

    def _log(self):
        with open(self.beside.program.log_path, encoding="utf-8", errors="replace") as file:
            return [line for line in file.read().splitlines() if "refused" in line]


@case(seconds=CASE_SECONDS)
def callers_with_wrong_certificates_are_refused_by_name(t):
    caller = Caller(t)
    own = f"spiffe://{TRUST_DOMAIN}/ns/{NAMESPACE}/sa/web"
    claimed = f"spiffe://{TRUST_DOMAIN}/ns/{NAMESPACE}/sa/client"
    other_root = t.start(certificates.Authority(TRUST_DOMAIN))
    other_mesh = t.start(certificates.Authority("other.example"))
    mixed = t.start(IssuedByTheMesh(caller.mesh.control, "other.example"))
    good = t.start(IssuedByTheMesh(caller.mesh.control, TRUST_DOMAIN))

    equal(caller.call(good.issue(f"{NAMESPACE}/client"), step="good"), 200, "status of the right certificate")
    for mode in ("PERMISSIVE", "STRICT"):
        caller.mesh.set_mutual_tls(mode)
        caller.is_refused(f"{mode}, no certificate", ["no_certificate", own])
        caller.is_refused(f"{mode}, another root", ["untrusted_issuer", claimed, own], other_root.issue(f"{NAMESPACE}/client"))
        caller.is_refused(f"{mode}, another mesh", ["wrong_trust_domain", "spiffe://other.example/ns/shop/sa/client", own],
                          other_mesh.issue(f"{NAMESPACE}/client"))
        caller.is_refused(f"{mode}, another trust domain under our root",
                          ["wrong_trust_domain", "spiffe://other.example/ns/shop/sa/client", own],
                          mixed.issue(f"{NAMESPACE}/client"))
        caller.is_refused(f"{mode}, an old certificate", ["expired", claimed, own],
                          good.issue(f"{NAMESPACE}/client", ends="20240101000000Z"))
    both = [caller.mesh.visitor.ip, own]
    caller.is_refused("plain", ["no_filter_chain", "plain bytes on port 8080", *both], alpn=None)
    caller.is_refused("TLS of the application", ["no_filter_chain", "ALPN http/1.1 on port 8080", *both], alpn="http/1.1")


@case(seconds=CASE_SECONDS)
def plain_http_connections_end_when_they_are_no_longer_allowed(t):
    """A change of configuration closes nothing, but strict is for those that stand, too."""
    caller = Caller(t)
    mesh = caller.mesh
    with netns.network_of(mesh.visitor.pause.pid):
        kept, idle, begun = (t.start(http1_client.Client(servers.APPLICATION_PORT, caller.replica.pod.ip)) for _ in range(3))
    for client in (kept, idle, begun):
        client.send("GET /?step=before HTTP/1.1\r\nhost: web\r\n\r\n")
        equal(client.read_response().status, 200, "status of a plain request under permissive")
    mesh.shift({"v1": 50, "v2": 50})
    kept.send("GET /?step=before HTTP/1.1\r\nhost: web\r\n\r\n")
    equal(kept.read_response().status, 200, "status on the kept connection after a change that does not concern it")
    begun.send("GET /?step=after HTTP/1.1\r\n")
    wait_until(lambda: unread(caller.replica.pod) == 0, "the sidecar has read what came")
    mesh.set_mutual_tls("STRICT")
    for client in (kept, idle):
        check(client.at_end(), "a plain connection is still open under strict")
    begun.send("host: web\r\n\r\n")
    check(begun.at_end(), "a request that was half sent is served under strict")
    equal(caller.replica.lines("after"), [], "requests that the application saw")


@case(seconds=CASE_SECONDS)
def plain_websocket_ends_when_it_is_no_longer_allowed(t):
    caller = Caller(t)
    mesh, pod = caller.mesh, caller.replica.pod
    mesh.apply(objects.tcp_service("chat", CHAT_PORT).replace("TCP", "HTTP"), "web sockets")
    scene.serve(t, mesh, pod, "upgrade", CHAT_PORT)
    with netns.network_of(mesh.visitor.pause.pid):
        plain = t.start(http1_client.Client(CHAT_PORT, pod.ip))
    plain.send("GET / HTTP/1.1\r\nhost: chat\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
    check(b" 101 " in plain.take_line(), "the protocol is switched")
    while plain.take_line():
        pass
    plain.send("once\n")
    equal(plain.take_line(), b"once", "what came back")
    mesh.shift({"v1": 50, "v2": 50})
    plain.send("again\n")
    equal(plain.take_line(), b"again", "what came back after a change that does not concern it")
    mesh.set_mutual_tls("STRICT")
    check(plain.at_end(), "the web socket is still open under strict")


def unread(pod):
    """Bytes that the sidecar's inbound connections have received and nobody has taken."""
    lines = pod.run("ss", "-Htn", "state", "established", "( sport = :15006 )").splitlines()
    check(lines, "no connection stands")
    return sum(int(line.split()[0]) for line in lines)


@case(seconds=CASE_SECONDS)
def opaque_plain_connections_end_when_they_are_no_longer_allowed(t):
    caller = Caller(t)
    mesh, pod = caller.mesh, caller.replica.pod
    mesh.apply(objects.tcp_service("echo", ECHO_PORT), "bytes")
    for nginx in mesh.nginxes:
        scene.serve(t, mesh, nginx.pod, "echo", ECHO_PORT)
    with netns.network_of(mesh.visitor.pause.pid):
        plain = t.start(http1_client.Client(ECHO_PORT, pod.ip))
    with netns.network_of(mesh.client.pause.pid):
        mutual = t.start(http1_client.Client(ECHO_PORT, mesh.control.virtual_address("echo", NAMESPACE)))
    for client in (plain, mutual):
        client.send("once\n")
        equal(client.take_line(), b"once", "what came back")
    mesh.set_mutual_tls("STRICT")
    check(plain.at_end(), "the plain connection is still open under strict")
    cut = {"direction": "inbound", "reason": "no_filter_chain"}
    wait_until(lambda: caller.beside.scrape().total("weft_tcp_connections_total", **cut) == 1, "the cut is counted")
    mutual.send("again\n")
    equal(mutual.take_line(), b"again", "what came back over mutual TLS")


def says(beside, pattern):
    """The first match in a proxy's log, or None."""
    with open(beside.program.log_path, encoding="utf-8", errors="replace") as file:
        return re.search(pattern, file.read())


@case(seconds=CASE_SECONDS)
def tokens_that_are_no_good_are_refused_by_name_and_age(t):
    mesh = scene.start(t)
    control = mesh.control

    def new_token(*flags):
        return control.weft("token", "create", "--identity", f"{NAMESPACE}/web", *flags).stdout.strip()

    def id_of(token):
        return token.split(".")[1]

    used, expired, revoked = new_token("--uses", "1"), new_token("--ttl", "1s"), new_token("--uses", "9")
    first = scene.lone_sidecar(t, mesh, mesh.network.pod("first"), used)
    first.program.wait_ready(first.is_ready)
    control.weft("token", "revoke", id_of(revoked))
    forged = ".".join([*used.split(".")[:2], new_token().split(".")[2], used.split(".")[3]])
    made = time.monotonic()
    wait_until(lambda: time.monotonic() - made > 1.1, "the token's second is over")
    for name, token, words in (("used", used, r"used up \(1 of 1 uses\) \d+s ago"), ("expired", expired, r"expired \d+s ago"),
                               ("revoked", revoked, r"revoked \d+s ago"), ("forged", forged, "secret does not match")):
        beside = scene.lone_sidecar(t, mesh, mesh.network.pod(name), token)
        wait_until(lambda b=beside, i=id_of(token), w=words: says(b, f"join token {i}: {w}"),
                   f"the proxy says why its token is refused ({name})", 20)
        check(not beside.is_ready(), f"{name}: it is ready without a certificate")
        with open(control.program.log_path, encoding="utf-8") as file:
            log = file.read()
        check(re.search(f"join token {id_of(token)}: {words}", log), f"{name}: weft-control's log names the token and why")
        for text in (log, beside.program.last_words(1000)):
            check(token.split(".")[2] not in text, f"{name}: the secret stands in a log")
        equal(beside.scrape().total("weft_identity_enrollments_total"), 0, f"{name}: certificates that it got")
        check(beside.scrape().total("weft_identity_failures_total") >= 1, f"{name}: its failure is counted")


if __name__ == "__main__":
    cases.main(__file__)
