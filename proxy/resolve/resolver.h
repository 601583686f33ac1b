// Resolver: names → addresses, kept up to date. The seam between assemble/ and the name service: CaresResolver is the
// real one, FakeResolver is for tests. Main thread only.
#ifndef WEFT_PROXY_RESOLVE_RESOLVER_H_
#define WEFT_PROXY_RESOLVE_RESOLVER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/time.h"

namespace weft::resolve {

// Which addresses of a name are wanted. kAuto: IPv6, or IPv4 when there is none (Envoy).
enum class DnsFamily : uint8_t { kAuto, kV4Only, kV6Only, kV4Preferred, kAll };

struct Query {
  std::string name;  // a host name or an IP address
  DnsFamily family = DnsFamily::kAuto;
  base::Duration refresh = std::chrono::seconds(5);  // from one good answer to the next lookup
  bool respect_ttl = false;                          // the record's own time to live instead
};

struct Answer {
  std::vector<base::Address> addresses;  // port 0, sorted, without doubles; the last good ones when `error` is set
  std::string error;                     // of the newest lookup; "" when it was good
};

// A name that somebody wants to know. Destroying it ends the lookups; no call comes afterwards.
class Watch {
 public:
  virtual ~Watch() = default;
};

class Resolver {
 public:
  // Told about the first outcome, good or bad, and then whenever the addresses or the error change. Never called from
  // within StartWatch(). May destroy its own Watch.
  using OnAnswer = std::function<void(const Answer&)>;

  virtual ~Resolver() = default;
  virtual std::unique_ptr<Watch> StartWatch(Query query, OnAnswer on_answer) = 0;
};

}  // namespace weft::resolve

#endif  // WEFT_PROXY_RESOLVE_RESOLVER_H_
