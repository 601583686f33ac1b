#include "proxy/assemble/ignored_fields.h"

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"

namespace weft::assemble {

void IgnoredFields::Take(discovery::ResourceType type, const std::string& name,
                         const std::vector<config::FieldProblem>& notes) {
  counts_[static_cast<size_t>(type)] += notes.size();
  for (const config::FieldProblem& note : notes) {
    if (full_) return;
    const uint64_t hash = absl::HashOf(static_cast<int>(type), name, note.field, note.what);
    if (!told_.insert(hash).second) continue;
    tell_(absl::StrCat(std::string(discovery::Name(type)), " ", name, ": ", note.field, note.field.empty() ? "" : ": ",
                       note.what));
    if (told_.size() < kMostRemembered) continue;
    full_ = true;
    tell_(absl::StrCat("more than ", kMostRemembered,
                       " fields of resources were ignored; from here on they are only counted "
                       "(weft_config_ignored_fields_total)"));
  }
}

}  // namespace weft::assemble
