#include "proxy/base/address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstddef>
#include <cstring>
#include <functional>

#include "proxy/base/parse_number.h"

namespace weft::base {

std::optional<Address> Address::FromIp(std::string_view ip, uint16_t port) {
  const std::string text(ip);
  Address address;
  if (inet_pton(AF_INET, text.c_str(), &address.storage_.v4.sin_addr) == 1) {
    address.storage_.v4.sin_family = AF_INET;
    address.storage_.v4.sin_port = htons(port);
    return address;
  }
  address = Address();
  if (inet_pton(AF_INET6, text.c_str(), &address.storage_.v6.sin6_addr) == 1) {
    address.storage_.v6.sin6_family = AF_INET6;
    address.storage_.v6.sin6_port = htons(port);
    return address;
  }
  return std::nullopt;
}

std::optional<Address> Address::Parse(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = base::ParseNumber<uint16_t>(text.substr(colon + 1));
  if (!port) return std::nullopt;
  std::string_view ip = text.substr(0, colon);
  const bool brackets = ip.size() >= 2 && ip.front() == '[' && ip.back() == ']';
  if (brackets) ip = ip.substr(1, ip.size() - 2);
  if (!brackets && ip.find(':') != std::string_view::npos) return std::nullopt;  // [::1]:80, not ::1:80
  return FromIp(ip, *port);
}

std::optional<Address> Address::FromPath(std::string_view path) {
  Address address;
  if (path.empty() || path.size() >= sizeof address.storage_.path.sun_path) return std::nullopt;
  address.storage_.path.sun_family = AF_UNIX;
  std::memcpy(address.storage_.path.sun_path, path.data(), path.size());
  return address;
}

Address Address::FromSockaddr(const sockaddr* raw, socklen_t length) {
  Address address;
  if (length > sizeof address.storage_ || length < sizeof(sa_family_t)) return address;
  std::memcpy(&address.storage_, raw, length);
  if (address.family() == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address.storage_.v6.sin6_addr)) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = address.storage_.v6.sin6_port;
    std::memcpy(&v4.sin_addr, address.storage_.v6.sin6_addr.s6_addr + 12, 4);
    address = Address();
    address.storage_.v4 = v4;
  }
  return address;
}

bool Address::is_loopback() const {
  if (family() == AF_INET) return (ntohl(storage_.v4.sin_addr.s_addr) >> 24) == 127;
  if (family() == AF_INET6) return IN6_IS_ADDR_LOOPBACK(&storage_.v6.sin6_addr);
  return family() == AF_UNIX;
}

bool Address::is_wildcard() const {
  if (family() == AF_INET) return storage_.v4.sin_addr.s_addr == INADDR_ANY;
  return family() == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&storage_.v6.sin6_addr);
}

uint16_t Address::port() const {
  if (family() == AF_INET) return ntohs(storage_.v4.sin_port);
  if (family() == AF_INET6) return ntohs(storage_.v6.sin6_port);
  return 0;
}

Address Address::WithPort(uint16_t port) const {
  Address other = *this;
  if (family() == AF_INET) other.storage_.v4.sin_port = htons(port);
  if (family() == AF_INET6) other.storage_.v6.sin6_port = htons(port);
  return other;
}

std::string_view Address::IpTo(char* room) const {
  if (family() == AF_INET && inet_ntop(AF_INET, &storage_.v4.sin_addr, room, INET_ADDRSTRLEN)) return room;
  if (family() == AF_INET6 && inet_ntop(AF_INET6, &storage_.v6.sin6_addr, room, INET6_ADDRSTRLEN)) return room;
  if (family() == AF_UNIX) return std::strcpy(room, storage_.path.sun_path);
  return {};
}

std::string_view Address::TextTo(char* room) const {
  static constexpr std::string_view kUnix = "unix:";
  if (family() == AF_UNIX) {
    std::memcpy(room, kUnix.data(), kUnix.size());
    return {room, kUnix.size() + IpTo(room + kUnix.size()).size()};
  }
  if (!is_ip()) return "-";
  char* at = room;
  if (family() == AF_INET6) *at++ = '[';
  at += IpTo(at).size();
  if (family() == AF_INET6) *at++ = ']';
  *at++ = ':';
  at = std::to_chars(at, at + 5, port()).ptr;
  return {room, static_cast<size_t>(at - room)};
}

socklen_t Address::raw_size() const {
  if (family() == AF_INET) return sizeof(sockaddr_in);
  if (family() == AF_INET6) return sizeof(sockaddr_in6);
  if (family() == AF_UNIX) return offsetof(sockaddr_un, sun_path) + std::strlen(storage_.path.sun_path) + 1;
  return 0;
}

std::string_view Address::ip_bytes() const {
  if (family() == AF_INET) return {reinterpret_cast<const char*>(&storage_.v4.sin_addr), 4};
  if (family() == AF_INET6) return {reinterpret_cast<const char*>(&storage_.v6.sin6_addr), 16};
  return {};
}

bool operator==(const Address& a, const Address& b) {
  if (a.family() != b.family()) return false;
  if (a.is_ip()) return a.port() == b.port() && a.ip_bytes() == b.ip_bytes();
  return std::strcmp(a.storage_.path.sun_path, b.storage_.path.sun_path) == 0;
}

size_t Address::Hash() const {
  const size_t seed = std::hash<std::string_view>{}(is_ip() ? ip_bytes() : std::string_view(storage_.path.sun_path));
  return seed * 31 + port();
}

std::optional<Cidr> Cidr::Make(std::string_view ip, uint32_t length) {
  auto prefix = Address::FromIp(ip, 0);
  if (!prefix || length > prefix->ip_bytes().size() * 8) return std::nullopt;
  Cidr cidr;
  cidr.prefix_ = *prefix;
  cidr.length_ = length;
  return cidr;
}

bool Cidr::Contains(const Address& address) const {
  if (address.family() != prefix_.family()) return false;
  const std::string_view a = address.ip_bytes();
  const std::string_view b = prefix_.ip_bytes();
  const size_t whole = length_ / 8;
  if (a.substr(0, whole) != b.substr(0, whole)) return false;
  const uint32_t rest = length_ % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<unsigned char>(0xff << (8 - rest));
  return (static_cast<unsigned char>(a[whole]) & mask) == (static_cast<unsigned char>(b[whole]) & mask);
}

}  // namespace weft::base
