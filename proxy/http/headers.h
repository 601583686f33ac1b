// Headers: the fields of one message in the order and the case in which they came. Names compare without case (RFC 9110
// section 5.1). Names, values and the list itself live in the message's Arena (or are constants), so that nothing is
// allocated singly. Fields are few, so lookups scan. One thread.
#ifndef WEFT_PROXY_HTTP_HEADERS_H_
#define WEFT_PROXY_HTTP_HEADERS_H_

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

#include "proxy/base/arena.h"

namespace weft::http {

// ASCII only, as field names are. Most names differ in length or in the first letter: told without a call.
bool SameIgnoreCase(std::string_view a, std::string_view b);  // of equal size
inline bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  return a.empty() || (((a[0] ^ b[0]) & ~0x20) == 0 && SameIgnoreCase(a, b));
}
// True when the comma-separated list `value` has `token` as a member (RFC 9110 section 5.6.1), without case.
bool ListContains(std::string_view value, std::string_view token);

class Headers {
 public:
  struct Field {
    std::string_view name;
    std::string_view value;
  };

  explicit Headers(base::Arena& arena) : arena_(arena) {}
  Headers(const Headers&) = delete;
  Headers& operator=(const Headers&) = delete;

  // Both texts are copied into the arena.
  void Add(std::string_view name, std::string_view value) { AddView(arena_.Copy(name), arena_.Copy(value)); }
  // Both texts outlive the message (constants, or already in its arena).
  void AddView(std::string_view name, std::string_view value) {
    if (size_ == capacity_) Grow();
    fields_[size_++] = {name, value};
    bytes_ += name.size() + value.size() + 4;
  }
  // Replaces every field of that name by one.
  void Set(std::string_view name, std::string_view value);
  // Returns how many were removed.
  size_t Remove(std::string_view name);
  void RemoveAt(size_t index) {
    bytes_ -= fields_[index].name.size() + fields_[index].value.size() + 4;
    std::copy(fields_ + index + 1, fields_ + size_, fields_ + index);
    --size_;
  }

  // The first value.
  std::optional<std::string_view> Get(std::string_view name) const;
  bool Has(std::string_view name) const { return Get(name).has_value(); }
  size_t CountOf(std::string_view name) const;
  // All values of that name, joined with ", " in the arena when there are several (RFC 9110 section 5.3).
  std::optional<std::string_view> GetJoined(std::string_view name) const;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  size_t bytes() const { return bytes_; }  // as HTTP/1 would send them, about
  const Field& operator[](size_t i) const { return fields_[i]; }
  Field& operator[](size_t i) { return fields_[i]; }
  const Field* begin() const { return fields_; }
  const Field* end() const { return fields_ + size_; }
  void Clear() {
    fields_ = nullptr;
    size_ = capacity_ = bytes_ = 0;
  }
  base::Arena& arena() const { return arena_; }

 private:
  void Grow();

  base::Arena& arena_;
  Field* fields_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
  size_t bytes_ = 0;
};

}  // namespace weft::http

#endif  // WEFT_PROXY_HTTP_HEADERS_H_
