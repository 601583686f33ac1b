// One HTTP/1.1 connection to an endpoint, in use by one request or idle in its pool. Worker thread only.
#ifndef WEFT_PROXY_UPSTREAM_CONNECTION_H_
#define WEFT_PROXY_UPSTREAM_CONNECTION_H_

#include <memory>
#include <string>

#include "proxy/base/intrusive_list.h"
#include "proxy/codec/h1/feed.h"
#include "proxy/codec/h1/parser.h"
#include "proxy/net/byte_stream.h"
#include "proxy/runtime/clock.h"

namespace weft::upstream {

class Pool;

class Connection final : public base::ListNode, private net::ByteStream::ReadinessObserver {
 public:
  Connection(std::shared_ptr<Pool> pool, std::unique_ptr<net::ByteStream> stream, std::string peer_principal);
  ~Connection();

  net::ByteStream& stream() { return *stream_; }
  codec::h1::ResponseParser& parser() { return parser_; }
  codec::h1::Feed& feed() { return feed_; }
  Pool& pool() { return *pool_; }
  // A byte of the current response was seen.
  bool response_begun() const { return parser_.begun(); }
  const std::string& peer_principal() const { return peer_principal_; }

  // While idle, any event on the socket (FIN, RST, bytes that nobody asked for) ends the connection.
  void BecomeIdle(runtime::TimePoint now);
  void BecomeBusy();
  // After a complete answer: the peer closes, or says what nobody asked for.
  bool HasSomethingToRead();
  runtime::TimePoint idle_since() const { return idle_since_; }

  uint64_t requests = 0;  // that went over it
  bool reusable = true;   // false: close instead of keeping

 private:
  void OnReadable() override;
  void OnWritable() override {}

  const std::shared_ptr<Pool> pool_;  // outlives every connection of it
  std::unique_ptr<net::ByteStream> stream_;
  codec::h1::ResponseParser parser_;
  codec::h1::Feed feed_;
  std::string peer_principal_;
  runtime::TimePoint idle_since_{};
};

}  // namespace weft::upstream

#endif  // WEFT_PROXY_UPSTREAM_CONNECTION_H_
