#include "control/compile/proxy_identity.h"

#include <algorithm>
#include <optional>

#include "absl/status/status.h"
#include "control/source/names.h"
#include "pki/spiffe_id.h"

namespace weft::control::compile {
namespace {

using google::protobuf::Struct;

const google::protobuf::Value* Find(const Struct& metadata, const char* key) {
  const auto it = metadata.fields().find(key);
  return it == metadata.fields().end() ? nullptr : &it->second;
}

std::string TextOf(const Struct& metadata, const char* key) {
  const google::protobuf::Value* value = Find(metadata, key);
  return value == nullptr ? std::string() : value->string_value();
}

void AddAddresses(std::string_view list, std::vector<std::string>* addresses) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    std::string_view text = list.substr(0, comma);
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    if (std::string ip = source::CanonicalIp(text); !ip.empty()) addresses->push_back(std::move(ip));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

// "NS/SA" or "NS/SA/INSTANCE".
std::optional<ProxyIdentity> FromParts(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  ProxyIdentity proxy;
  proxy.ns = text.substr(0, slash);
  text.remove_prefix(slash + 1);
  proxy.service_account = text.substr(0, text.find('/'));
  if (proxy.ns.empty() || proxy.service_account.empty()) return std::nullopt;
  return proxy;
}

ProxyIdentity FromNodeId(std::string_view node_id) {
  if (const auto id = pki::ParseSpiffeId(node_id); id.ok()) return {id->ns, id->service_account, {}};
  return FromParts(node_id).value_or(ProxyIdentity{"default", "default", {}});
}

}  // namespace

absl::StatusOr<ProxyIdentity> VerifiedIdentity(std::string_view spiffe_id, std::string_view trust_domain,
                                               const Struct& metadata) {
  const auto id = pki::ParseSpiffeId(spiffe_id);
  if (!id.ok()) return id.status();
  if (id->trust_domain != trust_domain) {
    return absl::InvalidArgumentError(std::string(spiffe_id) + " is not of the trust domain " +
                                      std::string(trust_domain));
  }
  return ProxyIdentity{id->ns, id->service_account, InstanceAddresses(metadata)};
}

ProxyIdentity ClaimedIdentity(std::string_view node_id, const Struct& metadata) {
  ProxyIdentity proxy = FromNodeId(node_id);
  if (std::string ns = TextOf(metadata, "NAMESPACE"); !ns.empty()) proxy.ns = std::move(ns);
  if (std::string account = TextOf(metadata, "SERVICE_ACCOUNT"); !account.empty())
    proxy.service_account = std::move(account);
  proxy.addresses = InstanceAddresses(metadata);
  return proxy;
}

std::vector<std::string> InstanceAddresses(const Struct& metadata) {
  std::vector<std::string> addresses;
  const google::protobuf::Value* value = Find(metadata, "INSTANCE_IPS");
  if (value == nullptr) return addresses;
  AddAddresses(value->string_value(), &addresses);
  for (const auto& entry : value->list_value().values()) AddAddresses(entry.string_value(), &addresses);
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

}  // namespace weft::control::compile
