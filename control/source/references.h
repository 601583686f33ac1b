// parentRefs and backendRefs, which all route kinds have alike. INTERNAL to control/source. Pure, any thread.
#ifndef WEFT_CONTROL_SOURCE_REFERENCES_H_
#define WEFT_CONTROL_SOURCE_REFERENCES_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "control/model/http_route.h"
#include "control/source/findings.h"
#include "control/source/names.h"
#include "gateway/v1/http_route.pb.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "schema/problem.h"

namespace weft::control::source {

inline constexpr int kMostBackends = 16;  // of the Gateway API's own definition, as those in the .cc files

void CheckCount(int count, int most, const std::string& field, Checker& checker);

// "", "core" and "weft.dev" are the groups that have our Service.
bool IsCoreGroup(const std::string& group);

std::vector<model::RouteParent> ParentsFrom(
    const google::protobuf::RepeatedPtrField<gateway::v1::ParentReference>& refs, const std::string& route_namespace,
    Checker& checker);

void CheckHostnames(const google::protobuf::RepeatedPtrField<std::string>& hostnames, int most, Checker& checker);

uint32_t WeightFrom(int64_t weight, const std::string& field, Checker& checker);

// All but filters. Reference: HTTPBackendRef or BackendRef.
template <typename Reference>
model::Backend BackendFrom(const Reference& from, const std::string& route_namespace, const std::string& field,
                           Checker& checker) {
  model::Backend backend;
  if (from.has_kind() && from.kind() != "Service") {
    checker.Ok(field + ".kind", from.kind(), "cannot be a backend; Service is wanted");
  }
  if (!IsCoreGroup(from.group())) checker.Ok(field + ".group", from.group(), "has no kind Service; \"\" is wanted");
  backend.service = {from.has_namespace_() ? from.namespace_() : route_namespace, from.name()};
  checker.Ok(field + ".name", from.name(), CheckLabel(from.name()));
  checker.Ok(field + ".namespace", backend.service.ns, CheckLabel(backend.service.ns));
  if (!from.has_port()) {
    checker.Error(field + ".port", "is missing; a port of the service is wanted");
  } else if (checker.Port(field + ".port", from.port())) {
    backend.port = static_cast<uint16_t>(from.port());
  }
  backend.weight = WeightFrom(from.has_weight() ? from.weight() : 1, field + ".weight", checker);
  return backend;
}

}  // namespace weft::control::source

#endif  // WEFT_CONTROL_SOURCE_REFERENCES_H_
