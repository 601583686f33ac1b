#include "proxy/http/headers.h"

#include <cstdint>
#include <cstring>

namespace weft::http {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// True when the eight characters are the same without case; false: look at each.
bool SameEight(const char* a, const char* b) {
  constexpr uint64_t kCase = 0x2020202020202020, kHigh = 0x8080808080808080;
  uint64_t x, y;
  std::memcpy(&x, a, 8);
  std::memcpy(&y, b, 8);
  const uint64_t difference = x ^ y;
  if (difference == 0) return true;
  const uint64_t lower = x | kCase;
  if ((difference & ~kCase) != 0 || (lower & kHigh) != 0) return false;
  // Bit 7 of a byte: it is a letter, above '`' and not above 'z'.
  const uint64_t letters = (lower + 0x1f1f1f1f1f1f1f1f) & ~(lower + 0x0505050505050505) & kHigh;
  return ((difference << 2) & ~letters) == 0;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

bool SameIgnoreCase(std::string_view a, std::string_view b) {
  size_t i = 0;
  for (; i + 8 <= a.size(); i += 8) {  // eight at a time, unless letters meet something else
    if (!SameEight(a.data() + i, b.data() + i)) break;
  }
  for (; i < a.size(); ++i) {
    if (a[i] != b[i] && Lower(a[i]) != Lower(b[i])) return false;
  }
  return true;
}

bool ListContains(std::string_view value, std::string_view token) {
  for (;;) {
    const size_t comma = value.find(',');
    if (EqualsIgnoreCase(Trim(value.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) return false;
    value.remove_prefix(comma + 1);
  }
}

void Headers::Grow() {
  const size_t capacity = capacity_ == 0 ? 16 : capacity_ * 2;
  Field* fields = arena_.AllocateArray<Field>(capacity);
  std::copy(begin(), end(), fields);
  fields_ = fields;
  capacity_ = capacity;
}

void Headers::Set(std::string_view name, std::string_view value) {
  for (size_t i = 0; i < size_; ++i) {
    if (!EqualsIgnoreCase(fields_[i].name, name)) continue;
    bytes_ += value.size();
    bytes_ -= fields_[i].value.size();
    fields_[i].value = arena_.Copy(value);
    for (size_t j = size_; --j > i;) {
      if (EqualsIgnoreCase(fields_[j].name, name)) RemoveAt(j);
    }
    return;
  }
  Add(name, value);
}

size_t Headers::Remove(std::string_view name) {
  size_t removed = 0;
  for (size_t i = size_; i-- > 0;) {
    if (!EqualsIgnoreCase(fields_[i].name, name)) continue;
    RemoveAt(i);
    ++removed;
  }
  return removed;
}

std::optional<std::string_view> Headers::Get(std::string_view name) const {
  for (const Field& field : *this) {
    if (EqualsIgnoreCase(field.name, name)) return field.value;
  }
  return std::nullopt;
}

size_t Headers::CountOf(std::string_view name) const {
  size_t count = 0;
  for (const Field& field : *this) count += EqualsIgnoreCase(field.name, name) ? 1 : 0;
  return count;
}

std::optional<std::string_view> Headers::GetJoined(std::string_view name) const {
  std::optional<std::string_view> first = Get(name);
  if (!first || CountOf(name) == 1) return first;
  std::string_view joined("", 0);
  for (const Field& field : *this) {
    if (!EqualsIgnoreCase(field.name, name)) continue;
    if (!joined.empty()) joined = arena_.Extend(joined, ", ");
    joined = arena_.Extend(joined, field.value);
  }
  return joined;
}

}  // namespace weft::http
