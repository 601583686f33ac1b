// ControlPlane: composition only. Opens the store and the authority, loads the objects, and opens the ports. Made, kept
// alive and stopped by main's thread; each part has threads of its own.
#ifndef WEFT_CONTROL_CONTROL_PLANE_H_
#define WEFT_CONTROL_CONTROL_PLANE_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/api/access.h"
#include "control/api/grpc_server.h"
#include "control/api/http_server.h"
#include "control/api/json_api.h"
#include "control/api/registry.h"
#include "control/ca/authority.h"
#include "control/ca/enrollment.h"
#include "control/serve/ads_service.h"
#include "control/serve/certificate_service.h"
#include "control/serve/fleet.h"
#include "control/serve/server_identity.h"
#include "control/serve/xds_server.h"
#include "control/settings.h"
#include "control/store/store.h"
#include "control/token_rows.h"

namespace weft::control {

class ControlPlane {
 public:
  // Unavailable: another instance has the directory, or an address is taken. Other errors name the file or the flag.
  static absl::StatusOr<std::unique_ptr<ControlPlane>> Start(const Settings& settings);
  ~ControlPlane();

  // Answers what is under way, up to a few seconds, and closes everything.
  void Stop();

  // To be called every HousekeepingPeriod(): renews the issuing certificate, forgets old tokens and the oldest history.
  void KeepHouse();
  absl::Duration HousekeepingPeriod() const;
  // ca/extra_roots.pem changed.
  void ReloadRoots();

 private:
  explicit ControlPlane(const Settings& settings) : settings_(settings) {}

  absl::Status PruneHistory(absl::Time now);
  absl::Status OpenData();
  absl::Status OpenAuthority();
  void MakeOperations();
  absl::Status OpenApi();
  absl::Status OpenXds();
  absl::Status WriteAddresses();
  std::string AddressesPath() const { return settings_.data + "/addresses.json"; }
  api::HttpResponse HandleMetrics(const api::HttpRequest& request);
  std::string Metrics();
  std::string WhyNotReady() const;
  void FillCertificates(weft::v1::ListCertificatesResponse* response);

  const Settings settings_;
  absl::Time started_;
  std::atomic<bool> ready_{false};
  std::atomic<int64_t> history_oldest_{1}, history_pruned_{0};
  std::string last_trouble_;  // of KeepHouse, so that it is logged once

  // In the order in which they need each other; destroyed in the reverse.
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<api::Registry> registry_;
  std::unique_ptr<ca::CertificateAuthority> authority_;
  std::unique_ptr<TokenRows> token_rows_;
  std::unique_ptr<ca::JoinTokens> tokens_;
  std::unique_ptr<ca::Enrollment> enrollment_;
  std::unique_ptr<serve::ServerIdentity> server_identity_;
  std::unique_ptr<serve::Fleet> fleet_;
  std::unique_ptr<serve::AdsService> plaintext_ads_, secure_ads_;
  std::unique_ptr<serve::CertificateService> certificates_;
  std::optional<api::Access> access_;
  std::unique_ptr<api::Operations> operations_;
  std::unique_ptr<api::GrpcService> grpc_service_;
  std::unique_ptr<api::JsonApi> json_api_;
  std::unique_ptr<serve::XdsServer> plaintext_server_, secure_server_;
  std::unique_ptr<api::HttpServer> json_server_, metrics_server_;
  std::unique_ptr<api::GrpcServer> grpc_server_;
};

}  // namespace weft::control

#endif  // WEFT_CONTROL_CONTROL_PLANE_H_
