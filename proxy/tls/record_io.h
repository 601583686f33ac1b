// RecordIo carries TLS records between BoringSSL and the stream below it: a BIO that reads up to 16 KiB of records with
// one call of the lower stream (64 KiB while a bulk transfer fills that), and sends one record with one call, several
// records of a big write with one call too. Blocks come from the thread's BufferPool and are held only while records
// lie in them: an idle connection has none. INTERNAL to proxy/tls; one thread.
#ifndef WEFT_PROXY_TLS_RECORD_IO_H_
#define WEFT_PROXY_TLS_RECORD_IO_H_

#include <openssl/base.h>
#include <openssl/bio.h>

#include <cstddef>

#include "proxy/base/buffer.h"
#include "proxy/net/byte_stream.h"

namespace weft::tls {

class RecordIo {
 public:
  // `lower` outlives this. `prefix`: bytes of the peer that somebody has already read from it.
  RecordIo(net::ByteStream& lower, base::ByteChain prefix);
  RecordIo(const RecordIo&) = delete;
  RecordIo& operator=(const RecordIo&) = delete;

  // A BIO for SSL_set_bio; it must not outlive this.
  bssl::UniquePtr<BIO> NewBio();

  // Sends what waits. kOk when nothing is left.
  net::IoResult Flush();
  bool has_unsent() const { return sent_ < filled_; }
  bool has_unread() const { return begin_ < end_ || !prefix_.empty(); }

  // While corked, records gather instead of being sent one by one. Uncork, then Flush.
  void Cork() { corked_ = true; }
  void Uncork() { corked_ = false; }

  // Gives back the block of the reading side when it is empty.
  void ReleaseIfEmpty();

  bool lower_ended() const { return lower_ended_; }  // end of file below
  int lower_error() const { return lower_error_; }   // errno of the lower stream, 0: none
  bool lower_failed() const { return lower_failed_; }

 private:
  friend struct RecordBio;
  static constexpr size_t kBulkRead = 64 * 1024;

  int Read(BIO* bio, char* into, int size);
  int Write(BIO* bio, const char* from, int size);
  bool Fill(BIO* bio);
  void Keep(const char* from, size_t size);

  net::ByteStream& lower_;
  base::ByteChain prefix_;
  base::BufferRef in_;  // bytes [begin_, end_)
  size_t begin_ = 0, end_ = 0;
  base::BufferRef out_;  // bytes [sent_, filled_)
  size_t sent_ = 0, filled_ = 0;
  bool bulk_ = false;  // the last read filled its block
  bool corked_ = false;
  bool lower_ended_ = false;
  bool lower_failed_ = false;
  int lower_error_ = 0;
};

}  // namespace weft::tls

#endif  // WEFT_PROXY_TLS_RECORD_IO_H_
