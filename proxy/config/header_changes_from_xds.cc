// HeaderValueOption (envoy.config.core.v3) and the lists of headers to remove.
#include <algorithm>
#include <string>
#include <string_view>

#include "absl/strings/ascii.h"
#include "proxy/config/header_command.h"
#include "proxy/config/parts.h"
#include "proxy/config/values.h"
#include "schema/problem.h"

namespace weft::config {
namespace {

namespace core = envoy::config::core::v3;
using Append = HeaderChangeSpec::Append;

void CheckCommands(std::string_view value, const Place& place) {
  for (size_t i = value.find('%'); i != std::string_view::npos; i = value.find('%', i + 1)) {
    if (i + 1 < value.size() && value[i + 1] == '%') {
      ++i;
      continue;
    }
    const size_t end = value.find('%', i + 1);
    if (end == std::string_view::npos)
      return place.Problem("has a % that no other % closes (write %% for a percent sign)");
    const std::string_view command = value.substr(i + 1, end - i - 1);
    if (!ParseHeaderCommand(command)) place.Unsupported("the command %" + std::string(command) + "%");
    i = end;
  }
}

// RFC 9110 section 5.5; and no NUL, CR or LF from anywhere.
void CheckValue(const std::string& value, const Place& place) {
  if (std::any_of(value.begin(), value.end(),
                  [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; })) {
    place.Problem("has control characters");
  }
  CheckCommands(value, place);
}

Append AppendOf(const core::HeaderValueOption& message, const Place& place) {
  if (message.has_append()) {  // the older form
    if (message.append_action() != core::HeaderValueOption::APPEND_IF_EXISTS_OR_ADD) {
      place.Field("append").Problem("only one of append and append_action may be set");
    }
    return message.append().value() ? Append::kAppend : Append::kOverwrite;
  }
  switch (message.append_action()) {
    case core::HeaderValueOption::APPEND_IF_EXISTS_OR_ADD: return Append::kAppend;
    case core::HeaderValueOption::ADD_IF_ABSENT: return Append::kAddIfAbsent;
    case core::HeaderValueOption::OVERWRITE_IF_EXISTS_OR_ADD: return Append::kOverwrite;
    case core::HeaderValueOption::OVERWRITE_IF_EXISTS: return Append::kOverwriteIfExists;
    default: place.Field("append_action").Problem("is none of the known actions"); return Append::kAppend;
  }
}

void AddChange(const core::HeaderValueOption& message, const Place& place, HeaderChangesSpec* spec) {
  CheckFields(message, place, {.read = {"header", "append", "append_action", "keep_empty_value"}});
  const core::HeaderValue& header = message.header();
  const Place at = place.Field("header");
  HeaderChangeSpec change;
  change.append = AppendOf(message, place);
  change.name = absl::AsciiStrToLower(header.key());
  change.value = header.value().empty() ? header.raw_value() : header.value();
  if (change.name != ":authority" && !IsToken(change.name)) {
    at.Field("key").Problem("expected the name of a header, found " + schema::Quoted(header.key()));
  }
  CheckValue(change.value, at.Field(header.value().empty() ? "raw_value" : "value"));
  if (!change.value.empty() || message.keep_empty_value()) spec->add.push_back(std::move(change));
}

}  // namespace

HeaderChangesSpec HeaderChangesFromXds(const google::protobuf::RepeatedPtrField<core::HeaderValueOption>& add,
                                       const google::protobuf::RepeatedPtrField<std::string>& remove,
                                       const Place& parent, const std::string& field) {
  HeaderChangesSpec spec;
  for (int i = 0; i < add.size(); ++i) AddChange(add[i], parent.Field(field + "_to_add", size_t(i)), &spec);
  for (int i = 0; i < remove.size(); ++i) {
    const std::string name = absl::AsciiStrToLower(remove[i]);
    const Place at = parent.Field(field + "_to_remove", size_t(i));
    if (!IsToken(name)) at.Problem("expected the name of a header, found " + schema::Quoted(remove[i]));
    if (name == "host") at.Problem("a request cannot do without its host");
    spec.remove.push_back(name);
  }
  return spec;
}

}  // namespace weft::config
