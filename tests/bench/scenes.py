"""The scenes: each starts every kind of proxy once, then measures them in interleaved rounds."""

import contextlib

from tests.bench import capture_rules, kinds, live_ads, load
from tests.support import cases, certificates, process

CONNECTIONS = 32
IDLE = 1000


class Sample:
    """One round of one proxy in one scene."""

    def __init__(self, cost, per, wrk=None, milliseconds=None):
        self.user = cost.user * 1e6 / per      # µs per request, or per transfer
        self.system = cost.system * 1e6 / per
        self.others = cost.others
        self.rate = wrk.rate if wrk else None
        self.p50 = wrk.p50 if wrk else None
        self.p99 = wrk.p99 if wrk else None
        self.milliseconds = milliseconds
        self.problems = wrk.problems if wrk else []


class Row:
    """All rounds of one proxy in one scene: medians."""

    def __init__(self, scene, rules, kind, samples):
        self.scene, self.rules, self.kind, self.samples = scene, rules, kind, samples

    def median(self, name):
        values = [getattr(sample, name) for sample in self.samples]
        return None if values[0] is None else load.median(values)

    @property
    def cpu(self):
        return load.median([sample.user + sample.system for sample in self.samples])

    @property
    def problems(self):
        return [problem for sample in self.samples for problem in sample.problems]


class Bench:
    """Owns the cores, the backend and the list of kinds of one run."""

    def __init__(self, every, backend, *, proxy_cpu, load_cpu, seconds, rounds, say):
        self.kinds, self.backend = every, backend
        self.proxy_cpu, self.load_cpu = proxy_cpu, load_cpu
        self.seconds, self.rounds, self.say = seconds, rounds, say
        self.missing = {}

    # Starting the proxies of a scene. Each returns (kind, entry port, processes) in order.
    def _start(self, stack, make):
        started = []
        for kind in self.kinds:
            port = process.free_port()
            try:
                processes = [stack.enter_context(one) for one in make(kind, port)]
            except (cases.Skip, cases.CheckFailed) as why:
                self.missing[kind.name] = str(why)
                self.say(f"  {kind.name}: {why}")
                continue
            started.append((kind, port, processes))
        return started

    def _http(self, stack):
        return self._start(stack, lambda kind, port: [
            kind.http(port, self.backend.port, self.proxy_cpu)])

    def _tcp(self, stack):
        return self._start(stack, lambda kind, port: [
            kind.tcp(port, self.backend.port, self.proxy_cpu)])

    @staticmethod
    def _roles(stack):
        return kinds.Roles(stack.enter_context(certificates.Authority()))

    def _pair(self, stack):
        roles = self._roles(stack)

        def make(kind, port):
            middle = process.free_port()
            yield kind.tls_in(middle, self.backend.port, roles, self.proxy_cpu)
            yield kind.tls_out(port, middle, roles, self.proxy_cpu)

        return self._start(stack, make)

    # Measuring.
    def _request_round(self, port, processes, address):
        load.wrk(port, 1, CONNECTIONS, self.load_cpu, address)
        cost = load.Cost(processes, self.proxy_cpu)
        result = load.wrk(port, self.seconds, CONNECTIONS, self.load_cpu, address)
        return Sample(cost.stop(), result.requests, result)

    def _bulk_round(self, port, processes, address):
        times = max(8, 4 * self.seconds)
        load.bulk(port, 1)
        cost = load.Cost(processes, self.proxy_cpu)
        taken = load.bulk(port, times)
        return Sample(cost.stop(), times, milliseconds=load.median(taken))

    def _rounds(self, scene, started, one_round, rules):
        samples = {kind.name: [] for kind, _, _ in started}
        for number in range(self.rounds):
            for order, (kind, port, processes) in enumerate(started):
                if rules:
                    sample = one_round(80, processes, capture_rules.CaptureRules.address(order))
                else:
                    sample = one_round(port, processes, "127.0.0.1")
                samples[kind.name].append(sample)
                self.say(f"  {scene}{' +rules' if rules else ''} round {number + 1} {kind.name}: "
                         f"{sample.user:.1f} + {sample.system:.1f} µs"
                         + (f", {sample.rate:.0f}/s" if sample.rate else
                            f", {sample.milliseconds:.0f} ms")
                         + (f"  {sample.problems}" if sample.problems else ""))
        return [Row(scene, rules, kind.name, samples[kind.name]) for kind, _, _ in started]

    def _requests(self, scene, start, rules_too, one_round=None):
        rows = []
        one_round = one_round or self._request_round
        with contextlib.ExitStack() as stack:
            started = start(stack)
            rows += self._rounds(scene, started, one_round, False)
            if rules_too:
                ports = [port for _, port, _ in started]
                with capture_rules.CaptureRules(ports):
                    rows += self._rounds(scene, started, one_round, True)
        return rows

    # The scenes by name.
    def http(self):
        return self._requests("http", self._http, True)

    def tcp(self):
        return self._requests("tcp", self._tcp, True)

    def mtls(self):
        return self._requests("mtls", self._pair, True)

    def bulk(self):
        return self._requests("bulk", self._http, False, self._bulk_round)

    def bulk_mtls(self):
        return self._requests("bulk-mtls", self._pair, False, self._bulk_round)

    def memory(self):
        """{kind: figures in bytes} of idle processes and idle connections."""
        figures = {}
        for kind in self.kinds:
            with contextlib.ExitStack() as stack:
                self.kinds, whole = [kind], self.kinds
                try:
                    one = self._figures(stack)
                finally:
                    self.kinds = whole
                if one:
                    figures[kind.name] = one
                    self.say(f"  memory {kind.name}: " + ", ".join(
                        f"{name} {value / 1e6:.2f} MB" for name, value in one.items()))
        return figures

    def _figures(self, stack):
        # Footprints first and with the backend down: it is an nginx and would share its pages.
        self.backend.kill()
        with contextlib.ExitStack() as inner:
            first = self._http(inner)
            if first:
                alone = first[0][2][0].memory()
                second = self._http(inner)[0][2][0].memory()
        self.backend.launch()
        self.backend.wait_ready()
        if not first:
            return None
        figures = {"pss": alone.pss, "private": alone.private, "anonymous": alone.anonymous,
                   "second": second.private}
        if first[0][0].name == "weft-proxy":
            figures["second-ads"] = live_ads.second_proxy(self.proxy_cpu).private
        for name, start in (("idle-http", self._http), ("idle-tcp", self._tcp)):
            with contextlib.ExitStack() as inner:
                started = start(inner)
                if started:
                    figures[name] = self._idle(started[0][1], started[0][2])
        roles = self._roles(stack)
        inbound = self._start(stack, lambda kind, port: [
            kind.tls_in(port, self.backend.port, roles, self.proxy_cpu)])
        if inbound:
            figures["idle-mtls"] = self._idle(inbound[0][1], inbound[0][2], roles.client_context())
        return figures

    def _idle(self, port, processes, tls=None):
        """Private memory that 1,000 idle connections add, over all processes of the scene."""
        def private():
            return sum(one.memory().private for one in processes)

        warm = load.idle_connections(port, 10, tls)
        before = private()
        connections = load.idle_connections(port, IDLE, tls)
        added = private() - before
        for client in warm + connections:
            client.close()
        return added * 1000 // IDLE

    def system_calls(self, scene):
        """[(kind, part, {call: per request})] of one scene; the two proxies of a pair are parts of their own."""
        start = {"http": self._http, "tcp": self._tcp, "mtls": self._pair}[scene]
        with contextlib.ExitStack() as stack:
            found = []
            for kind, port, processes in start(stack):
                calls = load.system_calls(processes, port, 3, CONNECTIONS, self.load_cpu)
                parts = ("inbound", "outbound") if len(calls) == 2 else ("",)
                found += [(kind.name, part, of_one) for part, of_one in zip(parts, calls)]
            return found
