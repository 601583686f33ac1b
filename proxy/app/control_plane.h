// ControlPlane: what this proxy has to do with weft-control (or another xDS server): its identity, and the ADS stream
// with the credentials of the moment. Made only when the bootstrap or the flags ask for one of them, because it starts
// gRPC, which costs memory.
//
// Main thread; owned by Process. Feeds the Assembler, which outlives it. Nothing fails for good after Start(): what is
// the matter is logged, told by the accessors, and tried again.
#ifndef WEFT_PROXY_APP_CONTROL_PLANE_H_
#define WEFT_PROXY_APP_CONTROL_PLANE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "proxy/app/flags.h"
#include "proxy/assemble/assembler.h"
#include "proxy/config/bootstrap.h"
#include "proxy/discovery/ads_status.h"
#include "proxy/identity/identity.h"
#include "proxy/runtime/mailbox.h"
#include "proxy/runtime/reactor.h"

namespace weft::app {

struct ControlPlaneDeps {
  runtime::Reactor& reactor;
  runtime::Mailbox& mailbox;
  assemble::Assembler& assembler;                                // started
  std::function<void(const std::string& uri)> identity_changed;  // after the Assembler has it
};

class ControlPlane {
 public:
  // True when there is something to do for it.
  static bool IsWanted(const Flags& flags, const config::BootstrapSpec& bootstrap) {
    return !flags.identity_dir.empty() || bootstrap.ads.has_value();
  }

  explicit ControlPlane(ControlPlaneDeps deps);
  ~ControlPlane();  // ends the streams
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;

  // An error says why it can never work: the identity's directory, no token, an ADS cluster without an address.
  absl::Status Start(const Flags& flags, const config::BootstrapSpec& bootstrap);

  const discovery::AdsStatus* ads() const;  // null: no ADS
  const identity::State* identity() const;  // null: no identity of our own

 private:
  struct Ads;
  struct Enrollment;

  absl::Status StartIdentity(const Flags& flags);
  absl::Status StartAds(const config::BootstrapSpec& bootstrap);
  void OnIdentity(const identity::Material& material);
  void StartStream();  // or replaces it by one with the credentials of now

  const ControlPlaneDeps deps_;
  std::unique_ptr<Enrollment> enrollment_;
  std::unique_ptr<Ads> ads_;
  bool streaming_ = false;
};

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_CONTROL_PLANE_H_
