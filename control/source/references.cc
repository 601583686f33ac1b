#include "control/source/references.h"

#include <set>
#include <utility>

namespace weft::control::source {
namespace {

constexpr int kMostParents = 32;
constexpr int64_t kMostWeight = 1000000;

model::RouteParent ParentFrom(const gateway::v1::ParentReference& from, const std::string& route_namespace,
                              const std::string& field, Checker& checker) {
  model::RouteParent parent;
  if (from.kind() != "Service") {
    checker.Error(field + ".kind",
                  absl::StrCat(from.has_kind() ? schema::Quoted(from.kind()) : "missing, which means Gateway,",
                               " cannot be a parent; in the mesh a route's parent is of `kind: Service`"));
  } else if (from.has_group() && !IsCoreGroup(from.group())) {
    checker.Ok(field + ".group", from.group(), "has no kind Service; \"\" is wanted");
  }
  if (from.has_section_name()) {
    checker.Error(field + ".sectionName", "is for Gateways; name a port of the service with `port`");
  }
  parent.service = {from.has_namespace_() ? from.namespace_() : route_namespace, from.name()};
  checker.Ok(field + ".name", from.name(), CheckLabel(from.name()));
  if (parent.service.ns != route_namespace) {
    checker.Ok(field + ".namespace", parent.service.ns,
               absl::StrCat("is not the route's own namespace (", route_namespace,
                            "); routes for the clients of one namespace only are not supported yet"));
  }
  if (from.has_port() && checker.Port(field + ".port", from.port())) parent.port = static_cast<uint16_t>(from.port());
  return parent;
}

}  // namespace

void CheckCount(int count, int most, const std::string& field, Checker& checker) {
  if (count > most) checker.Error(field, absl::StrCat("has ", count, " entries; at most ", most, " are allowed"));
}

bool IsCoreGroup(const std::string& group) { return group.empty() || group == "core" || group == "weft.dev"; }

std::vector<model::RouteParent> ParentsFrom(
    const google::protobuf::RepeatedPtrField<gateway::v1::ParentReference>& refs, const std::string& route_namespace,
    Checker& checker) {
  std::vector<model::RouteParent> parents;
  if (refs.empty()) checker.Error("spec.parentRefs", "is empty; the service whose traffic this routes is wanted");
  CheckCount(refs.size(), kMostParents, "spec.parentRefs", checker);
  std::set<std::pair<model::Name, uint16_t>> seen;
  for (int i = 0; i < refs.size(); ++i) {
    const std::string field = At("spec.parentRefs", i);
    parents.push_back(ParentFrom(refs.Get(i), route_namespace, field, checker));
    const model::RouteParent& parent = parents.back();
    if (!seen.emplace(parent.service, parent.port).second) {
      checker.Error(field, absl::StrCat("names ", parent.service.ToString(), " a second time"));
    }
  }
  return parents;
}

void CheckHostnames(const google::protobuf::RepeatedPtrField<std::string>& hostnames, int most, Checker& checker) {
  CheckCount(hostnames.size(), most, "spec.hostnames", checker);
  for (int i = 0; i < hostnames.size(); ++i) {
    checker.Ok(At("spec.hostnames", i), hostnames.Get(i), CheckHost(hostnames.Get(i), /*wildcard=*/true));
  }
}

uint32_t WeightFrom(int64_t weight, const std::string& field, Checker& checker) {
  if (weight < 0 || weight > kMostWeight) {
    checker.Error(field, absl::StrCat(weight, " is no weight; 0 to ", kMostWeight, " is wanted"));
  }
  return static_cast<uint32_t>(weight);
}

}  // namespace weft::control::source
