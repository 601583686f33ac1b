#include "proxy/http/reply.h"

#include <gtest/gtest.h>

#include <set>

namespace weft::http {
namespace {

using base::Failure;
using base::FailureKind;

Failure Of(FailureKind kind) {
  Failure failure;
  failure.kind = kind;
  failure.detail = "10.0.0.1 is secret";
  return failure;
}

TEST(ReplyFor, HasARowForEveryKindAndEveryKindAWord) {
  std::set<std::string_view> words;
  for (int i = 0; i < base::kFailureKindCount; ++i) {
    const auto kind = static_cast<FailureKind>(i);
    const Reply reply = ReplyFor(kind);
    EXPECT_TRUE(reply.status == 0 || (reply.status >= 400 && reply.status < 600)) << base::Name(kind);
    EXPECT_TRUE(reply.status == 0 || !ReasonPhrase(reply.status).empty()) << base::Name(kind);
    EXPECT_TRUE(words.insert(base::Name(kind)).second) << base::Name(kind);
    EXPECT_EQ(base::Name(kind).find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789"), std::string_view::npos);
  }
}

TEST(ReplyFor, SaysWhatUsersOfProxiesExpect) {
  EXPECT_EQ(ReplyFor(FailureKind::kMalformedRequest).status, 400);
  EXPECT_TRUE(ReplyFor(FailureKind::kMalformedRequest).close);
  EXPECT_EQ(ReplyFor(FailureKind::kNoRoute).status, 404);
  EXPECT_EQ(ReplyFor(FailureKind::kNoHealthyEndpoint).status, 503);
  EXPECT_EQ(ReplyFor(FailureKind::kConnectRefused).status, 503);
  EXPECT_EQ(ReplyFor(FailureKind::kUpstreamTimeout).status, 504);
  EXPECT_EQ(ReplyFor(FailureKind::kUpstreamTimeout).flag, "UT");
}

TEST(MakeReply, NamesTheReasonAndTellsNoSecret) {
  RequestHead request;
  request.method = "GET";
  Response response = MakeReply(Of(FailureKind::kConnectRefused), &request);
  EXPECT_EQ(response.head->status, 503);
  EXPECT_EQ(response.head->headers.Get(kReasonHeader), "connect_refused");
  auto piece = response.body->TryRead();
  ASSERT_TRUE(piece && piece->ok());
  EXPECT_EQ((*piece)->data.view(), "connect_refused\n");
  EXPECT_TRUE((*piece)->end);
  EXPECT_EQ(response.head->content_length, (*piece)->data.size);
}

TEST(MakeReply, HeadGetsTheLengthAndNoBody) {
  RequestHead request;
  request.method = "HEAD";
  Response response = MakeReply(Of(FailureKind::kNoRoute), &request);
  EXPECT_EQ(response.body, nullptr);
  EXPECT_EQ(response.head->content_length, 9u);
  EXPECT_EQ(response.head->framing, Framing::kNone);
}

TEST(MakeReply, GrpcGetsTrailersOnly) {
  RequestHead request;
  request.method = "POST";
  request.headers.Add("content-type", "application/grpc+proto");
  Response response = MakeReply(Of(FailureKind::kNoHealthyEndpoint), &request);
  EXPECT_EQ(response.head->status, 200);
  EXPECT_EQ(response.head->headers.Get("grpc-status"), "14");
  EXPECT_EQ(response.body, nullptr);
}

TEST(MakeReply, TheRouteMayChooseTheStatusOfAMissingCluster) {
  EXPECT_EQ(MakeReply(Of(FailureKind::kNoCluster), nullptr, 404).head->status, 404);
  EXPECT_EQ(MakeReply(Of(FailureKind::kNoRoute), nullptr, 500).head->status, 404);
}

}  // namespace
}  // namespace weft::http
