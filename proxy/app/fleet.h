// Fleet: the workers with everything that each of them owns (data path, recorder, metrics), and what concerns all of
// them: a new Snapshot, listening sockets, our own name, the two steps of the shutdown.
//
// Main thread; owned by Process. Owns the workers' threads; the arguments outlive it.
#ifndef WEFT_PROXY_APP_FLEET_H_
#define WEFT_PROXY_APP_FLEET_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "proxy/app/data_path.h"
#include "proxy/app/listening_sockets.h"
#include "proxy/app/recorder.h"
#include "proxy/config/snapshot.h"
#include "proxy/runtime/mailbox.h"
#include "proxy/runtime/reactor.h"
#include "proxy/runtime/worker.h"
#include "proxy/telemetry/log_writer.h"
#include "proxy/telemetry/metrics.h"

namespace weft::app {

struct FleetDeps {
  runtime::Reactor& reactor;  // the main thread's
  runtime::Mailbox& mailbox;  // to the main thread
  telemetry::Metrics& metrics;
  telemetry::LogWriter& log_writer;
  std::function<void()> snapshot_freed;  // an old Snapshot has gone: what only it used can go, too
};

class Fleet {
 public:
  Fleet(FleetDeps deps, int workers, runtime::Duration hold_timeout);
  ~Fleet();  // Stop()
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  void Start();
  // Binds a port before there is a configuration (listening_sockets.h).
  absl::Status Hold(uint16_t port) { return sockets_->Hold(port); }
  // Gives the Snapshot to every worker, then makes the sockets follow it. The error is that of the sockets
  // (listening_sockets.h).
  absl::Status Publish(const std::shared_ptr<const config::Snapshot>& snapshot);
  // A certificate told who we are.
  void SetOwn(const Workload& own);

  // Each worker gives back half of its unused buffers.
  void TrimBuffers();

  // First step: no new connections, idle ones end. Returns when every worker has begun with it.
  void Drain();
  int64_t connections() const;
  // Second step: cuts what is left and ends the threads.
  void Stop();

  const ListeningSockets& sockets() const { return *sockets_; }
  int size() const { return static_cast<int>(members_.size()); }

 private:
  struct Member {
    std::unique_ptr<runtime::Worker> worker;
    std::unique_ptr<Recorder> recorder;
    std::unique_ptr<DataPath> path;  // destroyed on its worker's thread
  };
  void Add(int index, runtime::Duration hold_timeout);

  const FleetDeps deps_;
  std::vector<DataPath*> paths_;  // read by all workers; constant once they run
  std::vector<Member> members_;
  std::unique_ptr<ListeningSockets> sockets_;
  bool running_ = false;
  bool draining_ = false;
};

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_FLEET_H_
