#include "proxy/codec/h1/feed.h"

#include <gtest/gtest.h>

#include "proxy/net/memory_stream.h"

namespace weft::codec::h1 {
namespace {

class FeedTest : public testing::Test {
 protected:
  FeedTest() {
    auto [here, there] = net::MemoryStream::Pair(reactor_, 1 << 20);
    here_ = std::move(here);
    there_ = std::move(there);
  }
  void Send(std::string_view text) {
    ASSERT_EQ(there_->TryWrite(text.data(), text.size()).bytes, text.size());
    for (int i = 0; i < 3; ++i) reactor_.RunOnce(runtime::Duration::zero());
  }
  runtime::FakeClock clock_;
  runtime::Reactor reactor_{clock_};
  std::unique_ptr<net::MemoryStream> here_, there_;
};

TEST_F(FeedTest, GivesHeadBodyAndEndAndKeepsWhatFollows) {
  RequestParser parser;
  Feed feed(*here_, parser);
  http::RequestHead head;
  parser.Begin(&head);
  EXPECT_FALSE(feed.TryNext());
  Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nabcdGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  auto fed = feed.TryNext();
  ASSERT_TRUE(fed && fed->ok());
  EXPECT_EQ((*fed)->event, Event::kHead);
  fed = feed.TryNext();
  ASSERT_TRUE(fed && fed->ok());
  EXPECT_EQ((*fed)->body.view(), "abcd");
  EXPECT_TRUE((*fed)->last);
  EXPECT_TRUE(feed.has_bytes());
  http::RequestHead second;
  parser.Begin(&second);
  fed = feed.TryNext();
  ASSERT_TRUE(fed && fed->ok());
  EXPECT_EQ(second.path, "/2");
  EXPECT_TRUE(parser.complete());
}

TEST_F(FeedTest, BodyBytesOwnTheirBlock) {
  ResponseParser parser;
  Feed feed(*here_, parser);
  http::ResponseHead head;
  parser.Begin(&head, "GET");
  Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
  ASSERT_TRUE(feed.TryNext());
  auto first = feed.TryNext();
  ASSERT_TRUE(first && first->ok());
  Send("56789");
  auto second = feed.TryNext();
  ASSERT_TRUE(second && second->ok());
  EXPECT_EQ((*first)->body.view(), "01234");
  EXPECT_EQ((*second)->body.view(), "56789");
  EXPECT_TRUE((*second)->last);
}

TEST_F(FeedTest, AnEndBetweenMessagesIsCleanAndOneInsideIsAFailure) {
  RequestParser parser;
  Feed feed(*here_, parser);
  http::RequestHead head;
  parser.Begin(&head);
  there_->ShutdownWrite();
  for (int i = 0; i < 3; ++i) reactor_.RunOnce(runtime::Duration::zero());
  auto fed = feed.TryNext();
  ASSERT_TRUE(fed && fed->ok());
  EXPECT_EQ((*fed)->event, Event::kNeedMore);

  auto [here, there] = net::MemoryStream::Pair(reactor_, 1000);
  RequestParser cut_parser;
  Feed cut(*here, cut_parser);
  http::RequestHead cut_head;
  cut_parser.Begin(&cut_head);
  there->TryWrite("GET / HT", 8);
  there->ShutdownWrite();
  for (int i = 0; i < 3; ++i) reactor_.RunOnce(runtime::Duration::zero());
  auto failed = cut.TryNext();
  ASSERT_TRUE(failed);
  EXPECT_FALSE(failed->ok());
}

TEST_F(FeedTest, BytesAfterAnUpgradeAreNotLost) {
  ResponseParser parser;
  Feed feed(*here_, parser);
  http::ResponseHead head;
  parser.Begin(&head, "GET");
  Send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nraw");
  ASSERT_TRUE(feed.TryNext());
  EXPECT_EQ(head.status, 101);
  EXPECT_EQ(head.upgrade, "x");
  auto raw = feed.TryRaw();
  ASSERT_TRUE(raw && raw->ok());
  EXPECT_EQ(raw->value().view(), "raw");
  Send("more");
  raw = feed.TryRaw();
  ASSERT_TRUE(raw && raw->ok());
  EXPECT_EQ(raw->value().view(), "more");
}

}  // namespace
}  // namespace weft::codec::h1
