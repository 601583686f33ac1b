// The header fields that an HttpConnectionManager adds, replaces or removes at the edge between client and proxy:
// X-Forwarded-For and -Proto, X-Request-Id, X-Forwarded-Client-Cert, Via, Server. Any thread; pure but for the random
// id.
#ifndef WEFT_PROXY_DOWNSTREAM_EDGE_HEADERS_H_
#define WEFT_PROXY_DOWNSTREAM_EDGE_HEADERS_H_

#include "proxy/config/spec.h"
#include "proxy/http/context.h"
#include "proxy/http/message.h"

namespace weft::downstream {

void ApplyRequestHeaders(const config::HttpConnectionSpec& spec, const http::ConnectionInfo& connection,
                         http::RequestHead* request);
void ApplyResponseHeaders(const config::HttpConnectionSpec& spec, http::ResponseHead* response);

}  // namespace weft::downstream

#endif  // WEFT_PROXY_DOWNSTREAM_EDGE_HEADERS_H_
