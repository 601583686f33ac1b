// Connection: one proxy's ADS stream, between the wire (Writer), its StreamState, and the Fleet that gives it
// configuration.
//
// Any thread. One response at a time is given to the writer; what changes meanwhile is state, not a queue, so a slow
// reader costs nobody else anything.
#ifndef WEFT_CONTROL_SERVE_CONNECTION_H_
#define WEFT_CONTROL_SERVE_CONNECTION_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "control/compile/proxy_identity.h"
#include "control/serve/event_log.h"
#include "control/serve/stream_state.h"
#include "pki/certificate.h"
#include "weft/v1/control.pb.h"

namespace weft::control::serve {

// How the peer came in.
struct Peer {
  bool secure = false;  // over TLS
  std::string address;  // "10.0.0.7:41234"
  std::string uri;      // SPIFFE id of the verified client certificate; empty: none
  std::optional<pki::CertificateFacts> certificate;

  std::string host() const { return address.substr(0, address.rfind(':')); }
  std::string who() const { return uri + " at " + host(); }  // for EventLog
};

// Both are called with the connection's mutex held and must not call back into it.
class Writer {
 public:
  virtual ~Writer() = default;
  virtual void Write(const Response& response) = 0;  // then Connection::OnWritten()
  virtual void Finish(const absl::Status& status) = 0;
};

// Counted for metrics; all streams together.
struct Traffic {
  std::atomic<int64_t> pushes[compile::kResourceTypes] = {};
  std::atomic<int64_t> nacks[compile::kResourceTypes] = {};
  std::atomic<int64_t> largest[compile::kResourceTypes] = {};  // bytes of a response's resources
  EventLog events;
};

// What a connection is told by whoever made it. All outlive it.
struct Surroundings {
  std::string trust_domain;
  Limits limits;
  std::function<absl::Time()> now;
  LogLine log;
};

class Connection {
 public:
  Connection(const Surroundings& surroundings, Traffic& traffic, Peer peer, Writer& writer);

  // True: this was the first request, identity() is known, and SetConfig is waited for. A request that ends the stream
  // does so through the writer.
  bool OnRequest(const DiscoveryRequest& request);
  void OnWritten();
  void SetConfig(std::shared_ptr<const compile::ProxyConfig> config);
  void OnTime();  // a deadline, or the client's certificate, may be over
  // Finishes the stream, once; nothing is written afterwards. OK: the client ended it.
  void Close(const absl::Status& status);

  // Constant once OnRequest returned true.
  const compile::ProxyIdentity& identity() const { return identity_; }
  // NAME.NAMESPACE: the name as the node says it; over TLS the namespace is the certificate's.
  const std::string& id() const { return id_; }

  void FillInfo(weft::v1::ProxyInfo* info) const;
  std::shared_ptr<const compile::ProxyConfig> config() const;
  bool InStep() const;
  const Peer& peer() const { return peer_; }
  absl::Time since() const { return since_; }

 private:
  absl::Status Admit() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CloseLocked(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndIfExpired() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteSize(const Response& response);
  void Note(Event event, bool is_problem, const std::string& text);
  void NoteNack(const Reaction& reaction) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Surroundings& surroundings_;
  Traffic& traffic_;
  const Peer peer_;
  const absl::Time since_;
  std::string id_;
  compile::ProxyIdentity identity_;

  mutable absl::Mutex mutex_;
  StreamState state_ ABSL_GUARDED_BY(mutex_);
  Writer& writer_ ABSL_GUARDED_BY(mutex_);  // not touched once closed
  bool admitted_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

// Whether the client's certificate is over: TLS looked only when the connection began.
bool IsExpired(const Peer& peer, absl::Time now);

// NAME.NAMESPACE of "sidecar~10.0.0.7~web-1.shop~shop.svc.cluster.local"; any other id as it is, cut to 256 bytes.
std::string ProxyIdOf(const std::string& node_id);

}  // namespace weft::control::serve

#endif  // WEFT_CONTROL_SERVE_CONNECTION_H_
