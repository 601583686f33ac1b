// Listener, FilterChain and FilterChainMatch (envoy.config.listener.v3).
#include <map>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "proxy/config/from_xds.h"
#include "proxy/config/parts.h"
#include "proxy/config/values.h"
#include "schema/problem.h"

namespace weft::config {
namespace {

namespace listener = envoy::config::listener::v3;
namespace filters = envoy::extensions::filters;
using Manager = filters::network::http_connection_manager::v3::HttpConnectionManager;
using TcpProxy = filters::network::tcp_proxy::v3::TcpProxy;

void AddServerName(const std::string& text, const Place& place, std::vector<std::string>* to) {
  const std::string name = absl::AsciiStrToLower(text);
  const size_t star = name.rfind('*');
  if (name.empty() || (star != std::string::npos && (star != 0 || name.size() < 3 || name[1] != '.'))) {
    place.Problem("expected a name such as a.example.com or *.example.com, found " + schema::Quoted(text));
  }
  to->push_back(name);
}

FilterChainMatchSpec::SourceType SourceTypeOf(const listener::FilterChainMatch& message, const Place& place) {
  using SourceType = FilterChainMatchSpec::SourceType;
  switch (message.source_type()) {
    case listener::FilterChainMatch::ANY: return SourceType::kAny;
    case listener::FilterChainMatch::SAME_IP_OR_LOOPBACK: return SourceType::kSameIpOrLoopback;
    case listener::FilterChainMatch::EXTERNAL: return SourceType::kExternal;
    default:
      place.Field("source_type").Problem("expected ANY, SAME_IP_OR_LOOPBACK or EXTERNAL");
      return SourceType::kAny;
  }
}

FilterChainMatchSpec ChainMatchFromXds(const listener::FilterChainMatch& message, const Place& place) {
  CheckFields(message, place,
              {.read = {"destination_port", "prefix_ranges", "source_type", "direct_source_prefix_ranges",
                        "source_prefix_ranges", "source_ports", "server_names", "transport_protocol",
                        "application_protocols"}});
  FilterChainMatchSpec spec;
  if (message.has_destination_port()) {
    spec.destination_port = PortOf(message.destination_port().value(), place.Field("destination_port"), 1);
  }
  spec.destination_prefixes = CidrsOf(message.prefix_ranges(), place, "prefix_ranges");
  for (int i = 0; i < message.server_names_size(); ++i) {
    AddServerName(message.server_names(i), place.Field("server_names", size_t(i)), &spec.server_names);
  }
  spec.transport_protocol = message.transport_protocol();
  if (!spec.transport_protocol.empty() && spec.transport_protocol != "tls" && spec.transport_protocol != "raw_buffer") {
    place.Field("transport_protocol")
        .Problem("expected tls or raw_buffer, found " + schema::Quoted(spec.transport_protocol));
  }
  spec.application_protocols.assign(message.application_protocols().begin(), message.application_protocols().end());
  spec.source_type = SourceTypeOf(message, place);
  spec.direct_source_prefixes = CidrsOf(message.direct_source_prefix_ranges(), place, "direct_source_prefix_ranges");
  spec.source_prefixes = CidrsOf(message.source_prefix_ranges(), place, "source_prefix_ranges");
  for (int i = 0; i < message.source_ports_size(); ++i) {
    spec.source_ports.push_back(PortOf(message.source_ports(i), place.Field("source_ports", size_t(i)), 1));
  }
  return spec;
}

FilterChainMatchSpec::HiddenName HiddenNameOf(const std::string& word, const Place& place) {
  using HiddenName = FilterChainMatchSpec::HiddenName;
  if (word == "deny") return HiddenName::kDeny;
  if (word == "by-address") return HiddenName::kByAddress;
  if (word != "allow") place.Problem("expected allow, deny or by-address, found " + schema::Quoted(word));
  return HiddenName::kAllow;
}

Preamble PreambleOf(const std::string& word, const Place& place) {
  if (word != "postgres") place.Problem("expected postgres, found " + schema::Quoted(word));
  return Preamble::kPostgres;
}

// What is ours and has no field in xDS: a stock Envoy does not look at it.
void ReadChainMetadata(const listener::FilterChain& message, const Place& place, FilterChainSpec* spec) {
  const Place metadata = place.Field("metadata");
  const Place ours = metadata.Key("filter_metadata", "weft.dev");
  for (const auto& [key, word] : TextMetadata(message.metadata(), "weft.dev", metadata)) {
    if (key == "hidden_name") {
      spec->match.hidden_name = HiddenNameOf(word, ours.Field(key));
    } else if (key == "preamble") {
      spec->preamble = PreambleOf(word, ours.Field(key));
    } else {
      ours.Field(key).Note("nothing reads it");
    }
  }
}

// The last network filter is the one that serves; we have none that goes before it.
void ReadFilter(const listener::Filter& filter, const Place& place, FilterChainSpec* spec) {
  CheckFields(filter, place, {.read = {"name", "typed_config"}});
  const Place config = place.Field("typed_config");
  Manager manager;
  TcpProxy proxy;
  if (spec->http || spec->tcp) place.Problem("stands behind a filter that must be last");
  if (Unpack(filter.typed_config(), config, &manager)) {
    spec->http = HttpFromXds(manager, config);
  } else if (Unpack(filter.typed_config(), config, &proxy)) {
    spec->tcp = TcpFromXds(proxy, config);
  } else if (!filter.has_config_discovery()) {
    RefuseType(filter.typed_config(), config, "HttpConnectionManager or TcpProxy");
  }
}

FilterChainSpec ChainFromXds(const listener::FilterChain& message, const Place& place) {
  CheckFields(message, place,
              {.read = {"filter_chain_match", "filters", "metadata", "transport_socket",
                        "transport_socket_connect_timeout", "name"}});
  FilterChainSpec spec;
  spec.name = message.name();
  spec.match = ChainMatchFromXds(message.filter_chain_match(), place.Field("filter_chain_match"));
  ReadChainMetadata(message, place, &spec);
  if (message.has_transport_socket())
    spec.tls = DownstreamTlsFromXds(message.transport_socket(), place.Field("transport_socket"));
  if (message.has_transport_socket_connect_timeout()) {
    spec.tls_timeout =
        DurationOf(message.transport_socket_connect_timeout(), place.Field("transport_socket_connect_timeout"));
  }
  for (int i = 0; i < message.filters_size(); ++i)
    ReadFilter(message.filters(i), place.Field("filters", size_t(i)), &spec);
  if (message.filters_size() == 0) place.Problem("filters is missing: expected an HttpConnectionManager or a TcpProxy");
  return spec;
}

void ReadAddresses(const listener::Listener& message, const Place& place, ListenerSpec* spec) {
  if (message.has_address()) {
    spec->addresses.push_back(AddressOf(message.address(), place.Field("address")));
  } else {
    place.Problem("address is missing");
  }
  for (int i = 0; i < message.additional_addresses_size(); ++i) {
    spec->addresses.push_back(AddressOf(message.additional_addresses(i).address(),
                                        place.Field("additional_addresses", size_t(i)).Field("address")));
  }
}

void ReadChains(const listener::Listener& message, const Place& place, ListenerSpec* spec) {
  std::map<std::string, int> matches;
  for (int i = 0; i < message.filter_chains_size(); ++i) {
    const listener::FilterChain& chain = message.filter_chains(i);
    const Place at = place.Field("filter_chains", size_t(i));
    spec->chains.push_back(ChainFromXds(chain, at));
    const auto [same, is_new] = matches.emplace(chain.filter_chain_match().SerializeAsString(), i);
    if (!is_new) at.Problem("filter_chain_match is that of filter_chains[" + std::to_string(same->second) + "]");
  }
  if (message.has_default_filter_chain()) {
    const Place at = place.Field("default_filter_chain");
    spec->default_chain = ChainFromXds(message.default_filter_chain(), at);
    if (message.default_filter_chain().has_filter_chain_match())
      at.Field("filter_chain_match").Note("accepted and ignored");
  }
  if (spec->chains.empty() && !spec->default_chain)
    place.Problem("there is neither filter_chains nor default_filter_chain");
}

Direction DirectionOf(const listener::Listener& message, const Place& place) {
  switch (message.traffic_direction()) {
    case envoy::config::core::v3::UNSPECIFIED: return Direction::kUnspecified;
    case envoy::config::core::v3::INBOUND: return Direction::kInbound;
    case envoy::config::core::v3::OUTBOUND: return Direction::kOutbound;
    default: place.Field("traffic_direction").Problem("expected INBOUND or OUTBOUND"); return Direction::kUnspecified;
  }
}

}  // namespace

ListenerSpec ListenerFromXds(const listener::Listener& message, Findings* findings) {
  const Place place(findings);
  CheckUnknown(message, place);
  CheckFields(
      message, place,
      {.read = {"name", "address", "additional_addresses", "filter_chains", "use_original_dst", "default_filter_chain",
                "metadata", "listener_filters", "listener_filters_timeout", "continue_on_listener_filters_timeout",
                "transparent", "traffic_direction", "bind_to_port"},
       .ignored = {"stat_prefix", "per_connection_buffer_limit_bytes", "drain_type", "freebind", "socket_options",
                   "enable_reuse_port", "access_log", "tcp_backlog_size", "ignore_global_conn_limit"}});
  ListenerSpec spec;
  ReadAddresses(message, place, &spec);
  spec.name = message.name();
  if (spec.name.empty() && !spec.addresses.empty()) spec.name = spec.addresses.front().ToString();
  spec.bind_to_port = !message.has_bind_to_port() || message.bind_to_port().value();
  spec.use_original_dst = message.use_original_dst().value();
  spec.transparent = message.transparent().value();
  spec.direction = DirectionOf(message, place);
  for (int i = 0; i < message.listener_filters_size(); ++i) {
    ListenerFilterFromXds(message.listener_filters(i), place.Field("listener_filters", size_t(i)), &spec);
  }
  if (message.has_listener_filters_timeout()) {
    spec.first_bytes_timeout = DurationOf(message.listener_filters_timeout(), place.Field("listener_filters_timeout"));
  }
  spec.continue_on_first_bytes_timeout = message.continue_on_listener_filters_timeout();
  spec.service = ServiceName(TextMetadata(message.metadata(), "weft.dev", place.Field("metadata")));
  ReadChains(message, place, &spec);
  InspectIfNeeded(place, &spec);
  return spec;
}

}  // namespace weft::config
