#include "proxy/discovery/rejection_text.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "proxy/discovery/resource_type.h"

namespace weft::discovery {
namespace {

constexpr size_t kMaxReasonBytes = 1024;

// Cuts between characters, since the field must stay UTF-8.
void AppendBounded(std::string_view text, size_t limit, std::string* out) {
  if (text.size() <= limit) {
    out->append(text);
    return;
  }
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
  out->append(text.substr(0, limit));
  out->append("…");
}

}  // namespace

std::string RejectionText(ResourceType type, const std::vector<Rejection>& rejections) {
  std::string text;
  size_t told = 0;
  for (const Rejection& rejection : rejections) {
    std::string one = absl::StrCat(std::string(Name(type)), " \"");
    AppendBounded(rejection.resource, kMaxReasonBytes, &one);
    one.append("\": ");
    AppendBounded(rejection.reason, kMaxReasonBytes, &one);
    if (told > 0 && text.size() + one.size() > kMaxRejectionBytes) break;
    if (told > 0) text.append("; ");
    text.append(one);
    ++told;
  }
  if (told < rejections.size()) absl::StrAppend(&text, "; and ", rejections.size() - told, " more");
  return text;
}

}  // namespace weft::discovery
