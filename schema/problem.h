// What is wrong with a text, and where. A Problems is filled by one thread, by schema/ itself and by the validators
// that come after it; it owns copies of all texts. It keeps the first `limit` problems and counts the rest.
#ifndef WEFT_SCHEMA_PROBLEM_H_
#define WEFT_SCHEMA_PROBLEM_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace weft::schema {

// A place in a text, both counted from 1, columns in bytes. {0, 0} is unknown.
struct Location {
  int line = 0;
  int column = 0;

  bool known() const { return line > 0; }
  friend bool operator==(const Location&, const Location&) = default;
};

struct Problem {
  std::string file = {};
  Location at = {};
  std::string field = {};  // path as the user wrote it; empty where no field is meant
  std::string what = {};   // what was found, what was expected, what to do

  // "FILE:LINE:COL: FIELD: WHAT"; unknown parts are left out.
  std::string ToString() const;
};

class Problems {
 public:
  explicit Problems(size_t limit = 20) : limit_(limit) {}

  void Add(Problem problem);

  bool empty() const { return total_ == 0; }
  bool full() const { return total_ >= limit_; }
  size_t total() const { return total_; }
  const std::vector<Problem>& kept() const { return kept_; }

  // One line for each, then how many more there are. No newline at the end; empty when there is no problem.
  std::string ToString() const;

  // Ok, or InvalidArgument with ToString().
  absl::Status ToStatus() const;

 private:
  size_t limit_;
  size_t total_ = 0;
  std::vector<Problem> kept_;
};

// Text from a user as a message shows it: quoted, control characters escaped, cut after `most` bytes.
std::string Quoted(std::string_view text, size_t most = 60);

}  // namespace weft::schema

#endif  // WEFT_SCHEMA_PROBLEM_H_
