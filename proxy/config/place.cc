#include "proxy/config/place.h"

#include <algorithm>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/unknown_field_set.h"

namespace weft::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr char kUnsupported[] = "known to Envoy, not supported by Weft yet";

// Whose unknown fields change what is let in. RBAC, the matchers and TLS are packages of their own.
bool IsStrict(const google::protobuf::Descriptor& type) {
  constexpr std::string_view kPackages[] = {"envoy.config.rbac.", "envoy.extensions.filters.http.rbac.",
                                            "envoy.extensions.filters.network.rbac.",
                                            "envoy.extensions.transport_sockets.tls.", "envoy.type.matcher."};
  constexpr std::string_view kTypes[] = {
      "envoy.config.listener.v3.FilterChainMatch", "envoy.config.listener.v3.ListenerFilterChainMatchPredicate",
      "envoy.config.route.v3.HeaderMatcher", "envoy.config.route.v3.QueryParameterMatcher",
      "envoy.config.route.v3.RouteMatch"};
  const std::string_view name = type.full_name();
  return std::any_of(std::begin(kPackages), std::end(kPackages),
                     [&](auto package) { return name.starts_with(package); }) ||
         std::find(std::begin(kTypes), std::end(kTypes), name) != std::end(kTypes);
}

void CheckUnknownIn(const Message& message, const Place& place, bool strict) {
  strict = strict || IsStrict(*message.GetDescriptor());
  const Reflection& reflection = *message.GetReflection();
  const google::protobuf::UnknownFieldSet& unknown = reflection.GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count(); ++i) {
    const std::string what = "field number " + std::to_string(unknown.field(i).number()) + " of " +
                             message.GetDescriptor()->full_name() + " is not known to Weft";
    strict ? place.Problem(what) : place.Note(what + " and was ignored");
  }
  if (message.GetDescriptor()->full_name() == "google.protobuf.Any") return;
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      CheckUnknownIn(reflection.GetMessage(message, field), place.Field(field->name()), strict);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      CheckUnknownIn(reflection.GetRepeatedMessage(message, field, i), place.Field(field->name(), size_t(i)), strict);
    }
  }
}

bool Contains(std::initializer_list<std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::string Findings::ToString() const {
  std::string out;
  for (const FieldProblem& problem : problems) {
    if (!out.empty()) out += "; ";
    out += problem.field.empty() ? problem.what : problem.field + ": " + problem.what;
  }
  return out;
}

Place Place::Field(std::string_view name) const {
  std::string path = path_;
  if (!path.empty()) path += '.';
  return Place(findings_, path.append(name));
}

Place Place::Field(std::string_view name, size_t index) const {
  Place field = Field(name);
  field.path_ += "[" + std::to_string(index) + "]";
  return field;
}

Place Place::Key(std::string_view name, std::string_view key) const {
  Place field = Field(name);
  field.path_.append("[\"").append(key).append("\"]");
  return field;
}

void Place::Unsupported(std::string_view what) const {
  Problem(what.empty() ? kUnsupported : std::string(what) + ": " + kUnsupported);
}

void Place::Forget(Reference::Kind kind) const {
  std::erase_if(findings_->references, [&](const Reference& reference) {
    return reference.kind == kind && reference.field.starts_with(path_);
  });
}

void CheckFields(const Message& message, const Place& place, const KnownFields& known) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (Contains(known.read, field->name())) continue;
    const Place at = place.Field(field->name());
    Contains(known.ignored, field->name()) ? at.Note("accepted and ignored") : at.Unsupported();
  }
}

void CheckUnknown(const Message& message, const Place& place) { CheckUnknownIn(message, place, false); }

bool UnpackTo(const google::protobuf::Any& any, const Place& place, Message* out) {
  if (!any.UnpackTo(out)) {
    place.Problem("the bytes are no " + TypeName(any));
    return false;
  }
  CheckUnknown(*out, place);
  return true;
}

std::string TypeName(const google::protobuf::Any& any) {
  return any.type_url().substr(any.type_url().rfind('/') + 1);  // the whole when there is no '/'
}

}  // namespace weft::config
