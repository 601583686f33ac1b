// Judge: what becomes of an object among the others, in the Gateway API's words.
#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/source/world.h"

namespace weft::control::source {
namespace {

using model::Kind;

constexpr char kAuthorities[] = "spec.validation.caCertificateRefs";

Verdict Good(const char* type) { return {{type, true, type, ""}, ""}; }
Verdict Bad(const char* type, const char* reason, std::string field, std::string message) {
  return {{type, false, reason, std::move(message)}, std::move(field)};
}

std::string ServiceText(const model::Name& name) { return "Service/" + name.ToString(); }

// "port 3306 of Service/shop/db (mysql)"
std::string PortText(const model::Service& service, const model::ServicePort& port) {
  const std::string declared = port.declared.empty() ? std::string(ProtocolName(port.protocol)) : port.declared;
  return absl::StrCat("port ", port.port, " of ", ServiceText(service.meta.name), " (", declared, ")");
}

// Why a route of this kind can do nothing on such a port: what the proxy sees there.
std::string WhyUnreadable(Kind kind, model::Protocol protocol) {
  if (kind == Kind::kTcpRoute) {
    return "carries requests, which an HTTPRoute routes; with appProtocol: tcp they would be bytes";
  }
  if (kind == Kind::kTlsRoute) {
    return protocol == model::Protocol::kHttp
               ? "carries plain requests without a ClientHello, whose server name a TLSRoute would go by"
               : "carries bytes that the proxy does not look at, so that it sees no ClientHello; appProtocol: tls says "
                 "that each connection begins with one";
  }
  switch (protocol) {
    case model::Protocol::kTls:
      return "is encrypted end to end: the proxy sees no requests to route, a TLSRoute can go by "
             "the server name";
    case model::Protocol::kHttp2:
    case model::Protocol::kGrpc:
      return "is passed on as bytes, as the proxy reads HTTP/1 only: it sees no requests to route, a TCPRoute can "
             "split "
             "connections";
    default:
      return "is passed on as bytes: the proxy sees no requests to route; appProtocol: http would make it read them";
  }
}

Verdict JudgeParent(const model::World& world, Kind kind, const model::RouteParent& parent, const std::string& field) {
  const std::string text = ServiceText(parent.service);
  const model::Service* service = world.FindService(parent.service);
  if (service == nullptr) return Bad("Accepted", "NoMatchingParent", field, text + " does not exist");
  if (parent.port != 0 && service->FindPort(parent.port) == nullptr) {
    return Bad("Accepted", "NoMatchingParent", field + ".port", absl::StrCat(text, " has no port ", parent.port));
  }
  if (service->headless) {
    return Bad("Accepted", "UnsupportedValue", field,
               text + " is headless: its clients choose an endpoint themselves, so that there is nothing to route");
  }
  if (!world.PortsOf(kind, parent).empty() || service->ports.empty()) return Good("Accepted");
  if (parent.port != 0) {
    const model::ServicePort& port = *service->FindPort(parent.port);
    return Bad("Accepted", "UnsupportedProtocol", field + ".port",
               absl::StrCat(PortText(*service, port), " ", WhyUnreadable(kind, port.protocol)));
  }
  const model::ServicePort& first = service->ports.front();
  const std::string rest = service->ports.size() == 1 ? "" : "; none of its other ports can be routed so either";
  return Bad("Accepted", "UnsupportedProtocol", field,
             absl::StrCat(PortText(*service, first), " ", WhyUnreadable(kind, first.protocol), rest));
}

// What a parent's port can be claimed for once: all connections (""), or a server name.
std::vector<std::string> ClaimsOf(const model::TcpRoute&) { return {""}; }
const std::vector<std::string>& ClaimsOf(const model::TlsRoute& route) { return route.hostnames; }

// The older route that has everything which `route` asks of `parent`; null: something is left for it.
template <typename Route>
const Route* Shadowing(const model::World& world, Kind kind, const std::map<model::Name, Route>& routes,
                       const Route& route, const model::RouteParent& parent) {
  const Route* shadowing = nullptr;
  for (const model::ServicePort* port : world.PortsOf(kind, parent)) {
    for (const std::string& claim : ClaimsOf(route)) {
      const auto owns = [&](const Route& other) {
        if (!other.meta.Precedes(route.meta)) return false;
        const auto& claims = ClaimsOf(other);
        if (std::find(claims.begin(), claims.end(), claim) == claims.end()) return false;
        return std::any_of(other.parents.begin(), other.parents.end(), [&](const model::RouteParent& at) {
          return at.service == parent.service && (at.port == 0 || at.port == port->port);
        });
      };
      const auto it = std::find_if(routes.begin(), routes.end(), [&](const auto& entry) { return owns(entry.second); });
      if (it == routes.end()) return nullptr;
      shadowing = &it->second;
    }
  }
  return shadowing;
}

template <typename Route>
Verdict JudgeL4Parent(const model::World& world, Kind kind, const std::map<model::Name, Route>& routes,
                      const Route& route, const model::RouteParent& parent, const std::string& field) {
  Verdict verdict = JudgeParent(world, kind, parent, field);
  if (!verdict.condition.status) return verdict;
  const Route* other = Shadowing(world, kind, routes, route, parent);
  if (other == nullptr) return verdict;
  const char* what = kind == Kind::kTcpRoute ? "every connection" : "every one of these server names";
  return Bad("Accepted", "Conflicted", field,
             absl::StrCat(model::ObjectKey{kind, other->meta.name}.ToString(), ", which is older, has ", what, " of ",
                          ServiceText(parent.service)));
}

Verdict JudgeBackends(const model::World& world, const std::vector<model::Backend>& backends, const std::string& list) {
  for (size_t j = 0; j < backends.size(); ++j) {
    const std::string field = At(list, j), text = ServiceText(backends[j].service);
    const model::Service* service = world.FindService(backends[j].service);
    if (service == nullptr) return Bad("ResolvedRefs", "BackendNotFound", field + ".name", text + " does not exist");
    if (service->FindPort(backends[j].port) == nullptr) {
      return Bad("ResolvedRefs", "BackendNotFound", field + ".port",
                 absl::StrCat(text, " has no port ", backends[j].port));
    }
  }
  return Good("ResolvedRefs");
}

// Accepted for each parent by `judge_parent`(parent, field), then ResolvedRefs for all.
template <typename Route, typename JudgeOne>
std::vector<Verdict> JudgeRoute(const Route& route, Verdict resolved, JudgeOne judge_parent) {
  std::vector<Verdict> verdicts;
  for (size_t i = 0; i < route.parents.size(); ++i) {
    verdicts.push_back(judge_parent(route.parents[i], At("spec.parentRefs", i)));
    verdicts.back().condition.of = static_cast<int>(i);
  }
  verdicts.push_back(std::move(resolved));
  return verdicts;
}

std::vector<Verdict> JudgeHttpRoute(const model::World& world, const model::HttpRoute& route) {
  Verdict resolved = Good("ResolvedRefs");
  for (size_t i = 0; i < route.rules.size() && resolved.condition.status; ++i) {
    resolved = JudgeBackends(world, route.rules[i].backends, At("spec.rules", i) + ".backendRefs");
  }
  return JudgeRoute(route, std::move(resolved), [&](const model::RouteParent& parent, const std::string& field) {
    return JudgeParent(world, Kind::kHttpRoute, parent, field);
  });
}

template <typename Route>
std::vector<Verdict> JudgeL4Route(const model::World& world, Kind kind, const std::map<model::Name, Route>& routes,
                                  const Route& route) {
  Verdict resolved = JudgeBackends(world, route.backends, "spec.rules[0].backendRefs");
  return JudgeRoute(route, std::move(resolved), [&](const model::RouteParent& parent, const std::string& field) {
    return JudgeL4Parent(world, kind, routes, route, parent, field);
  });
}

Verdict JudgeTlsTarget(const model::World& world, const model::BackendTlsIndex& index,
                       const model::BackendTlsPolicy& policy, const model::BackendTlsTarget& target,
                       const std::string& field) {
  const std::string text = ServiceText(target.service);
  const model::Service* service = world.FindService(target.service);
  if (service == nullptr) return Bad("Accepted", "TargetNotFound", field + ".name", text + " does not exist");
  std::vector<const model::ServicePort*> ports;
  for (const model::ServicePort& port : service->ports) {
    if (target.section.empty() || port.name == target.section) ports.push_back(&port);
  }
  if (ports.empty()) {
    return Bad("Accepted", "TargetNotFound", field + ".sectionName",
               absl::StrCat(text, " has no port named ", schema::Quoted(target.section)));
  }
  const model::BackendTlsPolicy* owner = index.OwnerOf(target);
  if (owner != nullptr && owner->meta.name != policy.meta.name) {
    return Bad("Accepted", "Conflicted", field,
               absl::StrCat(model::ObjectKey{Kind::kBackendTlsPolicy, owner->meta.name}.ToString(),
                            ", which is older, has the same target"));
  }
  const auto sealed = [](const model::ServicePort* port) { return port->protocol == model::Protocol::kTls; };
  if (std::all_of(ports.begin(), ports.end(), sealed)) {
    return Bad("Accepted", "Invalid", field,
               absl::StrCat(PortText(*service, *ports.front()),
                            " is encrypted by its clients already; appProtocol: http says that they come plain"));
  }
  return Good("Accepted");
}

Verdict JudgeAuthorities(const model::World& world, const model::BackendTlsPolicy& policy) {
  for (size_t i = 0; i < policy.ca_refs.size(); ++i) {
    const auto it = world.config_maps.find(policy.ca_refs[i]);
    const bool found = it != world.config_maps.end();
    if (found && it->second.ca_problem.empty()) continue;
    return Bad("ResolvedRefs", "InvalidCACertificateRef", At(kAuthorities, i) + ".name",
               absl::StrCat("ConfigMap/", policy.ca_refs[i].ToString(), " ",
                            found ? it->second.ca_problem : std::string("does not exist")));
  }
  return Good("ResolvedRefs");
}

// Accepted for each target, as each is shaped or not whatever becomes of the others; then ResolvedRefs for all.
std::vector<Verdict> JudgeBackendTls(const model::World& world, const model::BackendTlsPolicy& policy) {
  const model::BackendTlsIndex index(world);
  const bool trusts_nobody = !policy.system_roots && world.CaOf(policy).empty();
  std::vector<Verdict> verdicts;
  for (size_t i = 0; i < policy.targets.size(); ++i) {
    Verdict verdict = JudgeTlsTarget(world, index, policy, policy.targets[i], At("spec.targetRefs", i));
    if (verdict.condition.status && trusts_nobody) {
      verdict = Bad("Accepted", "NoValidCACertificate", kAuthorities,
                    "there is no certificate to trust, so that every connection to this service is refused");
    }
    verdict.condition.of = static_cast<int>(i);
    verdicts.push_back(std::move(verdict));
  }
  verdicts.push_back(JudgeAuthorities(world, policy));
  return verdicts;
}

Verdict JudgeEndpoints(const model::World& world, const model::Service& service) {
  if (service.selector.empty()) {
    return Bad("ResolvedRefs", "NoSelector", "spec.selector", "is empty, so no workload answers");
  }
  const std::vector<const model::WorkloadEntry*> workloads = world.WorkloadsOf(service);
  if (workloads.empty()) return Bad("ResolvedRefs", "NoWorkloads", "spec.selector", "selects no WorkloadEntry");
  for (size_t i = 0; i < service.ports.size(); ++i) {
    const model::ServicePort& port = service.ports[i];
    const auto has_it = [&](const model::WorkloadEntry* workload) { return model::TargetPort(port, *workload) != 0; };
    if (std::none_of(workloads.begin(), workloads.end(), has_it)) {
      return Bad("ResolvedRefs", "NoTargetPort", At("spec.ports", i) + ".targetPort",
                 absl::StrCat("no selected WorkloadEntry has a port named ", schema::Quoted(port.target_name)));
    }
  }
  return Good("ResolvedRefs");
}

Verdict JudgeTargets(const model::World& world, const model::PeerAuthentication& policy) {
  for (size_t i = 0; i < policy.services.size(); ++i) {
    const model::Name service{policy.meta.name.ns, policy.services[i]};
    if (world.FindService(service) != nullptr) continue;
    return Bad("ResolvedRefs", "TargetNotFound", At("spec.targetRefs", i) + ".name",
               ServiceText(service) + " does not exist");
  }
  return Good("ResolvedRefs");
}

// The object of this name, or null.
template <typename Value>
const Value* Find(const std::map<model::Name, Value>& all, const model::Name& name) {
  const auto it = all.find(name);
  return it == all.end() ? nullptr : &it->second;
}

}  // namespace

std::vector<Verdict> Judge(const model::World& world, const model::ObjectKey& key) {
  switch (key.kind) {
    case Kind::kHttpRoute:
      if (const auto* route = Find(world.routes, key.name)) return JudgeHttpRoute(world, *route);
      break;
    case Kind::kTcpRoute:
      if (const auto* route = Find(world.tcp_routes, key.name)) {
        return JudgeL4Route(world, key.kind, world.tcp_routes, *route);
      }
      break;
    case Kind::kTlsRoute:
      if (const auto* route = Find(world.tls_routes, key.name)) {
        return JudgeL4Route(world, key.kind, world.tls_routes, *route);
      }
      break;
    case Kind::kBackendTlsPolicy:
      if (const auto* policy = Find(world.backend_tls_policies, key.name)) return JudgeBackendTls(world, *policy);
      break;
    case Kind::kService:
      if (const auto* service = Find(world.services, key.name)) {
        return {Good("Accepted"), JudgeEndpoints(world, *service)};
      }
      break;
    case Kind::kPeerAuthentication:
      if (const auto* policy = Find(world.peer_authentications, key.name)) {
        return {Good("Accepted"), JudgeTargets(world, *policy)};
      }
      break;
    case Kind::kWorkloadEntry:
    case Kind::kConfigMap:
    case Kind::kMeshConfig: break;
  }
  return {Good("Accepted"), Good("ResolvedRefs")};
}

}  // namespace weft::control::source
