// Fleet: all connected proxies, and the thread that compiles their configuration. Publish() returns at once and only
// the newest World counts, so applies never wait for proxies; a proxy that connects gets its configuration from the
// same thread.
//
// Any thread. Owns its thread; Stop() ends all streams and joins it.
#ifndef WEFT_CONTROL_SERVE_FLEET_H_
#define WEFT_CONTROL_SERVE_FLEET_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "control/compile/compiler.h"
#include "control/model/world.h"
#include "control/serve/connection.h"
#include "weft/v1/control.pb.h"

namespace weft::control::serve {

struct FleetCounts {
  int64_t connected = 0;
  int64_t behind = 0;  // connected, and have not accepted all that they should have
  // By CDS, EDS, LDS, RDS. `largest` in bytes, of the resources of one response.
  std::map<std::string, int64_t> pushes, nacks, largest;
  std::map<std::string, int64_t> events;  // that may be too many for the log
  // From a new World to all streams having its configuration (not: having accepted it).
  int64_t publications = 0;
  absl::Duration publishing = absl::ZeroDuration();  // all of them together
};

class Fleet {
 public:
  explicit Fleet(Surroundings surroundings);
  ~Fleet();

  // Must be called once before proxies get anything.
  void Publish(std::shared_ptr<const model::World> world);
  // Closes all streams, now and those that come later.
  void Stop();

  std::shared_ptr<Connection> Connect(Peer peer, Writer& writer);
  // After the connection's OnRequest returned true.
  void WantsConfig(const std::shared_ptr<Connection>& connection);
  void Disconnect(const std::shared_ptr<Connection>& connection);

  void ListProxies(const weft::v1::ListProxiesRequest& request, weft::v1::ListProxiesResponse* response) const;
  // NotFound: no such proxy is connected. FailedPrecondition: several are, and the message has their names.
  absl::Status ProxyConfig(const weft::v1::GetProxyConfigRequest& request,
                           weft::v1::GetProxyConfigResponse* response) const;
  // The certificates that connected proxies showed.
  void ListCertificates(weft::v1::ListCertificatesResponse* response) const;
  FleetCounts Counts() const;
  const Surroundings& surroundings() const { return surroundings_; }
  EventLog& events() { return traffic_.events; }

 private:
  using Connections = std::vector<std::shared_ptr<Connection>>;

  void Run();
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return stopping_ || world_ != nullptr || !waiting_.empty();
  }
  void CompileWorld(std::shared_ptr<const model::World> world);
  void GiveConfig(Connection& connection);
  Connections Admitted() const;
  // By the name that people see: the id; where several proxies have the same one, ID@ADDRESS for each of them. While a
  // proxy moves to a newer stream, it has two: the older one does not count.
  std::map<std::string, std::shared_ptr<Connection>> Named() const;

  const Surroundings surroundings_;
  Traffic traffic_;

  // The thread's alone.
  compile::ResourceCache cache_;
  std::unique_ptr<compile::Compiler> compiler_;

  mutable absl::Mutex mutex_;
  std::shared_ptr<const model::World> world_ ABSL_GUARDED_BY(mutex_);  // to be compiled; null: none
  std::set<std::shared_ptr<Connection>> all_ ABSL_GUARDED_BY(mutex_);
  Connections admitted_ ABSL_GUARDED_BY(mutex_);  // in the order in which they came
  Connections waiting_ ABSL_GUARDED_BY(mutex_);   // for their first configuration
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t publications_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration publishing_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();

  std::thread thread_;  // last: everything is there when it starts
};

}  // namespace weft::control::serve

#endif  // WEFT_CONTROL_SERVE_FLEET_H_
