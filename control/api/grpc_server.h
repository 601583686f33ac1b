// The listeners of the control API: DIR/control.sock (0600) and TCP addresses, with the health service (grpc.health.v1)
// and server reflection. Started and stopped by main.
#ifndef WEFT_CONTROL_API_GRPC_SERVER_H_
#define WEFT_CONTROL_API_GRPC_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/api/grpc_service.h"
#include "grpcpp/grpcpp.h"

namespace weft::control::api {

class GrpcServer {
 public:
  struct Options {
    std::string socket_path;             // empty: none
    std::vector<std::string> addresses;  // "127.0.0.1:15013", "[::1]:0"
  };

  // Unavailable names the address that cannot be bound. `service` outlives this.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(const Options& options, GrpcService& service);
  ~GrpcServer();

  // As bound: "127.0.0.1:41234", in the order of the options.
  const std::vector<std::string>& addresses() const { return addresses_; }

  // Health says NOT_SERVING, watches end, calls get `grace` to finish.
  void Stop(absl::Duration grace);

 private:
  GrpcServer(GrpcService& service, std::vector<std::string> addresses)
      : service_(service), addresses_(std::move(addresses)) {}

  GrpcService& service_;
  std::vector<std::string> addresses_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace weft::control::api

#endif  // WEFT_CONTROL_API_GRPC_SERVER_H_
