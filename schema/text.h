// What is done to a text before it is parsed. Pure, any thread. Private to schema/.
#ifndef WEFT_SCHEMA_TEXT_H_
#define WEFT_SCHEMA_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

namespace weft::schema {

// JSON writes characters beyond U+FFFF as two \u escapes, which YAML does not have: in a text that begins as JSON they
// become the character itself.
std::string JoinSurrogates(std::string_view text);

struct Chunk {
  std::string_view text;
  int first_line;
};

// Cuts before each line that begins with `---` and after each that begins with `...`; YAML forbids both inside of
// values.
std::vector<Chunk> SplitChunks(std::string_view text);

}  // namespace weft::schema

#endif  // WEFT_SCHEMA_TEXT_H_
