// For tests: a ResourceSink that refuses what it is told to refuse, and wants what it is told to want.
#ifndef WEFT_PROXY_DISCOVERY_FAKE_SINK_H_
#define WEFT_PROXY_DISCOVERY_FAKE_SINK_H_

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "proxy/discovery/resource_sink.h"

namespace weft::discovery {

class FakeSink final : public ResourceSink {
 public:
  std::vector<Rejection> Apply(const Update& update) override {
    updates.push_back(update);
    if (on_apply) on_apply(update);
    return std::exchange(rejections, {});
  }
  std::vector<std::string> WantedNames(ResourceType type) const override {
    const auto found = wanted.find(type);
    return found == wanted.end() ? std::vector<std::string>() : found->second;
  }
  void Want(ResourceType type, std::vector<std::string> names) {
    wanted[type] = std::move(names);
    WantedChanged();
  }

  std::vector<Update> updates;
  std::vector<Rejection> rejections;  // of the next Apply()
  std::function<void(const Update&)> on_apply;
  std::map<ResourceType, std::vector<std::string>> wanted;
};

}  // namespace weft::discovery

#endif  // WEFT_PROXY_DISCOVERY_FAKE_SINK_H_
