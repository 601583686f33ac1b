#include "schema/json.h"

#include "absl/strings/str_cat.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "schema/reader.h"
#include "schema/scalar.h"
#include "schema/view.h"

namespace weft::schema {
namespace {

// google.protobuf.Value would turn 64-bit numbers into doubles, so the digits are copied as they are.
class Writer {
 public:
  explicit Writer(const Limits& limits) : limits_(limits) {}

  absl::Status Write(const Node& alias, std::string* out, size_t depth) {
    const Node& node = Follow(alias);
    if (depth > limits_.max_depth)
      return Fail(alias, absl::StrCat("nested deeper than ", limits_.max_depth, " levels"));
    if (++written_ > limits_.max_nodes + limits_.max_alias_nodes) {
      return Fail(alias, "aliases make too many values; write them out");
    }
    if (node.kind == Node::Kind::kScalar) return WriteScalar(node, out);
    const bool list = node.kind == Node::Kind::kSequence;
    *out += list ? '[' : '{';
    bool first = true;
    for (const Node* item : node.items) {
      if (!first) *out += ',';
      first = false;
      if (absl::Status status = Write(*item, out, depth + 1); !status.ok()) return status;
    }
    for (const Node::Entry& entry : node.entries) {
      const Node& key = Follow(*entry.key);
      if (key.kind != Node::Kind::kScalar) return Fail(key, "a key must be plain text");
      if (key.plain && key.text == "<<") return Fail(key, "merge keys are not supported here; write the fields out");
      if (!first) *out += ',';
      first = false;
      absl::StrAppend(out, JsonString(key.text), ":");
      if (absl::Status status = Write(*entry.value, out, depth + 1); !status.ok()) return status;
    }
    *out += list ? ']' : '}';
    return absl::OkStatus();
  }

 private:
  static absl::Status Fail(const Node& node, std::string what) {
    return absl::InvalidArgumentError(absl::StrCat("line ", node.at.line, ": ", what));
  }

  static absl::Status WriteScalar(const Node& node, std::string* out) {
    const ScalarType type = node.plain ? TypeOf(node.text) : ScalarType::kText;
    if (type == ScalarType::kNull) {
      *out += "null";
    } else if (type == ScalarType::kBool) {
      *out += node.text[0] == 't' || node.text[0] == 'T' ? "true" : "false";
    } else if (type == ScalarType::kText) {
      *out += JsonString(node.text);
    } else if (const std::optional<int64_t> whole = ToInt64(node.text)) {
      absl::StrAppend(out, *whole);
    } else if (const std::optional<uint64_t> big = ToUint64(node.text)) {
      absl::StrAppend(out, *big);
    } else {
      google::protobuf::Value value;
      const std::optional<double> number = ToDouble(node.text);
      std::string text;
      if (number) value.set_number_value(*number);
      if (!number || !google::protobuf::util::MessageToJsonString(value, &text).ok() || text[0] == '"') {
        return Fail(node, absl::StrCat("JSON has no number ", View(node.text).substr(0, 60)));
      }
      *out += text;
    }
    return absl::OkStatus();
  }

  const Limits& limits_;
  size_t written_ = 0;
};

}  // namespace

absl::StatusOr<std::string> NodeToJson(const Node& node, const Limits& limits) {
  std::string out;
  if (absl::Status status = Writer(limits).Write(node, &out, 1); !status.ok()) return status;
  return out;
}

std::string JsonString(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (byte < 0x20 || byte == 0x7F) {
      absl::StrAppend(&out, "\\u00", std::string{kHex[byte >> 4], kHex[byte & 15]});
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace weft::schema
