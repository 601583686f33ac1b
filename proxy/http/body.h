// Body: the content of a message, pulled by whoever sends it on, in pieces that are never held whole. Pulling slowly is
// the backpressure: nothing is read from the other side that was not asked for. One thread, one puller. Destroying a
// Body before its end gives up the rest (the connection below closes or resets the stream).
#ifndef WEFT_PROXY_HTTP_BODY_H_
#define WEFT_PROXY_HTTP_BODY_H_

#include <memory>
#include <optional>

#include "proxy/base/buffer.h"
#include "proxy/base/result.h"
#include "proxy/http/headers.h"
#include "proxy/runtime/frame_pool.h"
#include "proxy/runtime/task.h"

namespace weft::http {

struct BodyPiece {
  base::Slice data;                   // may be empty only at the end
  bool end = false;                   // the message is complete; nothing may be pulled after it
  const Headers* trailers = nullptr;  // with `end`; lives as long as the Body
};

class Body {
 public:
  virtual ~Body() = default;
  // What is there without waiting; nullopt when nothing is.
  virtual std::optional<base::Result<BodyPiece>> TryRead() = 0;
  // Waits for the next piece. A message that ends before its framing says so is a Failure, never a short body.
  virtual runtime::Task<base::Result<BodyPiece>> Read() = 0;
  // True while nothing was pulled: the body can still go with another try.
  virtual bool untouched() const { return false; }
  // Puts back a piece that was pulled and went nowhere, to the front. Only bodies of requests can.
  virtual void Unread(BodyPiece) { WEFT_CHECK(false); }

  // Bodies come and go with each request: from the free lists.
  static void* operator new(size_t size) { return runtime::AllocateFrame(size); }
  static void operator delete(void* body, size_t size) { runtime::FreeFrame(body, size); }
};

using BodyPtr = std::unique_ptr<Body>;

}  // namespace weft::http

#endif  // WEFT_PROXY_HTTP_BODY_H_
