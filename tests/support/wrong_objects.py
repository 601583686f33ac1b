"""Objects that weft-control must refuse: name -> (text, line, field). An error for each names file, line and field."""

_SERVICE = """apiVersion: weft.dev/v1
kind: Service
metadata: {name: web}
"""

_ROUTE = """apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
"""

_PARENT = """spec:
  parentRefs: [{kind: Service, group: "", name: web}]
"""

_WORKLOAD = """apiVersion: weft.dev/v1
kind: WorkloadEntry
metadata: {name: web-1}
"""

_POLICY = """apiVersion: weft.dev/v1
kind: PeerAuthentication
metadata: {name: default}
"""

WRONG = {
    "no_kind": ("apiVersion: weft.dev/v1\nmetadata: {name: web}\n", 1, "kind"),
    "unknown_kind": ("apiVersion: weft.dev/v1\nkind: Servise\nmetadata: {name: web}\n", 2, "kind"),
    "foreign_version": ("apiVersion: weft.dev/v9\nkind: Service\nmetadata: {name: web}\n", 1, "apiVersion"),
    "no_name": ("apiVersion: weft.dev/v1\nkind: Service\nmetadata: {}\nspec: {ports: [{port: 80}]}\n", 3, "metadata.name"),
    "bad_name": ("apiVersion: weft.dev/v1\nkind: Service\nmetadata:\n  name: Web_1\nspec: {ports: [{port: 80}]}\n", 4,
                 "metadata.name"),
    "bad_namespace": ("apiVersion: weft.dev/v1\nkind: Service\nmetadata: {name: web, namespace: 'a b'}\n"
                      "spec: {ports: [{port: 80}]}\n", 3, "metadata.namespace"),
    "bad_label": ("apiVersion: weft.dev/v1\nkind: Service\nmetadata:\n  name: web\n  labels:\n    app: 'a b'\n"
                  "spec: {ports: [{port: 80}]}\n", 6, "metadata.labels"),
    "unknown_field": (_SERVICE + "spec:\n  port: 80\n", 5, "spec.port"),
    "unknown_field_deep": (_SERVICE + "spec:\n  ports:\n  - port: 80\n    targetport: 8080\n", 7, "spec.ports[0].targetport"),
    "no_ports": (_SERVICE + "spec: {ports: []}\n", 4, "spec.ports"),
    "port_zero": (_SERVICE + "spec:\n  ports:\n  - port: 0\n", 6, "spec.ports[0].port"),
    "port_too_big": (_SERVICE + "spec:\n  ports:\n  - port: 65536\n", 6, "spec.ports[0].port"),
    "port_is_text": (_SERVICE + "spec:\n  ports:\n  - port: http\n", 6, "spec.ports[0].port"),
    "port_twice": (_SERVICE + "spec:\n  ports:\n  - {name: a, port: 80}\n  - {name: b, port: 80}\n", 7, "spec.ports[1].port"),
    "port_without_name": (_SERVICE + "spec:\n  ports:\n  - {name: a, port: 80}\n  - {port: 81}\n", 7, "spec.ports[1].name"),
    "unknown_protocol": (_SERVICE + "spec:\n  ports:\n  - port: 80\n    protocol: UDP\n", 7, "spec.ports[0].protocol"),
    "bad_virtual_address": (_SERVICE + "spec:\n  addresses: [300.1.1.1]\n  ports: [{port: 80}]\n", 5, "spec.addresses[0]"),
    "no_address": (_WORKLOAD + "spec: {serviceAccount: web}\n", 4, "spec.address"),
    "address_is_a_name": (_WORKLOAD + "spec:\n  address: web.example\n", 5, "spec.address"),
    "negative_weight": (_WORKLOAD + "spec:\n  address: 10.0.0.1\n  weight: -1\n", 6, "spec.weight"),
    "no_parent": (_ROUTE + "spec:\n  rules: [{backendRefs: [{name: web, port: 80}]}]\n", 4, "spec.parentRefs"),
    "gateway_parent": (_ROUTE + "spec:\n  parentRefs:\n  - {kind: Gateway, name: g}\n  rules: [{}]\n", 6,
                       "spec.parentRefs[0].kind"),
    "no_rules": (_ROUTE + _PARENT, 4, "spec.rules"),
    "backend_without_port": (_ROUTE + _PARENT + "  rules:\n  - backendRefs:\n    - name: web\n", 8,
                             "spec.rules[0].backendRefs[0].port"),
    "weight_too_big": (_ROUTE + _PARENT + "  rules:\n  - backendRefs:\n    - {name: web, port: 80, weight: 2000000}\n", 8,
                       "spec.rules[0].backendRefs[0].weight"),
    "bad_regex": (_ROUTE + _PARENT + "  rules:\n  - matches:\n    - path:\n        type: RegularExpression\n"
                  "        value: '/a(b'\n    backendRefs: [{name: web, port: 80}]\n", 10, "spec.rules[0].matches[0].path.value"),
    "path_without_slash": (_ROUTE + _PARENT + "  rules:\n  - matches:\n    - path: {value: api}\n"
                           "    backendRefs: [{name: web, port: 80}]\n", 8, "spec.rules[0].matches[0].path.value"),
    "unknown_method": (_ROUTE + _PARENT + "  rules:\n  - matches: [{method: FETCH}]\n"
                       "    backendRefs: [{name: web, port: 80}]\n", 7, "spec.rules[0].matches[0].method"),
    "bad_timeout": (_ROUTE + _PARENT + "  rules:\n  - timeouts: {request: 10 seconds}\n"
                    "    backendRefs: [{name: web, port: 80}]\n", 7, "spec.rules[0].timeouts.request"),
    "try_longer_than_request": (_ROUTE + _PARENT + "  rules:\n  - timeouts: {request: 1s, backendRequest: 2s}\n"
                                "    backendRefs: [{name: web, port: 80}]\n", 7, "spec.rules[0].timeouts.backendRequest"),
    "redirect_with_backend": (_ROUTE + _PARENT + "  rules:\n  - filters: [{type: RequestRedirect, requestRedirect: "
                              "{hostname: a.example}}]\n    backendRefs: [{name: web, port: 80}]\n", 8,
                              "spec.rules[0].backendRefs"),
    "unknown_mode": (_POLICY + "spec:\n  mtls:\n    mode: STRIKT\n", 6, "spec.mtls.mode"),
    "ports_of_nobody": (_POLICY + "spec:\n  portLevelMtls: {8080: {mode: STRICT}}\n", 5, "spec.portLevelMtls"),
    "no_yaml": (_SERVICE + "spec: {ports: [\n", 4, ""),
    "key_twice": (_SERVICE + "spec:\n  ports: [{port: 80}]\n  ports: [{port: 81}]\n", 6, "ports"),
}
