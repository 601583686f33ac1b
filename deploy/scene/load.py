"""Load in the client pod: h2load for numbers, and loops of curl that never stop, as a person would try it."""

import os
import re

from deploy.scene import mesh
from deploy.scene.pods import SceneError
from deploy.scene.programs import Program, find

CONNECTIONS = 8

# Loops that go on while configuration changes: ten new connections a second, and twenty requests a second over connections
# that are kept for two and a half seconds.
NEW, KEPT = "new", "kept"
_URLS = {NEW: "{url}?step=new", KEPT: "{url}?step=kept&n=[1-50]"}
_PACE = {NEW: ("", "sleep 0.1"), KEPT: ("--rate 20/s", ":")}
_LOOP = ('while [ ! -e "$2" ]; do "$1" -s -o /dev/null --max-time 30 {flags} -w "%{{http_code}} %header{{x-version}}\\n" '
         '"{url}"; {pause}; done')


class Requests:
    """What a finished load saw."""

    def __init__(self, total, failed, latencies_us):
        self.total, self.failed = total, failed
        self.latencies_us = sorted(latencies_us)

    def quantile_ms(self, share):
        if not self.latencies_us:
            raise SceneError("h2load measured no request")
        return self.latencies_us[min(len(self.latencies_us) - 1, int(share * len(self.latencies_us)))] / 1000


class Load:
    """A number of requests over a few kept-alive connections, all of one `step`, which stands in their query."""

    def __init__(self, pod, folder, step, requests, per_second):
        self.requests = requests
        self.times = os.path.join(folder, f"h2load.{step}.times")
        for old in (self.times, os.path.join(folder, f"h2load.{step}.log")):
            if os.path.exists(old):
                os.unlink(old)
        command = [find("h2load", "nghttp2-client"), "--h1", f"--requests={requests}", f"--clients={CONNECTIONS}",
                   f"--rps={max(1, per_second // CONNECTIONS)}", f"--log-file={self.times}", f"{mesh.URL}?step={step}"]
        self.program = Program(f"h2load.{step}", command, folder, pod)

    def start(self):
        self.program.start()
        return self

    def running(self):
        return self.program.alive()

    def result(self):
        """After it has ended. What h2load counts as failed, errored or timed out, and every status but 2xx, has failed."""
        if self.program.process.wait() != 0:
            raise SceneError(f"h2load ended with {self.program.process.returncode}: {self.program.last_words()}")
        text = self.program.last_words(100)
        done = re.search(r"^requests: (\d+) total, \d+ started, \d+ done, (\d+) succeeded, ", text, re.M)
        statuses = re.search(r"^status codes: (\d+) 2xx, ", text, re.M)
        if not done or not statuses:
            raise SceneError(f"h2load says {text}")
        good = min(int(done[2]), int(statuses[1]))
        with open(self.times, encoding="ascii") as file:
            rows = [line.split("\t") for line in file]
        return Requests(self.requests, self.requests - good, [int(row[2]) for row in rows if row[1] != "-1"])


class CurlLoop:
    """Counts what curl got, from its start to stop(). `kind` is NEW or KEPT, and the step in its queries."""

    def __init__(self, pod, folder, kind):
        self.end = os.path.join(folder, f"curl.{kind}.end")
        flags, pause = _PACE[kind]
        script = _LOOP.format(url=_URLS[kind].format(url=mesh.URL), flags=flags, pause=pause)
        self.program = Program(f"curl.{kind}", ["sh", "-c", script, "curl", find("curl", "curl"), self.end], folder, pod)

    def start(self):
        self.program.start()
        return self

    def stop(self):
        """(requests, failed). Lets what is under way end, so that clients and servers count the same."""
        with open(self.end, "w", encoding="ascii"):
            self.program.process.wait(60)
        with open(self.program.log_path, encoding="ascii", errors="replace") as file:
            lines = [line.split() for line in file if line.endswith("\n")]
        return len(lines), sum(line[0] != "200" for line in lines)
