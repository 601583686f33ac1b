// Resource: one xDS resource, encoded once; every stream that sends it shares its bytes. ProxyConfig: the whole set for
// one proxy. Immutable once made, so any thread may read them.
#ifndef WEFT_CONTROL_COMPILE_RESOURCE_H_
#define WEFT_CONTROL_COMPILE_RESOURCE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/message.h"

namespace weft::control::compile {

// In the order in which they are sent: what is referred to comes first.
enum class ResourceType : uint8_t { kCluster, kEndpoint, kListener, kRoute };
inline constexpr int kResourceTypes = 4;

std::string_view TypeUrl(ResourceType type);
std::optional<ResourceType> TypeFromUrl(std::string_view url);
std::string_view ShortName(ResourceType type);  // "CDS", "EDS", "LDS", "RDS"

struct Resource {
  ResourceType type = ResourceType::kCluster;
  std::string name;
  std::string any;                    // an encoded google.protobuf.Any
  std::string hash;                   // of `any`, 32 hex digits
  std::vector<std::string> needs;     // a cluster: its EDS name; a listener: its RDS names; sorted
  std::vector<std::string> clusters;  // that a listener or a route refers to; sorted
  std::vector<std::string> sources;   // the objects that it was made of, "HTTPRoute/shop/web", for error messages
};
using ResourcePtr = std::shared_ptr<const Resource>;

// All resources of one type that a proxy should have.
struct TypeConfig {
  std::vector<ResourcePtr> resources;  // sorted by name, each name once
  std::string version;                 // a hash of the contents: equal contents, equal version

  const ResourcePtr* Find(std::string_view name) const;
};

// Sorts, and gives the version.
std::shared_ptr<const TypeConfig> MakeTypeConfig(std::vector<ResourcePtr> resources);
// The version of `resources`, in the order in which they stand.
std::string VersionOf(const std::vector<ResourcePtr>& resources);

struct ProxyConfig {
  int64_t revision = 0;
  std::array<std::shared_ptr<const TypeConfig>, kResourceTypes> types;  // never null

  const TypeConfig& Of(ResourceType type) const { return *types[static_cast<size_t>(type)]; }
};

// Like Any::PackFrom, but equal messages give equal bytes (maps are written in key order).
void Pack(const google::protobuf::Message& message, google::protobuf::Any* any);

struct ResourceLinks {
  std::vector<std::string> needs, clusters, sources;  // in any order, repetitions allowed
};

// Encodes resources and hands out the same object for the same content, over all revisions that are still in use. Any
// thread.
class ResourceCache {
 public:
  ResourcePtr Encode(ResourceType type, std::string name, const google::protobuf::Message& message,
                     ResourceLinks links);
  // Forgets what nobody uses any more. To be called after each revision.
  void Sweep();
  size_t size() const;

 private:
  mutable absl::Mutex mutex_;
  std::unordered_map<std::string, std::weak_ptr<const Resource>> resources_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weft::control::compile

#endif  // WEFT_CONTROL_COMPILE_RESOURCE_H_
