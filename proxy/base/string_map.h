// StringMap: a hash map from texts that is looked up by string_view without a copy. (The hash of Debian's Abseil takes
// its own string_view only.)
#ifndef WEFT_PROXY_BASE_STRING_MAP_H_
#define WEFT_PROXY_BASE_STRING_MAP_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

namespace weft::base {

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const {
    return absl::Hash<absl::string_view>{}(absl::string_view(text.data(), text.size()));
  }
};

template <class Value>
using StringMap = absl::flat_hash_map<std::string, Value, StringHash, std::equal_to<>>;

}  // namespace weft::base

#endif  // WEFT_PROXY_BASE_STRING_MAP_H_
