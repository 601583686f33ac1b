// Service is the seam of the data path: each stage takes the next as Service& and knows no neighbour.
//   Serve(Route(Resilience(Balance(Upstream))))
// A stage that has nothing to wait for returns next.Call() itself and costs no frame.
#ifndef WEFT_PROXY_HTTP_SERVICE_H_
#define WEFT_PROXY_HTTP_SERVICE_H_

#include <memory>
#include <utility>

#include "proxy/base/result.h"
#include "proxy/http/body.h"
#include "proxy/http/message.h"
#include "proxy/runtime/frame_pool.h"
#include "proxy/runtime/task.h"

namespace weft::http {

class Context;

// The head belongs to the Context's owner and outlives the call; stages before the first try may change it, tries only
// read it. `body` is null when there is none. It too belongs to the owner of the Context, so that a try that never sent
// anything can be replaced by another with the body untouched.
struct Request {
  RequestHead& head;
  Body* body = nullptr;
};

struct Response {
  struct PooledHead : ResponseHead {
    static void* operator new(size_t size) { return runtime::AllocateFrame(size); }
    static void operator delete(void* head, size_t size) { runtime::FreeFrame(head, size); }
  };
  std::unique_ptr<PooledHead> head;
  // Null when there is none. After a 101, or a 2xx to CONNECT, it carries the bytes of the upstream until it ends,
  // while the request's body carries those of the client: the two stay open independently.
  BodyPtr body;
};

class Service {
 public:
  virtual ~Service() = default;
  // Returns at the final response head. Destroying the task cancels the request.
  virtual runtime::Task<base::Result<Response>> Call(Request request, Context& context) = 0;
};

}  // namespace weft::http

#endif  // WEFT_PROXY_HTTP_SERVICE_H_
