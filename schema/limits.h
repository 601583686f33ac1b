// Bounds of everything that a text may make us build. Plain values, any thread.
#ifndef WEFT_SCHEMA_LIMITS_H_
#define WEFT_SCHEMA_LIMITS_H_

#include <cstddef>

namespace weft::schema {

struct Limits {
  size_t max_bytes = 8u << 20;   // of one text
  size_t max_documents = 10000;  // between `---` lines
  // Levels of nesting. protobuf reads 100 back; each of ours may take one of its, or two in a Struct.
  size_t max_depth = 48;
  size_t max_nodes = 500000;        // that the text itself writes, over all documents
  size_t max_alias_nodes = 100000;  // that aliases and merge keys add when they are followed
  size_t max_problems = 20;         // reported; the rest is only counted
};

}  // namespace weft::schema

#endif  // WEFT_SCHEMA_LIMITS_H_
