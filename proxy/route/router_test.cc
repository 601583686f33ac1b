#include "proxy/route/router.h"

#include <gtest/gtest.h>

#include <map>

#include "proxy/config/snapshot.h"
#include "proxy/http/reply.h"
#include "proxy/runtime/scope.h"

namespace weft::route {
namespace {

using config::HeaderChangeSpec;

// Answers 200 and remembers what it got.
class Next final : public http::Service {
 public:
  runtime::Task<base::Result<http::Response>> Call(http::Request request, http::Context& context) override {
    ++clusters[std::string(context.cluster_name)];
    path = request.head.path;
    authority = request.head.authority;
    for (const auto& field : request.head.headers) fields[std::string(field.name)] = field.value;
    http::Response response;
    response.head = std::make_unique<http::Response::PooledHead>();
    response.head->status = 200;
    response.head->headers.Add("server", "app");
    co_return response;
  }
  std::map<std::string, int> clusters;
  std::map<std::string, std::string> fields;
  std::string path, authority;
};

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    spec_.virtual_hosts.resize(1);
    spec_.virtual_hosts[0].name = "h";
    spec_.virtual_hosts[0].domains = {"*"};
    connection_.peer = *base::Address::Parse("10.0.0.9:1234");
    request_.method = "GET";
    request_.path = "/api/items?x=1";
    request_.authority = "shop.example:8080";
    request_.scheme = "http";
  }
  config::RouteSpec& Add(config::RouteMatchSpec match = {}) {
    config::RouteSpec route;
    route.match = std::move(match);
    if (route.match.path.empty()) route.match.path = "/";
    config::ForwardSpec forward;
    forward.clusters.push_back({"v1", 1, {}, {}});
    route.action = forward;
    spec_.virtual_hosts[0].routes.push_back(std::move(route));
    return spec_.virtual_hosts[0].routes.back();
  }
  config::ForwardSpec& Forward() { return std::get<config::ForwardSpec>(spec_.virtual_hosts[0].routes.back().action); }
  runtime::Task<void> Run(Router& router, http::Context& context) {
    result_.emplace(co_await router.Call(http::Request{request_, nullptr}, context));
  }
  void Call() {
    auto table = Table::Compile(spec_);
    ASSERT_TRUE(table.ok()) << table.status();
    chain_.http.emplace();
    chain_.http->routes = *table;
    context_ = std::make_unique<http::Context>(reactor_, connection_);
    context_->chain = &chain_;
    Router router(next_);
    runtime::Scope scope(reactor_);
    scope.Spawn(Run(router, *context_));
    ASSERT_TRUE(result_);
  }
  const http::ResponseHead& Answer() { return *result_->value().head; }

  runtime::FakeClock clock_;
  runtime::Reactor reactor_{clock_};
  http::ConnectionInfo connection_;
  http::RequestHead request_;
  config::RouteTableSpec spec_;
  config::FilterChain chain_;
  Next next_;
  std::unique_ptr<http::Context> context_;
  std::optional<base::Result<http::Response>> result_;
};

TEST_F(RouterTest, SplitsByWeight) {
  Add();
  Forward().clusters = {{"v1", 90, {}, {}}, {"v2", 10, {}, {}}, {"off", 0, {}, {}}};
  for (int i = 0; i < 5000; ++i) Call();
  EXPECT_NEAR(next_.clusters["v2"], 500, 100);
  EXPECT_EQ(next_.clusters["v1"] + next_.clusters["v2"], 5000);
}

TEST_F(RouterTest, RewritesPathAndHost) {
  config::RouteMatchSpec match;
  match.path = "/api";
  Add(match);
  Forward().prefix_rewrite = "/v2";
  Forward().host_rewrite = "inner";
  Forward().append_x_forwarded_host = true;
  Call();
  EXPECT_EQ(next_.path, "/v2/items?x=1");
  EXPECT_EQ(next_.authority, "inner");
  EXPECT_EQ(next_.fields["x-forwarded-host"], "shop.example:8080");
  EXPECT_EQ(next_.fields["x-envoy-original-path"], "/api/items?x=1");
  EXPECT_EQ(next_.fields["x-envoy-original-host"], "shop.example:8080");
}

TEST_F(RouterTest, RewritesByRegularExpressionWithoutTheQuery) {
  Add();
  Forward().regex_rewrite = config::RegexRewriteSpec{"/([a-z]+)/([a-z]+)", "/\\2/\\1"};
  Call();
  EXPECT_EQ(next_.path, "/items/api?x=1");
}

TEST_F(RouterTest, ChangesHeadersBothWays) {
  auto& route = Add();
  using Append = HeaderChangeSpec::Append;
  route.request_headers.add = {{Append::kAppend, "x-from", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"},
                               {Append::kOverwrite, "x-set", "100%%"},
                               {Append::kAddIfAbsent, "x-there", "new"},
                               {Append::kOverwriteIfExists, "x-none", "new"},
                               {Append::kAppend, "x-path", "%REQ(:PATH)%"}};
  route.request_headers.remove = {"x-gone"};
  route.response_headers.remove = {"server"};
  route.response_headers.add = {{Append::kAppend, "x-route", "r"}};
  request_.headers.Add("X-Gone", "1");
  request_.headers.Add("x-set", "old");
  request_.headers.Add("x-there", "old");
  Call();
  EXPECT_EQ(next_.fields["x-from"], "10.0.0.9");
  EXPECT_EQ(next_.fields["x-set"], "100%");
  EXPECT_EQ(next_.fields["x-there"], "old");
  EXPECT_EQ(next_.fields["x-path"], "/api/items?x=1");
  EXPECT_FALSE(next_.fields.contains("x-none"));
  EXPECT_FALSE(next_.fields.contains("X-Gone"));
  EXPECT_FALSE(Answer().headers.Has("server"));
  EXPECT_EQ(Answer().headers.Get("x-route"), "r");
}

TEST_F(RouterTest, RedirectsAndAnswersDirectly) {
  config::RedirectSpec redirect;
  redirect.https_redirect = true;
  redirect.prefix_rewrite = "/new";
  redirect.status = 308;
  config::RouteMatchSpec match;
  match.path = "/api";
  Add(match).action = redirect;
  Call();
  EXPECT_EQ(Answer().status, 308);
  EXPECT_EQ(Answer().headers.Get("location"), "https://shop.example/new/items?x=1");
  spec_.virtual_hosts[0].routes[0].action = config::DirectResponseSpec{418, "short and stout"};
  Call();
  EXPECT_EQ(Answer().status, 418);
  EXPECT_EQ(Answer().content_length, 15u);
  EXPECT_TRUE(next_.clusters.empty());
}

TEST_F(RouterTest, RefusesWithAReason) {
  config::RouteMatchSpec match;
  match.path = "/other";
  Add(match);
  Call();
  EXPECT_EQ(result_->failure().kind, base::FailureKind::kNoRoute);
  Add();
  request_.upgrade = "websocket";
  Call();
  EXPECT_EQ(result_->failure().kind, base::FailureKind::kUpgradeRefused);
  Forward().upgrades = {{"websocket", true}};
  Call();
  EXPECT_TRUE(result_->ok());
}

TEST_F(RouterTest, TheTimeoutOfARequestWithoutContentCountsFromNow) {
  Add();
  Call();
  EXPECT_EQ(context_->deadline, reactor_.now() + std::chrono::seconds(15));
  Forward().timeout = {};
  Call();
  EXPECT_EQ(context_->deadline, runtime::kNever);
}

}  // namespace
}  // namespace weft::route
