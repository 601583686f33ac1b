// The listener filters (envoy.extensions.filters.listener): what is known of a connection before its chain is chosen.
#include <algorithm>
#include <string>

#include "envoy/extensions/filters/listener/http_inspector/v3/http_inspector.pb.h"
#include "envoy/extensions/filters/listener/original_dst/v3/original_dst.pb.h"
#include "envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.pb.h"
#include "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.pb.h"
#include "proxy/config/parts.h"

namespace weft::config {
namespace {

namespace filters = envoy::extensions::filters::listener;
using Version = envoy::config::core::v3::ProxyProtocolConfig;

ProxyHeaderSpec ProxyHeaderFromXds(const filters::proxy_protocol::v3::ProxyProtocol& message, const Place& place) {
  CheckFields(message, place,
              {.read = {"allow_requests_without_proxy_protocol", "disallowed_versions"}, .ignored = {"stat_prefix"}});
  ProxyHeaderSpec spec;
  spec.required = !message.allow_requests_without_proxy_protocol();
  for (int i = 0; i < message.disallowed_versions_size(); ++i) {
    switch (message.disallowed_versions(i)) {
      case Version::V1: spec.version1 = false; break;
      case Version::V2: spec.version2 = false; break;
      default: place.Field("disallowed_versions", size_t(i)).Problem("expected V1 or V2");
    }
  }
  if (!spec.version1 && !spec.version2) place.Field("disallowed_versions").Problem("no version is left");
  return spec;
}

}  // namespace

void ListenerFilterFromXds(const envoy::config::listener::v3::ListenerFilter& filter, const Place& place,
                           ListenerSpec* spec) {
  CheckFields(filter, place, {.read = {"name", "typed_config"}});
  const Place config = place.Field("typed_config");
  const google::protobuf::Any& any = filter.typed_config();
  filters::original_dst::v3::OriginalDst original_dst;
  filters::tls_inspector::v3::TlsInspector tls;
  filters::http_inspector::v3::HttpInspector http;
  filters::proxy_protocol::v3::ProxyProtocol proxy_protocol;
  if (Unpack(any, config, &original_dst)) {
    spec->original_dst_filter = true;
  } else if (Unpack(any, config, &tls)) {
    CheckFields(
        tls, config,
        {.read = {}, .ignored = {"enable_ja3_fingerprinting", "initial_read_buffer_size", "max_client_hello_size"}});
    spec->tls_inspector = true;
  } else if (Unpack(any, config, &http)) {
    spec->http_inspector = true;
  } else if (Unpack(any, config, &proxy_protocol)) {
    if (spec->tls_inspector || spec->http_inspector)
      place.Problem("stands behind an inspector, which would take the PROXY header for the client's first bytes");
    spec->proxy_header = ProxyHeaderFromXds(proxy_protocol, config);
  } else if (!filter.has_config_discovery()) {
    RefuseType(any, config, "OriginalDst, TlsInspector, HttpInspector or ProxyProtocol");
  }
}

void InspectIfNeeded(const Place& place, ListenerSpec* spec) {
  const bool needed = std::any_of(spec->chains.begin(), spec->chains.end(), [](const FilterChainSpec& chain) {
    const FilterChainMatchSpec& match = chain.match;
    return match.transport_protocol == "tls" || match.hidden_name == FilterChainMatchSpec::HiddenName::kDeny ||
           (match.transport_protocol.empty() && (!match.server_names.empty() || !match.application_protocols.empty()));
  });
  if (!needed || spec->tls_inspector) return;
  place.Note("filter chains ask for what only the tls_inspector sees: it was added");
  spec->tls_inspector = true;
}

}  // namespace weft::config
