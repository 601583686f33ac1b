// "Did you mean": the candidate nearest to a misspelt word. Pure, any thread. Private to schema/ and its users'
// messages.
#ifndef WEFT_SCHEMA_SUGGEST_H_
#define WEFT_SCHEMA_SUGGEST_H_

#include <string>
#include <string_view>
#include <vector>

namespace weft::schema {

// Empty when none is near enough: one edit for three letters. Case, '_' and '-' cost nothing.
std::string Nearest(std::string_view word, const std::vector<std::string>& candidates);

// `; did you mean "x"?` when one is near, else `; expected one of a, b, c …` (at most `most` names), else nothing.
std::string Suggestion(std::string_view word, const std::vector<std::string>& candidates, size_t most = 12);

}  // namespace weft::schema

#endif  // WEFT_SCHEMA_SUGGEST_H_
