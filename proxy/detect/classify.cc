#include "proxy/detect/classify.h"

#include <algorithm>

namespace weft::detect {
namespace {

constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr uint8_t kHandshakeRecord = 22;  // RFC 8446 section 5.1

bool IsTokenByte(char c) {  // RFC 9110 section 5.6.2
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// method SP target SP "HTTP/1." DIGIT CRLF; leading empty lines are allowed (RFC 9112 section 2.2).
Protocol ClassifyText(std::string_view bytes) {
  while (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  if (bytes.empty() || bytes == "\r") return Protocol::kNeedMore;
  const std::string_view line = bytes.substr(0, bytes.find('\n'));
  const bool complete = line.size() < bytes.size();
  size_t at = 0;
  while (at < line.size() && IsTokenByte(line[at])) ++at;
  if (at == 0 || at > 32) return Protocol::kOpaque;
  if (at == line.size()) return complete ? Protocol::kOpaque : Protocol::kNeedMore;
  if (line[at] != ' ') return Protocol::kOpaque;
  for (const char c : line.substr(at)) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\r') return Protocol::kOpaque;
  }
  if (!complete) return Protocol::kNeedMore;
  const size_t version = line.rfind(" HTTP/1.");
  return version != std::string_view::npos && version >= at ? Protocol::kHttp1 : Protocol::kOpaque;
}

}  // namespace

Verdict Classify(std::string_view bytes) {
  Verdict verdict;
  if (bytes.empty()) return verdict;
  const bool too_long = bytes.size() >= kMaxFirstBytes;
  if (static_cast<uint8_t>(bytes[0]) == kHandshakeRecord) {
    verdict.hello.name_kind = NameKind::kUnreadable;  // until it is complete: whoever gives up keeps that word
    const HelloState state = ReadClientHello(bytes, &verdict.hello);
    if (state == HelloState::kNeedMore && !too_long) return verdict;
    verdict.protocol = state == HelloState::kComplete ? Protocol::kTls : Protocol::kOpaque;
    return verdict;
  }
  const size_t common = std::min(bytes.size(), kHttp2Preface.size());
  if (bytes.substr(0, common) == kHttp2Preface.substr(0, common)) {
    if (common == kHttp2Preface.size()) verdict.protocol = Protocol::kHttp2;
    return verdict;
  }
  verdict.protocol = ClassifyText(bytes);
  if (verdict.protocol == Protocol::kNeedMore && too_long) verdict.protocol = Protocol::kOpaque;
  return verdict;
}

}  // namespace weft::detect
