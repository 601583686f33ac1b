#include "control/serve/event_log.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace weft::control::serve {
namespace {

constexpr absl::Duration kWindow = absl::Seconds(10);
constexpr size_t kMostHeard = 100;

struct Kind {
  const char* word;   // in metrics
  const char* text;   // in the sum
  int64_t most_full;  // lines of a window
};
// Streams come and go in hundreds when a control plane starts, and each is worth its line.
constexpr Kind kKinds[kEvents] = {{"certificate_refused", "refused certificate requests", 10},
                                  {"rejection", "rejections by proxies", 10},
                                  {"stream_refused", "streams that were ended", 10},
                                  {"large_response", "responses above 4 MiB", 10},
                                  {"stream", "connections and disconnections", 200},
                                  {"admin_refused", "refused calls of the control API", 10}};

}  // namespace

std::string EventLog::SumUp(Event event, absl::Time now) {
  Count& count = counts_[static_cast<size_t>(event)];
  if (now - count.since < kWindow) return "";
  count.since = now;
  count.in_window = 0;
  count.heard.clear();
  const int64_t held_back = std::exchange(count.held_back, 0);
  if (held_back == 0) return "";
  return absl::StrCat(held_back, " more like this in the last ", absl::ToInt64Seconds(kWindow),
                      " s: ", kKinds[static_cast<size_t>(event)].text);
}

bool EventLog::Admit(Event event, const std::string& who) {
  Count& count = counts_[static_cast<size_t>(event)];
  ++count.total;
  const bool first = count.heard.size() < kMostHeard && count.heard.insert(who).second;
  if (first || count.in_window < kKinds[static_cast<size_t>(event)].most_full) {
    ++count.in_window;
    return true;
  }
  ++count.held_back;
  return false;
}

void EventLog::Note(Event event, const std::string& who, bool is_problem, const std::string& text, const LogLine& log,
                    absl::Time now) {
  std::string sum;
  bool in_full;
  {
    absl::MutexLock lock(&mutex_);
    sum = SumUp(event, now);
    counts_[static_cast<size_t>(event)].is_problem = is_problem;
    in_full = Admit(event, who);
  }
  if (!sum.empty()) log(is_problem, sum);
  if (in_full) log(is_problem, text);
}

void EventLog::Flush(const LogLine& log, absl::Time now) {
  for (int i = 0; i < kEvents; ++i) {
    std::string sum;
    bool is_problem;
    {
      absl::MutexLock lock(&mutex_);
      if (counts_[static_cast<size_t>(i)].held_back == 0) continue;
      is_problem = counts_[static_cast<size_t>(i)].is_problem;
      sum = SumUp(static_cast<Event>(i), now);
    }
    if (!sum.empty()) log(is_problem, sum);
  }
}

std::map<std::string, int64_t> EventLog::Totals() const {
  std::map<std::string, int64_t> totals;
  absl::MutexLock lock(&mutex_);
  for (int i = 0; i < kEvents; ++i) totals[kKinds[i].word] = counts_[static_cast<size_t>(i)].total;
  return totals;
}

}  // namespace weft::control::serve
