// The parsed form of a text: our own nodes, filled from yaml-cpp's events, because these tell quoted from plain
// scalars, keep duplicate keys, and let us stop at a bound. Immutable once built, any thread. Private to schema/.
#ifndef WEFT_SCHEMA_TREE_H_
#define WEFT_SCHEMA_TREE_H_

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "schema/document.h"

namespace weft::schema {

struct Node {
  enum class Kind { kScalar, kSequence, kMapping, kAlias };
  struct Entry {
    const Node* key;
    const Node* value;
  };

  Kind kind = Kind::kScalar;
  bool plain = false;  // a scalar without quotes or !!str: its text decides its type
  Location at;
  std::string text;                // scalar
  std::vector<const Node*> items;  // sequence
  std::vector<Entry> entries;      // mapping, in the order and with the duplicates of the text
  const Node* target = nullptr;    // alias: what it stands for, never an alias itself, complete before this node began
};

struct Tree {
  Options options;
  std::deque<Node> nodes;
  std::vector<const Node*> roots;  // of the documents that parsed and are not null
};

// Parses one chunk (no `---` or `...` line but a first one) whose first line is `first_line` of the file, appends its
// root. A chunk that does not parse adds one problem. Catches whatever yaml-cpp throws.
void ParseChunk(std::string_view chunk, int first_line, Tree* tree, Problems* problems);

inline const Node& Follow(const Node& node) { return node.kind == Node::Kind::kAlias ? *node.target : node; }

}  // namespace weft::schema

#endif  // WEFT_SCHEMA_TREE_H_
