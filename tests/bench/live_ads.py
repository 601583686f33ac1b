"""What one more pod on a node costs: the memory of proxies that each have an identity and a mutual-TLS ADS stream."""

import contextlib
import os

from tests.support import control, process, programs
from tests.support.cases import wait_until

_EXAMPLES = os.path.join(programs.ROOT, "docs", "examples")


def _example(name):
    with open(os.path.join(_EXAMPLES, name), encoding="utf-8") as file:
        return file.read()


class _Sidecar(process.Process):
    """One that is driven by `mesh`; its number is in its name."""

    name = "weft-proxy"

    def __init__(self, mesh, number, token, **more):
        super().__init__(**more)
        self.proxy = f"client-{number}.shop"
        self._mesh, self._token = mesh, token

    def _path(self, name):
        return os.path.join(self.folder, name)

    def prepare(self):
        host, _, port = self._mesh.addresses()["xds"].rpartition(":")
        self._authority = f"{host}:{port}"
        text = _example("sidecar.yaml")
        for old, new in (("address: 10.0.0.1, port_value: 15012", f"address: {host}, port_value: {port}"),
                         ("port_value: 15000", f"port_value: {process.free_port()}"), ("web-1.shop", self.proxy),
                         ("10.0.0.11", "10.0.0.21")):
            if old not in text:
                raise AssertionError(f"docs/examples/sidecar.yaml has no {old!r}")
            text = text.replace(old, new)
        for name, content in (("sidecar.yaml", text), ("token", self._token)):
            with open(self._path(name), "w", encoding="utf-8") as file:
                file.write(content)

    def command(self):
        return [programs.weft_proxy(), "-c", self._path("sidecar.yaml"), "--identity-dir", self._path("identity"),
                "--join-token-file", self._path("token"), "--ca-address", self._authority, "--ca-server-name",
                "weft-control", "--concurrency", "1"]

    def is_ready(self):
        known = self._mesh.read("proxies").get("proxies", [])
        return any(one.get("id") == self.proxy and one.get("typesInStep", one.get("types_in_step")) for one in known)


def second_proxy(cpu):
    """process.Memory of the second of two identical proxies, after both have all of their configuration."""
    with contextlib.ExitStack() as stack:
        mesh = stack.enter_context(control.Control())
        applied = mesh.apply(_example("mesh.yaml"))
        if applied.returncode != 0:
            raise AssertionError(f"docs/examples/mesh.yaml: {applied.stderr}")
        token = mesh.read("token", "create", "--identity", "shop/client", "--uses", "2")["token"]
        both = [stack.enter_context(_Sidecar(mesh, number, token, cpu=cpu)) for number in range(2)]
        before = 0

        def settled():  # two looks in a row see the same
            nonlocal before
            now, before = both[1].memory().private, before or 1
            same, before = now == before, now
            return same

        wait_until(settled, "the memory of the second proxy stops changing", 20)
        return both[1].memory()
