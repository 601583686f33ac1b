"""Rules like those that capture a pod's traffic, in this process's own network namespace.

Connection tracking starts with the first nat chain, and every packet pays for it.
"""

from tests.support import nftables

TABLE = "weft_bench"


class CaptureRules:
    """A context manager: connections to 127.1.0.N:80 go to the port of proxy N, as capture does it."""

    def __init__(self, ports):
        self._ports = ports

    @staticmethod
    def address(number):
        return f"127.1.0.{number + 1}"

    def __enter__(self):
        redirects = "\n".join(f"  ip daddr {self.address(number)} tcp dport 80 redirect to :{port}"
                              for number, port in enumerate(self._ports))
        nftables.run(f"""table ip {TABLE} {{
 chain output {{ type nat hook output priority -100; policy accept;
  meta priority 0:5 return
  meta mark 0x1337 return
{redirects}
 }}
 chain prerouting {{ type nat hook prerouting priority -100; policy accept;
  tcp dport 15008 return
 }}
}}""")
        return self

    def __exit__(self, kind, value, trace):
        nftables.run(f"delete table ip {TABLE}")
