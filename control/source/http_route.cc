// HTTPRoute: parents, host names, matches, backends, timeouts. Filters are in http_filters.cc.
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "control/source/convert.h"
#include "control/source/http_filters.h"
#include "control/source/names.h"
#include "control/source/references.h"

namespace weft::control::source {
namespace {

// Bounds of the Gateway API's own definition (v1.3).
constexpr int kMostHostnames = 16, kMostRules = 16, kMostMatches = 64;
constexpr int kMostHeaderMatches = 16;
constexpr size_t kLongestPath = 1024;

std::string CheckPath(const std::string& value) {
  if (value.empty() || value[0] != '/') return "must begin with '/'";
  if (value.size() > kLongestPath) return "is longer than 1024 characters";
  for (const char* bad : {"//", "/./", "/../", "%2f", "%2F", "#", "?"}) {
    if (absl::StrContains(value, bad)) return absl::StrCat("has '", bad, "', which no request path can match");
  }
  if (absl::EndsWith(value, "/..") || absl::EndsWith(value, "/."))
    return "ends in a dot segment, which no request path can match";
  for (const char c : value) {
    if (!absl::ascii_isgraph(c)) return "has a character that must be percent-encoded in a path";
  }
  return "";
}

model::PathMatch PathFrom(const gateway::v1::HTTPPathMatch& from, const std::string& field, Checker& checker) {
  model::PathMatch path;
  if (from.has_value()) path.value = from.value();
  switch (from.type()) {
    case gateway::v1::HTTPPathMatch::Exact: path.type = model::PathMatch::Type::kExact; break;
    case gateway::v1::HTTPPathMatch::RegularExpression:
      path.type = model::PathMatch::Type::kRegex;
      checker.Ok(field + ".value", path.value, CheckRegex(path.value));
      return path;
    default: break;
  }
  checker.Ok(field + ".value", path.value, CheckPath(path.value));
  return path;
}

template <typename Match>
model::ValueMatch ValueFrom(const Match& from, const std::string& field, Checker& checker) {
  model::ValueMatch match;
  match.name = from.name();
  match.value = from.value();
  if (from.type() == Match::RegularExpression) {
    match.type = model::ValueMatch::Type::kRegex;
    checker.Ok(field + ".value", from.value(), CheckRegex(from.value()));
  }
  return match;
}

void ReadHeaderMatches(const gateway::v1::HTTPRouteMatch& from, const std::string& field, model::RouteMatch& match,
                       Checker& checker) {
  CheckCount(from.headers_size(), kMostHeaderMatches, field + ".headers", checker);
  std::set<std::string> seen;
  for (int i = 0; i < from.headers_size(); ++i) {
    const std::string at = At(field + ".headers", i);
    model::ValueMatch header = ValueFrom(from.headers(i), at, checker);
    checker.Ok(at + ".name", header.name, CheckHeaderName(header.name));
    absl::AsciiStrToLower(&header.name);
    if (!seen.insert(header.name).second)
      checker.Ok(at + ".name", header.name, "is matched twice; both would have to hold");
    match.headers.push_back(std::move(header));
  }
}

void ReadQueryMatches(const gateway::v1::HTTPRouteMatch& from, const std::string& field, model::RouteMatch& match,
                      Checker& checker) {
  CheckCount(from.query_params_size(), kMostHeaderMatches, field + ".queryParams", checker);
  std::set<std::string> seen;
  for (int i = 0; i < from.query_params_size(); ++i) {
    const std::string at = At(field + ".queryParams", i);
    model::ValueMatch parameter = ValueFrom(from.query_params(i), at, checker);
    if (parameter.name.empty()) checker.Error(at + ".name", "is missing; the name of a query parameter is wanted");
    if (!seen.insert(parameter.name).second) checker.Ok(at + ".name", parameter.name, "is matched twice");
    match.query_params.push_back(std::move(parameter));
  }
}

model::RouteMatch MatchFrom(const gateway::v1::HTTPRouteMatch& from, const std::string& field, Checker& checker) {
  model::RouteMatch match;
  match.path = PathFrom(from.path(), field + ".path", checker);
  ReadHeaderMatches(from, field, match, checker);
  ReadQueryMatches(from, field, match, checker);
  if (from.method() != gateway::v1::HTTPRouteMatch::METHOD_UNSPECIFIED) {
    match.method = gateway::v1::HTTPRouteMatch::Method_Name(from.method());
  }
  return match;
}

// GEP-2257: up to four of a number (five digits) and h, m, s or ms.
std::optional<absl::Duration> DurationFrom(const std::string& text, const std::string& field, Checker& checker) {
  absl::Duration sum;
  size_t position = 0;
  int parts = 0;
  for (; position < text.size() && parts < 4; ++parts) {
    const size_t digits = text.find_first_not_of("0123456789", position);
    int64_t number = 0;
    if (digits == std::string::npos || digits - position > 5 ||
        !absl::SimpleAtoi(text.substr(position, digits - position), &number)) {
      break;
    }
    const size_t end = std::min(text.find_first_of("0123456789", digits), text.size());
    const std::string unit = text.substr(digits, end - digits);
    if (unit == "h")
      sum += absl::Hours(number);
    else if (unit == "m")
      sum += absl::Minutes(number);
    else if (unit == "s")
      sum += absl::Seconds(number);
    else if (unit == "ms")
      sum += absl::Milliseconds(number);
    else
      break;
    position = end;
  }
  if (parts > 0 && position == text.size()) return sum;
  const bool bare = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  checker.Ok(field, text,
             bare ? absl::StrCat("has no unit; write ", text, "s for seconds, or ", text, "ms")
                  : "is no duration; numbers with h, m, s or ms are wanted, such as 1m30s or 500ms");
  return std::nullopt;
}

void ReadTimeouts(const gateway::v1::HTTPRouteTimeouts& from, const std::string& field, model::RouteRule& rule,
                  Checker& checker) {
  if (from.has_request()) rule.request_timeout = DurationFrom(from.request(), field + ".request", checker);
  if (from.has_backend_request()) {
    rule.backend_request_timeout = DurationFrom(from.backend_request(), field + ".backendRequest", checker);
  }
  if (rule.request_timeout.value_or(absl::ZeroDuration()) > absl::ZeroDuration() &&
      rule.backend_request_timeout.value_or(absl::ZeroDuration()) > *rule.request_timeout) {
    checker.Error(field + ".backendRequest", "is longer than timeouts.request, of which it is a part");
  }
}

model::RouteRule RuleFrom(const gateway::v1::HTTPRouteRule& from, const std::string& route_namespace,
                          const std::string& field, Checker& checker) {
  model::RouteRule rule;
  rule.name = from.name();
  if (from.has_name()) checker.Ok(field + ".name", from.name(), CheckSubdomain(from.name()));
  CheckCount(from.matches_size(), kMostMatches, field + ".matches", checker);
  for (int i = 0; i < from.matches_size(); ++i) {
    rule.matches.push_back(MatchFrom(from.matches(i), At(field + ".matches", i), checker));
  }
  if (rule.matches.empty()) rule.matches.emplace_back();
  ReadRuleFilters(from.filters(), field + ".filters", rule, checker);
  CheckCount(from.backend_refs_size(), kMostBackends, field + ".backendRefs", checker);
  for (int i = 0; i < from.backend_refs_size(); ++i) {
    const std::string at = At(field + ".backendRefs", i);
    rule.backends.push_back(BackendFrom(from.backend_refs(i), route_namespace, at, checker));
    ReadBackendFilters(from.backend_refs(i).filters(), at + ".filters", rule.backends.back(), checker);
  }
  if (rule.filters.redirect.has_value() && !rule.backends.empty()) {
    checker.Error(field + ".backendRefs", "cannot stand beside a RequestRedirect filter, which answers by itself");
  }
  ReadTimeouts(from.timeouts(), field + ".timeouts", rule, checker);
  return rule;
}

}  // namespace

model::HttpRoute RouteFrom(const gateway::v1::HTTPRoute& from, Checker& checker) {
  const gateway::v1::HTTPRouteSpec& spec = from.spec();
  model::HttpRoute route;
  route.meta = MetaFrom(from.metadata(), checker);
  const std::string& ns = route.meta.name.ns;
  route.parents = ParentsFrom(spec.parent_refs(), ns, checker);
  CheckHostnames(spec.hostnames(), kMostHostnames, checker);
  route.hostnames.assign(spec.hostnames().begin(), spec.hostnames().end());
  if (spec.rules().empty()) checker.Error("spec.rules", "is empty; at least one rule is wanted");
  CheckCount(spec.rules_size(), kMostRules, "spec.rules", checker);
  for (int i = 0; i < spec.rules_size(); ++i) {
    route.rules.push_back(RuleFrom(spec.rules(i), ns, At("spec.rules", i), checker));
  }
  return route;
}

}  // namespace weft::control::source
