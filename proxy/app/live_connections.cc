#include "proxy/app/live_connections.h"

#include <utility>

namespace weft::app {

void LiveConnections::Review(const config::Snapshot& snapshot) {
  base::StringMap<std::weak_ptr<const config::Listener>> now;
  base::StringMap<bool> changed;
  for (const auto& [name, listener] : snapshot.listeners) {
    const auto before = reviewed_.find(name);
    // Not by address, which a newer object may have taken over.
    const bool same =
        before != reviewed_.end() && !before->second.owner_before(listener) && !listener.owner_before(before->second);
    if (!same) changed.emplace(name, true);
    now.emplace(name, listener);
  }
  reviewed_ = std::move(now);
  if (changed.empty()) return;
  for (LiveConnection* one = list_.front(); one != nullptr; one = list_.Next(one)) {
    if (changed.contains(one->listener())) one->Review(snapshot);
  }
}

void LiveConnections::BeginDrain() {
  for (LiveConnection* one = list_.front(); one != nullptr; one = list_.Next(one)) one->BeginDrain();
}

}  // namespace weft::app
