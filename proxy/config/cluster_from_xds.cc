// Cluster (envoy.config.cluster.v3).
#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "envoy/extensions/load_balancing_policies/least_request/v3/least_request.pb.h"
#include "envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.pb.h"
#include "envoy/extensions/upstreams/http/v3/http.pb.h"
#include "proxy/config/from_xds.h"
#include "proxy/config/parts.h"
#include "proxy/config/values.h"
#include "schema/problem.h"

namespace weft::config {
namespace {

namespace cluster = envoy::config::cluster::v3;
namespace core = envoy::config::core::v3;
namespace policies = envoy::extensions::load_balancing_policies;
using Cluster = cluster::Cluster;
using HttpOptions = envoy::extensions::upstreams::http::v3::HttpProtocolOptions;

constexpr std::string_view kHttpOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

Discovery DiscoveryOf(const Cluster& message, const Place& place) {
  switch (message.type()) {
    case Cluster::STATIC: return Discovery::kStatic;
    case Cluster::STRICT_DNS: return Discovery::kStrictDns;
    case Cluster::EDS: return Discovery::kEds;
    case Cluster::ORIGINAL_DST: return Discovery::kOriginalDst;
    case Cluster::LOGICAL_DNS: place.Field("type").Unsupported("LOGICAL_DNS (STRICT_DNS is)"); break;
    default: place.Field("type").Problem("expected STATIC, STRICT_DNS, EDS or ORIGINAL_DST"); break;
  }
  return Discovery::kStatic;
}

void ReadHosts(const Cluster& message, const Place& place, ClusterSpec* spec) {
  const Place eds = place.Field("eds_cluster_config");
  if (spec->discovery == Discovery::kEds) {
    spec->eds_service_name = message.eds_cluster_config().service_name();
    if (!message.has_eds_cluster_config()) return place.Problem("eds_cluster_config is missing");
    CheckAds(message.eds_cluster_config().eds_config(), eds.Field("eds_config"),
             spec->eds_service_name.empty() ? spec->name : spec->eds_service_name);
  } else if (message.has_eds_cluster_config()) {
    eds.Problem("is for clusters of type EDS");
  }
  if (!message.has_load_assignment()) return;
  const Place assignment = place.Field("load_assignment");
  if (spec->discovery == Discovery::kEds || spec->discovery == Discovery::kOriginalDst) {
    return assignment.Problem("is for clusters of type STATIC and STRICT_DNS");
  }
  if (message.load_assignment().cluster_name().empty()) assignment.Field("cluster_name").Problem("the name is empty");
  spec->hosts = HostsFromXds(message.load_assignment(), spec->discovery == Discovery::kStrictDns, assignment);
}

// The first policy of the list that we have, as Envoy does.
void ReadPolicies(const cluster::LoadBalancingPolicy& message, const Place& place, ClusterSpec* spec) {
  for (int i = 0; i < message.policies_size(); ++i) {
    const google::protobuf::Any& any = message.policies(i).typed_extension_config().typed_config();
    const Place at = place.Field("policies", size_t(i)).Field("typed_extension_config").Field("typed_config");
    policies::least_request::v3::LeastRequest least;
    if (any.Is<policies::round_robin::v3::RoundRobin>()) {
      spec->load_balancing = LoadBalancing::kRoundRobin;
      return;
    }
    if (Unpack(any, at, &least)) {
      spec->load_balancing = LoadBalancing::kLeastRequest;
      spec->least_request_choices = ValueOr(least.has_choice_count(), least.choice_count(), 2);
      return;
    }
    at.Note("a policy that Weft does not have was passed over");
  }
  place.Problem("there is no policy that Weft has: RoundRobin or LeastRequest");
}

void ReadLoadBalancing(const Cluster& message, const Place& place, ClusterSpec* spec) {
  const Place policy = place.Field("lb_policy");
  const bool original = spec->discovery == Discovery::kOriginalDst;
  if (original != (message.lb_policy() == Cluster::CLUSTER_PROVIDED)) {
    policy.Problem(original ? "expected CLUSTER_PROVIDED in a cluster of type ORIGINAL_DST"
                            : "CLUSTER_PROVIDED is for clusters of type ORIGINAL_DST");
  }
  if (message.has_load_balancing_policy()) {
    return ReadPolicies(message.load_balancing_policy(), place.Field("load_balancing_policy"), spec);
  }
  switch (message.lb_policy()) {
    case Cluster::ROUND_ROBIN:
    case Cluster::CLUSTER_PROVIDED: spec->load_balancing = LoadBalancing::kRoundRobin; break;
    case Cluster::LEAST_REQUEST: spec->load_balancing = LoadBalancing::kLeastRequest; break;
    case Cluster::RANDOM: spec->load_balancing = LoadBalancing::kRandom; break;
    case Cluster::RING_HASH:
    case Cluster::MAGLEV: policy.Unsupported(Cluster::LbPolicy_Name(message.lb_policy())); break;
    default: policy.Problem("expected ROUND_ROBIN, LEAST_REQUEST, RANDOM or CLUSTER_PROVIDED"); break;
  }
  const auto& least = message.least_request_lb_config();
  const Place at = place.Field("least_request_lb_config");
  CheckFields(least, at, {.read = {"choice_count"}, .ignored = {"active_request_bias", "slow_start_config"}});
  spec->least_request_choices = ValueOr(least.has_choice_count(), least.choice_count(), 2);
  if (spec->least_request_choices < 2) at.Field("choice_count").Problem("expected at least 2");
}

void ReadCommonOptions(const core::HttpProtocolOptions& message, const Place& place, ClusterSpec* spec) {
  CheckFields(
      message, place,
      {.read = {"idle_timeout", "max_requests_per_connection", "headers_with_underscores_action"},
       .ignored = {"max_connection_duration", "max_headers_count", "max_stream_duration", "max_response_headers_kb"}});
  if (message.has_idle_timeout()) spec->idle_timeout = DurationOf(message.idle_timeout(), place.Field("idle_timeout"));
  if (message.has_max_requests_per_connection())
    spec->max_requests_per_connection = message.max_requests_per_connection().value();
}

void ReadHttpOptions(const HttpOptions& message, const Place& place, ClusterSpec* spec) {
  CheckFields(message, place,
              {.read = {"common_http_protocol_options", "explicit_http_config", "use_downstream_protocol_config",
                        "auto_config"},
               .ignored = {"hash_policy", "retry_policy"}});
  ReadCommonOptions(message.common_http_protocol_options(), place.Field("common_http_protocol_options"), spec);
  switch (message.upstream_protocol_options_case()) {
    case HttpOptions::kExplicitHttpConfig: {
      const auto& config = message.explicit_http_config();
      spec->protocol = config.has_http2_protocol_options() ? UpstreamProtocol::kHttp2 : UpstreamProtocol::kHttp1;
      if (config.protocol_config_case() == HttpOptions::ExplicitHttpConfig::PROTOCOL_CONFIG_NOT_SET) {
        place.Field("explicit_http_config").Problem("expected one of http_protocol_options, http2_protocol_options");
      }
      break;
    }
    case HttpOptions::kUseDownstreamProtocolConfig:
    case HttpOptions::kAutoConfig: spec->protocol = UpstreamProtocol::kHttp1; break;  // all that a downstream can be
    case HttpOptions::UPSTREAM_PROTOCOL_OPTIONS_NOT_SET:
      place.Problem("expected one of explicit_http_config, use_downstream_protocol_config, auto_config");
      break;
  }
}

void ReadProtocol(const Cluster& message, const Place& place, ClusterSpec* spec) {
  if (message.has_http2_protocol_options()) spec->protocol = UpstreamProtocol::kHttp2;  // the older forms
  spec->max_requests_per_connection = message.max_requests_per_connection().value();
  ReadCommonOptions(message.common_http_protocol_options(), place.Field("common_http_protocol_options"), spec);
  for (const auto& [name, any] : message.typed_extension_protocol_options()) {
    const Place at = place.Key("typed_extension_protocol_options", name);
    HttpOptions options;
    if (name == kHttpOptions && Unpack(any, at, &options)) {
      ReadHttpOptions(options, at, spec);
    } else {
      at.Unsupported();
    }
  }
}

void ReadLimits(const cluster::CircuitBreakers& message, const Place& place, ClusterSpec* spec) {
  CheckFields(message, place, {.read = {"thresholds"}, .ignored = {"per_host_thresholds"}});
  bool found = false;
  for (int i = 0; i < message.thresholds_size(); ++i) {
    const auto& limits = message.thresholds(i);
    const Place at = place.Field("thresholds", size_t(i));
    CheckFields(limits, at,
                {.read = {"priority", "max_connections", "max_pending_requests", "max_requests", "max_retries",
                          "track_remaining"},
                 .ignored = {"retry_budget", "max_connection_pools"}});
    if (found || limits.priority() != core::DEFAULT) {
      at.Note("accepted and ignored: only the first entry of priority DEFAULT counts");
      continue;
    }
    found = true;
    const CircuitBreakerSpec defaults;
    spec->limits.max_connections =
        ValueOr(limits.has_max_connections(), limits.max_connections(), defaults.max_connections);
    spec->limits.max_pending_requests =
        ValueOr(limits.has_max_pending_requests(), limits.max_pending_requests(), defaults.max_pending_requests);
    spec->limits.max_requests = ValueOr(limits.has_max_requests(), limits.max_requests(), defaults.max_requests);
    spec->limits.max_retries = ValueOr(limits.has_max_retries(), limits.max_retries(), defaults.max_retries);
    constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
    if (spec->limits.max_connections < kNone || spec->limits.max_requests < kNone) {
      at.Note("shown on /clusters, not enforced yet");
    }
  }
}

TransportMatchSpec TransportMatchFromXds(const Cluster::TransportSocketMatch& message, const Place& place) {
  TransportMatchSpec spec;
  spec.name = message.name();
  if (spec.name.empty()) place.Field("name").Problem("the name is empty");
  for (const auto& [key, value] : message.match().fields()) {
    if (value.kind_case() == google::protobuf::Value::kStringValue) {
      spec.match.emplace_back(key, value.string_value());
    } else {
      place.Field("match").Field(key).Unsupported("a value that is no text");
    }
  }
  std::sort(spec.match.begin(), spec.match.end());
  if (message.has_transport_socket())
    spec.tls = UpstreamTlsFromXds(message.transport_socket(), place.Field("transport_socket"));
  return spec;
}

ClusterSpec::DnsFamily DnsFamilyOf(const Cluster& message, const Place& place) {
  using Family = ClusterSpec::DnsFamily;
  switch (message.dns_lookup_family()) {
    case Cluster::AUTO: return Family::kAuto;
    case Cluster::V4_ONLY: return Family::kV4Only;
    case Cluster::V6_ONLY: return Family::kV6Only;
    case Cluster::V4_PREFERRED: return Family::kV4Preferred;
    case Cluster::ALL: return Family::kAll;
    default: place.Field("dns_lookup_family").Problem("is none of the known families"); return Family::kAuto;
  }
}

void CheckClusterFields(const Cluster& message, const Place& place) {
  CheckFields(
      message, place,
      {.read = {"transport_socket_matches",
                "name",
                "alt_stat_name",
                "type",
                "eds_cluster_config",
                "connect_timeout",
                "lb_policy",
                "load_assignment",
                "max_requests_per_connection",
                "circuit_breakers",
                "common_http_protocol_options",
                "http_protocol_options",
                "http2_protocol_options",
                "typed_extension_protocol_options",
                "dns_refresh_rate",
                "respect_dns_ttl",
                "dns_lookup_family",
                "transport_socket",
                "metadata",
                "load_balancing_policy",
                "least_request_lb_config",
                "wait_for_warm_on_init"},
       .ignored = {"per_connection_buffer_limit_bytes", "health_checks", "outlier_detection", "cleanup_interval",
                   "common_lb_config", "upstream_connection_options", "close_connections_on_host_health_failure",
                   "ignore_health_on_host_removal", "lrs_server", "typed_dns_resolver_config", "round_robin_lb_config",
                   "ring_hash_lb_config", "maglev_lb_config"}});
}

}  // namespace

ClusterSpec ClusterFromXds(const Cluster& message, Findings* findings) {
  const Place place(findings);
  CheckUnknown(message, place);
  CheckClusterFields(message, place);
  ClusterSpec spec;
  spec.name = message.name();
  if (spec.name.empty()) place.Field("name").Problem("the name is empty");
  spec.stat_name = message.alt_stat_name().empty() ? message.name() : message.alt_stat_name();
  spec.discovery = DiscoveryOf(message, place);
  ReadHosts(message, place, &spec);
  if (message.has_connect_timeout()) {
    spec.connect_timeout = PositiveDuration(message.connect_timeout(), place.Field("connect_timeout"));
  }
  ReadLoadBalancing(message, place, &spec);
  ReadProtocol(message, place, &spec);
  ReadLimits(message.circuit_breakers(), place.Field("circuit_breakers"), &spec);
  if (message.has_transport_socket())
    ClusterSocketFromXds(message.transport_socket(), place.Field("transport_socket"), &spec);
  for (int i = 0; i < message.transport_socket_matches_size(); ++i) {
    spec.transport_matches.push_back(
        TransportMatchFromXds(message.transport_socket_matches(i), place.Field("transport_socket_matches", size_t(i))));
  }
  if (message.has_dns_refresh_rate()) {
    spec.dns_refresh = PositiveDuration(message.dns_refresh_rate(), place.Field("dns_refresh_rate"));
  }
  spec.respect_dns_ttl = message.respect_dns_ttl();
  spec.dns_family = DnsFamilyOf(message, place);
  for (const auto& [key, value] : TextMetadata(message.metadata(), "weft.dev", place.Field("metadata"))) {
    if (key == "service") spec.service = value;
    if (key == "namespace") spec.service_namespace = value;
  }
  return spec;
}

}  // namespace weft::config
