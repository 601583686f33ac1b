#include "control/compile/routes.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "control/compile/names.h"
#include "control/compile/test_world.h"

namespace weft::control::compile {
namespace {

namespace route = envoy::config::route::v3;

route::RouteConfiguration RoutesOfWeb(const model::World& world) {
  return RoutesNamed(*Compiled(world).For("client"), "outbound|80|web.shop");
}

const route::VirtualHost& HostFor(const route::RouteConfiguration& config, const std::string& domain) {
  for (const route::VirtualHost& host : config.virtual_hosts()) {
    if (host.domains(0) == domain) return host;
  }
  static const auto& none = *new route::VirtualHost();
  return none;
}

std::vector<std::string> Names(const route::VirtualHost& host) {
  std::vector<std::string> names;
  for (const route::Route& entry : host.routes()) names.push_back(entry.name());
  return names;
}

TEST(Routes, AServiceWithoutHttpRouteGetsItsOwnTraffic) {
  const route::RouteConfiguration config = RoutesOfWeb(Shop());
  ASSERT_EQ(config.virtual_hosts_size(), 1);
  const route::Route& only = config.virtual_hosts(0).routes(0);
  EXPECT_EQ(only.match().prefix(), "/");
  EXPECT_EQ(only.route().cluster(), "outbound|80|web.shop");
  EXPECT_TRUE(only.route().has_timeout()) << "not set, it would be 15 s";
  EXPECT_EQ(only.route().timeout().seconds(), 0);
}

TEST(Routes, WeightsBecomeWeightedClusters) {
  model::World world = Shop();
  AddRoute(
      world, "canary",
      {RuleFor("/", {BackendOf("web-v1", 90), BackendOf("web-v2", 10), BackendOf("legacy", 0), BackendOf("gone", 1)})});
  const route::RouteAction action = RoutesOfWeb(world).virtual_hosts(0).routes(0).route();
  std::vector<std::pair<std::string, uint32_t>> found;
  for (const auto& cluster : action.weighted_clusters().clusters())
    found.emplace_back(cluster.name(), cluster.weight().value());
  EXPECT_EQ(found, (std::vector<std::pair<std::string, uint32_t>>{{"outbound|80|web-v1.shop", 90},
                                                                  {"outbound|80|web-v2.shop", 10},
                                                                  {"outbound|80|legacy.shop", 0},
                                                                  {std::string(kInvalidBackend), 1}}));
  EXPECT_EQ(action.cluster_not_found_response_code(), route::RouteAction::INTERNAL_SERVER_ERROR);
}

TEST(Routes, WithoutAnyBackendTheAnswerIs500) {
  model::World world = Shop();
  AddRoute(world, "none", {RuleFor("/a", {}), RuleFor("/b", {BackendOf("web-v1", 0), BackendOf("web-v2", 0)})});
  const route::RouteConfiguration config = RoutesOfWeb(world);
  ASSERT_EQ(config.virtual_hosts(0).routes_size(), 2) << "what no rule matches gets 404";
  for (const route::Route& entry : config.virtual_hosts(0).routes()) EXPECT_EQ(entry.direct_response().status(), 500u);
}

// HTTPRouteRule.matches of the Gateway API, from the most to the least important.
TEST(Routes, PrecedenceIsThatOfTheGatewayApi) {
  model::World world = Shop();
  const std::vector<model::Backend> to = {BackendOf("web-v1", 1)};
  model::RouteRule root = RuleFor("/", to), slash = RuleFor("/api/", to), longer = RuleFor("/api/v2", to),
                   exact = RuleFor("/api", to);
  root.name = "root";
  slash.name = "prefix";
  longer.name = "longer";
  exact.name = "exact";
  exact.matches[0].path.type = model::PathMatch::Type::kExact;
  model::RouteRule method = slash, one_header = slash, two_headers = slash, query = slash;
  method.name = "method";
  method.matches[0].method = "POST";
  one_header.name = "one-header";
  one_header.matches[0].headers = {{.type = {}, .name = "x-a", .value = "1"}};
  two_headers.name = "two-headers";
  two_headers.matches[0].headers = {{.type = {}, .name = "x-a", .value = "1"},
                                    {.type = {}, .name = "x-b", .value = "2"}};
  query.name = "query";
  query.matches[0].query_params = {{.type = {}, .name = "q", .value = "1"}};
  model::HttpRoute& young = AddRoute(world, "a", {root, query, slash, one_header, method, two_headers, longer, exact});
  young.meta.created = absl::FromUnixSeconds(200);
  AddRoute(world, "b", {slash}).meta.created = absl::FromUnixSeconds(100);  // older, so before the same in "a"

  const route::RouteConfiguration config = RoutesOfWeb(world);
  EXPECT_EQ(
      Names(config.virtual_hosts(0)),
      (std::vector<std::string>{"shop/a/exact", "shop/a/longer", "shop/a/method", "shop/a/two-headers",
                                "shop/a/one-header", "shop/a/query", "shop/b/prefix", "shop/a/prefix", "shop/a/root"}));
  EXPECT_EQ(config.virtual_hosts(0).routes(1).match().path_separated_prefix(), "/api/v2");
  EXPECT_EQ(config.virtual_hosts(0).routes(6).match().path_separated_prefix(), "/api") << "without the last slash";
  EXPECT_EQ(config.virtual_hosts(0).routes(2).match().headers(0).name(), ":method");
}

TEST(Routes, TheNearestHostNameIsAskedFirst) {
  model::World world = Shop();
  const std::vector<model::Backend> to = {BackendOf("web-v1", 1)};
  AddRoute(world, "exact", {RuleFor("/x", to)}).hostnames = {"a.example.com"};
  AddRoute(world, "wild", {RuleFor("/longer/path", to)}).hostnames = {"*.example.com"};
  const route::RouteConfiguration config = RoutesOfWeb(world);
  EXPECT_TRUE(config.ignore_port_in_host_matching());
  EXPECT_EQ(Names(HostFor(config, "a.example.com")), (std::vector<std::string>{"shop/exact/0", "shop/wild/0"}));
  EXPECT_EQ(Names(HostFor(config, "*.example.com")), (std::vector<std::string>{"shop/wild/0"}));
  EXPECT_EQ(Names(HostFor(config, "*")), (std::vector<std::string>{"default"})) << "no route is about other hosts";
}

TEST(Routes, FiltersAndTimeouts) {
  model::World world = Shop();
  model::RouteRule rule = RuleFor("/old", {BackendOf("web-v1", 1)});
  rule.filters.request_headers.set = {{"x-discount", "50%"}};
  rule.filters.response_headers.remove = {"server"};
  rule.filters.rewrite = model::Rewrite{"inner.example", model::PathChange{model::PathChange::Type::kPrefix, "/"}};
  rule.request_timeout = absl::Seconds(10);
  rule.backend_request_timeout = absl::Milliseconds(2500);
  model::RouteRule redirect = RuleFor("/moved", {});
  redirect.filters.redirect =
      model::Redirect{"https", "shop.example", model::PathChange{model::PathChange::Type::kFull, "/here"}, 8443, 308};
  AddRoute(world, "filters", {rule, redirect});

  const route::RouteConfiguration config = RoutesOfWeb(world);
  const route::Route& moved = config.virtual_hosts(0).routes(0);
  EXPECT_EQ(moved.redirect().scheme_redirect(), "https");
  EXPECT_EQ(moved.redirect().port_redirect(), 8443u);
  EXPECT_EQ(moved.redirect().path_redirect(), "/here");
  EXPECT_EQ(moved.redirect().response_code(), route::RedirectAction::PERMANENT_REDIRECT);
  const route::Route& rewritten = config.virtual_hosts(0).routes(1);
  EXPECT_EQ(rewritten.request_headers_to_add(0).header().value(), "50%%") << "a single % would begin a command";
  EXPECT_EQ(rewritten.request_headers_to_add(0).append_action(),
            envoy::config::core::v3::HeaderValueOption::OVERWRITE_IF_EXISTS_OR_ADD);
  EXPECT_EQ(rewritten.response_headers_to_remove(0), "server");
  EXPECT_EQ(rewritten.route().host_rewrite_literal(), "inner.example");
  EXPECT_EQ(rewritten.route().regex_rewrite().pattern().regex(), "^\\/old/*") << "/old/a becomes /a, not //a";
  EXPECT_EQ(rewritten.route().timeout().seconds(), 2);
  EXPECT_EQ(rewritten.route().timeout().nanos(), 500000000);
}

}  // namespace
}  // namespace weft::control::compile
