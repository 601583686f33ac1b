// EarlyDial: the server side of a connection is dialled before its client has said a word, where a silent client would
// be sent there anyhow: in many protocols the server speaks first (MySQL, SMTP), and both sides would wait. Whoever
// speaks first is heard. Worker thread only; owns the dial until Take().
//
// FirstSpeakers: what was learnt for each destination, so that dials for clients that do speak first do not add up.
#ifndef WEFT_PROXY_APP_EARLY_DIAL_H_
#define WEFT_PROXY_APP_EARLY_DIAL_H_

#include <cstdint>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "proxy/base/address.h"
#include "proxy/config/snapshot.h"
#include "proxy/downstream/opaque_server.h"
#include "proxy/runtime/scope.h"
#include "proxy/runtime/wait.h"

namespace weft::app {

// One worker's. Bounded: when it is full it begins anew.
class FirstSpeakers {
 public:
  // True at first, and where a dial was of use lately. After kPatience useless ones in a row only one in kSample is
  // tried, for what listens at an address may change.
  bool MayDial(const base::Address& destination);
  void Count(const base::Address& destination, bool useful);

  static constexpr uint32_t kPatience = 3, kSample = 256;
  static constexpr size_t kMost = 4096;

 private:
  struct Learnt {
    uint32_t useless = 0;  // in a row
    uint32_t asked = 0;    // since then
  };
  absl::flat_hash_map<base::Address, Learnt, base::AddressHash> learnt_;
};

// True where the first word of the server behind `silent` tells what the connection is. Not where TLS may end here: a
// peer's ClientHello can come after the greeting of the very server that it is to wrap. Nor where TCP of another kind
// goes to another service. HTTP may: a server that speaks first does not speak it.
bool MayHearServerFirst(const config::Snapshot& snapshot, const config::Listener& listener,
                        const config::FilterChain& silent, const base::Address& destination);

class EarlyDial {
 public:
  // `info` and `client` outlive it.
  EarlyDial(downstream::OpaqueDeps deps, std::shared_ptr<const config::FilterChain> chain, http::ConnectionInfo& info,
            net::ByteStream& client);

  // Signalled when the server has said something, or has finished.
  runtime::Cancellation& server_spoke() { return server_spoke_; }
  const config::FilterChain* chain() const { return chain_.get(); }
  // Ends the dial. What was reached, or an empty one; `outcome` is set with it.
  downstream::Reached Take(downstream::OpaqueOutcome& outcome);

 private:
  runtime::Task<void> Run(downstream::OpaqueDeps deps, http::ConnectionInfo& info, net::ByteStream& client);

  const std::shared_ptr<const config::FilterChain> chain_;
  downstream::OpaqueOutcome outcome_;
  downstream::Reached reached_;
  runtime::Cancellation server_spoke_;
  runtime::Scope dial_;  // last: it ends before what it uses
};

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_EARLY_DIAL_H_
