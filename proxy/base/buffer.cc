#include "proxy/base/buffer.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "proxy/base/check.h"

namespace weft::base {

namespace {
constexpr size_t kClassSizes[] = {BufferPool::kSmall, BufferPool::kRegular, BufferPool::kLarge};
constexpr int kClasses = 3;
}  // namespace

BufferPool& BufferPool::ForThisThread() {
  static thread_local BufferPool pool;
  return pool;
}

BufferPool::~BufferPool() {
  WEFT_CHECK(bytes_in_use_ == 0);
  while (bytes_kept_ > 0) Trim();
}

int BufferPool::ClassOf(size_t capacity) {
  for (int i = 0; i < kClasses; ++i) {
    if (capacity <= kClassSizes[i]) return i;
  }
  return kClasses;
}

BufferRef BufferPool::Take(size_t size) {
  const int klass = ClassOf(size);
  const size_t capacity = klass < kClasses ? kClassSizes[klass] : size;
  bytes_in_use_ += capacity;
  if (klass < kClasses && free_[klass] != nullptr) {
    Buffer* buffer = free_[klass];
    free_[klass] = buffer->next_free;
    bytes_kept_ -= capacity;
    buffer->references = 1;
    return BufferRef(buffer);
  }
  void* memory = std::malloc(sizeof(Buffer) + capacity);
  WEFT_CHECK(memory != nullptr);
  return BufferRef(new (memory) Buffer{this, nullptr, 1, static_cast<uint32_t>(capacity)});
}

void BufferPool::Return(Buffer* buffer) {
  bytes_in_use_ -= buffer->capacity;
  const int klass = ClassOf(buffer->capacity);
  if (klass == kClasses || bytes_kept_ + buffer->capacity > kKeptBytes) {
    std::free(buffer);
    return;
  }
  buffer->next_free = free_[klass];
  free_[klass] = buffer;
  bytes_kept_ += buffer->capacity;
}

void BufferPool::Trim() {
  const size_t target = bytes_kept_ / 2;
  for (int klass = kClasses - 1; klass >= 0; --klass) {
    while (free_[klass] != nullptr && bytes_kept_ > target) {
      Buffer* buffer = free_[klass];
      free_[klass] = buffer->next_free;
      bytes_kept_ -= buffer->capacity;
      std::free(buffer);
    }
  }
}

void ByteChain::Append(Slice slice) {
  if (slice.size == 0) return;
  size_ += slice.size;
  tail_.Reset();
  slices_.push_back(std::move(slice));
}

void ByteChain::AppendCopy(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!tail_ || tail_used_ == tail_.capacity()) {
      tail_ = BufferPool::ForThisThread().Take(bytes.size() <= BufferPool::kSmall ? BufferPool::kSmall
                                                                                  : BufferPool::kRegular);
      tail_used_ = 0;
      slices_.push_back(Slice{tail_, tail_.data(), 0});
    }
    const size_t n = std::min(bytes.size(), tail_.capacity() - tail_used_);
    std::memcpy(tail_.data() + tail_used_, bytes.data(), n);
    tail_used_ += n;
    slices_.back().size += n;
    size_ += n;
    bytes.remove_prefix(n);
  }
}

void ByteChain::Append(ByteChain&& other) {
  for (size_t i = other.first_; i < other.slices_.size(); ++i) Append(std::move(other.slices_[i]));
  other.Clear();
}

void ByteChain::Consume(size_t n) {
  WEFT_CHECK(n <= size_);
  size_ -= n;
  while (n > 0) {
    Slice& slice = slices_[first_];
    if (n < slice.size) {
      slice.data += n;
      slice.size -= n;
      return;
    }
    n -= slice.size;
    slice.owner.Reset();
    ++first_;
  }
  if (size_ == 0) Clear();
}

int ByteChain::FillIovecs(struct iovec* out, int max) const {
  int count = 0;
  for (size_t i = first_; i < slices_.size() && count < max; ++i) {
    if (slices_[i].size == 0) continue;
    out[count++] = {const_cast<char*>(slices_[i].data), slices_[i].size};
  }
  return count;
}

void ByteChain::Clear() {
  slices_.clear();
  first_ = 0;
  size_ = 0;
  tail_.Reset();
}

std::string ByteChain::ToString() const {
  std::string text;
  text.reserve(size_);
  for (size_t i = first_; i < slices_.size(); ++i) text.append(slices_[i].view());
  return text;
}

}  // namespace weft::base
