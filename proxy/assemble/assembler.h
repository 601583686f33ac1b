// Assembler: makes the Snapshot that the workers use out of everything that can change it: the bootstrap, the ADS
// updates, this proxy's identity, certificate files and name service answers.
//
// Called by app/, on the main thread, where all its events run. Owns what it was given (resources, secrets, DNS
// watches); the reactor, the resolver and the registry outlive it. What did not change is the same object in the next
// Snapshot. All changes of one turn of the loop become one Snapshot, published at the end of the turn.
//
// A bad resource is refused by name and field and harms only itself: the version that it had stays. What waits for
// something: a listener whose routes (RDS) have not come is held back, its earlier version stays in force, for at most
// `warming_limit`, then it goes out with HttpChain.routes null; a filter chain without its certificate has
// needs_secret; a cluster without endpoints or secrets has ready = false and no hosts, so that nothing leaves in plain
// text.
#ifndef WEFT_PROXY_ASSEMBLE_ASSEMBLER_H_
#define WEFT_PROXY_ASSEMBLE_ASSEMBLER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/any.pb.h"
#include "proxy/config/bootstrap.h"
#include "proxy/config/snapshot.h"
#include "proxy/discovery/resource_sink.h"
#include "proxy/endpoint/registry.h"
#include "proxy/resolve/resolver.h"
#include "proxy/runtime/reactor.h"

namespace weft::assemble {

// The secrets that stand for this proxy's identity.
inline constexpr std::string_view kIdentitySecret = "default";
inline constexpr std::string_view kRootsSecret = "ROOTCA";

struct AssemblerDeps {
  runtime::Reactor& reactor;
  resolve::Resolver& resolver;
  endpoint::Registry& registry;
};

struct AssemblerOptions {
  // `default` and `ROOTCA` come by SetIdentity(); otherwise they are secrets like any other, asked for by SDS.
  bool has_identity = false;
  // How long a listener may wait for its routes (Envoy's initial_fetch_timeout).
  runtime::Duration warming_limit = std::chrono::seconds(15);
  // How often certificate files are looked at for a change; 0: never.
  runtime::Duration file_check = std::chrono::seconds(5);
};

struct Readiness {
  bool ready = false;
  std::vector<std::string>
      waiting_for;  // in words: "clusters of the control plane", "routes inbound-8080 of listener inbound"
};

// One resource as /config_dump shows it. Key material is "[redacted]".
struct ResourceDump {
  std::string name;
  bool is_static = false;           // of the bootstrap
  bool warming = false;             // a listener that is held back, a cluster that is not ready
  std::string version;              // version_info of the response that brought it; "" when static
  int64_t last_updated_micros = 0;  // since 1970-01-01 UTC
  google::protobuf::Any resource;   // as it is in force; no type_url: nothing good ever came
  struct Refusal {
    google::protobuf::Any failed_configuration;
    std::string details;
    std::string version;
    int64_t at_micros = 0;
  };
  std::optional<Refusal> refusal;  // of the newest version, while that is not the one in force
};

// Figures of one resource type, for metrics.
struct TypeFacts {
  std::string version;             // of the last response, ""
  int64_t last_update_micros = 0;  // of the last response, 0: never
  uint64_t updates = 0;            // responses
  uint64_t rejections = 0;         // resources refused, ever
  uint64_t ignored_fields = 0;     // fields of resources that were accepted and ignored, ever
  size_t resources = 0;            // in force, static ones too
  bool received = false;           // a response came
};

struct CertificateFact {
  std::string name;            // of the secret; file certificates: the file's name
  std::string uri;             // URI SAN of the first certificate, or empty
  int64_t not_after_unix = 0;  // the first of the chain (of the roots: the first root) to end
};

class Assembler final : public discovery::ResourceSink {
 public:
  using Publish = std::function<void(std::shared_ptr<const config::Snapshot>)>;

  Assembler(AssemblerDeps deps, AssemblerOptions options, Publish publish);
  ~Assembler() override;
  Assembler(const Assembler&) = delete;
  Assembler& operator=(const Assembler&) = delete;

  // Once. Takes the static resources; compiles routes and TLS contexts to find what the specs alone do not show.
  // InvalidArgument has one line for each problem, "listener NAME: FIELD: WHAT". The first Snapshot is published later
  // in the turn.
  absl::Status Start(config::BootstrapSpec bootstrap);

  // The identity, the first and every renewed one. An error (nothing changes): key and certificate do not fit.
  absl::Status SetIdentity(config::CertificateSpec certificate, config::ValidationSpec roots);

  // discovery::ResourceSink
  std::vector<discovery::Rejection> Apply(const discovery::Update& update) override;
  std::vector<std::string> WantedNames(discovery::ResourceType type) const override;

  // Publishes what changed now, not at the end of the turn.
  void Flush();

  // The newest published Snapshot; null before the first.
  const std::shared_ptr<const config::Snapshot>& snapshot() const;
  const config::BootstrapSpec& bootstrap() const;

  Readiness readiness() const;
  TypeFacts facts(discovery::ResourceType type) const;
  std::vector<CertificateFact> certificates() const;
  // Sorted by name, static ones first.
  std::vector<ResourceDump> Dump(discovery::ResourceType type) const;

  // The TLS settings of a cluster with files read and secrets in place, for those who dial it by other means (the ADS
  // channel). NotFound: no such cluster; nullopt: it is plaintext; FailedPrecondition: a secret or file is missing.
  absl::StatusOr<std::optional<config::UpstreamTlsSpec>> ClientTls(std::string_view cluster) const;

 private:
  class State;
  const std::unique_ptr<State> state_;
};

}  // namespace weft::assemble

#endif  // WEFT_PROXY_ASSEMBLE_ASSEMBLER_H_
