// Fuzzes RequestParser and WriteRequestHead. The first byte says how long the pieces are that the rest comes in.
//
// Holds for every input: cut in pieces or not, the same messages come out; what the writer makes of an accepted head is
// read back as the same head and as exactly one (no request can be smuggled through us); the parser always makes
// progress.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/check.h"
#include "proxy/codec/h1/parser.h"
#include "proxy/codec/h1/writer.h"

namespace weft::codec::h1 {
namespace {

using base::FailureKind;

void Describe(const http::Headers& headers, std::string* out) {
  for (const auto& field : headers) out->append(field.name).append("=").append(field.value).append("\n");
}

std::string Describe(const http::RequestHead& head) {
  std::string out;
  out.append(head.method).append(" ").append(head.path).append(" ").append(head.authority).append("\n");
  Describe(head.headers, &out);
  out += "framing " + std::to_string(static_cast<int>(head.framing)) + " " + std::to_string(head.content_length);
  return out;
}

// What the parser made of one message.
struct Message {
  std::string head, body, trailers, failure;
  bool ended = false;
};

// Parses up to `most` messages out of `input`, given in pieces of `piece` bytes, and returns them as one text.
std::string Transcript(std::string_view input, size_t piece, int most) {
  std::string out;
  RequestParser parser;
  while (most-- > 0 && !input.empty()) {
    http::RequestHead head;
    parser.Begin(&head);
    Message message;
    while (!message.ended && message.failure.empty() && !input.empty()) {
      const std::string_view part = input.substr(0, piece);
      const Step step = parser.Parse(part);
      WEFT_CHECK(step.consumed <= part.size());
      WEFT_CHECK(step.consumed > 0 || step.event != Event::kNeedMore);
      switch (step.event) {
        case Event::kNeedMore: WEFT_CHECK(step.consumed == part.size()); break;
        case Event::kHead:
          WEFT_CHECK(parser.head_complete());
          message.head = Describe(head);
          message.ended = parser.complete();
          break;
        case Event::kBody:
          WEFT_CHECK(!step.body.empty());
          WEFT_CHECK(step.body.data() >= part.data() &&
                     step.body.data() + step.body.size() <= part.data() + part.size());
          message.body += step.body;
          message.ended = step.last;
          break;
        case Event::kEnd: message.ended = true; break;
        case Event::kError: message.failure = base::Name(parser.failure().kind); break;
      }
      input.remove_prefix(step.consumed);
    }
    if (message.ended) Describe(head.trailers, &message.trailers);
    if (head.framing == http::Framing::kLength && message.ended) WEFT_CHECK(message.body.size() == head.content_length);
    out += message.head + "|" + message.body + "|" + message.trailers + "|" + message.failure + "\n";
    if (!message.failure.empty()) break;
  }
  return out;
}

// Writes the head of the first message and reads it again.
void RoundTrip(std::string_view input) {
  RequestParser parser;
  http::RequestHead head;
  parser.Begin(&head);
  const Step step = parser.Parse(input);
  if (step.event != Event::kHead || head.path == "*") return;
  HeadOptions options;
  options.framing = head.framing;
  options.content_length = head.content_length;
  options.write_content_length = head.has_content_length;
  options.upgrade = head.upgrade;
  options.te_trailers = head.accepts_trailers;
  options.close = !head.keep_alive;
  base::ByteChain written;
  WriteRequestHead(head, options, &written);
  const std::string bytes = written.ToString();

  http::RequestHead again;
  RequestParser second(Limits{.max_head_bytes = 1 << 20, .max_headers = 1000});
  second.Begin(&again);
  const Step reread = second.Parse(bytes);
  WEFT_CHECK(reread.event == Event::kHead);
  WEFT_CHECK(reread.consumed == bytes.size());
  WEFT_CHECK(Describe(again) == Describe(head));
  WEFT_CHECK(again.upgrade == head.upgrade);
}

}  // namespace
}  // namespace weft::codec::h1

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t piece = data[0] == 0 ? 1 : data[0];
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = weft::codec::h1::Transcript(input, input.size(), 20);
  const std::string pieces = weft::codec::h1::Transcript(input, piece, 20);
  WEFT_CHECK(whole == pieces);
  weft::codec::h1::RoundTrip(input);
  return 0;
}
