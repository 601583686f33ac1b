#include "proxy/admin/admin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/admin/json_page.h"
#include "proxy/telemetry/log.h"

namespace weft::admin {
namespace {

using testing::HasSubstr;

class AdminTest : public testing::Test {
 protected:
  Admin Make() {
    return Admin(Deps{
        .clock = clock_,
        .started_micros = clock_.WallMicros() - 3'000'000,
        .bootstrap = bootstrap_,
        .command_line = {{"mode", "serve"}},
        .readiness = [this] { return readiness_; },
        .metrics = [] { return std::string("weft_requests_total 1\n"); },
        .resources = [this] { return resources_; },
        .version_info = [](discovery::ResourceType) { return std::string("41"); },
        .snapshot = [this] { return snapshot_; },
        .certificates = [] { return std::vector<CertificateInUse>(); },
        .drain_listeners = [this] { ++drains_; },
        .quit = [this] { ++quits_; },
    });
  }
  Answer Get(std::string_view path, std::string_view query = "") { return Make().Handle({"GET", path, query}); }
  Answer Post(std::string_view path, std::string_view query = "") { return Make().Handle({"POST", path, query}); }

  runtime::FakeClock clock_;
  envoy::config::bootstrap::v3::Bootstrap bootstrap_;
  Readiness readiness_{State::kLive, ""};
  std::vector<Resource> resources_;
  std::shared_ptr<config::Snapshot> snapshot_ = std::make_shared<config::Snapshot>();
  int drains_ = 0, quits_ = 0;
};

TEST_F(AdminTest, ReadySaysWhatItWaitsFor) {
  EXPECT_EQ(Get("/ready").body, "LIVE\n");
  readiness_ = {State::kPreInitializing, "clusters of the control plane"};
  EXPECT_EQ(Get("/ready").status, 503);
  EXPECT_EQ(Get("/ready").body, "PRE_INITIALIZING\nwaiting for clusters of the control plane\n");
}

TEST_F(AdminTest, WhatChangesSomethingWantsPost) {
  EXPECT_EQ(Get("/no_such_page").status, 404);
  for (std::string_view path : {"/quitquitquit", "/drain_listeners", "/logging"}) {
    EXPECT_EQ(Get(path, "level=debug").status, 405) << path;
    EXPECT_EQ(Get(path).allow, "POST");
  }
  EXPECT_EQ(Post("/ready").status, 405);
  EXPECT_EQ(quits_ + drains_, 0);
  EXPECT_EQ(Post("/drain_listeners").status, 200);
  EXPECT_EQ(drains_, 1);
}

TEST_F(AdminTest, QuitsOnlyAfterTheAnswerIsWritten) {
  const Answer answer = Post("/quitquitquit");
  EXPECT_EQ(quits_, 0);
  answer.finally();
  EXPECT_EQ(quits_, 1);
}

TEST_F(AdminTest, TheMetricsPortShowsNothingElse) {
  const Admin admin = Make();
  for (std::string_view path : {"/metrics", "/stats/prometheus", "/ready"}) {
    EXPECT_EQ(admin.HandleTelemetry({"GET", path, ""}).status, 200) << path;
  }
  for (std::string_view path : {"/config_dump", "/quitquitquit", "/logging", "/"}) {
    EXPECT_EQ(admin.HandleTelemetry({"POST", path, ""}).status, 404) << path;
    EXPECT_EQ(admin.HandleTelemetry({"GET", path, ""}).status, 404) << path;
  }
}

TEST_F(AdminTest, LoggingChangesAllOrNothing) {
  using telemetry::Component;
  using telemetry::LogLevel;
  EXPECT_EQ(Post("/logging", "level=warning").status, 200);
  EXPECT_EQ(Post("/logging", "paths=http:debug,nonsense:debug").status, 400);
  EXPECT_FALSE(telemetry::LogEnabled(Component::kHttp, LogLevel::kDebug));
  EXPECT_EQ(Post("/logging", "http=debug").status, 200);
  EXPECT_TRUE(telemetry::LogEnabled(Component::kHttp, LogLevel::kDebug));
  EXPECT_FALSE(telemetry::LogEnabled(Component::kXds, LogLevel::kInfo));
  EXPECT_EQ(Post("/logging", "level=nonsense").status, 400);
  EXPECT_THAT(Post("/logging").body, HasSubstr("http: debug"));
}

TEST_F(AdminTest, ClustersShowEveryEndpoint) {
  auto cluster = std::make_shared<config::Cluster>();
  cluster->spec.name = "web";
  config::Host host;
  host.state = std::make_shared<endpoint::EndpointState>("web", *base::Address::Parse("10.0.0.1:80"), "");
  host.state->requests.store(7);
  cluster->hosts.push_back(host);
  host.state = std::make_shared<endpoint::EndpointState>("web", *base::Address::Parse("10.0.0.2:80"), "");
  host.healthy = false;
  cluster->hosts.push_back(host);
  snapshot_->clusters.emplace("web", cluster);
  const std::string text = Get("/clusters").body;
  EXPECT_THAT(text, HasSubstr("web::added_via_api::false\n"));
  EXPECT_THAT(text, HasSubstr("web::10.0.0.1:80::rq_total::7\n"));
  EXPECT_THAT(text, HasSubstr("web::10.0.0.1:80::health_flags::healthy\n"));
  EXPECT_THAT(text, HasSubstr("web::10.0.0.2:80::health_flags::/failed_eds_health\n"));
}

TEST_F(AdminTest, ConfigDumpHasEnvoysSections) {
  envoy::config::cluster::v3::Cluster message;
  message.set_name("web");
  Resource resource;
  resource.dynamic = true;
  resource.name = "web";
  resource.version = "v1";
  resource.message.emplace().PackFrom(message);
  resource.rejection = "connect_timeout: is negative";
  resources_.push_back(resource);
  const std::string text = Get("/config_dump").body;
  for (const char* wanted : {"BootstrapConfigDump", "ListenersConfigDump", "RoutesConfigDump",
                             "\"dynamic_active_clusters\"", "\"type.googleapis.com/envoy.config.cluster.v3.Cluster\"",
                             "\"version_info\": \"v1\"", "connect_timeout: is negative"}) {
    EXPECT_THAT(text, HasSubstr(wanted));
  }
}

TEST(Indented, KeepsTextsAndEmptyOnes) {
  EXPECT_EQ(Indented(R"({"a":[1,{}],"b":"x\",{"})"), "{\n \"a\": [\n  1,\n  {}\n ],\n \"b\": \"x\\\",{\"\n}\n");
}

}  // namespace
}  // namespace weft::admin
