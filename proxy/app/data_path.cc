#include "proxy/app/data_path.h"

#include <algorithm>
#include <utility>

#include "proxy/app/connection.h"

namespace weft::app {
namespace {

// Below this many connections of a worker an accepted socket goes to the worker that has the fewest.
constexpr int64_t kFewConnections = 32;

}  // namespace

DataPath::DataPath(DataPathDeps deps)
    : worker_(deps.worker),
      reactor_(deps.worker.reactor()),
      observer_(deps.observer),
      peers_(deps.peers),
      hold_timeout_(deps.hold_timeout),
      snapshots_(std::move(deps.retire)),
      draining_(reactor_),
      swapped_(reactor_),
      line_(reactor_, snapshots_),
      next_connection_id_(static_cast<uint64_t>(deps.worker.index())),
      connections_(reactor_) {
  snapshots_.WhenChanged([this](const config::Snapshot& snapshot) {
    line_.pools.Sweep(snapshot);
    line_.picker.Forget(snapshot);
    live_.Review(snapshot);
    swapped_.Notify();
  });
}

DataPath::~DataPath() {
  connections_.Cancel();
  line_.pools.CloseIdle();
}

void DataPath::AddSocket(const std::string& address, const std::string& listener, net::Fd listening) {
  auto& acceptor = acceptors_[address];
  acceptor =
      std::make_unique<accept::Acceptor>(reactor_, std::move(listening), listener, static_cast<accept::Sink&>(*this));
  acceptor->Start();
}

void DataPath::ReassignSocket(const std::string& address, const std::string& listener) {
  if (auto found = acceptors_.find(address); found != acceptors_.end()) found->second->set_listener(listener);
}

void DataPath::RemoveSocket(const std::string& address) {
  auto found = acceptors_.find(address);
  if (found == acceptors_.end()) return;
  found->second->DrainAndClose();
  acceptors_.erase(found);
}

void DataPath::Drain() {
  for (auto& [address, acceptor] : acceptors_) acceptor->DrainAndClose();
  acceptors_.clear();
  draining_.Cancel();
  live_.BeginDrain();
}

void DataPath::CancelConnections() { connections_.Cancel(); }

DataPath* DataPath::LessLoadedPeer() {
  const int64_t own = connections();
  if (own == 0 || own >= kFewConnections || peers_->size() < 2) return nullptr;
  DataPath* least = *std::min_element(peers_->begin(), peers_->end(), [](const DataPath* a, const DataPath* b) {
    return a->connections() < b->connections();
  });
  return least != this && least->connections() < own ? least : nullptr;
}

void DataPath::OnAccepted(const std::string& listener, accept::Accepted accepted) {
  DataPath* peer = LessLoadedPeer();
  if (peer == nullptr) {
    Adopt(listener, std::move(accepted));
    return;
  }
  // std::function wants something that can be copied.
  auto shared = std::make_shared<accept::Accepted>(std::move(accepted));
  peer->worker_.mailbox().Post([peer, listener, shared] { peer->Adopt(listener, std::move(*shared)); });
}

void DataPath::Adopt(const std::string& listener, accept::Accepted accepted) {
  connections_.Spawn(ServeConnection(*this, listener, std::move(accepted)));
}

void DataPath::OnOutOfResources(int error) { observer_.OnAcceptFailed(error); }

}  // namespace weft::app
