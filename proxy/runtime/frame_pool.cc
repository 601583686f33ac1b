#include "proxy/runtime/frame_pool.h"

#include <cstdlib>

#include "proxy/base/check.h"

namespace weft::runtime {
namespace {

constexpr size_t kStep = 32;           // class width in bytes: frames that wait are many, and small
constexpr size_t kClasses = 256;       // frames up to 8 KiB are pooled
constexpr size_t kHeapHeader = 8;      // of malloc, before each block: what it hands out is 16 n + 8
constexpr size_t kKeptPerClass = 512;  // unused frames kept per class

struct FreeFrameNode {
  FreeFrameNode* next;
};

struct FramePool {
  FreeFrameNode* free[kClasses] = {};
  size_t kept[kClasses] = {};
  size_t live_bytes = 0;
  ~FramePool() { Trim(); }
  void Trim() {
    for (size_t i = 0; i < kClasses; ++i) {
      while (FreeFrameNode* node = free[i]) {
        free[i] = node->next;
        std::free(node);
      }
      kept[i] = 0;
    }
  }
};

thread_local FramePool pool;

size_t ClassOf(size_t size) { return (size + kHeapHeader - 1) / kStep; }

}  // namespace

void* AllocateFrame(size_t size) {
  const size_t klass = ClassOf(size);
  pool.live_bytes += size;
  if (klass < kClasses) {
    if (FreeFrameNode* node = pool.free[klass]) {
      pool.free[klass] = node->next;
      --pool.kept[klass];
      return node;
    }
    size = (klass + 1) * kStep - kHeapHeader;
  }
  void* memory = std::malloc(size);
  WEFT_CHECK(memory != nullptr);
  return memory;
}

void FreeFrame(void* frame, size_t size) {
  const size_t klass = ClassOf(size);
  pool.live_bytes -= size;
  if (klass >= kClasses || pool.kept[klass] >= kKeptPerClass) {
    std::free(frame);
    return;
  }
  auto* node = static_cast<FreeFrameNode*>(frame);
  node->next = pool.free[klass];
  pool.free[klass] = node;
  ++pool.kept[klass];
}

size_t LiveFrameBytes() { return pool.live_bytes; }
void TrimFrames() { pool.Trim(); }

}  // namespace weft::runtime
