// Who may come plain, and the settings of the whole mesh. Plain values, already validated by control/source.
#ifndef WEFT_CONTROL_MODEL_POLICY_H_
#define WEFT_CONTROL_MODEL_POLICY_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "control/model/meta.h"

namespace weft::control::model {

// kUnset: as the next wider object says.
enum class MtlsMode { kUnset, kDisable, kPermissive, kStrict };

std::string_view MtlsModeName(MtlsMode mode);

struct PeerAuthentication {
  ObjectMeta meta;
  Labels selector;                    // of workloads in the namespace; empty with no targets: all of them
  std::vector<std::string> services;  // names in the same namespace; then `selector` is empty
  MtlsMode mode = MtlsMode::kUnset;
  std::map<uint16_t, MtlsMode> port_modes;  // by the port that the workload listens on

  bool ForWholeNamespace() const { return selector.empty() && services.empty(); }
  bool ForWholeMesh() const { return ForWholeNamespace() && meta.name.ns == kMeshNamespace; }
};

enum class OutboundPolicy { kAllowAny, kRegistryOnly };

struct AccessLogSettings {
  bool enabled = false;
  bool json = false;
  std::string format;  // empty: the proxy's default
  std::string path;    // empty: standard output
};

struct MeshConfig {
  ObjectMeta meta;
  OutboundPolicy outbound = OutboundPolicy::kAllowAny;
  AccessLogSettings access_log;
};

}  // namespace weft::control::model

#endif  // WEFT_CONTROL_MODEL_POLICY_H_
