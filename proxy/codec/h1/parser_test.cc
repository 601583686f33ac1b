#include "proxy/codec/h1/parser.h"

#include <gtest/gtest.h>

#include <string>

namespace weft::codec::h1 {
namespace {

using base::FailureKind;
using http::Framing;

// What a message came to, with everything joined.
struct Outcome {
  std::string body;
  bool head = false, end = false, error = false;
  std::string rest;  // bytes after the message
};

// Feeds `text` in pieces of `size` bytes until the message ends.
template <class P>
Outcome Feed(P& parser, std::string_view text, size_t size) {
  Outcome outcome;
  while (!text.empty() && !outcome.end && !outcome.error) {
    const Step step = parser.Parse(text.substr(0, std::min(size, text.size())));
    text.remove_prefix(step.consumed);
    outcome.body += step.body;
    outcome.head |= step.event == Event::kHead;
    outcome.end |= step.event == Event::kEnd || step.last || (step.event == Event::kHead && parser.complete());
    outcome.error |= step.event == Event::kError;
  }
  outcome.rest = text;
  return outcome;
}

TEST(RequestParserTest, ARequestLineWithoutAVersionIsMalformed) {
  RequestParser parser;
  http::RequestHead head;
  parser.Begin(&head);
  EXPECT_TRUE(Feed(parser, "GET /\r\nHost: a\r\n\r\n", 1000).error);
  EXPECT_EQ(parser.failure().kind, FailureKind::kMalformedRequest);
}

class Pieces : public testing::TestWithParam<size_t> {};
INSTANTIATE_TEST_SUITE_P(Sizes, Pieces, testing::Values(1, 2, 3, 7, 1000));

TEST_P(Pieces, AGetKeepsItsFieldsAndLosesThoseOfTheConnection) {
  RequestParser parser;
  http::RequestHead head;
  parser.Begin(&head);
  const Outcome outcome =
      Feed(parser,
           "GET /a?b=c HTTP/1.1\r\nHost: Example.com:80\r\nX-A: 1 \r\nConnection: keep-alive, X-Hop\r\n"
           "X-Hop: gone\r\nKeep-Alive: timeout=5\r\nx-a:2\r\n\r\nGET /next",
           GetParam());
  EXPECT_TRUE(outcome.head && outcome.end && !outcome.error);
  EXPECT_EQ(outcome.rest, "GET /next");
  EXPECT_EQ(head.method, "GET");
  EXPECT_EQ(head.path, "/a?b=c");
  EXPECT_EQ(head.path_without_query(), "/a");
  EXPECT_EQ(head.query(), "b=c");
  EXPECT_EQ(head.authority, "Example.com:80");
  EXPECT_EQ(head.framing, Framing::kNone);
  EXPECT_TRUE(head.keep_alive);
  ASSERT_EQ(head.headers.size(), 2u);
  EXPECT_EQ(head.headers[0].name, "X-A");
  EXPECT_EQ(head.headers[0].value, "1");
}

TEST_P(Pieces, AContentOfKnownLength) {
  RequestParser parser;
  http::RequestHead head;
  parser.Begin(&head);
  const Outcome outcome = Feed(parser, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhelloNEXT", GetParam());
  EXPECT_EQ(outcome.body, "hello");
  EXPECT_TRUE(outcome.end);
  EXPECT_EQ(outcome.rest, "NEXT");
  EXPECT_EQ(head.framing, Framing::kLength);
  EXPECT_EQ(head.content_length, 5u);
  EXPECT_FALSE(head.headers.Has("content-length"));
}

TEST_P(Pieces, AChunkedContentWithTrailers) {
  RequestParser parser;
  http::RequestHead head;
  parser.Begin(&head);
  const Outcome outcome = Feed(parser,
                               "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n"
                               "3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Sum: 9\r\n\r\nNEXT",
                               GetParam());
  EXPECT_EQ(outcome.body, "abc0123456789");
  EXPECT_TRUE(outcome.end);
  EXPECT_EQ(outcome.rest, "NEXT");
  EXPECT_EQ(head.framing, Framing::kChunked);
  EXPECT_EQ(head.trailers.Get("x-sum"), "9");
  EXPECT_FALSE(head.headers.Has("transfer-encoding"));
  EXPECT_TRUE(head.accepts_trailers);
}

TEST_P(Pieces, ResponsesOfEveryFraming) {
  struct Case {
    const char* text;
    const char* method;
    Framing framing;
    const char* body;
  } cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "GET", Framing::kLength, "abc"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "HEAD", Framing::kNone, ""},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", "GET", Framing::kNone, ""},
      {"HTTP/1.1 204 No Content\r\n\r\n", "GET", Framing::kNone, ""},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", "GET", Framing::kChunked, "ab"},
  };
  for (const Case& c : cases) {
    ResponseParser parser;
    http::ResponseHead head;
    parser.Begin(&head, c.method);
    const Outcome outcome = Feed(parser, std::string(c.text) + "REST", GetParam());
    EXPECT_TRUE(outcome.end) << c.text;
    EXPECT_EQ(outcome.body, c.body) << c.text;
    EXPECT_EQ(outcome.rest, "REST") << c.text;
    EXPECT_EQ(head.framing, c.framing) << c.text;
  }
}

TEST_P(Pieces, AResponseWithoutLengthEndsWithTheConnection) {
  ResponseParser parser;
  http::ResponseHead head;
  parser.Begin(&head, "GET");
  const Outcome outcome = Feed(parser, "HTTP/1.1 200 OK\r\n\r\nall of it", GetParam());
  EXPECT_FALSE(outcome.end);
  EXPECT_EQ(outcome.body, "all of it");
  EXPECT_EQ(head.framing, Framing::kUntilClose);
  EXPECT_EQ(parser.Finish().event, Event::kEnd);
}

TEST_P(Pieces, MessagesFollowEachOther) {
  ResponseParser parser;
  std::string text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  http::ResponseHead first, second;
  parser.Begin(&first, "POST");
  const Outcome one = Feed(parser, text, GetParam());
  EXPECT_EQ(first.status, 100);
  parser.Begin(&second, "POST");
  const Outcome two = Feed(parser, one.rest, GetParam());
  EXPECT_EQ(second.status, 200);
  EXPECT_TRUE(two.end);
  EXPECT_TRUE(two.rest.empty());
}

TEST(Parser, RefusesWhatHasTwoMeanings) {
  const char* refused[] = {
      "GET / HTTP/1.1\r\n\r\n",                        // no Host
      "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",  // two
      "GET / HTTP/1.1\r\nHost : a\r\n\r\n",            // space before the colon
      "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",  // obs-fold
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",  // bare CR
      "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
      "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/3.0\r\nHost: a\r\n\r\n",
  };
  for (const char* text : refused) {
    for (size_t size : {size_t{1}, size_t{1000}}) {
      RequestParser parser;
      http::RequestHead head;
      parser.Begin(&head);
      EXPECT_TRUE(Feed(parser, text, size).error) << text;
      EXPECT_FALSE(parser.failure().detail.empty()) << text;
    }
  }
}

TEST(Parser, LimitsHaveTheirOwnNames) {
  RequestParser parser(Limits{200, 3});
  http::RequestHead head;
  parser.Begin(&head);
  EXPECT_TRUE(Feed(parser, "GET /" + std::string(300, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", 50).error);
  EXPECT_EQ(parser.failure().kind, FailureKind::kHeadersTooLarge);
  RequestParser counting(Limits{60'000, 3});
  http::RequestHead many;
  counting.Begin(&many);
  EXPECT_TRUE(Feed(counting, "GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n\r\n", 1000).error);
  EXPECT_EQ(counting.failure().kind, FailureKind::kHeadersTooLarge);
}

// A trailer without end was kept in memory without end.
TEST(Parser, TrailersAreLimitedWhileTheyCome) {
  const std::string head_text = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  for (const std::string& trailers : {"X: " + std::string(1000, 'a'), std::string(1000, 'x')}) {
    RequestParser parser(Limits{200, 3});
    http::RequestHead head;
    parser.Begin(&head);
    EXPECT_TRUE(Feed(parser, head_text + trailers, 16).error) << trailers;
    EXPECT_EQ(parser.failure().kind, FailureKind::kHeadersTooLarge);
    EXPECT_LT(head.arena.used(), 1000u);
  }
  RequestParser parser(Limits{200, 3});
  http::RequestHead head;
  parser.Begin(&head);
  EXPECT_TRUE(Feed(parser, head_text + "X: " + std::string(100, 'a') + "\r\n\r\n", 16).end);
  EXPECT_EQ(head.trailers.Get("x"), std::string(100, 'a'));
}

// The content went to the upstream as the next request, and the upstream took the next request for the content.
TEST(Parser, AnUpgradeWithContentIsAnOrdinaryRequest) {
  for (const char* framing :
       {"Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"}) {
    RequestParser parser;
    http::RequestHead head;
    parser.Begin(&head);
    EXPECT_TRUE(
        Feed(parser,
             std::string("POST / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n") + framing, 1000)
            .end);
    EXPECT_EQ(head.upgrade, "") << framing;
  }
  RequestParser connect;
  http::RequestHead head;
  connect.Begin(&head);
  EXPECT_TRUE(
      Feed(connect, "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1000).error);
}

TEST(Parser, ATruncatedMessageIsAnErrorAndSilenceIsNot) {
  RequestParser idle;
  http::RequestHead nothing;
  idle.Begin(&nothing);
  EXPECT_EQ(idle.Finish().event, Event::kNeedMore);
  for (const char* text : {"GET / HT", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab",
                           "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    RequestParser parser;
    http::RequestHead head;
    parser.Begin(&head);
    Feed(parser, text, 1000);
    EXPECT_EQ(parser.Finish().event, Event::kError) << text;
  }
}

TEST(Parser, AbsoluteFormAndConnect) {
  RequestParser parser;
  http::RequestHead head;
  parser.Begin(&head);
  EXPECT_TRUE(Feed(parser, "GET http://up.example/x?y HTTP/1.1\r\nHost: other\r\n\r\n", 1000).end);
  EXPECT_EQ(head.authority, "up.example");  // RFC 9112 section 3.2.2: the target wins
  EXPECT_EQ(head.path, "/x?y");
  EXPECT_EQ(head.scheme, "http");
  RequestParser connect;
  http::RequestHead tunnel;
  connect.Begin(&tunnel);
  Feed(connect, "CONNECT up.example:443 HTTP/1.1\r\nHost: up.example:443\r\n\r\nraw bytes", 1000);
  EXPECT_EQ(tunnel.authority, "up.example:443");
  EXPECT_TRUE(tunnel.is_connect());
}

TEST(Parser, AnOfferOfH2cIsNotTaken) {
  RequestParser parser;
  http::RequestHead head;
  parser.Begin(&head);
  EXPECT_TRUE(Feed(parser,
                   "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                   "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n\r\n",
                   1000)
                  .end);
  EXPECT_EQ(head.upgrade, "");
  EXPECT_TRUE(head.headers.empty());
  EXPECT_TRUE(head.keep_alive);
}

TEST(Parser, Http10ClosesUnlessAskedToStay) {
  RequestParser parser;
  http::RequestHead closes, stays;
  parser.Begin(&closes);
  EXPECT_TRUE(Feed(parser, "GET / HTTP/1.0\r\nHost: h\r\n\r\n", 1000).end);
  EXPECT_FALSE(closes.keep_alive);
  RequestParser other;
  other.Begin(&stays);
  EXPECT_TRUE(Feed(other, "GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n", 1000).end);
  EXPECT_TRUE(stays.keep_alive);
  EXPECT_EQ(stays.version, http::Version::kHttp10);
}

}  // namespace
}  // namespace weft::codec::h1
