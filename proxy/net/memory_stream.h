// A pair of connected ByteStreams in memory, for tests: what one writes the other reads, through a pipe of bounded
// size, with faults on demand: short reads and writes, stalls, resets. Waking goes through the reactor's ready queue,
// as with sockets.
#ifndef WEFT_PROXY_NET_MEMORY_STREAM_H_
#define WEFT_PROXY_NET_MEMORY_STREAM_H_

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "proxy/net/byte_stream.h"
#include "proxy/runtime/reactor.h"

namespace weft::net {

class MemoryStream final : public ByteStream {
 public:
  struct Faults {
    size_t max_read = SIZE_MAX;     // at most so many bytes per TryRead
    size_t max_write = SIZE_MAX;    // at most so many bytes per TryWrite
    size_t reset_after = SIZE_MAX;  // the peer resets after it received so many bytes from us
    bool stall_reads = false;       // TryRead blocks although there are bytes
  };

  // Two ends; each direction holds up to `capacity` bytes.
  static std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>> Pair(runtime::Reactor& reactor,
                                                                                      size_t capacity = 64 * 1024);
  ~MemoryStream() override;

  IoResult TryRead(char* into, size_t size) override;
  using ByteStream::TryWrite;
  IoResult TryWrite(const struct iovec* from, int count) override;
  bool MayRead() const override;
  bool MayWrite() const override;
  void ShutdownWrite() override;
  void Close() override;
  void Reset() override;
  bool PeerHasClosed() override;
  const Address& peer_address() const override { return peer_; }
  const Address& local_address() const override { return local_; }
  std::string ErrorText() const override { return "connection reset by peer"; }

  Faults& faults() { return faults_; }
  // Call after changing faults so that a waiter looks again.
  void Poke();

 private:
  struct Pipe {
    std::deque<char> bytes;
    size_t capacity;
    size_t passed = 0;
    bool finished = false;  // writer has shut down
    bool reset = false;
  };
  class Wake final : public runtime::Wakeup {
   public:
    MemoryStream* stream = nullptr;
    void OnWakeup() override { stream->Dispatch(); }
  };

  explicit MemoryStream(runtime::Reactor& reactor);
  void Dispatch();
  void PokePeer();

  runtime::Reactor& reactor_;
  std::shared_ptr<Pipe> in_, out_;
  MemoryStream* peer_end_ = nullptr;
  Faults faults_;
  bool closed_ = false;
  bool told_hangup_ = false;
  bool* destroyed_ = nullptr;
  Wake wake_;
  Address peer_, local_;
};

}  // namespace weft::net

#endif  // WEFT_PROXY_NET_MEMORY_STREAM_H_
