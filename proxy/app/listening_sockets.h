// ListeningSockets: which addresses this process listens on, and for which listener. Follows each new Snapshot: binds
// what is new, hands one socket per worker (SO_REUSEPORT) to its DataPath, closes what is gone. A port that --hold
// bound at start is taken over by the listener that is configured for it. Main thread only.
#ifndef WEFT_PROXY_APP_LISTENING_SOCKETS_H_
#define WEFT_PROXY_APP_LISTENING_SOCKETS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "proxy/app/data_path.h"
#include "proxy/runtime/reactor.h"

namespace weft::app {

class ListeningSockets final : private runtime::Timer {
 public:
  struct Member {
    runtime::Worker& worker;
    DataPath& path;
  };
  ListeningSockets(runtime::Reactor& reactor, std::vector<Member> members)
      : reactor_(reactor), members_(std::move(members)) {}

  // Binds the port on all IPv4 and IPv6 addresses now; connections wait for a configuration.
  absl::Status Hold(uint16_t port);

  // Makes the sockets those of this Snapshot. Call after the workers were given it. What cannot be bound is named in
  // the status, counted by failures(), and tried again every second; everything else is served.
  absl::Status Follow(const config::Snapshot& snapshot);

  uint64_t failures() const { return failures_; }
  // What is bound: address text → listener.
  const std::map<std::string, std::string>& bound() const { return bound_; }
  // No new sockets, and no retry, from now on.
  void Close();

 private:
  static constexpr runtime::Duration kRetry = std::chrono::seconds(1);
  struct Wanted {
    base::Address address;
    std::string listener;
    bool transparent = false;
  };
  absl::Status Bind(const Wanted& wanted);
  bool IsBound(const base::Address& address) const { return bound_.contains(address.ToString()); }
  absl::Status BindWhatIsMissing();
  void Reassign(std::pair<const std::string, std::string>* bound, const std::string& listener);
  void OnEachWorker(const std::function<void(DataPath&)>& work);
  void OnTimer() override;

  runtime::Reactor& reactor_;
  const std::vector<Member> members_;
  std::map<std::string, Wanted> wanted_;      // by address text
  std::map<std::string, std::string> bound_;  // address text → listener
  uint64_t failures_ = 0;
  bool closed_ = false;
};

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_LISTENING_SOCKETS_H_
