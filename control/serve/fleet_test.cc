#include "control/serve/fleet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/serve/test_client.h"

namespace weft::control::serve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

struct SilentWriter final : Writer {
  void Write(const Response&) override {}
  void Finish(const absl::Status&) override {}
};

class FleetTest : public ::testing::Test {
 protected:
  void TearDown() override { fleet_.Stop(); }
  std::shared_ptr<Connection> Connect(const std::string& address, const std::string& node = "web-1.shop") {
    auto connection = fleet_.Connect(Peer{false, address, "", std::nullopt}, writer_);
    DiscoveryRequest request = Ask(ResourceType::kCluster);
    request.mutable_node()->set_id(node);
    EXPECT_TRUE(connection->OnRequest(request));
    fleet_.WantsConfig(connection);
    return connection;
  }
  std::vector<std::string> Names() {
    weft::v1::ListProxiesResponse response;
    fleet_.ListProxies({}, &response);
    std::vector<std::string> names;
    for (const auto& proxy : response.proxies()) names.push_back(proxy.id());
    return names;
  }

  std::atomic<int64_t> now_{1'800'000'000};
  SilentWriter writer_;
  Fleet fleet_{Surroundings{.trust_domain = "cluster.local",
                            .limits = {},
                            .now = [this] { return absl::FromUnixSeconds(now_.load()); },
                            .log = [](bool, const std::string&) {}}};
};

TEST_F(FleetTest, ProxiesOfOneIdAreShownEachByItsAddress) {
  Connect("10.0.0.7:1000");
  Connect("10.0.0.9:1000", "api-1.shop");
  EXPECT_THAT(Names(), ElementsAre("api-1.shop", "web-1.shop"));
  const auto second = Connect("10.0.0.8:1000");
  EXPECT_THAT(Names(), ElementsAre("api-1.shop", "web-1.shop@10.0.0.7:1000", "web-1.shop@10.0.0.8:1000"));
  EXPECT_EQ(fleet_.Counts().connected, 3);
  weft::v1::GetProxyConfigRequest wanted;
  weft::v1::GetProxyConfigResponse config;
  wanted.set_id("web-1.shop");
  const absl::Status unclear = fleet_.ProxyConfig(wanted, &config);
  EXPECT_EQ(unclear.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(unclear.message()), HasSubstr("web-1.shop@10.0.0.7:1000, web-1.shop@10.0.0.8:1000"));
  wanted.set_id("web-1.shop@10.0.0.8:1000");
  EXPECT_NE(fleet_.ProxyConfig(wanted, &config).code(), absl::StatusCode::kNotFound);
  fleet_.Disconnect(second);
  EXPECT_THAT(Names(), ElementsAre("api-1.shop", "web-1.shop"));
}

TEST_F(FleetTest, AProxyThatMovesToANewerStreamIsOne) {
  Connect("10.0.0.7:1000");
  Connect("10.0.0.7:2000");
  EXPECT_THAT(Names(), ElementsAre("web-1.shop"));
  EXPECT_EQ(fleet_.Counts().connected, 1);
  now_ += 60;  // no move takes that long
  EXPECT_THAT(Names(), SizeIs(2));
}

TEST(EventLog, OfAFloodTheFirstAreWrittenInFullAndTheRestAsASumAndAllAreCounted) {
  std::vector<std::string> lines;
  const LogLine log = [&](bool is_problem, const std::string& text) {
    EXPECT_TRUE(is_problem);
    lines.push_back(text);
  };
  absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  EventLog events;
  for (int i = 0; i < 1000; ++i) {
    events.Note(Event::kCertificateRefused, "10.0.0.7", true, absl::StrCat("refused ", i), log, now);
    now += absl::Milliseconds(1);
  }
  ASSERT_THAT(lines, SizeIs(10));
  EXPECT_EQ(lines[9], "refused 9");
  events.Note(Event::kRejection, "10.0.0.7", true, "another kind", log, now);
  EXPECT_EQ(lines.back(), "another kind");
  events.Note(Event::kCertificateRefused, "10.0.0.8", true, "another client", log, now);
  EXPECT_EQ(lines.back(), "another client") << "the first word of each client is heard";
  events.Note(Event::kCertificateRefused, "10.0.0.8", true, "again", log, now);
  events.Flush(log, now);
  EXPECT_THAT(lines, SizeIs(12)) << "the ten seconds are not over";
  now += absl::Seconds(10);
  events.Flush(log, now);
  events.Flush(log, now);
  ASSERT_THAT(lines, SizeIs(13));
  EXPECT_EQ(lines[12], "991 more like this in the last 10 s: refused certificate requests");
  events.Note(Event::kCertificateRefused, "10.0.0.7", true, "the next one", log, now);
  EXPECT_EQ(lines.back(), "the next one");
  EXPECT_EQ(events.Totals()["certificate_refused"], 1003);
  EXPECT_EQ(events.Totals()["rejection"], 1);
}

TEST(EventLog, ManyClientsTogetherAreAFloodToo) {
  int lines = 0;
  const LogLine log = [&](bool, const std::string&) { ++lines; };
  EventLog events;
  for (int i = 0; i < 10'000; ++i) {
    events.Note(Event::kStreamRefused, absl::StrCat(i), true, "ended", log, absl::FromUnixSeconds(1'800'000'000));
  }
  EXPECT_EQ(lines, 100);
}

}  // namespace
}  // namespace weft::control::serve
