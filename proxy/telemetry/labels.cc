#include "proxy/telemetry/labels.h"

namespace weft::telemetry {

CodeClass ClassOf(int status) {
  if (status >= 100 && status < 600) return static_cast<CodeClass>(status / 100);
  return status == 0 ? CodeClass::kNone : CodeClass::kOther;
}

std::string_view Name(Direction direction) {
  switch (direction) {
    case Direction::kInbound: return "inbound";
    case Direction::kOutbound: return "outbound";
    case Direction::kOther: return "other";
  }
  return "other";
}

std::string_view Name(Tls tls) {
  switch (tls) {
    case Tls::kPlain: return "plain";
    case Tls::kTls: return "tls";
    case Tls::kMutual: return "mutual";
    case Tls::kPassthrough: return "passthrough";
    case Tls::kOther: return "other";
  }
  return "other";
}

std::string_view Name(CodeClass code_class) {
  switch (code_class) {
    case CodeClass::kNone: return "none";
    case CodeClass::k1xx: return "1xx";
    case CodeClass::k2xx: return "2xx";
    case CodeClass::k3xx: return "3xx";
    case CodeClass::k4xx: return "4xx";
    case CodeClass::k5xx: return "5xx";
    case CodeClass::kOther: return "other";
  }
  return "other";
}

std::string_view ReasonName(Reason reason) {
  if (reason == kNoReason) return "none";
  if (reason > base::kFailureKindCount) return "other";
  return base::Name(static_cast<base::FailureKind>(reason - 1));
}

LabelPairs::LabelPairs() { pairs_.push_back({"other", "other"}); }

uint16_t LabelPairs::Intern(std::string_view first, std::string_view second) {
  scratch_.assign(first);
  scratch_ += kSeparator;
  scratch_ += second;
  if (auto found = ids_.find(std::string_view(scratch_)); found != ids_.end()) return found->second;
  if (ids_.size() >= kMax) return kOtherPair;
  uint16_t id;
  if (free_.empty()) {
    id = static_cast<uint16_t>(pairs_.size());
    pairs_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  pairs_[id] = {std::string(first), std::string(second)};
  ids_.emplace(scratch_, id);
  return id;
}

void LabelPairs::KeepOnly(const std::vector<bool>& used) {
  for (auto it = ids_.begin(); it != ids_.end();) {
    const uint16_t id = it->second;
    if (id < used.size() && used[id]) {
      ++it;
      continue;
    }
    pairs_[id] = {};
    free_.push_back(id);
    ids_.erase(it++);
  }
}

LabelTexts TextsOf(const SeriesKey& key, const LabelPairs& sources, const LabelPairs& destinations) {
  LabelTexts texts;
  texts.source_namespace = sources.at(key.source).first;
  texts.source_service_account = sources.at(key.source).second;
  texts.destination_service = destinations.at(key.destination).first;
  texts.destination_version = destinations.at(key.destination).second;
  texts.direction = Name(key.direction);
  texts.tls = Name(key.tls);
  texts.code_class = Name(key.code_class);
  texts.reason = ReasonName(key.reason);
  return texts;
}

}  // namespace weft::telemetry
