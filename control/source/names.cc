#include "control/source/names.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "re2/re2.h"

namespace weft::control::source {
namespace {

constexpr size_t kLongestLabel = 63;
constexpr size_t kLongestSubdomain = 253;

bool IsLowerAlnum(char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c); }

bool IsTokenCharacter(char c) {
  return absl::ascii_isalnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::string CheckQualifiedPart(std::string_view text) {
  const auto inner = [](char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.'; };
  if (text.empty() || text.size() > kLongestLabel || !std::all_of(text.begin(), text.end(), inner) ||
      !absl::ascii_isalnum(text.front()) || !absl::ascii_isalnum(text.back())) {
    return "must be 1 to 63 letters, digits, '-', '_' or '.', with a letter or digit at both ends";
  }
  return "";
}

}  // namespace

std::string CheckLabel(std::string_view text) {
  const auto inner = [](char c) { return IsLowerAlnum(c) || c == '-'; };
  if (text.empty() || text.size() > kLongestLabel || !std::all_of(text.begin(), text.end(), inner) ||
      !IsLowerAlnum(text.front()) || !IsLowerAlnum(text.back())) {
    return "must be 1 to 63 lower-case letters, digits or '-', with a letter or digit at both ends";
  }
  return "";
}

std::string CheckSubdomain(std::string_view text) {
  if (text.size() > kLongestSubdomain) return "is longer than 253 characters";
  std::string_view rest = text;
  while (true) {
    const size_t dot = rest.find('.');
    if (!CheckLabel(rest.substr(0, dot)).empty()) {
      return "must be a DNS name: labels of lower-case letters, digits and '-', joined by '.'";
    }
    if (dot == std::string_view::npos) return "";
    rest.remove_prefix(dot + 1);
  }
}

std::string CheckHost(std::string_view text, bool wildcard) {
  std::string_view name = text;
  if (wildcard && name.substr(0, 2) == "*.") name.remove_prefix(2);
  if (!CanonicalIp(name).empty()) return "is an IP address; a host name is wanted";
  if (name.find('*') != std::string_view::npos) {
    return wildcard ? "has a '*' that is not the whole first label; write it as *.example.com"
                    : "has a '*'; a full host name is wanted";
  }
  if (name.find(':') != std::string_view::npos) return "has a port; a host name without one is wanted";
  return CheckSubdomain(name);
}

std::string CheckLabelKey(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return CheckQualifiedPart(text);
  const std::string prefix = CheckSubdomain(text.substr(0, slash));
  if (!prefix.empty()) return absl::StrCat("has a prefix before '/' that ", prefix);
  return CheckQualifiedPart(text.substr(slash + 1));
}

std::string CheckLabelValue(std::string_view text) { return text.empty() ? "" : CheckQualifiedPart(text); }

std::string CheckHeaderName(std::string_view text) {
  if (text.empty()) return "is empty; a header name is wanted";
  if (text.size() > 256) return "is longer than 256 characters";
  if (text.front() == ':') return "is a pseudo header; match `path`, `method` or `hostnames` instead";
  if (!std::all_of(text.begin(), text.end(), IsTokenCharacter)) {
    return "has a character that no header name may have";
  }
  return "";
}

std::string CheckHeaderValue(std::string_view text) {
  if (text.size() > 4096) return "is longer than 4096 characters";
  const auto control = [](char c) { return absl::ascii_iscntrl(c) && c != '\t'; };
  if (std::any_of(text.begin(), text.end(), control)) return "has a control character";
  if (!text.empty() && (absl::ascii_isspace(text.front()) || absl::ascii_isspace(text.back()))) {
    return "has a blank at an end, which HTTP drops";
  }
  return "";
}

std::string CheckRegex(std::string_view text) {
  if (text.empty()) return "is empty; a regular expression is wanted";
  if (text.size() > 1024) return "is longer than 1024 characters";
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  const RE2 regex(re2::StringPiece(text.data(), text.size()), options);
  return regex.ok() ? "" : absl::StrCat("is no regular expression of RE2: ", regex.error());
}

std::string CanonicalIp(std::string_view text) {
  const std::string copy(text);
  char canonical[INET6_ADDRSTRLEN];
  in_addr v4;
  if (inet_pton(AF_INET, copy.c_str(), &v4) == 1) return inet_ntop(AF_INET, &v4, canonical, sizeof canonical);
  in6_addr v6;
  if (inet_pton(AF_INET6, copy.c_str(), &v6) == 1) return inet_ntop(AF_INET6, &v6, canonical, sizeof canonical);
  return "";
}

}  // namespace weft::control::source
