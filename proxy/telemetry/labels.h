// The labels of traffic metrics. A series is known by a SeriesKey of eight bytes: four small words with a fixed
// vocabulary, and two ids of label pairs (who called; what was called), which a LabelPairs table gives out. So finding
// the series of a request is one lookup by a number, and no text is touched. Peers never choose a label's text: it
// comes from configuration and certificates.
#ifndef WEFT_PROXY_TELEMETRY_LABELS_H_
#define WEFT_PROXY_TELEMETRY_LABELS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/failure.h"
#include "proxy/base/string_map.h"

namespace weft::telemetry {

enum class Direction : uint8_t { kInbound, kOutbound, kOther };
inline constexpr int kDirections = 2;  // without kOther

// How a connection was protected: of inbound traffic the client's side, of outbound traffic the endpoint's side.
enum class Tls : uint8_t { kPlain, kTls, kMutual, kPassthrough, kOther };
inline constexpr int kTlsKinds = 4;

enum class CodeClass : uint8_t { kNone, k1xx, k2xx, k3xx, k4xx, k5xx, kOther };

// 0: nothing failed; else 1 + FailureKind.
using Reason = uint8_t;
inline constexpr Reason kNoReason = 0;
inline constexpr Reason kOtherReason = 255;
inline constexpr Reason ReasonOf(base::FailureKind kind) { return static_cast<Reason>(1 + static_cast<int>(kind)); }
static_assert(base::kFailureKindCount < 254);

CodeClass ClassOf(int status);

std::string_view Name(Direction direction);
std::string_view Name(Tls tls);
std::string_view Name(CodeClass code_class);
std::string_view ReasonName(Reason reason);

// The id of the pair ("other", "other"): what no room was left for.
inline constexpr uint16_t kOtherPair = 0;

struct SeriesKey {
  uint16_t source = kOtherPair;       // (namespace, service account)
  uint16_t destination = kOtherPair;  // (service, version)
  Direction direction = Direction::kInbound;
  Tls tls = Tls::kPlain;
  CodeClass code_class = CodeClass::kNone;
  Reason reason = kNoReason;

  uint64_t packed() const {
    return uint64_t{source} | uint64_t{destination} << 16 | uint64_t{static_cast<uint8_t>(direction)} << 32 |
           uint64_t{static_cast<uint8_t>(tls)} << 40 | uint64_t{static_cast<uint8_t>(code_class)} << 48 |
           uint64_t{reason} << 56;
  }
};

// The texts of a key. Ordered, so that the same series of several workers meet.
struct LabelTexts {
  std::string source_namespace, source_service_account, destination_service, destination_version;
  std::string_view direction, tls, code_class, reason;
  friend auto operator<=>(const LabelTexts&, const LabelTexts&) = default;
};

// Gives out ids for pairs of texts. One thread. Bounded: what does not fit is kOtherPair.
class LabelPairs {
 public:
  static constexpr size_t kMax = 4096;
  struct Pair {
    std::string first, second;
  };

  LabelPairs();
  uint16_t Intern(std::string_view first, std::string_view second);
  const Pair& at(uint16_t id) const { return pairs_[id]; }
  size_t size() const { return ids_.size(); }
  // Forgets every pair whose id is not marked; their ids will be given out again.
  void KeepOnly(const std::vector<bool>& used);

 private:
  static constexpr char kSeparator = '\x1f';
  base::StringMap<uint16_t> ids_;  // by "first<separator>second"
  std::vector<Pair> pairs_;        // by id
  std::vector<uint16_t> free_;
  std::string scratch_;
};

LabelTexts TextsOf(const SeriesKey& key, const LabelPairs& sources, const LabelPairs& destinations);

}  // namespace weft::telemetry

#endif  // WEFT_PROXY_TELEMETRY_LABELS_H_
