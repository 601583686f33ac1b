"""weft-proxy and Envoy as child processes that take the same bootstrap."""

import json
import os

from tests.support import bootstrap, cases, http1_client, process, programs


class Proxy(process.Process):
    """What both have in common: an admin port, a bootstrap file, one worker unless told."""

    ready_seconds = 30.0

    def __init__(self, config, *, concurrency=1, flags=(), log_level=None, suffix=".json", **more):
        """`config` is a bootstrap dictionary, or the text of one."""
        super().__init__(**more)
        self.config = config
        self.concurrency = concurrency
        self.flags = list(flags)
        self.log_level = log_level
        self.suffix = suffix
        self.admin_port = self._admin_port()

    def _admin_port(self):
        if isinstance(self.config, str):
            return None
        return self.config["admin"]["address"]["socket_address"]["port_value"]

    @property
    def file(self):
        return os.path.join(self.folder, "bootstrap" + self.suffix)

    def prepare(self):
        self.write(self.config)

    def write(self, config):
        text = config if isinstance(config, str) else json.dumps(config, indent=1)
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(text)

    def is_ready(self):
        if self.admin_port is None:
            return True
        try:
            return self.admin("GET", "/ready").status == 200
        except (OSError, http1_client.Closed):
            return False

    def admin(self, method, target, body=b"", headers=()):
        return http1_client.fetch(self.admin_port, method, target, headers, body, host="admin")

    def ask_to_stop(self):
        """Ends at once (no drain), so that a sanitizer's exit code is seen."""
        try:
            self.admin("POST", "/quitquitquit")
        except (OSError, http1_client.Closed, TypeError):
            super().ask_to_stop()

    def metrics(self):
        """{(name, frozenset of labels): value} of this proxy's Prometheus text."""
        return parse_metrics(self.admin("GET", "/stats/prometheus").body.decode())

    def total(self, name, **labels):
        """Sum of the series of that name whose labels contain these."""
        wanted = set(labels.items())
        return sum(value for (series, has), value in self.metrics().items()
                   if series == name and wanted <= has)


class WeftProxy(Proxy):
    name = "weft-proxy"
    expect_exit = 0

    def command(self):
        line = [programs.weft_proxy(), "-c", self.file, "--concurrency", str(self.concurrency)]
        if self.log_level:
            line += ["--log-level", self.log_level]
        return line + self.flags


class Envoy(Proxy):
    name = "envoy"

    def command(self):
        return [programs.envoy(), "-c", self.file, "--concurrency", str(self.concurrency),
                "--disable-hot-restart", "--log-level", self.log_level or "warning"] + self.flags


def under_test(config, **more):
    """The proxy that the command line chose."""
    return (Envoy if cases.Options.proxy == "envoy" else WeftProxy)(config, **more)


def start(t, listeners, clusters, **more):
    """Starts the proxy under test with a static bootstrap; `listeners` and `clusters` as made by
    tests.support.bootstrap. Returns the proxy."""
    secrets = more.pop("secrets", ())
    config = bootstrap.bootstrap(process.free_port(), listeners, clusters, secrets=secrets)
    return t.start(under_test(config, **more))


def parse_metrics(text):
    found = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        series, _, value = line.rpartition(" ")
        name, brace, rest = series.partition("{")
        found[(name, frozenset(_labels(rest[:-1]) if brace else ()))] = float(value)
    return found


def _labels(text):
    """The pairs of `a="b",c="d"`, with Prometheus' three escapes."""
    pairs, at = [], 0
    while at < len(text):
        equals = text.index("=", at)
        name, at, value = text[at:equals].lstrip(","), equals + 2, []
        while text[at] != '"':
            if text[at] == "\\":
                at += 1
                value.append({"n": "\n"}.get(text[at], text[at]))
            else:
                value.append(text[at])
            at += 1
        pairs.append((name, "".join(value)))
        at += 1
    return pairs
