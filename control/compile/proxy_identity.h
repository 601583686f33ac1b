// ProxyIdentity: who a proxy is and which addresses it stands for. Pure functions, any thread.
#ifndef WEFT_CONTROL_COMPILE_PROXY_IDENTITY_H_
#define WEFT_CONTROL_COMPILE_PROXY_IDENTITY_H_

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/struct.pb.h"

namespace weft::control::compile {

struct ProxyIdentity {
  std::string ns;
  std::string service_account;
  // Canonical IPs from the proxy's own mouth: they choose among the workloads of its identity and never reach beyond
  // them. None: all workloads of the identity.
  std::vector<std::string> addresses;  // sorted, each once

  auto operator<=>(const ProxyIdentity&) const = default;
};

// On a stream with mutual TLS: `spiffe_id` is the URI SAN of the verified certificate, and `metadata` (Node.metadata)
// tells addresses only. InvalidArgument: another trust domain, or no spiffe://TD/ns/NS/sa/SA.
absl::StatusOr<ProxyIdentity> VerifiedIdentity(std::string_view spiffe_id, std::string_view trust_domain,
                                               const google::protobuf::Struct& metadata);

// On a plaintext stream, where a proxy is what it says: metadata NAMESPACE and SERVICE_ACCOUNT, else `node_id` as a
// SPIFFE id or "NS/SA" (a third part, the instance, may follow), else "default/default". It never fails: who says
// nothing known gets no workloads.
ProxyIdentity ClaimedIdentity(std::string_view node_id, const google::protobuf::Struct& metadata);

// metadata INSTANCE_IPS: a list, or one string with commas. What is no IP is left out.
std::vector<std::string> InstanceAddresses(const google::protobuf::Struct& metadata);

}  // namespace weft::control::compile

#endif  // WEFT_CONTROL_COMPILE_PROXY_IDENTITY_H_
