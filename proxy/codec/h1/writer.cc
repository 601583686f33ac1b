#include "proxy/codec/h1/writer.h"

#include <charconv>
#include <cstring>

#include "proxy/http/reply.h"

namespace weft::codec::h1 {
namespace {

// Writes into one block that is known to be large enough.
class Cursor {
 public:
  explicit Cursor(size_t size) : block_(base::BufferPool::ForThisThread().Take(size)), at_(block_.data()) {}
  Cursor& operator<<(std::string_view text) {
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  Cursor& operator<<(uint64_t number) {
    at_ = std::to_chars(at_, at_ + 20, number).ptr;
    return *this;
  }
  void Finish(base::ByteChain* out) {
    const auto size = static_cast<size_t>(at_ - block_.data());
    const char* data = block_.data();
    out->Append(base::Slice{std::move(block_), data, size});
  }

 private:
  base::BufferRef block_;
  char* at_;
};

constexpr size_t kFixedFields = 256;  // more than all fixed texts of the framing together

void WriteFields(const http::Headers& headers, Cursor& to) {
  for (const auto& field : headers) to << field.name << ": " << field.value << "\r\n";
}

void WriteFraming(const HeadOptions& options, Cursor& to) {
  if (options.framing == http::Framing::kChunked) {
    to << "transfer-encoding: chunked\r\n";
  } else if (options.framing == http::Framing::kLength || options.write_content_length) {
    to << "content-length: " << options.content_length << "\r\n";
  }
  if (!options.upgrade.empty()) {
    to << "connection: upgrade\r\nupgrade: " << options.upgrade << "\r\n";
  } else if (options.te_trailers && options.close) {
    to << "connection: te, close\r\nte: trailers\r\n";
  } else if (options.te_trailers) {
    to << "connection: te\r\nte: trailers\r\n";
  } else if (options.close) {
    to << "connection: close\r\n";
  } else if (options.keep_alive_1_0) {
    to << "connection: keep-alive\r\n";
  }
  to << "\r\n";
}

}  // namespace

void WriteRequestHead(const http::RequestHead& head, const HeadOptions& options, base::ByteChain* out) {
  const std::string_view authority = options.authority.empty() ? head.authority : options.authority;
  const std::string_view target = head.is_connect() ? authority : head.path;
  Cursor to(head.method.size() + target.size() + authority.size() + head.headers.bytes() + options.upgrade.size() +
            options.content.size() + kFixedFields);
  to << head.method << " " << target << " HTTP/1.1\r\nhost: " << authority << "\r\n";
  WriteFields(head.headers, to);
  WriteFraming(options, to);
  to << options.content;
  to.Finish(out);
}

void WriteResponseHead(const http::ResponseHead& head, const HeadOptions& options, base::ByteChain* out) {
  const std::string_view reason = head.reason.empty() ? http::ReasonPhrase(head.status) : head.reason;
  Cursor to(reason.size() + head.headers.bytes() + options.upgrade.size() + options.content.size() + kFixedFields);
  to << "HTTP/1.1 " << static_cast<uint64_t>(head.status) << " " << reason << "\r\n";
  WriteFields(head.headers, to);
  WriteFraming(options, to);
  to << options.content;
  to.Finish(out);
}

void WriteChunk(base::Slice data, base::ByteChain* out) {
  char size[20];
  char* end = std::to_chars(size, size + 16, data.size, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out->AppendCopy({size, static_cast<size_t>(end - size)});
  out->Append(std::move(data));
  out->Append(base::Slice{{}, "\r\n", 2});
}

void WriteLastChunk(const http::Headers* trailers, base::ByteChain* out) {
  if (trailers == nullptr || trailers->empty()) {
    out->Append(base::Slice{{}, "0\r\n\r\n", 5});
    return;
  }
  Cursor to(trailers->bytes() + kFixedFields);
  to << "0\r\n";
  WriteFields(*trailers, to);
  to << "\r\n";
  to.Finish(out);
}

}  // namespace weft::codec::h1
