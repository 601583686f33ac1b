// LogWriter: the one thread that writes log files, so that a slow or full disk never delays a request: what it cannot
// take in time is dropped by whoever offers it, and counted. The thread starts with the first file. One per process;
// made and destroyed on the main thread, after the producers have stopped.
#ifndef WEFT_PROXY_TELEMETRY_LOG_WRITER_H_
#define WEFT_PROXY_TELEMETRY_LOG_WRITER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "proxy/telemetry/log_ring.h"

namespace weft::telemetry {

class LogWriter;

// One thread's way to the writer.
class LogProducer {
 public:
  // False: dropped, because the writer is behind. Never waits.
  bool Write(uint32_t file, std::string_view line);

 private:
  friend class LogWriter;
  LogProducer(LogWriter& writer, size_t capacity) : writer_(writer), ring_(capacity) {}
  LogWriter& writer_;
  LogRing ring_;
};

class LogWriter {
 public:
  static constexpr size_t kRingBytes = 512 * 1024;  // of each producer, taken when it writes for the first time
  static constexpr int kBatchMillis = 100;          // lines wait so long for company, less when there are many

  LogWriter();
  ~LogWriter();  // writes what is queued

  // A number for Write(). The same path gives the same number. "/dev/stdout" and "/dev/stderr" are the process' own.
  // The file is opened, appended to and created by the writer thread; what cannot be written is counted. Any thread,
  // rarely.
  uint32_t File(std::string_view path);
  // For one producing thread. Lives as long as the writer.
  LogProducer* AddProducer(size_t ring_bytes = kRingBytes);
  // Opens every file anew: after logrotate has moved them (SIGUSR1). Any thread.
  void Reopen();

  // Any thread. Lines that were taken but could not be written (disk full, no such folder); lines written.
  uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }
  uint64_t written() const { return written_.load(std::memory_order_relaxed); }

 private:
  friend class LogProducer;
  struct OpenFile {
    std::string path;
    int fd = -1;
    bool owned = false;     // the descriptor is ours to close
    bool torn = false;      // the last write stopped inside a line
    bool reported = false;  // that it cannot be written
    std::string pending;    // lines of this round
    uint64_t pending_lines = 0;
  };

  void Wake(int urgency);
  void Run();
  // One round over all rings; returns false when nothing was there.
  bool Drain();
  void WriteOut(OpenFile& file);
  bool WaitWritable(int fd);
  void Open(OpenFile& file);
  void ReportLoss(OpenFile& file, int error);

  std::mutex mutex_;                              // files_ and producers_ grow under it
  std::vector<std::unique_ptr<OpenFile>> files_;  // their contents belong to the writer thread
  std::vector<std::unique_ptr<LogProducer>> producers_;
  const int wake_fd_;
  // 0: the writer sleeps until it is woken; 1: it was woken and waits for company; 2: it was told to hurry; 3: stop.
  std::atomic<int> urgency_{0};
  std::atomic<bool> reopen_{false};
  std::atomic<uint64_t> lost_{0}, written_{0};
  std::thread thread_;
};

}  // namespace weft::telemetry

#endif  // WEFT_PROXY_TELEMETRY_LOG_WRITER_H_
