#include "proxy/app/early_dial.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "proxy/base/buffer.h"

namespace weft::app {

using runtime::Task;

namespace {

// The same service may have several clusters: one for each way to it. A cluster of no service stands for itself.
std::set<std::string> ServicesOf(const config::Snapshot& snapshot, const config::TcpProxySpec& spec) {
  std::set<std::string> services;
  for (const config::WeightedName& share : spec.clusters) {
    const config::Cluster* cluster = snapshot.FindCluster(share.name);
    const bool named = cluster != nullptr && !cluster->spec.service.empty();
    services.insert(named ? cluster->spec.service + "." + cluster->spec.service_namespace : share.name);
  }
  return services;
}

}  // namespace

bool FirstSpeakers::MayDial(const base::Address& destination) {
  const auto found = learnt_.find(destination);
  if (found == learnt_.end() || found->second.useless < kPatience) return true;
  return ++found->second.asked % kSample == 0;
}

void FirstSpeakers::Count(const base::Address& destination, bool useful) {
  if (learnt_.size() >= kMost && !learnt_.contains(destination)) learnt_.clear();
  Learnt& learnt = learnt_[destination];
  learnt.useless = useful ? 0 : learnt.useless + 1;
}

bool MayHearServerFirst(const config::Snapshot& snapshot, const config::Listener& listener,
                        const config::FilterChain& silent, const base::Address& destination) {
  const std::set<std::string> services = ServicesOf(snapshot, silent.tcp->spec);
  const auto fits = [&](const config::FilterChain* chain) {
    if (chain->tls != nullptr || chain->needs_secret) return false;
    return chain->http || ServicesOf(snapshot, chain->tcp->spec) == services;
  };
  return fits(&silent) && std::ranges::all_of(listener.chains.For(destination), fits);
}

EarlyDial::EarlyDial(downstream::OpaqueDeps deps, std::shared_ptr<const config::FilterChain> chain,
                     http::ConnectionInfo& info, net::ByteStream& client)
    : chain_(std::move(chain)), server_spoke_(deps.reactor), dial_(deps.reactor) {
  dial_.Spawn(Run(deps, info, client));
}

downstream::Reached EarlyDial::Take(downstream::OpaqueOutcome& outcome) {
  dial_.Cancel();
  if (reached_.stream != nullptr) outcome = std::move(outcome_);
  return std::move(reached_);
}

// A TLS stream wakes its reader for what is its own (a session ticket), so what came must be read to be known.
Task<void> EarlyDial::Run(downstream::OpaqueDeps deps, http::ConnectionInfo& info, net::ByteStream& client) {
  reached_ = co_await downstream::Reach(deps, chain_->tcp->spec, info, client, outcome_);
  if (reached_.stream == nullptr) co_return;  // it is tried again when the client has spoken, or had its time to
  net::IoState state = net::IoState::kWouldBlock;
  while (state == net::IoState::kWouldBlock) {
    co_await reached_.stream->Readable();
    base::BufferRef buffer = base::BufferPool::ForThisThread().Take();
    const net::IoResult got = reached_.stream->TryRead(buffer.data(), buffer.capacity());
    state = got.state;
    if (state != net::IoState::kOk) continue;
    reached_.spoken = std::make_unique<base::ByteChain>();
    reached_.spoken->Append(base::Slice{buffer, buffer.data(), got.bytes});
  }
  server_spoke_.Cancel();  // also when it finished or reset: the relay meets that again and passes it on
}

}  // namespace weft::app
