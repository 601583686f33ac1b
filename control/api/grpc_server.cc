#include "control/api/grpc_server.h"

#include <sys/stat.h>
#include <sys/un.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"

namespace weft::control::api {
namespace {

constexpr int kMostMessageBytes = 16 << 20;

absl::Status CheckSocketPath(const std::string& path) {
  if (path.size() < sizeof(sockaddr_un::sun_path)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(path, ": a unix socket's path may have ",
                                                 sizeof(sockaddr_un::sun_path) - 1,
                                                 " bytes at most; choose a shorter --data"));
}

void EnablePlugins() {
  // Both are registered for all servers of the process; a second time would do it twice.
  static const bool done = [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    return true;
  }();
  static_cast<void>(done);
}

std::string WithPort(const std::string& address, int port) {
  return absl::StrCat(address.substr(0, address.rfind(':')), ":", port);
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(const Options& options, GrpcService& service) {
  if (absl::Status path = CheckSocketPath(options.socket_path); !path.ok()) return path;
  EnablePlugins();
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMostMessageBytes);
  builder.SetMaxSendMessageSize(-1);
  // Without it two processes could share a port, and one of them would get half of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  int socket_port = 0;
  if (!options.socket_path.empty()) {
    builder.AddListeningPort("unix:" + options.socket_path, grpc::InsecureServerCredentials(), &socket_port);
  }
  std::vector<int> ports(options.addresses.size(), 0);
  for (size_t i = 0; i < options.addresses.size(); ++i) {
    builder.AddListeningPort(options.addresses[i], grpc::InsecureServerCredentials(), &ports[i]);
  }
  builder.RegisterService(&service);
  std::unique_ptr<GrpcServer> started(new GrpcServer(service, options.addresses));
  // The socket is private from its first moment, whatever its directory's mode is.
  const mode_t mask = umask(0177);
  started->server_ = builder.BuildAndStart();
  umask(mask);
  if (!options.socket_path.empty() && socket_port == 0) {
    return absl::UnavailableError(absl::StrCat(options.socket_path, ": the control socket cannot be made there"));
  }
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i] == 0) {
      return absl::UnavailableError(
          absl::StrCat("--listen ", options.addresses[i], ": cannot be bound; another program may use the port"));
    }
    started->addresses_[i] = WithPort(options.addresses[i], ports[i]);
  }
  if (started->server_ == nullptr) return absl::InternalError("gRPC did not start the control API");
  if (!options.socket_path.empty() && chmod(options.socket_path.c_str(), 0600) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(options.socket_path, ": cannot be made private"));
  }
  started->server_->GetHealthCheckService()->SetServingStatus("weft.v1.Control", true);
  return started;
}

GrpcServer::~GrpcServer() { Stop(absl::ZeroDuration()); }

void GrpcServer::Stop(absl::Duration grace) {
  if (server_ == nullptr) return;
  server_->GetHealthCheckService()->SetServingStatus(false);
  service_.Stop();
  server_->Shutdown(absl::ToChronoTime(absl::Now() + grace));
  server_->Wait();
  server_.reset();
}

}  // namespace weft::control::api
