// Route tables, unknown fields, references.
#include <chrono>
#include <string>
#include <variant>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/config/from_xds_test_text.h"

namespace weft::config {
namespace {

using envoy::config::route::v3::RouteConfiguration;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST(RoutesFromXdsTest, MatchesAndActions) {
  const RouteTableSpec table = Right(&RoutesFromXds, R"yaml(
      name: r
      ignore_port_in_host_matching: true
      virtual_hosts:
      - name: v
        domains: ["API.test", "*.api.test", "*-bar.test", "api.*", "*"]
        require_tls: ALL
        request_headers_to_add: [{header: {key: X-A, value: "%REQ(X-B)%"}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]
        response_headers_to_remove: [Server]
        routes:
        - match:
            safe_regex: {regex: "/a/[0-9]+"}
            headers:
            - {name: X-M, string_match: {exact: One, ignore_case: true}}
            - {name: ":method", range_match: {start: "-10", end: "20"}}
            - {name: x-o, present_match: false}
            query_parameters: [{name: q, string_match: {prefix: p}}]
            runtime_fraction: {default_value: {numerator: 5, denominator: TEN_THOUSAND}}
          route:
            weighted_clusters: {clusters: [{name: a, weight: 90}, {name: b, weight: 10}]}
            timeout: 0s
            idle_timeout: 7s
            regex_rewrite: {pattern: {regex: "^/a/(.*)$"}, substitution: "/\\1"}
            host_rewrite_literal: other.test
            upgrade_configs: [{upgrade_type: WebSocket, enabled: false}]
        - {match: {path: /X, case_sensitive: false}, redirect: {https_redirect: true, port_redirect: 8443, response_code: PERMANENT_REDIRECT}}
        - {match: {path_separated_prefix: /s}, route: {cluster: c, auto_host_rewrite: true}}
        - {match: {prefix: /}, direct_response: {status: 503, body: {inline_string: no}}}
      )yaml");
  const VirtualHostSpec& host = table.virtual_hosts.at(0);
  EXPECT_THAT(host.domains, ElementsAre("api.test", "*.api.test", "*-bar.test", "api.*", "*"));
  EXPECT_EQ(host.require_tls, VirtualHostSpec::RequireTls::kAll);
  EXPECT_EQ(host.request_headers.add.at(0).name, "x-a");
  EXPECT_EQ(host.request_headers.add.at(0).append, HeaderChangeSpec::Append::kOverwrite);
  EXPECT_THAT(host.response_headers.remove, ElementsAre("server"));
  const RouteMatchSpec& match = host.routes.at(0).match;
  EXPECT_EQ(match.path_how, RouteMatchSpec::Path::kRegex);
  EXPECT_EQ(match.headers.at(0).name, "x-m");
  EXPECT_TRUE(std::get<StringMatchSpec>(match.headers.at(0).value).ignore_case);
  EXPECT_EQ(std::get<HeaderMatchSpec::Range>(match.headers.at(1).value).start, -10);
  EXPECT_FALSE(match.headers.at(2).present);
  EXPECT_EQ(match.query.at(0).value->text, "p");
  EXPECT_EQ(match.fraction_denominator, 10'000u);
  const auto& forward = std::get<ForwardSpec>(host.routes.at(0).action);
  EXPECT_EQ(forward.clusters.at(0).weight, 90u);
  EXPECT_EQ(forward.timeout, Duration::zero());
  EXPECT_EQ(forward.idle_timeout, std::chrono::seconds(7));
  EXPECT_EQ(forward.regex_rewrite->substitution, "/\\1");
  EXPECT_THAT(forward.upgrades, ElementsAre(Pair("websocket", false)));
  EXPECT_TRUE(host.routes.at(1).match.ignore_case);
  EXPECT_EQ(std::get<RedirectSpec>(host.routes.at(1).action).status, 308);
  EXPECT_EQ(std::get<RedirectSpec>(host.routes.at(1).action).port, 8443);
  EXPECT_EQ(std::get<ForwardSpec>(host.routes.at(2).action).timeout, std::chrono::seconds(15));
  EXPECT_EQ(std::get<DirectResponseSpec>(host.routes.at(3).action).body, "no");
}

std::string OneRoute(const std::string& route) {
  return "{name: r, virtual_hosts: [{name: v, domains: ['*'], routes: [" + route + "]}]}";
}

TEST(RoutesFromXdsTest, WhatIsRefused) {
  const auto wrong = [](const std::string& route) { return Wrong(&RoutesFromXds, OneRoute(route)); };
  const std::string at = "virtual_hosts[0].routes[0].";
  EXPECT_THAT(wrong("{match: {prefix: /}, route: {cluster: c, request_mirror_policies: [{cluster: d}]}}"),
              HasSubstr(at + "route.request_mirror_policies: known to Envoy, not supported by Weft yet"));
  EXPECT_THAT(wrong("{match: {prefix: /, dynamic_metadata: [{filter: f}]}, route: {cluster: c}}"),
              HasSubstr("dynamic_metadata: known"));
  EXPECT_THAT(
      wrong("{match: {prefix: /}, route: {cluster: c, prefix_rewrite: /a, regex_rewrite: {pattern: {regex: a}}}}"),
      HasSubstr("only one of prefix_rewrite and regex_rewrite"));
  EXPECT_THAT(wrong("{match: {prefix: /}, route: {weighted_clusters: {clusters: [{name: a, weight: 0}]}}}"),
              HasSubstr("add up to 0"));
  EXPECT_THAT(
      wrong("{match: {prefix: /}, route: {cluster: c, regex_rewrite: {pattern: {regex: a}, substitution: '\\1'}}}"),
      HasSubstr("regex_rewrite.substitution: "));
  EXPECT_THAT(wrong("{match: {prefix: /}, route: {cluster: c}, request_headers_to_add: [{header: {key: a, value: "
                    "'%NOTHING%'}}]}"),
              HasSubstr(at + "request_headers_to_add[0].header.value: the command %NOTHING%: known to Envoy"));
  EXPECT_THAT(
      wrong("{match: {prefix: /}, route: {cluster: c}, request_headers_to_add: [{header: {key: 'a b', value: x}}]}"),
      HasSubstr("header.key: expected the name of a header"));
  EXPECT_THAT(wrong("{match: {prefix: /}, route: {cluster: c}, typed_per_filter_config: {rbac: {" + std::string(kType) +
                    "filters.http.rbac.v3.RBACPerRoute}}}"),
              HasSubstr(at + "typed_per_filter_config[\"rbac\"]: settings of a filter: known to Envoy"));
  EXPECT_THAT(wrong("{match: {prefix: /, headers: [{name: a, string_match: {prefix: ''}}]}, route: {cluster: c}}"),
              HasSubstr("string_match.prefix: the text to look for is empty"));
}

TEST(RoutesFromXdsTest, RetriesAreNoted) {
  EXPECT_THAT(
      NotedFields(&RoutesFromXds, OneRoute("{match: {prefix: /}, route: {cluster: c, retry_policy: {retry_on: 5xx}}}")),
      ElementsAre("virtual_hosts[0].routes[0].route.retry_policy"));
}

// A newer control plane's fields: what narrows a match must not be dropped.
TEST(RoutesFromXdsTest, UnknownFields) {
  auto message = Parse<RouteConfiguration>(OneRoute("{match: {prefix: /, headers: [{name: a}]}, route: {cluster: c}}"));
  auto* route = message.mutable_virtual_hosts(0)->mutable_routes(0);
  route->GetReflection()->MutableUnknownFields(route)->AddVarint(999, 1);
  Findings findings;
  RoutesFromXds(message, &findings);
  EXPECT_TRUE(findings.ok()) << findings.ToString();
  ASSERT_EQ(findings.notes.size(), 1u);
  EXPECT_EQ(findings.notes[0].field, "virtual_hosts[0].routes[0]");
  EXPECT_THAT(findings.notes[0].what, HasSubstr("field number 999 of envoy.config.route.v3.Route is not known"));

  auto* header = route->mutable_match()->mutable_headers(0);
  header->GetReflection()->MutableUnknownFields(header)->AddVarint(998, 1);
  findings = {};
  RoutesFromXds(message, &findings);
  EXPECT_EQ(findings.ToString(),
            "virtual_hosts[0].routes[0].match.headers[0]: field number 998 of "
            "envoy.config.route.v3.HeaderMatcher is not known to Weft");
}

TEST(FromXdsTest, ReferencesSayWhatIsNeeded) {
  Findings findings;
  RoutesFromXds(Parse<RouteConfiguration>(OneRoute("{match: {prefix: /}, route: {cluster: c}}")), &findings);
  ASSERT_EQ(findings.references.size(), 1u);
  EXPECT_EQ(findings.references[0].kind, Reference::Kind::kRouteCluster);
  EXPECT_EQ(findings.references[0].field, "virtual_hosts[0].routes[0].route.cluster");
  EXPECT_EQ(findings.references[0].name, "c");
}

}  // namespace
}  // namespace weft::config
