// Makes a gRPC channel of a Channel. Only what links gRPC includes this. Any thread.
#ifndef WEFT_PROXY_DISCOVERY_GRPC_CHANNEL_H_
#define WEFT_PROXY_DISCOVERY_GRPC_CHANNEL_H_

#include <grpcpp/channel.h>

#include <memory>

#include "proxy/discovery/channel.h"

namespace weft::discovery {

std::shared_ptr<grpc::Channel> MakeGrpcChannel(const Channel& channel);

}  // namespace weft::discovery

#endif  // WEFT_PROXY_DISCOVERY_GRPC_CHANNEL_H_
