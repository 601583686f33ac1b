#include "proxy/discovery/grpc_channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <string>

#include "proxy/net/own_grpc_traffic.h"
#include "schema/version.h"

namespace weft::discovery {
namespace {

int Millis(base::Duration duration) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

std::shared_ptr<grpc::Channel> MakeGrpcChannel(const Channel& channel) {
  grpc::ChannelArguments arguments;
  net::MarkOwnGrpcTraffic(arguments);
  arguments.SetUserAgentPrefix(std::string("weft-proxy/") + schema::kWeftVersion);
  arguments.SetMaxReceiveMessageSize(static_cast<int>(channel.max_response_bytes));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, Millis(channel.keepalive));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Millis(channel.keepalive_timeout));
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
                   Millis(channel.connect_timeout));        // the bound of one connection attempt
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);          // an application's http_proxy is not ours
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  if (!channel.authority.empty()) arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, channel.authority);
  if (!channel.tls.has_value()) {
    return grpc::CreateCustomChannel(channel.target, grpc::InsecureChannelCredentials(), arguments);
  }
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = channel.tls->roots_pem;
  options.pem_private_key = channel.tls->key_pem;
  options.pem_cert_chain = channel.tls->chain_pem;
  // The name that is verified, and the HTTP/2 authority unless there is one of its own.
  arguments.SetSslTargetNameOverride(channel.tls->server_name);
  return grpc::CreateCustomChannel(channel.target, grpc::SslCredentials(options), arguments);
}

}  // namespace weft::discovery
