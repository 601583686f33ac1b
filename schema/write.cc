#include "schema/write.h"

#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/type_resolver.h"
#include "google/protobuf/util/type_resolver_util.h"
#include "schema/bytes.h"
#include "schema/json.h"
#include "schema/scalar.h"
#include "schema/tree.h"
#include "schema/view.h"

namespace weft::schema {
namespace {

// Whether YAML reads `text`, written without quotes, back as the same text: by every reader, so YAML 1.1's words count.
bool IsPlain(std::string_view text) {
  if (text.empty() || text.size() > 200 || TypeOf(text) != ScalarType::kText) return false;
  for (const std::string_view word : {"yes", "no", "on", "off", "y", "n"}) {
    if (text.size() == word.size() && absl::EqualsIgnoreCase(View(text), View(word))) return false;
  }
  // Dates, 1:30 and the like: what begins as a number is quoted, addresses and versions too.
  const auto first = static_cast<unsigned char>(text[0]);
  if (!absl::ascii_isalpha(first) && first != '/' && first != '_') return false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (!absl::ascii_isalnum(byte) && std::string_view("-_./+ ()=~^$@").find(c) == std::string_view::npos && c != ':') {
      return false;
    }
  }
  return text.find(": ") == text.npos && text.back() != ':' && text.back() != ' ';
}

class YamlWriter {
 public:
  // `out` ends with what stands before the node on its line ("key:", "-" or nothing); ends with a newline.
  void Write(const Node& node, size_t indent, bool in_list, std::string* out) {
    if (node.kind == Node::Kind::kScalar) {
      if (!out->empty() && out->back() != '\n') *out += ' ';
      absl::StrAppend(out, Scalar(node), "\n");
      return;
    }
    if (node.items.empty() && node.entries.empty()) {
      if (!out->empty() && out->back() != '\n') *out += ' ';
      *out += node.kind == Node::Kind::kSequence ? "[]\n" : "{}\n";
      return;
    }
    bool same_line = in_list;  // the first key of a mapping stands beside its dash
    if (in_list) *out += ' ';
    if (!in_list && !out->empty() && out->back() != '\n') *out += '\n';
    for (const Node* item : node.items) {
      if (!same_line) out->append(indent, ' ');
      same_line = false;
      *out += '-';
      Write(*item, indent + 2, true, out);
    }
    for (const Node::Entry& entry : node.entries) {
      if (!same_line) out->append(indent, ' ');
      same_line = false;
      const Node& value = *entry.value;
      absl::StrAppend(out, Text(entry.key->text), ":");
      // Lists stand at the level of their key, as kubectl writes them.
      Write(value, value.kind == Node::Kind::kSequence ? indent : indent + 2, false, out);
    }
  }

 private:
  static std::string Text(const std::string& text) { return IsPlain(text) ? text : JsonString(text); }
  static std::string Scalar(const Node& node) { return node.plain ? node.text : Text(node.text); }
};

}  // namespace

absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message, Spelling spelling, bool indent) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = spelling == Spelling::kProto;
  options.add_whitespace = indent;
  // By way of the bytes, because these have the entries of maps in order; a Message is printed as they lie in memory.
  constexpr char kUrl[] = "type.googleapis.com";
  const std::unique_ptr<google::protobuf::util::TypeResolver> types(
      google::protobuf::util::NewTypeResolverForDescriptorPool(kUrl, message.GetDescriptor()->file()->pool()));
  std::string out;
  const auto status = google::protobuf::util::BinaryToJsonString(
      types.get(), absl::StrCat(kUrl, "/", message.GetDescriptor()->full_name()), Bytes(message), &out, options);
  if (!status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("cannot write a ", message.GetDescriptor()->full_name(),
                                                   " as JSON: ", std::string(status.message())));
  }
  return out;
}

absl::StatusOr<std::string> ToYaml(const google::protobuf::Message& message, Spelling spelling) {
  const absl::StatusOr<std::string> json = ToJson(message, spelling);
  if (!json.ok()) return json.status();
  return JsonToYaml(*json);
}

absl::StatusOr<std::string> JsonToYaml(std::string_view json) {
  // Our own output: as large and as deep as the messages are.
  Options options{.file = "JSON"};
  options.limits.max_bytes = json.size() + 1;
  options.limits.max_nodes = json.size() + 1;
  options.limits.max_depth = 400;
  Problems problems;
  const std::vector<Document> documents = Load(json, options, &problems);
  if (!problems.empty()) return problems.ToStatus();
  std::string out;
  for (const Document& document : documents) YamlWriter().Write(document.root(), 0, false, &out);
  return out;
}

}  // namespace weft::schema
