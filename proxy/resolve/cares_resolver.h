// CaresResolver: the Resolver on c-ares: /etc/hosts first, then the name servers of /etc/resolv.conf. Its sockets are
// marked as the proxy's own traffic. A failed lookup keeps the last good addresses and is tried again after a growing,
// jittered wait.
//
// Called by app/ (makes it) and assemble/, on the main thread, where all its events run. Owns the c-ares channel; the
// reactor outlives it, and it outlives its watches.
#ifndef WEFT_PROXY_RESOLVE_CARES_RESOLVER_H_
#define WEFT_PROXY_RESOLVE_CARES_RESOLVER_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proxy/resolve/resolver.h"
#include "proxy/runtime/reactor.h"

struct ares_channeldata;

namespace weft::resolve {

struct CaresOptions {
  std::string servers;                      // "10.0.0.10:53,[fd00::a]:53"; "": those of resolv.conf
  std::chrono::milliseconds timeout{2000};  // of the first try of a server
  int tries = 3;
};

class CaresResolver final : public Resolver {
 public:
  static absl::StatusOr<std::unique_ptr<CaresResolver>> Create(runtime::Reactor& reactor, const CaresOptions& options);
  ~CaresResolver() override;
  CaresResolver(const CaresResolver&) = delete;
  CaresResolver& operator=(const CaresResolver&) = delete;

  std::unique_ptr<Watch> StartWatch(Query query, OnAnswer on_answer) override;

 private:
  class Name;
  class Socket;
  class Timeout final : public runtime::Timer {
   public:
    explicit Timeout(CaresResolver& resolver) : resolver_(resolver) {}
    void OnTimer() override;

   private:
    CaresResolver& resolver_;
  };

  explicit CaresResolver(runtime::Reactor& reactor);
  absl::Status Open(const CaresOptions& options);
  void OnSocketState(int fd, bool reads, bool writes);
  void Process(int readable, int writable);
  void ArmTimeout();

  runtime::Reactor& reactor_;
  ares_channeldata* channel_ = nullptr;
  std::map<int, std::unique_ptr<Socket>> sockets_;
  Timeout timeout_{*this};
  uint32_t random_;  // jitter only
};

}  // namespace weft::resolve

#endif  // WEFT_PROXY_RESOLVE_CARES_RESOLVER_H_
