#include "proxy/discovery/ads_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/discovery/fake_sink.h"
#include "proxy/discovery/memory_stream_source.h"
#include "proxy/discovery/resource_type.h"

namespace weft::discovery {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class AdsClientTest : public ::testing::Test {
 protected:
  AdsClientTest() {
    options_.node.set_id("web.shop");
    options_.random = [this] { return random_; };
  }
  ~AdsClientTest() override {
    if (client_) client_->Stop();
  }

  void Start() {
    client_ = std::make_unique<AdsClient>(reactor_, source_, sink_, options_);
    client_->Start();
  }
  void Advance(base::Duration by) {
    clock_.Advance(by);
    Turn();
  }
  void Turn() { reactor_.RunOnce(base::Duration::zero()); }

  static DiscoveryResponse Response(ResourceType type, const std::string& version, const std::string& nonce,
                                    int resources = 0) {
    DiscoveryResponse response;
    response.set_type_url(TypeUrl(type));
    response.set_version_info(version);
    response.set_nonce(nonce);
    for (int i = 0; i < resources; ++i) response.add_resources()->set_type_url(TypeUrl(type));
    return response;
  }

  // The requests of `type` that the server got on the newest stream.
  std::vector<DiscoveryRequest> Requests(ResourceType type) {
    std::vector<DiscoveryRequest> found;
    for (const auto& request : source_.last().requests) {
      if (request.type_url() == TypeUrl(type)) found.push_back(request);
    }
    return found;
  }
  DiscoveryRequest LastRequest(ResourceType type) {
    const auto found = Requests(type);
    return found.empty() ? DiscoveryRequest() : found.back();
  }
  static std::vector<std::string> NamesOf(const DiscoveryRequest& request) {
    return {request.resource_names().begin(), request.resource_names().end()};
  }
  const TypeStatus& Of(ResourceType type) { return client_->status().of(type); }

  runtime::FakeClock clock_;
  runtime::Reactor reactor_{clock_};
  MemoryStreamSource source_;
  FakeSink sink_;
  AdsOptions options_;
  double random_ = 1.0;  // the whole back-off
  std::unique_ptr<AdsClient> client_;
};

TEST_F(AdsClientTest, FirstRequestHasTheNodeAndOnlyThat) {
  Start();
  source_.last().Flush();
  const auto& requests = source_.last().requests;
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].type_url(), TypeUrl(ResourceType::kCluster));
  EXPECT_EQ(requests[0].node().id(), "web.shop");
  EXPECT_EQ(requests[0].node().user_agent_name(), "weft-proxy");
  EXPECT_EQ(requests[1].type_url(), TypeUrl(ResourceType::kListener));
  EXPECT_FALSE(requests[1].has_node());
  for (const auto& request : requests) {
    EXPECT_THAT(request.resource_names(), IsEmpty());
    EXPECT_EQ(request.version_info(), "");
    EXPECT_EQ(request.response_nonce(), "");
  }
  EXPECT_TRUE(client_->status().connected);
}

TEST_F(AdsClientTest, SendsOneRequestAtATime) {
  Start();
  EXPECT_EQ(source_.last().requests.size(), 1u);
  EXPECT_FALSE(client_->status().connected);
  source_.last().Flush();
  EXPECT_EQ(source_.last().requests.size(), 2u);
}

TEST_F(AdsClientTest, AcceptedResponseIsAcknowledged) {
  Start();
  source_.last().Flush();
  ASSERT_TRUE(source_.last().Respond(Response(ResourceType::kCluster, "v1", "n1", 2)));
  source_.last().Flush();
  ASSERT_EQ(sink_.updates.size(), 1u);
  EXPECT_EQ(sink_.updates[0].type, ResourceType::kCluster);
  EXPECT_EQ(sink_.updates[0].version, "v1");
  EXPECT_EQ(sink_.updates[0].resources.size(), 2u);
  const auto answer = LastRequest(ResourceType::kCluster);
  EXPECT_EQ(answer.version_info(), "v1");
  EXPECT_EQ(answer.response_nonce(), "n1");
  EXPECT_FALSE(answer.has_error_detail());
  EXPECT_EQ(Of(ResourceType::kCluster).acks, 1u);
  EXPECT_EQ(Of(ResourceType::kCluster).accepted_version, "v1");
  EXPECT_EQ(Of(ResourceType::kCluster).last_success, clock_.WallMicros());
}

TEST_F(AdsClientTest, EmptyResponseIsAppliedAndAcknowledged) {
  Start();
  source_.last().Flush();
  source_.last().Respond(Response(ResourceType::kListener, "v1", "n1"));
  EXPECT_EQ(sink_.updates.size(), 1u);
  EXPECT_EQ(LastRequest(ResourceType::kListener).response_nonce(), "n1");
}

TEST_F(AdsClientTest, RejectionNamesResourceAndFieldWithTheLastAcceptedVersion) {
  Start();
  source_.last().Flush();
  source_.last().Respond(Response(ResourceType::kCluster, "v1", "n1"));
  source_.last().Flush();
  sink_.rejections = {{"web", "connect_timeout: -1s, expected more than 0s"}, {"api", "type: 7"}};
  source_.last().Respond(Response(ResourceType::kCluster, "v2", "n2", 3));
  source_.last().Flush();
  const auto answer = LastRequest(ResourceType::kCluster);
  EXPECT_EQ(answer.version_info(), "v1");
  EXPECT_EQ(answer.response_nonce(), "n2");
  EXPECT_EQ(answer.error_detail().code(), 3);
  EXPECT_EQ(answer.error_detail().message(),
            "cluster \"web\": connect_timeout: -1s, expected more than 0s; cluster \"api\": type: 7");
  EXPECT_EQ(Of(ResourceType::kCluster).nacks, 1u);
  EXPECT_EQ(Of(ResourceType::kCluster).received_version, "v2");
  EXPECT_EQ(Of(ResourceType::kCluster).last_rejection, answer.error_detail().message());

  source_.last().Respond(Response(ResourceType::kCluster, "v3", "n3"));
  source_.last().Flush();
  EXPECT_EQ(LastRequest(ResourceType::kCluster).version_info(), "v3");
  EXPECT_EQ(Of(ResourceType::kCluster).last_rejection, "");
}

TEST_F(AdsClientTest, FirstResponseRejectedLeavesTheVersionEmpty) {
  Start();
  source_.last().Flush();
  sink_.rejections = {{"web", "name: missing"}};
  source_.last().Respond(Response(ResourceType::kCluster, "v1", "n1"));
  source_.last().Flush();
  EXPECT_EQ(LastRequest(ResourceType::kCluster).version_info(), "");
  EXPECT_TRUE(LastRequest(ResourceType::kCluster).has_error_detail());
}

TEST_F(AdsClientTest, TypesWithEqualNoncesDoNotMix) {
  Start();
  source_.last().Flush();
  source_.last().Respond(Response(ResourceType::kCluster, "1", "n"));
  source_.last().Respond(Response(ResourceType::kListener, "2", "n"));
  source_.last().Flush();
  EXPECT_EQ(LastRequest(ResourceType::kCluster).version_info(), "1");
  EXPECT_EQ(LastRequest(ResourceType::kListener).version_info(), "2");
}

TEST_F(AdsClientTest, WrongTypeAmongTheResourcesRefusesTheWholeResponse) {
  Start();
  source_.last().Flush();
  auto response = Response(ResourceType::kCluster, "v1", "n1", 2);
  response.mutable_resources(1)->set_type_url("type.googleapis.com/other.Thing");
  source_.last().Respond(std::move(response));
  source_.last().Flush();
  EXPECT_THAT(sink_.updates, IsEmpty());
  EXPECT_THAT(LastRequest(ResourceType::kCluster).error_detail().message(), HasSubstr("resources[1]"));
}

TEST_F(AdsClientTest, ResponseOfAnUnknownTypeIsRefusedByName) {
  Start();
  source_.last().Flush();
  DiscoveryResponse response;
  response.set_type_url("type.googleapis.com/other.Thing");
  response.set_nonce("x");
  source_.last().Respond(std::move(response));
  source_.last().Flush();
  const auto& answer = source_.last().requests.back();
  EXPECT_EQ(answer.type_url(), "type.googleapis.com/other.Thing");
  EXPECT_EQ(answer.response_nonce(), "x");
  EXPECT_THAT(answer.error_detail().message(), HasSubstr("did not ask"));
  EXPECT_EQ(source_.last().receives, 1);
}

TEST_F(AdsClientTest, NamesAreAskedForWhenTheyAreReferredTo) {
  sink_.on_apply = [this](const Update& update) {
    if (update.type == ResourceType::kCluster) sink_.Want(ResourceType::kEndpoint, {"a", "b"});
  };
  Start();
  source_.last().Flush();
  source_.last().Respond(Response(ResourceType::kCluster, "v1", "n1"));
  EXPECT_THAT(Requests(ResourceType::kEndpoint), IsEmpty());
  Turn();
  source_.last().Flush();
  // The answer first, then what follows from it.
  const auto& requests = source_.last().requests;
  ASSERT_EQ(requests.size(), 4u);
  EXPECT_EQ(requests[2].response_nonce(), "n1");
  EXPECT_THAT(NamesOf(requests[3]), ElementsAre("a", "b"));
  EXPECT_EQ(Of(ResourceType::kEndpoint).names, 2u);
}

TEST_F(AdsClientTest, ChangedNamesCarryNonceAndVersionOfTheLastResponse) {
  sink_.Want(ResourceType::kRoute, {"r1"});
  Start();
  source_.last().Flush();
  source_.last().Respond(Response(ResourceType::kRoute, "v1", "n1"));
  source_.last().Flush();
  sink_.Want(ResourceType::kRoute, {"r1", "r2"});
  sink_.Want(ResourceType::kRoute, {"r1", "r2", "r3"});
  Turn();
  source_.last().Flush();
  const auto requests = Requests(ResourceType::kRoute);
  ASSERT_EQ(requests.size(), 3u);  // first, ACK, one change for both
  EXPECT_THAT(NamesOf(requests[2]), ElementsAre("r1", "r2", "r3"));
  EXPECT_EQ(requests[2].response_nonce(), "n1");
  EXPECT_EQ(requests[2].version_info(), "v1");
  EXPECT_FALSE(requests[2].has_error_detail());
}

TEST_F(AdsClientTest, NamesThatChangeWhileAResponseIsInFlightAreRepeatedByItsAck) {
  sink_.Want(ResourceType::kEndpoint, {"a"});
  Start();
  source_.last().Flush();
  // The server has sent n1, and ignores our change because it carries no nonce yet.
  sink_.Want(ResourceType::kEndpoint, {"a", "b"});
  Turn();
  source_.last().Flush();
  EXPECT_EQ(LastRequest(ResourceType::kEndpoint).response_nonce(), "");
  source_.last().Respond(Response(ResourceType::kEndpoint, "v1", "n1"));
  source_.last().Flush();
  const auto answer = LastRequest(ResourceType::kEndpoint);
  EXPECT_EQ(answer.response_nonce(), "n1");
  EXPECT_THAT(NamesOf(answer), ElementsAre("a", "b"));
}

TEST_F(AdsClientTest, RejectionAlsoCarriesTheNamesOfNow) {
  sink_.Want(ResourceType::kEndpoint, {"a"});
  Start();
  source_.last().Flush();
  sink_.rejections = {{"a", "endpoints: bad"}};
  sink_.on_apply = [this](const Update&) { sink_.wanted[ResourceType::kEndpoint] = {"a", "c"}; };
  source_.last().Respond(Response(ResourceType::kEndpoint, "v1", "n1"));
  source_.last().Flush();
  EXPECT_THAT(NamesOf(LastRequest(ResourceType::kEndpoint)), ElementsAre("a", "c"));
}

TEST_F(AdsClientTest, RequestThatHasNotGoneOutTakesTheNewerNames) {
  sink_.Want(ResourceType::kEndpoint, {"a"});
  Start();  // the cluster request is being sent, the others wait
  sink_.Want(ResourceType::kEndpoint, {"b"});
  Turn();
  source_.last().Flush();
  ASSERT_EQ(Requests(ResourceType::kEndpoint).size(), 1u);
  EXPECT_THAT(NamesOf(LastRequest(ResourceType::kEndpoint)), ElementsAre("b"));
}

TEST_F(AdsClientTest, LastNameDroppedIsSaidOnce) {
  sink_.Want(ResourceType::kSecret, {"s"});
  Start();
  source_.last().Flush();
  sink_.Want(ResourceType::kSecret, {});
  Turn();
  sink_.Want(ResourceType::kSecret, {});
  Turn();
  source_.last().Flush();
  const auto requests = Requests(ResourceType::kSecret);
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_THAT(NamesOf(requests[1]), IsEmpty());
}

TEST_F(AdsClientTest, TypesThatTheBootstrapDoesNotTakeFromAdsAreNotAskedFor) {
  options_.clusters = false;
  Start();
  source_.last().Flush();
  EXPECT_THAT(Requests(ResourceType::kCluster), IsEmpty());
  EXPECT_EQ(Requests(ResourceType::kListener).size(), 1u);
  source_.last().Respond(Response(ResourceType::kCluster, "v1", "n1"));
  source_.last().Flush();
  EXPECT_THAT(sink_.updates, IsEmpty());
  EXPECT_TRUE(LastRequest(ResourceType::kCluster).has_error_detail());
}

TEST_F(AdsClientTest, ReadsNoFurtherWhileManyAnswersWait) {
  Start();
  source_.last().Flush();
  int taken = 0;
  while (taken < 100 && source_.last().Respond(Response(ResourceType::kCluster, "v", std::to_string(taken)))) ++taken;
  EXPECT_LT(taken, 30);
  source_.last().Flush();
  EXPECT_EQ(source_.last().receives, 1);
  EXPECT_EQ(Requests(ResourceType::kCluster).size(), 1u + taken);
}

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
