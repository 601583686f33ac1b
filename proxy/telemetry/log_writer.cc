#include "proxy/telemetry/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "proxy/base/check.h"
#include "proxy/telemetry/log.h"

namespace weft::telemetry {
namespace {

constexpr int kSleeping = 0, kWoken = 1, kUrgent = 2, kStop = 3;
constexpr int kWaitsOfTheEnd = 10;
constexpr size_t kWriteAt = 256 * 1024;  // bytes of one file that are collected for one write

}  // namespace

bool LogProducer::Write(uint32_t file, std::string_view line) {
  if (!ring_.Push(file, line)) {
    writer_.Wake(kUrgent);
    return false;
  }
  // The writer sets kSleeping before its last look at the rings: either it sees the line, or we see kSleeping.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const int urgency = writer_.urgency_.load(std::memory_order_relaxed);
  if (urgency == kSleeping) writer_.Wake(kWoken);
  if (urgency < kUrgent && ring_.used() > ring_.capacity() / 4) writer_.Wake(kUrgent);
  return true;
}

LogWriter::LogWriter() : wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { WEFT_CHECK(wake_fd_ >= 0); }

LogWriter::~LogWriter() {
  if (thread_.joinable()) {
    Wake(kStop);
    thread_.join();
  }
  for (auto& file : files_) {
    if (file->owned) close(file->fd);
  }
  close(wake_fd_);
}

uint32_t LogWriter::File(std::string_view path) {
  std::lock_guard lock(mutex_);
  for (size_t i = 0; i < files_.size(); ++i) {
    if (files_[i]->path == path) return static_cast<uint32_t>(i);
  }
  files_.push_back(std::make_unique<OpenFile>());
  files_.back()->path = path;
  if (!thread_.joinable()) {
    // Signals are for the main thread.
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    thread_ = std::thread([this] { Run(); });
    pthread_sigmask(SIG_SETMASK, &old, nullptr);
  }
  return static_cast<uint32_t>(files_.size() - 1);
}

LogProducer* LogWriter::AddProducer(size_t ring_bytes) {
  std::lock_guard lock(mutex_);
  producers_.push_back(std::unique_ptr<LogProducer>(new LogProducer(*this, ring_bytes)));
  return producers_.back().get();
}

void LogWriter::Reopen() {
  reopen_.store(true);
  Wake(kUrgent);
}

void LogWriter::Wake(int urgency) {
  int now = urgency_.load();
  while (now < urgency) {
    if (!urgency_.compare_exchange_weak(now, urgency)) continue;
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t put = write(wake_fd_, &one, sizeof one);
    return;
  }
}

void LogWriter::Run() {
  pthread_setname_np(pthread_self(), "log-writer");
  pollfd wake{wake_fd_, POLLIN, 0};
  const auto take = [this] {
    uint64_t count;
    [[maybe_unused]] const ssize_t got = read(wake_fd_, &count, sizeof count);
  };
  for (;;) {
    poll(&wake, 1, -1);
    take();
    if (urgency_.load() == kWoken) {
      poll(&wake, 1, kBatchMillis);
      take();
    }
    const bool stop = urgency_.load() == kStop;
    if (!stop) {
      int now = urgency_.load();
      while (now != kStop && !urgency_.compare_exchange_weak(now, kSleeping)) {
      }
    }
    if (reopen_.exchange(false)) {
      std::lock_guard lock(mutex_);
      for (auto& file : files_) {
        if (file->owned) close(file->fd);
        file->fd = -1;
        file->owned = false;
      }
    }
    while (Drain()) {
    }
    if (stop) return;
  }
}

bool LogWriter::Drain() {
  std::vector<OpenFile*> files;
  std::vector<LogProducer*> producers;
  {
    std::lock_guard lock(mutex_);
    for (auto& file : files_) files.push_back(file.get());
    for (auto& producer : producers_) producers.push_back(producer.get());
  }
  bool any = false;
  std::string line;
  uint32_t number;
  for (LogProducer* producer : producers) {
    // Bounded by what the ring holds, so that one busy producer does not keep the others waiting.
    for (size_t taken = 0; taken < producer->ring_.capacity() && producer->ring_.Pop(&number, &line);
         taken += line.size()) {
      any = true;
      OpenFile& file = *files[number];
      file.pending += line;
      ++file.pending_lines;
      if (file.pending.size() >= kWriteAt) WriteOut(file);
    }
  }
  for (OpenFile* file : files) WriteOut(*file);
  return any;
}

void LogWriter::Open(OpenFile& file) {
  if (file.path == "/dev/stdout") {
    file.fd = STDOUT_FILENO;
  } else if (file.path == "/dev/stderr") {
    file.fd = STDERR_FILENO;
  } else {
    file.fd = open(file.path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
    file.owned = file.fd >= 0;
  }
  file.torn = false;
}

// Of a pipe or terminal: room for PIPE_BUF bytes. False: still none although the process wants to end.
bool LogWriter::WaitWritable(int fd) {
  pollfd writable{fd, POLLOUT, 0};
  for (int waits_of_the_end = 0; waits_of_the_end < kWaitsOfTheEnd;) {
    if (poll(&writable, 1, kBatchMillis) > 0) return true;
    if (urgency_.load() == kStop) ++waits_of_the_end;
  }
  return false;
}

// Once, until the file can be written again. A stalled standard error must not stall the writer.
void LogWriter::ReportLoss(OpenFile& file, int error) {
  const bool standard = file.fd == STDOUT_FILENO || file.fd == STDERR_FILENO;
  pollfd writable{STDERR_FILENO, POLLOUT, 0};
  if (standard || file.reported || poll(&writable, 1, 0) <= 0) return;
  file.reported = true;
  Log(Component::kMain, LogLevel::kWarning,
      "log file " + file.path + ": " + std::strerror(error) + "; its lines are lost until it can be written");
}

void LogWriter::WriteOut(OpenFile& file) {
  if (file.pending.empty()) return;
  int error = 0;
  if (file.fd < 0) {
    Open(file);
    error = errno;
  }
  if (file.torn) file.pending.insert(0, "\n");  // ends the line that was cut off
  size_t done = 0;
  while (file.fd >= 0 && done < file.pending.size()) {
    if (!file.owned && !WaitWritable(file.fd)) break;
    const size_t most =
        file.owned ? file.pending.size() - done : std::min<size_t>(file.pending.size() - done, PIPE_BUF);
    const ssize_t put = write(file.fd, file.pending.data() + done, most);
    if (put >= 0) {
      done += static_cast<size_t>(put);
      continue;
    }
    error = errno;
    if (error != EINTR && error != EAGAIN) break;  // disk full, reader of a pipe gone, …: these lines are lost
  }
  if (done == file.pending.size()) {
    written_.fetch_add(file.pending_lines, std::memory_order_relaxed);
    file.torn = file.reported = false;
  } else {
    ReportLoss(file, error);
    lost_.fetch_add(file.pending_lines, std::memory_order_relaxed);  // about: some may have been written
    if (done > 0) file.torn = file.pending[done - 1] != '\n';
  }
  file.pending.clear();
  file.pending_lines = 0;
  if (file.pending.capacity() > 2 * kWriteAt) file.pending = std::string();
}

}  // namespace weft::telemetry
