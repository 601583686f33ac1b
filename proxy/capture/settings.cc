#include "proxy/capture/settings.h"

#include <net/if.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "proxy/base/parse_number.h"

namespace weft::capture {
namespace {

std::optional<uint16_t> Port(std::string_view text) {
  const std::optional<uint16_t> port = base::ParseNumber<uint16_t>(text);
  return port == uint16_t{0} ? std::nullopt : port;
}

std::optional<PortRange> Range(std::string_view item) {
  const size_t dash = item.find('-');
  const std::optional<uint16_t> first = Port(item.substr(0, dash));
  const std::optional<uint16_t> last = dash == item.npos ? first : Port(item.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return PortRange{*first, *last};
}

// The bits after the prefix are all zero.
bool IsNetwork(const base::Cidr& cidr) {
  const std::string_view bytes = cidr.prefix().ip_bytes();
  for (size_t bit = cidr.length(); bit < bytes.size() * 8; ++bit) {
    if ((static_cast<unsigned char>(bytes[bit / 8]) >> (7 - bit % 8)) & 1) return false;
  }
  return true;
}

std::optional<base::Cidr> Network(std::string_view item) {
  const size_t slash = item.find('/');
  const std::string_view ip = item.substr(0, slash);
  const std::optional<base::Address> address = base::Address::FromIp(ip, 0);
  if (!address) return std::nullopt;
  std::optional<uint32_t> length = static_cast<uint32_t>(address->ip_bytes().size() * 8);
  if (slash != item.npos) length = base::ParseNumber<uint32_t>(item.substr(slash + 1));
  if (!length) return std::nullopt;
  std::optional<base::Cidr> cidr = base::Cidr::Make(ip, *length);
  return cidr && IsNetwork(*cidr) ? cidr : std::nullopt;
}

bool IsInterface(std::string_view name) {
  if (!name.empty() && name.back() == '*') name.remove_suffix(1);
  return !name.empty() && name.size() < IFNAMSIZ &&
         std::all_of(
             name.begin(), name.end(),
             [](unsigned char c) {
               return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') || c == '_' ||
                      c == '-' || c == '.' || c == '@' || c == ':';
             });
}

}  // namespace

absl::StatusOr<std::vector<PortRange>> ParsePorts(const std::vector<std::string>& items) {
  std::vector<PortRange> ranges;
  for (const std::string& item : items) {
    const std::optional<PortRange> range = Range(item);
    if (!range) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", item, "' is not a port; expected 1 to 65535, or a range such as 8000-8010"));
    }
    ranges.push_back(*range);
  }
  std::sort(ranges.begin(), ranges.end(), [](PortRange a, PortRange b) { return a.first < b.first; });
  std::vector<PortRange> merged;
  for (const PortRange range : ranges) {
    if (!merged.empty() && range.first <= merged.back().last + 1) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

absl::StatusOr<std::vector<base::Cidr>> ParseCidrs(const std::vector<std::string>& items) {
  std::vector<base::Cidr> networks;
  for (const std::string& item : items) {
    const std::optional<base::Cidr> network = Network(item);
    if (!network) {
      return absl::InvalidArgumentError(absl::StrCat(
          "'", item, "' is not a network; expected an address, or a prefix without further bits, such as 10.0.0.0/8"));
    }
    networks.push_back(*network);
  }
  // The widest first, so that one that lies within another comes after it and is left out.
  std::sort(networks.begin(), networks.end(), [](const base::Cidr& a, const base::Cidr& b) {
    return std::pair(a.length(), a.prefix().ip_bytes()) < std::pair(b.length(), b.prefix().ip_bytes());
  });
  std::vector<base::Cidr> kept;
  for (const base::Cidr& network : networks) {
    if (std::none_of(kept.begin(), kept.end(),
                     [&](const base::Cidr& wider) { return wider.Contains(network.prefix()); })) {
      kept.push_back(network);
    }
  }
  return kept;
}

absl::StatusOr<std::vector<std::string>> ParseInterfaces(const std::vector<std::string>& items) {
  std::vector<std::string> names = items;
  for (const std::string& name : names) {
    if (!IsInterface(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", name, "' is not the name of an interface; expected one such as eth1, or docker*"));
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

absl::Status Check(const Settings& settings) {
  if (settings.inbound_port == settings.outbound_port) {
    return absl::InvalidArgumentError(
        absl::StrCat("inbound and outbound traffic cannot both go to port ", settings.inbound_port));
  }
  if (settings.ipv4_only) {
    for (const std::vector<base::Cidr>* list : {&settings.include_outbound_cidrs, &settings.exclude_outbound_cidrs}) {
      for (const base::Cidr& network : *list) {
        if (network.prefix().family() == AF_INET6) {
          return absl::InvalidArgumentError(
              absl::StrCat(network.prefix().ip(), "/", network.length(), " is IPv6, but --ipv4-only was given"));
        }
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace weft::capture
