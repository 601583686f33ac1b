"""weft-control in a pod of its own, and the `weft` command as its user."""

import json
import os
import subprocess

from deploy.scene import metrics
from deploy.scene.pods import SceneError
from deploy.scene.programs import Program, wait_until

METRICS_PORT = 15014
XDS_PORT = 15012


class Control:
    """`data` is its --data; its socket there is what `weft` uses, from any network namespace. `flags` are further ones."""

    def __init__(self, pod, programs, folder, data, flags=()):
        self.pod = pod
        self.weft_program = programs["WEFT"]
        self.data = data
        self.socket = os.path.join(data, "control.sock")
        self.metrics_address = f"{pod.ip}:{METRICS_PORT}"
        os.makedirs(data, mode=0o700, exist_ok=True)
        self.program = Program("weft-control", [programs["WEFT_CONTROL"], "serve", "--data", data,
                                                "--xds-listen", f"{pod.ip}:{XDS_PORT}",
                                                "--metrics-listen", f"{pod.ip}:{METRICS_PORT}", *flags], folder, pod)

    def start(self):
        self.program.start()
        self.program.wait_ready(self.answers)
        return self

    def answers(self):
        return self.weft("version", check=False).returncode == 0

    def weft(self, *arguments, text=None, check=True):
        """Runs the command; `text` is its standard input."""
        done = subprocess.run([self.weft_program, "--server", f"unix:{self.socket}", *arguments], text=True, check=False,
                              input=text if text is not None else "", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if check and done.returncode != 0:
            raise SceneError(f"weft {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}")
        return done

    def read(self, *arguments):
        return json.loads(self.weft(*arguments, "-o", "json").stdout)

    def apply(self, text, message=""):
        """The revision that it made, or the present one when nothing was new."""
        answer = json.loads(self.weft("apply", "-f", "-", "-m", message, "-o", "json", text=text).stdout)
        return int(answer.get("revision", 0))

    def token(self, identity, uses):
        return self.weft("token", "create", "--identity", identity, "--uses", str(uses)).stdout.strip()

    def virtual_address(self, name, namespace, separator="."):
        """The IPv4 address (":" as separator: IPv6) that clients of that service connect to."""
        status = self.read("get", "service", name, "-n", namespace).get("status", {})
        for address in status.get("addresses", []):
            if separator in address:
                return address
        raise SceneError(f"service {name} has no such virtual address: {status}")

    def proxies(self):
        return self.read("proxies").get("proxies", [])

    def wait_in_step(self, count, revision, seconds=20.0):
        """Until `count` proxies have accepted everything of that revision. A rejection is an error at once."""
        def in_step():
            proxies = self.proxies()
            for proxy in proxies:
                for kind in proxy.get("types", []):
                    if kind.get("rejection"):
                        raise SceneError(f"{proxy['id']} rejected {kind['typeUrl']}: {kind['rejection']}")
            done = [proxy for proxy in proxies if proxy.get("typesWanted") and int(proxy.get("revision", 0)) >= revision and
                    proxy.get("typesInStep") == proxy.get("typesWanted")]
            return len(done) >= count

        wait_until(in_step, lambda: f"{count} proxies at revision {revision}:\n{self.weft('proxies').stdout}", seconds)

    def scrape(self):
        return metrics.scrape(self.metrics_address)
