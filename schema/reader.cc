#include "schema/reader.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "schema/scalar.h"
#include "schema/suggest.h"
#include "schema/view.h"

namespace weft::schema {

using google::protobuf::Descriptor;
using google::protobuf::OneofDescriptor;
using google::protobuf::Reflection;

namespace {

bool IsNull(const Node& node) {
  const Node& real = Follow(node);
  return real.kind == Node::Kind::kScalar && real.plain && TypeOf(real.text) == ScalarType::kNull;
}

bool IsMergeKey(const Node& node) { return node.kind == Node::Kind::kScalar && node.plain && node.text == "<<"; }

// Whether a message about `like` spells fields in lowerCamelCase: as the user does, else as the whole text does.
bool Camel(std::string_view like, bool otherwise) {
  if (like.find('_') != like.npos) return false;
  return otherwise || like.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != like.npos;
}

const std::string& NameOf(const google::protobuf::FieldDescriptor& field, bool camel) {
  return camel ? field.json_name() : field.name();
}

std::vector<std::string> FieldNames(const Descriptor& type, bool camel) {
  std::vector<std::string> out;
  for (int i = 0; i < type.field_count(); ++i) out.push_back(NameOf(*type.field(i), camel));
  return out;
}

}  // namespace

std::string Describe(const Node& alias) {
  const Node& node = Follow(alias);
  if (node.kind == Node::Kind::kSequence) return "a list";
  if (node.kind == Node::Kind::kMapping) return "a mapping";
  if (!node.plain) return absl::StrCat("the text ", Quoted(node.text));
  switch (TypeOf(node.text)) {
    case ScalarType::kNull: return "null";
    case ScalarType::kBool: return absl::StrCat("the boolean ", node.text);
    case ScalarType::kInteger:
    case ScalarType::kFloat: return absl::StrCat("the number ", View(node.text).substr(0, 60));
    case ScalarType::kText: break;
  }
  return absl::StrCat("the text ", Quoted(node.text));
}

Reader::Step::Step(Reader* reader, std::string_view name) : reader_(reader), length_(reader->path_.size()) {
  if (!reader->path_.empty()) reader->path_ += '.';
  reader->path_ += name;
}

Reader::Step::Step(Reader* reader, size_t index) : reader_(reader), length_(reader->path_.size()) {
  absl::StrAppend(&reader->path_, "[", index, "]");
}

Reader::Step::Step(Reader* reader, const MapKey& key) : reader_(reader), length_(reader->path_.size()) {
  absl::StrAppend(&reader->path_, "[", Quoted(key.text), "]");
}

Reader::Visit::Visit(Reader* reader, const Node& node) : reader_(reader), alias_(node.kind == Node::Kind::kAlias) {
  const Limits& limits = reader->options_.limits;
  ++reader->depth_;
  if (alias_) ++reader->aliases_open_;
  if (reader->aliases_open_ > 0) ++reader->alias_nodes_;
  if (reader->stopped_) return;
  if (reader->depth_ > limits.max_depth) {
    reader->Report(node, absl::StrCat("nested deeper than ", limits.max_depth, " levels"));
    reader->stopped_ = true;
  } else if (reader->alias_nodes_ > limits.max_alias_nodes) {
    reader->Report(node, absl::StrCat("aliases make more than ", limits.max_alias_nodes, " values; write them out"));
    reader->stopped_ = true;
  }
}

Reader::Visit::~Visit() {
  --reader_->depth_;
  if (alias_) --reader_->aliases_open_;
}

void Reader::Report(const Node& node, std::string what) {
  if (stopped_) return;
  problems_->Add({.file = options_.file, .at = node.at, .field = path_, .what = std::move(what)});
}

void Reader::Expected(const Node& node, std::string_view expected) {
  Report(node, absl::StrCat("expected ", View(expected), ", found ", Describe(node)));
}

void Reader::Remember(Location at) {
  if (map_ != nullptr) map_->Add(path_, at);
}

void Reader::ReadMessage(const Node& node, Message* message) {
  const Visit visit(this, node);
  if (!visit.ok()) return;
  if (ReadWellKnown(node, message)) return;
  ReadMapping(node, message, false);
}

void Reader::ReadMapping(const Node& alias, Message* message, bool skip_type) {
  const Node& node = Follow(alias);
  if (node.kind != Node::Kind::kMapping) {
    Expected(alias, absl::StrCat("a mapping (", message->GetDescriptor()->full_name(), ")"));
    return;
  }
  std::unordered_map<const FieldDescriptor*, const Node*> written;
  std::unordered_map<const OneofDescriptor*, const FieldDescriptor*> oneofs;
  for (const Node::Entry& entry : Entries(node)) {
    if (stopped_) return;
    const Node& key = Follow(*entry.key);
    if (key.kind != Node::Kind::kScalar) {
      Report(key, "a field name must be plain text");
      continue;
    }
    if (skip_type && key.text == "@type") continue;
    const FieldDescriptor* field = FindField(key, *message);
    if (field == nullptr) continue;
    const Step step(this, key.text);
    const auto [first, is_new] = written.emplace(field, &key);
    if (!is_new) {  // the same name twice is reported by Entries
      Report(key, absl::StrCat("the same field as ", Quoted(first->second->text), " in line ", first->second->at.line));
      continue;
    }
    if (IsNull(*entry.value) && !(field->message_type() != nullptr && !field->is_repeated() &&
                                  field->message_type()->full_name() == "google.protobuf.Value")) {
      continue;  // as in proto JSON: null is a field that is not set
    }
    if (!CheckOneof(key, *field, &oneofs)) continue;
    ReadField(key, *entry.value, message, field);
  }
}

const Reader::FieldDescriptor* Reader::FindField(const Node& key, const Message& message) {
  const Descriptor& type = *message.GetDescriptor();
  if (const FieldDescriptor* field = type.FindFieldByName(key.text)) return field;
  for (int i = 0; i < type.field_count(); ++i) {
    if (type.field(i)->json_name() == key.text) return type.field(i);
  }
  const Step step(this, key.text.substr(0, 100));
  if (options_.unsupported->HasField(type.full_name(), key.text)) {
    Report(key, "known to Envoy, not supported by Weft yet; remove it");
  } else if (type.IsReservedName(key.text)) {
    Report(key, absl::StrCat("is no longer a field of ", type.full_name(), "; remove it"));
  } else {
    // Suggestions cost time, and only the first problems are shown.
    const std::string near =
        problems_->full() ? "" : Suggestion(key.text, FieldNames(type, Camel(key.text, options_.unit_durations)));
    Report(key, absl::StrCat("unknown field ", Quoted(key.text), " in ", type.full_name(), near));
  }
  return nullptr;
}

bool Reader::CheckOneof(const Node& key, const FieldDescriptor& field,
                        std::unordered_map<const OneofDescriptor*, const FieldDescriptor*>* seen) {
  const OneofDescriptor* oneof = field.real_containing_oneof();
  if (oneof == nullptr) return true;
  const auto [first, is_new] = seen->emplace(oneof, &field);
  if (is_new) return true;
  const bool camel = Camel(key.text, options_.unit_durations);
  std::string names;
  for (int i = 0; i < oneof->field_count(); ++i) {
    absl::StrAppend(&names, i == 0 ? "" : ", ", NameOf(*oneof->field(i), camel));
  }
  Report(key, absl::StrCat("cannot stand beside ", NameOf(*first->second, camel), "; use only one of ", names));
  return false;
}

void Reader::ReadField(const Node& key, const Node& value, Message* message, const FieldDescriptor* field) {
  // A block mapping begins on the next line: its key is the better place.
  Remember(Follow(value).kind == Node::Kind::kScalar ? value.at : key.at);
  if (field->is_map()) {
    ReadMap(value, message, field);
  } else if (field->is_repeated()) {
    ReadList(value, message, field);
  } else {
    ReadValue(value, {message, field, false});
  }
}

void Reader::ReadValue(const Node& node, const Slot& slot) {
  if (slot.field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
    ReadScalar(node, slot);
    return;
  }
  const Reflection& reflection = *slot.message->GetReflection();
  ReadMessage(node, slot.append ? reflection.AddMessage(slot.message, slot.field)
                                : reflection.MutableMessage(slot.message, slot.field));
}

void Reader::ReadList(const Node& alias, Message* message, const FieldDescriptor* field) {
  const Visit visit(this, alias);
  if (!visit.ok()) return;
  const Node& node = Follow(alias);
  if (node.kind != Node::Kind::kSequence) {
    Expected(alias, "a list");
    return;
  }
  for (size_t i = 0; i < node.items.size() && !stopped_; ++i) {
    const Step step(this, i);
    const Node& item = *node.items[i];
    Remember(item.at);
    if (IsNull(item) && field->message_type() == nullptr) {
      Report(item, "a list cannot hold null; remove the element");
      continue;
    }
    ReadValue(item, {message, field, true});
  }
}

void Reader::ReadMap(const Node& alias, Message* message, const FieldDescriptor* field) {
  const Visit visit(this, alias);
  if (!visit.ok()) return;
  const Node& node = Follow(alias);
  if (node.kind != Node::Kind::kMapping) {
    Expected(alias, "a mapping");
    return;
  }
  const Descriptor& entry_type = *field->message_type();
  for (const Node::Entry& entry : Entries(node)) {
    if (stopped_) return;
    const Node& key = Follow(*entry.key);
    if (key.kind != Node::Kind::kScalar) {
      Report(key, "a key must be plain text");
      continue;
    }
    const Step step(this, MapKey{key.text});
    Remember(Follow(*entry.value).kind == Node::Kind::kScalar ? entry.value->at : key.at);
    if (IsNull(*entry.value) && entry_type.map_value()->message_type() == nullptr) {
      Expected(*entry.value, "a value");
      continue;
    }
    Message* element = message->GetReflection()->AddMessage(message, field);
    Node bare = key;  // JSON quotes every key, and a YAML key 1 or true is fine for a map of strings
    bare.plain = entry_type.map_key()->cpp_type() != FieldDescriptor::CPPTYPE_STRING;
    ReadScalar(bare, {element, entry_type.map_key(), false});
    ReadValue(*entry.value, {element, entry_type.map_value(), false});
  }
}

std::vector<Node::Entry> Reader::Entries(const Node& node) {
  std::vector<Node::Entry> out;
  Written written;
  bool merges = false;
  for (const Node::Entry& entry : node.entries) {
    if (IsMergeKey(*entry.key)) {
      merges = true;
      continue;
    }
    const Node& key = Follow(*entry.key);
    if (key.kind == Node::Kind::kScalar) {
      const auto [first, is_new] = written.emplace(key.text, entry.key);
      if (!is_new) {
        const Step step(this, key.text.substr(0, 100));
        Report(*entry.key, absl::StrCat("written twice; it stands in line ", first->second->at.line, " already"));
        continue;
      }
    }
    out.push_back(entry);
  }
  if (merges) {
    for (const Node::Entry& entry : node.entries) {
      if (IsMergeKey(*entry.key)) Merge(*entry.value, false, &written, &out);
    }
  }
  return out;
}

// Adds what `out` does not have yet, so that earlier and explicit keys win (https://yaml.org/type/merge.html).
void Reader::Merge(const Node& alias, bool in_list, Written* written, std::vector<Node::Entry>* out) {
  const Visit visit(this, alias);
  if (!visit.ok()) return;
  const Node& node = Follow(alias);
  if (node.kind == Node::Kind::kSequence && !in_list) {
    for (const Node* item : node.items) Merge(*item, true, written, out);
    return;
  }
  if (node.kind != Node::Kind::kMapping) {
    Expected(alias, "a mapping to merge");
    return;
  }
  for (const Node::Entry& entry : node.entries) {
    const Visit counted(this, alias);
    if (!counted.ok()) return;
    if (IsMergeKey(*entry.key)) {
      Merge(*entry.value, false, written, out);
    } else if (written->emplace(Follow(*entry.key).text, entry.key).second) {
      out->push_back(entry);
    }
  }
}

}  // namespace weft::schema
