// Router: the first Service of the line. Finds virtual host and rule in the request's pinned route table, applies what
// the rule says of path, authority and header fields, chooses the cluster by weight, and passes the request on; or
// answers itself (redirect, direct response, refusal). Worker thread only.
#ifndef WEFT_PROXY_ROUTE_ROUTER_H_
#define WEFT_PROXY_ROUTE_ROUTER_H_

#include "absl/random/random.h"
#include "proxy/http/context.h"
#include "proxy/http/service.h"
#include "proxy/route/table.h"

namespace weft::route {

class Router final : public http::Service {
 public:
  explicit Router(http::Service& next) : next_(next) {}
  runtime::Task<base::Result<http::Response>> Call(http::Request request, http::Context& context) override;

 private:
  using Task = runtime::Task<base::Result<http::Response>>;
  Task CallForward(http::Request request, http::Context& context, const Rule& rule, const Forward& forward);
  // Changes the header fields of the response on its way back.
  Task CallAndChange(http::Request request, http::Context& context, const Rule& rule, const Target* target);

  http::Service& next_;
  absl::InsecureBitGen random_;
};

}  // namespace weft::route

#endif  // WEFT_PROXY_ROUTE_ROUTER_H_
