"""What the demo does: plain callers first, then the canary in four steps, then the sums. Each part returns what it measured;
deploy/scene/verdict.py judges it."""

import subprocess
import time
from dataclasses import dataclass, field

from deploy.scene import load, screen, watch
from deploy.scene.mesh import VERSIONS
from deploy.scene.objects import NAMESPACE
from deploy.scene.pods import SceneError
from deploy.scene.programs import find, wait_until
from deploy.scene.servers import APPLICATION_PORT

STEPS = ((100, 0), (90, 10), (50, 50), (0, 100))
REQUESTS = 10_000  # of each step: at 50/50 two points are four standard deviations
PER_SECOND = 2_000
LOOK_SECONDS = 1.0


@dataclass
class Plain:
    """A call from a pod without sidecar, in one mode: curl's status ("000": no answer), and what the sidecar counted."""
    mode: str
    status: str
    answered: float
    refused: float


@dataclass
class Step:
    weights: dict
    requests: int
    failed: int
    by_version: dict  # as the replicas counted
    p50_ms: float
    p99_ms: float

    def share(self, version):
        return screen.percent(self.by_version[version], self.requests)


@dataclass
class Outcome:
    plain: list = field(default_factory=list)
    steps: list = field(default_factory=list)
    curl: dict = field(default_factory=dict)        # {kind of loop: (requests, failed)}, over all steps and changes
    identities: dict = field(default_factory=dict)  # {(caller, called) by their certificates: requests}
    served: dict = field(default_factory=dict)      # {version: requests} in the logs of all replicas, without the plain ones
    outbound: tuple = (0, 0)      # all, mutual: the client's sidecar
    inbound: tuple = (0, 0)       # all, mutual: the replicas' sidecars, without the plain ones
    prometheus: dict = field(default_factory=dict)  # {version: requests}


class Story:
    def __init__(self, mesh, prometheus, out, requests=REQUESTS, per_second=PER_SECOND):
        self.mesh, self.prometheus, self.out = mesh, prometheus, out
        self.requests, self.per_second = requests, per_second
        self.outcome = Outcome()

    def run(self):
        self.out.heading("A caller outside of the mesh, without a certificate")
        self._plain("permissive")
        self.mesh.set_mutual_tls("STRICT")
        self._plain("strict")
        loops = {kind: load.CurlLoop(self.mesh.client, self.mesh.folder, kind).start() for kind in (load.NEW, load.KEPT)}
        for number, weights in enumerate(STEPS, 1):
            self._step(number, dict(zip(VERSIONS, weights)))
        self.outcome.curl = {kind: loop.stop() for kind, loop in loops.items()}
        self._sums()
        return self.outcome

    def _plain(self, mode):
        target = self.mesh.nginxes[0].pod
        beside = self.mesh.sidecars[target.name]

        def counts():
            sample = beside.scrape()
            return (sample.total(watch.REQUESTS, direction="inbound", tls="plain"),
                    sample.total("weft_connections_refused_total", direction="inbound"))

        before = counts()
        done = subprocess.run(self.mesh.visitor.enter() + [
            find("curl", "curl"), "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10",
            f"http://{target.ip}:{APPLICATION_PORT}/?step=plain"], stdout=subprocess.PIPE, text=True, check=False)
        wait_until(lambda: counts() != before, f"{beside.program.name} counts a plain connection")
        after = counts()
        seen = Plain(mode, done.stdout, after[0] - before[0], after[1] - before[1])
        self.outcome.plain.append(seen)
        self.out.line(f"  {mode:10}  curl http://{target.name}:{APPLICATION_PORT}/ → "
                      f"{'refused' if seen.status == '000' else seen.status}   counted by its sidecar: "
                      f"{seen.answered:.0f} answered, {seen.refused:.0f} refused")

    def _step(self, number, weights):
        name = f"s{number}"
        told = ", ".join(f"{version} {weight} %" for version, weight in weights.items())
        self.out.heading(f"Step {number} of {len(STEPS)}: weft apply, {told}")
        began = time.monotonic()
        revision = self.mesh.shift(weights)
        self.out.line(f"  revision {revision} in all {len(self.mesh.sidecars)} sidecars after "
                      f"{1000 * (time.monotonic() - began):.0f} ms")
        seen = watch.Watch(self.mesh.sidecars["client"])
        work = load.Load(self.mesh.client, self.mesh.folder, name, self.requests, self.per_second).start()
        wait_until(lambda: not work.running() or any(nginx.lines(name) for nginx in self.mesh.nginxes), "the first request")
        for pair in self._identities(name):
            self.out.line(f"  {pair[0]} → {pair[1]}")
        while work.running():
            time.sleep(LOOK_SECONDS)
            self.out.again(screen.rates_line(*seen.look()))
        self.out.keep()
        result = work.result()
        by_version = self.mesh.wait_counted(name, result.total - result.failed)
        step = Step(weights, result.total, result.failed, by_version, result.quantile_ms(0.5), result.quantile_ms(0.99))
        self.outcome.steps.append(step)

    def _identities(self, step=None):
        """{(caller, called): requests}, out of the certificates, as the sidecars told them to the replicas."""
        pairs = {}
        for nginx in self.mesh.nginxes:
            for line in nginx.lines(step):
                if line[0] != "plain":
                    told = dict(part.partition("=")[::2] for part in line[3].split(";"))
                    pair = told.get("URI", "nobody"), told.get("By", "nobody")
                    pairs[pair] = pairs.get(pair, 0) + 1
        return pairs

    def _sums(self):
        outcome = self.outcome
        outcome.identities = self._identities()
        for version in VERSIONS:
            outcome.served[version] = sum(line[0] != "plain" for nginx in self.mesh.nginxes if nginx.version == version
                                          for line in nginx.lines())
        view = watch.View(self.mesh.sidecars["client"].scrape())
        outcome.outbound = (view.total, view.mutual)
        inbound = mutual = 0
        for nginx in self.mesh.nginxes:
            sample = self.mesh.sidecars[nginx.pod.name].scrape()
            inbound += sample.total(watch.REQUESTS, direction="inbound")
            mutual += sample.total(watch.REQUESTS, direction="inbound", tls="mutual")
        outcome.inbound = (inbound - sum(plain.answered for plain in outcome.plain), mutual)
        self._read_back(outcome)

    def _read_back(self, outcome):
        """Prometheus has the end only after its next scrape. What it has when the time is over is what counts."""
        expression = (f'sum by (destination_version) (weft_requests_total{{job="sidecars",direction="outbound",'
                      f'source_namespace="{NAMESPACE}"}})')

        def read():
            outcome.prometheus = {labels.get("destination_version", ""): int(value)
                                  for labels, value in self.prometheus.query(expression)}
            return outcome.prometheus == outcome.served

        try:
            wait_until(read, "Prometheus has the same totals", 15.0)
        except SceneError:
            self.out.line(f"  Prometheus says {outcome.prometheus}, the replicas {outcome.served}")
