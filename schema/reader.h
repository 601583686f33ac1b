// Fills a message from a node by reflection. One Reader reads one document, on the caller's thread; it borrows
// everything. Every problem is added, and reading goes on behind it. Private to schema/.
#ifndef WEFT_SCHEMA_READER_H_
#define WEFT_SCHEMA_READER_H_

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/struct.pb.h"
#include "schema/tree.h"

namespace weft::schema {

class Reader {
 public:
  Reader(const Options& options, Problems* problems, SourceMap* map)
      : options_(options), problems_(problems), map_(map) {}

  void ReadMessage(const Node& node, google::protobuf::Message* message);

 private:
  using FieldDescriptor = google::protobuf::FieldDescriptor;
  using Message = google::protobuf::Message;

  using Written = std::unordered_map<std::string_view, const Node*>;  // a mapping's keys, and where they stand

  struct MapKey {
    std::string_view text;
  };
  // Appends to path_ while it lives.
  class Step;
  // One level of nesting, and the count of nodes behind aliases; false when a bound is hit.
  class Visit;

  // Where a scalar goes: one element of a field, or a key of a map.
  struct Slot {
    Message* message;
    const FieldDescriptor* field;
    bool append;
  };

  // reader.cc: mappings, fields, lists, maps
  void ReadMapping(const Node& node, Message* message, bool skip_type);
  void ReadField(const Node& key, const Node& value, Message* message, const FieldDescriptor* field);
  void ReadList(const Node& node, Message* message, const FieldDescriptor* field);
  void ReadMap(const Node& node, Message* message, const FieldDescriptor* field);
  void ReadValue(const Node& node, const Slot& slot);
  const FieldDescriptor* FindField(const Node& key, const Message& message);
  bool CheckOneof(const Node& key, const FieldDescriptor& field,
                  std::unordered_map<const google::protobuf::OneofDescriptor*, const FieldDescriptor*>* seen);
  // The entries with merge keys (`<<`) resolved and duplicates reported.
  std::vector<Node::Entry> Entries(const Node& node);
  void Merge(const Node& node, bool in_list, Written* written, std::vector<Node::Entry>* out);

  // reader_scalar.cc: one scalar into one slot
  void ReadScalar(const Node& node, const Slot& slot);
  void ReadInteger(const Node& node, const Slot& slot);
  void ReadFloat(const Node& node, const Slot& slot);
  void ReadEnum(const Node& node, const Slot& slot);

  // reader_well_known.cc: the types of google/protobuf that have a JSON form of their own
  bool ReadWellKnown(const Node& node, Message* message);  // false: an ordinary message
  void ReadAny(const Node& node, Message* message);
  // Null, with the problem reported, when there is no "@type" or none that this program links.
  const google::protobuf::Descriptor* TypeOfAny(const Node& node, const std::vector<Node::Entry>& entries,
                                                std::string* url);
  void ReadWrapper(const Node& node, Message* message);
  void ReadStruct(const Node& node, google::protobuf::Struct* out);
  void ReadListValue(const Node& node, google::protobuf::ListValue* out);
  void ReadDynamicValue(const Node& node, google::protobuf::Value* out);

  void Report(const Node& node, std::string what);
  void Expected(const Node& node, std::string_view expected);  // "expected X, found Y"
  void Remember(Location at);

  const Options& options_;
  Problems* problems_;
  SourceMap* map_;
  std::string path_;
  size_t depth_ = 0;
  size_t aliases_open_ = 0;  // aliases on the way from the root to here
  size_t alias_nodes_ = 0;
  bool stopped_ = false;  // a bound was hit and reported
};

// "the text "x"", "the number 5", "a list" …: what a message says was found.
std::string Describe(const Node& node);

// A well-known type that is written as something else than a mapping of its fields.
bool HasOwnJson(const google::protobuf::Descriptor& type);

class Reader::Step {
 public:
  Step(Reader* reader, std::string_view name);  // ".name", or "name" at the top
  Step(Reader* reader, size_t index);           // "[3]"
  Step(Reader* reader, const MapKey& key);      // "["key"]"
  ~Step() { reader_->path_.resize(length_); }
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

 private:
  Reader* reader_;
  size_t length_;
};

class Reader::Visit {
 public:
  Visit(Reader* reader, const Node& node);
  ~Visit();
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  bool ok() const { return !reader_->stopped_; }

 private:
  Reader* reader_;
  bool alias_;
};

}  // namespace weft::schema

#endif  // WEFT_SCHEMA_READER_H_
