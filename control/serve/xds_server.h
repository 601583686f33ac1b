// The ports that proxies connect to: plaintext (AggregatedDiscoveryService alone), and TLS (with the certificate
// service too). Started and stopped by main.
#ifndef WEFT_CONTROL_SERVE_XDS_SERVER_H_
#define WEFT_CONTROL_SERVE_XDS_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"

namespace weft::control::serve {

class XdsServer {
 public:
  // Unavailable names the address that cannot be bound. `services` outlive this.
  static absl::StatusOr<std::unique_ptr<XdsServer>> Start(const std::string& address,
                                                          std::shared_ptr<grpc::ServerCredentials> credentials,
                                                          const std::vector<grpc::Service*>& services);
  ~XdsServer();

  const std::string& address() const { return address_; }  // as bound
  // Fleet::Stop() first, or streams are cut off after `grace`.
  void Stop(absl::Duration grace);

 private:
  XdsServer(std::string address, std::shared_ptr<grpc::ServerCredentials> credentials)
      : address_(std::move(address)), credentials_(std::move(credentials)) {}

  std::string address_;
  std::shared_ptr<grpc::ServerCredentials> credentials_;  // the builder forgets them, while the port still asks them
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace weft::control::serve

#endif  // WEFT_CONTROL_SERVE_XDS_SERVER_H_
