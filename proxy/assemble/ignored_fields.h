// IgnoredFields: fields of the control plane's resources that were accepted and ignored (Findings::notes). Each field
// of each resource is told once, however often the resource comes again; all of them are counted. What is remembered is
// bounded: after kMostRemembered of them new ones are only counted. Main thread only; a part of Assembler.
#ifndef WEFT_PROXY_ASSEMBLE_IGNORED_FIELDS_H_
#define WEFT_PROXY_ASSEMBLE_IGNORED_FIELDS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "proxy/config/from_xds.h"
#include "proxy/discovery/resource_type.h"

namespace weft::assemble {

class IgnoredFields {
 public:
  static constexpr size_t kMostRemembered = 4096;

  // `tell` takes one line for the log.
  explicit IgnoredFields(std::function<void(const std::string& line)> tell) : tell_(std::move(tell)) {}

  // What a resource that was taken has.
  void Take(discovery::ResourceType type, const std::string& name, const std::vector<config::FieldProblem>& notes);
  // Ever, the same field of the same resource again and again.
  uint64_t count(discovery::ResourceType type) const { return counts_[static_cast<size_t>(type)]; }

 private:
  const std::function<void(const std::string&)> tell_;
  absl::flat_hash_set<uint64_t> told_;  // hashes: two that collide cost one line
  bool full_ = false;
  std::array<uint64_t, discovery::kResourceTypeCount> counts_{};
};

}  // namespace weft::assemble

#endif  // WEFT_PROXY_ASSEMBLE_IGNORED_FIELDS_H_
