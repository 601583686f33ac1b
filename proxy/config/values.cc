#include "proxy/config/values.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "re2/re2.h"
#include "schema/document.h"
#include "schema/problem.h"

namespace weft::config {
namespace {

namespace core = envoy::config::core::v3;
namespace matcher = envoy::type::matcher::v3;

constexpr int64_t kMostSeconds = int64_t{100} * 365 * 24 * 3600;  // far from the end of a nanosecond count

re2::RE2::Options Quiet() {
  re2::RE2::Options options;
  options.set_log_errors(false);
  return options;
}

bool AlphaNumeric(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

base::Address SocketAddressOf(const core::SocketAddress& message, const Place& place) {
  CheckFields(message, place, {.read = {"protocol", "address", "port_value", "named_port"}});
  if (message.protocol() != core::SocketAddress::TCP) place.Field("protocol").Unsupported("UDP");
  if (message.has_named_port()) place.Field("named_port").Unsupported();
  if (message.port_specifier_case() == core::SocketAddress::PORT_SPECIFIER_NOT_SET) {
    place.Field("port_value").Problem("a port is missing");
  }
  const uint16_t port = PortOf(message.port_value(), place.Field("port_value"));
  const auto address = base::Address::FromIp(message.address(), port);
  if (!address) {
    place.Field("address").Problem("expected an IPv4 or IPv6 address, found " + schema::Quoted(message.address()));
    return {};
  }
  return *address;
}

}  // namespace

runtime::Duration DurationOf(const google::protobuf::Duration& message, const Place& place) {
  if (message.seconds() < 0 || message.nanos() < 0) {
    place.Problem("expected a duration that is not negative");
    return {};
  }
  if (message.seconds() > kMostSeconds) {
    place.Problem("expected a duration of at most 100 years");
    return {};
  }
  return std::chrono::seconds(message.seconds()) + std::chrono::nanoseconds(message.nanos());
}

runtime::Duration PositiveDuration(const google::protobuf::Duration& message, const Place& place) {
  if (message.seconds() == 0 && message.nanos() == 0) place.Problem("expected a duration above 0");
  return DurationOf(message, place);
}

uint16_t PortOf(uint32_t value, const Place& place, uint16_t lowest) {
  if (value > 65535 || value < lowest) {
    place.Problem("expected a port from " + std::to_string(lowest) + " to 65535, found " + std::to_string(value));
    return 0;
  }
  return static_cast<uint16_t>(value);
}

base::Address AddressOf(const core::Address& message, const Place& place) {
  switch (message.address_case()) {
    case core::Address::kSocketAddress: return SocketAddressOf(message.socket_address(), place.Field("socket_address"));
    case core::Address::kPipe: {
      const Place pipe = place.Field("pipe");
      CheckFields(message.pipe(), pipe, {.read = {"path"}, .ignored = {"mode"}});
      const auto address = base::Address::FromPath(message.pipe().path());
      if (address && !message.pipe().path().empty()) return *address;
      pipe.Field("path").Problem("expected a path of 1 to 107 bytes");
      return {};
    }
    case core::Address::kEnvoyInternalAddress: place.Field("envoy_internal_address").Unsupported(); return {};
    case core::Address::ADDRESS_NOT_SET: break;
  }
  place.Problem("an address is missing: socket_address or pipe");
  return {};
}

std::vector<base::Cidr> CidrsOf(const google::protobuf::RepeatedPtrField<core::CidrRange>& ranges, const Place& parent,
                                std::string_view field) {
  std::vector<base::Cidr> out;
  for (int i = 0; i < ranges.size(); ++i) {
    const uint32_t length = ranges[i].prefix_len().value();
    if (const auto cidr = base::Cidr::Make(ranges[i].address_prefix(), length)) {
      out.push_back(*cidr);
    } else {
      parent.Field(field, size_t(i))
          .Problem("expected an IP prefix such as 10.0.0.0 and 8, found " + schema::Quoted(ranges[i].address_prefix()) +
                   " and " + std::to_string(length));
    }
  }
  return out;
}

void CheckRegex(const matcher::RegexMatcher& message, const Place& place) {
  const Place regex = place.Field("regex");
  if (message.regex().empty()) return regex.Problem("the regular expression is empty");
  const re2::RE2 compiled(message.regex(), Quiet());
  if (!compiled.ok()) {
    regex.Problem("the regular expression " + schema::Quoted(message.regex()) +
                  " does not compile: " + compiled.error());
  }
}

StringMatchSpec StringMatchOf(const matcher::StringMatcher& message, const Place& place) {
  using How = StringMatchSpec::How;
  StringMatchSpec spec;
  spec.ignore_case = message.ignore_case();
  const auto set = [&](How how, const std::string& text, std::string_view field) {
    spec.how = how;
    spec.text = text;
    // An empty one would match everything, which nobody means.
    if (how != How::kExact && text.empty()) place.Field(field).Problem("the text to look for is empty");
  };
  switch (message.match_pattern_case()) {
    case matcher::StringMatcher::kExact: set(How::kExact, message.exact(), "exact"); break;
    case matcher::StringMatcher::kPrefix: set(How::kPrefix, message.prefix(), "prefix"); break;
    case matcher::StringMatcher::kSuffix: set(How::kSuffix, message.suffix(), "suffix"); break;
    case matcher::StringMatcher::kContains: set(How::kContains, message.contains(), "contains"); break;
    case matcher::StringMatcher::kSafeRegex:
      CheckRegex(message.safe_regex(), place.Field("safe_regex"));
      spec.how = How::kRegex;
      spec.text = message.safe_regex().regex();
      spec.ignore_case = false;
      if (message.ignore_case())
        place.Field("ignore_case").Note("has no effect on a regular expression; write (?i) there");
      break;
    case matcher::StringMatcher::kCustom: place.Field("custom").Unsupported(); break;
    case matcher::StringMatcher::MATCH_PATTERN_NOT_SET:
      place.Problem("expected one of exact, prefix, suffix, contains, safe_regex");
      break;
  }
  return spec;
}

RegexRewriteSpec RegexRewriteOf(const matcher::RegexMatchAndSubstitute& message, const Place& place) {
  CheckRegex(message.pattern(), place.Field("pattern"));
  const re2::RE2 compiled(message.pattern().regex(), Quiet());
  std::string error;
  if (compiled.ok() && !compiled.CheckRewriteString(message.substitution(), &error)) {
    place.Field("substitution").Problem(schema::Quoted(message.substitution()) + " does not fit the pattern: " + error);
  }
  return {message.pattern().regex(), message.substitution()};
}

bool IsToken(std::string_view name) {
  constexpr std::string_view kSigns = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return AlphaNumeric(c) || kSigns.find(c) != std::string_view::npos;
  });
}

std::optional<std::string> ReadSource(const core::DataSource& source, const Place& place) {
  if (source.has_watched_directory()) place.Field("watched_directory").Note("accepted and ignored");
  switch (source.specifier_case()) {
    case core::DataSource::kInlineString: return source.inline_string();
    case core::DataSource::kInlineBytes: return source.inline_bytes();
    case core::DataSource::kEnvironmentVariable: {
      const char* value = std::getenv(source.environment_variable().c_str());
      if (value != nullptr) return std::string(value);
      place.Field("environment_variable")
          .Problem("there is no variable " + schema::Quoted(source.environment_variable()));
      return std::nullopt;
    }
    case core::DataSource::kFilename: {
      if (source.filename().empty() || source.filename() == "-") {
        place.Field("filename").Problem("expected the path of a file");
        return std::nullopt;
      }
      auto text = schema::ReadFile(source.filename());
      if (text.ok()) return *std::move(text);
      place.Field("filename").Problem(std::string(text.status().message()));
      return std::nullopt;
    }
    case core::DataSource::SPECIFIER_NOT_SET: break;
  }
  place.Problem("expected one of filename, inline_string, inline_bytes, environment_variable");
  return std::nullopt;
}

std::vector<std::pair<std::string, std::string>> TextMetadata(const core::Metadata& metadata, std::string_view filter,
                                                              const Place& place) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto found = metadata.filter_metadata().find(std::string(filter));
  if (found == metadata.filter_metadata().end()) return out;
  for (const auto& [key, value] : found->second.fields()) {
    if (value.kind_case() == google::protobuf::Value::kStringValue) {
      out.emplace_back(key, value.string_value());
    } else {
      place.Key("filter_metadata", filter).Field(key).Note("is no text and was ignored");
    }
  }
  std::sort(out.begin(), out.end());  // a protobuf map has no order
  return out;
}

std::string ServiceName(const std::vector<std::pair<std::string, std::string>>& labels) {
  std::string service, space;
  for (const auto& [key, value] : labels) {
    if (key == "service") service = value;
    if (key == "namespace") space = value;
  }
  return service.empty() || space.empty() ? service : service + "." + space;
}

void CheckAds(const core::ConfigSource& source, const Place& place, const std::string& name) {
  if (source.resource_api_version() == core::V2) place.Field("resource_api_version").Problem("expected V3");
  if (source.has_initial_fetch_timeout()) place.Field("initial_fetch_timeout").Note("accepted and ignored");
  if (source.has_ads()) return place.Refer(Reference::Kind::kAds, name);
  place.Problem("expected `ads`: resources come over the ADS stream only");
}

}  // namespace weft::config
