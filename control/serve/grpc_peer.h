// Who a gRPC call comes from. Any thread.
#ifndef WEFT_CONTROL_SERVE_GRPC_PEER_H_
#define WEFT_CONTROL_SERVE_GRPC_PEER_H_

#include <string>

#include "control/serve/connection.h"
#include "grpcpp/server_context.h"

namespace weft::control::serve {

// A URI only when the verified certificate has exactly one.
Peer PeerOf(const grpc::ServerContextBase& context, bool secure);

}  // namespace weft::control::serve

#endif  // WEFT_CONTROL_SERVE_GRPC_PEER_H_
