// BackendTLSPolicy, and the ConfigMaps that it refers to.
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "control/source/convert.h"
#include "control/source/references.h"
#include "pki/certificate.h"

namespace weft::control::source {
namespace {

// Bounds of the Gateway API's own definition (v1.4); a ConfigMap's is Kubernetes'.
constexpr int kMostTargets = 16, kMostCaRefs = 8, kMostNames = 5, kMostOptions = 16;
constexpr size_t kMostConfigMapBytes = 1 << 20;
constexpr char kMinVersion[] = "weft.dev/min-tls-version", kClientCertificate[] = "weft.dev/client-certificate";

void ReadTargets(const gateway::v1::BackendTLSPolicySpec& spec, model::BackendTlsPolicy& policy, Checker& checker) {
  if (spec.target_refs().empty()) {
    checker.Error("spec.targetRefs", "is empty; the service towards which TLS is to begin is wanted");
  }
  CheckCount(spec.target_refs_size(), kMostTargets, "spec.targetRefs", checker);
  std::set<std::pair<std::string, std::string>> seen;
  for (int i = 0; i < spec.target_refs_size(); ++i) {
    const auto& from = spec.target_refs(i);
    const std::string field = At("spec.targetRefs", i);
    if (from.kind() != "Service") checker.Ok(field + ".kind", from.kind(), "cannot be a target; Service is wanted");
    if (!IsCoreGroup(from.group())) checker.Ok(field + ".group", from.group(), "has no kind Service; \"\" is wanted");
    checker.Ok(field + ".name", from.name(), CheckLabel(from.name()));
    if (from.has_section_name())
      checker.Ok(field + ".sectionName", from.section_name(), CheckLabel(from.section_name()));
    if (!seen.emplace(from.name(), from.section_name()).second) {
      checker.Ok(field + ".name", from.name(), "is there twice; different ports need a sectionName each");
    }
    policy.targets.push_back({{policy.meta.name.ns, from.name()}, from.section_name()});
  }
}

void ReadAuthorities(const gateway::v1::BackendTLSPolicyValidation& from, model::BackendTlsPolicy& policy,
                     Checker& checker) {
  const std::string refs = "spec.validation.caCertificateRefs", known = "spec.validation.wellKnownCACertificates";
  policy.system_roots = !from.well_known_ca_certificates().empty();
  if (policy.system_roots && from.well_known_ca_certificates() != "System") {
    checker.Ok(known, from.well_known_ca_certificates(), "is not known; System is wanted");
  }
  if (policy.system_roots && !from.ca_certificate_refs().empty()) {
    checker.Error(known, "cannot stand beside caCertificateRefs; one of them says whom to trust");
  }
  if (!policy.system_roots && from.ca_certificate_refs().empty()) {
    checker.Error("spec.validation",
                  "says not whom to trust; caCertificateRefs, or wellKnownCACertificates: System, is wanted");
  }
  CheckCount(from.ca_certificate_refs_size(), kMostCaRefs, refs, checker);
  for (int i = 0; i < from.ca_certificate_refs_size(); ++i) {
    const auto& ref = from.ca_certificate_refs(i);
    const std::string field = At(refs, i);
    if (ref.kind() != "ConfigMap") {
      checker.Ok(field + ".kind", ref.kind(), "cannot hold trusted certificates; ConfigMap is wanted");
    }
    if (!ref.group().empty()) checker.Ok(field + ".group", ref.group(), "has no kind ConfigMap; \"\" is wanted");
    checker.Ok(field + ".name", ref.name(), CheckSubdomain(ref.name()));
    policy.ca_refs.push_back({policy.meta.name.ns, ref.name()});
  }
}

void ReadNames(const gateway::v1::BackendTLSPolicyValidation& from, model::BackendTlsPolicy& policy, Checker& checker) {
  using Type = model::SubjectAltName::Type;
  policy.hostname = from.hostname();
  if (from.hostname().empty()) {
    checker.Error("spec.validation.hostname", "is missing; the server name to ask for is wanted");
  } else {
    checker.Ok("spec.validation.hostname", from.hostname(), CheckHost(from.hostname(), /*wildcard=*/false));
  }
  CheckCount(from.subject_alt_names_size(), kMostNames, "spec.validation.subjectAltNames", checker);
  for (int i = 0; i < from.subject_alt_names_size(); ++i) {
    const gateway::v1::SubjectAltName& name = from.subject_alt_names(i);
    const std::string field = At("spec.validation.subjectAltNames", i);
    const bool is_host = name.type() == gateway::v1::SubjectAltName::Hostname;
    const bool is_uri = name.type() == gateway::v1::SubjectAltName::URI;
    if (!is_host && !is_uri) checker.Error(field + ".type", "is missing; Hostname or URI is wanted");
    if (is_host && name.has_uri()) checker.Error(field + ".uri", "is for type URI");
    if (is_uri && name.has_hostname()) checker.Error(field + ".hostname", "is for type Hostname");
    if (is_host) checker.Ok(field + ".hostname", name.hostname(), CheckHost(name.hostname(), /*wildcard=*/false));
    if (is_uri && !absl::StrContains(name.uri(), ":")) {
      checker.Ok(field + ".uri", name.uri(), "is no URI with a scheme, such as spiffe://cluster.local/ns/shop/sa/web");
    }
    policy.names.push_back({is_uri ? Type::kUri : Type::kHostname, is_uri ? name.uri() : name.hostname()});
  }
  if (policy.names.empty()) policy.names.push_back({Type::kHostname, policy.hostname});
}

void ReadOptions(const gateway::v1::BackendTLSPolicySpec& spec, model::BackendTlsPolicy& policy, Checker& checker) {
  CheckCount(spec.options_size(), kMostOptions, "spec.options", checker);
  for (const auto& [key, value] : spec.options()) {
    const std::string field = Entry("spec.options", key);
    if (key == kMinVersion) {
      policy.only_tls13 = value == "1.3";
      if (value != "1.2" && value != "1.3") checker.Ok(field, value, "is no version to begin at; 1.2 or 1.3 is wanted");
    } else if (key == kClientCertificate) {
      policy.mesh_certificate = value == "mesh";
      if (value != "mesh") checker.Ok(field, value, "is not known; mesh, the sidecar's own certificate, is wanted");
    } else if (absl::StartsWith(key, "weft.dev/") || !absl::StrContains(key, "/")) {
      checker.Ok(field, key, absl::StrCat("is not known; ", kMinVersion, " or ", kClientCertificate, " is wanted"));
    } else {
      checker.Warn(field, "is an option of another implementation; nothing reads it");
    }
  }
}

}  // namespace

model::BackendTlsPolicy BackendTlsPolicyFrom(const gateway::v1::BackendTLSPolicy& from, Checker& checker) {
  model::BackendTlsPolicy policy;
  policy.meta = MetaFrom(from.metadata(), checker);
  ReadTargets(from.spec(), policy, checker);
  ReadAuthorities(from.spec().validation(), policy, checker);
  ReadNames(from.spec().validation(), policy, checker);
  ReadOptions(from.spec(), policy, checker);
  return policy;
}

model::ConfigMap ConfigMapFrom(const weft::v1::ConfigMap& from, Checker& checker) {
  model::ConfigMap map;
  map.meta = MetaFrom(from.metadata(), checker);
  size_t bytes = 0;
  for (const auto& [key, value] : from.data()) bytes += key.size() + value.size();
  if (bytes > kMostConfigMapBytes) {
    checker.Error("data", absl::StrCat("has ", bytes, " bytes; at most ", kMostConfigMapBytes, " are allowed"));
  }
  const auto it = from.data().find("ca.crt");
  if (it == from.data().end()) {
    map.ca_problem = "has no key ca.crt";
    return map;
  }
  const absl::StatusOr<std::vector<std::string>> certificates = pki::SplitCertificates(it->second);
  if (!certificates.ok()) {
    map.ca_problem = absl::StrCat("has no certificate in ca.crt: ", certificates.status().message());
    return map;
  }
  for (const std::string& certificate : *certificates) map.ca_pem += certificate;
  return map;
}

}  // namespace weft::control::source
