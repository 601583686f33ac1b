// For tests: ADS streams in memory. The test is the server: it sees the requests, says when they are sent, answers,
// breaks the stream.
#ifndef WEFT_PROXY_DISCOVERY_MEMORY_STREAM_SOURCE_H_
#define WEFT_PROXY_DISCOVERY_MEMORY_STREAM_SOURCE_H_

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/discovery/ads_stream.h"

namespace weft::discovery {

class MemoryStreamSource final : public StreamSource {
 public:
  // What is left of a stream when it is gone stays visible.
  struct Peer {
    StreamEvents* events = nullptr;  // null: the client has let go of it
    std::vector<DiscoveryRequest> requests;
    int acknowledged = 0;  // of requests: those with OnSent()
    int receives = 0;      // responses that the client is ready for

    bool open() const { return events != nullptr; }
    // The network takes everything that the client wants to send.
    void Flush() {
      while (open() && acknowledged < static_cast<int>(requests.size())) {
        ++acknowledged;
        events->OnSent();
      }
    }
    // False: the client does not read now.
    bool Respond(DiscoveryResponse response) {
      if (!open() || receives == 0) return false;
      --receives;
      events->OnResponse(std::move(response));
      return true;
    }
    void Close(const absl::Status& status) {
      if (open()) std::exchange(events, nullptr)->OnClosed(status);
    }
  };

  absl::StatusOr<std::unique_ptr<AdsStream>> Open(StreamEvents& events) override {
    if (!refusal.ok()) return refusal;
    peers.push_back(std::make_shared<Peer>());
    peers.back()->events = &events;
    return std::make_unique<Stream>(peers.back());
  }
  const std::string& target() const override { return target_; }

  // Of the stream that was opened last.
  Peer& last() { return *peers.back(); }

  std::vector<std::shared_ptr<Peer>> peers;  // all that were opened
  absl::Status refusal;                      // of Open()

 private:
  class Stream final : public AdsStream {
   public:
    explicit Stream(std::shared_ptr<Peer> peer) : peer_(std::move(peer)) {}
    ~Stream() override { peer_->events = nullptr; }
    void Send(const DiscoveryRequest& request) override { peer_->requests.push_back(request); }
    void Receive() override { ++peer_->receives; }

   private:
    const std::shared_ptr<Peer> peer_;
  };

  const std::string target_ = "memory";
};

}  // namespace weft::discovery

#endif  // WEFT_PROXY_DISCOVERY_MEMORY_STREAM_SOURCE_H_
