"""weft-control as a child process, and the `weft` command that talks to it over its unix socket."""

import json
import os
import subprocess
import urllib.error
import urllib.request

from tests.support import process, programs



ANY_PORTS = ["--listen=127.0.0.1:0", "--json-listen=127.0.0.1:0", "--xds-listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0",
             "--xds-plaintext-listen=127.0.0.1:0"]


class Control(process.Process):
    """`data` stays over a kill and a new launch(); with data=None it is in the process's own folder."""

    name = "weft-control"
    expect_exit = 0

    def __init__(self, data=None, flags=(), **more):
        super().__init__(**more)
        self._data, self.flags = data, list(flags)

    @property
    def data(self):
        return self._data or os.path.join(self.folder, "data")

    @property
    def socket(self):
        return os.path.join(self.data, "control.sock")

    def command(self):
        return [programs.weft_control(), "serve", "--data", self.data, *ANY_PORTS, *self.flags]

    def is_ready(self):
        return self.weft("version").returncode == 0

    def weft(self, *arguments, text="", seconds=60):
        """The finished command: returncode, stdout, stderr."""
        return subprocess.run([programs.weft(), "--server", f"unix:{self.socket}", *arguments], input=text, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=seconds)

    def read(self, *arguments):
        """What a command prints for programs."""
        done = self.weft(*arguments, "-o", "json")
        if done.returncode != 0:
            raise AssertionError(f"weft {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    def apply(self, text, *flags):
        return self.weft("apply", "-f", "-", *flags, text=text)

    def admin_token(self):
        with open(os.path.join(self.data, "admin.token"), encoding="ascii") as file:
            return file.read().strip()

    def addresses(self):
        """Where it listens: api (several), json, xds, xds_plaintext, metrics."""
        with open(os.path.join(self.data, "addresses.json"), encoding="utf-8") as file:
            return json.load(file)

    def http(self, method, path, body=None, token=None):
        """(status, text) of the JSON API."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(f"http://{self.addresses()['json']}{path}", method=method, headers=headers,
                                         data=body.encode() if body is not None else None)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as why:
            return why.code, why.read().decode()
