// InterimResponses: what goes to an HTTP/1.1 client before its answer: interim responses (1xx), and the probes that
// tell whether a client that sends no more still waits. One per request, in the frame of its driver. Worker thread
// only.
#ifndef WEFT_PROXY_DOWNSTREAM_INTERIM_RESPONSES_H_
#define WEFT_PROXY_DOWNSTREAM_INTERIM_RESPONSES_H_

#include <memory>

#include "proxy/base/buffer.h"
#include "proxy/http/context.h"
#include "proxy/http/message.h"
#include "proxy/net/byte_stream.h"
#include "proxy/runtime/reactor.h"

namespace weft::downstream {

class InterimResponses final : public http::InterimSink, private runtime::Timer {
 public:
  // `allowed`: the client speaks HTTP/1.1. Both outlive this.
  InterimResponses(runtime::Reactor& reactor, net::ByteStream& client, bool allowed)
      : reactor_(reactor), client_(client), allowed_(allowed) {}

  void OnInterim(const http::ResponseHead& head) override;
  // A FIN says that the client sends no more, not whether it still waits for its answer or has closed its socket.
  // Sending tells: a closed one answers with a reset. An interim 100 means nothing to a client that waits (RFC 9110
  // section 15.2.1).
  void ClientHasFinished();
  // The answer begins: nothing more.
  void End() {
    allowed_ = false;
    Cancel();
  }
  // The rest of one that the socket did not take; goes before the answer.
  base::ByteChain TakeUnsent();

 private:
  void OnTimer() override;

  runtime::Reactor& reactor_;
  net::ByteStream& client_;
  bool allowed_;
  std::unique_ptr<base::ByteChain> unsent_;
};

}  // namespace weft::downstream

#endif  // WEFT_PROXY_DOWNSTREAM_INTERIM_RESPONSES_H_
