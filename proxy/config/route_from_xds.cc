// RouteConfiguration, VirtualHost, Route (envoy.config.route.v3).
#include <set>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "proxy/config/from_xds.h"
#include "proxy/config/parts.h"
#include "proxy/config/values.h"
#include "schema/problem.h"

namespace weft::config {
namespace {

namespace route = envoy::config::route::v3;

constexpr size_t kLargestBody = 4096;  // of a direct response: max_direct_response_body_size_bytes

struct TableState {
  std::set<std::string> domains, hosts;
  size_t largest_body = kLargestBody;
};

RouteSpec RouteFromXds(const route::Route& message, const TableState& state, const Place& place) {
  CheckFields(message, place,
              {.read = {"name", "match", "metadata", "decorator", "typed_per_filter_config", "request_headers_to_add",
                        "request_headers_to_remove", "response_headers_to_add", "response_headers_to_remove", "route",
                        "redirect", "direct_response"},
               .ignored = {"per_request_buffer_limit_bytes", "stat_prefix"}});
  RouteSpec spec;
  spec.name = message.name();
  if (message.has_match()) {
    spec.match = MatchFromXds(message.match(), place.Field("match"));
  } else {
    place.Problem("match is missing");
  }
  spec.action = ActionFromXds(message, place);
  const auto* direct = std::get_if<DirectResponseSpec>(&spec.action);
  if (direct != nullptr && direct->body.size() > state.largest_body) {
    place.Field("direct_response")
        .Field("body")
        .Problem("has " + std::to_string(direct->body.size()) + " bytes; expected at most " +
                 std::to_string(state.largest_body) + " (max_direct_response_body_size_bytes)");
  }
  spec.request_headers = HeaderChangesFromXds(message.request_headers_to_add(), message.request_headers_to_remove(),
                                              place, "request_headers");
  spec.response_headers = HeaderChangesFromXds(message.response_headers_to_add(), message.response_headers_to_remove(),
                                               place, "response_headers");
  CheckPerFilterConfig(message.typed_per_filter_config(), place);
  return spec;
}

// "a.b", "*.b", "*-b.c", "a.*", "*".
void AddDomain(const std::string& text, const Place& place, TableState* state, std::vector<std::string>* to) {
  const std::string domain = absl::AsciiStrToLower(text);
  if (domain.empty()) return place.Problem("the domain is empty");
  const size_t star = domain.find('*');
  const bool at_end = star == 0 || star == domain.size() - 1;
  if (star != std::string::npos && (!at_end || domain.find('*', star + 1) != std::string::npos)) {
    return place.Problem("expected at most one *, at the begin or at the end, found " + schema::Quoted(text));
  }
  if (!state->domains.insert(domain).second) {
    return place.Problem(schema::Quoted(text) + " stands twice in this route table");
  }
  to->push_back(domain);
}

VirtualHostSpec::RequireTls RequireTlsOf(const route::VirtualHost& message, const Place& place) {
  switch (message.require_tls()) {
    case route::VirtualHost::NONE: return VirtualHostSpec::RequireTls::kNone;
    case route::VirtualHost::EXTERNAL_ONLY: return VirtualHostSpec::RequireTls::kExternalOnly;
    case route::VirtualHost::ALL: return VirtualHostSpec::RequireTls::kAll;
    default:
      place.Field("require_tls").Problem("expected NONE, EXTERNAL_ONLY or ALL");
      return VirtualHostSpec::RequireTls::kAll;
  }
}

VirtualHostSpec HostFromXds(const route::VirtualHost& message, TableState* state, const Place& place) {
  CheckFields(
      message, place,
      {.read = {"name", "domains", "routes", "require_tls", "request_headers_to_add", "request_headers_to_remove",
                "response_headers_to_add", "response_headers_to_remove", "typed_per_filter_config", "metadata"},
       .ignored = {"include_request_attempt_count", "include_attempt_count_in_response", "retry_policy",
                   "per_request_buffer_limit_bytes", "include_is_timeout_retry_header"}});
  VirtualHostSpec spec;
  spec.name = message.name();
  if (spec.name.empty()) place.Field("name").Problem("the name is empty");
  if (!spec.name.empty() && !state->hosts.insert(spec.name).second) {
    place.Field("name").Problem(schema::Quoted(spec.name) + " is the name of an earlier virtual host");
  }
  if (message.domains_size() == 0) place.Field("domains").Problem("there is no domain; \"*\" takes every host");
  for (int i = 0; i < message.domains_size(); ++i) {
    AddDomain(message.domains(i), place.Field("domains", size_t(i)), state, &spec.domains);
  }
  for (int i = 0; i < message.routes_size(); ++i) {
    spec.routes.push_back(RouteFromXds(message.routes(i), *state, place.Field("routes", size_t(i))));
  }
  spec.require_tls = RequireTlsOf(message, place);
  spec.request_headers = HeaderChangesFromXds(message.request_headers_to_add(), message.request_headers_to_remove(),
                                              place, "request_headers");
  spec.response_headers = HeaderChangesFromXds(message.response_headers_to_add(), message.response_headers_to_remove(),
                                               place, "response_headers");
  CheckPerFilterConfig(message.typed_per_filter_config(), place);
  return spec;
}

}  // namespace

void CheckPerFilterConfig(const google::protobuf::Map<std::string, google::protobuf::Any>& configs,
                          const Place& parent) {
  std::set<std::string> names;  // a protobuf map has no order
  for (const auto& [name, config] : configs) names.insert(name);
  for (const std::string& name : names) {
    const Place place = parent.Key("typed_per_filter_config", name);
    route::FilterConfig config;
    if (Unpack(configs.at(name), place, &config) && (config.is_optional() || config.disabled())) {
      place.Note("accepted and ignored");
    } else {
      place.Unsupported("settings of a filter");
    }
  }
}

RouteTableSpec RouteTableFromXds(const route::RouteConfiguration& message, const Place& place) {
  CheckFields(message, place,
              {.read = {"name", "virtual_hosts", "response_headers_to_add", "response_headers_to_remove",
                        "request_headers_to_add", "request_headers_to_remove", "most_specific_header_mutations_wins",
                        "validate_clusters", "max_direct_response_body_size_bytes", "ignore_port_in_host_matching",
                        "typed_per_filter_config", "metadata"}});
  TableState state;
  state.largest_body = ValueOr(message.has_max_direct_response_body_size_bytes(),
                               message.max_direct_response_body_size_bytes(), kLargestBody);
  RouteTableSpec spec;
  spec.name = message.name();
  for (int i = 0; i < message.virtual_hosts_size(); ++i) {
    spec.virtual_hosts.push_back(
        HostFromXds(message.virtual_hosts(i), &state, place.Field("virtual_hosts", size_t(i))));
  }
  spec.request_headers = HeaderChangesFromXds(message.request_headers_to_add(), message.request_headers_to_remove(),
                                              place, "request_headers");
  spec.response_headers = HeaderChangesFromXds(message.response_headers_to_add(), message.response_headers_to_remove(),
                                               place, "response_headers");
  spec.most_specific_header_mutations_wins = message.most_specific_header_mutations_wins();
  spec.ignore_port_in_host_matching = message.ignore_port_in_host_matching();
  CheckPerFilterConfig(message.typed_per_filter_config(), place);
  return spec;
}

RouteTableSpec RoutesFromXds(const route::RouteConfiguration& message, Findings* findings) {
  const Place place(findings);
  CheckUnknown(message, place);
  if (message.name().empty()) place.Field("name").Problem("the name is empty");
  return RouteTableFromXds(message, place);
}

}  // namespace weft::config
