"""The client's sidecar, looked at once a second: rates per version, success, latency of the last second."""

import time

from deploy.scene import metrics
from deploy.scene.mesh import VERSIONS

REQUESTS = "weft_requests_total"
DURATION = "weft_request_duration_seconds_bucket"


def went_well(labels):
    return labels.get("code_class") == "2xx" and labels.get("reason", "") in ("", "none")


class View:
    """What one scrape says of a proxy's outbound requests."""

    def __init__(self, sample):
        self.by_version = {version: sample.total(REQUESTS, direction="outbound", destination_version=version)
                           for version in VERSIONS}
        outbound = sample.select(REQUESTS, direction="outbound")
        self.total = sum(value for _, value in outbound)
        self.good = sum(value for labels, value in outbound if went_well(labels))
        self.mutual = sum(value for labels, value in outbound if labels.get("tls") == "mutual")
        self.buckets = {}
        for labels, value in sample.select(DURATION, direction="outbound"):
            bound = float(labels["le"])
            self.buckets[bound] = self.buckets.get(bound, 0) + value


class Watch:
    def __init__(self, sidecar):
        self.sidecar = sidecar
        self.begin = self.at = time.monotonic()
        self.last = View(sidecar.scrape())

    def look(self):
        """(seconds since the begin, {version: requests/s}, share that went well, p50, p99) since the look before."""
        now, view = time.monotonic(), View(self.sidecar.scrape())
        elapsed = max(now - self.at, 1e-3)
        total = view.total - self.last.total
        rates = {version: (count - self.last.by_version[version]) / elapsed for version, count in view.by_version.items()}
        buckets = [(bound, count - self.last.buckets.get(bound, 0)) for bound, count in view.buckets.items()]
        good = (view.good - self.last.good) / total if total else 1.0
        self.at, self.last = now, view
        return now - self.begin, rates, good, metrics.quantile(0.5, buckets), metrics.quantile(0.99, buckets)
