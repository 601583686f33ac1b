// The first contact with a control plane of which nothing is known but the hash of its root's public key (the join
// token carries it). The server shows its chain with the root in it; TLS proves that it holds the leaf's key; the rest
// is checked here. Nothing secret is sent before. GrpcCaClient calls it; main thread; no type of the TLS library.
#ifndef WEFT_PROXY_IDENTITY_FIRST_CONTACT_H_
#define WEFT_PROXY_IDENTITY_FIRST_CONTACT_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proxy/net/byte_stream.h"
#include "proxy/runtime/reactor.h"
#include "proxy/runtime/task.h"

namespace weft::identity {

// The root of `chain_pem` (leaf first) whose public key has this SHA-256 (32 raw bytes), as PEM, if the leaf leads to
// it and is the control plane's. PermissionDenied: the chain is somebody else's, in words for the operator.
// FailedPrecondition: it is the right one, but not valid at `now`.
absl::StatusOr<std::string> FindRoot(std::string_view chain_pem, std::string_view server_name,
                                     std::string_view root_sha256, absl::Time now);

// Does a TLS handshake over `connection`, closes it, and answers FindRoot of what the server showed. Unavailable: no
// handshake.
runtime::Task<absl::StatusOr<std::string>> AskForRoot(runtime::Reactor& reactor,
                                                      std::unique_ptr<net::ByteStream> connection,
                                                      std::string server_name, std::string root_sha256,
                                                      runtime::TimePoint deadline);

}  // namespace weft::identity

#endif  // WEFT_PROXY_IDENTITY_FIRST_CONTACT_H_
