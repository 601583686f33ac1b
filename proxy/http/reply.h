// The one table that turns a Failure into what the outside sees: HTTP status, gRPC status, Envoy's response flag, and
// the reason word of logs and metrics. Table-tested; docs/operating.md lists it.
#ifndef WEFT_PROXY_HTTP_REPLY_H_
#define WEFT_PROXY_HTTP_REPLY_H_

#include <string_view>

#include "proxy/base/failure.h"
#include "proxy/http/message.h"
#include "proxy/http/service.h"

namespace weft::http {

struct Reply {
  int status;             // HTTP; 0: no answer is possible or wanted, only the connection is closed
  int grpc_status;        // google.rpc.Code
  std::string_view flag;  // Envoy's response flag, for example "UF"; empty when it has none
  bool close;             // the downstream connection cannot go on
};

// Never fails; one row per kind.
Reply ReplyFor(base::FailureKind kind);

// The header that names the reason on every reply that the proxy makes: "x-weft-reason: connect_refused".
inline constexpr std::string_view kReasonHeader = "x-weft-reason";

// The whole local reply: head with reason header, content-type and a short text body ("connect_refused\n"-like), or
// gRPC trailers-only when the request is gRPC (content-type application/grpc…). `no_cluster_status`: the route's word
// on kNoCluster.
Response MakeReply(const base::Failure& failure, const RequestHead* request, int no_cluster_status = 503);

// A Body that holds one constant or owned text.
BodyPtr MakeTextBody(std::string_view text);  // copied

// "OK", "Not Found", …: the standard phrase, or "" for a code without one (RFC 9110 section 15).
std::string_view ReasonPhrase(int status);

}  // namespace weft::http

#endif  // WEFT_PROXY_HTTP_REPLY_H_
