#include "proxy/http/path.h"

#include <algorithm>
#include <optional>

namespace weft::http {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The character that an escape at the front of `text` stands for.
std::optional<char> Escaped(std::string_view text) {
  if (text.size() < 3 || text[0] != '%') return std::nullopt;
  const int high = HexDigit(text[1]), low = HexDigit(text[2]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

bool IsSlash(char c) { return c == '/' || c == '\\'; }

// RFC 3986 section 2.3: an escape of one means the same as the character.
bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

// Text of known largest size that is written in place.
class Text {
 public:
  Text(base::Arena& arena, size_t size) : begin_(arena.Allocate(size)), end_(begin_) {}
  void Add(char c) { *end_++ = c; }
  void Add(std::string_view text) { end_ = std::copy(text.begin(), text.end(), end_); }
  // Without the last segment: "/a/b/" becomes "/a/", "/" stays.
  void DropSegment() {
    if (end_ - begin_ > 1) --end_;
    while (end_[-1] != '/') --end_;
  }
  std::string_view view() const { return {begin_, static_cast<size_t>(end_ - begin_)}; }

 private:
  char* begin_;
  char* end_;
};

bool HasEscapedSlash(std::string_view path) {
  for (size_t i = path.find('%'); i != std::string_view::npos; i = path.find('%', i + 1)) {
    if (const auto c = Escaped(path.substr(i)); c && IsSlash(*c)) return true;
  }
  return false;
}

// Replaces escapes of those characters that `take` accepts.
template <class Take>
std::string_view Unescape(base::Arena& arena, std::string_view path, Take take) {
  Text text(arena, path.size());
  for (size_t i = 0; i < path.size(); ++i) {
    if (const auto c = Escaped(path.substr(i)); c && take(*c)) {
      text.Add(*c);
      i += 2;
    } else {
      text.Add(path[i]);
    }
  }
  return text.view();
}

// RFC 3986 section 5.2.4. `path` begins with a slash.
std::string_view WithoutDotSegments(base::Arena& arena, std::string_view path) {
  Text text(arena, path.size());
  text.Add('/');
  for (size_t at = 1; at <= path.size();) {
    const size_t slash = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, slash - at);
    const bool last = slash == path.size();
    if (segment == "..") {
      text.DropSegment();
    } else if (segment != ".") {
      text.Add(segment);
      if (!last) text.Add('/');
    }
    at = slash + 1;
  }
  return text.view();
}

bool MayChange(std::string_view path) {
  return path.find('%') != std::string_view::npos || path.find('\\') != std::string_view::npos ||
         path.find("/.") != std::string_view::npos;
}

// False: the path holds an escaped NUL, at which another program could end it.
bool Normalize(base::Arena& arena, std::string_view* path) {
  if (!MayChange(*path)) return true;
  if (path->find("%00") != std::string_view::npos) return false;
  char* text = arena.Allocate(path->size());
  std::replace_copy(path->begin(), path->end(), text, '\\', '/');
  *path = WithoutDotSegments(arena, Unescape(arena, {text, path->size()}, IsUnreserved));
  return true;
}

std::string_view MergeSlashes(base::Arena& arena, std::string_view path) {
  if (path.find("//") == std::string_view::npos) return path;
  Text text(arena, path.size());
  for (const char c : path) {
    if (c != '/' || !text.view().ends_with('/')) text.Add(c);
  }
  return text.view();
}

}  // namespace

PathVerdict NormalizePath(const PathRules& rules, base::Arena& arena, std::string_view* path) {
  using EscapedSlashes = PathRules::EscapedSlashes;
  if (!path->starts_with('/')) return PathVerdict::kGoOn;
  std::string_view bare = path->substr(0, path->find('?'));
  const std::string_view query = path->substr(bare.size());
  const char* const before = bare.data();
  const bool escaped = rules.escaped_slashes != EscapedSlashes::kKeep && HasEscapedSlash(bare);
  if (escaped && rules.escaped_slashes == EscapedSlashes::kReject) return PathVerdict::kRefuse;
  if (escaped) bare = Unescape(arena, bare, IsSlash);
  if (rules.normalize && !Normalize(arena, &bare)) return PathVerdict::kRefuse;
  if (rules.merge_slashes) bare = MergeSlashes(arena, bare);
  if (bare.data() != before) *path = arena.Concat(bare, query);
  return escaped && rules.escaped_slashes == EscapedSlashes::kUnescapeAndRedirect ? PathVerdict::kRedirect
                                                                                  : PathVerdict::kGoOn;
}

}  // namespace weft::http
