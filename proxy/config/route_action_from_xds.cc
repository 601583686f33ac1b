// RouteAction, RedirectAction, DirectResponseAction (envoy.config.route.v3).
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "proxy/config/parts.h"
#include "proxy/config/values.h"

namespace weft::config {
namespace {

namespace route = envoy::config::route::v3;

void AddCluster(const std::string& name, const Place& place) {
  if (name.empty()) return place.Problem("the name of the cluster is empty");
  place.Refer(Reference::Kind::kRouteCluster, name);
}

WeightedClusterSpec WeightedFromXds(const route::WeightedCluster::ClusterWeight& message, const Place& place) {
  CheckFields(message, place,
              {.read = {"name", "weight", "request_headers_to_add", "request_headers_to_remove",
                        "response_headers_to_add", "response_headers_to_remove", "typed_per_filter_config"}});
  WeightedClusterSpec spec;
  spec.name = message.name();
  AddCluster(spec.name, place.Field("name"));
  if (!message.has_weight()) place.Problem("weight is missing");
  spec.weight = message.weight().value();
  spec.request_headers = HeaderChangesFromXds(message.request_headers_to_add(), message.request_headers_to_remove(),
                                              place, "request_headers");
  spec.response_headers = HeaderChangesFromXds(message.response_headers_to_add(), message.response_headers_to_remove(),
                                               place, "response_headers");
  CheckPerFilterConfig(message.typed_per_filter_config(), place);
  return spec;
}

void ReadWeighted(const route::WeightedCluster& message, const Place& place, std::vector<WeightedClusterSpec>* to) {
  CheckFields(message, place, {.read = {"clusters", "total_weight"}, .ignored = {"runtime_key_prefix"}});
  uint64_t total = 0;
  for (int i = 0; i < message.clusters_size(); ++i) {
    to->push_back(WeightedFromXds(message.clusters(i), place.Field("clusters", size_t(i))));
    total += to->back().weight;
  }
  const Place clusters = place.Field("clusters");
  if (message.clusters_size() == 0) return clusters.Problem("there is no cluster");
  if (total == 0) clusters.Problem("the weights add up to 0");
  if (total > std::numeric_limits<uint32_t>::max()) clusters.Problem("the weights add up to more than 4294967295");
  if (message.has_total_weight() && message.total_weight().value() != total) {
    place.Field("total_weight").Problem("is not the sum of the weights, " + std::to_string(total));
  }
}

void ReadCluster(const route::RouteAction& message, const Place& place, ForwardSpec* spec) {
  switch (message.cluster_specifier_case()) {
    case route::RouteAction::kCluster:
      AddCluster(message.cluster(), place.Field("cluster"));
      spec->clusters.push_back({.name = message.cluster(), .weight = 1, .request_headers = {}, .response_headers = {}});
      break;
    case route::RouteAction::kClusterHeader:
      spec->cluster_header = absl::AsciiStrToLower(message.cluster_header());
      if (!IsToken(spec->cluster_header)) place.Field("cluster_header").Problem("expected the name of a header");
      break;
    case route::RouteAction::kWeightedClusters:
      ReadWeighted(message.weighted_clusters(), place.Field("weighted_clusters"), &spec->clusters);
      break;
    case route::RouteAction::kClusterSpecifierPlugin: break;  // refused by CheckFields
    case route::RouteAction::CLUSTER_SPECIFIER_NOT_SET:
      place.Problem("expected one of cluster, cluster_header, weighted_clusters");
      break;
  }
}

void ReadRewrites(const route::RouteAction& message, const Place& place, ForwardSpec* spec) {
  spec->prefix_rewrite = message.prefix_rewrite();
  if (message.has_regex_rewrite()) {
    spec->regex_rewrite = RegexRewriteOf(message.regex_rewrite(), place.Field("regex_rewrite"));
    if (!spec->prefix_rewrite.empty())
      place.Field("regex_rewrite").Problem("only one of prefix_rewrite and regex_rewrite may be set");
  }
  spec->host_rewrite = message.host_rewrite_literal();
  spec->auto_host_rewrite = message.auto_host_rewrite().value();
  spec->host_rewrite_header = absl::AsciiStrToLower(message.host_rewrite_header());
  if (message.has_host_rewrite_header() && !IsToken(spec->host_rewrite_header)) {
    place.Field("host_rewrite_header").Problem("expected the name of a header");
  }
  spec->append_x_forwarded_host = message.append_x_forwarded_host();
}

uint16_t NoClusterStatus(const route::RouteAction& message, const Place& place) {
  switch (message.cluster_not_found_response_code()) {
    case route::RouteAction::SERVICE_UNAVAILABLE: return 503;
    case route::RouteAction::NOT_FOUND: return 404;
    case route::RouteAction::INTERNAL_SERVER_ERROR: return 500;
    default: break;
  }
  place.Field("cluster_not_found_response_code")
      .Problem("expected SERVICE_UNAVAILABLE, NOT_FOUND or INTERNAL_SERVER_ERROR");
  return 503;
}

ForwardSpec ForwardFromXds(const route::RouteAction& message, const Place& place) {
  CheckFields(message, place,
              {.read = {"cluster", "cluster_header", "weighted_clusters", "cluster_not_found_response_code",
                        "prefix_rewrite", "regex_rewrite", "append_x_forwarded_host", "timeout", "idle_timeout",
                        "upgrade_configs", "host_rewrite_literal", "auto_host_rewrite", "host_rewrite_header"},
               // hash_policy: only ring hash and Maglev look at it, and these are refused.
               .ignored = {"retry_policy", "hash_policy", "priority", "include_vh_rate_limits", "max_grpc_timeout",
                           "grpc_timeout_offset", "max_stream_duration", "early_data_policy"}});
  ForwardSpec spec;
  ReadCluster(message, place, &spec);
  ReadRewrites(message, place, &spec);
  spec.no_cluster_status = NoClusterStatus(message, place);
  if (message.has_timeout()) spec.timeout = DurationOf(message.timeout(), place.Field("timeout"));
  if (message.has_idle_timeout()) spec.idle_timeout = DurationOf(message.idle_timeout(), place.Field("idle_timeout"));
  for (int i = 0; i < message.upgrade_configs_size(); ++i) {
    const auto& upgrade = message.upgrade_configs(i);
    const Place at = place.Field("upgrade_configs", size_t(i));
    if (!IsToken(upgrade.upgrade_type())) at.Field("upgrade_type").Problem("expected a protocol such as websocket");
    spec.upgrades.emplace_back(absl::AsciiStrToLower(upgrade.upgrade_type()),
                               !upgrade.has_enabled() || upgrade.enabled().value());
  }
  return spec;
}

uint16_t RedirectStatus(const route::RedirectAction& message, const Place& place) {
  switch (message.response_code()) {
    case route::RedirectAction::MOVED_PERMANENTLY: return 301;
    case route::RedirectAction::FOUND: return 302;
    case route::RedirectAction::SEE_OTHER: return 303;
    case route::RedirectAction::TEMPORARY_REDIRECT: return 307;
    case route::RedirectAction::PERMANENT_REDIRECT: return 308;
    default: place.Field("response_code").Problem("is none of the known codes"); return 301;
  }
}

RedirectSpec RedirectFromXds(const route::RedirectAction& message, const Place& place) {
  RedirectSpec spec;
  spec.https_redirect = message.https_redirect();
  spec.scheme = message.scheme_redirect();
  spec.host = message.host_redirect();
  if (message.port_redirect() != 0) spec.port = PortOf(message.port_redirect(), place.Field("port_redirect"));
  spec.path = message.path_redirect();
  spec.prefix_rewrite = message.prefix_rewrite();
  if (message.has_regex_rewrite())
    spec.regex_rewrite = RegexRewriteOf(message.regex_rewrite(), place.Field("regex_rewrite"));
  spec.strip_query = message.strip_query();
  spec.status = RedirectStatus(message, place);
  for (const std::string* part : {&spec.host, &spec.path, &spec.prefix_rewrite, &spec.scheme}) {
    if (part->find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      place.Problem("has control characters");
  }
  return spec;
}

DirectResponseSpec DirectFromXds(const route::DirectResponseAction& message, const Place& place) {
  DirectResponseSpec spec;
  if (message.status() < 200 || message.status() > 599) {
    place.Field("status").Problem("expected a status from 200 to 599, found " + std::to_string(message.status()));
  } else {
    spec.status = static_cast<uint16_t>(message.status());
  }
  if (!message.has_body()) return spec;
  if (auto body = ReadSource(message.body(), place.Field("body"))) spec.body = *std::move(body);
  return spec;
}

}  // namespace

decltype(RouteSpec::action) ActionFromXds(const route::Route& message, const Place& place) {
  switch (message.action_case()) {
    case route::Route::kRoute: return ForwardFromXds(message.route(), place.Field("route"));
    case route::Route::kRedirect: return RedirectFromXds(message.redirect(), place.Field("redirect"));
    case route::Route::kDirectResponse: return DirectFromXds(message.direct_response(), place.Field("direct_response"));
    case route::Route::kNonForwardingAction: break;  // refused by CheckFields
    case route::Route::ACTION_NOT_SET: place.Problem("expected one of route, redirect, direct_response"); break;
  }
  return {};
}

}  // namespace weft::config
