// NormalizePath: one spelling for a request's path before it is routed, so that "/a/../admin", "/%61dmin" and "//admin"
// cannot pass a rule that speaks of "/admin" (RFC 3986 section 6.2.2; HttpConnectionManager's normalize_path,
// merge_slashes and path_with_escaped_slashes_action, in Envoy's order). A pure function; the query stays as it came.
#ifndef WEFT_PROXY_HTTP_PATH_H_
#define WEFT_PROXY_HTTP_PATH_H_

#include <cstdint>
#include <string_view>

#include "proxy/base/arena.h"

namespace weft::http {

struct PathRules {
  // Of %2F and %5C. kUnescapeAndRedirect sends the client to the new path.
  enum class EscapedSlashes : uint8_t { kKeep, kReject, kUnescapeAndRedirect, kUnescapeAndForward };
  EscapedSlashes escaped_slashes = EscapedSlashes::kKeep;
  // Escapes of unreserved characters are undone, a backslash is a slash, dot segments go.
  bool normalize = false;
  bool merge_slashes = false;
};

enum class PathVerdict : uint8_t { kGoOn, kRedirect, kRefuse };

// `path` is path and query; its new form lives in `arena`. A path that has nothing to change stays where it is. What is
// not a path
// ("*", or nothing with CONNECT) is left alone.
PathVerdict NormalizePath(const PathRules& rules, base::Arena& arena, std::string_view* path);

}  // namespace weft::http

#endif  // WEFT_PROXY_HTTP_PATH_H_
