#include "control/source/any_kind.h"

#include <functional>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "control/source/manifest.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "xxhash.h"

namespace weft::control::source {
namespace {

// Protobuf leaves the order of map entries open unless it is asked.
std::string Deterministic(const google::protobuf::Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  {
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

// `action` with the typed message that is set.
template <typename Object, typename Action>
void Visit(Object& object, Action action) {
  switch (object.kind_case()) {
    case weft::v1::Object::kService: return action(*object.mutable_service());
    case weft::v1::Object::kWorkloadEntry: return action(*object.mutable_workload_entry());
    case weft::v1::Object::kHttpRoute: return action(*object.mutable_http_route());
    case weft::v1::Object::kPeerAuthentication: return action(*object.mutable_peer_authentication());
    case weft::v1::Object::kMeshConfig: return action(*object.mutable_mesh_config());
    case weft::v1::Object::kTcpRoute: return action(*object.mutable_tcp_route());
    case weft::v1::Object::kTlsRoute: return action(*object.mutable_tls_route());
    case weft::v1::Object::kBackendTlsPolicy: return action(*object.mutable_backend_tls_policy());
    case weft::v1::Object::kConfigMap: return action(*object.mutable_config_map());
    case weft::v1::Object::KIND_NOT_SET: return;
  }
}

void Fill(const model::Condition& from, int generation, weft::v1::Condition* to) {
  to->set_type(from.type);
  to->set_status(from.status ? "True" : "False");
  to->set_reason(from.reason);
  to->set_message(from.message);
  to->set_observed_generation(generation);
}

constexpr char kControllerName[] = "weft.dev/weft-control";

// HTTPRoute, TLSRoute, TCPRoute: a status for each parent.
template <typename Route>
void SetRouteConditions(Route& route, const std::vector<model::Condition>& conditions, int generation) {
  route.mutable_status()->clear_parents();
  for (int i = 0; i < route.spec().parent_refs_size(); ++i) {
    gateway::v1::RouteParentStatus* status = route.mutable_status()->add_parents();
    *status->mutable_parent_ref() = route.spec().parent_refs(i);
    status->set_controller_name(kControllerName);
    for (const model::Condition& condition : conditions) {
      if (condition.IsOf(i)) Fill(condition, generation, status->add_conditions());
    }
  }
}

// A status for each target.
void SetPolicyConditions(gateway::v1::BackendTLSPolicy& policy, const std::vector<model::Condition>& conditions,
                         int generation) {
  policy.mutable_status()->clear_ancestors();
  for (int i = 0; i < policy.spec().target_refs_size(); ++i) {
    const auto& target = policy.spec().target_refs(i);
    gateway::v1::PolicyAncestorStatus* status = policy.mutable_status()->add_ancestors();
    status->mutable_ancestor_ref()->set_group(target.group());
    status->mutable_ancestor_ref()->set_kind(target.kind());
    status->mutable_ancestor_ref()->set_name(target.name());
    if (target.has_section_name()) status->mutable_ancestor_ref()->set_section_name(target.section_name());
    status->set_controller_name(kControllerName);
    for (const model::Condition& condition : conditions) {
      if (condition.IsOf(i)) Fill(condition, generation, status->add_conditions());
    }
  }
}

// A ConfigMap has neither.
template <typename Message>
concept HasStatus = requires(Message& message) { message.mutable_status(); };
template <typename Message>
concept HasParents = HasStatus<Message> && requires(Message& message) { message.mutable_status()->clear_parents(); };

}  // namespace

std::optional<model::Kind> KindOf(const weft::v1::Object& object) {
  switch (object.kind_case()) {
    case weft::v1::Object::kService: return model::Kind::kService;
    case weft::v1::Object::kWorkloadEntry: return model::Kind::kWorkloadEntry;
    case weft::v1::Object::kHttpRoute: return model::Kind::kHttpRoute;
    case weft::v1::Object::kPeerAuthentication: return model::Kind::kPeerAuthentication;
    case weft::v1::Object::kMeshConfig: return model::Kind::kMeshConfig;
    case weft::v1::Object::kTcpRoute: return model::Kind::kTcpRoute;
    case weft::v1::Object::kTlsRoute: return model::Kind::kTlsRoute;
    case weft::v1::Object::kBackendTlsPolicy: return model::Kind::kBackendTlsPolicy;
    case weft::v1::Object::kConfigMap: return model::Kind::kConfigMap;
    case weft::v1::Object::KIND_NOT_SET: break;
  }
  return std::nullopt;
}

google::protobuf::Message* MutableOf(weft::v1::Object& object, model::Kind kind) {
  switch (kind) {
    case model::Kind::kService: return object.mutable_service();
    case model::Kind::kWorkloadEntry: return object.mutable_workload_entry();
    case model::Kind::kHttpRoute: return object.mutable_http_route();
    case model::Kind::kPeerAuthentication: return object.mutable_peer_authentication();
    case model::Kind::kTcpRoute: return object.mutable_tcp_route();
    case model::Kind::kTlsRoute: return object.mutable_tls_route();
    case model::Kind::kBackendTlsPolicy: return object.mutable_backend_tls_policy();
    case model::Kind::kConfigMap: return object.mutable_config_map();
    case model::Kind::kMeshConfig: break;
  }
  return object.mutable_mesh_config();
}

const google::protobuf::Message& InnerOf(const weft::v1::Object& object) {
  switch (object.kind_case()) {
    case weft::v1::Object::kService: return object.service();
    case weft::v1::Object::kWorkloadEntry: return object.workload_entry();
    case weft::v1::Object::kHttpRoute: return object.http_route();
    case weft::v1::Object::kPeerAuthentication: return object.peer_authentication();
    case weft::v1::Object::kMeshConfig: return object.mesh_config();
    case weft::v1::Object::kTcpRoute: return object.tcp_route();
    case weft::v1::Object::kTlsRoute: return object.tls_route();
    case weft::v1::Object::kBackendTlsPolicy: return object.backend_tls_policy();
    case weft::v1::Object::kConfigMap: return object.config_map();
    case weft::v1::Object::KIND_NOT_SET: break;
  }
  return object;
}

const weft::v1::ObjectMeta* MetaOf(const weft::v1::Object& object) {
  switch (object.kind_case()) {
    case weft::v1::Object::kService: return &object.service().metadata();
    case weft::v1::Object::kWorkloadEntry: return &object.workload_entry().metadata();
    case weft::v1::Object::kHttpRoute: return &object.http_route().metadata();
    case weft::v1::Object::kPeerAuthentication: return &object.peer_authentication().metadata();
    case weft::v1::Object::kMeshConfig: return &object.mesh_config().metadata();
    case weft::v1::Object::kTcpRoute: return &object.tcp_route().metadata();
    case weft::v1::Object::kTlsRoute: return &object.tls_route().metadata();
    case weft::v1::Object::kBackendTlsPolicy: return &object.backend_tls_policy().metadata();
    case weft::v1::Object::kConfigMap: return &object.config_map().metadata();
    case weft::v1::Object::KIND_NOT_SET: break;
  }
  return nullptr;
}

weft::v1::ObjectMeta* MutableMeta(weft::v1::Object& object) {
  weft::v1::ObjectMeta* meta = nullptr;
  Visit(object, [&](auto& message) { meta = message.mutable_metadata(); });
  return meta;
}

void SetHead(weft::v1::Object& object, model::Kind kind) {
  Visit(object, [&](auto& message) {
    message.set_api_version(std::string(ApiVersionOf(kind)));
    message.set_kind(std::string(model::KindName(kind)));
  });
}

std::string ToBytes(const weft::v1::Object& object) {
  weft::v1::Object kept = object;
  Visit(kept, []<typename Message>(Message& message) {
    if constexpr (HasStatus<Message>) message.clear_status();
    message.mutable_metadata()->clear_resource_version();
    message.mutable_metadata()->clear_generation();
    message.mutable_metadata()->clear_creation_timestamp();
  });
  return Deterministic(kept);
}

absl::StatusOr<weft::v1::Object> FromBytes(std::string_view bytes) {
  weft::v1::Object object;
  if (object.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) && KindOf(object).has_value()) return object;
  return absl::DataLossError(absl::StrCat("the store holds ", bytes.size(), " bytes that are no object"));
}

int64_t SpecHash(const weft::v1::Object& object) {
  weft::v1::Object spec = object;
  Visit(spec, []<typename Message>(Message& message) {
    if constexpr (HasStatus<Message>) message.clear_status();
    message.clear_metadata();
  });
  const std::string bytes = Deterministic(spec);
  return static_cast<int64_t>(XXH3_64bits(bytes.data(), bytes.size()));
}

void SetConditions(weft::v1::Object& object, const std::vector<model::Condition>& conditions, int generation) {
  Visit(object, [&]<typename Message>(Message& message) {
    if constexpr (HasParents<Message>) {
      SetRouteConditions(message, conditions, generation);
    } else if constexpr (std::is_same_v<Message, gateway::v1::BackendTLSPolicy>) {
      SetPolicyConditions(message, conditions, generation);
    } else if constexpr (HasStatus<Message>) {
      message.mutable_status()->clear_conditions();
      for (const model::Condition& condition : conditions) {
        Fill(condition, generation, message.mutable_status()->add_conditions());
      }
    }
  });
}

}  // namespace weft::control::source
