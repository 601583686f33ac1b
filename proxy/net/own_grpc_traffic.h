// Marks the sockets of this process' own gRPC channels (ADS, certificate signing, ProxyLink) as proxy/net/own_traffic.h
// says. Without it a captured pod would redirect its own ADS stream to its own outbound port, which waits for that very
// stream. Call it for every channel before it is made. Any thread; keeps nothing of the arguments.
#ifndef WEFT_PROXY_NET_OWN_GRPC_TRAFFIC_H_
#define WEFT_PROXY_NET_OWN_GRPC_TRAFFIC_H_

#include <grpcpp/support/channel_arguments.h>

namespace weft::net {

void MarkOwnGrpcTraffic(grpc::ChannelArguments& arguments);

}  // namespace weft::net

#endif  // WEFT_PROXY_NET_OWN_GRPC_TRAFFIC_H_
