#include "schema/source_map.h"

#include <utility>

#include "absl/strings/ascii.h"

namespace weft::schema {
namespace {

// Both spellings of a name in one form. What stands in brackets is a key of the user's and stays as it is.
std::string Normal(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  bool quoted = false;
  for (const char c : path) {
    if (c == '"') quoted = !quoted;
    if (quoted) {
      out += c;
    } else if (c != '_') {
      out += absl::ascii_tolower(static_cast<unsigned char>(c));
    }
  }
  return out;
}

// The path of the enclosing field or list; empty at the top.
std::string_view Parent(std::string_view path) {
  bool quoted = false;
  size_t cut = 0;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '"') quoted = !quoted;
    if (!quoted && (path[i] == '.' || path[i] == '[')) cut = i;
  }
  return path.substr(0, cut);
}

}  // namespace

void SourceMap::Add(std::string_view path, Location at) { places_.emplace(Normal(path), at); }

Location SourceMap::Find(std::string_view path) const {
  const std::string normal = Normal(path);
  for (std::string_view rest = normal; !rest.empty(); rest = Parent(rest)) {
    const auto found = places_.find(std::string(rest));
    if (found != places_.end()) return found->second;
  }
  return start_;
}

Problem SourceMap::MakeProblem(std::string path, std::string what) const {
  const Location at = Find(path);
  return {.file = file_, .at = at, .field = std::move(path), .what = std::move(what)};
}

}  // namespace weft::schema
