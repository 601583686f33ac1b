#include "proxy/resolve/cares_resolver.h"

#include <ares.h>
#include <sys/time.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proxy/base/check.h"
#include "proxy/net/own_traffic.h"
#include "proxy/resolve/addresses.h"

namespace weft::resolve {
namespace {

using base::Duration;

constexpr Duration kFirstRetry = std::chrono::seconds(1);
constexpr Duration kLastRetry = std::chrono::seconds(30);
constexpr Duration kShortestTtl = std::chrono::seconds(1);

bool IsLocalhost(std::string_view name) { return name == "localhost" || name.ends_with(".localhost"); }

int AddressFamily(DnsFamily family) {
  if (family == DnsFamily::kV4Only) return AF_INET;
  return family == DnsFamily::kV6Only ? AF_INET6 : AF_UNSPEC;
}

}  // namespace

// One watched name: a lookup, then a wait, for ever.
class CaresResolver::Name final : public Watch, private runtime::Timer {
 public:
  Name(CaresResolver& resolver, Query query, OnAnswer on_answer)
      : resolver_(resolver), query_(std::move(query)), on_answer_(std::move(on_answer)) {
    resolver_.reactor_.timers().Arm(this, resolver_.reactor_.now());
  }
  ~Name() override {
    if (lookup_ != nullptr) lookup_->name = nullptr;  // c-ares cannot cancel one of several
  }

 private:
  struct Lookup {
    Name* name;
  };

  void OnTimer() override {
    if (auto literal = base::Address::FromIp(query_.name, 0)) return Deliver({{*literal}, ""});  // nothing to ask again
    ares_addrinfo_hints hints{};
    hints.ai_family = AddressFamily(query_.family);
    hints.ai_flags = ARES_AI_NOSORT;
    hints.ai_socktype = SOCK_STREAM;
    CaresResolver& resolver = resolver_;  // the answer may come, and destroy this, before the call returns
    lookup_ = new Lookup{this};
    ares_getaddrinfo(resolver.channel_, query_.name.c_str(), nullptr, &hints, &Name::OnLookedUp, lookup_);
    resolver.ArmTimeout();
  }

  static void OnLookedUp(void* argument, int status, int /*timeouts*/, ares_addrinfo* found) {
    const std::unique_ptr<Lookup> lookup(static_cast<Lookup*>(argument));
    if (lookup->name != nullptr) {
      lookup->name->lookup_ = nullptr;
      if (status != ARES_EDESTRUCTION && status != ARES_ECANCELLED) lookup->name->Finish(status, found);
    }
    if (found != nullptr) ares_freeaddrinfo(found);
  }

  void Finish(int status, const ares_addrinfo* found) {
    std::vector<base::Address> addresses;
    std::optional<int> ttl;
    for (const ares_addrinfo_node* node = found == nullptr ? nullptr : found->nodes; node != nullptr;
         node = node->ai_next) {
      addresses.push_back(
          base::Address::FromSockaddr(node->ai_addr, static_cast<socklen_t>(node->ai_addrlen)).WithPort(0));
      ttl = std::min(ttl.value_or(node->ai_ttl), node->ai_ttl);
    }
    if (addresses.empty() && IsLocalhost(query_.name)) {  // RFC 6761, 6.3: whatever the name servers say
      addresses = {*base::Address::FromIp("127.0.0.1", 0), *base::Address::FromIp("::1", 0)};
      status = ARES_SUCCESS;
    }
    addresses = ChooseFamily(std::move(addresses), query_.family);
    if (status == ARES_SUCCESS && addresses.empty()) status = ARES_ENODATA;
    if (status != ARES_SUCCESS) {
      resolver_.reactor_.timers().Arm(this, resolver_.reactor_.now() + NextRetry());
      return Deliver({answer_.addresses, absl::StrCat(query_.name, ": ", ares_strerror(status))});
    }
    failures_ = 0;
    Duration wait = query_.refresh;
    if (query_.respect_ttl && ttl.value_or(0) > 0) wait = std::max<Duration>(std::chrono::seconds(*ttl), kShortestTtl);
    resolver_.reactor_.timers().Arm(this, resolver_.reactor_.now() + wait);
    Deliver({std::move(addresses), ""});
  }

  // Half of a ceiling that doubles, and a random part of the other half.
  Duration NextRetry() {
    const Duration ceiling = std::min(kLastRetry, kFirstRetry * (int64_t{1} << std::min(failures_++, 10)));
    resolver_.random_ = resolver_.random_ * 1664525u + 1013904223u;
    return ceiling / 2 + ceiling / 2 * (resolver_.random_ >> 16) / 65536;
  }

  // Last in its caller: the watch may be gone afterwards.
  void Deliver(Answer answer) {
    const bool news = !told_ || answer.addresses != answer_.addresses || answer.error != answer_.error;
    told_ = true;
    answer_ = std::move(answer);
    if (!news) return;
    const OnAnswer tell = on_answer_;
    const Answer copy = answer_;
    tell(copy);
  }

  CaresResolver& resolver_;
  const Query query_;
  const OnAnswer on_answer_;
  Lookup* lookup_ = nullptr;  // owned by c-ares
  Answer answer_;
  bool told_ = false;
  int failures_ = 0;
};

// A socket of c-ares. Level-triggered: c-ares does not always read all there is.
class CaresResolver::Socket final : public runtime::Watcher {
 public:
  Socket(CaresResolver& resolver, int fd, uint32_t events) : resolver_(resolver), fd_(fd), events_(events) {
    const int error = resolver_.reactor_.Add(fd_, this, events);
    WEFT_CHECK(error == 0);
  }
  ~Socket() override { resolver_.reactor_.Remove(fd_, this); }
  uint32_t events() const { return events_; }
  void OnEvents(uint32_t events) override {
    const bool failed = (events & (EPOLLERR | EPOLLHUP)) != 0;
    const int readable = failed || (events & EPOLLIN) != 0 ? fd_ : ARES_SOCKET_BAD;
    const int writable = (events & EPOLLOUT) != 0 ? fd_ : ARES_SOCKET_BAD;
    resolver_.Process(readable, writable);  // may destroy this
  }

 private:
  CaresResolver& resolver_;
  const int fd_;
  const uint32_t events_;
};

void CaresResolver::Timeout::OnTimer() { resolver_.Process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }

CaresResolver::CaresResolver(runtime::Reactor& reactor)
    : reactor_(reactor), random_(static_cast<uint32_t>(reactor.clock().WallMicros())) {}

CaresResolver::~CaresResolver() {
  if (channel_ != nullptr) ares_destroy(channel_);
}

absl::StatusOr<std::unique_ptr<CaresResolver>> CaresResolver::Create(runtime::Reactor& reactor,
                                                                     const CaresOptions& options) {
  // Once per process; it counts, and is never undone.
  static const int library = ares_library_init(ARES_LIB_INIT_ALL);
  if (library != ARES_SUCCESS) return absl::InternalError(absl::StrCat("c-ares: ", ares_strerror(library)));
  std::unique_ptr<CaresResolver> resolver(new CaresResolver(reactor));
  if (absl::Status status = resolver->Open(options); !status.ok()) return status;
  return resolver;
}

absl::Status CaresResolver::Open(const CaresOptions& options) {
  ares_options settings{};
  char lookups[] = "fb";  // the hosts file, then the name servers
  settings.lookups = lookups;
  settings.timeout = static_cast<int>(options.timeout.count());
  settings.tries = options.tries;
  settings.sock_state_cb_data = this;
  settings.sock_state_cb = [](void* self, ares_socket_t fd, int reads, int writes) {
    static_cast<CaresResolver*>(self)->OnSocketState(fd, reads != 0, writes != 0);
  };
  const int mask = ARES_OPT_LOOKUPS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
  int status = ares_init_options(&channel_, &settings, mask);
  if (status != ARES_SUCCESS) {
    channel_ = nullptr;
    return absl::UnavailableError(absl::StrCat("name service: ", ares_strerror(status)));
  }
  // Before it connects. Lookups of the proxy are never captured, whatever the name server's address is.
  ares_set_socket_configure_callback(
      channel_,
      [](ares_socket_t fd, int, void*) {
        net::MarkOwnTraffic(fd, net::OwnTraffic::kStraight);
        return 0;
      },
      nullptr);
  if (!options.servers.empty()) status = ares_set_servers_ports_csv(channel_, options.servers.c_str());
  if (status == ARES_SUCCESS) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("name servers \"", options.servers, "\": ", ares_strerror(status)));
}

std::unique_ptr<Watch> CaresResolver::StartWatch(Query query, OnAnswer on_answer) {
  return std::make_unique<Name>(*this, std::move(query), std::move(on_answer));
}

void CaresResolver::OnSocketState(int fd, bool reads, bool writes) {
  const uint32_t events = (reads ? uint32_t{EPOLLIN} : 0u) | (writes ? uint32_t{EPOLLOUT} : 0u);
  auto found = sockets_.find(fd);
  if (found != sockets_.end()) {
    if (found->second->events() == events) return;
    sockets_.erase(found);
  }
  if (events != 0) sockets_[fd] = std::make_unique<Socket>(*this, fd, events);
}

void CaresResolver::Process(int readable, int writable) {
  ares_process_fd(channel_, readable, writable);
  ArmTimeout();
}

void CaresResolver::ArmTimeout() {
  timeval room{};
  const timeval* next = ares_timeout(channel_, nullptr, &room);
  if (next == nullptr) return timeout_.Cancel();
  const Duration wait = std::chrono::seconds(next->tv_sec) + std::chrono::microseconds(next->tv_usec);
  reactor_.timers().Arm(&timeout_, reactor_.now() + wait);
}

}  // namespace weft::resolve
