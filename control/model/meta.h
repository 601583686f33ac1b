// Names, versions and errors that every kind of object shares. Plain values: copyable, no I/O, any thread.
#ifndef WEFT_CONTROL_MODEL_META_H_
#define WEFT_CONTROL_MODEL_META_H_

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace weft::control::model {

enum class Kind {
  kService,
  kWorkloadEntry,
  kHttpRoute,
  kPeerAuthentication,
  kMeshConfig,
  kTcpRoute,
  kTlsRoute,
  kBackendTlsPolicy,
  kConfigMap
};

inline constexpr Kind kEveryKind[] = {Kind::kService,   Kind::kWorkloadEntry,      Kind::kHttpRoute,
                                      Kind::kTcpRoute,  Kind::kTlsRoute,           Kind::kBackendTlsPolicy,
                                      Kind::kConfigMap, Kind::kPeerAuthentication, Kind::kMeshConfig};

// "Service", "WorkloadEntry", "HTTPRoute" …: as `kind:` is written.
std::string_view KindName(Kind kind);
// "Service, WorkloadEntry, … or MeshConfig": every kind, for messages.
std::string KindList();

// What people type: the name, its plural, short names (svc, we, route, pa), in any letter case.
std::optional<Kind> KindFromWord(std::string_view word);

// Where objects without a namespace go, and where those of the whole mesh live.
inline constexpr std::string_view kDefaultNamespace = "default";
inline constexpr std::string_view kMeshNamespace = "weft-system";

struct Name {
  std::string ns;
  std::string name;

  std::string ToString() const { return ns + "/" + name; }
  auto operator<=>(const Name&) const = default;
};

struct ObjectKey {
  Kind kind = Kind::kService;
  Name name;

  std::string ToString() const;  // "HTTPRoute/shop/web"
  auto operator<=>(const ObjectKey&) const = default;
};

using Labels = std::map<std::string, std::string>;

// True when `labels` has every entry of `selector`. An empty selector selects everything.
bool Selects(const Labels& selector, const Labels& labels);

struct ObjectMeta {
  Name name;
  Labels labels;
  Labels annotations;
  int64_t resource_version = 0;  // the revision that last changed the object
  int generation = 0;
  absl::Time created;

  // Which of two objects that want the same thing gets it: the older one, then the first by name.
  bool Precedes(const ObjectMeta& other) const;
};

// One thing wrong with what a user wrote. `line` 0: not from a text.
struct ObjectError {
  std::string file;
  int line = 0;
  int column = 0;
  std::string object;  // ObjectKey::ToString(), empty when the text did not get that far
  std::string field;   // spec.rules[0].backendRefs[1].weight
  std::string message;

  // "routes.yaml:12:7: HTTPRoute/shop/web: spec.rules[0]…: MESSAGE", without the parts that are not known.
  std::string ToString() const;
  bool operator==(const ObjectError&) const = default;
};

// metav1.Condition. `type` and `reason` are CamelCase words; `status` True or False.
struct Condition {
  std::string type;
  bool status = true;
  std::string reason;
  std::string message;
  int of = kAll;  // which parent of a route, or target of a policy: its place in spec.parentRefs or spec.targetRefs

  static constexpr int kAll = -1;
  bool IsOf(int place) const { return of == kAll || of == place; }
  bool operator==(const Condition&) const = default;
};

}  // namespace weft::control::model

#endif  // WEFT_CONTROL_MODEL_META_H_
