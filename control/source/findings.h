// What validation found: errors, which refuse the whole request, and warnings, which do not. One thread.
#ifndef WEFT_CONTROL_SOURCE_FINDINGS_H_
#define WEFT_CONTROL_SOURCE_FINDINGS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "control/model/meta.h"
#include "schema/problem.h"
#include "schema/source_map.h"

namespace weft::control::source {

struct Findings {
  std::vector<model::ObjectError> errors;
  std::vector<model::ObjectError> warnings;

  bool ok() const { return errors.empty(); }
  // What schema/ found in the object `object` (empty: before it was known).
  void AddProblems(const schema::Problems& problems, std::string_view object);
};

// Where the checks of one object put what they find. Refers to its arguments.
class Checker {
 public:
  // `map` null: the object did not come as a text.
  Checker(Findings& findings, std::string object, const schema::SourceMap* map)
      : findings_(findings), object_(std::move(object)), map_(map) {}

  // `field` is a path such as spec.ports[0].port; `message` says what is there and what is wanted.
  void Error(const std::string& field, std::string message);
  void Warn(const std::string& field, std::string message);

  // An error `"VALUE" WHAT` when `what` is not empty (see names.h). True when it was.
  bool Ok(const std::string& field, std::string_view value, std::string_view what);
  // 1 to 65535.
  bool Port(const std::string& field, int64_t value);

  bool clean() const { return clean_; }

 private:
  model::ObjectError Make(const std::string& field, std::string message) const;

  Findings& findings_;
  const std::string object_;
  const schema::SourceMap* const map_;
  bool clean_ = true;
};

// "spec.ports" and 2: "spec.ports[2]".
std::string At(std::string_view list, size_t index);
// "labels" and "app": labels["app"].
std::string Entry(std::string_view map, std::string_view key);

}  // namespace weft::control::source

#endif  // WEFT_CONTROL_SOURCE_FINDINGS_H_
