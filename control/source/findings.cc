#include "control/source/findings.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace weft::control::source {

void Findings::AddProblems(const schema::Problems& problems, std::string_view object) {
  for (const schema::Problem& problem : problems.kept()) {
    errors.push_back(
        {problem.file, problem.at.line, problem.at.column, std::string(object), problem.field, problem.what});
  }
  const size_t more = problems.total() - problems.kept().size();
  if (more > 0) {
    model::ObjectError rest;
    rest.file = problems.kept().empty() ? "" : problems.kept().front().file;
    rest.object = std::string(object);
    rest.message = absl::StrCat("and ", more, " more problems");
    errors.push_back(std::move(rest));
  }
}

model::ObjectError Checker::Make(const std::string& field, std::string message) const {
  model::ObjectError error;
  error.object = object_;
  error.field = field;
  error.message = std::move(message);
  if (map_ != nullptr) {
    const schema::Location at = map_->Find(field);
    error.file = map_->file();
    error.line = at.line;
    error.column = at.column;
  }
  return error;
}

void Checker::Error(const std::string& field, std::string message) {
  clean_ = false;
  findings_.errors.push_back(Make(field, std::move(message)));
}

void Checker::Warn(const std::string& field, std::string message) {
  findings_.warnings.push_back(Make(field, std::move(message)));
}

bool Checker::Ok(const std::string& field, std::string_view value, std::string_view what) {
  if (what.empty()) return true;
  Error(field, absl::StrCat(schema::Quoted(value), " ", std::string(what)));
  return false;
}

bool Checker::Port(const std::string& field, int64_t value) {
  if (value >= 1 && value <= 65535) return true;
  Error(field, absl::StrCat(value, " is no port; 1 to 65535 is wanted"));
  return false;
}

std::string At(std::string_view list, size_t index) { return absl::StrCat(std::string(list), "[", index, "]"); }

std::string Entry(std::string_view map, std::string_view key) {
  return absl::StrCat(std::string(map), "[\"", std::string(key), "\"]");
}

}  // namespace weft::control::source
