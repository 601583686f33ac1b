#include "proxy/codec/h1/feed.h"

#include <cstring>

namespace weft::codec::h1 {
namespace {

base::Failure StreamFailure(const net::ByteStream& stream) {
  base::Failure failure;
  failure.kind = base::FailureKind::kIoError;
  failure.detail = stream.ErrorText();
  return failure;
}

}  // namespace

Feed::Filled Feed::Fill() {
  if (!stream_.MayRead()) {
    buffer_.Reset();
    begin_ = end_ = 0;
    return Filled::kWait;
  }
  // A block whose bytes somebody still holds is theirs now.
  if (!buffer_ || !buffer_.unique() || buffer_.capacity() < want_)
    buffer_ = base::BufferPool::ForThisThread().Take(want_);
  begin_ = end_ = 0;
  const net::IoResult got = stream_.TryRead(buffer_.data(), buffer_.capacity());
  switch (got.state) {
    case net::IoState::kOk:
      end_ = got.bytes;
      bytes_read_ += got.bytes;
      want_ = got.bytes == buffer_.capacity() ? base::BufferPool::kLarge : base::BufferPool::kRegular;
      return Filled::kBytes;
    case net::IoState::kWouldBlock: buffer_.Reset(); return Filled::kWait;
    case net::IoState::kEof: buffer_.Reset(); return Filled::kEnd;
    case net::IoState::kError: break;
  }
  buffer_.Reset();
  return Filled::kError;
}

std::optional<base::Result<Fed>> Feed::TryNext() {
  for (;;) {
    if (begin_ < end_ || parser_.complete()) {
      const char* bytes = begin_ < end_ ? buffer_.data() + begin_ : "";
      const Step step = parser_.Parse({bytes, end_ - begin_});
      begin_ += step.consumed;
      if (step.event == Event::kError) return base::Result<Fed>(parser_.failure());
      if (step.event != Event::kNeedMore) {
        Fed fed;
        fed.event = step.event;
        fed.last = step.last;
        if (step.event == Event::kBody) fed.body = base::Slice{buffer_, step.body.data(), step.body.size()};
        return base::Result<Fed>(std::move(fed));
      }
    }
    switch (Fill()) {
      case Filled::kBytes: continue;
      case Filled::kWait: return std::nullopt;
      case Filled::kError: return base::Result<Fed>(StreamFailure(stream_));
      case Filled::kEnd: {
        const Step step = parser_.Finish();
        if (step.event == Event::kError) return base::Result<Fed>(parser_.failure());
        return base::Result<Fed>(Fed{step.event, {}, false});
      }
    }
  }
}

runtime::Task<base::Result<Fed>> Feed::Next() {
  for (;;) {
    if (auto fed = TryNext()) co_return std::move(*fed);
    co_await stream_.Readable();
  }
}

base::ByteChain Feed::TakeReceived() {
  base::ByteChain chain;
  if (begin_ < end_) chain.Append(base::Slice{buffer_, buffer_.data() + begin_, end_ - begin_});
  buffer_.Reset();
  begin_ = end_ = 0;
  return chain;
}

void Feed::Prepend(base::ByteChain bytes) {
  WEFT_CHECK(begin_ == end_);
  if (bytes.empty()) return;
  buffer_ = base::BufferPool::ForThisThread().Take(bytes.size());
  begin_ = end_ = 0;
  while (!bytes.empty()) {
    const base::Slice& front = bytes.front();
    std::memcpy(buffer_.data() + end_, front.data, front.size);
    end_ += front.size;
    bytes.Consume(front.size);
  }
  bytes_read_ += end_;
}

std::optional<base::Result<base::Slice>> Feed::TryRaw() {
  if (begin_ == end_) {
    switch (Fill()) {
      case Filled::kBytes: break;
      case Filled::kWait: return std::nullopt;
      case Filled::kEnd: return base::Result<base::Slice>(base::Slice{});
      case Filled::kError: return base::Result<base::Slice>(StreamFailure(stream_));
    }
  }
  base::Slice slice{buffer_, buffer_.data() + begin_, end_ - begin_};
  begin_ = end_ = 0;
  buffer_.Reset();
  return base::Result<base::Slice>(std::move(slice));
}

}  // namespace weft::codec::h1
