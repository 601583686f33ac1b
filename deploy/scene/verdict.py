"""Judges what the demo measured: one line per promise, and the figures behind it."""

MOST_POINTS = 2.0
LEAST_REQUESTS = 5_000


def table(outcome):
    """The measured figures, a line for each step."""
    versions = list(outcome.steps[0].weights)
    head = "weights".ljust(10) + "requests  failed" + "".join(version.rjust(11) for version in versions)
    yield head + "        p50        p99"
    for step in outcome.steps:
        yield ("/".join(str(weight) for weight in step.weights.values()).ljust(10) + f"{step.requests:8}{step.failed:8}" +
               "".join(f"{step.share(version):9.2f} %" for version in versions) +
               f"{step.p50_ms:8.2f} ms{step.p99_ms:8.2f} ms")


def checks(outcome):
    """[(holds, text)]"""
    steps = outcome.steps
    worst = max(abs(step.share(version) - weight) for step in steps for version, weight in step.weights.items())
    requests = sum(step.requests for step in steps)
    failed = sum(step.failed for step in steps) + sum(bad for _, bad in outcome.curl.values())
    everything = requests + sum(count for count, _ in outcome.curl.values())
    fewest = min(step.requests for step in steps)
    yield (worst <= MOST_POINTS and fewest >= LEAST_REQUESTS,
           f"split: at most {worst:.2f} points off over {fewest} requests a step" +
           ("" if fewest >= LEAST_REQUESTS else f", too few to judge: {LEAST_REQUESTS} are needed"))
    curls = ", ".join(f"{count} of curl over {kind} connections" for kind, (count, _) in outcome.curl.items())
    yield (failed == 0 and all(count > 0 for count, _ in outcome.curl.values()),
           f"failed requests: {failed} of {everything} ({requests} of h2load, {curls}; curl through all changes)")
    yield (sum(outcome.served.values()) == everything,
           f"the replicas served {sum(outcome.served.values())} requests: none lost, none twice")
    yield (outcome.outbound == (everything, everything) and outcome.inbound == (everything, everything),
           f"mutual TLS: {outcome.outbound[1]:.0f} of {outcome.outbound[0]:.0f} requests at the client's sidecar, "
           f"{outcome.inbound[1]:.0f} of {outcome.inbound[0]:.0f} at the replicas'")
    pairs = [f"{caller} → {called}" for caller, called in outcome.identities]
    named = len(pairs) == 1 and all(name.startswith("spiffe://") for pair in outcome.identities for name in pair)
    yield named, "identities: " + ", ".join(pairs)
    for plain in outcome.plain:
        if plain.mode == "strict":
            yield (plain.status == "000" and plain.answered == 0 and plain.refused >= 1,
                   f"plain connection under strict: refused, counted {plain.refused:.0f}")
        else:
            yield (plain.status == "200" and plain.answered == 1 and plain.refused == 0,
                   f"plain connection under permissive: answered {plain.status}, counted {plain.answered:.0f}")
    yield (outcome.prometheus == outcome.served,
           "Prometheus: " + ", ".join(f"{version} {count}" for version, count in sorted(outcome.prometheus.items())) +
           "; the replicas: " + ", ".join(f"{version} {count}" for version, count in sorted(outcome.served.items())))
