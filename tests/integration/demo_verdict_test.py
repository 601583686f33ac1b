#!/usr/bin/env python3
"""deploy/demo --check says no when a promise is not kept (tests/netns/mesh_test.py has the mesh itself)."""

import copy
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from deploy.scene import verdict  # noqa: E402
from deploy.scene.story import Outcome, Plain, Step  # noqa: E402
from tests.support import cases  # noqa: E402
from tests.support.cases import case, equal  # noqa: E402

GOOD = Outcome(
    plain=[Plain("permissive", "200", 1, 0), Plain("strict", "000", 0, 1)],
    steps=[Step({"v1": 90, "v2": 10}, 5000, 0, {"v1": 4500, "v2": 500}, 1.0, 2.0)],
    curl={"new": (10, 0)},
    identities={("spiffe://a/ns/shop/sa/client", "spiffe://a/ns/shop/sa/web"): 5010},
    served={"v1": 4509, "v2": 501}, outbound=(5010, 5010), inbound=(5010, 5010), prometheus={"v1": 4509, "v2": 501})


def broken(change):
    """What does not hold after `change`."""
    outcome = copy.deepcopy(GOOD)
    change(outcome)
    return [text.split(":")[0] for holds, text in verdict.checks(outcome) if not holds]


@case
def good_figures_pass(_):
    equal(broken(lambda outcome: None), [], "what does not hold")


@case
def each_broken_promise_is_named(_):
    def set_(name, value):
        return lambda outcome: setattr(outcome, name, value)

    equal(broken(lambda o: setattr(o.steps[0], "by_version", {"v1": 4390, "v2": 610})), ["split"], "2.2 points off")
    equal(broken(lambda o: setattr(o.steps[0], "failed", 1)), ["failed requests"], "one failed")
    equal(broken(set_("curl", {"new": (10, 1)})), ["failed requests"], "one of curl failed")
    equal(broken(set_("outbound", (5010, 5009))), ["mutual TLS"], "one plain at the client")
    equal(broken(set_("inbound", (5011, 5011))), ["mutual TLS"], "one too many at the replicas")
    equal(broken(set_("identities", {("nobody", "nobody"): 5010})), ["identities"], "no identities")
    equal(broken(lambda o: setattr(o.plain[1], "status", "200")), ["plain connection under strict"], "answered under strict")
    equal(broken(lambda o: setattr(o.plain[0], "answered", 0)), ["plain connection under permissive"], "not counted")
    equal(broken(set_("prometheus", {"v1": 4509})), ["Prometheus"], "other totals in Prometheus")
    equal(len(broken(set_("served", {"v1": 4510, "v2": 501}))), 2, "a request that came twice")
    equal(broken(lambda o: setattr(o.steps[0], "requests", 4999))[0], "split", "too few requests")


if __name__ == "__main__":
    cases.main(__file__)
