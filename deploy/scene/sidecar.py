"""weft-proxy beside one application: bootstrap, identity, capture rules."""

import json
import os

from deploy.scene import metrics
from deploy.scene.objects import NAMESPACE
from deploy.scene.programs import Program

CONTROL = "weft-control"  # a name in its certificate, and in every pod's /etc/hosts
CONTROL_PORT = 15012
METRICS_PORT = 15020
# A sidecar needs none; only the capture rules do.
NO_CAPABILITIES = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
ADMIN_PORT = 15000

_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def bootstrap(name, address, control):
    """The Envoy v3 bootstrap of a sidecar: everything but the control plane comes over ADS. Our own
    certificate and the roots are the secrets that weft-proxy's identity fills. `control` is the control plane's IP."""
    control = {"socket_address": {"address": control, "port_value": CONTROL_PORT}}
    ads = {"ads": {}, "resource_api_version": "V3"}
    return {
        "node": {"id": f"{name}.{NAMESPACE}", "cluster": "scene", "metadata": {"INSTANCE_IPS": address}},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": ADMIN_PORT}}},
        "dynamic_resources": {
            "ads_config": {"api_type": "GRPC", "transport_api_version": "V3",
                           "grpc_services": [{"envoy_grpc": {"cluster_name": "control"}}]},
            "lds_config": ads,
            "cds_config": ads,
        },
        "static_resources": {"clusters": [{
            "name": "control",
            "type": "STATIC",
            "connect_timeout": "5s",
            "load_assignment": {"cluster_name": "control",
                                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": control}}]}]},
            "typed_extension_protocol_options": {_HTTP: {
                "@type": "type.googleapis.com/" + _HTTP, "explicit_http_config": {"http2_protocol_options": {}}}},
            "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": {
                "@type": _TLS,
                "sni": CONTROL,
                "common_tls_context": {
                    "tls_certificate_sds_secret_configs": [{"name": "default"}],
                    "validation_context_sds_secret_config": {"name": "ROOTCA"},
                },
            }},
        }]},
    }


class Sidecar:
    """A proxy in a pod, with the pod's traffic captured. `folder` is for its files, `identity` (a tmpfs) for its key, `flags`
    are further ones."""

    def __init__(self, pod, program, control, token, folder, identity, concurrency=1, flags=()):
        self.pod = pod
        self.weft_proxy = program
        self.metrics_address = f"{pod.ip}:{METRICS_PORT}"
        config = os.path.join(folder, f"{pod.name}.bootstrap.yaml")
        with open(config, "w", encoding="ascii") as file:
            json.dump(bootstrap(pod.name, pod.ip, control.pod.ip), file, indent=1)
        token_file = os.path.join(identity, f"{pod.name}.token")
        with open(os.open(token_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write(token + "\n")
        self.identity = os.path.join(identity, pod.name)
        os.makedirs(self.identity, mode=0o700, exist_ok=True)
        self.program = Program(f"{pod.name}.proxy", [
            *NO_CAPABILITIES, program, "-c", config, "--hold", "15001,15006", "--concurrency", str(concurrency),
            "--metrics-address", f"0.0.0.0:{METRICS_PORT}", "--identity-dir", self.identity,
            "--join-token-file", token_file, "--ca-address", f"{control.pod.ip}:{CONTROL_PORT}",
            "--ca-server-name", CONTROL, *flags], folder, pod)

    def capture(self):
        self.pod.run(self.weft_proxy, "capture", "--inbound", "15006", "--outbound", "15001")

    def scrape(self):
        return metrics.scrape(self.metrics_address)

    def is_ready(self):
        try:
            metrics.fetch(f"http://{self.metrics_address}/ready")
            return True
        except OSError:
            return False
