#include "control/compile/resource.h"

#include <xxhash.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace weft::control::compile {
namespace {

constexpr std::string_view kTypeUrls[kResourceTypes] = {
    "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
    "type.googleapis.com/envoy.config.listener.v3.Listener",
    "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
};
constexpr std::string_view kShortNames[kResourceTypes] = {"CDS", "EDS", "LDS", "RDS"};

std::string Hex(XXH128_hash_t hash) {
  char text[33];
  std::snprintf(text, sizeof(text), "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return text;
}

std::string EncodeDeterministically(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializePartialToCodedStream(&coded);
  }
  return bytes;
}

std::vector<std::string> Distinct(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::string CacheKey(const Resource& resource) {
  std::string key = resource.hash;
  key.append("|").append(resource.name);
  for (const std::string& source : resource.sources) key.append("|").append(source);
  return key;
}

}  // namespace

std::string_view TypeUrl(ResourceType type) { return kTypeUrls[static_cast<size_t>(type)]; }

std::string_view ShortName(ResourceType type) { return kShortNames[static_cast<size_t>(type)]; }

std::optional<ResourceType> TypeFromUrl(std::string_view url) {
  for (int i = 0; i < kResourceTypes; ++i) {
    if (kTypeUrls[i] == url) return static_cast<ResourceType>(i);
  }
  return std::nullopt;
}

const ResourcePtr* TypeConfig::Find(std::string_view name) const {
  const auto it =
      std::lower_bound(resources.begin(), resources.end(), name,
                       [](const ResourcePtr& resource, std::string_view wanted) { return resource->name < wanted; });
  return it == resources.end() || (*it)->name != name ? nullptr : &*it;
}

std::string VersionOf(const std::vector<ResourcePtr>& resources) {
  std::string all;
  all.reserve(resources.size() * 32);
  for (const ResourcePtr& resource : resources) all += resource->hash;
  return Hex(XXH3_128bits(all.data(), all.size())).substr(0, 16);
}

std::shared_ptr<const TypeConfig> MakeTypeConfig(std::vector<ResourcePtr> resources) {
  auto config = std::make_shared<TypeConfig>();
  std::sort(resources.begin(), resources.end(),
            [](const ResourcePtr& a, const ResourcePtr& b) { return a->name < b->name; });
  config->resources = std::move(resources);
  config->version = VersionOf(config->resources);
  return config;
}

void Pack(const google::protobuf::Message& message, google::protobuf::Any* any) {
  any->set_type_url("type.googleapis.com/" + message.GetDescriptor()->full_name());
  any->set_value(EncodeDeterministically(message));
}

ResourcePtr ResourceCache::Encode(ResourceType type, std::string name, const google::protobuf::Message& message,
                                  ResourceLinks links) {
  google::protobuf::Any any;
  Pack(message, &any);
  auto made = std::make_shared<Resource>();
  made->type = type;
  made->name = std::move(name);
  made->any = EncodeDeterministically(any);
  made->hash = Hex(XXH3_128bits(made->any.data(), made->any.size()));
  made->needs = Distinct(std::move(links.needs));
  made->clusters = Distinct(std::move(links.clusters));
  made->sources = Distinct(std::move(links.sources));
  absl::MutexLock lock(&mutex_);
  std::weak_ptr<const Resource>& kept = resources_[CacheKey(*made)];
  if (ResourcePtr known = kept.lock()) return known;
  kept = made;
  return made;
}

void ResourceCache::Sweep() {
  absl::MutexLock lock(&mutex_);
  for (auto it = resources_.begin(); it != resources_.end();)
    it = it->second.expired() ? resources_.erase(it) : std::next(it);
}

size_t ResourceCache::size() const {
  absl::MutexLock lock(&mutex_);
  return resources_.size();
}

}  // namespace weft::control::compile
