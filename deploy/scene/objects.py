"""The objects that a scene applies, as the YAML that a user would write."""

NAMESPACE = "shop"


def service(name, version=None):
    """`web`, and `web-v1` for the workloads of one version only: what a route can send weights to."""
    selector = "app: web" + (f", version: {version}" if version else "")
    return f"""apiVersion: weft.dev/v1
kind: Service
metadata: {{name: {name}, namespace: {NAMESPACE}}}
spec:
  ports: [{{name: http, port: 80, targetPort: "8080", protocol: HTTP}}]
  selector: {{{selector}}}
"""


def tcp_service(name, port):
    """Bytes, on every replica of web."""
    return f"""apiVersion: weft.dev/v1
kind: Service
metadata: {{name: {name}, namespace: {NAMESPACE}}}
spec:
  ports: [{{name: tcp, port: {port}, protocol: TCP}}]
  selector: {{app: web}}
"""


def workload(name, address, account, labels):
    """One replica, or a client: `labels` is {key: value}."""
    pairs = ", ".join(f"{key}: {value}" for key, value in labels.items())
    return f"""apiVersion: weft.dev/v1
kind: WorkloadEntry
metadata: {{name: {name}, namespace: {NAMESPACE}, labels: {{{pairs}}}}}
spec: {{address: {address}, serviceAccount: {account}}}
"""


def route(weights, timeout="10s"):
    """The canary: {version: weight} of what calls the service `web`."""
    backends = "\n".join(f"    - {{name: web-{version}, port: 80, weight: {weight}}}" for version, weight in weights.items())
    return f"""apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: web, namespace: {NAMESPACE}}}
spec:
  parentRefs:
  - {{kind: Service, group: "", name: web, port: 80}}
  rules:
  - timeouts: {{request: {timeout}}}
    backendRefs:
{backends}
"""


def mutual_tls(mode):
    """STRICT or PERMISSIVE, for the whole namespace."""
    return f"""apiVersion: weft.dev/v1
kind: PeerAuthentication
metadata: {{name: default, namespace: {NAMESPACE}}}
spec: {{mtls: {{mode: {mode}}}}}
"""


def documents(*texts):
    return "---\n".join(texts)
