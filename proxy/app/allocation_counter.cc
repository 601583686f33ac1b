#include "proxy/app/allocation_counter.h"

#include <errno.h>
#include <execinfo.h>
#include <stddef.h>

#include <atomic>
#include <cstdlib>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define WEFT_SANITIZED_MALLOC 1
#endif
#endif

namespace weft::app {
namespace {

constexpr int kFrames = 24;

std::atomic<bool> counting{false};
std::atomic<uint64_t> allocations{0};
void* first_frames[kFrames];
std::atomic<int> first_depth{0};

}  // namespace

#ifdef WEFT_SANITIZED_MALLOC

bool AllocationCounter::Works() { return false; }

#else

namespace {

void Count() {
  if (!counting.load(std::memory_order_relaxed)) return;
  if (allocations.fetch_add(1) == 0) first_depth.store(backtrace(first_frames, kFrames));
}

}  // namespace

bool AllocationCounter::Works() { return true; }

#endif

void AllocationCounter::Start() {
  void* warm[1];
  backtrace(warm, 1);  // loads its library now
  allocations.store(0);
  first_depth.store(0);
  counting.store(true);
}

uint64_t AllocationCounter::Stop() {
  counting.store(false);
  return allocations.load();
}

std::string AllocationCounter::FirstStack() {
  const int depth = first_depth.load();
  std::string text;
  char** lines = backtrace_symbols(first_frames, depth);
  for (int i = 0; lines != nullptr && i < depth; ++i) (text += lines[i]) += '\n';
  std::free(lines);
  return text;
}

}  // namespace weft::app

#ifndef WEFT_SANITIZED_MALLOC

extern "C" {

// glibc's own, under the names that it keeps for this.
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

void* malloc(size_t size) {
  weft::app::Count();
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  weft::app::Count();
  return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  weft::app::Count();
  return __libc_realloc(memory, size);
}
void* memalign(size_t alignment, size_t size) {
  weft::app::Count();
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  weft::app::Count();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, size_t alignment, size_t size) {
  weft::app::Count();
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}

}  // extern "C"

#endif
