#include "proxy/net/memory_stream.h"

#include <errno.h>

#include <algorithm>

namespace weft::net {

MemoryStream::MemoryStream(runtime::Reactor& reactor) : reactor_(reactor) { wake_.stream = this; }

std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>> MemoryStream::Pair(runtime::Reactor& reactor,
                                                                                           size_t capacity) {
  std::unique_ptr<MemoryStream> a(new MemoryStream(reactor)), b(new MemoryStream(reactor));
  a->in_ = b->out_ = std::make_shared<Pipe>();
  b->in_ = a->out_ = std::make_shared<Pipe>();
  a->in_->capacity = b->in_->capacity = capacity;
  a->peer_end_ = b.get();
  b->peer_end_ = a.get();
  a->local_ = b->peer_ = *Address::FromIp("127.0.0.1", 1);
  b->local_ = a->peer_ = *Address::FromIp("127.0.0.1", 2);
  return {std::move(a), std::move(b)};
}

MemoryStream::~MemoryStream() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  Close();
}

bool MemoryStream::MayRead() const {
  if (closed_ || in_->reset) return true;
  return !faults_.stall_reads && (!in_->bytes.empty() || in_->finished);
}

bool MemoryStream::MayWrite() const {
  return closed_ || out_->reset || out_->finished || out_->bytes.size() < out_->capacity;
}

IoResult MemoryStream::TryRead(char* into, size_t size) {
  if (closed_) return {IoState::kError, EBADF};
  if (in_->reset) return {IoState::kError, ECONNRESET};
  if (!MayRead()) return {IoState::kWouldBlock};
  if (in_->bytes.empty()) return {IoState::kEof};
  const size_t n = std::min({size, in_->bytes.size(), faults_.max_read});
  std::copy_n(in_->bytes.begin(), n, into);
  in_->bytes.erase(in_->bytes.begin(), in_->bytes.begin() + static_cast<ptrdiff_t>(n));
  PokePeer();
  return {IoState::kOk, 0, n};
}

IoResult MemoryStream::TryWrite(const struct iovec* from, int count) {
  if (closed_ || out_->finished) return {IoState::kError, EPIPE};
  if (out_->reset || peer_end_ == nullptr) return {IoState::kError, ECONNRESET};
  size_t room = std::min(out_->capacity - out_->bytes.size(), faults_.max_write);
  if (room == 0) return {IoState::kWouldBlock};
  size_t moved = 0;
  for (int i = 0; i < count && room > 0; ++i) {
    const size_t n = std::min(room, from[i].iov_len);
    const char* bytes = static_cast<const char*>(from[i].iov_base);
    out_->bytes.insert(out_->bytes.end(), bytes, bytes + n);
    moved += n;
    room -= n;
  }
  out_->passed += moved;
  if (out_->passed >= faults_.reset_after) {
    out_->reset = in_->reset = true;
    Poke();
  }
  PokePeer();
  return {IoState::kOk, 0, moved};
}

void MemoryStream::ShutdownWrite() {
  out_->finished = true;
  PokePeer();
}

void MemoryStream::Close() {
  if (closed_) return;
  closed_ = true;
  out_->finished = true;
  PokePeer();
  if (peer_end_ != nullptr) peer_end_->peer_end_ = nullptr;
  peer_end_ = nullptr;
}

void MemoryStream::Reset() {
  out_->reset = in_->reset = true;
  Close();
}

bool MemoryStream::PeerHasClosed() { return closed_ || in_->finished || in_->reset; }

void MemoryStream::Poke() { reactor_.MakeReady(&wake_); }
void MemoryStream::PokePeer() {
  if (peer_end_ != nullptr) peer_end_->Poke();
}

void MemoryStream::Dispatch() {
  bool destroyed = false;
  destroyed_ = &destroyed;
  if (!told_hangup_ && in_->reset) {
    told_hangup_ = true;
    TellHangup();
    if (destroyed) return;
  }
  if (MayRead()) {
    WakeReader();
    if (destroyed) return;
  }
  if (MayWrite()) {
    WakeWriter();
    if (destroyed) return;
  }
  destroyed_ = nullptr;
}

}  // namespace weft::net
