#include "proxy/http/path.h"

#include <gtest/gtest.h>

#include <string>

namespace weft::http {
namespace {

using EscapedSlashes = PathRules::EscapedSlashes;

std::string With(const PathRules& rules, std::string_view path) {
  base::Arena arena;
  switch (NormalizePath(rules, arena, &path)) {
    case PathVerdict::kRefuse: return "refused";
    case PathVerdict::kRedirect: return "redirect to " + std::string(path);
    case PathVerdict::kGoOn: break;
  }
  return std::string(path);
}

TEST(PathTest, WithoutRulesNothingChanges) {
  for (const char* path : {"/a/../b//%2f%41?x=%2f", "*", "", "/%00"}) EXPECT_EQ(With({}, path), path);
}

TEST(PathTest, NormalizedLikeRfc3986) {
  const std::pair<const char*, const char*> cases[] = {{"/", "/"},
                                                       {"/a/b", "/a/b"},
                                                       {"/a/./b", "/a/b"},
                                                       {"/a/b/..", "/a/"},
                                                       {"/a/b/../", "/a/"},
                                                       {"/a/b/.", "/a/b/"},
                                                       {"/../../etc", "/etc"},
                                                       {"/a/b/c/./../../g", "/a/g"},  // RFC 3986 section 5.2.4
                                                       {"/a//../b", "/a/b"},  // the empty segment is the one that goes
                                                       {"/...", "/..."},
                                                       {"/a..b/.c", "/a..b/.c"},
                                                       {"/%2e%2E/%61dmin", "/admin"},
                                                       {"/x/%2e/%7Euser", "/x/~user"},
                                                       {"/a\\..\\b", "/b"},
                                                       {"/a%2Fb%20c", "/a%2Fb%20c"},  // reserved: means something else
                                                       {"/100%", "/100%"},
                                                       {"/%4", "/%4"},
                                                       {"/%zz/../b", "/b"},
                                                       {"/a%252e%252e/b", "/a%252e%252e/b"},  // undone once, not twice
                                                       {"/a/%00", "refused"},
                                                       {"/a/../b?c=/../%41", "/b?c=/../%41"},
                                                       {"/a//b", "/a//b"},
                                                       {"*", "*"}};
  for (const auto& [path, expected] : cases) EXPECT_EQ(With({.normalize = true}, path), expected) << path;
}

TEST(PathTest, SlashesAreMerged) {
  const PathRules rules{.merge_slashes = true};
  EXPECT_EQ(With(rules, "//a///b/?c=//"), "/a/b/?c=//");
  EXPECT_EQ(With(rules, "/a/../b"), "/a/../b");
  EXPECT_EQ(With({.normalize = true, .merge_slashes = true}, "//a/..//%2e/admin"), "/admin");
}

TEST(PathTest, EscapedSlashes) {
  const char* path = "/a%2Fb%5cc%41?d=%2F";
  EXPECT_EQ(With({.escaped_slashes = EscapedSlashes::kReject}, path), "refused");
  EXPECT_EQ(With({.escaped_slashes = EscapedSlashes::kReject}, "/a%41?d=%2F"), "/a%41?d=%2F");
  EXPECT_EQ(With({.escaped_slashes = EscapedSlashes::kUnescapeAndForward}, path), "/a/b\\c%41?d=%2F");
  EXPECT_EQ(With({.escaped_slashes = EscapedSlashes::kUnescapeAndRedirect}, path), "redirect to /a/b\\c%41?d=%2F");
  EXPECT_EQ(With({.escaped_slashes = EscapedSlashes::kUnescapeAndForward, .normalize = true}, "/a%2f..%5Cb"), "/b");
}

TEST(PathTest, AUsualPathStaysWhereItIs) {
  base::Arena arena;
  std::string_view path = "/items/17?colour=%20";
  const char* before = path.data();
  EXPECT_EQ(NormalizePath({EscapedSlashes::kReject, true, true}, arena, &path), PathVerdict::kGoOn);
  EXPECT_EQ(path.data(), before);
  EXPECT_EQ(arena.used(), 0u);
}

}  // namespace
}  // namespace weft::http
