#!/usr/bin/env python3
"""A proxy that has no configuration yet: early connections wait for it, bounded, and are served when it arrives; else they get
one clear error.

Source: issue 3, "what bad input and bad luck get".
"""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from deploy.scene import servers  # noqa: E402
from deploy.scene.objects import NAMESPACE  # noqa: E402
from tests.support import cases, http1_client, netns, programs, scene  # noqa: E402
from tests.support.cases import case, check, equal, wait_until  # noqa: E402

CASE_SECONDS = 120
HOLD_SECONDS = 2
LATE_SECONDS = 1.5  # how much later an error may come: the wait for the first bytes that tell HTTP, and a busy machine


def early(t, *flags):
    """A mesh without its control plane, and in it a pod whose sidecar has just started: (mesh, sidecar)."""
    mesh = scene.start(t)
    token = mesh.control.token(f"{NAMESPACE}/client", 1)
    mesh.control.program.kill()
    pod = mesh.network.pod("early")
    application = servers.Nginx(pod, "v0", mesh.folder)
    t.stack.callback(application.program.kill)
    application.program.start().wait_ready(application.is_ready)
    beside = scene.lone_sidecar(t, mesh, pod, token, *flags)
    beside.capture()
    wait_until(lambda: listens(pod, 15001) and listens(pod, 15006), "the captured ports are held")
    return mesh, beside


def listens(pod, port):
    return f":{port} " in pod.run("ss", "-ltn")


def curl(t, pod, url):
    child = subprocess.Popen([*pod.enter(), programs.debian("curl"), "-s", "--max-time", "30", "-w", " %{http_code}", url],
                             stdout=subprocess.PIPE, text=True)
    t.stack.callback(child.kill)
    return child


def held(beside, count):
    """So many connections have come to the captured ports and stand there."""
    lines = beside.pod.run("ss", "-Htn", "state", "established", "( sport = :15001 or sport = :15006 )").splitlines()
    return len(lines) == count


@case(seconds=CASE_SECONDS)
def early_connections_are_served_when_the_configuration_comes(t):
    mesh, beside = early(t, "--hold-timeout", "60s")
    out = curl(t, beside.pod, f"http://web.{NAMESPACE}/?step=early")
    into = curl(t, mesh.visitor, f"http://{beside.pod.ip}:{servers.APPLICATION_PORT}/")
    wait_until(lambda: held(beside, 2), "both connections stand")
    check(not beside.is_ready(), "the proxy says that it is ready")
    check(out.poll() is None and into.poll() is None, "a call got its answer before there was a configuration")
    mesh.control.start()
    equal(out.communicate(timeout=30)[0], "web-v1-1 v1\n 200", "answer to the call that came too early")
    equal(into.communicate(timeout=30)[0], "early v0\n 200", "answer to the call to the application")
    wait_until(beside.is_ready, "the proxy is ready")
    equal(beside.scrape().total("weft_connections_refused_total"), 0, "connections that were refused")
    check("By=" in mesh.nginxes[0].lines("early")[0][3], "it went over mutual TLS")


@case(seconds=CASE_SECONDS)
def connections_that_waited_in_vain_get_one_clear_error(t):
    mesh, beside = early(t, "--hold-timeout", f"{HOLD_SECONDS}s")
    address = mesh.names[f"web.{NAMESPACE}"]
    with netns.network_of(beside.pod.pause.pid):
        began = time.monotonic()
        web, opaque = (t.start(http1_client.Client(80, address)) for _ in range(2))
    web.send("GET / HTTP/1.1\r\nhost: web\r\n\r\n")
    opaque.send("hello\n")
    answer = web.read_response()
    took = time.monotonic() - began
    cases.within(took, HOLD_SECONDS - 0.1, HOLD_SECONDS + LATE_SECONDS, "seconds until the answer")
    equal(answer.status, 503, f"status ({answer})")
    check("config" in answer.body.decode() + str(answer.headers), f"the answer says why: {answer}")
    sys.stderr.write(f"after {took:.2f} s: {answer}\n")
    check(web.at_end(), "the connection ends after its error")
    check(opaque.at_end(), "a connection that is not HTTP ends")
    cases.within(time.monotonic() - began, HOLD_SECONDS - 0.1, HOLD_SECONDS + 2 * LATE_SECONDS, "seconds until it ended")
    wait_until(lambda: beside.scrape().total("weft_connections_refused_total", reason="no_config") == 2, "both are counted")
    wait_until(lambda: beside.program.last_words(50).count("no configuration came in time") == 2, "both are in the log")
    mesh.control.start()
    wait_until(beside.is_ready, "the proxy becomes ready when the control plane is back", 40)
    later = curl(t, beside.pod, f"http://web.{NAMESPACE}/")
    equal(later.communicate(timeout=30)[0], "web-v1-1 v1\n 200", "answer to a later call")


if __name__ == "__main__":
    cases.main(__file__)
