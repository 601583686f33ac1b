"""The four kinds of proxy, each able to take each role of a scene."""

import ssl

from tests.bench import servers
from tests.support import bootstrap as b
from tests.support import process, proxies

SERVER_NAME = "service.mesh.test"


class Roles:
    """Certificates of a mutual-TLS pair."""

    def __init__(self, authority):
        self.authority = authority
        self.client = authority.issue("bench/client")
        self.server = authority.issue("bench/server", dns=[SERVER_NAME])

    def client_context(self):
        """For a client in Python."""
        context = ssl.create_default_context(cafile=self.authority.certificate)
        context.check_hostname = False
        context.load_cert_chain(self.client.chain, self.client.key)
        return context


def _wide(made):
    """The default circuit breakers of 1,024 would limit Envoy alone."""
    limits = {"max_connections": 65536, "max_pending_requests": 65536, "max_requests": 65536}
    return {**made, "circuit_breakers": {"thresholds": [limits]}}


def _xds(proxy, listener, cluster, cpu):
    config = b.bootstrap(process.free_port(), [listener], [_wide(cluster)])
    return proxy(config, cpu=cpu)


def _plain_hosts():
    return b.to_one("service", timeout="0s")


class Xds:
    """weft-proxy and Envoy: the same bootstrap."""

    def __init__(self, name, proxy):
        self.name, self._proxy = name, proxy

    def http(self, port, backend, cpu):
        return _xds(self._proxy, b.http_listener(port, _plain_hosts(), trailers=False, http_10=False),
                    b.cluster("service", backend, trailers=False), cpu)

    def tcp(self, port, backend, cpu):
        return _xds(self._proxy, b.tcp_listener(port, "service"),
                    b.cluster("service", backend, trailers=False), cpu)

    def tls_out(self, port, peer, roles, cpu):
        socket = b.upstream_tls(roles.client, roles.authority, uri_sans=[roles.server.uri],
                                sni=SERVER_NAME)
        return _xds(self._proxy, b.http_listener(port, _plain_hosts(), trailers=False, http_10=False),
                    b.cluster("service", peer, tls=socket, trailers=False), cpu)

    def tls_in(self, port, backend, roles, cpu):
        socket = b.downstream_tls(roles.server, roles.authority, uri_sans=[roles.client.uri])
        return _xds(self._proxy, b.http_listener(port, _plain_hosts(), tls=socket, trailers=False,
                                                 http_10=False),
                    b.cluster("service", backend, trailers=False), cpu)


class Nginx:
    name = "nginx"

    def http(self, port, backend, cpu):
        return servers.nginx_http(port, backend, cpu=cpu)

    def tcp(self, port, backend, cpu):
        return servers.nginx_tcp(port, backend, cpu=cpu)

    def tls_out(self, port, peer, roles, cpu):
        return servers.nginx_tls_out(port, peer, roles.client, roles.authority, SERVER_NAME, cpu=cpu)

    def tls_in(self, port, backend, roles, cpu):
        return servers.nginx_tls_in(port, backend, roles.server, roles.authority, cpu=cpu)


class HAProxy:
    name = "haproxy"

    def http(self, port, backend, cpu):
        return servers.haproxy_http(port, backend, cpu=cpu)

    def tcp(self, port, backend, cpu):
        return servers.haproxy_tcp(port, backend, cpu=cpu)

    def tls_out(self, port, peer, roles, cpu):
        return servers.haproxy_tls_out(port, peer, roles.client, roles.authority, SERVER_NAME, cpu=cpu)

    def tls_in(self, port, backend, roles, cpu):
        return servers.haproxy_tls_in(port, backend, roles.server, roles.authority, cpu=cpu)


def all_kinds():
    return [Xds("weft-proxy", proxies.WeftProxy), Nginx(), HAProxy(), Xds("envoy", proxies.Envoy)]
