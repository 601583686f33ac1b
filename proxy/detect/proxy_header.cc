#include "proxy/detect/proxy_header.h"

#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "proxy/base/parse_number.h"

namespace weft::detect {
namespace {

using base::Address;
using State = ProxyRead::State;

// Section 2.1.
constexpr std::string_view kSignature1 = "PROXY ";
constexpr size_t kLongest1 = 107;  // with CR LF
// Section 2.2.
constexpr std::string_view kSignature2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kFixed2 = 16;  // signature, command, family, length
constexpr uint8_t kLocal = 0x20, kProxy = 0x21;
constexpr uint8_t kUnspecified = 0x00, kTcp4 = 0x11, kTcp6 = 0x21, kUnixStream = 0x31;
constexpr size_t kUnixPath = 108;
constexpr uint8_t kCrc32cType = 0x03;

uint8_t ByteAt(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }
uint16_t Number16(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(ByteAt(bytes, at) << 8 | ByteAt(bytes, at + 1));
}
void Put16(size_t number, std::string* to) {
  *to += static_cast<char>(number >> 8 & 0xff);
  *to += static_cast<char>(number & 0xff);
}

ProxyRead Broken(std::string_view why) {
  ProxyRead read;
  read.state = State::kBroken;
  read.why = why;
  return read;
}

bool Begins(std::string_view bytes, std::string_view with) {
  const size_t common = std::min(bytes.size(), with.size());
  return bytes.substr(0, common) == with.substr(0, common);
}

// The text up to the next blank, which goes with it. Nullopt: nothing, or no blank.
std::optional<std::string_view> TakeWord(std::string_view* text) {
  const size_t blank = text->find(' ');
  if (blank == std::string_view::npos || blank == 0) return std::nullopt;
  const std::string_view word = text->substr(0, blank);
  text->remove_prefix(blank + 1);
  return word;
}

std::optional<Address> EndOf(std::string_view ip, std::string_view port_text, sa_family_t family) {
  const auto port = base::ParseNumber<uint16_t>(port_text);
  if (!port || (port_text.size() > 1 && port_text[0] == '0')) return std::nullopt;
  const auto address = Address::FromIp(ip, *port);
  if (!address || address->family() != family) return std::nullopt;
  return Address::FromSockaddr(address->raw(), address->raw_size());  // mapped IPv4 is IPv4
}

// PROXY TCP4|TCP6|UNKNOWN source destination source-port destination-port CR LF
ProxyRead ReadText(std::string_view bytes) {
  const std::string_view window = bytes.substr(0, kLongest1);
  const size_t end = window.find("\r\n");
  const std::string_view line = window.substr(0, end);
  const size_t half_an_end = end == std::string_view::npos && line.ends_with('\r') ? 1 : 0;
  for (const char c : line.substr(0, line.size() - half_an_end)) {
    if (c < 0x20 || c > 0x7e) return Broken("version 1: a byte that is not text");
  }
  if (end == std::string_view::npos)
    return window.size() == kLongest1 ? Broken("version 1: longer than 107 bytes") : ProxyRead();
  ProxyRead read;
  read.state = State::kHeader;
  read.size = end + 2;
  read.header.version = ProxyVersion::k1;
  std::string_view rest = line.substr(kSignature1.size());
  if (rest == "UNKNOWN" || rest.starts_with("UNKNOWN ")) return read;
  const auto family = TakeWord(&rest), source = TakeWord(&rest), destination = TakeWord(&rest), port = TakeWord(&rest);
  if (!port) return Broken("version 1: expected TCP4 or TCP6, two addresses and two ports");
  if (*family != "TCP4" && *family != "TCP6") return Broken("version 1: expected TCP4, TCP6 or UNKNOWN");
  const sa_family_t wanted = *family == "TCP4" ? AF_INET : AF_INET6;
  const auto from = EndOf(*source, *port, wanted), to = EndOf(*destination, rest, wanted);
  if (!from || !to) return Broken("version 1: not an address and port of that family");
  read.header.source = *from;
  read.header.destination = *to;
  return read;
}

size_t AddressesSize(uint8_t family) {
  switch (family) {
    case kTcp4: return 12;
    case kTcp6: return 36;
    case kUnixStream: return 2 * kUnixPath;
    default: return 0;
  }
}

Address UnixAddress(std::string_view field) {
  // A client that did not bind its socket has no path: it stands for itself.
  const std::string_view path = field.substr(0, field.find('\0'));
  return Address::FromPath(path).value_or(Address());
}

Address IpAddress(std::string_view ip, uint16_t port) {
  if (ip.size() == 4) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, ip.data(), ip.size());
    return Address::FromSockaddr(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, ip.data(), ip.size());
  return Address::FromSockaddr(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
}

void ReadAddresses(uint8_t family, std::string_view block, ProxyHeader* header) {
  if (family == kUnixStream) {
    header->source = UnixAddress(block.substr(0, kUnixPath));
    header->destination = UnixAddress(block.substr(kUnixPath, kUnixPath));
    return;
  }
  const size_t ip = family == kTcp4 ? 4 : 16;
  header->source = IpAddress(block.substr(0, ip), Number16(block, 2 * ip));
  header->destination = IpAddress(block.substr(ip, ip), Number16(block, 2 * ip + 2));
}

// RFC 9260 appendix A: reflected polynomial 0x1edc6f41. `zeroed` counts as four zero bytes (section 2.2.3).
uint32_t Crc32c(std::string_view bytes, size_t zeroed) {
  uint32_t crc = 0xffffffff;
  for (size_t i = 0; i < bytes.size(); ++i) {
    crc ^= i >= zeroed && i < zeroed + 4 ? 0 : ByteAt(bytes, i);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
  }
  return ~crc;
}

// `whole` is the header, its TLVs begin at `at`. Null: all is well.
const char* ReadTlvs(std::string_view whole, size_t at, std::vector<ProxyTlv>* keep) {
  while (at < whole.size()) {
    if (whole.size() - at < 3) return "version 2: a TLV is cut off";
    const uint8_t type = ByteAt(whole, at);
    const size_t length = Number16(whole, at + 1);
    at += 3;
    if (whole.size() - at < length) return "version 2: a TLV is longer than the header";
    if (type == kCrc32cType) {
      if (length != 4) return "version 2: a checksum has 4 bytes";
      const uint32_t said = uint32_t{Number16(whole, at)} << 16 | Number16(whole, at + 2);
      if (Crc32c(whole, at) != said) return "version 2: the checksum is wrong";
    }
    if (keep != nullptr) keep->push_back({type, std::string(whole.substr(at, length))});
    at += length;
  }
  return nullptr;
}

ProxyRead ReadBinary(std::string_view bytes, bool want_tlvs) {
  if (bytes.size() < kFixed2) return ProxyRead();
  const uint8_t command = ByteAt(bytes, 12), family = ByteAt(bytes, 13);
  const size_t length = Number16(bytes, 14);
  if (command != kLocal && command != kProxy) return Broken("version 2: expected LOCAL or PROXY of version 2");
  if (command == kProxy && family != kUnspecified && AddressesSize(family) == 0)
    return Broken("version 2: expected TCP over IPv4 or IPv6, a unix stream, or nothing said");
  if (command == kProxy && length < AddressesSize(family)) return Broken("version 2: shorter than its addresses");
  if (kFixed2 + length > kMaxProxyHeader) return Broken("version 2: longer than 4096 bytes");
  if (bytes.size() < kFixed2 + length) return ProxyRead();
  ProxyRead read;
  read.state = State::kHeader;
  read.size = kFixed2 + length;
  read.header.version = ProxyVersion::k2;
  if (command == kLocal) return read;  // whatever it holds is to be left alone
  const std::string_view whole = bytes.substr(0, read.size);
  if (family != kUnspecified) ReadAddresses(family, whole.substr(kFixed2), &read.header);
  const char* wrong = ReadTlvs(whole, kFixed2 + AddressesSize(family), want_tlvs ? &read.header.tlvs : nullptr);
  return wrong == nullptr ? read : Broken(wrong);
}

// Both ends in one family; IPv4 beside IPv6 is written as mapped IPv6.
struct Ends {
  bool v6 = false;
  std::string source, destination;  // network order
};
std::optional<Ends> IpEnds(const Address& source, const Address& destination) {
  if (!source.is_ip() || !destination.is_ip()) return std::nullopt;
  Ends ends;
  ends.v6 = source.family() == AF_INET6 || destination.family() == AF_INET6;
  const auto bytes = [&](const Address& address) {
    std::string ip(address.ip_bytes());
    return ends.v6 && ip.size() == 4 ? std::string(10, '\0') + "\xff\xff" + ip : ip;
  };
  ends.source = bytes(source);
  ends.destination = bytes(destination);
  return ends;
}

std::string WriteText(const Address& source, const Address& destination) {
  const auto ends = IpEnds(source, destination);
  if (!ends) return "PROXY UNKNOWN\r\n";
  const auto text = [&](const Address& address) {
    return ends->v6 && address.family() == AF_INET ? "::ffff:" + address.ip() : address.ip();
  };
  return std::string("PROXY ") + (ends->v6 ? "TCP6 " : "TCP4 ") + text(source) + " " + text(destination) + " " +
         std::to_string(source.port()) + " " + std::to_string(destination.port()) + "\r\n";
}

std::string UnixField(const Address& address) {
  std::string path = address.family() == AF_UNIX ? address.ip() : std::string();
  path.resize(kUnixPath);
  return path;
}

std::string WriteBinary(const Address& source, const Address& destination, const std::vector<ProxyTlv>& tlvs) {
  std::string block;
  uint8_t family = kUnspecified;
  if (const auto ends = IpEnds(source, destination)) {
    family = ends->v6 ? kTcp6 : kTcp4;
    block = ends->source + ends->destination;
    Put16(source.port(), &block);
    Put16(destination.port(), &block);
  } else if (source.family() == AF_UNIX || destination.family() == AF_UNIX) {
    family = kUnixStream;
    block = UnixField(source) + UnixField(destination);
  }
  for (const ProxyTlv& tlv : tlvs) {
    if (kFixed2 + block.size() + 3 + tlv.value.size() > kMaxProxyHeader) break;
    block += static_cast<char>(tlv.type);
    Put16(tlv.value.size(), &block);
    block += tlv.value;
  }
  std::string header(kSignature2);
  header += static_cast<char>(source.valid() ? kProxy : kLocal);
  header += static_cast<char>(family);
  Put16(block.size(), &header);
  return header + block;
}

}  // namespace

ProxyRead ReadProxyHeader(std::string_view bytes, bool want_tlvs) {
  if (bytes.starts_with(kSignature1)) return ReadText(bytes);
  if (bytes.starts_with(kSignature2)) return ReadBinary(bytes, want_tlvs);
  ProxyRead read;
  if (!Begins(bytes, kSignature1) && !Begins(bytes, kSignature2)) read.state = State::kNone;
  return read;
}

std::string WriteProxyHeader(ProxyVersion version, const Address& source, const Address& destination,
                             const std::vector<ProxyTlv>& tlvs) {
  switch (version) {
    case ProxyVersion::kNone: break;
    case ProxyVersion::k1: return WriteText(source, destination);
    case ProxyVersion::k2: return WriteBinary(source, destination, tlvs);
  }
  return {};
}

}  // namespace weft::detect
