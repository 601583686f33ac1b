// Memory for coroutine frames: per-thread free lists by size class, so that a request in steady state allocates nothing
// from the heap. A frame is freed on the thread that made it (coroutines never change threads).
#ifndef WEFT_PROXY_RUNTIME_FRAME_POOL_H_
#define WEFT_PROXY_RUNTIME_FRAME_POOL_H_

#include <cstddef>

namespace weft::runtime {

void* AllocateFrame(size_t size);
void FreeFrame(void* frame, size_t size);

// Bytes in frames of the calling thread that are alive; for tests and metrics.
size_t LiveFrameBytes();
// Gives unused frames of the calling thread back to the heap. Call now and then from a timer.
void TrimFrames();

}  // namespace weft::runtime

#endif  // WEFT_PROXY_RUNTIME_FRAME_POOL_H_
