// Refusal: what becomes of a connection that is not served, and the words for it. Worker thread only.
#ifndef WEFT_PROXY_APP_REFUSAL_H_
#define WEFT_PROXY_APP_REFUSAL_H_

#include <string>
#include <string_view>

#include "proxy/base/failure.h"
#include "proxy/config/snapshot.h"
#include "proxy/detect/classify.h"
#include "proxy/http/context.h"
#include "proxy/net/byte_stream.h"
#include "proxy/runtime/reactor.h"
#include "proxy/runtime/task.h"

namespace weft::app {

// A decision of ours, before anything was served.
base::Failure Refusal(base::FailureKind kind, std::string detail);

// No filter chain takes the connection: plain bytes under strict mutual TLS, a destination that no service owns where
// the others do not pass. `takes`: "does not take", "no longer takes".
base::Failure NoChain(const config::Snapshot& snapshot, const http::ConnectionInfo& info,
                      const detect::Verdict& verdict, std::string_view takes);

// One clear error for a client that nothing is configured for: an answer for HTTP, a reset for everything else. Ends
// after a second, whatever the client does.
runtime::Task<void> AnswerRefused(runtime::Reactor& reactor, net::ByteStream& client, const base::Failure& failure);

}  // namespace weft::app

#endif  // WEFT_PROXY_APP_REFUSAL_H_
