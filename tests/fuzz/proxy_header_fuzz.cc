// Fuzzes ReadProxyHeader. Holds for every input: an answer does not change with more bytes; a header is no longer than
// what came and than the limit; what it says is written and read back the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/check.h"
#include "proxy/detect/preamble.h"
#include "proxy/detect/proxy_header.h"

namespace weft::detect {
namespace {

using State = ProxyRead::State;

void CheckOne(std::string_view bytes) {
  const ProxyRead whole = ReadProxyHeader(bytes, true);
  for (size_t size = 0; size <= bytes.size(); ++size) {
    const ProxyRead read = ReadProxyHeader(bytes.substr(0, size), true);
    if (read.state == State::kNeedMore) {
      WEFT_CHECK(size < kMaxProxyHeader);
    } else {
      WEFT_CHECK(read.state == whole.state && read.size == whole.size);
      break;
    }
  }
  if (whole.state != State::kHeader) return;
  WEFT_CHECK(whole.size <= bytes.size() && whole.size <= kMaxProxyHeader);
  const ProxyHeader& header = whole.header;
  if (!header.source.is_ip() || !header.destination.is_ip()) return;
  const std::string again = WriteProxyHeader(header.version, header.source, header.destination);
  const ProxyRead back = ReadProxyHeader(again);
  WEFT_CHECK(back.state == State::kHeader && back.size == again.size());
  WEFT_CHECK(back.header.source == header.source && back.header.destination == header.destination);
}

}  // namespace
}  // namespace weft::detect

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  weft::detect::CheckOne(input);
  WEFT_CHECK(weft::detect::ReadClientPreamble(weft::detect::Preamble::kPostgres, input).size <= size);
  return 0;
}
