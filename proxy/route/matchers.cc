#include "proxy/route/matchers.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proxy/base/parse_number.h"

namespace weft::route {
namespace {

using config::HeaderMatchSpec;
using config::RouteMatchSpec;
using config::StringMatchSpec;

bool StartsWith(std::string_view text, std::string_view prefix, bool ignore_case) {
  return ignore_case ? text.size() >= prefix.size() && http::EqualsIgnoreCase(text.substr(0, prefix.size()), prefix)
                     : text.starts_with(prefix);
}

bool EndsWith(std::string_view text, std::string_view suffix, bool ignore_case) {
  return ignore_case
             ? text.size() >= suffix.size() && http::EqualsIgnoreCase(text.substr(text.size() - suffix.size()), suffix)
             : text.ends_with(suffix);
}

bool Equals(std::string_view a, std::string_view b, bool ignore_case) {
  return ignore_case ? http::EqualsIgnoreCase(a, b) : a == b;
}

bool Contains(std::string_view text, std::string_view part, bool ignore_case) {
  if (!ignore_case) return text.find(part) != std::string_view::npos;
  for (size_t i = 0; i + part.size() <= text.size(); ++i) {
    if (http::EqualsIgnoreCase(text.substr(i, part.size()), part)) return true;
  }
  return false;
}

bool FullMatch(const re2::RE2& regex, std::string_view text) {
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), regex);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const re2::RE2>> CompileRegex(const std::string& pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto regex = std::make_shared<const re2::RE2>(pattern, options);
  if (!regex->ok()) {
    return absl::InvalidArgumentError(absl::StrCat("regular expression \"", pattern, "\": ", regex->error()));
  }
  return regex;
}

absl::StatusOr<StringMatcher> StringMatcher::Compile(const StringMatchSpec& spec) {
  StringMatcher matcher;
  matcher.spec_ = spec;
  if (spec.how == StringMatchSpec::How::kRegex) {
    auto regex = CompileRegex(spec.text);
    if (!regex.ok()) return regex.status();
    matcher.regex_ = *std::move(regex);
  }
  return matcher;
}

bool StringMatcher::Matches(std::string_view text) const {
  switch (spec_.how) {
    case StringMatchSpec::How::kExact: return Equals(text, spec_.text, spec_.ignore_case);
    case StringMatchSpec::How::kPrefix: return StartsWith(text, spec_.text, spec_.ignore_case);
    case StringMatchSpec::How::kSuffix: return EndsWith(text, spec_.text, spec_.ignore_case);
    case StringMatchSpec::How::kContains: return Contains(text, spec_.text, spec_.ignore_case);
    case StringMatchSpec::How::kRegex: return FullMatch(*regex_, text);
  }
  return false;
}

std::optional<std::string_view> FieldOf(const http::RequestHead& request, std::string_view name) {
  if (name.empty()) return std::nullopt;
  if (name[0] != ':') {
    // The codec takes Host out of the fields.
    return http::EqualsIgnoreCase(name, "host") ? std::optional(request.authority) : request.headers.GetJoined(name);
  }
  if (name == ":method") return request.method;
  if (name == ":path") return request.path;
  if (name == ":authority") return request.authority;
  if (name == ":scheme") return request.scheme;
  return std::nullopt;
}

bool IsGrpc(const http::RequestHead& request) {
  const auto type = request.headers.Get("content-type");
  constexpr std::string_view kGrpc = "application/grpc";
  return type && type->starts_with(kGrpc) &&
         (type->size() == kGrpc.size() || (*type)[kGrpc.size()] == '+' || (*type)[kGrpc.size()] == ';');
}

absl::StatusOr<HeaderMatcher> HeaderMatcher::Compile(const HeaderMatchSpec& spec) {
  HeaderMatcher matcher;
  matcher.spec_ = spec;
  if (const auto* text = std::get_if<StringMatchSpec>(&spec.value)) {
    auto compiled = StringMatcher::Compile(*text);
    if (!compiled.ok())
      return absl::InvalidArgumentError(absl::StrCat("header ", spec.name, ": ", compiled.status().message()));
    matcher.text_ = *std::move(compiled);
  }
  return matcher;
}

bool HeaderMatcher::MatchesValue(std::string_view value) const {
  if (text_) return text_->Matches(value);
  const auto& range = std::get<HeaderMatchSpec::Range>(spec_.value);
  const auto number = base::ParseNumber<int64_t>(value);
  return number && *number >= range.start && *number < range.end;
}

bool HeaderMatcher::Matches(const http::RequestHead& request) const {
  std::optional<std::string_view> value = FieldOf(request, spec_.name);
  if (std::holds_alternative<std::monostate>(spec_.value)) return (value.has_value() == spec_.present) != spec_.invert;
  if (!value) {
    if (!spec_.treat_missing_as_empty) return false;
    value = std::string_view();
  }
  return MatchesValue(*value) != spec_.invert;
}

absl::StatusOr<QueryMatcher> QueryMatcher::Compile(const config::QueryMatchSpec& spec) {
  QueryMatcher matcher;
  matcher.name_ = spec.name;
  if (spec.value) {
    auto compiled = StringMatcher::Compile(*spec.value);
    if (!compiled.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("query parameter ", spec.name, ": ", compiled.status().message()));
    }
    matcher.value_ = *std::move(compiled);
  }
  return matcher;
}

bool QueryMatcher::Matches(std::string_view query) const {
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const size_t equals = pair.find('=');
    if (pair.substr(0, equals) == name_) {  // the first of that name decides
      return !value_ ||
             value_->Matches(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
    }
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return false;
}

absl::StatusOr<RequestMatcher> RequestMatcher::Compile(const RouteMatchSpec& spec) {
  RequestMatcher matcher;
  matcher.spec_ = spec;
  if (spec.path_how == RouteMatchSpec::Path::kRegex) {
    auto regex = CompileRegex(spec.path);
    if (!regex.ok()) return regex.status();
    matcher.regex_ = *std::move(regex);
  }
  for (const auto& header : spec.headers) {
    auto compiled = HeaderMatcher::Compile(header);
    if (!compiled.ok()) return compiled.status();
    matcher.headers_.push_back(*std::move(compiled));
  }
  for (const auto& parameter : spec.query) {
    auto compiled = QueryMatcher::Compile(parameter);
    if (!compiled.ok()) return compiled.status();
    matcher.query_.push_back(*std::move(compiled));
  }
  return matcher;
}

bool RequestMatcher::MatchesPath(const http::RequestHead& request) const {
  if (request.is_connect()) return spec_.path_how == RouteMatchSpec::Path::kConnect;
  const std::string_view path = request.path_without_query();
  switch (spec_.path_how) {
    case RouteMatchSpec::Path::kExact: return Equals(path, spec_.path, spec_.ignore_case);
    case RouteMatchSpec::Path::kPrefix: return StartsWith(path, spec_.path, spec_.ignore_case);
    case RouteMatchSpec::Path::kPathSeparatedPrefix:
      return StartsWith(path, spec_.path, spec_.ignore_case) &&
             (path.size() == spec_.path.size() || path[spec_.path.size()] == '/');
    case RouteMatchSpec::Path::kRegex: return FullMatch(*regex_, path);
    case RouteMatchSpec::Path::kConnect: return false;
  }
  return false;
}

bool RequestMatcher::Matches(const http::RequestHead& request, uint64_t random) const {
  if (!MatchesPath(request)) return false;
  if (spec_.grpc && !IsGrpc(request)) return false;
  for (const HeaderMatcher& header : headers_) {
    if (!header.Matches(request)) return false;
  }
  for (const QueryMatcher& parameter : query_) {
    if (!parameter.Matches(request.query())) return false;
  }
  return random % spec_.fraction_denominator < spec_.fraction_numerator;
}

std::string_view RequestMatcher::MatchedPath(std::string_view path) const {
  switch (spec_.path_how) {
    case RouteMatchSpec::Path::kPrefix:
    case RouteMatchSpec::Path::kPathSeparatedPrefix: return path.substr(0, spec_.path.size());
    default: return path.substr(0, path.find('?'));
  }
}

}  // namespace weft::route
