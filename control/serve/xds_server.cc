#include "control/serve/xds_server.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace weft::control::serve {
namespace {

constexpr int kMostRequestBytes = 4 << 20;
constexpr int kMostStreamsOfAConnection = 100;  // a proxy has one, and a certificate request now and then

}  // namespace

absl::StatusOr<std::unique_ptr<XdsServer>> XdsServer::Start(const std::string& address,
                                                            std::shared_ptr<grpc::ServerCredentials> credentials,
                                                            const std::vector<grpc::Service*>& services) {
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMostRequestBytes);
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMostStreamsOfAConnection);
  // A proxy whose machine vanished is noticed within a minute and a half; proxies may ping as often as they like.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1'000);
  int port = 0;
  builder.AddListeningPort(address, credentials, &port);
  for (grpc::Service* service : services) builder.RegisterService(service);
  std::unique_ptr<XdsServer> started(new XdsServer(address, std::move(credentials)));
  started->server_ = builder.BuildAndStart();
  if (started->server_ == nullptr || port == 0) {
    return absl::UnavailableError(absl::StrCat(address, ": cannot be bound; another program may use the port"));
  }
  started->address_ = absl::StrCat(address.substr(0, address.rfind(':')), ":", port);
  return started;
}

XdsServer::~XdsServer() { Stop(absl::ZeroDuration()); }

void XdsServer::Stop(absl::Duration grace) {
  if (server_ == nullptr) return;
  server_->Shutdown(absl::ToChronoTime(absl::Now() + grace));
  server_->Wait();
  server_.reset();
}

}  // namespace weft::control::serve
