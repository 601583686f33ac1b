// A Response as bytes, without copying its resources: gRPC's slices point into the Resources, which live as long as any
// slice does. Any thread.
#ifndef WEFT_CONTROL_SERVE_ENCODE_H_
#define WEFT_CONTROL_SERVE_ENCODE_H_

#include <string>

#include "control/serve/subscription.h"
#include "grpcpp/support/byte_buffer.h"

namespace weft::control::serve {

// An encoded envoy.service.discovery.v3.DiscoveryResponse. `control_plane` becomes control_plane.identifier.
grpc::ByteBuffer Encode(const Response& response, const std::string& control_plane);

}  // namespace weft::control::serve

#endif  // WEFT_CONTROL_SERVE_ENCODE_H_
