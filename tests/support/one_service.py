"""The most common set-up: one listener, one route, one cluster, one scripted upstream."""

from tests.support import bootstrap as b
from tests.support import process, proxies, upstream


class OneService:
    """`port` is the proxy's, `up` the scripted upstream, `proxy` the process."""

    def __init__(self, port, up, proxy):
        self.port, self.up, self.proxy = port, up, proxy


def serve(t, script=None, *, http=None, cluster=None, action=None, up=None, **proxy_options):
    """`http`, `cluster`, `action`: more fields for the HTTP filter, the cluster, the route."""
    server = up or t.start(upstream.Upstream(script))
    port = process.free_port()
    hosts = b.to_one("service", **(action or {}))
    proxy = proxies.start(t, [b.http_listener(port, hosts, **(http or {}))],
                          [b.cluster("service", server.port, **(cluster or {}))], **proxy_options)
    return OneService(port, server, proxy)
