// Requests, answers and refusals on one stream.
#include <gmock/gmock.h>

#include "proxy/discovery/ads_client_fixture.h"

namespace weft::discovery {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

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

}  // namespace
}  // namespace weft::discovery
