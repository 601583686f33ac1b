// Http1Upstream: the last Service of the line: one try of a request over a pooled HTTP/1.1 connection to the endpoint
// that balance/ chose. Worker thread only.
//
// What a Failure says of retrying: kNotSent when no byte can have reached the application; kIdempotent when the
// connection died before a byte of the answer; kNever once the answer has begun.
#ifndef WEFT_PROXY_UPSTREAM_HTTP1_UPSTREAM_H_
#define WEFT_PROXY_UPSTREAM_HTTP1_UPSTREAM_H_

#include "proxy/http/context.h"
#include "proxy/http/service.h"
#include "proxy/upstream/pool.h"

namespace weft::upstream {

class Http1Upstream final : public http::Service {
 public:
  explicit Http1Upstream(PoolSet& pools) : pools_(pools) {}
  runtime::Task<base::Result<http::Response>> Call(http::Request request, http::Context& context) override;

 private:
  PoolSet& pools_;
};

}  // namespace weft::upstream

#endif  // WEFT_PROXY_UPSTREAM_HTTP1_UPSTREAM_H_
