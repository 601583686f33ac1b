#!/usr/bin/env python3
"""TCPRoute, TLSRoute, BackendTLSPolicy and appProtocol: applied with `weft`, followed by real sidecars in namespaces, and judged in
the status of each object.

Source: issue 4, point 6.
"""

import contextlib
import os
import socket
import ssl
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from deploy.scene import objects, pods, sidecar  # noqa: E402
from deploy.scene import control as scene_control  # noqa: E402
from deploy.scene.objects import NAMESPACE, documents, workload  # noqa: E402
from deploy.scene.programs import Program  # noqa: E402
from tests.support import cases, certificates, http1_client, l4_server, netns, programs  # noqa: E402
from tests.support.cases import case, check, equal, wait_until, within  # noqa: E402
from tests.support.control import Control  # noqa: E402

CASE_SECONDS = 120
SERVER = os.path.join(programs.ROOT, "tests", "support", "l4_server.py")
CONNECTIONS = 600


def service(name, port, protocol, selector, target=None):
    return (f"apiVersion: weft.dev/v1\nkind: Service\nmetadata: {{name: {name}, namespace: {NAMESPACE}}}\n"
            f"spec:\n  ports: [{{name: main, port: {port}, targetPort: '{target or port}', appProtocol: {protocol}}}]\n"
            f"  selector: {selector}\n")


def gateway(kind, name, spec):
    return (f"apiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: {NAMESPACE}}}\n"
            f"spec:\n{spec}")


def l4_route(kind, name, parent, backends, hostnames=()):
    """`backends` is {"service:port": weight}."""
    parent, _, port = parent.partition(":")
    refs = "".join("    - {name: %s, port: %s, weight: %d}\n" % (*backend.split(":"), weight) for backend, weight in backends.items())
    names = f"  hostnames: [{', '.join(repr(host) for host in hostnames)}]\n" if hostnames else ""
    return gateway(kind, name, f"  parentRefs: [{{kind: Service, group: '', name: {parent}, port: {port}}}]\n{names}"
                               f"  rules:\n  - backendRefs:\n{refs}")


def backend_tls(service_name, hostname, config_map="roots"):
    return gateway("BackendTLSPolicy", service_name, f"  targetRefs: [{{kind: Service, group: '', name: {service_name}}}]\n"
                   f"  validation:\n    hostname: {hostname}\n    caCertificateRefs: [{{kind: ConfigMap, group: '', name: {config_map}}}]\n")


def config_map(name, pem):
    text = "".join(f"    {line}\n" for line in pem.splitlines())
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {NAMESPACE}}}\ndata:\n  ca.crt: |\n{text}"


class Shop:
    """Two pods `old` and `new` with servers and sidecars, one `outside` of the mesh, and a client with a sidecar."""

    def __init__(self, t):
        lack = os.environ.get("WEFT_NAMESPACES_LACK")
        if lack or os.geteuid() != 0:
            t.skip(f"no namespaces here: {lack or 'tests/run gives the rights'}")
        self.t = t
        self.folder = t.start(tempfile.TemporaryDirectory(prefix="weft-l4-"))
        self.authority = t.start(certificates.Authority())
        self.network = t.start(pods.Network(self.folder))
        self.programs = []
        paths = {"WEFT": programs.weft(), "WEFT_PROXY": programs.weft_proxy(), "WEFT_CONTROL": programs.weft_control()}
        self.control = scene_control.Control(self.network.pod("control"), paths, self.folder, os.path.join(self.folder, "control"))
        self._own(self.control.program)
        self.control.start()
        self.pods = {name: self.network.pod(name) for name in ("client", "old", "new", "outside")}
        entries = [workload(name, self.pods[name].ip, account, {"app": name})
                   for name, account in (("client", "client"), ("old", "db"), ("new", "db"))]
        entries.append(workload("outside", self.pods["outside"].ip, "default", {"app": "outside"})
                       .replace("serviceAccount: default", "tlsMode: DISABLE"))
        revision = self.control.apply(documents(*entries))
        self.sidecars = {}
        for name, account in (("client", "client"), ("old", "db"), ("new", "db")):
            beside = sidecar.Sidecar(self.pods[name], paths["WEFT_PROXY"], self.control,
                                     self.control.token(f"{NAMESPACE}/{account}", 1), self.folder, self.folder)
            beside.capture()
            self._own(beside.program).start()
            self.sidecars[name] = beside
        for beside in self.sidecars.values():
            beside.program.wait_ready(beside.is_ready)
        self.control.wait_in_step(len(self.sidecars), revision)

    def _own(self, program):
        self.t.stack.callback(program.kill)
        self.programs.append(program)
        return program

    def log_tail(self):
        return "\n".join(f"[{program.name}]\n{program.last_words()}" for program in self.programs)

    def serve(self, pod, kind, name, port, *more):
        self._own(Program(f"{pod}.{name}", ["/usr/bin/python3", SERVER, kind, name, str(port), *more], self.folder,
                          self.pods[pod])).start()
        wait_until(lambda: f":{port} " in self.pods[pod].run("ss", "-ltn"), f"{name} listens in {pod}")

    def apply(self, *texts):
        self.control.wait_in_step(len(self.sidecars), self.control.apply(documents(*texts)))

    def delete(self, kind, name):
        self.control.weft("delete", kind, name, "-n", NAMESPACE)
        revision = int(self.control.read("log")["revisions"][0]["revision"])
        self.control.wait_in_step(len(self.sidecars), revision)

    def address(self, name):
        return self.control.virtual_address(name, NAMESPACE)

    def in_client(self):
        return netns.network_of(self.pods["client"].pause.pid)

    def greeting(self, name, port):
        with self.in_client(), socket.create_connection((self.address_of[name], port), 10) as connection:
            text = b""
            while data := connection.recv(100):
                text += data
        return text.decode()

    def know(self, *names):
        self.address_of = {name: self.address(name) for name in names}

    def conditions(self, kind, name):
        """{type: condition} of the first parent or ancestor."""
        status = self.control.read("get", kind, name, "-n", NAMESPACE)["status"]
        return {entry["type"]: entry for entry in next(iter(status.values()))[0]["conditions"]}


def counts(shop, name, port, connections):
    seen = {}
    for _ in range(connections):
        text = shop.greeting(name, port)
        seen[text] = seen.get(text, 0) + 1
    return seen


@case(seconds=CASE_SECONDS)
def tcp_route_splits_connections_and_the_server_speaks_first(t):
    shop = t.start(contextlib.nullcontext(Shop(t)))
    for name in ("old", "new"):
        shop.serve(name, "greet", name, 3306)
    shop.apply(service("sql", 3306, "mysql", "{app: old}"), service("sql-old", 3306, "mysql", "{app: old}"),
               service("sql-new", 3306, "mysql", "{app: new}"))
    shop.know("sql")
    equal(counts(shop, "sql", 3306, 5), {"old": 5}, "before any route")

    shop.apply(l4_route("TCPRoute", "sql", "sql:3306", {"sql-old:3306": 90, "sql-new:3306": 10}))
    equal([shop.conditions("tcproute", "sql")[word]["status"] for word in ("Accepted", "ResolvedRefs")], ["True", "True"], "status")
    seen = counts(shop, "sql", 3306, CONNECTIONS)
    equal(sum(seen.values()), CONNECTIONS, "connections answered")
    within(100 * seen.get("new", 0) / CONNECTIONS, 5, 15, f"percent of new ({seen})")
    sys.stderr.write(f"90/10 of {CONNECTIONS}: {seen}\n")

    shop.apply(l4_route("TCPRoute", "sql", "sql:3306", {"sql-old:3306": 0, "sql-new:3306": 10}))
    equal(counts(shop, "sql", 3306, 20), {"new": 20}, "after the shift")
    # A backend that is not there keeps its share, which is refused.
    shop.apply(l4_route("TCPRoute", "sql", "sql:3306", {"gone:3306": 1}))
    equal(shop.conditions("tcproute", "sql")["ResolvedRefs"]["reason"], "BackendNotFound", "reason")
    equal(refused_or(lambda: shop.greeting("sql", 3306)), "", "what a refused connection gets")
    shop.delete("tcproute", "sql")
    equal(counts(shop, "sql", 3306, 5), {"old": 5}, "after the route is gone")


def refused_or(ask):
    """What was read; nothing when the connection was reset."""
    try:
        return ask()
    except ConnectionError:
        return ""


def ask_tls(shop, name, server_name, port=443, preamble=b""):
    """(what the server says, the certificate that it showed) over TLS of the client's own. `preamble` is said first, and agreed to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(shop.authority.certificate)
    with contextlib.ExitStack() as stack:
        stack.enter_context(shop.in_client())
        plain = stack.enter_context(socket.create_connection((shop.address_of[name], port), 10))
        if preamble:
            plain.sendall(preamble)
            equal(plain.recv(1), b"S", "answer to the preamble")
        sealed = stack.enter_context(context.wrap_socket(plain, server_hostname=server_name))
        certificate = ssl.DER_cert_to_PEM_cert(sealed.getpeercert(True))
        sealed.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        text = b""
        while data := sealed.recv(4096):
            text += data
        return text.rpartition(b"\r\n\r\n")[2].decode(), certificate


def first_certificate(path):
    with open(path, encoding="ascii") as file:
        text = file.read()
    end = "-----END CERTIFICATE-----\n"
    return text[text.index("-----BEGIN"):text.index(end) + len(end)]


@case(seconds=CASE_SECONDS)
def tls_route_goes_by_server_name_and_nobody_opens_the_bytes(t):
    shop = t.start(contextlib.nullcontext(Shop(t)))
    leaves = {}
    for name, pod, port in (("old", "old", 8443), ("new", "new", 8443), ("default", "old", 8444)):
        leaves[name] = shop.authority.issue("any/any", dns=(f"{name}.test",))
        shop.serve(pod, "tls", name, port, leaves[name].chain, leaves[name].key)
    shop.apply(service("edge", 443, "tls", "{app: old}", 8444), service("edge-old", 443, "https", "{app: old}", 8443),
               service("edge-new", 443, "tls", "{app: new}", 8443),
               l4_route("TLSRoute", "exact", "edge:443", {"edge-old:443": 1}, ["a.shop.test"]),
               l4_route("TLSRoute", "wild", "edge:443", {"edge-new:443": 1}, ["*.shop.test"]))
    shop.know("edge")
    for server_name, wanted in (("a.shop.test", "old"), ("b.shop.test", "new"), ("c.b.shop.test", "new"),
                                ("shop.test", "default"), ("other.test", "default"), (None, "default")):
        said, certificate = ask_tls(shop, "edge", server_name)
        equal(said, f"{wanted} {server_name}", f"answer for {server_name}")
        equal(certificate, first_certificate(leaves[wanted].chain), f"certificate for {server_name}")
        sys.stderr.write(f"server name {server_name}: {said}\n")
    # The older route keeps a name that another one wants, too.
    shop.apply(l4_route("TLSRoute", "late", "edge:443", {"edge-new:443": 1}, ["a.shop.test"]))
    late = shop.conditions("tlsroute", "late")["Accepted"]
    equal((late["status"], late["reason"]), ("False", "Conflicted"), "status of the younger")
    equal(ask_tls(shop, "edge", "a.shop.test")[0], "old a.shop.test", "answer for the older")


@case(seconds=CASE_SECONDS)
def postgres_is_routed_by_the_name_behind_its_question(t):
    shop = t.start(contextlib.nullcontext(Shop(t)))
    for name, port in (("old", 5432), ("new", 5433)):
        leaf = shop.authority.issue("any/any", dns=(f"{name}.test",))
        shop.serve("outside", "postgres", name, port, leaf.chain, leaf.key)
    shop.apply(service("pg", 5432, "postgres", "{app: outside}"), service("pg-new", 5432, "postgres", "{app: outside}", 5433))
    shop.know("pg")
    question = l4_server.SSL_REQUEST
    equal(ask_tls(shop, "pg", "new.db.test", 5432, question)[0], "old new.db.test", "before any route: bytes")
    shop.apply(l4_route("TLSRoute", "pg", "pg:5432", {"pg-new:5432": 1}, ["*.db.test"]))
    for server_name, wanted in (("new.db.test", "new"), ("other.test", "old")):
        equal(ask_tls(shop, "pg", server_name, 5432, question)[0], f"{wanted} {server_name}", f"answer for {server_name}")


@case(seconds=CASE_SECONDS)
def postgres_behind_a_sidecar_is_asked_inside_the_tls_of_the_mesh(t):
    """The question went to the peer's sidecar in the clear, which does not know it."""
    shop = t.start(contextlib.nullcontext(Shop(t)))
    for name in ("old", "new"):
        leaf = shop.authority.issue("any/any", dns=(f"{name}.test",))
        shop.serve(name, "postgres", name, 5432, leaf.chain, leaf.key)
    shop.apply(service("pg", 5432, "postgres", "{app: old}"), service("pg-new", 5432, "postgres", "{app: new}"),
               l4_route("TLSRoute", "pg", "pg:5432", {"pg-new:5432": 1}, ["*.db.test"]))
    shop.know("pg")
    for server_name, wanted in (("new.db.test", "new"), ("other.test", "old")):
        said, _ = ask_tls(shop, "pg", server_name, 5432, l4_server.SSL_REQUEST)
        equal(said, f"{wanted} {server_name}", f"answer for {server_name}")


def get(shop, name):
    with shop.in_client(), contextlib.closing(http1_client.Client(80, shop.address_of[name])) as client:
        return client.request("GET", "/", host=name)


@case(seconds=CASE_SECONDS)
def backend_tls_policy_begins_tls_and_checks_the_server(t):
    shop = t.start(contextlib.nullcontext(Shop(t)))
    leaf = shop.authority.issue("any/any", dns=("pay.example.test",))
    shop.serve("outside", "tls", "pay", 8443, leaf.chain, leaf.key)
    with open(shop.authority.certificate, encoding="ascii") as file:
        roots = file.read()
    shop.apply(service("pay", 80, "http", "{app: outside}", 8443), config_map("roots", roots), backend_tls("pay", "pay.example.test"))
    shop.know("pay")
    equal(shop.conditions("backendtlspolicy", "pay")["Accepted"]["status"], "True", "Accepted")
    answer = get(shop, "pay")
    equal((answer.status, answer.body), (200, b"pay pay.example.test"), "answer with the right name")

    stranger = t.start(certificates.Authority())
    with open(stranger.certificate, encoding="ascii") as file:
        others = file.read()
    for texts, word in (((backend_tls("pay", "wrong.example.test"),), "wrong_identity"),
                        ((backend_tls("pay", "pay.example.test"), config_map("roots", others)), "untrusted_issuer")):
        shop.apply(*texts)
        answer = get(shop, "pay")
        equal((answer.status, answer.header("x-weft-reason")), (503, "upstream_tls"), f"answer under {word}")
        wait_until(lambda word=word: word in shop.sidecars["client"].program.last_words(50), f"{word} in the log of the client's sidecar")
    # Whom to trust is gone: refused, and never plain.
    shop.delete("configmap", "roots")
    status = shop.conditions("backendtlspolicy", "pay")
    equal((status["Accepted"]["reason"], status["ResolvedRefs"]["reason"]), ("NoValidCACertificate", "InvalidCACertificateRef"), "status")
    equal(get(shop, "pay").status, 503, "answer without anybody to trust")
    shop.apply(config_map("roots", roots))
    equal(get(shop, "pay").status, 200, "answer after the certificates are back")


UNREADABLE = {
    "HTTPRoute on mysql": (l4_route("HTTPRoute", "r", "sql:3306", {"web:80": 1}), "httproute", "UnsupportedProtocol", "bytes"),
    "HTTPRoute on tls": (l4_route("HTTPRoute", "r", "edge:443", {"web:80": 1}), "httproute", "UnsupportedProtocol", "encrypted"),
    "HTTPRoute on grpc": (l4_route("HTTPRoute", "r", "rpc:9000", {"web:80": 1}), "httproute", "UnsupportedProtocol", "HTTP/1 only"),
    "TCPRoute on http": (l4_route("TCPRoute", "r", "web:80", {"sql:3306": 1}), "tcproute", "UnsupportedProtocol", "HTTPRoute"),
    "TLSRoute on mysql": (l4_route("TLSRoute", "r", "sql:3306", {"sql:3306": 1}, ["a.test"]), "tlsroute", "UnsupportedProtocol",
                          "ClientHello"),
    "TCPRoute on nothing": (l4_route("TCPRoute", "r", "gone:3306", {"sql:3306": 1}), "tcproute", "NoMatchingParent", "not exist"),
}


@case
def rule_on_a_port_that_cannot_be_read_is_not_accepted(t):
    control = t.start(Control())
    done = control.apply(documents(service("sql", 3306, "mysql", "{app: a}"), service("edge", 443, "https", "{app: a}"),
                                   service("web", 80, "kubernetes.io/ws", "{app: a}"), service("rpc", 9000, "kubernetes.io/h2c", "{app: a}")))
    equal(done.returncode, 0, done.stderr)
    for name, (text, kind, reason, word) in UNREADABLE.items():
        done = control.apply(text)
        equal(done.returncode, 0, f"{name}: {done.stderr}")
        check("warning" in done.stderr.lower() + done.stdout.lower(), f"{name}: apply does not warn: {done.stdout} {done.stderr}")
        accepted = next(entry for entry in control.read("get", kind, "r", "-n", NAMESPACE)["status"]["parents"][0]["conditions"]
                        if entry["type"] == "Accepted")
        equal((accepted["status"], accepted["reason"]), ("False", reason), name)
        check(word in accepted["message"], f"{name}: {accepted['message']}")
        sys.stderr.write(f"{name}: {accepted['reason']}: {accepted['message']}\n")
        yaml = control.weft("get", kind, "r", "-n", NAMESPACE, "-o", "yaml").stdout
        check(f"reason: {reason}" in yaml, f"{name}: {yaml}")
        equal(control.weft("delete", kind, "r", "-n", NAMESPACE).returncode, 0, f"delete of {name}")


WRONG = {
    "two_rules": (l4_route("TCPRoute", "r", "sql:3306", {"sql:3306": 1}) + "  - backendRefs: [{name: sql, port: 3306}]\n", 9, "spec.rules[1]"),
    "no_backend": (gateway("TCPRoute", "r", "  parentRefs: [{kind: Service, name: sql}]\n  rules: [{}]\n"), 6, "spec.rules[0].backendRefs"),
    "gateway_parent": (gateway("TLSRoute", "r", "  parentRefs: [{name: sql}]\n  hostnames: [a.test]\n"
                               "  rules: [{backendRefs: [{name: sql, port: 1}]}]\n"), 5, "spec.parentRefs[0].kind"),
    "no_names": (gateway("TLSRoute", "r", "  parentRefs: [{kind: Service, name: sql}]\n  hostnames: []\n"
                         "  rules: [{backendRefs: [{name: sql, port: 1}]}]\n"), 6, "spec.hostnames"),
    "address_as_name": (gateway("TLSRoute", "r", "  parentRefs: [{kind: Service, name: sql}]\n  hostnames: [a.test, 10.0.0.1]\n"
                                "  rules: [{backendRefs: [{name: sql, port: 1}]}]\n"), 6, "spec.hostnames[1]"),
    "weight": (l4_route("TCPRoute", "r", "sql:3306", {"sql:3306": -1}), 8, "spec.rules[0].backendRefs[0].weight"),
    "whom_to_trust": (gateway("BackendTLSPolicy", "p", "  targetRefs: [{kind: Service, name: pay}]\n"
                              "  validation:\n    hostname: a.test\n"), 6, "spec.validation"),
    "option": (backend_tls("pay", "a.test") + "  options:\n    weft.dev/min-tls-version: '1.1'\n", 10, "spec.options"),
    "alt_name": (backend_tls("pay", "a.test") + "    subjectAltNames:\n    - {type: URI, hostname: a}\n", 10,
                 "spec.validation.subjectAltNames[0].hostname"),
    "protocols": (service("web", 80, "mysql", "{app: a}").replace("appProtocol", "protocol: HTTP, appProtocol"), 5,
                  "spec.ports[0].appProtocol"),
}


@case
def wrong_object_is_refused_by_line_and_field(t):
    control = t.start(Control())
    for name, (text, line, field) in WRONG.items():
        done = control.apply(text)
        equal(done.returncode, 1, f"exit code of {name} ({done.stderr.strip()})")
        check(any(f":{line}:" in row and field in row for row in done.stderr.splitlines()),
              f"{name}: expected line {line} and field {field}, saw {done.stderr}")
    done = control.apply(service("web", 80, "example.com/own", "{app: a}"))
    equal(done.returncode, 0, f"a domain's own protocol ({done.stderr})")
    check("is not known; the first bytes tell" in done.stderr + done.stdout, f"no warning: {done.stdout} {done.stderr}")


@case(seconds=CASE_SECONDS)
def registry_only_resets_what_no_service_owns_and_says_so(t):
    shop = t.start(contextlib.nullcontext(Shop(t)))
    for port in (7000, 7001):
        shop.serve("outside", "greet", str(port), port)
    shop.apply(service("known", 7000, "mysql", "{app: outside}"))
    shop.know("known")
    shop.address_of["outside"] = shop.pods["outside"].ip
    equal(shop.greeting("outside", 7001), "7001", "a destination that no service owns, under ALLOW_ANY")
    shop.apply("apiVersion: weft.dev/v1\nkind: MeshConfig\nmetadata: {name: default}\n"
               "spec: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}\n")
    equal(shop.greeting("known", 7000), "7000", "a service")
    equal(refused_or(lambda: shop.greeting("outside", 7001)), "", "what the others get")
    refused = {"direction": "outbound", "reason": "unknown_destination"}
    wait_until(lambda: shop.sidecars["client"].scrape().total("weft_connections_refused_total", **refused) == 1, "the refusal is counted")


if __name__ == "__main__":
    cases.main(__file__)
