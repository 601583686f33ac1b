// envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager and its HTTP filters.
#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "envoy/extensions/filters/http/router/v3/router.pb.h"
#include "proxy/config/parts.h"
#include "proxy/config/values.h"

namespace weft::config {
namespace {

namespace hcm = envoy::extensions::filters::network::http_connection_manager::v3;
using Manager = hcm::HttpConnectionManager;
using Router = envoy::extensions::filters::http::router::v3::Router;

constexpr uint32_t kMostHeadersKb = 8192;  // Envoy's bound

void CheckRouter(const Router& message, const Place& place) {
  CheckFields(message, place,
              {.read = {"suppress_envoy_headers"},
               .ignored = {"dynamic_stats", "upstream_log", "respect_expected_rq_timeout"}});
}

// True when it is the router. What filters do to traffic is not ours to leave out, unless they say so themselves.
bool CheckHttpFilter(const hcm::HttpFilter& filter, const Place& place) {
  CheckFields(filter, place, {.read = {"name", "typed_config", "is_optional", "disabled"}});
  const Place config = place.Field("typed_config");
  Router router;
  if (filter.typed_config().Is<Router>()) {
    if (Unpack(filter.typed_config(), config, &router)) CheckRouter(router, config);
    return true;
  }
  if (filter.disabled() || filter.is_optional()) {
    place.Note("an optional or disabled filter that Weft does not have was ignored");
  } else {
    RefuseType(filter.typed_config(), config, "Router");
  }
  return false;
}

void CheckHttpFilters(const Manager& message, const Place& place) {
  bool routed = false;
  for (int i = 0; i < message.http_filters_size(); ++i) {
    const Place at = place.Field("http_filters", size_t(i));
    if (routed) at.Problem("stands behind the router, which must be last");
    routed = CheckHttpFilter(message.http_filters(i), at) || routed;
  }
  const auto& filters = message.http_filters();
  // One that was refused is told already and may have been meant as the router.
  const bool refused = !filters.empty() && !filters.rbegin()->is_optional() && !filters.rbegin()->disabled();
  if (!routed && !refused) place.Field("http_filters").Problem("the router is missing; it must be the last filter");
}

void ReadRoutes(const Manager& message, const Place& place, HttpConnectionSpec* spec) {
  switch (message.route_specifier_case()) {
    case Manager::kRds: {
      const Place rds = place.Field("rds");
      spec->rds_name = message.rds().route_config_name();
      if (spec->rds_name.empty()) rds.Field("route_config_name").Problem("the name is empty");
      CheckAds(message.rds().config_source(), rds.Field("config_source"), spec->rds_name);
      break;
    }
    case Manager::kRouteConfig: {
      const Place routes = place.Field("route_config");
      spec->inline_routes = RouteTableFromXds(message.route_config(), routes);
      const auto& table = message.route_config();
      if (table.has_validate_clusters() && !table.validate_clusters().value()) {
        routes.Forget(Reference::Kind::kRouteCluster);
      }
      break;
    }
    case Manager::ROUTE_SPECIFIER_NOT_SET: place.Problem("expected one of route_config, rds"); break;
  }
}

HttpConnectionSpec::Codec CodecOf(const Manager& message, const Place& place) {
  switch (message.codec_type()) {
    case Manager::AUTO: return HttpConnectionSpec::Codec::kAuto;
    case Manager::HTTP1: return HttpConnectionSpec::Codec::kHttp1;
    case Manager::HTTP2:
    case Manager::HTTP3: place.Field("codec_type").Unsupported(Manager::CodecType_Name(message.codec_type())); break;
    default: place.Field("codec_type").Problem("expected AUTO or HTTP1"); break;
  }
  return HttpConnectionSpec::Codec::kAuto;
}

void ReadProtocolOptions(const Manager& message, const Place& place, HttpConnectionSpec* spec) {
  const auto& both = message.common_http_protocol_options();
  const Place at = place.Field("common_http_protocol_options");
  CheckFields(both, at,
              {.read = {"idle_timeout", "max_headers_count", "max_requests_per_connection"},
               .ignored = {"max_connection_duration", "max_stream_duration", "max_response_headers_kb"}});
  if (both.has_idle_timeout()) spec->idle_timeout = DurationOf(both.idle_timeout(), at.Field("idle_timeout"));
  spec->max_headers_count = ValueOr(both.has_max_headers_count(), both.max_headers_count(), spec->max_headers_count);
  if (spec->max_headers_count == 0) at.Field("max_headers_count").Problem("expected at least 1");
  spec->max_requests_per_connection = both.max_requests_per_connection().value();

  const auto& http1 = message.http_protocol_options();
  CheckFields(
      http1, place.Field("http_protocol_options"),
      {.read = {"accept_http_10", "enable_trailers", "default_host_for_http_10"},
       .ignored = {"allow_absolute_url", "override_stream_error_on_invalid_http_message", "allow_chunked_length"}});
  spec->accept_http_10 = http1.accept_http_10();
  spec->default_host_for_http_10 = http1.default_host_for_http_10();

  spec->max_request_headers_kb =
      ValueOr(message.has_max_request_headers_kb(), message.max_request_headers_kb(), spec->max_request_headers_kb);
  if (spec->max_request_headers_kb == 0 || spec->max_request_headers_kb > kMostHeadersKb) {
    place.Field("max_request_headers_kb").Problem("expected 1 to 8192");
  }
}

void ReadTimeouts(const Manager& message, const Place& place, HttpConnectionSpec* spec) {
  if (message.has_stream_idle_timeout()) {
    spec->stream_idle_timeout = DurationOf(message.stream_idle_timeout(), place.Field("stream_idle_timeout"));
  }
  if (message.has_request_timeout())
    spec->request_timeout = DurationOf(message.request_timeout(), place.Field("request_timeout"));
  if (message.has_request_headers_timeout()) {
    spec->request_headers_timeout =
        DurationOf(message.request_headers_timeout(), place.Field("request_headers_timeout"));
  }
}

ForwardClientCert ForwardOf(const Manager& message, const Place& place) {
  switch (message.forward_client_cert_details()) {
    case Manager::SANITIZE: return ForwardClientCert::kSanitize;
    case Manager::FORWARD_ONLY: return ForwardClientCert::kForwardOnly;
    case Manager::APPEND_FORWARD: return ForwardClientCert::kAppendForward;
    case Manager::SANITIZE_SET: return ForwardClientCert::kSanitizeSet;
    case Manager::ALWAYS_FORWARD_ONLY: return ForwardClientCert::kAlwaysForwardOnly;
    default:
      place.Field("forward_client_cert_details").Problem("is none of the known ways");
      return ForwardClientCert::kSanitize;
  }
}

void ReadEdge(const Manager& message, const Place& place, HttpConnectionSpec* spec) {
  spec->use_remote_address = message.use_remote_address().value();
  spec->xff_num_trusted_hops = message.xff_num_trusted_hops();
  spec->skip_xff_append = message.skip_xff_append();
  spec->via = message.via();
  if (!message.server_name().empty()) spec->server_name = message.server_name();
  switch (message.server_header_transformation()) {
    case Manager::OVERWRITE: spec->server_header = HttpConnectionSpec::ServerHeader::kOverwrite; break;
    case Manager::APPEND_IF_ABSENT: spec->server_header = HttpConnectionSpec::ServerHeader::kAppendIfAbsent; break;
    case Manager::PASS_THROUGH: spec->server_header = HttpConnectionSpec::ServerHeader::kPassThrough; break;
    default:
      place.Field("server_header_transformation").Problem("expected OVERWRITE, APPEND_IF_ABSENT or PASS_THROUGH");
      break;
  }
  spec->generate_request_id = !message.has_generate_request_id() || message.generate_request_id().value();
  spec->preserve_external_request_id = message.preserve_external_request_id();
  spec->forward_client_cert = ForwardOf(message, place);
  CheckFields(message.set_current_client_cert_details(), place.Field("set_current_client_cert_details"),
              {.read = {"uri"}, .ignored = {"subject", "cert", "chain", "dns"}});
}

void ReadPathRules(const Manager& message, const Place& place, http::PathRules* rules) {
  using EscapedSlashes = http::PathRules::EscapedSlashes;
  rules->normalize = message.normalize_path().value();
  rules->merge_slashes = message.merge_slashes();
  switch (message.path_with_escaped_slashes_action()) {
    case Manager::IMPLEMENTATION_SPECIFIC_DEFAULT:
    case Manager::KEEP_UNCHANGED: rules->escaped_slashes = EscapedSlashes::kKeep; break;
    case Manager::REJECT_REQUEST: rules->escaped_slashes = EscapedSlashes::kReject; break;
    case Manager::UNESCAPE_AND_REDIRECT: rules->escaped_slashes = EscapedSlashes::kUnescapeAndRedirect; break;
    case Manager::UNESCAPE_AND_FORWARD: rules->escaped_slashes = EscapedSlashes::kUnescapeAndForward; break;
    default: place.Field("path_with_escaped_slashes_action").Problem("is none of the known ways"); break;
  }
}

void ReadUpgrades(const Manager& message, const Place& place, HttpConnectionSpec* spec) {
  for (int i = 0; i < message.upgrade_configs_size(); ++i) {
    const auto& upgrade = message.upgrade_configs(i);
    const Place at = place.Field("upgrade_configs", size_t(i));
    CheckFields(upgrade, at, {.read = {"upgrade_type", "enabled"}});
    if (!IsToken(upgrade.upgrade_type())) at.Field("upgrade_type").Problem("expected a protocol such as websocket");
    if (!upgrade.has_enabled() || upgrade.enabled().value()) {
      spec->upgrade_types.push_back(absl::AsciiStrToLower(upgrade.upgrade_type()));
    }
  }
}

}  // namespace

HttpConnectionSpec HttpFromXds(const Manager& message, const Place& place) {
  CheckFields(message, place,
              {.read = {"codec_type",
                        "stat_prefix",
                        "http_filters",
                        "common_http_protocol_options",
                        "http_protocol_options",
                        "server_name",
                        "server_header_transformation",
                        "max_request_headers_kb",
                        "stream_idle_timeout",
                        "request_timeout",
                        "request_headers_timeout",
                        "access_log",
                        "use_remote_address",
                        "xff_num_trusted_hops",
                        "skip_xff_append",
                        "via",
                        "generate_request_id",
                        "preserve_external_request_id",
                        "forward_client_cert_details",
                        "set_current_client_cert_details",
                        "upgrade_configs",
                        "normalize_path",
                        "merge_slashes",
                        "path_with_escaped_slashes_action",
                        "rds",
                        "route_config"},
               .ignored = {"add_user_agent", "tracing", "http2_protocol_options", "drain_timeout",
                           "delayed_close_timeout", "internal_address_config", "always_set_request_id_in_response",
                           "proxy_100_continue", "stream_error_on_invalid_http_message"}});
  HttpConnectionSpec spec;
  spec.stat_prefix = message.stat_prefix();
  spec.codec = CodecOf(message, place);
  CheckHttpFilters(message, place);
  ReadRoutes(message, place, &spec);
  ReadProtocolOptions(message, place, &spec);
  ReadTimeouts(message, place, &spec);
  ReadEdge(message, place, &spec);
  ReadPathRules(message, place, &spec.path);
  ReadUpgrades(message, place, &spec);
  spec.access_logs = AccessLogsFromXds(message.access_log(), place);
  return spec;
}

}  // namespace weft::config
