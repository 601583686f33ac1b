#include "schema/suggest.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace weft::schema {
namespace {

constexpr size_t kLongestWord = 64;

std::string Plain(std::string_view word) {
  std::string out;
  for (const char c : word.substr(0, kLongestWord)) {
    if (c != '_' && c != '-') out += absl::ascii_tolower(static_cast<unsigned char>(c));
  }
  return out;
}

// Edits that make one word of the other; two neighbours changing places are one.
size_t Distance(const std::string& a, const std::string& b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

std::string Nearest(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.empty() || word.size() > kLongestWord) return "";
  const std::string plain = Plain(word);
  const std::string* best = nullptr;
  size_t least = std::max<size_t>(1, plain.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = Distance(plain, Plain(candidate));
    if (distance < least) {
      least = distance;
      best = &candidate;
    }
  }
  return best == nullptr ? "" : *best;
}

std::string Suggestion(std::string_view word, const std::vector<std::string>& candidates, size_t most) {
  const std::string nearest = Nearest(word, candidates);
  if (!nearest.empty()) return absl::StrCat("; did you mean \"", nearest, "\"?");
  if (candidates.empty()) return "";
  std::string out = candidates.size() == 1 ? "; expected " : "; expected one of ";
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (i == most) return out + " …";
    absl::StrAppend(&out, i == 0 ? "" : ", ", candidates[i]);
  }
  return out;
}

}  // namespace weft::schema
