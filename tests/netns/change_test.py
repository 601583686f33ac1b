#!/usr/bin/env python3
"""Configuration, certificates and the control plane change under load, and nobody who uses the mesh notices: no request fails, no
connection is closed, and each change shows in the traffic itself in under a second, counted from the start of `weft apply`.

Source: issue 3, "must show" 5. An ordinary run has short forms; `--long` makes 100 changes, and 60-second certificates for ten
minutes at 2,000 requests a second.
"""

import contextlib
import json
import os
import signal
import ssl
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from deploy.scene import objects  # noqa: E402
from deploy.scene.objects import NAMESPACE  # noqa: E402
from tests.support import cases, http1_client, netns, scene  # noqa: E402
from tests.support.cases import case, check, equal, wait_until  # noqa: E402

VISIBLE_SECONDS = 1.0
SHORTEST_LIFETIME = 10  # of a certificate, in seconds: weft-control signs none that is shorter
STREAK = 12  # answers of others in a row: then a replica of two is no longer called
ECHO_PORT = 9000


class Traffic:
    """What traffic.py does in the client pod."""

    def __init__(self, t, mesh, name, *arguments):
        self.program = scene.traffic(t, mesh, mesh.client, name, *arguments)

    def running(self):
        return self.program.alive()

    def result(self):
        os.kill(self.program.process.pid, signal.SIGTERM)
        equal(self.program.process.wait(30), 0, f"exit code of the load ({self.program.last_words()})")
        return json.loads(self.program.last_words(1))


class Probe:
    """One kept connection from the client pod to the service: what does the next request get?"""

    def __init__(self, t, mesh):
        self.mesh = mesh
        with netns.network_of(mesh.client.pause.pid):
            self.client = http1_client.Client(80, mesh.names[f"web.{NAMESPACE}"])
        t.stack.callback(self.client.close)

    def ask(self):
        """(replica, version, value of the header that the route adds)"""
        self.client.send(f"GET /?step=probe HTTP/1.1\r\nhost: web.{NAMESPACE}\r\n\r\n")
        answer = self.client.read_response()
        equal(answer.status, 200, "status of a probe")
        replica, version = answer.body.decode().split()
        return replica, version, answer.header("x-change")


class Churn:
    """A mesh, the traffic through it, and the changes. Each change is a method that returns the seconds until it showed."""

    def __init__(self, t, per_second, **more):
        self.t = t
        self.mesh = scene.start(t, **more)
        self.mesh.apply(objects.tcp_service("echo", ECHO_PORT), "bytes")
        self.weights, self.change = {"v1": 100, "v2": 0}, 0
        self.slowest, self.made = {}, {}
        for nginx in self.mesh.nginxes:
            scene.serve(t, self.mesh, nginx.pod, "echo", ECHO_PORT)
        web, echo = self.mesh.names[f"web.{NAMESPACE}"], self.mesh.control.virtual_address("echo", NAMESPACE)
        self.opaque = Traffic(t, self.mesh, "opaque", "opaque", echo, ECHO_PORT, 20)
        self.fresh = Traffic(t, self.mesh, "fresh", "fresh", web, 80, "/?step=fresh", 4, 20)
        self.load = Traffic(t, self.mesh, "kept", "kept", web, 80, "/?step=load", 16, per_second)
        self.probe = Probe(t, self.mesh)
        wait_until(lambda: any(nginx.lines("load") for nginx in self.mesh.nginxes), "the first request of the load")

    # What may change.
    def route(self):
        self.change += 1
        return self._apply("route", lambda: self.probe.ask()[2] == str(self.change))

    def turn_weights(self):
        self.weights = {"v1": self.weights["v2"], "v2": self.weights["v1"]}
        return self._apply("weights", lambda: self.probe.ask()[1] == self.active())

    def active(self):
        return next(version for version, weight in self.weights.items() if weight)

    def _apply(self, kind, shows):
        return self._timed(kind, lambda: self.mesh.control.apply(self.wanted_route(), kind), shows)

    def wanted_route(self):
        header = f'responseHeaderModifier: {{set: [{{name: x-change, value: "{self.change}"}}]}}'
        return objects.route(self.weights).replace(
            "backendRefs:", f"filters: [{{type: ResponseHeaderModifier, {header}}}]\n    backendRefs:")

    def remove_endpoint(self):
        """The second replica of the version that has the traffic."""
        gone = f"web-{self.active()}-2"

        def shows():
            return gone not in [self.probe.ask()[0] for _ in range(STREAK)]

        delete = ["delete", "workloadentry", gone, "-n", NAMESPACE]
        return self._timed("endpoint less", lambda: self.mesh.control.weft(*delete), shows)

    def add_endpoint(self):
        replica = next(nginx for nginx in self.mesh.nginxes if nginx.pod.name == f"web-{self.active()}-2")
        text = objects.workload(replica.pod.name, replica.pod.ip, "web", {"app": "web", "version": replica.version})
        return self._timed("endpoint more", lambda: self.mesh.control.apply(text, "endpoint"),
                           lambda: self.probe.ask()[0] == replica.pod.name)

    def certificate(self):
        """The next renewal of any sidecar: seconds from the new file to the first handshake that shows it."""
        before = {name: self._identity(name) for name in self.mesh.sidecars}

        def renewed():
            return next((name for name in before if self._identity(name) != before[name]), None)

        name = wait_until(renewed, "a certificate is renewed", 2 * SHORTEST_LIFETIME)
        return self._timed("certificate", lambda: None, lambda: self._shown(name) in self._identity(name))

    def _identity(self, name):
        with open(os.path.join(self.mesh.sidecars[name].identity, "identity.pem"), encoding="ascii") as file:
            return file.read()

    def _shown(self, name):
        """The certificate, as PEM, that a caller sees at that pod's sidecar."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["weft-http/1.1"])
        with netns.network_of(self.mesh.visitor.pause.pid), contextlib.closing(http1_client.Client(
                8080, self.mesh.network.pods[name].ip, tls=context)) as client:
            return ssl.DER_cert_to_PEM_cert(client.socket.getpeercert(True)).strip()

    def _timed(self, kind, change, shows):
        began = time.monotonic()
        change()
        wait_until(shows, f"the change shows in the traffic ({kind})")
        took = time.monotonic() - began
        self.made[kind] = self.made.get(kind, 0) + 1
        self.slowest[kind] = max(self.slowest.get(kind, 0), took)
        return took

    # What must hold.
    def total(self, name, **labels):
        return sum(beside.scrape().total(name, **labels) for beside in self.mesh.sidecars.values())

    def fewest(self, name, **labels):
        return min(beside.scrape().total(name, **labels) for beside in self.mesh.sidecars.values())

    def nobody_noticed(self):
        """Ends the traffic. Returns the load's figures."""
        check(self.load.running() and self.fresh.running() and self.opaque.running(), "the traffic ended by itself")
        load, fresh, opaque = self.load.result(), self.fresh.result(), self.opaque.result()
        sys.stderr.write(f"kept: {load}\nfresh: {fresh}\nopaque: {opaque}\n")
        for what, seen, connections in (("kept", load, 16), ("fresh", fresh, fresh["requests"]), ("opaque", opaque, 1)):
            equal((seen["failed"], seen["closed"], seen["connects"], seen["faults"]), (0, 0, connections, []),
                  f"{what}: failed requests, connections that were closed, connections that were made, faults")
        equal(self.total("weft_config_rejections_total"), 0, "resources that a proxy refused")
        for step, sent in (("load", load), ("fresh", fresh)):
            served = sum(len(nginx.lines(step)) for nginx in self.mesh.nginxes)
            equal(served, sent["requests"], f"requests that the replicas saw ({step})")
        return load


@case(seconds=300)
def changes_of_all_kinds_show_at_once_and_harm_nothing(t):
    churn = Churn(t, 500, replicas=2, control_flags=["--workload-cert-ttl", f"{SHORTEST_LIFETIME}s"])
    rounds = 20 if cases.Options.long else 4
    for _ in range(rounds):
        for change in (churn.remove_endpoint, churn.route, churn.add_endpoint, churn.turn_weights, churn.certificate):
            took = change()
            check(took < VISIBLE_SECONDS, f"{change.__name__} showed after {took:.2f} s")
    told = ", ".join(f"{count} × {kind}: at most {1000 * churn.slowest[kind]:.0f} ms" for kind, count in churn.made.items())
    load = churn.nobody_noticed()
    sys.stderr.write(f"{sum(churn.made.values())} changes ({told}) under {load['requests']} requests, 0 failed, 0 reconnects\n")


@case(seconds=900)
def short_lived_certificates_are_renewed_under_load(t):
    lifetime, seconds, per_second, least = (60, 600, 2000, 10) if cases.Options.long else (SHORTEST_LIFETIME, 40, 500, 5)
    churn = Churn(t, per_second, control_flags=["--workload-cert-ttl", f"{lifetime}s"])
    began, before = time.monotonic(), churn.fewest("weft_identity_renewals_total")
    wait_until(lambda: time.monotonic() - began > seconds or not churn.load.running(), "the time of the load", seconds + 10)
    renewals = churn.fewest("weft_identity_renewals_total") - before
    failures = churn.total("weft_identity_failures_total")
    load = churn.nobody_noticed()
    check(load["requests"] >= 0.95 * per_second * seconds, f"the load was {load['requests'] / seconds:.0f} requests a second")
    check(renewals >= least, f"renewals of the proxy with the fewest: {renewals}, at least {least} are expected")
    equal(failures, 0, "renewals that failed")
    sys.stderr.write(f"{lifetime} s certificates for {seconds} s: at least {renewals:.0f} renewals of each of "
                     f"{len(churn.mesh.sidecars)} proxies, {load['requests']} requests, 0 failed\n")


@case(seconds=180)
def control_plane_killed_again_and_again_harms_nothing(t):
    """Kill -9 right after an apply was acknowledged, while certificates are renewed; each time all proxies come back by
    themselves."""
    churn = Churn(t, 500, control_flags=["--workload-cert-ttl", f"{SHORTEST_LIFETIME}s"])
    control = churn.mesh.control
    for _ in range(3):
        churn.change += 1
        acknowledged = control.apply(churn.wanted_route(), "the last before the end")
        control.program.kill()
        wait_until(lambda: churn.total("weft_control_plane_connected") == 0, "every proxy has lost its stream")
        control.start()
        wait_until(lambda: churn.fewest("weft_control_plane_connected") == 1, "every proxy is connected again", 30)
        equal(control.apply(churn.wanted_route()), acknowledged, "revision after applying the same once more")
        wait_until(lambda: churn.probe.ask()[2] == str(churn.change), "what was acknowledged is in force")
        churn.turn_weights()
    renewed = churn.fewest("weft_identity_renewals_total")
    wait_until(lambda: churn.fewest("weft_identity_renewals_total") > renewed, "every proxy renews after the last restart",
               2 * SHORTEST_LIFETIME)
    churn.nobody_noticed()


if __name__ == "__main__":
    cases.main(__file__)
