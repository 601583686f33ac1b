// Buffers for bytes in flight. A Buffer is a reference-counted block of one of a few sizes; blocks come from a
// per-thread BufferPool, go back to it when the last Slice lets go, and never leave their thread (the count is plain).
// An idle connection holds none. A Slice is a part of a Buffer; a ByteChain is a sequence of Slices.
#ifndef WEFT_PROXY_BASE_BUFFER_H_
#define WEFT_PROXY_BASE_BUFFER_H_

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/inlined_vector.h"

namespace weft::base {

class BufferPool;

// The block itself; its bytes follow the header. Use through BufferRef.
struct Buffer {
  BufferPool* pool;
  Buffer* next_free;
  uint32_t references;
  uint32_t capacity;  // bytes that follow
  char* data() { return reinterpret_cast<char*>(this + 1); }
};

class BufferRef {
 public:
  BufferRef() = default;
  explicit BufferRef(Buffer* adopted) : buffer_(adopted) {}
  BufferRef(const BufferRef& other) : buffer_(other.buffer_) {
    if (buffer_ != nullptr) ++buffer_->references;
  }
  BufferRef(BufferRef&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}
  BufferRef& operator=(BufferRef other) noexcept {
    std::swap(buffer_, other.buffer_);
    return *this;
  }
  ~BufferRef() { Release(); }

  explicit operator bool() const { return buffer_ != nullptr; }
  char* data() const { return buffer_->data(); }
  size_t capacity() const { return buffer_->capacity; }
  bool unique() const { return buffer_ != nullptr && buffer_->references == 1; }
  void Reset() { Release(); }
  // The block with the reference: the caller adopts it again later.
  Buffer* Detach() { return std::exchange(buffer_, nullptr); }

 private:
  void Release();
  Buffer* buffer_ = nullptr;
};

// Free lists of blocks by size. One per thread that moves bytes; not shared. Keeps at most kKeptBytes of unused blocks
// and gives the rest back, so that memory returns after a burst (Trim from a timer gives back what was not needed
// lately).
class BufferPool {
 public:
  static constexpr size_t kSmall = 4 * 1024;
  static constexpr size_t kRegular = 16 * 1024;
  static constexpr size_t kLarge = 256 * 1024;
  static constexpr size_t kKeptBytes = 4 * 1024 * 1024;

  BufferPool() = default;
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();

  // The pool of the calling thread.
  static BufferPool& ForThisThread();

  // A block of at least `size` bytes (rounded up to a class; above kLarge exactly that size, not pooled).
  BufferRef Take(size_t size = kRegular);
  // Frees half of the unused blocks. Call now and then from a timer.
  void Trim();
  size_t bytes_in_use() const { return bytes_in_use_; }
  size_t bytes_kept() const { return bytes_kept_; }

 private:
  friend class BufferRef;
  static int ClassOf(size_t capacity);
  void Return(Buffer* buffer);
  Buffer* free_[3] = {nullptr, nullptr, nullptr};
  size_t bytes_in_use_ = 0;
  size_t bytes_kept_ = 0;
};

inline void BufferRef::Release() {
  if (Buffer* buffer = std::exchange(buffer_, nullptr); buffer != nullptr && --buffer->references == 0) {
    buffer->pool->Return(buffer);
  }
}

// Room for small arrays that outgrow their inline storage, from the calling thread's pool instead of the heap.
template <class T>
struct PoolAllocator {
  using value_type = T;
  PoolAllocator() = default;
  template <class U>
  PoolAllocator(const PoolAllocator<U>&) {}
  T* allocate(size_t count) {
    static_assert(alignof(T) <= alignof(Buffer));
    return reinterpret_cast<T*>(BufferPool::ForThisThread().Take(count * sizeof(T)).Detach()->data());
  }
  void deallocate(T* array, size_t) { BufferRef(reinterpret_cast<Buffer*>(array) - 1); }
  friend bool operator==(const PoolAllocator&, const PoolAllocator&) { return true; }
};

// A part of a Buffer, kept alive by it; or, without an owner, a view of bytes that outlive it (string literals).
struct Slice {
  BufferRef owner;
  const char* data = nullptr;
  size_t size = 0;
  std::string_view view() const { return {data, size}; }
};

// A queue of bytes. Appending a Slice copies nothing. Up to four slices are inline, more take a block of the pool.
class ByteChain {
 public:
  ByteChain() = default;
  ByteChain(ByteChain&&) noexcept = default;
  ByteChain& operator=(ByteChain&&) noexcept = default;

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  void Append(Slice slice);
  void AppendCopy(std::string_view bytes);  // into the free end of the last block when there is room
  void Append(ByteChain&& other);
  // Drops the first n bytes (n <= size()).
  void Consume(size_t n);
  // Fills up to `max` entries with the front of the chain; returns how many.
  int FillIovecs(struct iovec* out, int max) const;
  void Clear();
  std::string ToString() const;
  const Slice& front() const { return slices_[first_]; }

 private:
  absl::InlinedVector<Slice, 4, PoolAllocator<Slice>> slices_;  // [first_, end) are live
  size_t first_ = 0;
  size_t size_ = 0;
  BufferRef tail_;  // block that AppendCopy writes to
  size_t tail_used_ = 0;
};

}  // namespace weft::base

#endif  // WEFT_PROXY_BASE_BUFFER_H_
