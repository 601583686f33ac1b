// Fuzzes ResponseParser and WriteResponseHead, as h1_request_fuzz.cc does for requests. The first byte says how long
// the pieces are, the second which method the response answers; the end of the input is the end of the stream.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/check.h"
#include "proxy/codec/h1/parser.h"
#include "proxy/codec/h1/writer.h"

namespace weft::codec::h1 {
namespace {

void Describe(const http::Headers& headers, std::string* out) {
  for (const auto& field : headers) out->append(field.name).append("=").append(field.value).append("\n");
}

std::string Describe(const http::ResponseHead& head) {
  std::string out = std::to_string(head.status) + " ";
  out.append(head.reason).append("\n");
  Describe(head.headers, &out);
  out += "framing " + std::to_string(static_cast<int>(head.framing)) + " " + std::to_string(head.content_length);
  return out;
}

std::string Transcript(std::string_view input, size_t piece, std::string_view method) {
  std::string out;
  ResponseParser parser;
  for (int most = 20; most > 0 && !input.empty(); --most) {
    http::ResponseHead head;
    parser.Begin(&head, method);
    bool ended = false, failed = false;
    std::string body;
    while (!ended && !failed && !input.empty()) {
      const std::string_view part = input.substr(0, piece);
      const Step step = parser.Parse(part);
      WEFT_CHECK(step.consumed <= part.size());
      WEFT_CHECK(step.consumed > 0 || step.event != Event::kNeedMore);
      if (step.event == Event::kHead) {
        out += Describe(head);
        ended = parser.complete();
      } else if (step.event == Event::kBody) {
        body += step.body;
        ended = step.last;
      } else if (step.event == Event::kEnd) {
        ended = true;
      } else if (step.event == Event::kError) {
        out.append("|").append(base::Name(parser.failure().kind));
        failed = true;
      }
      input.remove_prefix(step.consumed);
    }
    if (!ended && !failed) {  // the stream ends here
      const Step step = parser.Finish();
      WEFT_CHECK(step.event == Event::kEnd || step.event == Event::kError || step.event == Event::kNeedMore);
      out += "|finish " + std::to_string(static_cast<int>(step.event));
    }
    if (ended && head.framing == http::Framing::kLength) WEFT_CHECK(body.size() == head.content_length);
    if (ended) Describe(head.trailers, &out);
    out += "|" + body + "\n";
    if (failed) break;
  }
  return out;
}

void RoundTrip(std::string_view input, std::string_view method) {
  ResponseParser parser;
  http::ResponseHead head;
  parser.Begin(&head, method);
  const Step step = parser.Parse(input);
  if (step.event != Event::kHead) return;
  HeadOptions options;
  options.framing = head.framing;
  options.content_length = head.content_length;
  options.write_content_length = head.has_content_length;
  options.close = !head.keep_alive;
  base::ByteChain written;
  WriteResponseHead(head, options, &written);
  const std::string bytes = written.ToString();

  http::ResponseHead again;
  ResponseParser second(Limits{.max_head_bytes = 1 << 20, .max_headers = 1000});
  second.Begin(&again, method);
  const Step reread = second.Parse(bytes);
  WEFT_CHECK(reread.event == Event::kHead);
  WEFT_CHECK(reread.consumed == bytes.size());
  WEFT_CHECK(again.status == head.status);
  WEFT_CHECK(again.framing == head.framing);
  WEFT_CHECK(again.headers.size() == head.headers.size());
}

}  // namespace
}  // namespace weft::codec::h1

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const size_t piece = data[0] == 0 ? 1 : data[0];
  constexpr std::string_view kMethods[] = {"GET", "HEAD", "POST", "CONNECT"};
  const std::string_view method = kMethods[data[1] % 4];
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string whole = weft::codec::h1::Transcript(input, input.size(), method);
  const std::string pieces = weft::codec::h1::Transcript(input, piece, method);
  WEFT_CHECK(whole == pieces);
  weft::codec::h1::RoundTrip(input, method);
  return 0;
}
