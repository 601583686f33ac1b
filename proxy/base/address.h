// A socket address: IPv4, IPv6 or a unix path. Plain value; any thread.
#ifndef WEFT_PROXY_BASE_ADDRESS_H_
#define WEFT_PROXY_BASE_ADDRESS_H_

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weft::base {

class Address {
 public:
  Address() = default;  // family AF_UNSPEC: "no address"

  // `ip` without brackets; nullopt when it is neither IPv4 nor IPv6.
  static std::optional<Address> FromIp(std::string_view ip, uint16_t port);
  // "1.2.3.4:80" or "[::1]:80".
  static std::optional<Address> Parse(std::string_view text);
  // nullopt when the path is too long for sockaddr_un.
  static std::optional<Address> FromPath(std::string_view path);
  // IPv4-mapped IPv6 (::ffff:a.b.c.d) becomes plain IPv4, so that one peer has one name.
  static Address FromSockaddr(const sockaddr* address, socklen_t length);

  bool valid() const { return family() != AF_UNSPEC; }
  sa_family_t family() const { return storage_.base.sa_family; }
  bool is_ip() const { return family() == AF_INET || family() == AF_INET6; }
  bool is_loopback() const;
  bool is_wildcard() const;
  uint16_t port() const;
  Address WithPort(uint16_t port) const;
  // The address without port, "1.2.3.4" or "::1"; the path of a unix socket.
  std::string ip() const { return std::string(IpTo(Text().data())); }
  // "1.2.3.4:80", "[::1]:80", "unix:/path".
  std::string ToString() const { return std::string(TextTo(Text().data())); }
  // The same without an allocation, into the caller's room.
  using Text = std::array<char, 128>;
  std::string_view IpTo(char* room) const;
  std::string_view TextTo(char* room) const;

  const sockaddr* raw() const { return &storage_.base; }
  socklen_t raw_size() const;

  // The address' bytes in network order: 4, 16 or 0.
  std::string_view ip_bytes() const;

  friend bool operator==(const Address& a, const Address& b);
  size_t Hash() const;

 private:
  union Storage {
    sockaddr base;
    sockaddr_in v4;
    sockaddr_in6 v6;
    sockaddr_un path;
    Storage() : path{} {}
  } storage_;
};

// An IP prefix such as 10.0.0.0/8.
class Cidr {
 public:
  // `length` above the family's bits is nullopt.
  static std::optional<Cidr> Make(std::string_view ip, uint32_t length);
  bool Contains(const Address& address) const;
  uint32_t length() const { return length_; }
  const Address& prefix() const { return prefix_; }

 private:
  Address prefix_;
  uint32_t length_ = 0;
};

struct AddressHash {
  size_t operator()(const Address& address) const { return address.Hash(); }
};

}  // namespace weft::base

#endif  // WEFT_PROXY_BASE_ADDRESS_H_
