#include "control/serve/fleet.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "google/protobuf/any.pb.h"

namespace weft::control::serve {
namespace {

using compile::ResourceType;

// How often deadlines of unanswered responses are looked at.
constexpr absl::Duration kTick = absl::Milliseconds(500);

// A proxy opens its next stream before it ends the one that it has, and needs some seconds to be configured by it.
constexpr absl::Duration kMove = absl::Seconds(15);

// Whether `newer` is the stream that `older`'s proxy moves to, and not another proxy's of the same id.
bool MovesTo(const Connection& older, const Connection& newer, absl::Time now) {
  return older.peer().host() == newer.peer().host() && older.peer().uri == newer.peer().uri &&
         now - newer.since() < kMove;
}

void FillTime(absl::Time from, google::protobuf::Timestamp* to) { to->set_seconds(absl::ToUnixSeconds(from)); }

}  // namespace

Fleet::Fleet(Surroundings surroundings) : surroundings_(std::move(surroundings)), thread_([this] { Run(); }) {}

Fleet::~Fleet() { Stop(); }

void Fleet::Stop() {
  std::set<std::shared_ptr<Connection>> all;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    all = all_;
  }
  if (thread_.joinable()) thread_.join();
  for (const auto& connection : all) connection->Close(absl::UnavailableError("weft-control is stopping"));
}

void Fleet::Publish(std::shared_ptr<const model::World> world) {
  absl::MutexLock lock(&mutex_);
  world_ = std::move(world);
}

std::shared_ptr<Connection> Fleet::Connect(Peer peer, Writer& writer) {
  auto connection = std::make_shared<Connection>(surroundings_, traffic_, std::move(peer), writer);
  bool stopping;
  {
    absl::MutexLock lock(&mutex_);
    all_.insert(connection);
    stopping = stopping_;
  }
  if (stopping) connection->Close(absl::UnavailableError("weft-control is stopping"));
  return connection;
}

void Fleet::WantsConfig(const std::shared_ptr<Connection>& connection) {
  absl::MutexLock lock(&mutex_);
  if (all_.count(connection) == 0) return;
  admitted_.push_back(connection);
  waiting_.push_back(connection);
}

void Fleet::Disconnect(const std::shared_ptr<Connection>& connection) {
  absl::MutexLock lock(&mutex_);
  all_.erase(connection);
  std::erase(admitted_, connection);
  std::erase(waiting_, connection);
}

void Fleet::Run() {
  while (true) {
    std::shared_ptr<const model::World> world;
    Connections waiting;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(this, &Fleet::HasWork), kTick);
      if (stopping_) return;
      world = std::exchange(world_, nullptr);
      if (world != nullptr || compiler_ != nullptr) waiting = std::exchange(waiting_, {});
    }
    if (world != nullptr) CompileWorld(std::move(world));
    for (const auto& connection : waiting) GiveConfig(*connection);
    for (const auto& connection : Admitted()) connection->OnTime();
    traffic_.events.Flush(surroundings_.log, surroundings_.now());
  }
}

void Fleet::CompileWorld(std::shared_ptr<const model::World> world) {
  const absl::Time begin = absl::Now();
  auto compiler = std::make_unique<compile::Compiler>(std::move(world), cache_);
  for (const std::string& problem : compiler->problems()) {
    surroundings_.log(true, absl::StrCat("revision ", compiler->world().revision, ": left out: ", problem));
  }
  compiler_ = std::move(compiler);
  for (const auto& connection : Admitted()) GiveConfig(*connection);
  cache_.Sweep();
  absl::MutexLock lock(&mutex_);
  ++publications_;
  publishing_ += absl::Now() - begin;
}

void Fleet::GiveConfig(Connection& connection) { connection.SetConfig(compiler_->ConfigFor(connection.identity())); }

Fleet::Connections Fleet::Admitted() const {
  absl::MutexLock lock(&mutex_);
  return admitted_;
}

std::map<std::string, std::shared_ptr<Connection>> Fleet::Named() const {
  std::map<std::string, Connections> by_id;  // in the order in which they came
  for (auto& connection : Admitted()) by_id[connection->id()].push_back(connection);
  std::map<std::string, std::shared_ptr<Connection>> named;
  for (auto& [id, same] : by_id) {
    const auto newest = same.back();
    std::erase_if(same,
                  [&](const auto& older) { return older != newest && MovesTo(*older, *newest, surroundings_.now()); });
    if (same.size() == 1) {
      named[id] = same.front();
      continue;
    }
    for (auto& connection : same) named[absl::StrCat(id, "@", connection->peer().address)] = connection;
  }
  return named;
}

void Fleet::ListProxies(const weft::v1::ListProxiesRequest& request, weft::v1::ListProxiesResponse* response) const {
  for (const auto& [id, connection] : Named()) {
    if (!request.namespace_().empty() && request.namespace_() != connection->identity().ns) continue;
    weft::v1::ProxyInfo* info = response->add_proxies();
    connection->FillInfo(info);
    info->set_id(id);
  }
}

absl::Status Fleet::ProxyConfig(const weft::v1::GetProxyConfigRequest& request,
                                weft::v1::GetProxyConfigResponse* response) const {
  const auto named = Named();
  const auto found = named.find(request.id());
  if (found == named.end()) {
    std::vector<std::string> same;
    for (const auto& [name, connection] : named) {
      if (connection->id() == request.id()) same.push_back(name);
    }
    if (!same.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat(request.id(), ": ", same.size(), " proxies have this id; name one of ",
                       absl::StrJoin(same, ", "), ", and give each a node id of its own"));
    }
    return absl::NotFoundError(absl::StrCat(request.id(), ": no such proxy is connected; `weft proxies` shows all"));
  }
  const std::shared_ptr<const compile::ProxyConfig> config = found->second->config();
  if (config == nullptr) return absl::UnavailableError(absl::StrCat(request.id(), ": its configuration is being made"));
  response->set_revision(config->revision);
  for (int i = 0; i < compile::kResourceTypes; ++i) {
    const auto type = static_cast<ResourceType>(i);
    const std::string url(compile::TypeUrl(type));
    if (!request.type_url().empty() && request.type_url() != url) continue;
    weft::v1::GetProxyConfigResponse::Type* to = response->add_types();
    to->set_type_url(url);
    to->set_version(config->Of(type).version);
    for (const compile::ResourcePtr& resource : config->Of(type).resources) {
      if (!to->add_resources()->ParseFromString(resource->any)) {
        return absl::InternalError(absl::StrCat(resource->name, ": is not what was encoded"));
      }
    }
  }
  return absl::OkStatus();
}

void Fleet::ListCertificates(weft::v1::ListCertificatesResponse* response) const {
  for (const auto& [id, connection] : Named()) {
    if (!connection->peer().certificate.has_value()) continue;
    const pki::CertificateFacts& facts = *connection->peer().certificate;
    weft::v1::CertificateInfo* to = response->add_certificates();
    to->set_role("workload");
    to->set_identity(connection->peer().uri);
    to->set_serial(facts.serial);
    to->set_proxy(id);
    FillTime(facts.not_before, to->mutable_not_before());
    FillTime(facts.not_after, to->mutable_not_after());
  }
}

FleetCounts Fleet::Counts() const {
  FleetCounts counts;
  for (const auto& [id, connection] : Named()) {
    ++counts.connected;
    if (!connection->InStep()) ++counts.behind;
  }
  for (int i = 0; i < compile::kResourceTypes; ++i) {
    const std::string name(compile::ShortName(static_cast<ResourceType>(i)));
    counts.pushes[name] = traffic_.pushes[i].load(std::memory_order_relaxed);
    counts.nacks[name] = traffic_.nacks[i].load(std::memory_order_relaxed);
    counts.largest[name] = traffic_.largest[i].load(std::memory_order_relaxed);
  }
  counts.events = traffic_.events.Totals();
  absl::MutexLock lock(&mutex_);
  counts.publications = publications_;
  counts.publishing = publishing_;
  return counts;
}

}  // namespace weft::control::serve
