#include "proxy/tls/record_io.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "proxy/base/check.h"

namespace weft::tls {

using base::BufferPool;
using net::IoResult;
using net::IoState;

struct RecordBio {
  static RecordIo& Of(BIO* bio) { return *static_cast<RecordIo*>(BIO_get_data(bio)); }
  static int Read(BIO* bio, char* into, int size) { return Of(bio).Read(bio, into, size); }
  static int Write(BIO* bio, const char* from, int size) { return Of(bio).Write(bio, from, size); }
  // The only request that matters: records are sent as they are written.
  static long Ctrl(BIO*, int request, long, void*) { return request == BIO_CTRL_FLUSH ? 1 : 0; }

  static const BIO_METHOD* Method() {
    static const BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weft records");
      WEFT_CHECK(made != nullptr && BIO_meth_set_read(made, Read) && BIO_meth_set_write(made, Write) &&
                 BIO_meth_set_ctrl(made, Ctrl));
      return made;
    }();
    return method;
  }
};

RecordIo::RecordIo(net::ByteStream& lower, base::ByteChain prefix) : lower_(lower), prefix_(std::move(prefix)) {}

bssl::UniquePtr<BIO> RecordIo::NewBio() {
  bssl::UniquePtr<BIO> bio(BIO_new(RecordBio::Method()));
  WEFT_CHECK(bio != nullptr);
  BIO_set_data(bio.get(), this);
  BIO_set_init(bio.get(), 1);
  return bio;
}

int RecordIo::Read(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  if (!prefix_.empty()) {
    const base::Slice& front = prefix_.front();
    const size_t n = std::min(front.size, static_cast<size_t>(size));
    std::memcpy(into, front.data, n);
    prefix_.Consume(n);
    return static_cast<int>(n);
  }
  if (begin_ == end_ && !Fill(bio)) return lower_ended_ ? 0 : -1;
  const size_t n = std::min(end_ - begin_, static_cast<size_t>(size));
  std::memcpy(into, in_.data() + begin_, n);
  begin_ += n;
  return static_cast<int>(n);
}

bool RecordIo::Fill(BIO* bio) {
  if (lower_ended_ || lower_failed_) return false;
  if (!lower_.MayRead()) {
    BIO_set_retry_read(bio);
    return false;
  }
  const size_t wanted = bulk_ ? kBulkRead : BufferPool::kRegular;
  if (!in_ || in_.capacity() < wanted) in_ = BufferPool::ForThisThread().Take(wanted);
  const size_t room = std::min(in_.capacity(), wanted);
  const IoResult got = lower_.TryRead(in_.data(), room);
  begin_ = end_ = 0;
  switch (got.state) {
    case IoState::kOk:
      end_ = got.bytes;
      bulk_ = got.bytes == room;
      return true;
    case IoState::kWouldBlock: BIO_set_retry_read(bio); return false;
    case IoState::kEof: lower_ended_ = true; return false;
    case IoState::kError:
      lower_failed_ = true;
      lower_error_ = got.error;
      return false;
  }
  return false;
}

// Takes everything: what the lower stream does not want now is kept, and TlsStream takes no more until it is gone.
int RecordIo::Write(BIO* bio, const char* from, int size) {
  BIO_clear_retry_flags(bio);
  if (lower_failed_) return -1;
  const size_t all = static_cast<size_t>(size);
  size_t done = 0;
  if (!corked_ && !has_unsent()) {
    const IoResult put = lower_.TryWrite(from, all);
    if (put.state == IoState::kError) {
      lower_failed_ = true;
      lower_error_ = put.error;
      return -1;
    }
    if (put.state == IoState::kOk) done = put.bytes;
  }
  if (done < all) Keep(from + done, all - done);
  return size;
}

void RecordIo::Keep(const char* from, size_t size) {
  if (!out_ || out_.capacity() - filled_ < size) {
    const size_t unsent = filled_ - sent_;
    const size_t wanted = unsent + size;
    base::BufferRef block = BufferPool::ForThisThread().Take(wanted);
    if (unsent > 0) std::memcpy(block.data(), out_.data() + sent_, unsent);
    out_ = std::move(block);
    sent_ = 0;
    filled_ = unsent;
  }
  std::memcpy(out_.data() + filled_, from, size);
  filled_ += size;
}

IoResult RecordIo::Flush() {
  if (lower_failed_) return {IoState::kError, lower_error_};
  while (has_unsent()) {
    const IoResult put = lower_.TryWrite(out_.data() + sent_, filled_ - sent_);
    if (put.state == IoState::kError) {
      lower_failed_ = true;
      lower_error_ = put.error;
    }
    if (put.state != IoState::kOk) return put;
    sent_ += put.bytes;
  }
  out_.Reset();
  sent_ = filled_ = 0;
  return {IoState::kOk};
}

void RecordIo::ReleaseIfEmpty() {
  if (begin_ == end_) in_.Reset();
}

}  // namespace weft::tls
