#include "control/compile/route_actions.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "control/compile/names.h"
#include "re2/re2.h"

namespace weft::control::compile {
namespace {

namespace core = envoy::config::core::v3;
namespace route = envoy::config::route::v3;
namespace matcher = envoy::type::matcher::v3;

// Gateway API: the slash at the end of a prefix says nothing.
std::string WithoutLastSlash(std::string path) {
  while (!path.empty() && path.back() == '/') path.pop_back();
  return path;
}

void FillText(const model::ValueMatch& from, matcher::StringMatcher* to) {
  if (from.type == model::ValueMatch::Type::kRegex) {
    to->mutable_safe_regex()->set_regex(from.value);
  } else {
    to->set_exact(from.value);
  }
}

void FillPath(const model::PathMatch& from, route::RouteMatch* to) {
  switch (from.type) {
    case model::PathMatch::Type::kExact: to->set_path(from.value); return;
    case model::PathMatch::Type::kRegex: to->mutable_safe_regex()->set_regex(from.value); return;
    case model::PathMatch::Type::kPrefix: break;
  }
  const std::string prefix = WithoutLastSlash(from.value);
  if (prefix.empty()) {
    to->set_prefix("/");
  } else {
    to->set_path_separated_prefix(prefix);
  }
}

// Envoy reads '%' as the beginning of a command.
std::string Literal(const std::string& value) {
  std::string text;
  for (const char c : value) text.append(c == '%' ? 2 : 1, c);
  return text;
}

using HeaderOptions = google::protobuf::RepeatedPtrField<core::HeaderValueOption>;

void AddHeader(const std::pair<std::string, std::string>& header, core::HeaderValueOption::HeaderAppendAction action,
               HeaderOptions* to) {
  core::HeaderValueOption* option = to->Add();
  option->mutable_header()->set_key(header.first);
  option->mutable_header()->set_value(Literal(header.second));
  option->set_append_action(action);
  if (header.second.empty()) option->set_keep_empty_value(true);
}

void AddHeaders(const model::HeaderChanges& changes, HeaderOptions* to) {
  for (const auto& header : changes.set) AddHeader(header, core::HeaderValueOption::OVERWRITE_IF_EXISTS_OR_ADD, to);
  for (const auto& header : changes.add) AddHeader(header, core::HeaderValueOption::APPEND_IF_EXISTS_OR_ADD, to);
}

// `To` is a Route or a ClusterWeight.
template <typename To>
void FillHeaderChanges(const model::HeaderChanges& request, const model::HeaderChanges& response, To* to) {
  AddHeaders(request, to->mutable_request_headers_to_add());
  for (const std::string& name : request.remove) to->add_request_headers_to_remove(name);
  AddHeaders(response, to->mutable_response_headers_to_add());
  for (const std::string& name : response.remove) to->add_response_headers_to_remove(name);
}

void FillRegexRewrite(const std::string& pattern, const std::string& replacement,
                      matcher::RegexMatchAndSubstitute* to) {
  to->mutable_pattern()->set_regex(pattern);
  std::string substitution;
  for (const char c : replacement) substitution.append(c == '\\' ? 2 : 1, c);
  to->set_substitution(substitution);
}

// `To` is a RouteAction or a RedirectAction.
template <typename To>
void FillPrefixChange(const std::string& value, const model::PathMatch& path, To* to) {
  const std::string prefix = WithoutLastSlash(path.value), replacement = WithoutLastSlash(value);
  if (prefix.empty()) {
    to->set_prefix_rewrite(replacement + "/");  // of the prefix "/" itself
  } else if (replacement.empty()) {
    // "/a" by "/": a prefix rewrite would make "//b" of "/a/b".
    FillRegexRewrite("^" + re2::RE2::QuoteMeta(prefix) + "/*", "/", to->mutable_regex_rewrite());
  } else {
    to->set_prefix_rewrite(replacement);
  }
}

void FillRedirect(const model::Redirect& from, const model::PathMatch& path, uint16_t port, route::RedirectAction* to) {
  if (!from.hostname.empty()) to->set_host_redirect(from.hostname);
  if (!from.scheme.empty()) to->set_scheme_redirect(from.scheme);
  if (from.port != 0) {
    to->set_port_redirect(from.port);
  } else if (!from.scheme.empty() && port != 80 && port != 443) {
    to->set_port_redirect(
        from.scheme == "https" ? 443 : 80);  // the Host header names the service's port, which is wrong there
  }
  if (from.path && from.path->type == model::PathChange::Type::kFull) {
    to->set_path_redirect(from.path->value);
  } else if (from.path) {
    FillPrefixChange(from.path->value, path, to);
  }
  switch (from.status_code) {
    case 301: return to->set_response_code(route::RedirectAction::MOVED_PERMANENTLY);
    case 303: return to->set_response_code(route::RedirectAction::SEE_OTHER);
    case 307: return to->set_response_code(route::RedirectAction::TEMPORARY_REDIRECT);
    case 308: return to->set_response_code(route::RedirectAction::PERMANENT_REDIRECT);
    default: return to->set_response_code(route::RedirectAction::FOUND);
  }
}

void FillRewrite(const model::Rewrite& from, const model::PathMatch& path, route::RouteAction* to) {
  if (!from.hostname.empty()) to->set_host_rewrite_literal(from.hostname);
  if (!from.path) return;
  if (from.path->type == model::PathChange::Type::kFull) {
    FillRegexRewrite("^/.*$", from.path->value, to->mutable_regex_rewrite());
  } else {
    FillPrefixChange(from.path->value, path, to);
  }
}

// There is one try, so the shorter of the two limits it. Zero: none, where Envoy would take 15 s.
void FillTimeout(const model::RouteRule& rule, google::protobuf::Duration* to) {
  absl::Duration shortest = absl::ZeroDuration();
  for (const auto& limit : {rule.request_timeout, rule.backend_request_timeout}) {
    if (!limit || *limit == absl::ZeroDuration()) continue;
    if (shortest == absl::ZeroDuration() || *limit < shortest) shortest = *limit;
  }
  absl::Duration rest;
  to->set_seconds(absl::IDivDuration(shortest, absl::Seconds(1), &rest));
  to->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
}

std::string ClusterOf(const model::Backend& backend, const Topology& topology) {
  const PortTopology* port = topology.Find(backend.service, backend.port);
  return port == nullptr ? std::string(kInvalidBackend) : OutboundCluster(*port, Wire::kHttp);
}

void FillClusters(const std::vector<model::Backend>& backends, const Topology& topology, route::RouteAction* to) {
  if (backends.size() == 1 && backends[0].request_headers.empty() && backends[0].response_headers.empty()) {
    to->set_cluster(ClusterOf(backends[0], topology));
    return;
  }
  for (const model::Backend& backend : backends) {
    route::WeightedCluster::ClusterWeight* weighted = to->mutable_weighted_clusters()->add_clusters();
    weighted->set_name(ClusterOf(backend, topology));
    weighted->mutable_weight()->set_value(backend.weight);
    FillHeaderChanges(backend.request_headers, backend.response_headers, weighted);
  }
}

bool HasBackend(const model::RouteRule& rule) {
  return std::any_of(rule.backends.begin(), rule.backends.end(),
                     [](const model::Backend& backend) { return backend.weight > 0; });
}

}  // namespace

void FillMatch(const model::RouteMatch& from, route::RouteMatch* to) {
  FillPath(from.path, to);
  if (!from.method.empty()) {
    route::HeaderMatcher* method = to->add_headers();
    method->set_name(":method");
    method->mutable_string_match()->set_exact(from.method);
  }
  for (const model::ValueMatch& match : from.headers) {
    route::HeaderMatcher* header = to->add_headers();
    header->set_name(match.name);
    FillText(match, header->mutable_string_match());
  }
  for (const model::ValueMatch& match : from.query_params) {
    route::QueryParameterMatcher* parameter = to->add_query_parameters();
    parameter->set_name(match.name);
    FillText(match, parameter->mutable_string_match());
  }
}

void FillAction(const model::RouteRule& rule, const model::PathMatch& path, const Topology& topology, uint16_t port,
                route::Route* to) {
  FillHeaderChanges(rule.filters.request_headers, rule.filters.response_headers, to);
  if (rule.filters.redirect) {
    FillRedirect(*rule.filters.redirect, path, port, to->mutable_redirect());
    return;
  }
  if (!HasBackend(rule)) {  // Gateway API: 500
    to->mutable_direct_response()->set_status(500);
    return;
  }
  route::RouteAction* action = to->mutable_route();
  FillClusters(rule.backends, topology, action);
  action->set_cluster_not_found_response_code(route::RouteAction::INTERNAL_SERVER_ERROR);
  if (rule.filters.rewrite) FillRewrite(*rule.filters.rewrite, path, action);
  FillTimeout(rule, action->mutable_timeout());
}

void FillPlainAction(const std::string& cluster, route::Route* to) {
  to->mutable_route()->set_cluster(cluster);
  to->mutable_route()->mutable_timeout();
}

std::vector<std::string> ClustersOf(const model::RouteRule& rule, const Topology& topology) {
  std::vector<std::string> clusters;
  if (rule.filters.redirect || !HasBackend(rule)) return clusters;
  for (const model::Backend& backend : rule.backends) {
    std::string cluster = ClusterOf(backend, topology);
    if (cluster != kInvalidBackend) clusters.push_back(std::move(cluster));
  }
  return clusters;
}

}  // namespace weft::control::compile
