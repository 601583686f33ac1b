#include "proxy/identity/host_lookup.h"

#include <netdb.h>

#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proxy/runtime/wait.h"

namespace weft::identity {
namespace {

using Addresses = absl::StatusOr<std::vector<base::Address>>;

// Blocks; on the thread of the look-up.
Addresses Resolve(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list); error != 0) {
    return absl::UnavailableError(absl::StrCat("cannot resolve ", host, ": ", ::gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  std::vector<base::Address> found;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    found.push_back(base::Address::FromSockaddr(one->ai_addr, one->ai_addrlen).WithPort(port));
  }
  if (found.empty()) return absl::UnavailableError(absl::StrCat("cannot resolve ", host, ": it has no address"));
  return found;
}

// What the waiting coroutine and the thread share.
class Lookup : public std::enable_shared_from_this<Lookup> {
 public:
  Lookup(runtime::Mailbox& mailbox, runtime::Event& done) : mailbox_(&mailbox), done_(&done) {}

  absl::Status Start(std::string host, uint16_t port) {
    try {
      std::thread([self = shared_from_this(), host = std::move(host), port] {
        self->Deliver(Resolve(host, port));
      }).detach();
    } catch (const std::system_error& error) {
      return absl::UnavailableError(absl::StrCat("cannot start a thread: ", error.what()));
    }
    return absl::OkStatus();
  }
  void Abandon() {
    done_ = nullptr;
    std::lock_guard lock(mutex_);
    mailbox_ = nullptr;
  }
  Addresses Take() { return std::move(result_); }

 private:
  void Deliver(Addresses result) {
    std::lock_guard lock(mutex_);  // kept while posting: after Abandon() the mailbox may go
    if (mailbox_ == nullptr) return;
    mailbox_->Post([self = shared_from_this(), result = std::move(result)] {
      if (self->done_ == nullptr) return;
      self->result_ = result;
      self->done_->Set();
    });
  }

  std::mutex mutex_;
  runtime::Mailbox* mailbox_;                  // protected by mutex_
  runtime::Event* done_;                       // main thread only
  Addresses result_ = absl::UnknownError("");  // main thread only
};

struct AbandonAtEnd {
  const std::shared_ptr<Lookup> lookup;
  ~AbandonAtEnd() { lookup->Abandon(); }
};

}  // namespace

runtime::Task<Addresses> LookUpHost(runtime::Reactor& reactor, runtime::Mailbox& mailbox, std::string host,
                                    uint16_t port) {
  if (auto address = base::Address::FromIp(host, port); address.has_value())
    co_return std::vector<base::Address>{*address};
  runtime::Event done(reactor);
  const AbandonAtEnd owner{std::make_shared<Lookup>(mailbox, done)};
  if (absl::Status status = owner.lookup->Start(std::move(host), port); !status.ok()) co_return status;
  co_await done.Wait();
  co_return owner.lookup->Take();
}

}  // namespace weft::identity
