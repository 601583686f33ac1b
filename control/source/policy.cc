// PeerAuthentication and MeshConfig.
#include <set>

#include "absl/strings/str_cat.h"
#include "control/source/convert.h"
#include "control/source/names.h"

namespace weft::control::source {
namespace {

model::MtlsMode ModeFrom(const weft::v1::MutualTLS& from) {
  switch (from.mode()) {
    case weft::v1::MutualTLS::DISABLE: return model::MtlsMode::kDisable;
    case weft::v1::MutualTLS::PERMISSIVE: return model::MtlsMode::kPermissive;
    case weft::v1::MutualTLS::STRICT: return model::MtlsMode::kStrict;
    default: return model::MtlsMode::kUnset;
  }
}

void ReadTargets(const weft::v1::PeerAuthenticationSpec& spec, model::PeerAuthentication& policy, Checker& checker) {
  std::set<std::string> seen;
  for (int i = 0; i < spec.target_refs_size(); ++i) {
    const weft::v1::PolicyTargetReference& target = spec.target_refs(i);
    const std::string field = At("spec.targetRefs", i);
    if (target.kind() != "Service") checker.Ok(field + ".kind", target.kind(), "cannot be a target; Service is wanted");
    if (!target.group().empty() && target.group() != "weft.dev") {
      checker.Ok(field + ".group", target.group(), "is not known; \"\" or \"weft.dev\" is wanted");
    }
    checker.Ok(field + ".name", target.name(), CheckLabel(target.name()));
    if (!seen.insert(target.name()).second) checker.Ok(field + ".name", target.name(), "is there twice");
    policy.services.push_back(target.name());
  }
}

}  // namespace

model::PeerAuthentication PeerAuthenticationFrom(const weft::v1::PeerAuthentication& from, Checker& checker) {
  const weft::v1::PeerAuthenticationSpec& spec = from.spec();
  model::PeerAuthentication policy;
  policy.meta = MetaFrom(from.metadata(), checker);
  for (const auto& [key, value] : spec.selector().match_labels()) {
    const std::string field = Entry("spec.selector.matchLabels", key);
    checker.Ok(field, key, CheckLabelKey(key));
    checker.Ok(field, value, CheckLabelValue(value));
    policy.selector[key] = value;
  }
  ReadTargets(spec, policy, checker);
  if (!policy.selector.empty() && !policy.services.empty()) {
    checker.Error("spec.targetRefs", "cannot stand beside spec.selector; one of them says who is meant");
  }
  policy.mode = ModeFrom(spec.mtls());
  for (const auto& [port, mtls] : spec.port_level_mtls()) {
    const std::string field = Entry("spec.portLevelMtls", absl::StrCat(port));
    if (checker.Port(field, port)) policy.port_modes[static_cast<uint16_t>(port)] = ModeFrom(mtls);
  }
  if (!policy.port_modes.empty() && policy.ForWholeNamespace()) {
    checker.Error("spec.portLevelMtls", "needs a spec.selector or spec.targetRefs that says whose ports are meant");
  }
  return policy;
}

model::MeshConfig MeshConfigFrom(const weft::v1::MeshConfig& from, Checker& checker) {
  const weft::v1::MeshConfigSpec& spec = from.spec();
  model::MeshConfig mesh;
  mesh.meta = MetaFrom(from.metadata(), checker);
  if (spec.outbound_traffic_policy().mode() == weft::v1::OutboundTrafficPolicy::REGISTRY_ONLY) {
    mesh.outbound = model::OutboundPolicy::kRegistryOnly;
  }
  if (!spec.trust_domain().empty()) {
    checker.Ok("spec.trustDomain", spec.trust_domain(), CheckSubdomain(spec.trust_domain()));
  }
  mesh.access_log.enabled = spec.access_log().enabled();
  mesh.access_log.json = spec.access_log().encoding() == weft::v1::AccessLog::JSON;
  mesh.access_log.format = spec.access_log().format();
  mesh.access_log.path = spec.access_log().path();
  return mesh;
}

}  // namespace weft::control::source
