"""Prometheus: text that a program exposes, read by ourselves, and the server's own answers."""

import json
import re
import urllib.error
import urllib.parse
import urllib.request

from deploy.scene.pods import SceneError

_SERIES = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')

# No proxy of the environment: all addresses are of the scene.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def fetch(url, seconds=5.0):
    with _open(url, timeout=seconds) as answer:
        return answer.read().decode()


class Sample:
    """All series of one scrape."""

    def __init__(self, text):
        self.series = []
        for line in text.splitlines():
            match = _SERIES.match(line)
            if match and not line.startswith("#"):
                self.series.append((match[1], dict(_LABEL.findall(match[2] or "")), float(match[3])))

    def select(self, name, **labels):
        """[(labels, value)] of the series that have these labels."""
        return [(has, value) for series, has, value in self.series
                if series == name and all(has.get(key) == wanted for key, wanted in labels.items())]

    def total(self, name, **labels):
        return sum(value for _, value in self.select(name, **labels))


def scrape(address):
    """`address` is HOST:PORT."""
    return Sample(fetch(f"http://{address}/metrics"))


def quantile(share, buckets):
    """As Prometheus' histogram_quantile: `buckets` are (upper bound, cumulative count); None without any count."""
    buckets = sorted(buckets)
    if not buckets or buckets[-1][1] == 0:
        return None
    rank, below, before = share * buckets[-1][1], 0.0, 0.0
    for bound, count in buckets:
        if count >= rank:
            if bound == float("inf") or count == before:
                return below
            return below + (bound - below) * (rank - before) / (count - before)
        below, before = bound, count
    return below


class Prometheus:
    """A Prometheus server's HTTP API."""

    def __init__(self, address):
        self.address = address

    def is_ready(self):
        try:
            fetch(f"http://{self.address}/-/ready")
            return True
        except OSError:
            return False

    def _get(self, path):
        try:
            answer = json.loads(fetch(f"http://{self.address}/api/v1/{path}"))
        except (OSError, urllib.error.URLError) as why:
            raise SceneError(f"Prometheus does not answer {path}: {why}") from why
        if answer.get("status") != "success":
            raise SceneError(f"Prometheus refuses {path}: {answer}")
        return answer["data"]

    def query(self, expression):
        """[(labels, value)]"""
        data = self._get("query?" + urllib.parse.urlencode({"query": expression}))
        return [(item["metric"], float(item["value"][1])) for item in data["result"]]

    def targets(self):
        """{instance: "up", "down" or "unknown"}"""
        return {target["labels"]["instance"]: target["health"] for target in self._get("targets")["activeTargets"]}
