#include "control/serve/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/serve/test_client.h"

namespace weft::control::serve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct RecordingWriter final : Writer {
  void Write(const Response& response) override { written.push_back(response); }
  void Finish(const absl::Status& status) override { finished.push_back(status); }
  std::vector<Response> written;
  std::vector<absl::Status> finished;
};

class ConnectionTest : public ::testing::Test {
 protected:
  struct Client {
    Client(const Surroundings& surroundings, Traffic& traffic, Peer peer)
        : connection(surroundings, traffic, std::move(peer), writer) {}
    bool Ask(ResourceType type, const std::string& nonce = "", const std::string& error = "") {
      DiscoveryRequest request = serve::Ask(type, {}, nonce);
      request.mutable_node()->set_id("sidecar~10.0.0.7~web-1.shop~shop.svc.cluster.local");
      (*request.mutable_node()->mutable_metadata()->mutable_fields())["NAMESPACE"].set_string_value("claimed");
      (*request.mutable_node()->mutable_metadata()->mutable_fields())["SERVICE_ACCOUNT"].set_string_value("anybody");
      if (!error.empty()) request.mutable_error_detail()->set_message(error);
      return connection.OnRequest(request);
    }
    RecordingWriter writer;
    Connection connection;
  };

  Client Plain() { return Client(surroundings_, traffic_, Peer{false, "10.0.0.7:4711", "", std::nullopt}); }
  Client Secure(const std::string& uri) {
    return Client(surroundings_, traffic_, Peer{true, "10.0.0.7:4711", uri, std::nullopt});
  }

  Surroundings surroundings_{.trust_domain = "cluster.local",
                             .limits = {},
                             .now = [this] { return now_; },
                             .log =
                                 [this](bool is_problem, const std::string& text) {
                                   if (is_problem) problems_.push_back(text);
                                 }};
  Traffic traffic_;
  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  std::vector<std::string> problems_;
  ConfigForm form_;
};

TEST_F(ConnectionTest, SlowReaderGetsOneResponseAndLaterTheNewestWhileOthersGoOn) {
  Client slow = Plain(), quick = Plain();
  EXPECT_TRUE(slow.Ask(ResourceType::kCluster));
  EXPECT_TRUE(quick.Ask(ResourceType::kCluster));
  for (int i = 0; i < 100; ++i) {
    const auto config = form_.Cluster("a", absl::StrCat("change ", i)).Get();
    slow.connection.SetConfig(config);
    quick.connection.SetConfig(config);
    quick.connection.OnWritten();
    quick.Ask(ResourceType::kCluster, quick.writer.written.back().nonce);
  }
  EXPECT_EQ(quick.writer.written.size(), 100u);
  EXPECT_EQ(slow.writer.written.size(), 1u);
  EXPECT_TRUE(quick.connection.InStep());
  EXPECT_FALSE(slow.connection.InStep());

  slow.connection.OnWritten();
  EXPECT_EQ(slow.writer.written.size(), 1u);  // written, not answered
  slow.Ask(ResourceType::kCluster, slow.writer.written[0].nonce);
  ASSERT_EQ(slow.writer.written.size(), 2u);
  EXPECT_EQ(slow.writer.written[1].version, quick.writer.written.back().version);
}

TEST_F(ConnectionTest, DeadlineOfAMissingAnswerIsSeenByOnTime) {
  Client client = Plain();
  client.Ask(ResourceType::kCluster);
  client.connection.SetConfig(form_.Cluster("a").Get());
  client.connection.OnWritten();
  client.connection.SetConfig(form_.Cluster("b").Get());
  client.connection.OnTime();
  EXPECT_EQ(client.writer.written.size(), 1u);
  now_ += surroundings_.limits.answer_deadline;
  client.connection.OnTime();
  EXPECT_EQ(client.writer.written.size(), 2u);
}

TEST_F(ConnectionTest, IdentityComesFromTheCertificateAndNotFromTheNode) {
  Client client = Secure("spiffe://cluster.local/ns/shop/sa/web");
  EXPECT_TRUE(client.Ask(ResourceType::kCluster));
  EXPECT_EQ(client.connection.identity().ns, "shop");
  EXPECT_EQ(client.connection.identity().service_account, "web");
  EXPECT_EQ(client.connection.id(), "web-1.shop");
  Client plain = Plain();
  EXPECT_TRUE(plain.Ask(ResourceType::kCluster));
  EXPECT_EQ(plain.connection.identity().ns, "claimed");
}

TEST_F(ConnectionTest, ANameOfAnotherNamespaceIsNotTakenFromTheNode) {
  Client client = Secure("spiffe://cluster.local/ns/evil/sa/web");
  EXPECT_TRUE(client.Ask(ResourceType::kCluster));
  EXPECT_EQ(client.connection.id(), "web-1.shop.evil");
}

TEST_F(ConnectionTest, TlsWithoutCertificateAndForeignTrustDomainsAreRefused) {
  Client without = Secure("");
  EXPECT_FALSE(without.Ask(ResourceType::kCluster));
  ASSERT_EQ(without.writer.finished.size(), 1u);
  EXPECT_EQ(without.writer.finished[0].code(), absl::StatusCode::kUnauthenticated);
  Client foreign = Secure("spiffe://elsewhere/ns/shop/sa/web");
  EXPECT_FALSE(foreign.Ask(ResourceType::kCluster));
  ASSERT_EQ(foreign.writer.finished.size(), 1u);
  EXPECT_EQ(foreign.writer.finished[0].code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(foreign.writer.finished[0].message()), HasSubstr("elsewhere"));
}

TEST_F(ConnectionTest, NothingIsWrittenAfterTheEnd) {
  Client client = Plain();
  client.Ask(ResourceType::kCluster);
  client.connection.Close(absl::UnavailableError("weft-control is stopping"));
  client.connection.SetConfig(form_.Cluster("a").Get());
  client.connection.OnTime();
  EXPECT_FALSE(client.Ask(ResourceType::kListener));
  client.connection.Close(absl::OkStatus());
  EXPECT_TRUE(client.writer.written.empty());
  EXPECT_EQ(client.writer.finished.size(), 1u);
}

TEST_F(ConnectionTest, RejectionsAreCountedLoggedAndShown) {
  Client client = Secure("spiffe://cluster.local/ns/shop/sa/web");
  client.Ask(ResourceType::kCluster);
  client.connection.SetConfig(form_.Cluster("a").Get());
  client.connection.OnWritten();
  client.Ask(ResourceType::kCluster, client.writer.written[0].nonce, "a: connect_timeout: must be more than 0");
  EXPECT_EQ(traffic_.nacks[0].load(), 1);
  EXPECT_EQ(traffic_.pushes[0].load(), 1);
  ASSERT_EQ(problems_.size(), 1u);
  EXPECT_THAT(problems_[0], HasSubstr("proxy web-1.shop rejected CDS"));
  weft::v1::ProxyInfo info;
  client.connection.FillInfo(&info);
  EXPECT_EQ(info.id(), "web-1.shop");
  EXPECT_EQ(info.namespace_(), "shop");
  EXPECT_EQ(info.types_wanted(), 1);
  EXPECT_EQ(info.types_in_step(), 0);
  ASSERT_EQ(info.types_size(), 1);
  EXPECT_EQ(info.types(0).rejection(), "a: connect_timeout: must be more than 0");
}

// The stream stood on with a certificate of yesterday, as long as nobody cut the connection.
TEST_F(ConnectionTest, AStreamEndsWithItsCertificate) {
  pki::CertificateFacts facts;
  facts.not_after = now_ + absl::Hours(1);
  const Peer peer{true, "10.0.0.7:4711", "spiffe://cluster.local/ns/shop/sa/web", facts};
  Client client(surroundings_, traffic_, peer);
  EXPECT_TRUE(client.Ask(ResourceType::kCluster));
  now_ += absl::Hours(1) - absl::Seconds(1);
  client.connection.OnTime();
  EXPECT_TRUE(client.writer.finished.empty());
  now_ += absl::Seconds(1);
  client.connection.OnTime();
  ASSERT_EQ(client.writer.finished.size(), 1u);
  EXPECT_EQ(client.writer.finished[0].code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(client.writer.finished[0].message()),
              HasSubstr("the client certificate ended at 2027-01-15T"));
  Client late(surroundings_, traffic_, peer);  // another stream on the same connection
  EXPECT_FALSE(late.Ask(ResourceType::kCluster));
  EXPECT_EQ(late.writer.finished.size(), 1u);
}

TEST_F(ConnectionTest, AFloodOfRejectionsIsCountedInFullAndLoggedInPart) {
  Client client = Plain();
  client.Ask(ResourceType::kCluster);
  for (int i = 0; i < 100; ++i) {
    client.connection.SetConfig(form_.Cluster("a", absl::StrCat("change ", i)).Get());
    client.connection.OnWritten();
    client.Ask(ResourceType::kCluster, client.writer.written.back().nonce, "no");
  }
  EXPECT_EQ(traffic_.nacks[0].load(), 100);
  EXPECT_EQ(problems_.size(), 10u);
}

TEST_F(ConnectionTest, AResponseAboveTheCommonLimitIsMeasuredAndNamed) {
  Client client = Plain();
  client.Ask(ResourceType::kCluster);
  for (const char* name : {"a", "b", "c", "d", "e"}) form_.Cluster(name, std::string(1 << 20, 'x'));
  client.connection.SetConfig(form_.Get());
  EXPECT_GT(traffic_.largest[0].load(), 5 << 20);
  ASSERT_EQ(problems_.size(), 1u);
  EXPECT_THAT(problems_[0], HasSubstr("CDS for proxy web-1.shop has 524"));
}

TEST(ProxyIdOf, TakesTheNameOfASidecarsNode) {
  EXPECT_EQ(ProxyIdOf("sidecar~10.0.0.7~web-1.shop~shop.svc.cluster.local"), "web-1.shop");
  EXPECT_EQ(ProxyIdOf("web-1.shop"), "web-1.shop");
  EXPECT_EQ(ProxyIdOf("a~b~c"), "a~b~c");
}

}  // namespace
}  // namespace weft::control::serve
