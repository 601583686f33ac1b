// The part of Reader for the messages of google/protobuf that have a JSON form of their own
// (https://protobuf.dev/programming-guides/json/).
#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/any.pb.h"
#include "schema/bytes.h"
#include "schema/reader.h"
#include "schema/scalar.h"
#include "schema/suggest.h"

namespace weft::schema {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;

constexpr std::string_view kWrappers[] = {"BoolValue",  "BytesValue",  "DoubleValue", "FloatValue", "Int32Value",
                                          "Int64Value", "StringValue", "UInt32Value", "UInt64Value"};

// "Duration" of google.protobuf.Duration; empty for types from elsewhere.
std::string_view WellKnownName(const Descriptor& type) {
  constexpr std::string_view kPackage = "google.protobuf.";
  const std::string_view name = type.full_name();
  return name.substr(0, kPackage.size()) == kPackage ? name.substr(kPackage.size()) : std::string_view();
}

bool IsWrapper(std::string_view name) {
  for (const std::string_view wrapper : kWrappers) {
    if (name == wrapper) return true;
  }
  return false;
}

// Copies what was read into a generated type to the caller's message, which is nearly always of the same class.
template <typename T>
void Put(const T& value, Message* message) {
  if (T* same = google::protobuf::DynamicCastToGenerated<T>(message)) {
    *same = value;
  } else {
    message->ParsePartialFromString(Bytes(value));
  }
}

}  // namespace

bool HasOwnJson(const Descriptor& type) {
  const std::string_view name = WellKnownName(type);
  return name == "Duration" || name == "Timestamp" || name == "Any" || name == "Struct" || name == "Value" ||
         name == "ListValue" || IsWrapper(name);
}

bool Reader::ReadWellKnown(const Node& alias, Message* message) {
  const std::string_view name = WellKnownName(*message->GetDescriptor());
  if (name.empty()) return false;
  const Node& node = Follow(alias);
  const bool is_text = node.kind == Node::Kind::kScalar;
  if (name == "Duration") {
    const auto duration = is_text ? ToDuration(node.text, options_.unit_durations) : std::nullopt;
    if (duration) {
      Put(*duration, message);
    } else {
      Expected(alias, options_.unit_durations ? "a duration such as 1.5s, 500ms or 1h30m"
                                              : "a duration in seconds such as 1.5s or 0.250s");
    }
  } else if (name == "Timestamp") {
    const auto timestamp = is_text ? ToTimestamp(node.text) : std::nullopt;
    if (timestamp) {
      Put(*timestamp, message);
    } else {
      Expected(alias, "a time such as 2026-01-31T12:00:00Z");
    }
  } else if (name == "Any") {
    ReadAny(alias, message);
  } else if (name == "Struct") {
    google::protobuf::Struct value;
    ReadStruct(alias, &value);
    Put(value, message);
  } else if (name == "ListValue") {
    google::protobuf::ListValue value;
    ReadListValue(alias, &value);
    Put(value, message);
  } else if (name == "Value") {
    google::protobuf::Value value;
    ReadDynamicValue(alias, &value);
    Put(value, message);
  } else if (IsWrapper(name)) {
    ReadWrapper(alias, message);
  } else {
    return false;
  }
  return true;
}

void Reader::ReadWrapper(const Node& node, Message* message) {
  const FieldDescriptor* field = message->GetDescriptor()->FindFieldByNumber(1);
  if (Follow(node).kind == Node::Kind::kMapping) {  // the field's own JSON name is no part of its JSON form
    return Expected(node,
                    absl::StrCat("the value itself, not a mapping (", message->GetDescriptor()->full_name(), ")"));
  }
  ReadScalar(node, {message, field, false});
}

const Descriptor* Reader::TypeOfAny(const Node& alias, const std::vector<Node::Entry>& entries, std::string* url) {
  const Node* type = nullptr;
  for (const Node::Entry& entry : entries) {
    if (Follow(*entry.key).text == "@type") type = entry.value;
  }
  if (type == nullptr) {
    Report(alias, "\"@type\" is missing: it says which message this is");
    return nullptr;
  }
  const Step step(this, "@type");
  Remember(type->at);
  *url = Follow(*type).text;
  constexpr std::string_view kPrefix = "type.googleapis.com/";  // protobuf's own JSON writer takes no other
  if (url->size() <= kPrefix.size() || url->compare(0, kPrefix.size(), kPrefix) != 0) {
    Expected(*type, "type.googleapis.com/ and a message's name");
    return nullptr;
  }
  const std::string name = url->substr(kPrefix.size());
  const Descriptor* descriptor = DescriptorPool::generated_pool()->FindMessageTypeByName(name);
  if (descriptor == nullptr) {
    Report(*type, options_.unsupported->HasType(name)
                      ? absl::StrCat(Quoted(name, 200), " is known to Envoy, not supported by Weft yet; remove it")
                      : absl::StrCat("unknown message type ", Quoted(name, 200)));
  }
  return descriptor;
}

void Reader::ReadAny(const Node& alias, Message* message) {
  const Node& node = Follow(alias);
  if (node.kind != Node::Kind::kMapping) return Expected(alias, "a mapping with \"@type\"");
  if (node.entries.empty()) return;
  const std::vector<Node::Entry> entries = Entries(node);
  std::string url;
  const Descriptor* descriptor = TypeOfAny(alias, entries, &url);
  if (descriptor == nullptr) return;
  const std::unique_ptr<Message> inner(MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
  if (!HasOwnJson(*descriptor)) {
    ReadMapping(alias, inner.get(), true);
  } else {
    for (const Node::Entry& entry : entries) {
      const Node& key = Follow(*entry.key);
      const Step step(this, key.text.substr(0, 100));
      if (key.text == "value") {
        ReadMessage(*entry.value, inner.get());
      } else if (key.text != "@type") {
        Report(key, absl::StrCat("unknown field; a ", descriptor->full_name(), " stands under \"value\""));
      }
    }
  }
  google::protobuf::Any any;
  any.set_type_url(url);
  any.set_value(Bytes(*inner));
  Put(any, message);
}

void Reader::ReadStruct(const Node& alias, google::protobuf::Struct* out) {
  const Visit visit(this, alias);
  if (!visit.ok()) return;
  const Node& node = Follow(alias);
  if (node.kind != Node::Kind::kMapping) return Expected(alias, "a mapping");
  for (const Node::Entry& entry : Entries(node)) {
    if (stopped_) return;
    const Node& key = Follow(*entry.key);
    if (key.kind != Node::Kind::kScalar) {
      Report(key, "a key must be plain text");
      continue;
    }
    const Step step(this, key.text);
    Remember(key.at);
    ReadDynamicValue(*entry.value, &(*out->mutable_fields())[key.text]);
  }
}

void Reader::ReadListValue(const Node& alias, google::protobuf::ListValue* out) {
  const Visit visit(this, alias);
  if (!visit.ok()) return;
  const Node& node = Follow(alias);
  if (node.kind != Node::Kind::kSequence) return Expected(alias, "a list");
  for (size_t i = 0; i < node.items.size() && !stopped_; ++i) {
    const Step step(this, i);
    ReadDynamicValue(*node.items[i], out->add_values());
  }
}

void Reader::ReadDynamicValue(const Node& alias, google::protobuf::Value* out) {
  const Visit visit(this, alias);
  if (!visit.ok()) return;
  const Node& node = Follow(alias);
  if (node.kind == Node::Kind::kMapping) return ReadStruct(alias, out->mutable_struct_value());
  if (node.kind == Node::Kind::kSequence) return ReadListValue(alias, out->mutable_list_value());
  switch (node.plain ? TypeOf(node.text) : ScalarType::kText) {
    case ScalarType::kNull: out->set_null_value(google::protobuf::NULL_VALUE); return;
    case ScalarType::kBool: out->set_bool_value(node.text[0] == 't' || node.text[0] == 'T'); return;
    case ScalarType::kInteger:
    case ScalarType::kFloat: {
      const std::optional<double> number = ToDouble(node.text);
      if (!number || !std::isfinite(*number)) return Expected(alias, "a number that JSON can hold (or text in quotes)");
      out->set_number_value(*number);
      return;
    }
    case ScalarType::kText: out->set_string_value(node.text);
  }
}

}  // namespace weft::schema
