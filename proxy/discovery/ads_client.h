// AdsClient: keeps one state-of-the-world ADS stream to the control plane, hands each response to the ResourceSink and
// answers it: ACK, or NACK that names resource and field and the version accepted last. What was accepted stays in use
// whatever happens to the stream; a lost one is opened again after a jittered back-off, with everything asked for anew.
//
// New credentials (Reconnect) are make-before-break: a second stream is opened beside the first, and takes over with
// its first response, or when it has stood for a while without one.
//
// Called by app/, on the main thread, where all its events run. Owns the streams; the reactor, the source and the sink
// outlive it. Nothing here fails for good: status() says what is the matter.
#ifndef WEFT_PROXY_DISCOVERY_ADS_CLIENT_H_
#define WEFT_PROXY_DISCOVERY_ADS_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/discovery/ads_status.h"
#include "proxy/discovery/ads_stream.h"
#include "proxy/discovery/back_off.h"
#include "proxy/discovery/resource_sink.h"
#include "proxy/discovery/session.h"
#include "proxy/runtime/callbacks.h"
#include "proxy/runtime/reactor.h"

namespace weft::discovery {

struct AdsOptions {
  envoy::config::core::v3::Node node;  // of the bootstrap; user_agent_* are filled in when empty
  // Whether cds_config and lds_config of the bootstrap say `ads`.
  bool clusters = true;
  bool listeners = true;
  BackOff::Limits back_off;
  // A replacement that has stood for so long without a response takes over: the server had nothing new to tell.
  base::Duration settle = std::chrono::seconds(2);
  // In [0, 1); empty: a generator of its own.
  std::function<double()> random;
};

class AdsClient final : private Session::Owner {
 public:
  AdsClient(runtime::Reactor& reactor, StreamSource& source, ResourceSink& sink, AdsOptions options);
  ~AdsClient() override;
  AdsClient(const AdsClient&) = delete;
  AdsClient& operator=(const AdsClient&) = delete;

  void Start();
  // Cancels the streams and everything that waits. May be started again.
  void Stop();
  // The credentials have changed, or the first ones have come: at once, whatever the back-off says.
  void Reconnect();

  const AdsStatus& status() const { return status_; }

 private:
  void OnSessionUp(Session& session) override;
  void OnSessionResponse(Session& session, DiscoveryResponse response) override;
  void OnSessionClosed(Session& session, const absl::Status& status) override;

  void OpenMissing();
  bool Open(std::unique_ptr<Session>* place);
  void TakeOver();
  void Ask(Session& session);
  void AskAll();
  bool IsWanted(ResourceType type) const;
  void Deliver(Session& session, ResourceType type, DiscoveryResponse response);
  std::vector<Rejection> Apply(ResourceType type, DiscoveryResponse* response);
  void NoteAnswer(ResourceType type, const std::string& version, const std::string& error);
  void NoteFailure(std::string error);
  void NoteConnected();

  runtime::Reactor& reactor_;
  StreamSource& source_;
  ResourceSink& sink_;
  const AdsOptions options_;
  BackOff back_off_;
  AdsStatus status_;
  bool started_ = false;
  bool replacing_ = false;  // `current_` has old credentials
  std::unique_ptr<Session> current_;
  std::unique_ptr<Session> replacement_;
  runtime::Alarm retry_{[this] { OpenMissing(); }};
  runtime::Alarm settled_{[this] { TakeOver(); }};
  runtime::Later ask_again_{[this] { AskAll(); }};
};

}  // namespace weft::discovery

#endif  // WEFT_PROXY_DISCOVERY_ADS_CLIENT_H_
