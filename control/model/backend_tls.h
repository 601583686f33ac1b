// BackendTLSPolicy: TLS that sidecars begin towards endpoints without a sidecar, and the ConfigMaps that hold what they
// trust. Plain values, already validated by control/source.
#ifndef WEFT_CONTROL_MODEL_BACKEND_TLS_H_
#define WEFT_CONTROL_MODEL_BACKEND_TLS_H_

#include <string>
#include <vector>

#include "control/model/meta.h"

namespace weft::control::model {

struct BackendTlsTarget {
  Name service;
  std::string section;  // name of a port; empty: every port
};

struct SubjectAltName {
  enum class Type { kHostname, kUri };
  Type type = Type::kHostname;
  std::string value;
};

struct BackendTlsPolicy {
  ObjectMeta meta;
  std::vector<BackendTlsTarget> targets;  // never empty
  bool system_roots = false;              // else those of `ca_refs`
  std::vector<Name> ca_refs;              // of ConfigMaps
  std::string hostname;                   // sent as server name
  std::vector<SubjectAltName> names;      // any of them must be in the certificate; never empty
  bool only_tls13 = false;
  bool mesh_certificate = false;  // the sidecar shows its own certificate when asked
};

struct ConfigMap {
  ObjectMeta meta;
  std::string ca_pem;      // data["ca.crt"]; empty when there is none that can be read
  std::string ca_problem;  // then: why, in words that go on from "ConfigMap/NS/NAME"
};

}  // namespace weft::control::model

#endif  // WEFT_CONTROL_MODEL_BACKEND_TLS_H_
