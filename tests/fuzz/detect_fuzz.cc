// Fuzzes Classify. The first byte says how long the pieces are that the rest comes in.
//
// Holds for every input: once the answer is there, more bytes do not change it (a caller acts on the first one); it
// comes at the latest after kMaxFirstBytes; names are lower case and only there when it is TLS, and their kind says
// whether there is one.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "proxy/base/check.h"
#include "proxy/detect/classify.h"

namespace weft::detect {
namespace {

constexpr size_t kMost = 4096;  // each prefix is read from its beginning

void CheckOne(std::string_view bytes, const Verdict& verdict) {
  if (verdict.protocol == Protocol::kNeedMore) WEFT_CHECK(bytes.size() < kMaxFirstBytes);
  if (verdict.protocol == Protocol::kHttp1) WEFT_CHECK(bytes.find(" HTTP/1.") != std::string_view::npos);
  if (verdict.protocol == Protocol::kHttp2) WEFT_CHECK(bytes.starts_with("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  const ClientHello& hello = verdict.hello;
  if (verdict.protocol != Protocol::kTls) {
    WEFT_CHECK(hello.server_name.empty());
    WEFT_CHECK(hello.name_kind == NameKind::kNone || hello.name_kind == NameKind::kUnreadable);
  } else {
    WEFT_CHECK(hello.name_kind != NameKind::kUnreadable);
  }
  if (hello.name_kind == NameKind::kNone) WEFT_CHECK(hello.server_name.empty());
  if (hello.name_kind == NameKind::kPlain || hello.name_kind == NameKind::kOuterWithEch)
    WEFT_CHECK(!hello.server_name.empty());
  if (verdict.protocol != Protocol::kTls) return;
  WEFT_CHECK(bytes.size() >= 43 && bytes[0] == 22);
  WEFT_CHECK(std::none_of(verdict.hello.server_name.begin(), verdict.hello.server_name.end(),
                          [](char c) { return c >= 'A' && c <= 'Z'; }));
}

void InPieces(std::string_view bytes, size_t piece) {
  std::optional<Verdict> settled;
  for (size_t end = std::min(piece, bytes.size());; end = std::min(end + piece, bytes.size())) {
    const Verdict verdict = Classify(bytes.substr(0, end));
    CheckOne(bytes.substr(0, end), verdict);
    if (settled.has_value()) {
      WEFT_CHECK(verdict.protocol == settled->protocol);
      if (verdict.protocol == Protocol::kTls) {
        WEFT_CHECK(verdict.hello.server_name == settled->hello.server_name);
        WEFT_CHECK(verdict.hello.protocols == settled->hello.protocols);
      }
    } else if (verdict.protocol != Protocol::kNeedMore) {
      settled = verdict;
    }
    if (end == bytes.size()) return;
  }
}

}  // namespace
}  // namespace weft::detect

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t piece = data[0] == 0 ? 1 : data[0];
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  weft::detect::CheckOne(input, weft::detect::Classify(input));
  weft::detect::InPieces(input.substr(0, weft::detect::kMost), piece);
  return 0;
}
