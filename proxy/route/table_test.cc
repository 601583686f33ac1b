#include "proxy/route/table.h"

#include <gtest/gtest.h>

namespace weft::route {
namespace {

using config::ForwardSpec;
using config::RouteMatchSpec;
using config::RouteSpec;
using config::RouteTableSpec;
using config::StringMatchSpec;
using config::VirtualHostSpec;

RouteSpec To(const std::string& cluster, RouteMatchSpec match = {}) {
  RouteSpec route;
  route.name = cluster;
  route.match = std::move(match);
  ForwardSpec forward;
  forward.clusters.push_back({cluster, 1, {}, {}});
  route.action = forward;
  return route;
}

RouteMatchSpec Path(RouteMatchSpec::Path how, std::string path) {
  RouteMatchSpec match;
  match.path_how = how;
  match.path = std::move(path);
  return match;
}

VirtualHostSpec Host(const std::string& name, std::vector<std::string> domains) {
  VirtualHostSpec host;
  host.name = name;
  host.domains = std::move(domains);
  host.routes.push_back(To(name));
  return host;
}

std::string HostFor(const Table& table, std::string_view authority) {
  http::RequestHead request;
  request.authority = authority;
  const VirtualHost* host = table.FindHost(request);
  return host == nullptr ? "none" : host->name;
}

TEST(Table, FindsTheMostSpecificDomain) {
  RouteTableSpec spec;
  spec.virtual_hosts = {Host("exact", {"a.example.com"}), Host("suffix", {"*.example.com"}),
                        Host("long", {"*.b.example.com"}), Host("prefix", {"a.*"}),
                        Host("port", {"a.example.com:8080"})};
  auto table = Table::Compile(spec);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(HostFor(**table, "a.example.com"), "exact");
  EXPECT_EQ(HostFor(**table, "A.Example.COM"), "exact");
  EXPECT_EQ(HostFor(**table, "x.example.com"), "suffix");
  EXPECT_EQ(HostFor(**table, "x.b.example.com"), "long");
  EXPECT_EQ(HostFor(**table, ".example.com"), "none");  // a star is at least one character
  EXPECT_EQ(HostFor(**table, "a.org"), "prefix");
  EXPECT_EQ(HostFor(**table, "a.example.com:8080"), "port");
  EXPECT_EQ(HostFor(**table, "a.example.com:81"), "prefix");
  EXPECT_EQ(HostFor(**table, "b.org"), "none");
}

TEST(Table, ThePortMayBeIgnored) {
  RouteTableSpec spec;
  spec.ignore_port_in_host_matching = true;
  spec.virtual_hosts = {Host("a", {"a"}), Host("six", {"[::1]"})};
  auto table = Table::Compile(spec);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(HostFor(**table, "a:80"), "a");
  EXPECT_EQ(HostFor(**table, "[::1]:80"), "six");
  EXPECT_EQ(HostFor(**table, "[::1]"), "six");
}

TEST(Table, SaysWhichRouteIsWrong) {
  RouteTableSpec spec;
  spec.virtual_hosts = {Host("h", {"*"})};
  spec.virtual_hosts[0].routes.push_back(To("bad", Path(RouteMatchSpec::Path::kRegex, "/(")));
  EXPECT_EQ(Table::Compile(spec).status().message().substr(0, 34), "virtual_hosts[h].routes[1]: match:");
  spec.virtual_hosts[0].routes.pop_back();
  spec.virtual_hosts.push_back(Host("other", {"*"}));
  EXPECT_EQ(Table::Compile(spec).status().message(), "virtual_hosts[other].domains: * is there twice");
  spec.virtual_hosts.pop_back();
  spec.virtual_hosts[0].routes[0].request_headers.add.push_back({{}, "x", "%NOPE%"});
  EXPECT_FALSE(Table::Compile(spec).ok());
}

struct PathCase {
  RouteMatchSpec::Path how;
  const char* pattern;
  const char* path;
  bool matches;
};

TEST(RequestMatcher, Paths) {
  using P = RouteMatchSpec::Path;
  const PathCase cases[] = {
      {P::kExact, "/a", "/a", true},
      {P::kExact, "/a", "/a?x", true},
      {P::kExact, "/a", "/a/", false},
      {P::kPrefix, "/a", "/ab", true},
      {P::kPrefix, "/a", "/b", false},
      {P::kPathSeparatedPrefix, "/a", "/a", true},
      {P::kPathSeparatedPrefix, "/a", "/a/b", true},
      {P::kPathSeparatedPrefix, "/a", "/ab", false},
      {P::kPathSeparatedPrefix, "/a", "/a?q", true},
      {P::kRegex, "/[0-9]+", "/123?x=y", true},
      {P::kRegex, "/[0-9]+", "/123/4", false},
      {P::kExact, "/A", "/a", false},
      {P::kConnect, "", "/a", false},
  };
  for (const PathCase& c : cases) {
    auto matcher = RequestMatcher::Compile(Path(c.how, c.pattern));
    ASSERT_TRUE(matcher.ok());
    http::RequestHead request;
    request.method = "GET";
    request.path = c.path;
    EXPECT_EQ(matcher->Matches(request, 0), c.matches) << c.pattern << " " << c.path;
  }
}

TEST(RequestMatcher, HeadersAndQueryMustAllMatch) {
  RouteMatchSpec spec;
  spec.path = "/";
  config::HeaderMatchSpec exact{.name = "x-user", .value = StringMatchSpec{StringMatchSpec::How::kExact, "ann", false}};
  config::HeaderMatchSpec absent{.name = "x-no", .value = std::monostate{}, .present = false};
  config::HeaderMatchSpec range{.name = "x-n", .value = config::HeaderMatchSpec::Range{-5, 10}};
  config::HeaderMatchSpec method{.name = ":method",
                                 .value = StringMatchSpec{StringMatchSpec::How::kExact, "GET", false}};
  spec.headers = {exact, absent, range, method};
  spec.query = {{"v", StringMatchSpec{StringMatchSpec::How::kPrefix, "2", false}}, {"debug", std::nullopt}};
  auto matcher = RequestMatcher::Compile(spec);
  ASSERT_TRUE(matcher.ok());
  http::RequestHead request;
  request.method = "GET";
  request.path = "/p?debug&v=2.1";
  request.headers.Add("X-User", "ann");
  request.headers.Add("x-n", "-5");
  EXPECT_TRUE(matcher->Matches(request, 0));
  request.headers.Set("x-n", "10");
  EXPECT_FALSE(matcher->Matches(request, 0));
  request.headers.Set("x-n", "9");
  request.path = "/p?v=1&v=2&debug";  // the first decides
  EXPECT_FALSE(matcher->Matches(request, 0));
  request.path = "/p?v=2&debug";
  request.headers.Add("x-no", "");
  EXPECT_FALSE(matcher->Matches(request, 0));
}

TEST(RequestMatcher, AMissingHeaderNeverMatchesAValueEvenInverted) {
  RouteMatchSpec spec;
  spec.path = "/";
  config::HeaderMatchSpec inverted{.name = "x", .value = StringMatchSpec{StringMatchSpec::How::kExact, "a", false}};
  inverted.invert = true;
  spec.headers = {inverted};
  http::RequestHead request;
  request.path = "/";
  EXPECT_FALSE(RequestMatcher::Compile(spec)->Matches(request, 0));
  spec.headers[0].treat_missing_as_empty = true;
  EXPECT_TRUE(RequestMatcher::Compile(spec)->Matches(request, 0));
}

}  // namespace
}  // namespace weft::route
