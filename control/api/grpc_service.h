// weft.v1.Control as a gRPC service: checks the caller, calls Operations. gRPC's own threads.
#ifndef WEFT_CONTROL_API_GRPC_SERVICE_H_
#define WEFT_CONTROL_API_GRPC_SERVICE_H_

#include <atomic>

#include "control/api/access.h"
#include "control/api/operations.h"
#include "weft/v1/control.grpc.pb.h"

namespace weft::control::api {

class GrpcService final : public weft::v1::Control::Service {
 public:
  // Both outlive this.
  GrpcService(const Access& access, Operations& operations) : access_(access), operations_(operations) {}

  // Ends all watches, now and later.
  void Stop() { stopped_.store(true); }

  grpc::Status Apply(grpc::ServerContext*, const weft::v1::ApplyRequest*, weft::v1::ApplyResponse*) override;
  grpc::Status Get(grpc::ServerContext*, const weft::v1::GetRequest*, weft::v1::Object*) override;
  grpc::Status List(grpc::ServerContext*, const weft::v1::ListRequest*, weft::v1::ListResponse*) override;
  grpc::Status Delete(grpc::ServerContext*, const weft::v1::DeleteRequest*, weft::v1::ApplyResponse*) override;
  grpc::Status Watch(grpc::ServerContext*, const weft::v1::WatchRequest*,
                     grpc::ServerWriter<weft::v1::WatchEvent>*) override;
  grpc::Status Rollback(grpc::ServerContext*, const weft::v1::RollbackRequest*, weft::v1::ApplyResponse*) override;
  grpc::Status Log(grpc::ServerContext*, const weft::v1::LogRequest*, weft::v1::LogResponse*) override;
  grpc::Status CreateToken(grpc::ServerContext*, const weft::v1::CreateTokenRequest*,
                           weft::v1::CreateTokenResponse*) override;
  grpc::Status ListTokens(grpc::ServerContext*, const weft::v1::ListTokensRequest*,
                          weft::v1::ListTokensResponse*) override;
  grpc::Status RevokeToken(grpc::ServerContext*, const weft::v1::RevokeTokenRequest*,
                           weft::v1::RevokeTokenResponse*) override;
  grpc::Status ListProxies(grpc::ServerContext*, const weft::v1::ListProxiesRequest*,
                           weft::v1::ListProxiesResponse*) override;
  grpc::Status GetProxyConfig(grpc::ServerContext*, const weft::v1::GetProxyConfigRequest*,
                              weft::v1::GetProxyConfigResponse*) override;
  grpc::Status ListCertificates(grpc::ServerContext*, const weft::v1::ListCertificatesRequest*,
                                weft::v1::ListCertificatesResponse*) override;
  grpc::Status GetVersion(grpc::ServerContext*, const weft::v1::GetVersionRequest*,
                          weft::v1::GetVersionResponse*) override;

 private:
  absl::StatusOr<std::string> Admit(const grpc::ServerContext& context) const;
  template <typename Request, typename Response>
  grpc::Status Call(absl::Status (Operations::*method)(const std::string&, const Request&, Response*),
                    const grpc::ServerContext* context, const Request* request, Response* response);

  const Access& access_;
  Operations& operations_;
  std::atomic<bool> stopped_{false};
  std::atomic<int> watches_{0};
};

}  // namespace weft::control::api

#endif  // WEFT_CONTROL_API_GRPC_SERVICE_H_
