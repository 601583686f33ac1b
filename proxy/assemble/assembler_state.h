// Assembler::State: the parts of Assembler and how they work together. INTERNAL to proxy/assemble.
#ifndef WEFT_PROXY_ASSEMBLE_ASSEMBLER_STATE_H_
#define WEFT_PROXY_ASSEMBLE_ASSEMBLER_STATE_H_

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "proxy/assemble/assembler.h"
#include "proxy/assemble/clusters.h"
#include "proxy/assemble/ignored_fields.h"
#include "proxy/assemble/listeners.h"
#include "proxy/assemble/secrets.h"
#include "proxy/assemble/tls_contexts.h"
#include "proxy/runtime/callbacks.h"

namespace weft::assemble {

class Assembler::State {
 public:
  State(AssemblerDeps deps, AssemblerOptions options, Publish publish, std::function<void()> wanted_changed)
      : deps_(deps),
        options_(options),
        publish_(std::move(publish)),
        wanted_changed_(std::move(wanted_changed)),
        clusters_(deps.resolver, deps.registry, secrets_, contexts_, ignored_, [this] { Schedule(); }),
        listeners_(secrets_, contexts_, ignored_, options.warming_limit),
        secret_shelf_(
            discovery::ResourceType::kSecret,
            [](const SecretMessage& message) -> const std::string& { return message.name(); },
            [this](const SecretMessage& message) { return ConvertSecret(message); }) {}

  absl::Status Start(config::BootstrapSpec bootstrap);
  absl::Status SetIdentity(config::CertificateSpec certificate, config::ValidationSpec roots);
  std::vector<discovery::Rejection> Apply(const discovery::Update& update);
  void Flush();

  const std::vector<std::string>& wanted(discovery::ResourceType type) const {
    return wanted_[static_cast<size_t>(type)];
  }
  const std::shared_ptr<const config::Snapshot>& snapshot() const { return snapshot_; }
  const config::BootstrapSpec& bootstrap() const { return bootstrap_; }
  Readiness readiness() const;
  TypeFacts facts(discovery::ResourceType type) const;
  std::vector<CertificateFact> certificates() const;
  std::vector<ResourceDump> Dump(discovery::ResourceType type) const;
  absl::StatusOr<std::optional<config::UpstreamTlsSpec>> ClientTls(const std::string& cluster);

 private:
  using SecretMessage = envoy::extensions::transport_sockets::tls::v3::Secret;
  using SecretShelf = Shelf<config::SecretSpec, SecretMessage>;

  static void TellIgnored(const std::string& line);
  absl::StatusOr<std::shared_ptr<const config::SecretSpec>> ConvertSecret(const SecretMessage& message);
  std::vector<discovery::Rejection> ApplySecrets(const discovery::Update& update);
  std::vector<discovery::Rejection> Dispatch(const discovery::Update& update);
  void Schedule() { deps_.reactor.MakeReady(&turn_); }
  void UpdateWanted();
  void DropUnwanted();
  bool IsOurs(const std::string& secret) const;
  void CheckFiles();
  void ArmFileCheck();
  void RotateTicketKeys();
  std::string Revision() const;
  int64_t Now() const { return deps_.reactor.clock().WallMicros(); }
  std::vector<std::string> WaitingFor() const;

  const AssemblerDeps deps_;
  const AssemblerOptions options_;
  const Publish publish_;
  const std::function<void()> wanted_changed_;
  config::BootstrapSpec bootstrap_;
  Secrets secrets_;
  TlsContexts contexts_{secrets_};
  IgnoredFields ignored_{&TellIgnored};
  Clusters clusters_;
  Listeners listeners_;
  SecretShelf secret_shelf_;
  bool has_identity_now_ = false;
  Keys changed_keys_;  // of secrets and files, since the last Flush()
  std::array<TypeFacts, discovery::kResourceTypeCount> facts_;
  std::array<std::vector<std::string>, discovery::kResourceTypeCount> wanted_;
  bool wanted_is_new_ = false;  // since resources were dropped that nobody wants
  std::shared_ptr<const config::Snapshot> snapshot_;
  runtime::TimePoint endpoints_deadline_{};  // until then readiness waits for the clusters' members
  mutable bool was_ready_ = false;           // readiness does not go away because of an update
  // Wakes the loop; the work is done when everything else of the turn is.
  runtime::Later turn_{[this] { deps_.reactor.AtEndOfTurn(&end_of_turn_); }};
  runtime::Later end_of_turn_{[this] { Flush(); }};
  runtime::Alarm warming_{[this] { Schedule(); }};
  runtime::Alarm file_check_{[this] { CheckFiles(); }};
  runtime::Alarm ticket_rotation_{[this] { RotateTicketKeys(); }};
};

}  // namespace weft::assemble

#endif  // WEFT_PROXY_ASSEMBLE_ASSEMBLER_STATE_H_
