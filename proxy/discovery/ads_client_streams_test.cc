// Streams that are lost, tried again and replaced.
#include <gmock/gmock.h>

#include "proxy/discovery/ads_client_fixture.h"

namespace weft::discovery {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(AdsClientTest, LostStreamIsOpenedAgainWithVersionsButWithoutNonces) {
  sink_.Want(ResourceType::kEndpoint, {"a"});
  Start();
  source_.last().Flush();
  source_.last().Respond(Response(ResourceType::kCluster, "v1", "n1"));
  source_.last().Respond(Response(ResourceType::kEndpoint, "v2", "n2"));
  source_.last().Flush();
  source_.last().Close(absl::UnavailableError("connection reset"));
  EXPECT_FALSE(client_->status().connected);
  EXPECT_THAT(client_->status().last_error, HasSubstr("connection reset"));
  EXPECT_EQ(source_.peers.size(), 1u);

  Advance(milliseconds(499));
  EXPECT_EQ(source_.peers.size(), 1u);
  Advance(milliseconds(5));
  ASSERT_EQ(source_.peers.size(), 2u);
  source_.last().Flush();
  EXPECT_TRUE(source_.last().requests[0].has_node());
  for (const auto& request : source_.last().requests) EXPECT_EQ(request.response_nonce(), "");
  EXPECT_EQ(LastRequest(ResourceType::kCluster).version_info(), "v1");
  EXPECT_EQ(LastRequest(ResourceType::kEndpoint).version_info(), "v2");
  EXPECT_THAT(NamesOf(LastRequest(ResourceType::kEndpoint)), ElementsAre("a"));
  EXPECT_TRUE(client_->status().connected);
  EXPECT_EQ(client_->status().last_error, "");
  EXPECT_EQ(client_->status().streams, 2u);
}

TEST_F(AdsClientTest, BackOffDoublesToItsCapAndStartsAnewAfterAResponse) {
  Start();
  std::vector<int> waits;
  for (int i = 0; i < 8; ++i) {
    source_.last().Close(absl::UnavailableError("refused"));
    const size_t before = source_.peers.size();
    int waited = 0;
    while (source_.peers.size() == before && waited < 60'000) {
      Advance(milliseconds(100));
      waited += 100;
    }
    waits.push_back(waited);
  }
  EXPECT_THAT(waits, ElementsAre(500, 1000, 2000, 4000, 8000, 16000, 30000, 30000));
  EXPECT_EQ(client_->status().failures, 8u);

  source_.last().Flush();
  source_.last().Respond(Response(ResourceType::kCluster, "v1", "n1"));
  source_.last().Close(absl::OkStatus());
  EXPECT_THAT(client_->status().last_error, HasSubstr("closed by the control plane"));
  const size_t before = source_.peers.size();
  Advance(milliseconds(502));
  EXPECT_EQ(source_.peers.size(), before + 1);
}

TEST_F(AdsClientTest, BackOffIsJitteredDownToNothing) {
  random_ = 0.25;
  Start();
  source_.last().Close(absl::UnavailableError("refused"));
  Advance(milliseconds(120));
  EXPECT_EQ(source_.peers.size(), 1u);
  Advance(milliseconds(8));
  EXPECT_EQ(source_.peers.size(), 2u);
}

TEST_F(AdsClientTest, StreamThatBreaksAmidAnswersLosesNothingOfTheConfiguration) {
  Start();
  source_.last().Flush();
  source_.last().Respond(Response(ResourceType::kCluster, "v1", "n1"));
  // The ACK is written but never confirmed; another answer waits behind it.
  source_.last().Respond(Response(ResourceType::kListener, "v1", "n2"));
  source_.last().Close(absl::UnavailableError("reset"));
  Advance(seconds(1));
  source_.last().Flush();
  ASSERT_EQ(Requests(ResourceType::kListener).size(), 1u);
  EXPECT_EQ(LastRequest(ResourceType::kListener).version_info(), "v1");
  EXPECT_EQ(LastRequest(ResourceType::kListener).response_nonce(), "");
  EXPECT_EQ(sink_.updates.size(), 2u);
}

TEST_F(AdsClientTest, NoCredentialsYetIsTriedAgainAndReconnectDoesNotWait) {
  source_.refusal = absl::FailedPreconditionError("no certificate yet");
  Start();
  EXPECT_EQ(source_.peers.size(), 0u);
  EXPECT_EQ(client_->status().last_error, "no certificate yet");
  source_.refusal = absl::OkStatus();
  client_->Reconnect();
  ASSERT_EQ(source_.peers.size(), 1u);
  Advance(seconds(40));
  EXPECT_EQ(source_.peers.size(), 1u);
}

TEST_F(AdsClientTest, NewCredentialsTakeOverWithTheFirstResponse) {
  Start();
  source_.last().Flush();
  source_.last().Respond(Response(ResourceType::kCluster, "v1", "n1"));
  client_->Reconnect();
  ASSERT_EQ(source_.peers.size(), 2u);
  auto& old_one = *source_.peers[0];
  auto& new_one = *source_.peers[1];
  new_one.Flush();
  EXPECT_EQ(new_one.requests[0].version_info(), "v1");
  EXPECT_TRUE(old_one.open());
  // Until then the old one works on.
  old_one.Flush();
  old_one.Respond(Response(ResourceType::kListener, "v2", "n2"));
  EXPECT_EQ(sink_.updates.size(), 2u);
  EXPECT_TRUE(client_->status().connected);

  new_one.Respond(Response(ResourceType::kCluster, "v3", "m1"));
  EXPECT_FALSE(old_one.open());
  EXPECT_TRUE(new_one.open());
  new_one.Flush();
  EXPECT_EQ(LastRequest(ResourceType::kCluster).response_nonce(), "m1");
  EXPECT_EQ(client_->status().failures, 0u);
}

TEST_F(AdsClientTest, NewCredentialsTakeOverWhenTheServerHasNothingToTell) {
  Start();
  source_.last().Flush();
  client_->Reconnect();
  source_.peers[1]->Flush();
  Advance(milliseconds(1900));
  EXPECT_TRUE(source_.peers[0]->open());
  Advance(milliseconds(200));
  EXPECT_FALSE(source_.peers[0]->open());
  EXPECT_TRUE(source_.peers[1]->open());
}

TEST_F(AdsClientTest, RefusedReplacementLeavesTheOldStreamAndIsTriedAgain) {
  Start();
  source_.last().Flush();
  client_->Reconnect();
  source_.peers[1]->Flush();
  source_.peers[1]->Close(absl::PermissionDeniedError("unknown certificate"));
  EXPECT_TRUE(source_.peers[0]->open());
  EXPECT_TRUE(client_->status().connected);
  EXPECT_THAT(client_->status().last_error, HasSubstr("unknown certificate"));
  Advance(milliseconds(502));
  ASSERT_EQ(source_.peers.size(), 3u);
  EXPECT_TRUE(source_.peers[0]->open());
  source_.peers[2]->Flush();
  Advance(seconds(3));
  EXPECT_FALSE(source_.peers[0]->open());
  EXPECT_EQ(client_->status().last_error, "");
}

TEST_F(AdsClientTest, OldStreamThatBreaksHandsOverToTheReplacement) {
  Start();
  source_.last().Flush();
  client_->Reconnect();
  source_.peers[0]->Close(absl::UnavailableError("reset"));
  EXPECT_FALSE(client_->status().connected);
  source_.peers[1]->Flush();
  EXPECT_TRUE(client_->status().connected);
  Advance(seconds(60));
  EXPECT_EQ(source_.peers.size(), 2u);
  EXPECT_TRUE(source_.peers[1]->open());
}

TEST_F(AdsClientTest, ReconnectDropsAStreamThatNeverStood) {
  Start();
  client_->Reconnect();
  ASSERT_EQ(source_.peers.size(), 2u);
  EXPECT_FALSE(source_.peers[0]->open());
}

TEST_F(AdsClientTest, BothStreamsLearnOfChangedNames) {
  Start();
  source_.last().Flush();
  client_->Reconnect();
  source_.peers[1]->Flush();
  sink_.Want(ResourceType::kEndpoint, {"a"});
  Turn();
  for (const auto& peer : source_.peers) {
    peer->Flush();
    EXPECT_THAT(NamesOf(peer->requests.back()), ElementsAre("a"));
  }
}

TEST_F(AdsClientTest, StopEndsEverythingAndStartBeginsAnew) {
  Start();
  source_.last().Flush();
  client_->Stop();
  EXPECT_FALSE(source_.last().open());
  EXPECT_FALSE(client_->status().connected);
  sink_.Want(ResourceType::kEndpoint, {"a"});
  Advance(seconds(60));
  EXPECT_EQ(source_.peers.size(), 1u);
  client_->Start();
  EXPECT_EQ(source_.peers.size(), 2u);
}

}  // namespace
}  // namespace weft::discovery
