// Specs: validated plain values, the proxy's own form of the xDS messages. The conversion (listener_from_xds.h …) has
// checked every field and applied Envoy's defaults; nothing behind this line looks at a proto. Plain values; any
// thread.
#ifndef WEFT_PROXY_CONFIG_SPEC_H_
#define WEFT_PROXY_CONFIG_SPEC_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/config/l4_spec.h"
#include "proxy/config/route_spec.h"
#include "proxy/config/tls_spec.h"
#include "proxy/http/path.h"
#include "proxy/runtime/clock.h"

namespace weft::config {

using runtime::Duration;

enum class Direction : uint8_t { kUnspecified, kInbound, kOutbound };

// FilterChainMatch (envoy.config.listener.v3), field by field; an empty member matches everything.
struct FilterChainMatchSpec {
  std::optional<uint16_t> destination_port;
  std::vector<base::Cidr> destination_prefixes;
  std::vector<std::string> server_names;  // lower case; "*.example.com" is a suffix wildcard
  std::string transport_protocol;         // "", "tls", "raw_buffer"
  std::vector<std::string> application_protocols;
  enum class SourceType : uint8_t { kAny, kSameIpOrLoopback, kExternal } source_type = SourceType::kAny;
  std::vector<base::Cidr> direct_source_prefixes;  // of who connected, whatever a PROXY header says
  std::vector<base::Cidr> source_prefixes;
  std::vector<uint16_t> source_ports;
  // Ours, `hidden_name` in the chain's metadata "weft.dev": what becomes of a ClientHello whose true name is, or may
  // be, encrypted (detect/client_hello.h). By address: server_names is not held against it.
  enum class HiddenName : uint8_t { kAllow, kDeny, kByAddress } hidden_name = HiddenName::kAllow;
};

struct WeightedName {
  std::string name;
  uint32_t weight = 1;
};

struct AccessLogSpec {
  enum class Sink : uint8_t { kFile, kStdout, kStderr } sink = Sink::kStdout;
  std::string path;                                              // of kFile
  std::string text_format;                                       // "" and no json: Envoy's default format
  std::vector<std::pair<std::string, std::string>> json_format;  // key → command text
};

// TcpProxy.
struct TcpProxySpec {
  std::string stat_prefix;
  std::vector<WeightedName> clusters;             // one with weight 1 for a plain `cluster`
  Duration idle_timeout = std::chrono::hours(1);  // without bytes either way; 0: never
  // Other endpoints are tried after one that cannot be reached; none: at most three others, while there are some
  // (Envoy: 1 try).
  std::optional<uint32_t> max_connect_attempts;
  std::vector<AccessLogSpec> access_logs;
};

enum class ForwardClientCert : uint8_t { kSanitize, kForwardOnly, kAppendForward, kSanitizeSet, kAlwaysForwardOnly };

// HttpConnectionManager.
struct HttpConnectionSpec {
  std::string stat_prefix;
  enum class Codec : uint8_t { kAuto, kHttp1, kHttp2 } codec = Codec::kAuto;
  std::string rds_name;  // route_config_name; empty: routes are inline
  std::optional<RouteTableSpec> inline_routes;
  uint32_t max_request_headers_kb = 60;
  uint32_t max_headers_count = 100;
  uint32_t max_requests_per_connection = 0;       // 0: no limit
  Duration idle_timeout = std::chrono::hours(1);  // of a connection without a request
  Duration stream_idle_timeout = std::chrono::minutes(5);
  Duration request_timeout{};          // 0: none
  Duration request_headers_timeout{};  // 0: none
  bool use_remote_address = false;
  uint32_t xff_num_trusted_hops = 0;
  bool skip_xff_append = false;
  std::string via;
  std::string server_name = "weft";
  enum class ServerHeader : uint8_t {
    kOverwrite,
    kAppendIfAbsent,
    kPassThrough
  } server_header = ServerHeader::kOverwrite;
  bool generate_request_id = true;
  bool preserve_external_request_id = false;
  ForwardClientCert forward_client_cert = ForwardClientCert::kSanitize;
  http::PathRules path;
  bool accept_http_10 = false;             // Envoy: 426 otherwise
  std::string default_host_for_http_10;    // of a request without Host; "": it is refused
  std::vector<std::string> upgrade_types;  // lower case, enabled ones: "websocket"
  std::vector<AccessLogSpec> access_logs;
};

// FilterChain. Exactly one of http and tcp is set.
struct FilterChainSpec {
  std::string name;
  FilterChainMatchSpec match;
  Preamble preamble = Preamble::kNone;
  std::optional<DownstreamTlsSpec> tls;
  Duration tls_timeout = std::chrono::seconds(15);  // transport_socket_connect_timeout
  std::optional<HttpConnectionSpec> http;
  std::optional<TcpProxySpec> tcp;
};

// The listener filter ProxyProtocol.
struct ProxyHeaderSpec {
  bool required = true;  // allow_requests_without_proxy_protocol is false
  bool version1 = true, version2 = true;
};

// Listener.
struct ListenerSpec {
  std::string name;
  std::vector<base::Address> addresses;  // address and additional_addresses
  bool bind_to_port = true;
  bool use_original_dst = false;  // hand over to the listener of the original destination
  bool original_dst_filter = false;
  bool tls_inspector = false;
  bool http_inspector = false;
  std::optional<ProxyHeaderSpec> proxy_header;  // connections begin with one
  bool transparent = false;
  Duration first_bytes_timeout = std::chrono::seconds(15);  // listener_filters_timeout; 0: never
  bool continue_on_first_bytes_timeout = false;
  Direction direction = Direction::kUnspecified;
  std::string service;  // metadata `weft.dev` service, for metric labels
  std::vector<FilterChainSpec> chains;
  std::optional<FilterChainSpec> default_chain;
};

struct CircuitBreakerSpec {
  uint32_t max_connections = 1024;
  uint32_t max_pending_requests = 1024;
  uint32_t max_requests = 1024;
  uint32_t max_retries = 3;
};

struct HostSpec {
  base::Address address;
  std::string hostname;  // STRICT_DNS: the name that is resolved, port in `address`
  uint32_t weight = 1;
  uint32_t priority = 0;
  bool healthy = true;
  std::string service, version, principal;  // LbEndpoint.metadata "weft.dev": labels for metrics
  // "envoy.transport_socket_match" metadata (text values), which assemble/ holds against the cluster's
  // transport_matches.
  std::vector<std::pair<std::string, std::string>> transport_metadata;
};

enum class Discovery : uint8_t { kStatic, kStrictDns, kEds, kOriginalDst };
enum class LoadBalancing : uint8_t { kRoundRobin, kLeastRequest, kRandom, kRingHash, kMaglev };
enum class UpstreamProtocol : uint8_t { kHttp1, kHttp2, kAuto };

struct TransportMatchSpec {
  std::string name;
  std::vector<std::pair<std::string, std::string>> match;  // all must equal the endpoint's metadata
  std::optional<UpstreamTlsSpec> tls;                      // none: raw_buffer
};

// Cluster.
struct ClusterSpec {
  std::string name;
  std::string stat_name;  // alt_stat_name or name
  Discovery discovery = Discovery::kStatic;
  std::string eds_service_name;  // "": the cluster's name
  Duration connect_timeout = std::chrono::seconds(5);
  LoadBalancing load_balancing = LoadBalancing::kRoundRobin;
  uint32_t least_request_choices = 2;
  std::vector<HostSpec> hosts;  // STATIC; STRICT_DNS: names to resolve
  std::optional<UpstreamTlsSpec> tls;
  std::vector<TransportMatchSpec> transport_matches;
  // ProxyProtocolUpstreamTransport: sent before everything else.
  ProxyHeaderVersion proxy_header = ProxyHeaderVersion::kNone;
  UpstreamProtocol protocol = UpstreamProtocol::kHttp1;
  uint32_t max_requests_per_connection = 0;
  Duration idle_timeout = std::chrono::hours(1);  // of a pooled connection
  CircuitBreakerSpec limits;
  Duration dns_refresh = std::chrono::seconds(5);
  bool respect_dns_ttl = false;
  enum class DnsFamily : uint8_t { kAuto, kV4Only, kV6Only, kV4Preferred, kAll } dns_family = DnsFamily::kAuto;
  std::string service, service_namespace;  // metadata "weft.dev": labels for metrics
};

// ClusterLoadAssignment.
struct EndpointsSpec {
  std::string name;  // cluster_name
  std::vector<HostSpec> hosts;
};

// Secret. Exactly one is set.
struct SecretSpec {
  std::string name;
  std::optional<CertificateSpec> certificate;
  std::optional<ValidationSpec> validation;
  std::vector<TicketKeySpec> ticket_keys;  // not empty, where it is of this kind
};

}  // namespace weft::config

#endif  // WEFT_PROXY_CONFIG_SPEC_H_
