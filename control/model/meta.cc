#include "control/model/meta.h"

#include <iterator>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace weft::control::model {
namespace {

struct KindWords {
  Kind kind;
  std::string_view name;
  std::vector<std::string_view> words;  // lower case
};

const std::vector<KindWords>& Words() {
  static const auto& words = *new std::vector<KindWords>{
      {Kind::kService, "Service", {"service", "services", "svc"}},
      {Kind::kWorkloadEntry, "WorkloadEntry", {"workloadentry", "workloadentries", "we"}},
      {Kind::kHttpRoute, "HTTPRoute", {"httproute", "httproutes", "route", "routes"}},
      {Kind::kPeerAuthentication, "PeerAuthentication", {"peerauthentication", "peerauthentications", "pa"}},
      {Kind::kMeshConfig, "MeshConfig", {"meshconfig", "meshconfigs", "mc"}},
      {Kind::kTcpRoute, "TCPRoute", {"tcproute", "tcproutes"}},
      {Kind::kTlsRoute, "TLSRoute", {"tlsroute", "tlsroutes"}},
      {Kind::kBackendTlsPolicy, "BackendTLSPolicy", {"backendtlspolicy", "backendtlspolicies", "btlspolicy"}},
      {Kind::kConfigMap, "ConfigMap", {"configmap", "configmaps", "cm"}},
  };
  return words;
}

}  // namespace

std::string_view KindName(Kind kind) {
  for (const KindWords& words : Words()) {
    if (words.kind == kind) return words.name;
  }
  return "Unknown";
}

std::optional<Kind> KindFromWord(std::string_view word) {
  const std::string lower = absl::AsciiStrToLower({word.data(), word.size()});
  for (const KindWords& words : Words()) {
    for (const std::string_view known : words.words) {
      if (known == lower) return words.kind;
    }
  }
  return std::nullopt;
}

std::string KindList() {
  std::string list;
  for (const Kind kind : kEveryKind) {
    if (!list.empty()) list += kind == *std::rbegin(kEveryKind) ? " or " : ", ";
    list += KindName(kind);
  }
  return list;
}

bool ObjectMeta::Precedes(const ObjectMeta& other) const {
  return std::tie(created, name) < std::tie(other.created, other.name);
}

std::string ObjectKey::ToString() const { return std::string(KindName(kind)) + "/" + name.ToString(); }

bool Selects(const Labels& selector, const Labels& labels) {
  for (const auto& [key, value] : selector) {
    const auto it = labels.find(key);
    if (it == labels.end() || it->second != value) return false;
  }
  return true;
}

std::string ObjectError::ToString() const {
  std::string text = file;
  if (line > 0) absl::StrAppend(&text, text.empty() ? "line " : ":", line);
  if (line > 0 && column > 0) absl::StrAppend(&text, ":", column);
  for (const std::string* part : {&object, &field, &message}) {
    if (part->empty()) continue;
    absl::StrAppend(&text, text.empty() ? "" : ": ", *part);
  }
  return text;
}

}  // namespace weft::control::model
