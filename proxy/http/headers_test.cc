#include "proxy/http/headers.h"

#include <gtest/gtest.h>

#include <string>

namespace weft::http {
namespace {

// Names are compared eight characters at a time: every pair of characters, in the first eight and behind them.
TEST(EqualsIgnoreCaseTest, OnlyLettersDifferInCase) {
  const auto lower = [](int c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; };
  for (const size_t place : {size_t{0}, size_t{1}, size_t{7}, size_t{8}, size_t{9}}) {
    for (int a = 0; a < 256; ++a) {
      for (int b = 0; b < 256; ++b) {
        std::string one = "X-Long-Name", other = "x-lONG-nAME";
        one[place] = static_cast<char>(a);
        other[place] = static_cast<char>(b);
        ASSERT_EQ(EqualsIgnoreCase(one, other), lower(a) == lower(b)) << place << ": " << a << " and " << b;
      }
    }
  }
  EXPECT_TRUE(EqualsIgnoreCase("", ""));
  EXPECT_FALSE(EqualsIgnoreCase("te", "tea"));
}

TEST(Headers, NamesCompareWithoutCaseAndOrderIsKept) {
  base::Arena arena;
  Headers headers(arena);
  headers.Add("Accept", "a");
  headers.Add("X-One", "1");
  headers.Add("accept", "b");
  EXPECT_EQ(headers.Get("ACCEPT"), "a");
  EXPECT_EQ(headers.GetJoined("Accept"), "a, b");
  EXPECT_EQ(headers.CountOf("accept"), 2u);
  EXPECT_EQ(headers[1].name, "X-One");
  EXPECT_FALSE(headers.Get("X-On"));
}

TEST(Headers, SetReplacesAllAndKeepsThePlaceOfTheFirst) {
  base::Arena arena;
  Headers headers(arena);
  headers.Add("a", "1");
  headers.Add("b", "2");
  headers.Add("A", "3");
  headers.Set("a", "long value");
  ASSERT_EQ(headers.size(), 2u);
  EXPECT_EQ(headers[0].value, "long value");
  EXPECT_EQ(headers.Remove("a"), 1u);
  EXPECT_EQ(headers.Remove("a"), 0u);
  EXPECT_EQ(headers[0].name, "b");
}

TEST(Headers, BytesFollowEveryChange) {
  base::Arena arena;
  Headers headers(arena);
  headers.Add("ab", "cde");
  headers.Add("f", "");
  EXPECT_EQ(headers.bytes(), 9u + 5u);
  headers.Set("ab", "c");
  EXPECT_EQ(headers.bytes(), 7u + 5u);
  headers.Remove("ab");
  headers.Remove("f");
  EXPECT_EQ(headers.bytes(), 0u);
}

TEST(Headers, GrowsPastItsFirstRoom) {
  base::Arena arena;
  Headers headers(arena);
  for (int i = 0; i < 100; ++i) headers.Add("n" + std::to_string(i), std::to_string(i));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(headers.Get("n" + std::to_string(i)), std::to_string(i));
}

TEST(ListContains, FindsWholeMembersOnly) {
  EXPECT_TRUE(ListContains("close", "close"));
  EXPECT_TRUE(ListContains("keep-alive, \tClose ,x", "close"));
  EXPECT_FALSE(ListContains("closer, not-close", "close"));
  EXPECT_FALSE(ListContains("", "close"));
}

}  // namespace
}  // namespace weft::http
