// The addresses of the control plane's host, for the first contact only: gRPC looks up by itself, and endpoints' names
// are for proxy/resolve. getaddrinfo blocks, so each look-up has a short-lived thread. Main thread.
#ifndef WEFT_PROXY_IDENTITY_HOST_LOOKUP_H_
#define WEFT_PROXY_IDENTITY_HOST_LOOKUP_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/base/address.h"
#include "proxy/runtime/mailbox.h"
#include "proxy/runtime/reactor.h"
#include "proxy/runtime/task.h"

namespace weft::identity {

// In the order of RFC 6724, never empty; an IP address is its own answer. Unavailable names the host and the resolver's
// words. Destroying the task leaves the thread to end by itself; it touches nothing of ours then. Both arguments
// outlive the task.
runtime::Task<absl::StatusOr<std::vector<base::Address>>> LookUpHost(runtime::Reactor& reactor,
                                                                     runtime::Mailbox& mailbox, std::string host,
                                                                     uint16_t port);

}  // namespace weft::identity

#endif  // WEFT_PROXY_IDENTITY_HOST_LOOKUP_H_
