// Columns for people: left aligned, three spaces between, no lines, as kubectl's. Used by the commands, one thread.
#ifndef WEFT_CONTROL_CLI_TABLE_H_
#define WEFT_CONTROL_CLI_TABLE_H_

#include <ostream>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"

namespace weft::cli {

class Table {
 public:
  explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }

  // As many cells as the header has. Empty cells show as "-"; control characters are replaced.
  void Add(std::vector<std::string> cells);
  bool empty() const { return rows_.size() == 1; }
  void Print(std::ostream& out) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// "12s", "5m", "3h", "2d12h", "41d": one unit, or two where one is too coarse, as kubectl shows ages.
std::string ShortDuration(absl::Duration duration);

// Age of `time` at `now`; empty for a time that is not set.
std::string Age(const google::protobuf::Timestamp& time, absl::Time now);

// "2026-01-31 12:00:00" in UTC; empty for a time that is not set.
std::string When(const google::protobuf::Timestamp& time);

// Text from a server on a terminal: no control characters but spaces.
std::string OneLine(std::string_view text);

}  // namespace weft::cli

#endif  // WEFT_CONTROL_CLI_TABLE_H_
