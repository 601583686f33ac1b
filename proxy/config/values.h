// Conversions of the small messages that many resources share. Each reports at `place`, which is the field itself. Pure
// but for ReadSource, which reads files and environment variables. Private to the conversions.
#ifndef WEFT_PROXY_CONFIG_VALUES_H_
#define WEFT_PROXY_CONFIG_VALUES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "envoy/config/core/v3/core.pb.h"
#include "envoy/type/matcher/v3/matcher.pb.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/repeated_field.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/wrappers.pb.h"
#include "proxy/base/address.h"
#include "proxy/config/place.h"
#include "proxy/config/route_spec.h"

namespace weft::config {

// Never negative: that is a problem, and 0.
runtime::Duration DurationOf(const google::protobuf::Duration& message, const Place& place);
// Above 0 as well.
runtime::Duration PositiveDuration(const google::protobuf::Duration& message, const Place& place);

// 0 to 65535, from `lowest` on.
uint16_t PortOf(uint32_t value, const Place& place, uint16_t lowest = 0);

// A TCP address, or a unix path. Invalid when there was a problem.
base::Address AddressOf(const envoy::config::core::v3::Address& message, const Place& place);
std::vector<base::Cidr> CidrsOf(const google::protobuf::RepeatedPtrField<envoy::config::core::v3::CidrRange>& ranges,
                                const Place& parent, std::string_view field);

// RE2 must compile it; `place` is the RegexMatcher.
void CheckRegex(const envoy::type::matcher::v3::RegexMatcher& message, const Place& place);
StringMatchSpec StringMatchOf(const envoy::type::matcher::v3::StringMatcher& message, const Place& place);
RegexRewriteSpec RegexRewriteOf(const envoy::type::matcher::v3::RegexMatchAndSubstitute& message, const Place& place);

// RFC 9110 section 5.6.2.
bool IsToken(std::string_view name);

// The text of inline_string, inline_bytes, environment_variable or a file; nullopt when there was a problem.
std::optional<std::string> ReadSource(const envoy::config::core::v3::DataSource& source, const Place& place);

// Metadata filter_metadata[filter], its text values by name; other values are left out with a note.
std::vector<std::pair<std::string, std::string>> TextMetadata(const envoy::config::core::v3::Metadata& metadata,
                                                              std::string_view filter, const Place& place);

// "service.namespace" of metadata "weft.dev"; the service alone without a namespace.
std::string ServiceName(const std::vector<std::pair<std::string, std::string>>& labels);

// The only source of dynamic resources is the ADS stream. `name` is what is asked for.
void CheckAds(const envoy::config::core::v3::ConfigSource& source, const Place& place, const std::string& name);

inline uint32_t ValueOr(bool has, const google::protobuf::UInt32Value& value, uint32_t otherwise) {
  return has ? value.value() : otherwise;
}

}  // namespace weft::config

#endif  // WEFT_PROXY_CONFIG_VALUES_H_
