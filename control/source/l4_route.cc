// TCPRoute and TLSRoute.
#include <set>

#include "control/source/convert.h"
#include "control/source/references.h"

namespace weft::control::source {
namespace {

constexpr int kMostServerNames = 1024;  // of the Gateway API (v1.5)

template <typename Spec>
void ReadRules(const Spec& spec, const char* why_one, model::L4Route& route, Checker& checker) {
  if (spec.rules().empty()) checker.Error("spec.rules", "is empty; one rule is wanted");
  if (spec.rules_size() > 1) checker.Error("spec.rules[1]", why_one);
  if (spec.rules().empty()) return;
  const auto& rule = spec.rules(0);
  if (rule.has_name()) checker.Ok("spec.rules[0].name", rule.name(), CheckSubdomain(rule.name()));
  const std::string field = "spec.rules[0].backendRefs";
  if (rule.backend_refs().empty()) checker.Error(field, "is empty; at least one service is wanted");
  CheckCount(rule.backend_refs_size(), kMostBackends, field, checker);
  for (int i = 0; i < rule.backend_refs_size(); ++i) {
    route.backends.push_back(BackendFrom(rule.backend_refs(i), route.meta.name.ns, At(field, i), checker));
  }
}

}  // namespace

model::TcpRoute TcpRouteFrom(const gateway::v1::TCPRoute& from, Checker& checker) {
  model::TcpRoute route;
  route.meta = MetaFrom(from.metadata(), checker);
  route.parents = ParentsFrom(from.spec().parent_refs(), route.meta.name.ns, checker);
  ReadRules(from.spec(), "cannot be reached: a TCPRoute has nothing to match by, so that its first rule takes all",
            route, checker);
  return route;
}

model::TlsRoute TlsRouteFrom(const gateway::v1::TLSRoute& from, Checker& checker) {
  const gateway::v1::TLSRouteSpec& spec = from.spec();
  model::TlsRoute route;
  route.meta = MetaFrom(from.metadata(), checker);
  route.parents = ParentsFrom(spec.parent_refs(), route.meta.name.ns, checker);
  if (spec.hostnames().empty()) {
    checker.Error("spec.hostnames", "is empty; the server names that this routes are wanted (exact, or *.example.com)");
  }
  CheckHostnames(spec.hostnames(), kMostServerNames, checker);
  std::set<std::string> seen;
  for (int i = 0; i < spec.hostnames_size(); ++i) {
    if (!seen.insert(spec.hostnames(i)).second) {
      checker.Ok(At("spec.hostnames", i), spec.hostnames(i), "is there twice");
    }
    route.hostnames.push_back(spec.hostnames(i));
  }
  ReadRules(spec,
            "cannot be reached: a rule of a TLSRoute has nothing to match by; make another TLSRoute for other names",
            route, checker);
  return route;
}

}  // namespace weft::control::source
