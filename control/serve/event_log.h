// EventLog: keeps what clients can cause at will from filling the disk with log lines. Of each event the first few of
// ten seconds are written in full, and the first one of each client, so that a noisy one hides no other; of the rest a
// sum, once the ten seconds are over. Metrics count all of them.
//
// Any thread. Flush() is to be called at times (Fleet does), so that a sum is told although nothing follows.
#ifndef WEFT_CONTROL_SERVE_EVENT_LOG_H_
#define WEFT_CONTROL_SERVE_EVENT_LOG_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace weft::control::serve {

// One line of text; `is_problem` for what an operator should look at.
using LogLine = std::function<void(bool is_problem, const std::string& text)>;

enum class Event : uint8_t { kCertificateRefused, kRejection, kStreamRefused, kLargeResponse, kStream, kAdminRefused };
inline constexpr int kEvents = 6;

class EventLog {
 public:
  // `who`: the client, by what it cannot change at will.
  void Note(Event event, const std::string& who, bool is_problem, const std::string& text, const LogLine& log,
            absl::Time now);
  void Flush(const LogLine& log, absl::Time now);

  // How often each happened: by "certificate_refused" and the like.
  std::map<std::string, int64_t> Totals() const;

 private:
  struct Count {
    absl::Time since = absl::InfinitePast();  // the window's begin
    int64_t in_window = 0;
    int64_t held_back = 0;
    int64_t total = 0;
    bool is_problem = false;
    std::set<std::string> heard;  // clients of the window; bounded
  };
  // Counts it in; whether its line is to be written.
  bool Admit(Event event, const std::string& who) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The line that sums up a window that is over; empty: none is due.
  std::string SumUp(Event event, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  std::array<Count, kEvents> counts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weft::control::serve

#endif  // WEFT_CONTROL_SERVE_EVENT_LOG_H_
