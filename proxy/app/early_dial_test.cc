#include "proxy/app/early_dial.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace weft::app {
namespace {

base::Address At(int number) { return *base::Address::Parse("10.0.0.1:" + std::to_string(number)); }

TEST(FirstSpeakers, UselessDialsStopAndAreTriedAgainNowAndThen) {
  FirstSpeakers speakers;
  int dials = 0;
  for (int connection = 0; connection < 1000; ++connection) {
    if (!speakers.MayDial(At(80))) continue;
    ++dials;
    speakers.Count(At(80), false);
  }
  EXPECT_GE(dials, static_cast<int>(FirstSpeakers::kPatience) + 3);
  EXPECT_LE(dials, static_cast<int>(FirstSpeakers::kPatience) + 4);
  EXPECT_TRUE(speakers.MayDial(At(3306))) << "another destination";
}

TEST(FirstSpeakers, OneUsefulDialBringsThemBack) {
  FirstSpeakers speakers;
  for (uint32_t i = 0; i < FirstSpeakers::kPatience; ++i) speakers.Count(At(80), false);
  EXPECT_FALSE(speakers.MayDial(At(80)));
  speakers.Count(At(80), true);
  for (uint32_t i = 1; i < FirstSpeakers::kPatience; ++i) speakers.Count(At(80), false);
  EXPECT_TRUE(speakers.MayDial(At(80)));
}

class HearServerFirst : public testing::Test {
 protected:
  void AddCluster(const std::string& name, const std::string& service) {
    auto cluster = std::make_shared<config::Cluster>();
    cluster->spec.service = service;
    snapshot_.clusters.emplace(name, std::move(cluster));
  }
  std::shared_ptr<config::FilterChain> Add(const std::string& transport, const std::string& cluster) {
    auto chain = std::make_shared<config::FilterChain>();
    chain->match.transport_protocol = transport;
    if (cluster.empty()) {
      chain->http.emplace();
    } else {
      chain->tcp.emplace().spec.clusters = {{cluster, 1}};
    }
    listener_.chains.push_back(chain);
    return chain;
  }
  bool May(const config::FilterChain& silent) { return MayHearServerFirst(snapshot_, listener_, silent, At(80)); }

  config::Snapshot snapshot_;
  config::Listener listener_;
};

TEST_F(HearServerFirst, OfTheSameService) {
  AddCluster("web|tcp", "web");
  AddCluster("web|sealed", "web");
  AddCluster("other", "other");
  const auto silent = Add("raw_buffer", "web|tcp");
  EXPECT_TRUE(May(*silent));
  Add("raw_buffer", "");
  EXPECT_TRUE(May(*silent)) << "HTTP beside it";
  Add("tls", "web|sealed");
  EXPECT_TRUE(May(*silent)) << "another way to the same service";
  Add("tls", "other");
  EXPECT_FALSE(May(*silent));
}

TEST_F(HearServerFirst, NotWhereTlsMayEnd) {
  const auto silent = Add("raw_buffer", "db");
  EXPECT_TRUE(May(*silent));
  Add("tls", "db")->needs_secret = true;
  EXPECT_FALSE(May(*silent));
}

TEST(FirstSpeakers, DestinationsWithoutEnd) {
  FirstSpeakers speakers;
  for (int port = 1; port < 60000; ++port) speakers.Count(At(port), false);
  EXPECT_TRUE(speakers.MayDial(At(1))) << "forgotten";
}

}  // namespace
}  // namespace weft::app
