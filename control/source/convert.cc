#include "control/source/convert.h"

#include "control/source/names.h"

namespace weft::control::source {

model::ObjectMeta MetaFrom(const weft::v1::ObjectMeta& from, Checker& checker) {
  model::ObjectMeta meta;
  meta.name = {from.namespace_(), from.name()};
  for (const auto& [key, value] : from.labels()) {
    const std::string field = Entry("metadata.labels", key);
    checker.Ok(field, key, CheckLabelKey(key));
    checker.Ok(field, value, CheckLabelValue(value));
    meta.labels[key] = value;
  }
  for (const auto& [key, value] : from.annotations()) {
    checker.Ok(Entry("metadata.annotations", key), key, CheckLabelKey(key));
    meta.annotations[key] = value;
  }
  return meta;
}

std::optional<ModelObject> Convert(const Input& input, Findings& findings) {
  Checker checker = input.CheckerFor(findings);
  ModelObject object;
  switch (input.key.kind) {
    case model::Kind::kService: object = ServiceFrom(input.object.service(), checker); break;
    case model::Kind::kWorkloadEntry: object = WorkloadFrom(input.object.workload_entry(), checker); break;
    case model::Kind::kHttpRoute: object = RouteFrom(input.object.http_route(), checker); break;
    case model::Kind::kTcpRoute: object = TcpRouteFrom(input.object.tcp_route(), checker); break;
    case model::Kind::kTlsRoute: object = TlsRouteFrom(input.object.tls_route(), checker); break;
    case model::Kind::kBackendTlsPolicy:
      object = BackendTlsPolicyFrom(input.object.backend_tls_policy(), checker);
      break;
    case model::Kind::kConfigMap: object = ConfigMapFrom(input.object.config_map(), checker); break;
    case model::Kind::kPeerAuthentication:
      object = PeerAuthenticationFrom(input.object.peer_authentication(), checker);
      break;
    case model::Kind::kMeshConfig: object = MeshConfigFrom(input.object.mesh_config(), checker); break;
  }
  if (!checker.clean()) return std::nullopt;
  return object;
}

}  // namespace weft::control::source
