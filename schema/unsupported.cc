#include "schema/unsupported.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "schema/embedded.h"
#include "schema/view.h"

namespace weft::schema {
namespace {

std::string Key(std::string_view message, std::string_view field) {
  std::string out(message);
  out += ' ';
  for (const char c : field) {
    if (c != '_') out += absl::ascii_tolower(static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace

absl::StatusOr<UnsupportedFields> UnsupportedFields::Parse(std::string_view text) {
  UnsupportedFields out;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(View(text), '\n')) {
    ++number;
    line = line.substr(0, line.find('#'));
    const std::vector<absl::string_view> words = absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (words.empty()) continue;
    if (words.size() != 2) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, ": expected a message and a field, found \"", line, "\""));
    }
    out.known_.insert(
        Key(std::string_view(words[0].data(), words[0].size()), std::string_view(words[1].data(), words[1].size())));
  }
  return out;
}

const UnsupportedFields& UnsupportedFields::OfEnvoy() {
  static const UnsupportedFields* const fields = [] {
    absl::StatusOr<UnsupportedFields> parsed = Parse(EmbeddedUnsupportedFields());
    return new UnsupportedFields(parsed.ok() ? *std::move(parsed) : UnsupportedFields());
  }();
  return *fields;
}

bool UnsupportedFields::HasField(std::string_view message, std::string_view field) const {
  return known_.contains(Key(message, field));
}

bool UnsupportedFields::HasType(std::string_view message) const { return known_.contains(Key(message, "*")); }

}  // namespace weft::schema
