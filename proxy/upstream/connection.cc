#include "proxy/upstream/connection.h"

#include "proxy/upstream/pool.h"

namespace weft::upstream {

Connection::Connection(std::shared_ptr<Pool> pool, std::unique_ptr<net::ByteStream> stream, std::string peer_principal)
    : pool_(std::move(pool)),
      stream_(std::move(stream)),
      feed_(*stream_, parser_),
      peer_principal_(std::move(peer_principal)) {
  pool_->endpoint().active_connections.fetch_add(1);
  pool_->cluster().active_connections.fetch_add(1);
}

Connection::~Connection() {
  pool_->endpoint().active_connections.fetch_sub(1);
  pool_->cluster().active_connections.fetch_sub(1);
}

void Connection::BecomeIdle(runtime::TimePoint now) {
  idle_since_ = now;
  stream_->SetObserver(this);
}

void Connection::BecomeBusy() { stream_->SetObserver(nullptr); }

bool Connection::HasSomethingToRead() {
  if (!stream_->MayRead()) return false;
  char byte;
  // A TLS layer may have had something for itself (a session ticket): then there is nothing to read.
  return stream_->TryRead(&byte, 1).state != net::IoState::kWouldBlock;
}

void Connection::OnReadable() {
  if (HasSomethingToRead()) pool_->CloseIdle(this);
}

}  // namespace weft::upstream
