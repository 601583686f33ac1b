#include "control/source/http_filters.h"

#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "control/source/names.h"

namespace weft::control::source {
namespace {

using gateway::v1::HTTPRouteFilter;

constexpr int kMostHeaderChanges = 16;

// Those by which a proxy and its peer agree on where a message ends and goes: a route must not touch them.
bool IsOfTheConnection(const std::string& lower) {
  static const auto& names =
      *new std::set<std::string>{"connection", "host",    "content-length", "transfer-encoding", "keep-alive",
                                 "te",         "trailer", "upgrade",        "proxy-connection"};
  return names.count(lower) != 0;
}

void CheckChangedName(const std::string& name, const std::string& field, std::set<std::string>& seen,
                      Checker& checker) {
  if (!checker.Ok(field, name, CheckHeaderName(name))) return;
  const std::string lower = absl::AsciiStrToLower(name);
  if (IsOfTheConnection(lower)) {
    checker.Ok(field, name,
               lower == "host" ? "cannot be changed here; use a URLRewrite filter's hostname"
                               : "is of the connection itself and cannot be changed");
  }
  if (!seen.insert(lower).second) checker.Ok(field, name, "is changed twice by one filter");
}

model::HeaderChanges ChangesFrom(const gateway::v1::HTTPHeaderFilter& from, const std::string& field,
                                 Checker& checker) {
  model::HeaderChanges changes;
  std::set<std::string> seen;
  const auto read = [&](const auto& list, const std::string& at, auto& into) {
    for (int i = 0; i < list.size(); ++i) {
      CheckChangedName(list[i].name(), At(at, i) + ".name", seen, checker);
      checker.Ok(At(at, i) + ".value", list[i].value(), CheckHeaderValue(list[i].value()));
      into.emplace_back(list[i].name(), list[i].value());
    }
  };
  read(from.set(), field + ".set", changes.set);
  read(from.add(), field + ".add", changes.add);
  for (int i = 0; i < from.remove_size(); ++i) {
    CheckChangedName(from.remove(i), At(field + ".remove", i), seen, checker);
    changes.remove.push_back(from.remove(i));
  }
  if (changes.empty()) checker.Error(field, "changes nothing; `set`, `add` or `remove` is wanted");
  if (from.set_size() + from.add_size() + from.remove_size() > 3 * kMostHeaderChanges) {
    checker.Error(field, absl::StrCat("changes more than ", 3 * kMostHeaderChanges, " headers"));
  }
  return changes;
}

std::optional<model::PathChange> PathChangeFrom(const gateway::v1::HTTPPathModifier& from, const std::string& field,
                                                const model::RouteRule& rule, Checker& checker) {
  using Type = gateway::v1::HTTPPathModifier;
  model::PathChange change;
  const bool full = from.type() == Type::ReplaceFullPath;
  if (!full && from.type() != Type::ReplacePrefixMatch) {
    checker.Error(field + ".type", "is missing; ReplaceFullPath or ReplacePrefixMatch is wanted");
    return std::nullopt;
  }
  const char* wanted = full ? ".replaceFullPath" : ".replacePrefixMatch";
  if (full ? from.has_replace_prefix_match() : from.has_replace_full_path()) {
    checker.Error(field, absl::StrCat("of type ", Type::Type_Name(from.type()), " takes ", wanted + 1, " only"));
    return std::nullopt;
  }
  if (full ? !from.has_replace_full_path() : !from.has_replace_prefix_match()) {
    checker.Error(field + wanted, absl::StrCat("is missing; type ", Type::Type_Name(from.type()), " needs it"));
    return std::nullopt;
  }
  change.type = full ? model::PathChange::Type::kFull : model::PathChange::Type::kPrefix;
  change.value = full ? from.replace_full_path() : from.replace_prefix_match();
  if (full && (change.value.empty() || change.value[0] != '/')) {
    checker.Ok(field + wanted, change.value, "must begin with '/'");
  }
  for (const model::RouteMatch& match : rule.matches) {
    if (full || match.path.type == model::PathMatch::Type::kPrefix) continue;
    checker.Error(field + ".type", "ReplacePrefixMatch needs matches of type PathPrefix only");
    break;
  }
  return change;
}

model::Redirect RedirectFrom(const gateway::v1::HTTPRequestRedirectFilter& from, const std::string& field,
                             const model::RouteRule& rule, Checker& checker) {
  model::Redirect redirect;
  redirect.scheme = from.scheme();
  if (from.has_scheme() && from.scheme() != "http" && from.scheme() != "https") {
    checker.Ok(field + ".scheme", from.scheme(), "is no scheme; http or https is wanted");
  }
  redirect.hostname = from.hostname();
  if (from.has_hostname()) checker.Ok(field + ".hostname", from.hostname(), CheckHost(from.hostname(), false));
  if (from.has_path()) redirect.path = PathChangeFrom(from.path(), field + ".path", rule, checker);
  if (from.has_port() && checker.Port(field + ".port", from.port())) redirect.port = static_cast<uint16_t>(from.port());
  if (from.has_status_code()) redirect.status_code = from.status_code();
  static const auto& codes = *new std::set<int>{301, 302, 303, 307, 308};
  if (codes.count(redirect.status_code) == 0) {
    checker.Error(field + ".statusCode",
                  absl::StrCat(redirect.status_code, " does not redirect; 301, 302, 303, 307 or 308 is wanted"));
  }
  return redirect;
}

model::Rewrite RewriteFrom(const gateway::v1::HTTPURLRewriteFilter& from, const std::string& field,
                           const model::RouteRule& rule, Checker& checker) {
  model::Rewrite rewrite;
  rewrite.hostname = from.hostname();
  if (from.has_hostname()) checker.Ok(field + ".hostname", from.hostname(), CheckHost(from.hostname(), false));
  if (from.has_path()) rewrite.path = PathChangeFrom(from.path(), field + ".path", rule, checker);
  if (!from.has_hostname() && !from.has_path()) checker.Error(field, "changes nothing; `hostname` or `path` is wanted");
  return rewrite;
}

// The name of the one settings field that belongs to `type`.
const char* SettingsOf(HTTPRouteFilter::Type type) {
  switch (type) {
    case HTTPRouteFilter::RequestHeaderModifier: return "requestHeaderModifier";
    case HTTPRouteFilter::ResponseHeaderModifier: return "responseHeaderModifier";
    case HTTPRouteFilter::RequestRedirect: return "requestRedirect";
    case HTTPRouteFilter::URLRewrite: return "urlRewrite";
    case HTTPRouteFilter::RequestMirror: return "requestMirror";
    case HTTPRouteFilter::ExtensionRef: return "extensionRef";
    default: return "";
  }
}

bool HasSettings(const HTTPRouteFilter& filter, HTTPRouteFilter::Type type) {
  switch (type) {
    case HTTPRouteFilter::RequestHeaderModifier: return filter.has_request_header_modifier();
    case HTTPRouteFilter::ResponseHeaderModifier: return filter.has_response_header_modifier();
    case HTTPRouteFilter::RequestRedirect: return filter.has_request_redirect();
    case HTTPRouteFilter::URLRewrite: return filter.has_url_rewrite();
    case HTTPRouteFilter::RequestMirror: return filter.has_request_mirror();
    case HTTPRouteFilter::ExtensionRef: return filter.has_extension_ref();
    default: return false;
  }
}

// The type is known, can be done, comes once, and its own settings are there and no others.
bool CheckShape(const HTTPRouteFilter& filter, const std::string& field, std::set<int>& seen, Checker& checker) {
  const HTTPRouteFilter::Type type = filter.type();
  if (type == HTTPRouteFilter::FILTER_UNSPECIFIED) {
    checker.Error(field + ".type",
                  "is missing; RequestHeaderModifier, ResponseHeaderModifier, RequestRedirect or "
                  "URLRewrite is wanted");
    return false;
  }
  if (type == HTTPRouteFilter::RequestMirror || type == HTTPRouteFilter::ExtensionRef) {
    checker.Error(field + ".type", absl::StrCat(HTTPRouteFilter::Type_Name(type), " is not supported yet"));
    return false;
  }
  if (!seen.insert(type).second) {
    checker.Error(field + ".type", absl::StrCat(HTTPRouteFilter::Type_Name(type), " is there twice; once is allowed"));
    return false;
  }
  for (int other = 1; other < HTTPRouteFilter::Type_ARRAYSIZE; ++other) {
    const auto other_type = static_cast<HTTPRouteFilter::Type>(other);
    if (other_type == type || !HasSettings(filter, other_type)) continue;
    checker.Error(field + "." + SettingsOf(other_type),
                  absl::StrCat("does not belong to a filter of type ", HTTPRouteFilter::Type_Name(type)));
    return false;
  }
  if (HasSettings(filter, type)) return true;
  checker.Error(field + "." + SettingsOf(type),
                absl::StrCat("is missing; a filter of type ", HTTPRouteFilter::Type_Name(type), " needs it"));
  return false;
}

}  // namespace

void ReadRuleFilters(const RepeatedFilters& from, const std::string& field, model::RouteRule& rule, Checker& checker) {
  std::set<int> seen;
  for (int i = 0; i < from.size(); ++i) {
    const std::string at = At(field, i);
    if (!CheckShape(from[i], at, seen, checker)) continue;
    const std::string settings = at + "." + SettingsOf(from[i].type());
    switch (from[i].type()) {
      case HTTPRouteFilter::RequestHeaderModifier:
        rule.filters.request_headers = ChangesFrom(from[i].request_header_modifier(), settings, checker);
        break;
      case HTTPRouteFilter::ResponseHeaderModifier:
        rule.filters.response_headers = ChangesFrom(from[i].response_header_modifier(), settings, checker);
        break;
      case HTTPRouteFilter::RequestRedirect:
        rule.filters.redirect = RedirectFrom(from[i].request_redirect(), settings, rule, checker);
        break;
      case HTTPRouteFilter::URLRewrite:
        rule.filters.rewrite = RewriteFrom(from[i].url_rewrite(), settings, rule, checker);
        break;
      default: break;
    }
  }
  if (rule.filters.redirect.has_value() && rule.filters.rewrite.has_value()) {
    checker.Error(field, "has a RequestRedirect and a URLRewrite; one rule does one of them");
  }
}

void ReadBackendFilters(const RepeatedFilters& from, const std::string& field, model::Backend& backend,
                        Checker& checker) {
  std::set<int> seen;
  for (int i = 0; i < from.size(); ++i) {
    const std::string at = At(field, i);
    if (!CheckShape(from[i], at, seen, checker)) continue;
    if (from[i].type() == HTTPRouteFilter::RequestHeaderModifier) {
      backend.request_headers = ChangesFrom(from[i].request_header_modifier(), at + ".requestHeaderModifier", checker);
    } else if (from[i].type() == HTTPRouteFilter::ResponseHeaderModifier) {
      backend.response_headers =
          ChangesFrom(from[i].response_header_modifier(), at + ".responseHeaderModifier", checker);
    } else {
      checker.Error(at + ".type", absl::StrCat(HTTPRouteFilter::Type_Name(from[i].type()),
                                               " cannot stand at a backend; put it into the rule's filters"));
    }
  }
}

}  // namespace weft::control::source
