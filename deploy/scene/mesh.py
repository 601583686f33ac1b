"""The whole scene: control plane, a client, the replicas of two versions of one service, a visitor outside of the mesh."""

import contextlib
import os

from deploy.scene import objects, pods, servers, sidecar
from deploy.scene.control import METRICS_PORT, Control
from deploy.scene.objects import NAMESPACE
from deploy.scene.programs import wait_until

SERVICE = f"web.{NAMESPACE}"
URL = f"http://{SERVICE}/"
VERSIONS = ("v1", "v2")


class Mesh:
    """A context manager. `programs` are the paths WEFT, WEFT_PROXY and WEFT_CONTROL; `folder` takes all files, `identity` is a
    tmpfs for keys. `say` gets one line for each step of the start. `control_flags` are further ones of weft-control."""

    def __init__(self, programs, folder, identity, *, replicas=2, control_flags=(), say=lambda text: None):
        self.programs, self.folder, self.identity = programs, folder, identity
        self.replicas = replicas
        self.control_flags = control_flags
        self.say = say
        self.network = pods.Network(folder)
        self.control = self.client = self.visitor = None
        self.nginxes, self.sidecars = [], {}
        self._programs = []
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.network)
            self._stack = stack
            self._start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind, value, trace):
        self._stack.close()

    def _start(self):
        self.say("weft-control, with a store and a certificate authority of its own")
        self.control = Control(self.network.pod("control"), self.programs, self.folder, os.path.join(self.folder, "control"),
                               self.control_flags)
        self._run(self.control.program)
        self.control.start()

        for version in VERSIONS:
            for number in range(1, self.replicas + 1):
                self._replica(version, number)
        self.client = self.network.pod("client")
        self.visitor = self.network.pod("visitor")
        self.say(f"objects: service web with its versions, {len(self.nginxes)} replicas, one client")
        revision = self.control.apply(self._objects(), "the shop opens")
        self._tell_names()
        self.say("sidecars: join token, certificate, routes, captured traffic")
        self._sidecar(self.client, "client")
        for nginx in self.nginxes:
            self._sidecar(nginx.pod, "web")
        for beside in self.sidecars.values():
            beside.program.wait_ready(beside.is_ready)
        self.control.wait_in_step(len(self.sidecars), revision)

    def _run(self, program):
        """Its end is the scene's: nothing of it is needed any more, so nothing is waited for."""
        self._programs.append(program)
        self._stack.callback(program.kill)
        return program

    def log_tail(self):
        """After a failure: what each program said last."""
        return "\n".join(f"[{program.name}]\n{program.last_words()}" for program in self._programs)

    def _replica(self, version, number):
        pod = self.network.pod(f"web-{version}-{number}")
        nginx = servers.Nginx(pod, version, self.folder)
        self._run(nginx.program).start().wait_ready(nginx.is_ready)
        self.nginxes.append(nginx)

    def _objects(self):
        texts = [objects.service("web"), *(objects.service(f"web-{version}", version) for version in VERSIONS)]
        texts += [self.workload(nginx) for nginx in self.nginxes]
        texts.append(objects.workload("client", self.client.ip, "client", {"app": "client"}))
        return objects.documents(*texts, objects.route({"v1": 100, "v2": 0}))

    @staticmethod
    def workload(nginx):
        """The object of a replica."""
        return objects.workload(nginx.pod.name, nginx.pod.ip, "web", {"app": "web", "version": nginx.version})

    def _tell_names(self):
        """Every pod can call the mesh's names; those of the mesh know where the control plane is."""
        self.names = {sidecar.CONTROL: self.control.pod.ip}
        for name in ("web", *(f"web-{version}" for version in VERSIONS)):
            self.names[f"{name}.{NAMESPACE}"] = self.control.virtual_address(name, NAMESPACE)
        for pod in self.network.pods.values():
            pod.set_names(self.names)

    def _sidecar(self, pod, account):
        token = self.control.token(f"{NAMESPACE}/{account}", 1)
        beside = sidecar.Sidecar(pod, self.programs["WEFT_PROXY"], self.control, token, self.folder, self.identity)
        beside.capture()  # before anything connects, as in any pod
        self._run(beside.program).start()
        self.sidecars[pod.name] = beside

    def add_prometheus(self):
        """A server in a pod of its own, that scrapes every sidecar and the control plane. Returns its pod."""
        pod = self.network.pod("prometheus")
        names = {name: beside.pod.ip for name, beside in self.sidecars.items()}
        pod.set_names({**names, sidecar.CONTROL: self.control.pod.ip})
        program = servers.prometheus(pod, {
            "sidecars": [f"{name}:{sidecar.METRICS_PORT}" for name in names],
            "control": [f"{sidecar.CONTROL}:{METRICS_PORT}"]}, self.folder)
        self._run(program).start()
        return pod, program

    def apply(self, text, message):
        """Applies, and waits until every sidecar has accepted it."""
        revision = self.control.apply(text, message)
        self.control.wait_in_step(len(self.sidecars), revision)
        return revision

    def shift(self, weights):
        return self.apply(objects.route(weights), " / ".join(f"{version} {weight}" for version, weight in weights.items()))

    def set_mutual_tls(self, mode):
        return self.apply(objects.mutual_tls(mode), f"mutual TLS {mode.lower()}")

    def counted(self, step):
        """{version: requests} of one step, as the replicas' own logs have them."""
        counts = dict.fromkeys(VERSIONS, 0)
        for nginx in self.nginxes:
            counts[nginx.version] += len(nginx.lines(step))
        return counts

    def wait_counted(self, step, expected):
        wait_until(lambda: sum(self.counted(step).values()) >= expected, lambda: f"{expected} requests in the logs of nginx, "
                   f"which have {self.counted(step)}", 10.0)
        return self.counted(step)
