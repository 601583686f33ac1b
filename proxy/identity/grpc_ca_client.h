// GrpcCaClient: CaClient over the network. The first contact is a plain TLS handshake (first_contact.h), since gRPC
// cannot trust a hash; signing is istio.v1.auth.IstioCertificateService/CreateCertificate, each on a channel of its
// own, because gRPC 1.51 fixes certificates when the channel is made. The server is always checked: a chain to the
// given roots and the DNS name.
//
// Made and used on the main thread. gRPC's threads only post to the mailbox. Its destructor cancels nothing by itself
// (the tasks are the caller's) but waits until gRPC has let go of cancelled calls.
#ifndef WEFT_PROXY_IDENTITY_GRPC_CA_CLIENT_H_
#define WEFT_PROXY_IDENTITY_GRPC_CA_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/identity/ca_client.h"
#include "proxy/runtime/mailbox.h"
#include "proxy/runtime/outstanding.h"
#include "proxy/runtime/reactor.h"

namespace weft::identity {

struct CaServer {
  std::string host;  // a name, or an IP address without brackets
  uint16_t port = 0;
  std::string server_name;  // a DNS name that the control plane's certificate must have; empty: `host`
};

class GrpcCaClient final : public CaClient {
 public:
  // Both outlive this.
  GrpcCaClient(runtime::Reactor& reactor, runtime::Mailbox& mailbox, CaServer server);
  ~GrpcCaClient() override;

  runtime::Task<absl::StatusOr<std::string>> FetchRoot(std::string root_sha256) override;
  runtime::Task<absl::StatusOr<std::vector<std::string>>> Sign(SigningRequest request) override;
  const std::string& address() const override { return address_; }

 private:
  runtime::Reactor& reactor_;
  runtime::Mailbox& mailbox_;
  const CaServer server_;
  const std::string address_;
  const std::shared_ptr<runtime::Outstanding> calls_;  // those that gRPC has not let go of
};

}  // namespace weft::identity

#endif  // WEFT_PROXY_IDENTITY_GRPC_CA_CLIENT_H_
