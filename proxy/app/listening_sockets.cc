#include "proxy/app/listening_sockets.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "proxy/app/connection.h"
#include "proxy/net/socket.h"

namespace weft::app {
namespace {

// With SO_REUSEPORT a second process would share the address without a word; nobody wants that. A socket without the
// option cannot be bound while somebody listens.
base::Status CheckThatNobodyListens(const base::Address& address, bool transparent) {
  net::ListenOptions alone;
  alone.reuse_port = false;
  alone.transparent = transparent;
  auto probe = net::Bind(address, alone);
  if (!probe.ok()) return std::move(probe).failure();
  return base::Ok();
}

base::Address Wildcard(const base::Address& address) {
  return *base::Address::FromIp(address.family() == AF_INET6 ? "::" : "0.0.0.0", address.port());
}

}  // namespace

absl::Status ListeningSockets::Hold(uint16_t port) {
  const Wanted v4{*base::Address::FromIp("0.0.0.0", port), HeldName(port)};
  if (absl::Status status = Bind(v4); !status.ok()) return status;
  // Machines without IPv6 do without.
  const Wanted v6{*base::Address::FromIp("::", port), HeldName(port)};
  (void)Bind(v6);
  failures_ = 0;
  return absl::OkStatus();
}

absl::Status ListeningSockets::Bind(const Wanted& wanted) {
  const std::string text = wanted.address.ToString();
  std::vector<net::Fd> sockets;
  // A listener on one address of a held port: the held sockets stand in the way of the look, not of the bind.
  auto free =
      IsBound(Wildcard(wanted.address)) ? base::Ok() : CheckThatNobodyListens(wanted.address, wanted.transparent);
  if (!free.ok()) {
    ++failures_;
    return absl::UnavailableError(absl::StrCat("listener ", wanted.listener, ": ", free.failure().detail));
  }
  for (size_t i = 0; i < members_.size(); ++i) {
    net::ListenOptions options;
    options.transparent = wanted.transparent;
    auto socket = net::Listen(wanted.address, options);
    if (!socket.ok()) {
      ++failures_;
      return absl::UnavailableError(absl::StrCat("listener ", wanted.listener, ": ", socket.failure().detail));
    }
    sockets.push_back(std::move(*socket));
  }
  bound_[text] = wanted.listener;
  for (size_t i = 0; i < members_.size(); ++i) {
    // std::function wants something that can be copied.
    auto shared = std::make_shared<net::Fd>(std::move(sockets[i]));
    DataPath* path = &members_[i].path;
    members_[i].worker.mailbox().Post(
        [path, text, listener = wanted.listener, shared] { path->AddSocket(text, listener, std::move(*shared)); });
  }
  return absl::OkStatus();
}

absl::Status ListeningSockets::Follow(const config::Snapshot& snapshot) {
  if (closed_) return absl::OkStatus();
  wanted_.clear();
  for (const auto& [name, listener] : snapshot.listeners) {
    if (!listener->spec.bind_to_port) continue;
    for (const base::Address& address : listener->spec.addresses) {
      wanted_.emplace(address.ToString(), Wanted{address, name, listener->spec.transparent});
    }
  }
  for (auto bound = bound_.begin(); bound != bound_.end();) {
    const auto wanted = wanted_.find(bound->first);
    if (wanted != wanted_.end()) {
      Reassign(&*bound, wanted->second.listener);
    } else if (!IsHeldName(bound->second)) {  // a held one keeps holding: its listener may still come
      OnEachWorker([address = bound->first](DataPath& path) { path.RemoveSocket(address); });
      bound = bound_.erase(bound);
      continue;
    }
    ++bound;
  }
  return BindWhatIsMissing();
}

void ListeningSockets::Reassign(std::pair<const std::string, std::string>* bound, const std::string& listener) {
  if (bound->second == listener) return;
  bound->second = listener;
  OnEachWorker([address = bound->first, listener](DataPath& path) { path.ReassignSocket(address, listener); });
}

void ListeningSockets::OnEachWorker(const std::function<void(DataPath&)>& work) {
  for (const Member& member : members_) {
    member.worker.mailbox().Post([path = &member.path, work] { work(*path); });
  }
}

absl::Status ListeningSockets::BindWhatIsMissing() {
  absl::Status first;
  for (const auto& [text, wanted] : wanted_) {
    if (bound_.contains(text)) continue;
    absl::Status status = Bind(wanted);
    if (!status.ok() && first.ok()) first = std::move(status);
  }
  if (!first.ok()) reactor_.timers().Arm(this, reactor_.now() + kRetry);
  return first;
}

void ListeningSockets::OnTimer() {
  if (!closed_) (void)BindWhatIsMissing();
}

void ListeningSockets::Close() {
  closed_ = true;
  Timer::Cancel();
}

}  // namespace weft::app
