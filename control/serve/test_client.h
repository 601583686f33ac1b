// For tests: configurations by hand, and a client that keeps what a StreamState gives it.
#ifndef WEFT_CONTROL_SERVE_TEST_CLIENT_H_
#define WEFT_CONTROL_SERVE_TEST_CLIENT_H_

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "control/serve/stream_state.h"

namespace weft::control::serve {

using compile::ResourceType;

// A configuration in the making: Put everything, then Get.
class ConfigForm {
 public:
  ConfigForm& Cluster(const std::string& name, const std::string& content = "") {
    return Put(ResourceType::kCluster, name, content, {name}, {}).Endpoints(name);
  }
  ConfigForm& Endpoints(const std::string& name, const std::string& content = "") {
    return Put(ResourceType::kEndpoint, name, content, {}, {});
  }
  ConfigForm& Listener(const std::string& name, std::vector<std::string> routes, const std::string& content = "") {
    return Put(ResourceType::kListener, name, content, std::move(routes), {});
  }
  ConfigForm& Route(const std::string& name, std::vector<std::string> clusters, const std::string& content = "") {
    return Put(ResourceType::kRoute, name, content, {}, std::move(clusters));
  }
  ConfigForm& Remove(ResourceType type, const std::string& name) {
    types_[type].erase(name);
    return *this;
  }
  std::shared_ptr<const compile::ProxyConfig> Get() {
    auto config = std::make_shared<compile::ProxyConfig>();
    config->revision = ++revision_;
    for (int i = 0; i < compile::kResourceTypes; ++i) {
      std::vector<compile::ResourcePtr> resources;
      for (const auto& [name, resource] : types_[static_cast<ResourceType>(i)]) resources.push_back(resource);
      config->types[i] = compile::MakeTypeConfig(std::move(resources));
    }
    return config;
  }

 private:
  ConfigForm& Put(ResourceType type, const std::string& name, const std::string& content,
                  std::vector<std::string> needs, std::vector<std::string> clusters) {
    auto resource = std::make_shared<compile::Resource>();
    resource->type = type;
    resource->name = name;
    google::protobuf::Any any;
    any.set_type_url(std::string(compile::TypeUrl(type)));
    any.set_value(name + "=" + content + absl::StrCat(clusters.size()) + (clusters.empty() ? "" : clusters.front()));
    resource->any = any.SerializeAsString();
    resource->hash = any.value().substr(0, 200);
    resource->needs = std::move(needs);
    resource->clusters = std::move(clusters);
    types_[type][name] = std::move(resource);
    return *this;
  }

  int64_t revision_ = 0;
  std::map<ResourceType, std::map<std::string, compile::ResourcePtr>> types_;
};

inline DiscoveryRequest Ask(ResourceType type, std::vector<std::string> names = {}, const std::string& nonce = "") {
  DiscoveryRequest request;
  request.set_type_url(std::string(compile::TypeUrl(type)));
  request.set_response_nonce(nonce);
  for (std::string& name : names) request.add_resource_names(std::move(name));
  return request;
}

inline std::vector<std::string> NamesOf(const Response& response) {
  std::vector<std::string> names;
  for (const compile::ResourcePtr& resource : response.resources) names.push_back(resource->name);
  return names;
}

// "CDS a b": a response in one line.
inline std::string LineOf(const Response& response) {
  std::string line(compile::ShortName(response.type));
  for (const std::string& name : NamesOf(response)) absl::StrAppend(&line, " ", name);
  return line;
}

}  // namespace weft::control::serve

#endif  // WEFT_CONTROL_SERVE_TEST_CLIENT_H_
