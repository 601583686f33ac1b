// What the admin pages show and do, as functions that app/ fills in: admin/ knows nothing of how a proxy is put
// together. Main thread only. All of them are set.
#ifndef WEFT_PROXY_ADMIN_DEPS_H_
#define WEFT_PROXY_ADMIN_DEPS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "google/protobuf/any.pb.h"
#include "pki/certificate.h"
#include "proxy/config/snapshot.h"
#include "proxy/discovery/resource_sink.h"
#include "proxy/runtime/clock.h"

namespace weft::admin {

enum class State : uint8_t { kPreInitializing, kInitializing, kLive, kDraining };
const char* Name(State state);  // as Envoy spells it: "PRE_INITIALIZING"

struct Readiness {
  State state = State::kPreInitializing;
  std::string waiting_for;  // of a state before kLive, for people: "clusters from the control plane 10.0.0.1:15010"
};

// One xDS resource that is in use, or that was refused and never had a version in use.
struct Resource {
  discovery::ResourceType type = discovery::ResourceType::kCluster;
  bool dynamic = false;  // came by xDS
  std::string name;
  bool warming = false;                          // not in use yet: it waits for something
  std::string version;                           // of a dynamic one
  int64_t updated_micros = 0;                    // since 1970
  std::optional<google::protobuf::Any> message;  // none: nothing good ever came
  std::string rejection, rejected_version;       // the last one since `version`; or empty
  int64_t rejected_micros = 0;
};

struct CertificateInUse {
  std::string name;                          // of the secret, or of the file
  std::vector<pki::CertificateFacts> chain;  // leaf first; what is not known of one is empty
  std::vector<pki::CertificateFacts> roots;
};

struct Deps {
  const runtime::Clock& clock;
  int64_t started_micros = 0;
  const envoy::config::bootstrap::v3::Bootstrap& bootstrap;
  std::vector<std::pair<std::string, std::string>> command_line;  // name of the flag → value
  std::function<Readiness()> readiness;
  std::function<std::string()> metrics;  // Prometheus' text
  std::function<std::vector<Resource>()> resources;
  std::function<std::string(discovery::ResourceType)>
      version_info;  // the last version of the whole type; "" when static
  std::function<std::shared_ptr<const config::Snapshot>()> snapshot;  // null: none yet
  std::function<std::vector<CertificateInUse>()> certificates;
  std::function<void()> drain_listeners;
  std::function<void()> quit;
};

}  // namespace weft::admin

#endif  // WEFT_PROXY_ADMIN_DEPS_H_
