// The part of Reader that puts one scalar into one field.
#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.pb.h"
#include "schema/reader.h"
#include "schema/scalar.h"
#include "schema/suggest.h"

namespace weft::schema {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

bool IsText(const Node& node) { return !node.plain || TypeOf(node.text) == ScalarType::kText; }

// "a whole number from 0 to 4294967295"
std::string Range(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: return "a whole number from -2147483648 to 2147483647";
    case FieldDescriptor::CPPTYPE_UINT32: return "a whole number from 0 to 4294967295";
    case FieldDescriptor::CPPTYPE_UINT64: return "a whole number from 0 to 18446744073709551615";
    default: return "a whole number of 64 bits";
  }
}

// Sets the field, or appends when it is a list.
#define WEFT_SCHEMA_PUT(Type, value)                                                       \
  (slot.append ? slot.message->GetReflection()->Add##Type(slot.message, slot.field, value) \
               : slot.message->GetReflection()->Set##Type(slot.message, slot.field, value))

}  // namespace

void Reader::ReadScalar(const Node& alias, const Slot& slot) {
  const Visit visit(this, alias);
  if (!visit.ok()) return;
  const Node& node = Follow(alias);
  const FieldDescriptor::CppType type = slot.field->cpp_type();
  if (type == FieldDescriptor::CPPTYPE_ENUM) return ReadEnum(alias, slot);
  if (type == FieldDescriptor::CPPTYPE_FLOAT || type == FieldDescriptor::CPPTYPE_DOUBLE) return ReadFloat(alias, slot);
  if (type == FieldDescriptor::CPPTYPE_BOOL) {
    const bool is_true = node.text == "true" || node.text == "True" || node.text == "TRUE";
    // Quoted only as a key of a map, where JSON has no other way.
    if (node.kind != Node::Kind::kScalar || !node.plain || TypeOf(node.text) != ScalarType::kBool) {
      if (slot.field->containing_type()->options().map_entry() && (node.text == "true" || node.text == "false")) {
        WEFT_SCHEMA_PUT(Bool, is_true);
        return;
      }
      return Expected(alias, "true or false");
    }
    WEFT_SCHEMA_PUT(Bool, is_true);
    return;
  }
  if (type != FieldDescriptor::CPPTYPE_STRING) return ReadInteger(alias, slot);

  if (node.kind != Node::Kind::kScalar) return Expected(alias, "text");
  if (slot.field->type() == FieldDescriptor::TYPE_BYTES) {
    std::optional<std::string> bytes = FromBase64(node.text);
    if (!bytes || (node.plain && TypeOf(node.text) == ScalarType::kNull)) return Expected(alias, "bytes in base64");
    WEFT_SCHEMA_PUT(String, *std::move(bytes));
    return;
  }
  const bool int_or_text = node.plain && TypeOf(node.text) == ScalarType::kInteger &&
                           std::find(options_.int_or_text.begin(), options_.int_or_text.end(),
                                     slot.field->full_name()) != options_.int_or_text.end();
  if (!IsText(node) && !int_or_text)
    return Expected(alias, absl::StrCat("text: write \"", node.text.substr(0, 60), "\""));
  WEFT_SCHEMA_PUT(String, node.text);
}

void Reader::ReadInteger(const Node& alias, const Slot& slot) {
  const Node& node = Follow(alias);
  if (node.kind != Node::Kind::kScalar) return Expected(alias, Range(*slot.field));
  const std::optional<int64_t> number = ToInt64(node.text);
  switch (slot.field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      if (!number || *number < std::numeric_limits<int32_t>::min() || *number > std::numeric_limits<int32_t>::max())
        break;
      WEFT_SCHEMA_PUT(Int32, static_cast<int32_t>(*number));
      return;
    case FieldDescriptor::CPPTYPE_UINT32:
      if (!number || *number < 0 || *number > std::numeric_limits<uint32_t>::max()) break;
      WEFT_SCHEMA_PUT(UInt32, static_cast<uint32_t>(*number));
      return;
    case FieldDescriptor::CPPTYPE_INT64:
      if (!number) break;
      WEFT_SCHEMA_PUT(Int64, *number);
      return;
    default: {
      const std::optional<uint64_t> positive = ToUint64(node.text);
      if (!positive) break;
      WEFT_SCHEMA_PUT(UInt64, *positive);
      return;
    }
  }
  Expected(alias, Range(*slot.field));
}

void Reader::ReadFloat(const Node& alias, const Slot& slot) {
  const Node& node = Follow(alias);
  const std::optional<double> number = node.kind == Node::Kind::kScalar ? ToDouble(node.text) : std::nullopt;
  if (!number) return Expected(alias, "a number");
  if (slot.field->cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
    WEFT_SCHEMA_PUT(Double, *number);
    return;
  }
  if (std::isfinite(*number) && std::fabs(*number) > std::numeric_limits<float>::max()) {
    return Expected(alias, "a number that a float of 32 bits holds");
  }
  WEFT_SCHEMA_PUT(Float, static_cast<float>(*number));
}

void Reader::ReadEnum(const Node& alias, const Slot& slot) {
  const Node& node = Follow(alias);
  const EnumDescriptor& type = *slot.field->enum_type();
  if (node.kind != Node::Kind::kScalar) return Expected(alias, absl::StrCat("one word (", type.full_name(), ")"));
  const EnumValueDescriptor* value = type.FindValueByName(node.text);
  if (value == nullptr && node.plain) {
    const std::optional<int64_t> number = ToInt64(node.text);
    if (number && *number >= std::numeric_limits<int32_t>::min() && *number <= std::numeric_limits<int32_t>::max()) {
      value = type.FindValueByNumber(static_cast<int>(*number));
    }
  }
  if (value == nullptr) {
    if (options_.unsupported->HasField(type.full_name(), node.text)) {
      return Report(alias, absl::StrCat(Quoted(node.text), " is known to Envoy, not supported by Weft yet"));
    }
    std::vector<std::string> names;
    for (int i = 0; i < type.value_count(); ++i) names.push_back(type.value(i)->name());
    return Report(alias, absl::StrCat(Describe(alias), " is no value of ", type.full_name(),
                                      problems_->full() ? "" : Suggestion(node.text, names)));
  }
  WEFT_SCHEMA_PUT(Enum, value);
}

#undef WEFT_SCHEMA_PUT

}  // namespace weft::schema
