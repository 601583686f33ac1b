#include "pki/spiffe_id.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "pki/absl_view.h"

namespace weft::pki {
namespace {

constexpr char kScheme[] = "spiffe://";
constexpr size_t kMaxUriBytes = 2048;         // SPIFFE-ID 2.3
constexpr size_t kMaxTrustDomainBytes = 255;  // SPIFFE-ID 2.1
constexpr size_t kMaxSegmentBytes = 253;      // a Kubernetes name

// SPIFFE-ID 2.2: letters, digits, '.', '-', '_'; not empty, not "." nor "..".
bool IsSegment(std::string_view text) {
  if (text.empty() || text.size() > kMaxSegmentBytes || text == "." || text == "..") return false;
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == '_'; });
}

}  // namespace

std::string SpiffeId::ToString() const {
  return absl::StrCat(kScheme, trust_domain, "/ns/", ns, "/sa/", service_account);
}

std::string SpiffeId::ShortName() const { return absl::StrCat(ns, "/", service_account); }

absl::Status CheckTrustDomain(std::string_view trust_domain) {
  const bool good = !trust_domain.empty() && trust_domain.size() <= kMaxTrustDomainBytes &&
                    std::all_of(trust_domain.begin(), trust_domain.end(), [](unsigned char c) {
                      return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '.' || c == '-' || c == '_';
                    });
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("trust domain \"", AbslView(trust_domain),
                                                 "\" is not of lower case letters, digits, '.', "
                                                 "'-' and '_'"));
}

absl::StatusOr<SpiffeId> ParseSpiffeId(std::string_view uri) {
  const auto bad = [uri] {
    return absl::InvalidArgumentError(absl::StrCat("\"", AbslView(uri.substr(0, 256)),
                                                   "\" is not spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT"));
  };
  absl::string_view rest = AbslView(uri);
  if (uri.size() > kMaxUriBytes || !absl::ConsumePrefix(&rest, kScheme)) return bad();
  const std::vector<std::string> parts = absl::StrSplit(rest, '/');
  if (parts.size() != 5 || parts[1] != "ns" || parts[3] != "sa" || !IsSegment(parts[2]) || !IsSegment(parts[4]) ||
      !CheckTrustDomain(parts[0]).ok()) {
    return bad();
  }
  return SpiffeId{parts[0], parts[2], parts[4]};
}

absl::StatusOr<SpiffeId> ParseShortIdentity(std::string_view trust_domain, std::string_view text) {
  if (absl::Status status = CheckTrustDomain(trust_domain); !status.ok()) return status;
  const std::vector<std::string> parts = absl::StrSplit(AbslView(text), '/');
  if (parts.size() != 2 || !IsSegment(parts[0]) || !IsSegment(parts[1])) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", AbslView(text.substr(0, 256)), "\" is not NAMESPACE/SERVICE_ACCOUNT"));
  }
  return SpiffeId{std::string(trust_domain), parts[0], parts[1]};
}

}  // namespace weft::pki
