// Arena: a bump allocator over BufferPool blocks for the texts of one message. Nothing is freed singly; everything goes
// back when the Arena is cleared or dies. One thread.
#ifndef WEFT_PROXY_BASE_ARENA_H_
#define WEFT_PROXY_BASE_ARENA_H_

#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "absl/container/inlined_vector.h"
#include "proxy/base/buffer.h"

namespace weft::base {

class Arena {
 public:
  // `size` bytes, not aligned: for text.
  char* Allocate(size_t size) {
    if (size > left_) Grow(size);
    char* place = next_;
    next_ += size;
    left_ -= size;
    used_ += size;
    return place;
  }
  // Uninitialised room for `count` plain values.
  template <class T>
  T* AllocateArray(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    const auto misaligned = reinterpret_cast<uintptr_t>(next_) % alignof(T);
    const size_t padding = misaligned == 0 ? 0 : alignof(T) - misaligned;
    if (count * sizeof(T) + padding > left_) {
      Grow(count * sizeof(T));  // a fresh block is aligned
    } else {
      next_ += padding;
      left_ -= padding;
    }
    return reinterpret_cast<T*>(Allocate(count * sizeof(T)));
  }
  std::string_view Copy(std::string_view text) {
    if (text.empty()) return {"", 0};
    char* place = Allocate(text.size());
    std::memcpy(place, text.data(), text.size());
    return {place, text.size()};
  }
  // Lengthens the text that was allocated last (in place when it fits), for tokens that arrive in pieces.
  std::string_view Extend(std::string_view last, std::string_view more) {
    if (last.data() + last.size() == next_ && more.size() <= left_) {
      std::memcpy(Allocate(more.size()), more.data(), more.size());
      return {last.data(), last.size() + more.size()};
    }
    // Room for as much again: text that comes byte by byte is copied a few times, not at each byte.
    if (last.size() + more.size() > left_) Grow(2 * (last.size() + more.size()));
    char* place = Allocate(last.size() + more.size());
    std::memcpy(place, last.data(), last.size());
    std::memcpy(place + last.size(), more.data(), more.size());
    return {place, last.size() + more.size()};
  }
  // Several pieces as one text.
  template <class... Pieces>
  std::string_view Concat(Pieces... pieces) {
    const size_t size = (std::string_view(pieces).size() + ... + 0);
    char* place = Allocate(size);
    char* end = place;
    ((std::memcpy(end, std::string_view(pieces).data(), std::string_view(pieces).size()),
      end += std::string_view(pieces).size()),
     ...);
    return {place, size};
  }
  size_t used() const { return used_; }
  void Clear() {
    blocks_.clear();
    next_ = nullptr;
    left_ = used_ = 0;
  }

 private:
  void Grow(size_t size) {
    blocks_.push_back(BufferPool::ForThisThread().Take(size <= BufferPool::kSmall ? BufferPool::kSmall : size));
    next_ = blocks_.back().data();
    left_ = blocks_.back().capacity();
  }
  absl::InlinedVector<BufferRef, 4, PoolAllocator<BufferRef>> blocks_;
  char* next_ = nullptr;
  size_t left_ = 0;
  size_t used_ = 0;
};

}  // namespace weft::base

#endif  // WEFT_PROXY_BASE_ARENA_H_
