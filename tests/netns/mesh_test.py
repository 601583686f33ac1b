#!/usr/bin/env python3
"""A whole mesh of real programs in namespaces, as in deploy/demo, with one replica of each version: what happens to traffic when
configuration, processes and identities change.

Source: issue 3, points 3 to 5 and "what bad input and bad luck get".
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from deploy.scene import objects, servers, sidecar, watch  # noqa: E402
from deploy.scene.mesh import URL  # noqa: E402
from deploy.scene.programs import Program  # noqa: E402
from tests.support import cases, programs  # noqa: E402
from tests.support.cases import case, check, equal, wait_until, within  # noqa: E402
from tests.support.scene import begin_load, start  # noqa: E402

CASE_SECONDS = 120


def curl(pod, url, *flags):
    """(status, body); "000" when nothing answered."""
    done = subprocess.run(pod.enter() + [programs.debian("curl"), "-s", "--max-time", "20", "-w", "\n%{http_code}", *flags, url],
                          stdout=subprocess.PIPE, text=True, check=False)
    body, _, status = done.stdout.rpartition("\n")
    return status, body


@case(seconds=CASE_SECONDS)
def weights_are_followed_and_nothing_fails_while_they_change(t):
    mesh = start(t)
    work = begin_load(mesh, "moving")
    for weights in ((90, 10), (50, 50), (0, 100), (70, 30)):
        mesh.shift(dict(zip(("v1", "v2"), weights)))
        check(work.running(), "the load ended before the last change")
    result = work.result()
    equal(result.failed, 0, "failed requests")
    equal(sum(mesh.wait_counted("moving", result.total).values()), result.total, "requests that the replicas saw")
    begin_load(mesh, "still").result()
    within(mesh.wait_counted("still", 6000)["v2"] / 60, 27, 33, "percent of v2")


@case(seconds=CASE_SECONDS)
def control_plane_killed_under_load_harms_nothing(t):
    mesh = start(t)
    work = begin_load(mesh, "killed", 10000)
    mesh.control.program.kill()
    for number in range(20):  # new connections, too
        equal(curl(mesh.client, f"{URL}?step=new")[0], "200", f"status of new connection {number} without a control plane")
    check(work.running(), "the load ended too early")
    mesh.control.start()
    mesh.shift({"v1": 0, "v2": 100})  # every sidecar came back by itself
    result = work.result()
    equal(result.failed, 0, "failed requests")
    check("v2" in curl(mesh.client, URL)[1], "the route that was applied after the restart")


@case(seconds=CASE_SECONDS)
def restarted_sidecar_comes_back_by_its_certificate(t):
    mesh = start(t)
    client = mesh.sidecars["client"]
    client.program.kill()
    client.program.start()  # its token had one use, which is taken
    client.program.wait_ready(client.is_ready)
    equal(curl(mesh.client, URL)[0], "200", "status after the restart")
    token = next(entry for entry in mesh.control.read("token", "list")["tokens"] if entry["identity"] == "shop/client")
    equal(token["usesTaken"], 1, "uses of the token")


@case(seconds=CASE_SECONDS)
def strict_refuses_plain_callers_and_permissive_counts_them(t):
    mesh = start(t)
    replica = mesh.nginxes[0]
    beside = mesh.sidecars[replica.pod.name]
    url = f"http://{replica.pod.ip}:{servers.APPLICATION_PORT}/?step=plain"

    equal(curl(mesh.visitor, url)[0], "200", "status under permissive, which is the default")
    wait_until(lambda: beside.scrape().total(watch.REQUESTS, direction="inbound", tls="plain") == 1, "the plain request is counted")
    mesh.set_mutual_tls("STRICT")
    equal(curl(mesh.visitor, url)[0], "000", "status under strict")
    wait_until(lambda: beside.scrape().total("weft_connections_refused_total", direction="inbound") >= 1, "the refusal is counted")
    equal(len(replica.lines("plain")), 1, "plain requests that the application saw")
    equal(curl(mesh.client, URL)[0], "200", "status of a caller with a certificate")
    mesh.set_mutual_tls("PERMISSIVE")
    equal(curl(mesh.visitor, url)[0], "200", "status after going back")


@case(seconds=CASE_SECONDS)
def pod_that_calls_its_own_service_works(t):
    mesh = start(t)
    pod = mesh.nginxes[0].pod
    status, body = curl(pod, f"{URL}?step=own")
    equal((status, body.split()), ("200", [pod.name, "v1"]), "answer")
    told = mesh.nginxes[0].lines("own")[0][3]
    equal(told.count("/ns/shop/sa/web"), 2, f"both ends are the same identity ({told})")


@case(seconds=CASE_SECONDS)
def services_are_called_by_ipv6_too(t):
    mesh = start(t)
    if not mesh.network.ipv6:
        t.skip("no IPv6 in network namespaces here")
    address = mesh.control.virtual_address("web", objects.NAMESPACE, ":")
    for pod in (mesh.client, mesh.nginxes[0].pod):  # another pod, and the pod itself
        status, body = curl(pod, f"{URL}?step=v6", "-6", "--resolve", f"web.shop:80:[{address}]")
        equal((status, body.split()), ("200", [mesh.nginxes[0].pod.name, "v1"]), f"answer to {pod.name}")
    equal(len(mesh.nginxes[0].lines("v6")), 2, "requests")


@case(seconds=CASE_SECONDS)
def replica_with_another_identity_than_expected_gets_nothing(t):
    mesh = start(t)
    replica = mesh.nginxes[0]
    labels = {"app": "web", "version": "v1"}
    mesh.apply(objects.workload(replica.pod.name, replica.pod.ip, "somebody", labels), "it is said to be somebody else")
    status, body = curl(mesh.client, f"{URL}?step=wrong")
    equal(status, "503", f"status ({body})")
    equal(replica.lines("wrong"), [], "requests that it saw")
    check("spiffe://" in mesh.sidecars["client"].program.last_words(40), "the client's sidecar logs the identities")


@case(seconds=CASE_SECONDS)
def post_is_never_sent_twice(t):
    mesh = start(t)
    pod = mesh.nginxes[0].pod
    mesh.nginxes[0].program.kill()
    noted = os.path.join(mesh.folder, "noted")
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "one_answerer.py")
    server = Program("answerer", ["/usr/bin/python3", script, str(servers.APPLICATION_PORT), noted], mesh.folder, pod).start()
    t.stack.callback(server.kill)
    wait_until(lambda: curl(mesh.client, f"{URL}?warm")[0] == "200", "the server answers")
    statuses = [curl(mesh.client, f"{URL}?post={number}", "--data", "x=1")[0] for number in range(30)]
    check("200" in statuses and any(status >= "500" for status in statuses), f"statuses: {statuses}")
    with open(noted, encoding="ascii") as file:
        posts = [line for line in file.read().split() if "post=" in line]
    equal(sorted(posts), sorted(set(posts)), "each POST at most once")
    equal(len(posts), 30, "every POST arrived")


if __name__ == "__main__":
    cases.main(__file__)
