// DataPath: everything of one worker that carries traffic: its Snapshots, pools, composed services, acceptors and the
// scope of its connections. Made on the main thread before the worker runs; afterwards worker thread only, except
// LoadBoard.
#ifndef WEFT_PROXY_APP_DATA_PATH_H_
#define WEFT_PROXY_APP_DATA_PATH_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/accept/acceptor.h"
#include "proxy/app/early_dial.h"
#include "proxy/app/lines.h"
#include "proxy/app/live_connections.h"
#include "proxy/app/observer.h"
#include "proxy/config/snapshot_store.h"
#include "proxy/runtime/scope.h"
#include "proxy/runtime/worker.h"

namespace weft::app {

// How many connections each worker has, so that few connections spread evenly: SO_REUSEPORT alone puts two connections
// on one of two workers half of the time. Any thread, relaxed.
struct alignas(64) WorkerLoad {
  endpoint::Relaxed<int64_t> connections;
};

class DataPath;

struct DataPathDeps {
  runtime::Worker& worker;
  config::WorkerSnapshots::Retire retire;
  Observer& observer;             // metrics and logs of this worker
  std::vector<DataPath*>* peers;  // all workers' data paths, this one included; set before the workers run
  runtime::Duration hold_timeout = std::chrono::seconds(15);
};

class DataPath final : private accept::Sink {
 public:
  explicit DataPath(DataPathDeps deps);
  ~DataPath() override;

  config::WorkerSnapshots& snapshots() { return snapshots_; }
  // Starts accepting on a socket that is bound to `address` and listening. The listener's name may be one that no
  // Snapshot has yet (HeldName): its connections wait, bounded by the hold timeout.
  void AddSocket(const std::string& address, const std::string& listener, net::Fd listening);
  // The socket belongs to another listener from now on.
  void ReassignSocket(const std::string& address, const std::string& listener);
  // No listener has this address any more: takes what is queued, then closes; its connections go on.
  void RemoveSocket(const std::string& address);
  // First step of the shutdown: listeners close, idle connections end, busy ones after their response.
  void Drain();
  // Second step: what is left is cut.
  void CancelConnections();
  int64_t connections() const { return load_.connections.load(); }  // any thread
  upstream::PoolSet& pools() { return line_.pools; }
  // A socket that another worker accepted.
  void Adopt(const std::string& listener, accept::Accepted accepted);

  static constexpr uint64_t kConnectionIdStep = 1024;  // more than there are workers: ids never meet

 private:
  friend class ConnectionDriver;
  void OnAccepted(const std::string& listener, accept::Accepted accepted) override;
  void OnOutOfResources(int error) override;
  DataPath* LessLoadedPeer();

  runtime::Worker& worker_;
  runtime::Reactor& reactor_;
  Observer& observer_;
  const std::vector<DataPath*>* peers_;
  const runtime::Duration hold_timeout_;
  config::WorkerSnapshots snapshots_;
  runtime::Cancellation draining_;
  runtime::Signal swapped_;  // a Snapshot came
  Line line_;
  std::map<std::string, std::unique_ptr<accept::Acceptor>> acceptors_;  // by address text
  WorkerLoad load_;
  LiveConnections live_;
  FirstSpeakers first_speakers_;
  uint64_t next_connection_id_;
  runtime::Scope connections_;
};

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_DATA_PATH_H_
