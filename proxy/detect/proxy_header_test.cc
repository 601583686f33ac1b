#include "proxy/detect/proxy_header.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace weft::detect {
namespace {

using base::Address;
using State = ProxyRead::State;

Address At(std::string_view text) { return Address::Parse(text).value(); }
const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
std::string Binary(int command, int family, const std::string& block) {
  return kSignature + static_cast<char>(command) + static_cast<char>(family) + static_cast<char>(block.size() >> 8) +
         static_cast<char>(block.size() & 0xff) + block;
}
const std::string kEnds4("\x0a\x01\x02\x03\xc0\xa8\0\x01\x30\x39\x01\xbb", 12);

// Every shorter prefix wants more; what comes behind the header changes nothing.
ProxyRead AtEveryLength(const std::string& header) {
  for (size_t size = 0; size < header.size(); ++size)
    EXPECT_EQ(ReadProxyHeader(header.substr(0, size)).state, State::kNeedMore) << size << " of " << header;
  ProxyRead read = ReadProxyHeader(header + "PROXY GET /", true);
  EXPECT_EQ(read.state, State::kHeader) << header << read.why;
  EXPECT_EQ(read.size, header.size());
  return read;
}
State StateOf(const std::string& bytes) { return ReadProxyHeader(bytes).state; }

TEST(ProxyHeader, Text) {
  ProxyRead read = AtEveryLength("PROXY TCP4 10.1.2.3 192.168.0.1 12345 443\r\n");
  EXPECT_EQ(read.header.source, At("10.1.2.3:12345"));
  EXPECT_EQ(read.header.destination, At("192.168.0.1:443"));
  read = AtEveryLength("PROXY TCP6 2001:db8::1 fd00::2 0 65535\r\n");
  EXPECT_EQ(read.header.source, At("[2001:db8::1]:0"));
  EXPECT_EQ(read.header.destination, At("[fd00::2]:65535"));
  EXPECT_FALSE(AtEveryLength("PROXY UNKNOWN\r\n").header.source.valid());
  EXPECT_FALSE(AtEveryLength("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n").header.source.valid());
}

TEST(ProxyHeader, TextThatIsNotExactlyOne) {
  for (const char* line :
       {"PROXY TCP4 10.1.2.3 192.168.0.1 12345\r\n", "PROXY TCP4 10.1.2.3 192.168.0.1 12345 443 \r\n",
        "PROXY TCP4 10.1.2.3  192.168.0.1 12345 443\r\n", "PROXY TCP4 10.1.2.3 192.168.0.1 12345 70000\r\n",
        "PROXY TCP4 10.1.2.3 192.168.0.1 +1 443\r\n", "PROXY TCP4 10.1.2.3 192.168.0.1 01 443\r\n",
        "PROXY TCP4 10.1.2 192.168.0.1 1 443\r\n", "PROXY TCP4 ::1 ::2 1 443\r\n",
        "PROXY TCP6 1.2.3.4 1.2.3.5 1 443\r\n", "PROXY UDP4 10.1.2.3 192.168.0.1 1 443\r\n",
        "PROXY TCP4 10.1.2.3 192.168.0.1 1 443\n\r\n", "PROXY UNKNOWN x\r\r\n", "PROXY UNKNOWNX\r\n", "PROXY \r\n"}) {
    EXPECT_EQ(StateOf(line), State::kBroken) << line;
  }
  EXPECT_EQ(StateOf(std::string("PROXY TCP4 10.1.2.3\0 1.1.1.1 1 443\r\n", 37)), State::kBroken) << "a NUL";
  EXPECT_EQ(StateOf("PROXY UNKNOWN " + std::string(92, 'x')), State::kNeedMore);
  EXPECT_EQ(StateOf("PROXY UNKNOWN " + std::string(93, 'x')), State::kBroken) << "107 bytes without an end";
}

TEST(ProxyHeader, Binary) {
  ProxyRead read = AtEveryLength(Binary(0x21, 0x11, kEnds4));
  EXPECT_EQ(read.header.version, ProxyVersion::k2);
  EXPECT_EQ(read.header.source, At("10.1.2.3:12345"));
  EXPECT_EQ(read.header.destination, At("192.168.0.1:443"));
  read = AtEveryLength(Binary(0x21, 0x11, kEnds4 + std::string("\x02\0\x05shop1\x04\0\0", 11)));
  ASSERT_EQ(read.header.tlvs.size(), 2u);
  EXPECT_EQ(read.header.tlvs[0].type, 2);
  EXPECT_EQ(read.header.tlvs[0].value, "shop1");
  std::string paths = "/run/client";
  paths.resize(108);
  paths += "/run/server";
  paths.resize(216);
  EXPECT_EQ(AtEveryLength(Binary(0x21, 0x31, paths)).header.source.ToString(), "unix:/run/client");
  EXPECT_FALSE(AtEveryLength(Binary(0x20, 0x00, "")).header.source.valid()) << "LOCAL";
  EXPECT_FALSE(AtEveryLength(Binary(0x20, 0x11, kEnds4)).header.source.valid()) << "LOCAL with addresses";
  // Section 2.2: of LOCAL the family is ignored. A health check of that kind was refused.
  EXPECT_FALSE(AtEveryLength(Binary(0x20, 0x11, "")).header.source.valid()) << "LOCAL with a family and no addresses";
  EXPECT_FALSE(AtEveryLength(Binary(0x21, 0x00, "")).header.source.valid()) << "nothing said";
}

TEST(ProxyHeader, BinaryThatIsNotOne) {
  EXPECT_EQ(StateOf(Binary(0x11, 0x11, kEnds4)), State::kBroken) << "version 1";
  EXPECT_EQ(StateOf(Binary(0x22, 0x11, kEnds4)), State::kBroken) << "no such command";
  EXPECT_EQ(StateOf(Binary(0x21, 0x12, kEnds4)), State::kBroken) << "UDP";
  EXPECT_EQ(StateOf(Binary(0x21, 0x41, kEnds4)), State::kBroken) << "no such family";
  EXPECT_EQ(StateOf(Binary(0x21, 0x21, kEnds4)), State::kBroken) << "shorter than IPv6";
  EXPECT_EQ(StateOf(Binary(0x21, 0x11, kEnds4 + "\x02")), State::kBroken) << "half a TLV";
  EXPECT_EQ(StateOf(Binary(0x21, 0x11, kEnds4 + std::string("\x02\0\x02x", 4))), State::kBroken) << "a long TLV";
  EXPECT_EQ(StateOf(Binary(0x21, 0x11, std::string(4081, '\0'))), State::kBroken) << "too long";
}

TEST(ProxyHeader, Checksum) {
  // The checksum is of another program (Python, by table; it gives the check value 0xe3069283 for "123456789").
  const std::string good = Binary(0x21, 0x11, kEnds4 + std::string("\x03\0\x04\x9e\x67\x8e\x3e", 7));
  std::string bad = good;
  bad[20] = '\x7f';
  EXPECT_EQ(StateOf(good), State::kHeader) << ReadProxyHeader(good).why;
  EXPECT_EQ(StateOf(bad), State::kBroken);
}

TEST(ProxyHeader, WhatIsNone) {
  for (const std::string bytes : {"GET / HTTP/1.1\r\n", "PRI * HTTP", "PROXZ", "\x16\x03\x01", "\r\nGET", "Q"})
    EXPECT_EQ(StateOf(bytes), State::kNone) << bytes;
  for (const std::string bytes : {"", "P", "PR", "PROXY", "\r\n\r\n"}) EXPECT_EQ(StateOf(bytes), State::kNeedMore);
}

TEST(ProxyHeader, WhatIsWrittenIsReadBack) {
  const Address v4 = At("10.1.2.3:1"), other4 = At("10.9.9.9:65535"), v6 = At("[2001:db8::1]:2");
  for (const ProxyVersion version : {ProxyVersion::k1, ProxyVersion::k2}) {
    for (const auto& [from, to] : {std::pair(v4, other4), std::pair(v6, v6), std::pair(v4, v6), std::pair(v6, v4)}) {
      const ProxyRead read = AtEveryLength(WriteProxyHeader(version, from, to));
      EXPECT_EQ(read.header.source, from);
      EXPECT_EQ(read.header.destination, to);
      EXPECT_EQ(read.header.version, version);
    }
    EXPECT_FALSE(AtEveryLength(WriteProxyHeader(version, Address(), Address())).header.source.valid());
  }
  const Address path = Address::FromPath("/run/x").value();
  EXPECT_EQ(WriteProxyHeader(ProxyVersion::k1, path, v4), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(AtEveryLength(WriteProxyHeader(ProxyVersion::k2, path, path)).header.destination, path);
  const ProxyRead read = AtEveryLength(WriteProxyHeader(ProxyVersion::k2, v4, v4, {{0xe0, "x"}}));
  ASSERT_EQ(read.header.tlvs.size(), 1u);
  EXPECT_EQ(read.header.tlvs[0].value, "x");
}

TEST(ProxyHeader, MutatedOnesCrashNothing) {
  std::mt19937 random(20261125);
  const std::string seeds[] = {"PROXY TCP6 2001:db8::1 fd00::2 0 65535\r\n",
                               Binary(0x21, 0x11, kEnds4 + std::string("\x02\0\x05shop1\x04\0\0", 11)),
                               Binary(0x21, 0x31, std::string(216, 'a'))};
  size_t headers = 0;
  for (int round = 0; round < 100000; ++round) {
    std::string bytes = seeds[random() % 3];
    for (int change = 1 + static_cast<int>(random() % 3); change > 0; --change)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    const ProxyRead read = ReadProxyHeader(bytes.substr(0, random() % (bytes.size() + 1)), true);
    ASSERT_LE(read.size, bytes.size());
    headers += read.state == State::kHeader;
  }
  EXPECT_GT(headers, 0u);
}

}  // namespace
}  // namespace weft::detect
