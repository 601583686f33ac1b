// Every method of weft.v1.Control that is no stream, free of any wire: the gRPC service and the JSON API are thin
// layers over this. Thread-safe.
#ifndef WEFT_CONTROL_API_OPERATIONS_H_
#define WEFT_CONTROL_API_OPERATIONS_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "control/api/registry.h"
#include "control/ca/tokens.h"
#include "weft/v1/control.pb.h"

namespace weft::control::api {

// What other parts of the control plane know; control/main fills it. All are called on any thread.
struct Views {
  std::function<void(const weft::v1::ListProxiesRequest&, weft::v1::ListProxiesResponse*)> list_proxies;
  std::function<absl::Status(const weft::v1::GetProxyConfigRequest&, weft::v1::GetProxyConfigResponse*)> proxy_config;
  std::function<void(weft::v1::ListCertificatesResponse*)> list_certificates;
  std::function<absl::Time()> now;
  std::string version;
  std::string trust_domain;
};

class Operations {
 public:
  // All outlive this.
  Operations(Registry& registry, ca::JoinTokens& tokens, ca::TokenStore& token_store, Views views);

  // `via` is how the caller came in (access.h); it stands in the log beside the author that a request names.
  absl::Status Apply(const std::string& via, const weft::v1::ApplyRequest& request, weft::v1::ApplyResponse* response);
  absl::Status Get(const std::string& via, const weft::v1::GetRequest& request, weft::v1::Object* response);
  absl::Status List(const std::string& via, const weft::v1::ListRequest& request, weft::v1::ListResponse* response);
  absl::Status Delete(const std::string& via, const weft::v1::DeleteRequest& request,
                      weft::v1::ApplyResponse* response);
  absl::Status Rollback(const std::string& via, const weft::v1::RollbackRequest& request,
                        weft::v1::ApplyResponse* response);
  absl::Status Log(const std::string& via, const weft::v1::LogRequest& request, weft::v1::LogResponse* response);
  absl::Status CreateToken(const std::string& via, const weft::v1::CreateTokenRequest& request,
                           weft::v1::CreateTokenResponse* response);
  absl::Status ListTokens(const std::string& via, const weft::v1::ListTokensRequest& request,
                          weft::v1::ListTokensResponse* response);
  absl::Status RevokeToken(const std::string& via, const weft::v1::RevokeTokenRequest& request,
                           weft::v1::RevokeTokenResponse* response);
  absl::Status ListProxies(const std::string& via, const weft::v1::ListProxiesRequest& request,
                           weft::v1::ListProxiesResponse* response);
  absl::Status GetProxyConfig(const std::string& via, const weft::v1::GetProxyConfigRequest& request,
                              weft::v1::GetProxyConfigResponse* response);
  absl::Status ListCertificates(const std::string& via, const weft::v1::ListCertificatesRequest& request,
                                weft::v1::ListCertificatesResponse* response);
  absl::Status GetVersion(const std::string& via, const weft::v1::GetVersionRequest& request,
                          weft::v1::GetVersionResponse* response);

  // Calls `send` with every event until it returns false; `stop` is asked at least once a second.
  absl::Status Watch(const weft::v1::WatchRequest& request,
                     const std::function<bool(const weft::v1::WatchEvent&)>& send, const std::function<bool()>& stop);

  const Registry& registry() const { return registry_; }

 private:
  Registry& registry_;
  ca::JoinTokens& tokens_;
  ca::TokenStore& token_store_;
  const Views views_;
  const absl::Time started_;
};

}  // namespace weft::control::api

#endif  // WEFT_CONTROL_API_OPERATIONS_H_
