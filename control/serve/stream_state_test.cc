#include "control/serve/stream_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/serve/test_client.h"

namespace weft::control::serve {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr ResourceType kCds = ResourceType::kCluster, kEds = ResourceType::kEndpoint, kLds = ResourceType::kListener,
                       kRds = ResourceType::kRoute;

class StreamStateTest : public ::testing::Test {
 protected:
  StreamStateTest() { Connect("envoy"); }

  void Connect(const std::string& user_agent) {
    state_ = std::make_unique<StreamState>(limits_);
    user_agent_ = user_agent;
    first_ = true;
    names_.clear();
  }

  Answer Send(DiscoveryRequest request) {
    if (first_) {
      request.mutable_node()->set_id("web-1.shop");
      request.mutable_node()->set_user_agent_name(user_agent_);
      first_ = false;
    }
    const absl::StatusOr<Reaction> reaction = state_->OnRequest(request, now_);
    EXPECT_TRUE(reaction.ok()) << reaction.status();
    return reaction.ok() ? reaction->answer : Answer::kNothing;
  }
  void Subscribe(ResourceType type, std::vector<std::string> names = {}) {
    names_[type] = names;
    Send(Ask(type, names, last_nonce_[type]));
  }
  Answer Accept(const Response& response) { return Send(Ask(response.type, names_[response.type], response.nonce)); }
  Answer Reject(const Response& response) {
    DiscoveryRequest request = Ask(response.type, names_[response.type], response.nonce);
    request.mutable_error_detail()->set_message("name: is wrong");
    return Send(request);
  }
  // What comes without any answer of the client.
  std::vector<Response> Take() {
    std::vector<Response> taken;
    while (std::optional<Response> response = state_->Next(now_)) {
      last_nonce_[response->type] = response->nonce;
      taken.push_back(*std::move(response));
    }
    return taken;
  }
  std::vector<std::string> Lines() {
    std::vector<std::string> lines;
    for (const Response& response : Take()) lines.push_back(LineOf(response));
    return lines;
  }
  // Accepts everything until nothing comes any more.
  std::vector<std::string> Settle() {
    std::vector<std::string> lines;
    for (std::vector<Response> taken = Take(); !taken.empty(); taken = Take()) {
      for (const Response& response : taken) {
        lines.push_back(LineOf(response));
        EXPECT_EQ(Accept(response), Answer::kAck);
      }
    }
    return lines;
  }
  void SubscribeToAll(std::vector<std::string> endpoints, std::vector<std::string> routes) {
    Subscribe(kCds);
    Subscribe(kEds, std::move(endpoints));
    Subscribe(kLds);
    Subscribe(kRds, std::move(routes));
  }

  Limits limits_;
  std::unique_ptr<StreamState> state_;
  std::string user_agent_;
  bool first_ = true;
  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  std::map<ResourceType, std::vector<std::string>> names_;
  std::map<ResourceType, std::string> last_nonce_;
  ConfigForm form_;
};

TEST_F(StreamStateTest, TheFirstAnswersComeInTheOrderOfTheTypes) {
  state_->SetConfig(form_.Cluster("a").Listener("out", {"r"}).Route("r", {"a"}).Get());
  Subscribe(kRds, {"r"});
  Subscribe(kLds);
  Subscribe(kEds, {"a"});
  Subscribe(kCds);
  EXPECT_THAT(Lines(), ElementsAre("CDS a", "EDS a", "LDS out", "RDS r"));
  EXPECT_EQ(state_->accepted_revision(), 0);
}

TEST_F(StreamStateTest, ConfigurationThatComesLaterIsSentWhenItComes) {
  SubscribeToAll({"a"}, {"r"});
  EXPECT_THAT(Lines(), IsEmpty());
  state_->SetConfig(form_.Cluster("a").Listener("out", {"r"}).Route("r", {"a"}).Get());
  EXPECT_THAT(Settle(), ElementsAre("CDS a", "EDS a", "LDS out", "RDS r"));
  EXPECT_TRUE(state_->InStep());
  EXPECT_EQ(state_->accepted_revision(), 1);
}

TEST_F(StreamStateTest, RejectedContentIsNotSentAgainUntilItChanges) {
  state_->SetConfig(form_.Cluster("a").Cluster("b").Get());
  Subscribe(kCds);
  std::vector<Response> taken = Take();
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(Reject(taken[0]), Answer::kNack);
  EXPECT_THAT(Lines(), IsEmpty());
  now_ += absl::Hours(1);
  EXPECT_THAT(Lines(), IsEmpty());
  state_->SetConfig(form_.Get());  // a new revision with the same content
  EXPECT_THAT(Lines(), IsEmpty());
  const SubscriptionReport report = state_->Report(kCds);
  EXPECT_EQ(report.rejection, "name: is wrong");
  EXPECT_EQ(report.rejected_version, taken[0].version);
  EXPECT_FALSE(report.in_step);
  EXPECT_FALSE(state_->InStep());

  state_->SetConfig(form_.Cluster("a", "mended").Get());
  EXPECT_THAT(Settle(), ElementsAre("CDS a b"));
  EXPECT_EQ(state_->Report(kCds).rejection, "");
  EXPECT_TRUE(state_->InStep());
}

TEST_F(StreamStateTest, RejectionOfAFurtherNameAtAnUnchangedVersionIsSeen) {
  state_->SetConfig(form_.Endpoints("a").Endpoints("b").Get());
  Subscribe(kEds, {"a"});
  EXPECT_THAT(Settle(), ElementsAre("EDS a"));
  Subscribe(kEds, {"a", "b"});
  std::vector<Response> taken = Take();
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_THAT(NamesOf(taken[0]), ElementsAre("b"));
  DiscoveryRequest request = Ask(kEds, {"a", "b"}, taken[0].nonce);
  request.set_version_info(taken[0].version);  // as a client does that judges by version
  request.mutable_error_detail()->set_message("b: is wrong");
  EXPECT_EQ(Send(request), Answer::kNack);
  EXPECT_EQ(state_->Report(kEds).rejection, "b: is wrong");
  EXPECT_THAT(Lines(), IsEmpty());
}

TEST_F(StreamStateTest, NoNamesMeanEverythingUntilTheFirstNameAndNothingAfterIt) {
  state_->SetConfig(form_.Cluster("a").Cluster("b").Get());
  Subscribe(kCds);
  EXPECT_THAT(Settle(), ElementsAre("CDS a b"));
  Subscribe(kCds, {"b"});
  EXPECT_TRUE(state_->Report(kCds).active);
  Settle();
  state_->SetConfig(form_.Cluster("a", "changed").Get());
  EXPECT_THAT(Settle(), IsEmpty());  // "a" is no longer wanted
  Subscribe(kCds, {});
  EXPECT_FALSE(state_->Report(kCds).active);
  state_->SetConfig(form_.Cluster("b", "changed").Get());
  EXPECT_THAT(Settle(), IsEmpty());
  Subscribe(kCds, {"b"});
  EXPECT_THAT(Settle(), ElementsAre("CDS b"));
  Subscribe(kCds, {"*"});
  EXPECT_THAT(Settle(), ElementsAre("CDS a b"));
}

TEST_F(StreamStateTest, GrpcClientsGetWhatTheyNameAndNothingElse) {
  Connect("gRPC C-core linux");
  state_->SetConfig(form_.Cluster("a").Cluster("b").Listener("x", {}).Get());
  Subscribe(kLds);
  EXPECT_THAT(Settle(), IsEmpty());
  Subscribe(kCds, {"b"});
  EXPECT_THAT(Settle(), ElementsAre("CDS b"));
  Subscribe(kLds, {"missing"});  // an answer without it: does not exist, rather than a timeout of 15 s
  EXPECT_THAT(Settle(), ElementsAre("LDS"));
  state_->SetConfig(form_.Listener("missing", {}).Get());
  EXPECT_THAT(Settle(), ElementsAre("LDS missing"));
}

TEST_F(StreamStateTest, MissingEndpointsAreRememberedAndSentWhenTheyAppear) {
  state_->SetConfig(form_.Endpoints("a").Get());
  Subscribe(kEds, {"a", "later"});
  EXPECT_THAT(Settle(), ElementsAre("EDS a"));
  state_->SetConfig(form_.Endpoints("later").Get());
  EXPECT_THAT(Settle(), ElementsAre("EDS later"));
  // Gone and back: the same content again.
  state_->SetConfig(form_.Remove(kEds, "later").Get());
  EXPECT_THAT(Settle(), IsEmpty());
  state_->SetConfig(form_.Endpoints("later").Get());
  EXPECT_THAT(Settle(), ElementsAre("EDS later"));
}

TEST_F(StreamStateTest, ChangedClusterIsFollowedByItsUnchangedEndpoints) {
  state_->SetConfig(form_.Cluster("a").Cluster("b").Get());
  Subscribe(kCds);
  Subscribe(kEds, {"a", "b"});
  Settle();
  state_->SetConfig(form_.Cluster("a", "other timeout").Get());
  EXPECT_THAT(Settle(), ElementsAre("CDS a b", "EDS a"));
  // Endpoints alone: no clusters.
  state_->SetConfig(form_.Endpoints("b", "one more").Get());
  EXPECT_THAT(Settle(), ElementsAre("EDS b"));
}

TEST_F(StreamStateTest, StaleNonceIsNotAnsweredButItsNamesAreRemembered) {
  state_->SetConfig(form_.Endpoints("a").Endpoints("b").Endpoints("c").Get());
  Subscribe(kEds, {"a"});
  const std::vector<Response> first = Take();
  ASSERT_EQ(first.size(), 1u);
  names_[kEds] = {"a", "b"};
  EXPECT_EQ(Send(Ask(kEds, names_[kEds], "of another time")), Answer::kStale);
  EXPECT_THAT(Lines(), IsEmpty());  // one response is in flight
  EXPECT_EQ(Accept(first[0]), Answer::kAck);
  EXPECT_THAT(Lines(), ElementsAre("EDS b"));
}

TEST_F(StreamStateTest, UnsubscribedRoutesThatAreAcceptedLateDoNotKeepTheirClusters) {
  state_->SetConfig(
      form_.Cluster("old").Cluster("a").Listener("l", {"r", "s"}).Route("r", {"a"}).Route("s", {"old"}).Get());
  SubscribeToAll({"a", "old"}, {"r", "s"});
  Response routes;
  for (std::vector<Response> taken = Take(); !taken.empty(); taken = Take()) {
    for (const Response& response : taken) {
      if (response.type == kRds) {
        routes = response;
      } else {
        Accept(response);
      }
    }
  }
  ASSERT_THAT(NamesOf(routes), ElementsAre("r", "s"));
  names_[kRds] = {"r"};
  EXPECT_EQ(Send(Ask(kRds, {"r"}, "of another time")), Answer::kStale);  // crossed with the response
  EXPECT_EQ(Accept(routes), Answer::kAck);
  state_->SetConfig(form_.Remove(kCds, "old").Remove(kEds, "old").Route("s", {"a"}).Get());
  EXPECT_THAT(Settle(), ElementsAre("CDS a"));
}

TEST_F(StreamStateTest, TypesWithEqualNoncesDoNotMix) {
  state_->SetConfig(form_.Cluster("a").Listener("x", {}).Get());
  Subscribe(kCds);
  Subscribe(kLds);
  const std::vector<Response> taken = Take();
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(Send(Ask(kLds, {}, taken[0].nonce)), Answer::kStale);  // the nonce of the clusters
  EXPECT_FALSE(state_->Report(kCds).in_step);
  EXPECT_FALSE(state_->Report(kLds).in_step);
  EXPECT_EQ(Accept(taken[0]), Answer::kAck);
  EXPECT_TRUE(state_->Report(kCds).in_step);
  EXPECT_FALSE(state_->Report(kLds).in_step);
}

TEST_F(StreamStateTest, NonceOfAnEarlierStreamIsNoAnswer) {
  state_->SetConfig(form_.Cluster("a").Get());
  DiscoveryRequest request = Ask(kCds, {}, "17");
  request.set_version_info("of the earlier stream");
  EXPECT_EQ(Send(request), Answer::kNothing);
  EXPECT_THAT(Lines(), ElementsAre("CDS a"));
}

TEST_F(StreamStateTest, OneResponseOfATypeIsInFlightUntilItsDeadline) {
  state_->SetConfig(form_.Cluster("a").Get());
  Subscribe(kCds);
  EXPECT_THAT(Lines(), ElementsAre("CDS a"));
  state_->SetConfig(form_.Cluster("b").Get());
  state_->SetConfig(form_.Cluster("c").Get());
  EXPECT_THAT(Lines(), IsEmpty());
  now_ += limits_.answer_deadline;
  EXPECT_THAT(Lines(), ElementsAre("CDS a b c"));
}

TEST_F(StreamStateTest, ChangedRoutesWaitForClustersAndTheirEndpoints) {
  state_->SetConfig(form_.Cluster("a").Listener("out", {"r"}).Route("r", {"a"}).Get());
  SubscribeToAll({"a"}, {"r"});
  Settle();
  state_->SetConfig(form_.Cluster("b").Route("r", {"b"}).Get());
  std::vector<Response> taken = Take();
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(LineOf(taken[0]), "CDS a b");
  Accept(taken[0]);
  EXPECT_THAT(Lines(), IsEmpty());  // the endpoints of b have not even been asked for
  names_[kEds] = {"a", "b"};
  Send(Ask(kEds, names_[kEds], last_nonce_[kEds]));
  taken = Take();
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(LineOf(taken[0]), "EDS b");
  Accept(taken[0]);
  EXPECT_THAT(Settle(), ElementsAre("RDS r"));
}

// A mutual endpoint under a cluster that has no transport for it yet would have been called in the clear.
TEST_F(StreamStateTest, ChangedEndpointsDoNotOvertakeTheirChangedCluster) {
  state_->SetConfig(form_.Cluster("a").Get());
  Subscribe(kCds);
  Subscribe(kEds, {"a"});
  Settle();
  state_->SetConfig(form_.Cluster("a", "first change").Get());
  const std::vector<Response> first = Take();
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(Accept(first[1]), Answer::kAck);
  // The clusters of the first change are not answered yet.
  state_->SetConfig(form_.Cluster("a", "mutual").Endpoints("a", "mutual").Endpoints("b").Get());
  EXPECT_THAT(Lines(), IsEmpty());
  names_[kEds] = {"a", "b"};
  Send(Ask(kEds, names_[kEds], last_nonce_[kEds]));
  EXPECT_THAT(Lines(), ElementsAre("EDS b"));  // asked for by name: at once
  EXPECT_EQ(Send(Ask(kEds, names_[kEds], last_nonce_[kEds])), Answer::kAck);
  EXPECT_EQ(Accept(first[0]), Answer::kAck);
  EXPECT_THAT(Lines(), ElementsAre("CDS a", "EDS a"));
}

TEST_F(StreamStateTest, EndpointsOvertakeAClusterThatIsNeverAnsweredForAtTheDeadline) {
  state_->SetConfig(form_.Cluster("a").Get());
  Subscribe(kCds);
  Subscribe(kEds, {"a"});
  const std::vector<Response> first = Take();
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(Accept(first[1]), Answer::kAck);
  state_->SetConfig(form_.Cluster("a", "changed").Endpoints("a", "changed").Get());
  EXPECT_THAT(Lines(), IsEmpty());
  now_ += limits_.answer_deadline;
  EXPECT_THAT(Lines(), ElementsAre("CDS a", "EDS a"));
}

TEST_F(StreamStateTest, AClientThatNeverAnswersForEndpointsGetsItsRoutesAtTheDeadline) {
  state_->SetConfig(form_.Cluster("a").Listener("out", {"r"}).Route("r", {"a"}).Get());
  SubscribeToAll({"a"}, {"r"});
  Settle();
  state_->SetConfig(form_.Cluster("b").Route("r", {"b"}).Get());
  EXPECT_THAT(Settle(), ElementsAre("CDS a b"));
  now_ += limits_.answer_deadline - absl::Milliseconds(1);
  EXPECT_THAT(Settle(), IsEmpty());
  now_ += absl::Milliseconds(1);
  EXPECT_THAT(Settle(), ElementsAre("RDS r"));
}

TEST_F(StreamStateTest, RoutesThatAreAskedForAreNeverHeldBack) {
  state_->SetConfig(form_.Cluster("a").Listener("out", {"r", "s"}).Route("r", {"a"}).Route("s", {"a"}).Get());
  SubscribeToAll({"a"}, {"r"});
  Settle();
  state_->SetConfig(form_.Cluster("b").Route("r", {"b"}).Get());
  EXPECT_THAT(Lines(), ElementsAre("CDS a b"));
  Subscribe(kRds, {"r", "s"});
  EXPECT_THAT(Lines(), ElementsAre("RDS s"));
}

TEST_F(StreamStateTest, ClustersGoAfterTheRoutesThatUsedThem) {
  state_->SetConfig(form_.Cluster("a").Listener("out", {"r"}).Route("r", {"a"}).Get());
  SubscribeToAll({"a"}, {"r"});
  Settle();
  state_->SetConfig(form_.Cluster("b").Remove(kCds, "a").Remove(kEds, "a").Route("r", {"b"}).Get());
  Subscribe(kEds, {"a", "b"});
  EXPECT_THAT(Settle(), ElementsAre("CDS a b", "EDS b", "RDS r", "CDS b"));
  EXPECT_TRUE(state_->InStep());
  EXPECT_EQ(state_->accepted_revision(), 2);
}

TEST_F(StreamStateTest, AClusterStaysWhileTheClientKeepsTheOldRoutes) {
  state_->SetConfig(form_.Cluster("a").Listener("out", {"r"}).Route("r", {"a"}).Get());
  SubscribeToAll({"a"}, {"r"});
  Settle();
  state_->SetConfig(form_.Cluster("b").Remove(kCds, "a").Route("r", {"b"}).Get());
  Subscribe(kEds, {"a", "b"});
  for (const Response& response : Take()) Accept(response);  // clusters and endpoints
  const std::vector<Response> routes = Take();
  ASSERT_EQ(routes.size(), 1u);
  ASSERT_EQ(LineOf(routes[0]), "RDS r");
  Reject(routes[0]);
  EXPECT_THAT(Settle(), IsEmpty());
  state_->SetConfig(form_.Route("r", {"b"}, "mended").Get());
  EXPECT_THAT(Settle(), ElementsAre("RDS r", "CDS b"));
}

TEST_F(StreamStateTest, LargeConfigurationsAreSplitAndOversizedResourcesNamed) {
  limits_.response_bytes = 100'000;
  Connect("envoy");
  std::vector<std::string> names;
  for (int i = 10; i < 20; ++i) {
    names.push_back(absl::StrCat("e", i));
    form_.Endpoints(names.back(), std::string(40'000, 'x'));
  }
  form_.Endpoints("huge", std::string(200'000, 'x'));
  state_->SetConfig(form_.Get());
  names.push_back("huge");
  Subscribe(kEds, names);
  EXPECT_THAT(Settle(), ElementsAre("EDS e10 e11", "EDS e12 e13", "EDS e14 e15", "EDS e16 e17", "EDS e18 e19"));
  EXPECT_THAT(state_->Report(kEds).rejection, ::testing::HasSubstr("huge: was not sent"));
  EXPECT_FALSE(state_->InStep());
}

TEST_F(StreamStateTest, TheNodeIsTakenFromTheFirstRequestAlone) {
  Subscribe(kCds);
  EXPECT_EQ(state_->node().id(), "web-1.shop");
  DiscoveryRequest second = Ask(kLds);
  second.mutable_node()->set_id("somebody else");
  Send(second);
  EXPECT_EQ(state_->node().id(), "web-1.shop");
}

TEST_F(StreamStateTest, RequestsWithoutNodeOrTypeEndTheStream) {
  StreamState state(limits_);
  const auto without_node = state.OnRequest(Ask(kCds), now_);
  EXPECT_EQ(without_node.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(without_node.status().message()), ::testing::HasSubstr("node.id"));
  DiscoveryRequest without_type;
  without_type.mutable_node()->set_id("web-1.shop");
  const auto no_type = state.OnRequest(without_type, now_);
  EXPECT_EQ(no_type.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(no_type.status().message()), ::testing::HasSubstr("type_url"));
}

TEST_F(StreamStateTest, ANamesListWithoutMeasureEndsTheStream) {
  limits_.names = 2;
  StreamState state(limits_);
  DiscoveryRequest request = Ask(kEds, {"a", "b", "c"});
  request.mutable_node()->set_id("web-1.shop");
  const auto refused = state.OnRequest(request, now_);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.status().message()), ::testing::HasSubstr("has 3 names"));
}

TEST_F(StreamStateTest, UnknownTypesAreNotAnswered) {
  state_->SetConfig(form_.Cluster("a").Get());
  DiscoveryRequest request;
  request.set_type_url("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret");
  request.add_resource_names("default");
  EXPECT_EQ(Send(request), Answer::kNothing);
  EXPECT_THAT(Lines(), IsEmpty());
}

}  // namespace
}  // namespace weft::control::serve
