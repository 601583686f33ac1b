// AggregatedDiscoveryService over gRPC: bytes in, Connection, bytes out. gRPC's own threads; one reactor for each
// stream, which owns itself until gRPC is done with it. Delta is answered with UNIMPLEMENTED.
#ifndef WEFT_CONTROL_SERVE_ADS_SERVICE_H_
#define WEFT_CONTROL_SERVE_ADS_SERVICE_H_

#include <string>

#include "control/serve/fleet.h"
#include "envoy/service/discovery/v3/discovery.grpc.pb.h"

namespace weft::control::serve {

using AdsBase = envoy::service::discovery::v3::AggregatedDiscoveryService;

class AdsService final : public AdsBase::WithRawCallbackMethod_StreamAggregatedResources<
                             AdsBase::WithCallbackMethod_DeltaAggregatedResources<AdsBase::Service>> {
 public:
  // `fleet` outlives this. `identifier` is told to clients as control_plane.identifier. `secure`: the port has TLS, and
  // who a proxy is comes from its certificate.
  AdsService(Fleet& fleet, std::string identifier, bool secure)
      : fleet_(fleet), identifier_(std::move(identifier)), secure_(secure) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* StreamAggregatedResources(
      grpc::CallbackServerContext* context) override;

 private:
  Fleet& fleet_;
  const std::string identifier_;
  const bool secure_;
};

}  // namespace weft::control::serve

#endif  // WEFT_CONTROL_SERVE_ADS_SERVICE_H_
