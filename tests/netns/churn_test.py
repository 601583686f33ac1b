#!/usr/bin/env python3
"""Configuration and certificates that change all the time, under load: no request fails and no connection is closed.

Source: issue 3, "must show" 5: 100 changes, each visible in under a second; 60-second certificates for ten minutes at 2,000
requests a second with ten renewals of each proxy. An ordinary run has short forms of both.
"""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from deploy.scene import load, objects  # noqa: E402
from deploy.scene.objects import NAMESPACE  # noqa: E402
from tests.support import cases  # noqa: E402
from tests.support.cases import case, check, equal, wait_until  # noqa: E402
from tests.support.scene import begin_load, start  # noqa: E402

CHANGES, LONG_CHANGES = 20, 100
VISIBLE_SECONDS = 1.0
CASE_SECONDS = 180


def total(mesh, name, **labels):
    """Sum over all sidecars."""
    return sum(beside.scrape().total(name, **labels) for beside in mesh.sidecars.values())


def renewals(mesh):
    """Of the sidecar with the fewest."""
    return min(beside.scrape().total("weft_identity_renewals_total") for beside in mesh.sidecars.values())


def changes(mesh):
    """Endless: (what, function that makes one change and waits until every sidecar has accepted it)."""
    spare = mesh.nginxes[-1]

    def without_a_replica():
        mesh.control.weft("delete", "workloadentry", spare.pod.name, "-n", NAMESPACE)
        mesh.apply(mesh.workload(mesh.nginxes[0]), "nothing new, for its revision")

    number = 0
    while True:
        number += 1
        yield "weights", lambda: mesh.shift({"v1": number % 100 + 1, "v2": 100})
        yield "an endpoint less", without_a_replica
        yield "a route's timeout", lambda: mesh.apply(objects.route({"v1": 1, "v2": 1}, f"{10 + number}s"), "timeout")
        yield "an endpoint more", lambda: mesh.apply(mesh.workload(spare), "a replica comes")


@case(seconds=CASE_SECONDS)
def changes_of_all_kinds_under_load_harm_nothing(t):
    mesh = start(t, replicas=2, control_flags=["--workload-cert-ttl", "10s"])
    count = LONG_CHANGES if cases.Options.long else CHANGES
    work = begin_load(mesh, "churn", requests=500 * count, per_second=1000)
    accepted = total(mesh, "weft_connections_total", direction="outbound")
    many = changes(mesh)
    slowest = 0.0
    for _ in range(count):
        what, change = next(many)
        began = time.monotonic()
        change()
        slowest = max(slowest, time.monotonic() - began)
        check(time.monotonic() - began < VISIBLE_SECONDS, f"{what}: not in all sidecars after {time.monotonic() - began:.2f} s")
    check(work.running(), "the load ended before the last change")
    result = work.result()
    sys.stderr.write(f"{count} changes, the slowest visible after {slowest:.2f} s; p99 {result.quantile_ms(0.99):.1f} ms\n")
    equal(result.failed, 0, "failed requests")
    equal(sum(mesh.wait_counted("churn", result.total).values()), result.total, "requests that the replicas saw")
    equal(total(mesh, "weft_connections_total", direction="outbound"), accepted, "connections of the client: none was opened anew")
    check(accepted >= load.CONNECTIONS, f"{accepted} connections")
    check(renewals(mesh) >= 1, "each sidecar has renewed its certificate meanwhile")


@case(seconds=CASE_SECONDS)
def certificates_are_renewed_under_load(t):
    lifetime, seconds, least, rate = (60, 600, 10, 2000) if cases.Options.long else (10, 20, 2, 1000)
    mesh = start(t, control_flags=["--workload-cert-ttl", f"{lifetime}s"])
    result = begin_load(mesh, "renewing", requests=seconds * rate, per_second=rate).result()
    equal(result.failed, 0, "failed requests")
    wait_until(lambda: renewals(mesh) >= least, f"{least} renewals of each sidecar; the fewest are {renewals(mesh)}", 5)
    equal(total(mesh, "weft_identity_failures_total"), 0, "renewals that failed")
    ends = [entry["notAfter"] for entry in mesh.control.read("certs")["certificates"] if entry["role"] == "workload"]
    equal(len(ends), len(mesh.sidecars), "certificates that are known")


if __name__ == "__main__":
    cases.main(__file__)
