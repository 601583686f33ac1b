#include "proxy/detect/classify.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weft::detect {
namespace {

std::string Number(size_t value, int bytes) {
  std::string text;
  while (bytes-- > 0) text += static_cast<char>(value >> (8 * bytes) & 0xff);
  return text;
}
std::string Prefixed(const std::string& text, int bytes) { return Number(text.size(), bytes) + text; }

// A ClientHello message (RFC 8446, 4.1.2) with these names.
std::string HelloMessage(const std::string& server_name, const std::vector<std::string>& protocols,
                         size_t padding = 0) {
  std::string extensions;
  const auto add = [&](size_t type, const std::string& body) { extensions += Number(type, 2) + Prefixed(body, 2); };
  if (padding > 0) add(21, std::string(padding, '\0'));
  if (!server_name.empty()) add(0, Prefixed(Number(0, 1) + Prefixed(server_name, 2), 2));
  std::string list;
  for (const std::string& protocol : protocols) list += Prefixed(protocol, 1);
  if (!list.empty()) add(16, Prefixed(list, 2));
  const std::string body = "\x03\x03" + std::string(32, 'r') + Prefixed("", 1) + Prefixed("\x13\x01", 2) +
                           Prefixed(std::string(1, '\0'), 1) + Prefixed(extensions, 2);
  return Number(1, 1) + Prefixed(body, 3);
}
// In records of at most `most` bytes.
std::string Records(std::string message, size_t most = 16384) {
  std::string bytes;
  for (; !message.empty(); message.erase(0, most)) bytes += "\x16\x03\x01" + Prefixed(message.substr(0, most), 2);
  return bytes;
}

// The verdict of the whole, after a look that every shorter prefix says kNeedMore or the same, and never takes it back.
Verdict AtEveryLength(const std::string& bytes) {
  Verdict settled;
  for (size_t size = 0; size <= bytes.size(); ++size) {
    Verdict verdict = Classify(std::string_view(bytes).substr(0, size));
    if (settled.protocol != Protocol::kNeedMore) EXPECT_EQ(verdict.protocol, settled.protocol) << "at " << size;
    settled = std::move(verdict);
  }
  return settled;
}
Protocol ProtocolOf(const std::string& bytes) { return AtEveryLength(bytes).protocol; }

TEST(Classify, RequestLines) {
  EXPECT_EQ(ProtocolOf("GET / HTTP/1.1\r\n"), Protocol::kHttp1);
  EXPECT_EQ(ProtocolOf("\r\n\r\nPROPFIND /a%20b?c=d HTTP/1.0\n"), Protocol::kHttp1);
  EXPECT_EQ(ProtocolOf("CONNECT a:443 HTTP/1.1\r\n"), Protocol::kHttp1);
  EXPECT_EQ(ProtocolOf("GET / HTTP/1.1\r"), Protocol::kNeedMore);
  EXPECT_EQ(ProtocolOf("GET /\r\n"), Protocol::kOpaque) << "HTTP/0.9";
  EXPECT_EQ(ProtocolOf("GET / HTTP/2.0\r\n"), Protocol::kOpaque);
}

TEST(Classify, Http2Preface) {
  EXPECT_EQ(ProtocolOf("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Protocol::kHttp2);
  EXPECT_EQ(ProtocolOf("PRI * HTTP/2.0\r\n\r\nS"), Protocol::kNeedMore);
  EXPECT_EQ(ProtocolOf("PRI * HTTP/2.0\r\n\r\nXX"), Protocol::kOpaque);
  EXPECT_EQ(ProtocolOf("PRI / HTTP/1.1\r\n"), Protocol::kHttp1);
}

TEST(Classify, OtherProtocolsAreOpaqueAtOnce) {
  EXPECT_EQ(Classify("*1\r\n$4\r\nPING\r\n").protocol, Protocol::kOpaque) << "Redis";
  EXPECT_EQ(Classify("SSH-2.0-OpenSSH_9.2\r\n").protocol, Protocol::kOpaque);
  EXPECT_EQ(Classify(std::string_view("\0\0\0\x08\x04\xd2\x16\x2f", 8)).protocol, Protocol::kOpaque) << "PostgreSQL";
  EXPECT_EQ(Classify("GET /\x01").protocol, Protocol::kOpaque);
  EXPECT_EQ(Classify(std::string(33, 'A')).protocol, Protocol::kOpaque) << "no method is so long";
  EXPECT_EQ(Classify("\x15\x03\x01").protocol, Protocol::kOpaque) << "a TLS alert";
}

TEST(Classify, ClientHello) {
  const std::string message = HelloMessage("Pay.Shop", {"h2", "http/1.1"}, 1500);
  for (const size_t record : {size_t{16384}, size_t{100}, size_t{1}}) {
    const Verdict verdict = AtEveryLength(Records(message, record));
    ASSERT_EQ(verdict.protocol, Protocol::kTls) << record;
    EXPECT_EQ(verdict.hello.server_name, "pay.shop");
    EXPECT_EQ(verdict.hello.protocols, (std::vector<std::string>{"h2", "http/1.1"}));
  }
  const Verdict nameless = Classify(Records(HelloMessage("", {})) + "early data");
  EXPECT_EQ(nameless.protocol, Protocol::kTls);
  EXPECT_EQ(nameless.hello.server_name, "");
}

TEST(Classify, WhatOnlyLooksLikeTls) {
  EXPECT_EQ(ProtocolOf("\x16\x02"), Protocol::kOpaque);
  EXPECT_EQ(ProtocolOf(std::string("\x16\x03\x01\0\0", 5)), Protocol::kOpaque) << "an empty record";
  EXPECT_EQ(ProtocolOf(std::string("\x16\x03\x03\0\x04\x02\0\0\0", 9)), Protocol::kOpaque) << "a ServerHello";
  EXPECT_EQ(ProtocolOf(std::string("\x16\x03\x01\0\x08\x01\0\0\x04"
                                   "abcd",
                                   13)),
            Protocol::kOpaque)
      << "no body";
  std::string broken = HelloMessage("a", {});
  broken[broken.size() - 8] = '\x7f';  // of the extension: a length beyond the end
  EXPECT_EQ(Classify(Records(broken)).protocol, Protocol::kOpaque);
}

TEST(Classify, NothingIsWaitedForWithoutEnd) {
  EXPECT_EQ(Classify("GET /" + std::string(kMaxFirstBytes - 6, 'a')).protocol, Protocol::kNeedMore);
  EXPECT_EQ(Classify("GET /" + std::string(kMaxFirstBytes, 'a')).protocol, Protocol::kOpaque);
  EXPECT_EQ(Classify(std::string("\x16\x03\x01\x40\0\x01\x7f\xff\xff", 9)).protocol, Protocol::kOpaque)
      << "8 MiB announced";
}

}  // namespace
}  // namespace weft::detect
