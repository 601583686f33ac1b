// istio.v1.auth.IstioCertificateService: copies fields between gRPC and ca::Enrollment, which decides. Blocks on the
// store's disk, hence the synchronous API. Only for a port with TLS: a token must not cross the network in the clear.
#ifndef WEFT_CONTROL_SERVE_CERTIFICATE_SERVICE_H_
#define WEFT_CONTROL_SERVE_CERTIFICATE_SERVICE_H_

#include <atomic>
#include <cstdint>

#include "control/ca/enrollment.h"
#include "control/serve/fleet.h"
#include "istio/v1/ca.grpc.pb.h"

namespace weft::control::serve {

class CertificateService final : public istio::v1::auth::IstioCertificateService::Service {
 public:
  // Both outlive this.
  CertificateService(ca::Enrollment& enrollment, Fleet& fleet) : enrollment_(enrollment), fleet_(fleet) {}

  grpc::Status CreateCertificate(grpc::ServerContext* context, const istio::v1::auth::IstioCertificateRequest* request,
                                 istio::v1::auth::IstioCertificateResponse* response) override;

  int64_t signed_count() const { return signed_.load(std::memory_order_relaxed); }

 private:
  ca::Enrollment& enrollment_;
  Fleet& fleet_;  // for its surroundings, and its log of events
  std::atomic<int64_t> signed_{0};
};

}  // namespace weft::control::serve

#endif  // WEFT_CONTROL_SERVE_CERTIFICATE_SERVICE_H_
