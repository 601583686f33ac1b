#include "proxy/detect/preamble.h"

#include <algorithm>

namespace weft::detect {
namespace {

using State = ClientStep::State;

// PostgreSQL, "Message Formats": length 8, then the number that stands in the place of a protocol version.
constexpr std::string_view kSslRequest("\0\0\0\x08\x04\xd2\x16\x2f", 8);     // 80877103
constexpr std::string_view kGssEncRequest("\0\0\0\x08\x04\xd2\x16\x30", 8);  // 80877104

bool Begins(std::string_view bytes, std::string_view with) {
  const size_t common = std::min(bytes.size(), with.size());
  return bytes.substr(0, common) == with.substr(0, common);
}

// A client with a Kerberos ticket asks for GSSAPI first, is told no, and asks for TLS on the same connection.
ClientStep ReadPostgres(std::string_view bytes) {
  if (bytes.starts_with(kSslRequest)) return {State::kTls, kSslRequest.size(), "S"};
  if (bytes.starts_with(kGssEncRequest)) return {State::kAnswer, kGssEncRequest.size(), "N"};
  const bool may_be = Begins(bytes, kSslRequest) || Begins(bytes, kGssEncRequest);
  return {may_be ? State::kNeedMore : State::kOther};
}

}  // namespace

ClientStep ReadClientPreamble(Preamble preamble, std::string_view bytes) {
  switch (preamble) {
    case Preamble::kNone: break;
    case Preamble::kPostgres: return ReadPostgres(bytes);
  }
  return {State::kOther};
}

std::string_view RequestOfTls(Preamble preamble) {
  return preamble == Preamble::kPostgres ? kSslRequest : std::string_view();
}

ServerAnswer ReadServerAnswer(Preamble, char answer) {
  if (answer == 'S') return ServerAnswer::kAgreed;
  return answer == 'N' ? ServerAnswer::kRefused : ServerAnswer::kBroken;
}

}  // namespace weft::detect
