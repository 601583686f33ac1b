// Fuzzes ParseBootstrap: any text gives specs, or problems that each name the file.
//
// What is accepted is accepted again, as the same message, when we write it ourselves; and no spec breaks what the data
// path takes for granted: a chain has one way to serve, a route has somewhere to go, addresses are valid, no duration
// is negative.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "google/protobuf/util/message_differencer.h"
#include "proxy/base/check.h"
#include "proxy/config/bootstrap.h"
#include "schema/write.h"

namespace weft::config {
namespace {

void CheckRoute(const RouteSpec& route) {
  if (const auto* forward = std::get_if<ForwardSpec>(&route.action)) {
    WEFT_CHECK(!forward->clusters.empty() || !forward->cluster_header.empty());
    WEFT_CHECK(forward->timeout >= Duration::zero());
  } else if (const auto* direct = std::get_if<DirectResponseSpec>(&route.action)) {
    WEFT_CHECK(direct->status >= 200 && direct->status <= 599);
  }
}

void CheckChain(const FilterChainSpec& chain) {
  WEFT_CHECK(chain.http.has_value() != chain.tcp.has_value());
  if (chain.tls) WEFT_CHECK(!chain.tls->common.certificates.empty());
  if (chain.tcp) WEFT_CHECK(!chain.tcp->clusters.empty());
  if (!chain.http) return;
  WEFT_CHECK(chain.http->inline_routes.has_value() == chain.http->rds_name.empty());
  if (!chain.http->inline_routes) return;
  for (const VirtualHostSpec& host : chain.http->inline_routes->virtual_hosts) {
    WEFT_CHECK(!host.domains.empty());
    for (const RouteSpec& route : host.routes) CheckRoute(route);
  }
}

void CheckSpec(const BootstrapSpec& spec) {
  for (const ListenerSpec& listener : spec.listeners) {
    WEFT_CHECK(!listener.addresses.empty() && listener.addresses.front().valid());
    WEFT_CHECK(!listener.chains.empty() || listener.default_chain);
    for (const FilterChainSpec& chain : listener.chains) CheckChain(chain);
  }
  for (const ClusterSpec& cluster : spec.clusters) {
    WEFT_CHECK(!cluster.name.empty());
    WEFT_CHECK(cluster.connect_timeout > Duration::zero());
    for (const HostSpec& host : cluster.hosts) WEFT_CHECK(host.address.valid() && host.weight > 0);
  }
}

void CheckWrittenAgain(const BootstrapSpec& spec) {
  const auto json = schema::ToJson(spec.proto, schema::Spelling::kCamel);
  WEFT_CHECK(json.ok());
  const auto again = ParseBootstrap(*json, "again");
  WEFT_CHECK(again.ok());
  WEFT_CHECK(google::protobuf::util::MessageDifferencer::Equals(spec.proto, again->proto));
}

}  // namespace
}  // namespace weft::config

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.find("ilename") != text.npos) return 0;  // would read files, and devices that never end
  const auto spec = weft::config::ParseBootstrap(text, "f");
  if (!spec.ok()) {
    WEFT_CHECK(std::string(spec.status().message()).rfind("f:", 0) == 0);
    return 0;
  }
  weft::config::CheckSpec(*spec);
  weft::config::CheckWrittenAgain(*spec);
  return 0;
}
