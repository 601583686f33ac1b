#include "proxy/admin/config_dump.h"

#include <utility>
#include <vector>

#include "proxy/admin/json_page.h"
#include "proxy/admin/redact.h"
#include "schema/write.h"

namespace weft::admin {
namespace {

using discovery::ResourceType;

constexpr std::string_view kTypePrefix = "type.googleapis.com/envoy.admin.v3.";

// How Envoy spells one kind of resource.
struct Section {
  ResourceType type;
  std::string_view dump;    // the message of the whole section
  std::string_view member;  // that holds one resource
  std::string_view static_list;
  std::string_view dynamic_list;
  bool named = false;            // each entry carries its name beside the resource
  bool in_active_state = false;  // ListenersConfigDump.DynamicListener.active_state
  bool has_version = true;       // of the whole type
};
constexpr Section kSections[] = {
    {ResourceType::kCluster, "ClustersConfigDump", "cluster", "static_clusters", "dynamic_active_clusters"},
    {ResourceType::kEndpoint, "EndpointsConfigDump", "endpoint_config", "static_endpoint_configs",
     "dynamic_endpoint_configs", false, false, false},
    {ResourceType::kListener, "ListenersConfigDump", "listener", "static_listeners", "dynamic_listeners", true, true},
    {ResourceType::kRoute, "RoutesConfigDump", "route_config", "static_route_configs", "dynamic_route_configs", false,
     false, false},
    {ResourceType::kSecret, "SecretsConfigDump", "secret", "static_secrets", "dynamic_active_secrets", true, false,
     false},
};

template <class Message>
std::string MessageJson(Message message) {
  Redact(&message);
  auto json = schema::ToJson(message, schema::Spelling::kProto);
  if (json.ok()) return *std::move(json);
  JsonBuilder failed = JsonBuilder::Object();
  failed.Add("error", std::string(json.status().message()));
  return failed.Take();
}

// What Envoy calls UpdateFailureState.
std::string RejectionJson(const Resource& resource) {
  JsonBuilder json = JsonBuilder::Object();
  json.Add("last_update_attempt", JsonTime(resource.rejected_micros));
  json.Add("details", resource.rejection);
  json.Add("version_info", resource.rejected_version);
  return json.Take();
}

void AddState(const Section& section, const Resource& resource, JsonBuilder* json) {
  if (resource.dynamic) json->Add("version_info", resource.version);
  if (resource.message) json->AddJson(section.member, MessageJson(*resource.message));
  json->Add("last_updated", JsonTime(resource.updated_micros));
}

std::string ResourceJson(const Section& section, const Resource& resource) {
  JsonBuilder json = JsonBuilder::Object();
  if (section.named && (resource.dynamic || !section.in_active_state)) json.Add("name", resource.name);
  if (section.in_active_state && resource.dynamic) {
    JsonBuilder active = JsonBuilder::Object();
    AddState(section, resource, &active);
    json.AddJson(resource.warming ? "warming_state" : "active_state", active.Take());
  } else {
    AddState(section, resource, &json);
  }
  if (resource.dynamic) json.Add("client_status", resource.rejection.empty() ? "ACKED" : "NACKED");
  if (!resource.rejection.empty()) json.AddJson("error_state", RejectionJson(resource));
  return json.Take();
}

std::string SectionJson(const Section& section, const Deps& deps, const std::vector<Resource>& resources) {
  JsonBuilder fixed = JsonBuilder::List(), dynamic = JsonBuilder::List();
  for (const Resource& resource : resources) {
    if (resource.type == section.type) {
      (resource.dynamic ? dynamic : fixed).AppendJson(ResourceJson(section, resource));
    }
  }
  JsonBuilder json = JsonBuilder::Object();
  json.Add("@type", std::string(kTypePrefix) + std::string(section.dump));
  if (section.has_version) json.Add("version_info", deps.version_info(section.type));
  if (!fixed.empty()) json.AddJson(section.static_list, fixed.Take());
  if (!dynamic.empty()) json.AddJson(section.dynamic_list, dynamic.Take());
  return json.Take();
}

std::string BootstrapJson(const Deps& deps) {
  JsonBuilder json = JsonBuilder::Object();
  json.Add("@type", std::string(kTypePrefix) + "BootstrapConfigDump");
  json.AddJson("bootstrap", MessageJson(deps.bootstrap));
  json.Add("last_updated", JsonTime(deps.started_micros));
  return json.Take();
}

}  // namespace

std::string ConfigDumpJson(const Deps& deps) {
  JsonBuilder configs = JsonBuilder::List();
  configs.AppendJson(BootstrapJson(deps));
  const std::vector<Resource> resources = deps.resources();
  for (const Section& section : kSections) configs.AppendJson(SectionJson(section, deps, resources));
  JsonBuilder dump = JsonBuilder::Object();
  dump.AddJson("configs", configs.Take());
  return Indented(dump.Take());
}

}  // namespace weft::admin
