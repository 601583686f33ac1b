// Which resources are asked for by name, and when.
#include <gmock/gmock.h>

#include "proxy/discovery/ads_client_fixture.h"

namespace weft::discovery {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

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

}  // namespace
}  // namespace weft::discovery
