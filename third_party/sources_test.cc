// The two C libraries that we build ourselves are the versions that the design names, not Debian's.
#include <gtest/gtest.h>
#include <llhttp.h>
#include <nghttp2/nghttp2.h>

namespace {

TEST(Sources, Nghttp2IsTheLinkedVersionOfItsHeader) {
  EXPECT_STREQ(nghttp2_version(0)->version_str, "1.68.1");
  EXPECT_EQ(nghttp2_version(0)->version_num, NGHTTP2_VERSION_NUM);
}

TEST(Sources, LlhttpParsesARequest) {
  EXPECT_EQ(LLHTTP_VERSION_MAJOR, 9);
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  const char text[] = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
  EXPECT_EQ(llhttp_execute(&parser, text, sizeof(text) - 1), HPE_OK);
  EXPECT_EQ(parser.method, HTTP_GET);
}

}  // namespace
