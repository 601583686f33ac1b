#include "control/cli/kinds.h"

#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/cli/table.h"

namespace weft::cli {
namespace {

using weft::v1::Object;

// "a=b,c=d" in the order of keys.
template <typename Map>
std::string Pairs(const Map& map, const char* between = "=") {
  const std::map<std::string, std::string> sorted = [&] {
    std::map<std::string, std::string> out;
    for (const auto& [key, value] : map) out[key] = absl::StrCat(value);
    return out;
  }();
  return absl::StrJoin(sorted, ",", absl::PairFormatter(between));
}

std::string Addresses(const weft::v1::Service& service) {
  if (!service.status().addresses().empty()) return absl::StrJoin(service.status().addresses(), ",");
  return absl::StrJoin(service.spec().addresses(), ",");
}

std::string Ports(const weft::v1::Service& service) {
  return absl::StrJoin(service.spec().ports(), ",", [](std::string* out, const weft::v1::ServicePort& port) {
    absl::StrAppend(out, port.port());
    if (!port.app_protocol().empty()) {
      absl::StrAppend(out, "/", port.app_protocol());
    } else if (!port.protocol().empty()) {
      absl::StrAppend(out, "/", port.protocol());
    } else if (!port.name().empty()) {
      absl::StrAppend(out, "/", port.name());
    }
  });
}

// "v1=90 v2=10", summed over the rules that have backends; the first rule's where they differ.
template <typename Route>
std::string Backends(const Route& route) {
  for (const auto& rule : route.spec().rules()) {
    if (rule.backend_refs().empty()) continue;
    const std::string split = absl::StrJoin(rule.backend_refs(), ",", [](std::string* out, const auto& backend) {
      absl::StrAppend(out, backend.name(), "=", backend.has_weight() ? backend.weight() : 1);
    });
    return route.spec().rules_size() > 1 ? absl::StrCat(split, " (+", route.spec().rules_size() - 1, " rules)") : split;
  }
  return "";
}

// "True", or the reason why not, of the first parent or ancestor that has a condition `type`.
template <typename Statuses>
std::string ConditionIn(const Statuses& statuses, const std::string& type) {
  std::string good;
  for (const auto& of_one : statuses) {
    for (const auto& condition : of_one.conditions()) {
      if (condition.type() != type) continue;
      if (condition.status() != "True") return absl::StrCat(condition.status(), " (", condition.reason(), ")");
      good = condition.status();
    }
  }
  return good;
}

std::string Mode(const weft::v1::PeerAuthentication& policy) {
  std::string out = weft::v1::MutualTLS::Mode_Name(policy.spec().mtls().mode());
  std::map<int32_t, std::string> ports;
  for (const auto& [port, tls] : policy.spec().port_level_mtls())
    ports[port] = weft::v1::MutualTLS::Mode_Name(tls.mode());
  for (const auto& [port, mode] : ports) absl::StrAppend(&out, ",", port, "=", mode);
  return out;
}

std::string Target(const weft::v1::PeerAuthentication& policy) {
  if (!policy.spec().target_refs().empty()) {
    return absl::StrJoin(policy.spec().target_refs(), ",", [](std::string* out, const auto& target) {
      absl::StrAppend(out, ShortName(target.kind(), target.name()));
    });
  }
  return Pairs(policy.spec().selector().match_labels());
}

template <typename Route, typename Add>
void AddRoute(const Route& route, const std::string& hostnames, Add add) {
  const std::string parents = absl::StrJoin(route.spec().parent_refs(), ",", [](std::string* text, const auto& parent) {
    absl::StrAppend(text, parent.name());
    if (parent.has_port()) absl::StrAppend(text, ":", parent.port());
  });
  add({parents, Backends(route), ConditionIn(route.status().parents(), "Accepted")},
      {ConditionIn(route.status().parents(), "ResolvedRefs"), hostnames, route.metadata().resource_version()});
}

// "web,api/https"
std::string Targets(const gateway::v1::BackendTLSPolicy& policy) {
  return absl::StrJoin(policy.spec().target_refs(), ",", [](std::string* text, const auto& target) {
    absl::StrAppend(text, target.name(), target.has_section_name() ? "/" : "", target.section_name());
  });
}

std::string Trusts(const gateway::v1::BackendTLSPolicyValidation& validation) {
  if (validation.ca_certificate_refs().empty()) return validation.well_known_ca_certificates();
  return absl::StrJoin(validation.ca_certificate_refs(), ",",
                       [](std::string* text, const auto& ref) { absl::StrAppend(text, ref.name()); });
}

template <typename Map>
std::string Keys(const Map& map) {
  std::set<std::string> keys;
  for (const auto& [key, value] : map) keys.insert(key);
  return absl::StrJoin(keys, ",");
}

}  // namespace

std::string ShortName(const std::string& kind, const std::string& name) {
  return absl::StrCat(absl::AsciiStrToLower(kind), "/", name);
}

const google::protobuf::Message& InnerOf(const Object& object) {
  switch (object.kind_case()) {
    case Object::kService: return object.service();
    case Object::kWorkloadEntry: return object.workload_entry();
    case Object::kHttpRoute: return object.http_route();
    case Object::kPeerAuthentication: return object.peer_authentication();
    case Object::kMeshConfig: return object.mesh_config();
    case Object::kTcpRoute: return object.tcp_route();
    case Object::kTlsRoute: return object.tls_route();
    case Object::kBackendTlsPolicy: return object.backend_tls_policy();
    case Object::kConfigMap: return object.config_map();
    case Object::KIND_NOT_SET: break;
  }
  return object;
}

const weft::v1::ObjectMeta& MetaOf(const Object& object) {
  switch (object.kind_case()) {
    case Object::kService: return object.service().metadata();
    case Object::kWorkloadEntry: return object.workload_entry().metadata();
    case Object::kHttpRoute: return object.http_route().metadata();
    case Object::kPeerAuthentication: return object.peer_authentication().metadata();
    case Object::kMeshConfig: return object.mesh_config().metadata();
    case Object::kTcpRoute: return object.tcp_route().metadata();
    case Object::kTlsRoute: return object.tls_route().metadata();
    case Object::kBackendTlsPolicy: return object.backend_tls_policy().metadata();
    case Object::kConfigMap: return object.config_map().metadata();
    case Object::KIND_NOT_SET: break;
  }
  return weft::v1::ObjectMeta::default_instance();
}

std::vector<std::string> ColumnsOf(Object::KindCase kind, bool wide) {
  std::vector<std::string> out = {"NAME"};
  const auto add = [&](std::initializer_list<const char*> always, std::initializer_list<const char*> more) {
    out.insert(out.end(), always.begin(), always.end());
    out.push_back("AGE");
    if (wide) out.insert(out.end(), more.begin(), more.end());
  };
  switch (kind) {
    case Object::kService: add({"ADDRESS", "PORTS"}, {"HOSTS", "SELECTOR"}); break;
    case Object::kWorkloadEntry: add({"ADDRESS", "PORTS", "ACCOUNT"}, {"LOCALITY", "WEIGHT", "TLS", "LABELS"}); break;
    case Object::kHttpRoute:
    case Object::kTcpRoute:
    case Object::kTlsRoute: add({"SERVICE", "BACKENDS", "ACCEPTED"}, {"RESOLVED", "HOSTNAMES", "VERSION"}); break;
    case Object::kBackendTlsPolicy: add({"SERVICE", "HOSTNAME", "ACCEPTED"}, {"RESOLVED", "TRUSTS"}); break;
    case Object::kConfigMap: add({"KEYS"}, {}); break;
    case Object::kPeerAuthentication: add({"MODE"}, {"APPLIES TO"}); break;
    case Object::kMeshConfig: add({"OUTBOUND", "ACCESS LOG"}, {"TRUST DOMAIN"}); break;
    case Object::KIND_NOT_SET: add({}, {});
  }
  return out;
}

std::vector<std::string> CellsOf(const Object& object, bool wide, absl::Time now) {
  const weft::v1::ObjectMeta& meta = MetaOf(object);
  std::vector<std::string> out = {meta.name()};
  const auto add = [&](std::vector<std::string> always, std::vector<std::string> more) {
    out.insert(out.end(), always.begin(), always.end());
    out.push_back(Age(meta.creation_timestamp(), now));
    if (wide) out.insert(out.end(), more.begin(), more.end());
  };
  switch (object.kind_case()) {
    case Object::kService: {
      const auto& service = object.service();
      add({Addresses(service), Ports(service)},
          {absl::StrJoin(service.spec().hosts(), ","), Pairs(service.spec().selector())});
      break;
    }
    case Object::kWorkloadEntry: {
      const auto& spec = object.workload_entry().spec();
      add({spec.address(), Pairs(spec.ports(), ":"),
           spec.service_account().empty() ? "default" : spec.service_account()},
          {spec.locality(), absl::StrCat(spec.has_weight() ? spec.weight() : 1),
           spec.tls_mode().empty() ? "MUTUAL" : spec.tls_mode(),
           Pairs(spec.labels().empty() ? meta.labels() : spec.labels())});
      break;
    }
    case Object::kHttpRoute: {
      const auto& route = object.http_route();
      AddRoute(route, absl::StrJoin(route.spec().hostnames(), ","), add);
      break;
    }
    case Object::kTcpRoute: AddRoute(object.tcp_route(), "", add); break;
    case Object::kTlsRoute: {
      const auto& route = object.tls_route();
      AddRoute(route, absl::StrJoin(route.spec().hostnames(), ","), add);
      break;
    }
    case Object::kBackendTlsPolicy: {
      const auto& policy = object.backend_tls_policy();
      const auto& validation = policy.spec().validation();
      add({Targets(policy), validation.hostname(), ConditionIn(policy.status().ancestors(), "Accepted")},
          {ConditionIn(policy.status().ancestors(), "ResolvedRefs"), Trusts(validation)});
      break;
    }
    case Object::kConfigMap: add({Keys(object.config_map().data())}, {}); break;
    case Object::kPeerAuthentication:
      add({Mode(object.peer_authentication())}, {Target(object.peer_authentication())});
      break;
    case Object::kMeshConfig: {
      const auto& spec = object.mesh_config().spec();
      add({weft::v1::OutboundTrafficPolicy::Mode_Name(spec.outbound_traffic_policy().mode()),
           spec.access_log().enabled() ? weft::v1::AccessLog::Encoding_Name(spec.access_log().encoding()) : "off"},
          {spec.trust_domain()});
      break;
    }
    case Object::KIND_NOT_SET: add({}, {});
  }
  return out;
}

}  // namespace weft::cli
