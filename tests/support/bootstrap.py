"""Builds Envoy v3 bootstraps as plain dictionaries; the same one starts weft-proxy and a stock Envoy.

Field names and numbers: the xDS protos under api/envoy. Names of extensions are Envoy's own.
"""

_TYPE = "type.googleapis.com/"
_HCM = _TYPE + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = _TYPE + "envoy.extensions.filters.http.router.v3.Router"
_TCP_PROXY = _TYPE + "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
_TLS_INSPECTOR = _TYPE + "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"
_HTTP_INSPECTOR = _TYPE + "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector"
_ORIGINAL_DST = _TYPE + "envoy.extensions.filters.listener.original_dst.v3.OriginalDst"
_DOWNSTREAM_TLS = _TYPE + "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
_UPSTREAM_TLS = _TYPE + "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def address(port, host="127.0.0.1"):
    return {"socket_address": {"address": host, "port_value": port}}


def bootstrap(admin_port, listeners, clusters, *, node="sidecar~test", secrets=()):
    static = {"listeners": list(listeners), "clusters": list(clusters)}
    if secrets:
        static["secrets"] = list(secrets)
    return {
        "node": {"id": node, "cluster": "test"},
        "admin": {"address": address(admin_port)},
        "static_resources": static,
    }


# Clusters.
def endpoint(port, host="127.0.0.1", weight=None):
    entry = {"endpoint": {"address": address(port, host)}}
    if weight is not None:
        entry["load_balancing_weight"] = weight
    return entry


def cluster(name, *endpoints, kind="STATIC", connect_timeout="1s", tls=None, policy="ROUND_ROBIN",
            trailers=True, **fields):
    """`endpoints` are ports or endpoint() dictionaries."""
    made = {"name": name, "type": kind, "connect_timeout": connect_timeout, "lb_policy": policy}
    if endpoints or kind in ("STATIC", "STRICT_DNS"):
        made["load_assignment"] = {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [
                endpoint(one) if isinstance(one, int) else one for one in endpoints]}],
        }
    if tls is not None:
        made["transport_socket"] = tls
    if trailers:
        made["typed_extension_protocol_options"] = {_HTTP_OPTIONS: {
            "@type": _TYPE + _HTTP_OPTIONS,
            "explicit_http_config": {"http_protocol_options": {"enable_trailers": True}}}}
    return {**made, **fields}


# Listeners.
def router():
    return {"name": "envoy.filters.http.router", "typed_config": {"@type": _ROUTER}}


def http_filter(virtual_hosts, *, prefix="test", trailers=True, http_10=True, **fields):
    """The network filter that speaks HTTP."""
    options = {}
    if trailers:
        options["enable_trailers"] = True
    if http_10:
        options["accept_http_10"] = True
        options["default_host_for_http_10"] = "service"
    config = {
        "@type": _HCM,
        "stat_prefix": prefix,
        "codec_type": "AUTO",
        "http_filters": [router()],
        "route_config": {"name": prefix, "virtual_hosts": virtual_hosts},
    }
    if options:
        config["http_protocol_options"] = options
    config.update(fields)
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": config}


def tcp_filter(cluster_name=None, *, weighted=None, prefix="tcp", **fields):
    config = {"@type": _TCP_PROXY, "stat_prefix": prefix}
    if weighted:
        config["weighted_clusters"] = {
            "clusters": [{"name": name, "weight": weight} for name, weight in weighted]}
    else:
        config["cluster"] = cluster_name
    config.update(fields)
    return {"name": "envoy.filters.network.tcp_proxy", "typed_config": config}


def chain(*filters, match=None, tls=None, name=None):
    made = {"filters": list(filters)}
    if match:
        made["filter_chain_match"] = match
    if tls is not None:
        made["transport_socket"] = tls
    if name:
        made["name"] = name
    return made


def tls_inspector():
    return {"name": "envoy.filters.listener.tls_inspector",
            "typed_config": {"@type": _TLS_INSPECTOR}}


def http_inspector():
    return {"name": "envoy.filters.listener.http_inspector",
            "typed_config": {"@type": _HTTP_INSPECTOR}}


def original_dst():
    return {"name": "envoy.filters.listener.original_dst",
            "typed_config": {"@type": _ORIGINAL_DST}}


def listener(name, port, *chains, host="127.0.0.1", inspectors=(), **fields):
    made = {"name": name, "address": address(port, host), "filter_chains": list(chains)}
    if inspectors:
        made["listener_filters"] = list(inspectors)
    return {**made, **fields}


def http_listener(port, virtual_hosts, *, name="http", tls=None, listener_fields=None, **fields):
    return listener(name, port, chain(http_filter(virtual_hosts, prefix=name, **fields), tls=tls),
                    **(listener_fields or {}))


def tcp_listener(port, cluster_name=None, *, name="tcp", weighted=None, tls=None, **fields):
    return listener(name, port, chain(tcp_filter(cluster_name, weighted=weighted, prefix=name,
                                                 **fields), tls=tls))


# Routes.
def virtual_host(name, domains, *routes, **fields):
    return {"name": name, "domains": list(domains), "routes": list(routes), **fields}


def route(match=None, cluster_name=None, *, weighted=None, action=None, **fields):
    """`fields` beside the action go to the Route; `action` adds to the RouteAction."""
    target = dict(action or {})
    if weighted:
        target["weighted_clusters"] = {
            "clusters": [{"name": name, "weight": weight} for name, weight in weighted]}
    elif cluster_name:
        target["cluster"] = cluster_name
    return {"match": match or {"prefix": "/"}, "route": target, **fields}


def direct(match, status, body=None, **fields):
    response = {"status": status}
    if body is not None:
        response["body"] = {"inline_string": body}
    return {"match": match, "direct_response": response, **fields}


def redirect(match, **fields):
    return {"match": match, "redirect": fields}


def to_one(cluster_name="service", **action):
    """Every host and path to one cluster."""
    return [virtual_host("all", ["*"], route({"prefix": "/"}, cluster_name, action=action))]


# TLS.
def _common(certificate, authority, uri_sans, **parameters):
    common = {"tls_params": {"tls_minimum_protocol_version": "TLSv1_3",
                             "tls_maximum_protocol_version": "TLSv1_3", **parameters}}
    if certificate is not None:
        common["tls_certificates"] = [{"certificate_chain": {"filename": certificate.chain},
                                       "private_key": {"filename": certificate.key}}]
    if authority is not None:
        validation = {"trusted_ca": {"filename": authority.certificate}}
        if uri_sans:
            validation["match_typed_subject_alt_names"] = [
                {"san_type": "URI", "matcher": {"exact": uri}} for uri in uri_sans]
        common["validation_context"] = validation
    return common


def downstream_tls(certificate, authority=None, *, uri_sans=(), require=None, alpn=(),
                   **parameters):
    """The side that accepts. With an authority, a client certificate is asked for."""
    common = _common(certificate, authority, uri_sans, **parameters)
    if alpn:
        common["alpn_protocols"] = list(alpn)
    config = {"@type": _DOWNSTREAM_TLS, "common_tls_context": common}
    if require if require is not None else authority is not None:
        config["require_client_certificate"] = True
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}


def upstream_tls(certificate=None, authority=None, *, uri_sans=(), sni=None, alpn=(),
                 **parameters):
    """The side that dials."""
    common = _common(certificate, authority, uri_sans, **parameters)
    if alpn:
        common["alpn_protocols"] = list(alpn)
    config = {"@type": _UPSTREAM_TLS, "common_tls_context": common}
    if sni:
        config["sni"] = sni
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}
