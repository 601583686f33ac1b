#include "proxy/telemetry/json_text.h"

#include <gtest/gtest.h>

namespace weft::telemetry {
namespace {

std::string Json(std::string_view text) {
  std::string out;
  AppendJsonString(text, &out);
  return out;
}

TEST(JsonText, PlainTextAndUtf8StayAsTheyAre) {
  EXPECT_EQ(Json(""), "\"\"");
  EXPECT_EQ(Json("GET /a?b=c HTTP/1.1"), "\"GET /a?b=c HTTP/1.1\"");
  EXPECT_EQ(Json("Grüße 漢字 😀"), "\"Grüße 漢字 😀\"");
}

TEST(JsonText, WhatWouldEndTheStringIsEscaped) {
  EXPECT_EQ(Json("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(Json("a\nb\r\tc"), R"("a\nb\u000d\u0009c")");
  EXPECT_EQ(Json(std::string_view("\0\x1f\x7f", 3)), R"("\u0000\u001f\u007f")");
}

TEST(JsonText, WhatIsNotUtf8IsReplaced) {
  const std::string replaced = "\xef\xbf\xbd";
  EXPECT_EQ(Json("\xff"), '"' + replaced + '"');
  EXPECT_EQ(Json("a\xc3"), "\"a" + replaced + '"') << "cut off";
  EXPECT_EQ(Json("\xc0\xaf"), '"' + replaced + replaced + '"') << "a longer form than needed";
  EXPECT_EQ(Json("\xed\xa0\x80"), '"' + replaced + replaced + replaced + '"') << "a surrogate";
  EXPECT_EQ(Json("\xf4\x90\x80\x80"), '"' + replaced + replaced + replaced + replaced + '"') << "beyond U+10FFFF";
  EXPECT_EQ(Json("\xe6\xbc\"x"), '"' + replaced + replaced + "\\\"x\"") << "a quote is never swallowed";
}

}  // namespace
}  // namespace weft::telemetry
