// ResourceSink: where the ADS client delivers. Implemented by assemble/. Main thread only.
#ifndef WEFT_PROXY_DISCOVERY_RESOURCE_SINK_H_
#define WEFT_PROXY_DISCOVERY_RESOURCE_SINK_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "google/protobuf/any.pb.h"

namespace weft::discovery {

// In the order in which a client asks for them.
enum class ResourceType { kCluster, kEndpoint, kListener, kRoute, kSecret };
inline constexpr int kResourceTypeCount = 5;

// One DiscoveryResponse.
struct Update {
  ResourceType type = ResourceType::kCluster;
  std::string version;
  std::vector<google::protobuf::Any> resources;
};

// A resource that was refused; the version that it had stays.
struct Rejection {
  std::string resource;
  std::string reason;  // names the field by its path, what was found and what was expected
};

class ResourceSink {
 public:
  virtual ~ResourceSink() = default;
  // Applies what is good of it and returns what is not (empty: ACK).
  virtual std::vector<Rejection> Apply(const Update& update) = 0;
  // What is referred to and has to be asked for by name: kEndpoint, kRoute, kSecret. Sorted. (Listeners and clusters
  // are wildcards.)
  virtual std::vector<std::string> WantedNames(ResourceType type) const = 0;
  // Called when WantedNames() may have changed.
  void SetWantedChanged(std::function<void()> callback) { wanted_changed_ = std::move(callback); }

 protected:
  void WantedChanged() const {
    if (wanted_changed_) wanted_changed_();
  }

 private:
  std::function<void()> wanted_changed_;
};

}  // namespace weft::discovery

#endif  // WEFT_PROXY_DISCOVERY_RESOURCE_SINK_H_
