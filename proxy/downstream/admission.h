// Admit: what the connection manager's settings say of a request before it is routed: whether HTTP/1.0 is spoken, which
// Host a request without one has, what form of the path counts. Worker thread only.
#ifndef WEFT_PROXY_DOWNSTREAM_ADMISSION_H_
#define WEFT_PROXY_DOWNSTREAM_ADMISSION_H_

#include <optional>

#include "proxy/config/spec.h"
#include "proxy/http/context.h"
#include "proxy/http/service.h"

namespace weft::downstream {

// Changes the head to what is routed. The answer when the request is not routed at all: a refusal, which is left in
// `context` too, or a redirect to the path's right form.
std::optional<http::Response> Admit(const config::HttpConnectionSpec& spec, http::RequestHead* request,
                                    http::Context* context);

}  // namespace weft::downstream

#endif  // WEFT_PROXY_DOWNSTREAM_ADMISSION_H_
