"""The mesh of deploy/scene as a test uses it: small, in the case's own folder, with the programs under test."""

import os
import tempfile

from deploy.scene import load, sidecar
from deploy.scene.mesh import Mesh
from deploy.scene.programs import Program
from tests.support import programs
from tests.support.cases import wait_until

TRAFFIC = os.path.join(programs.ROOT, "tests", "netns", "traffic.py")


def start(t, *, replicas=1, control_flags=()):
    """A running mesh that ends with the case."""
    lack = os.environ.get("WEFT_NAMESPACES_LACK")
    if lack or os.geteuid() != 0:
        t.skip(f"no namespaces here: {lack or 'tests/run gives the rights'}")
    for name, package in (("nginx", "nginx-light"), ("h2load", "nghttp2-client"), ("curl", None)):
        programs.debian(name, package)
    folder = t.start(tempfile.TemporaryDirectory(prefix="weft-mesh-"))
    keys = os.path.join(folder, "keys")
    os.mkdir(keys, 0o700)
    paths = {"WEFT": programs.weft(), "WEFT_PROXY": programs.weft_proxy(), "WEFT_CONTROL": programs.weft_control()}
    return t.start(Mesh(paths, folder, keys, replicas=replicas, control_flags=control_flags))


def lone_sidecar(t, mesh, pod, token, *flags):
    """A proxy in a new pod of the mesh: started, but neither waited for nor given any traffic."""
    pod.set_names(mesh.names)
    beside = sidecar.Sidecar(pod, mesh.programs["WEFT_PROXY"], mesh.control, token, mesh.folder, mesh.identity, flags=flags)
    t.stack.callback(beside.program.kill)
    beside.program.start()
    return beside


def traffic(t, mesh, pod, name, *arguments):
    """tests/netns/traffic.py in a pod: a deploy.scene Program."""
    program = Program(name, ["/usr/bin/python3", TRAFFIC, *(str(one) for one in arguments)], mesh.folder, pod).start()
    t.stack.callback(program.kill)
    return program


def serve(t, mesh, pod, kind, port):
    """A server of traffic.py, listening."""
    traffic(t, mesh, pod, f"{pod.name}.{kind}", kind, port)
    wait_until(lambda: f":{port} " in pod.run("ss", "-ltn"), f"{kind} listens in {pod.name}")


def begin_load(mesh, step, requests=6000, per_second=2000):
    """Load from the client pod that has begun to arrive."""
    work = load.Load(mesh.client, mesh.folder, step, requests, per_second).start()
    wait_until(lambda: any(nginx.lines(step) for nginx in mesh.nginxes), "the first request of the load")
    return work
