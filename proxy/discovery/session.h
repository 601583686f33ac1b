// Session: what is true of one ADS stream and dies with it: nonces, what was asked for on it, what waits to be sent. It
// writes one request at a time and reads the next response only when few answers wait, so a fast server cannot fill our
// memory. Main thread. Owned by AdsClient, which may destroy it in OnSessionClosed().
#ifndef WEFT_PROXY_DISCOVERY_SESSION_H_
#define WEFT_PROXY_DISCOVERY_SESSION_H_

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/discovery/ads_stream.h"
#include "proxy/discovery/resource_sink.h"

namespace weft::discovery {

using NameList = std::vector<std::string>;

class Session final : private StreamEvents {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void OnSessionUp(Session& session) = 0;  // once: the first request went out
    virtual void OnSessionResponse(Session& session, DiscoveryResponse response) = 0;  // must Answer()
    virtual void OnSessionClosed(Session& session, const absl::Status& status) = 0;
  };

  Session(Owner& owner, const envoy::config::core::v3::Node& node) : owner_(owner), node_(node) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  absl::Status Open(StreamSource& source);

  // Asks for exactly these names (none: all, for a wildcard; nothing any more, else). Does nothing when that is what
  // was asked for last. `version`: the last accepted one. Returns whether there was something to send.
  bool Subscribe(ResourceType type, const NameList& names, const std::string& version);

  // The ACK (`error` empty) or NACK of `response`, with the names that are wanted now.
  void Answer(ResourceType type, const std::string& nonce, const NameList& names, const std::string& version,
              const std::string& error);
  // The NACK of a response of a type that nobody asked for.
  void RefuseType(const DiscoveryResponse& response, const std::string& error);

  bool up() const { return up_; }

 private:
  static constexpr size_t kMaxUnsent = 16;

  struct Subscription {
    std::optional<NameList> names;  // as asked for last; nothing: never asked
    std::string nonce;              // of the last response
  };

  void OnSent() override;
  void OnResponse(DiscoveryResponse response) override;
  void OnClosed(const absl::Status& status) override;

  Subscription& Of(ResourceType type) { return subscriptions_[static_cast<size_t>(type)]; }
  DiscoveryRequest* Unsent(ResourceType type);
  void Enqueue(DiscoveryRequest request);
  void SendNext();
  void ReceiveNext();

  Owner& owner_;
  const envoy::config::core::v3::Node& node_;  // goes with the first request only
  std::unique_ptr<AdsStream> stream_;
  std::array<Subscription, kResourceTypeCount> subscriptions_;
  std::deque<DiscoveryRequest> unsent_;
  bool sending_ = false;    // Send() without OnSent() yet
  bool receiving_ = false;  // Receive() without OnResponse() yet
  bool node_sent_ = false;
  bool up_ = false;
};

}  // namespace weft::discovery

#endif  // WEFT_PROXY_DISCOVERY_SESSION_H_
