// RouteMatch, HeaderMatcher, QueryParameterMatcher (envoy.config.route.v3).
#include <string>

#include "absl/strings/ascii.h"
#include "proxy/config/parts.h"
#include "proxy/config/values.h"
#include "schema/problem.h"

namespace weft::config {
namespace {

namespace route = envoy::config::route::v3;
using How = StringMatchSpec::How;

StringMatchSpec Text(How how, const std::string& text, const Place& place) {
  if (text.empty() && how != How::kExact) place.Problem("the text to look for is empty");
  return {.how = how, .text = text};
}

void ReadHeaderValue(const route::HeaderMatcher& message, const Place& place, HeaderMatchSpec* spec) {
  using Matcher = route::HeaderMatcher;
  switch (message.header_match_specifier_case()) {
    case Matcher::kExactMatch:
      spec->value = Text(How::kExact, message.exact_match(), place.Field("exact_match"));
      break;
    case Matcher::kPrefixMatch:
      spec->value = Text(How::kPrefix, message.prefix_match(), place.Field("prefix_match"));
      break;
    case Matcher::kSuffixMatch:
      spec->value = Text(How::kSuffix, message.suffix_match(), place.Field("suffix_match"));
      break;
    case Matcher::kContainsMatch:
      spec->value = Text(How::kContains, message.contains_match(), place.Field("contains_match"));
      break;
    case Matcher::kSafeRegexMatch:
      CheckRegex(message.safe_regex_match(), place.Field("safe_regex_match"));
      spec->value = StringMatchSpec{.how = How::kRegex, .text = message.safe_regex_match().regex()};
      break;
    case Matcher::kStringMatch: spec->value = StringMatchOf(message.string_match(), place.Field("string_match")); break;
    case Matcher::kRangeMatch: {
      const auto& range = message.range_match();
      if (range.start() >= range.end()) place.Field("range_match").Problem("is empty: start must be below end");
      spec->value = HeaderMatchSpec::Range{range.start(), range.end()};
      break;
    }
    case Matcher::kPresentMatch: spec->present = message.present_match(); break;
    case Matcher::HEADER_MATCH_SPECIFIER_NOT_SET: break;  // presence alone
  }
}

HeaderMatchSpec HeaderFromXds(const route::HeaderMatcher& message, const Place& place) {
  HeaderMatchSpec spec;
  spec.name = absl::AsciiStrToLower(message.name());
  if (!IsToken(spec.name.starts_with(':') ? spec.name.substr(1) : spec.name)) {
    place.Field("name").Problem("expected the name of a header, found " + schema::Quoted(message.name()));
  }
  spec.invert = message.invert_match();
  spec.treat_missing_as_empty = message.treat_missing_header_as_empty();
  ReadHeaderValue(message, place, &spec);
  return spec;
}

QueryMatchSpec QueryFromXds(const route::QueryParameterMatcher& message, const Place& place) {
  QueryMatchSpec spec;
  spec.name = message.name();
  if (spec.name.empty()) place.Field("name").Problem("the name of the parameter is empty");
  if (message.has_string_match()) spec.value = StringMatchOf(message.string_match(), place.Field("string_match"));
  if (message.has_present_match() && !message.present_match())
    place.Field("present_match").Unsupported("asking for absence");
  return spec;
}

// path_separated_prefix is "^[^?#]+[^?#/]$" in Envoy.
void CheckSeparatedPrefix(const std::string& prefix, const Place& place) {
  if (prefix.size() < 2 || prefix.ends_with('/') || prefix.find_first_of("?#") != std::string::npos) {
    place.Problem("expected a path without \"?\" and \"#\" that does not end in \"/\", found " +
                  schema::Quoted(prefix));
  }
}

void ReadPath(const route::RouteMatch& message, const Place& place, RouteMatchSpec* spec) {
  using Path = RouteMatchSpec::Path;
  using Match = route::RouteMatch;
  const auto set = [&](Path how, const std::string& path) {
    spec->path_how = how;
    spec->path = path;
  };
  switch (message.path_specifier_case()) {
    case Match::kPrefix: set(Path::kPrefix, message.prefix()); break;
    case Match::kPath: set(Path::kExact, message.path()); break;
    case Match::kSafeRegex:
      CheckRegex(message.safe_regex(), place.Field("safe_regex"));
      set(Path::kRegex, message.safe_regex().regex());
      break;
    case Match::kConnectMatcher: set(Path::kConnect, ""); break;
    case Match::kPathSeparatedPrefix:
      CheckSeparatedPrefix(message.path_separated_prefix(), place.Field("path_separated_prefix"));
      set(Path::kPathSeparatedPrefix, message.path_separated_prefix());
      break;
    case Match::kPathMatchPolicy: break;  // refused by CheckFields
    case Match::PATH_SPECIFIER_NOT_SET:
      place.Problem("expected one of prefix, path, safe_regex, connect_matcher, path_separated_prefix");
      break;
  }
}

void ReadFraction(const envoy::type::v3::FractionalPercent& message, const Place& place, RouteMatchSpec* spec) {
  using Percent = envoy::type::v3::FractionalPercent;
  spec->fraction_numerator = message.numerator();
  switch (message.denominator()) {
    case Percent::HUNDRED: spec->fraction_denominator = 100; break;
    case Percent::TEN_THOUSAND: spec->fraction_denominator = 10'000; break;
    case Percent::MILLION: spec->fraction_denominator = 1'000'000; break;
    default: place.Field("denominator").Problem("expected HUNDRED, TEN_THOUSAND or MILLION"); break;
  }
}

}  // namespace

RouteMatchSpec MatchFromXds(const route::RouteMatch& message, const Place& place) {
  CheckFields(message, place,
              {.read = {"prefix", "path", "safe_regex", "connect_matcher", "path_separated_prefix", "case_sensitive",
                        "runtime_fraction", "headers", "query_parameters", "grpc"}});
  RouteMatchSpec spec;
  ReadPath(message, place, &spec);
  spec.ignore_case = message.has_case_sensitive() && !message.case_sensitive().value();
  for (int i = 0; i < message.headers_size(); ++i) {
    spec.headers.push_back(HeaderFromXds(message.headers(i), place.Field("headers", size_t(i))));
  }
  for (int i = 0; i < message.query_parameters_size(); ++i) {
    spec.query.push_back(QueryFromXds(message.query_parameters(i), place.Field("query_parameters", size_t(i))));
  }
  spec.grpc = message.has_grpc();
  if (message.has_runtime_fraction()) {
    const Place fraction = place.Field("runtime_fraction");
    CheckFields(message.runtime_fraction(), fraction, {.read = {"default_value"}, .ignored = {"runtime_key"}});
    ReadFraction(message.runtime_fraction().default_value(), fraction.Field("default_value"), &spec);
  }
  return spec;
}

}  // namespace weft::config
