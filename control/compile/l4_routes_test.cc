#include "control/compile/l4_routes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "control/compile/names.h"
#include "control/compile/test_world.h"
#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"

namespace weft::control::compile {
namespace {

namespace listener = envoy::config::listener::v3;
namespace tls = envoy::extensions::transport_sockets::tls::v3;
using envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
using model::Protocol;
using Shares = std::map<std::string, uint32_t>;

// The shop, with a database that is balanced over two others, and a port that everybody encrypts.
model::World L4World(Protocol web_tls = Protocol::kTls) {
  model::World world = Shop();
  AddService(world, "sql", {"240.240.1.1"}, {Port(3306, 3306, Protocol::kTcp)}, {{"app", "db"}});
  AddService(world, "sql-new", {"240.240.1.2"}, {Port(3306, 3307, Protocol::kTcp)}, {{"app", "db"}});
  AddService(world, "edge", {"240.240.1.3"}, {Port(443, 8443, web_tls)}, {{"app", "web"}});
  return world;
}

template <typename Route>
Route RouteTo(const std::string& name, const std::string& parent, uint16_t port, std::vector<model::Backend> backends) {
  Route route;
  route.meta.name = {"shop", name};
  route.parents.push_back({{"shop", parent}, port});
  route.backends = std::move(backends);
  return route;
}

model::TcpRoute& AddTcpRoute(model::World& world, const std::string& name, const std::string& parent, uint16_t port,
                             std::vector<model::Backend> backends) {
  return world.tcp_routes[{"shop", name}] = RouteTo<model::TcpRoute>(name, parent, port, std::move(backends));
}

model::TlsRoute& AddTlsRoute(model::World& world, const std::string& name, std::vector<std::string> hosts,
                             const std::string& backend) {
  auto route = RouteTo<model::TlsRoute>(name, "edge", 443, {BackendOf(backend, 1, 443)});
  route.hostnames = std::move(hosts);
  return world.tls_routes[{"shop", name}] = route;
}

model::BackendTlsPolicy& AddBackendTls(model::World& world, const std::string& name, const std::string& service) {
  model::BackendTlsPolicy policy;
  policy.meta.name = {"shop", name};
  policy.targets = {{{"shop", service}, ""}};
  policy.hostname = name + ".example.com";
  policy.names = {{model::SubjectAltName::Type::kHostname, policy.hostname}};
  policy.ca_refs = {{"shop", "roots"}};
  world.config_maps[{"shop", "roots"}].ca_pem = "PEM";
  return world.backend_tls_policies[policy.meta.name] = policy;
}

listener::Listener Outbound(const model::World& world) {
  return ListenerOf(*Compiled(world).For("client"), "outbound");
}

const listener::FilterChain* ChainNamed(const listener::Listener& from, const std::string& name) {
  for (const auto& chain : from.filter_chains()) {
    if (chain.name() == name) return &chain;
  }
  return nullptr;
}

// Where the chain's TCP proxy sends connections; empty when there is no such chain, or it is none of bytes.
Shares SharesOf(const listener::Listener& from, const std::string& name) {
  Shares shares;
  TcpProxy proxy;
  const listener::FilterChain* chain = ChainNamed(from, name);
  if (chain == nullptr || !chain->filters(0).typed_config().UnpackTo(&proxy)) return shares;
  if (!proxy.cluster().empty()) shares[proxy.cluster()] = 1;
  for (const auto& cluster : proxy.weighted_clusters().clusters()) shares[cluster.name()] += cluster.weight();
  return shares;
}

TEST(TcpRoute, WeightsAreSharesOfTheConnections) {
  model::World world = L4World();
  AddTcpRoute(
      world, "split", "sql", 3306,
      {BackendOf("sql", 90, 3306), BackendOf("sql-new", 9, 3306), BackendOf("gone", 1, 3306), BackendOf("legacy", 0)});
  EXPECT_EQ(SharesOf(Outbound(world), "outbound|3306|sql.shop|tcp"), (Shares{{"outbound|3306|sql.shop|tcp", 90},
                                                                             {"outbound|3306|sql-new.shop|tcp", 9},
                                                                             {std::string(kInvalidBackend), 1}}))
      << "a share of a backend that does not exist is refused, and not given to the others";
  const Compiled compiled(world);
  EXPECT_EQ(compiled.compiler().problems(), std::vector<std::string>());
  const ResourcePtr* outbound = compiled.For("client")->Of(ResourceType::kListener).Find("outbound");
  EXPECT_EQ(std::count((*outbound)->sources.begin(), (*outbound)->sources.end(), "TCPRoute/shop/split"), 1);
}

TEST(TcpRoute, BytesReachABackendWhosePortIsHttp) {
  model::World world = L4World();
  AddTcpRoute(world, "split", "sql", 0, {BackendOf("web", 1)});
  const auto config = Compiled(world).For("client");
  EXPECT_EQ(SharesOf(ListenerOf(*config, "outbound"), "outbound|3306|sql.shop|tcp"),
            (Shares{{"outbound|80|web.shop|tcp", 1}}));
  EXPECT_TRUE(ClusterNamed(*config, "outbound|80|web.shop|tcp").has_eds_cluster_config());
}

TEST(TcpRoute, TheOldestHasThePort) {
  model::World world = L4World();
  AddTcpRoute(world, "a-young", "sql", 0, {BackendOf("web", 1)}).meta.created = absl::FromUnixSeconds(200);
  AddTcpRoute(world, "z-old", "sql", 3306, {BackendOf("sql-new", 1, 3306)}).meta.created = absl::FromUnixSeconds(100);
  EXPECT_EQ(SharesOf(Outbound(world), "outbound|3306|sql.shop|tcp"), (Shares{{"outbound|3306|sql-new.shop|tcp", 1}}));
}

TEST(TcpRoute, WithNoBackendLeftConnectionsAreRefused) {
  model::World world = L4World();
  AddTcpRoute(world, "none", "sql", 3306, {BackendOf("sql-new", 0, 3306)});
  EXPECT_EQ(SharesOf(Outbound(world), "outbound|3306|sql.shop|tcp"), (Shares{{std::string(kInvalidBackend), 1}}));
}

TEST(TcpRoute, OnAnUndeclaredPortNothingIsReadUnlessAnHttpRouteAsksForIt) {
  model::World world = L4World();
  AddTcpRoute(world, "split", "web", 7000, {BackendOf("sql", 1, 3306)});
  const listener::Listener alone = Outbound(world);
  ASSERT_NE(ChainNamed(alone, "outbound|7000|web.shop|tcp"), nullptr);
  EXPECT_TRUE(ChainNamed(alone, "outbound|7000|web.shop|tcp")->filter_chain_match().transport_protocol().empty())
      << "it would wait for first bytes";
  EXPECT_EQ(ChainNamed(alone, "outbound|7000|web.shop"), nullptr);

  AddRoute(world, "requests", {RuleFor("/", {BackendOf("web-v1", 1)})}).parents[0].port = 7000;
  const listener::Listener both = Outbound(world);
  EXPECT_NE(ChainNamed(both, "outbound|7000|web.shop"), nullptr) << "requests go by the HTTPRoute";
  EXPECT_EQ(SharesOf(both, "outbound|7000|web.shop|raw_buffer"), (Shares{{"outbound|3306|sql.shop|tcp", 1}}));
}

TEST(TcpRoute, DoesNothingOnAPortOfRequestsOrWithoutVirtualIp) {
  model::World world = L4World();
  const listener::Listener before = Outbound(world);
  AddTcpRoute(world, "http", "web", 80, {BackendOf("sql", 1, 3306)});
  AddTcpRoute(world, "headless", "db", 5432, {BackendOf("sql", 1, 3306)});
  EXPECT_EQ(Outbound(world).SerializeAsString(), before.SerializeAsString());
}

TEST(TlsRoute, NamesChooseAndTheRestGoesToTheService) {
  model::World world = L4World();
  AddTlsRoute(world, "young", {"a.example.com", "b.example.com"}, "edge").meta.created = absl::FromUnixSeconds(200);
  AddTlsRoute(world, "old", {"a.example.com", "*.example.com"}, "nobody").meta.created = absl::FromUnixSeconds(100);
  const listener::Listener outbound = Outbound(world);
  const listener::FilterChain* old = ChainNamed(outbound, "outbound|443|edge.shop|tls|shop/old");
  const listener::FilterChain* young = ChainNamed(outbound, "outbound|443|edge.shop|tls|shop/young");
  ASSERT_NE(old, nullptr);
  ASSERT_NE(young, nullptr);
  EXPECT_EQ(old->filter_chain_match().server_names_size(), 2);
  ASSERT_EQ(young->filter_chain_match().server_names_size(), 1) << "the older route has a.example.com";
  EXPECT_EQ(young->filter_chain_match().server_names(0), "b.example.com");
  EXPECT_FALSE(old->has_metadata());
  EXPECT_EQ(SharesOf(outbound, old->name()), (Shares{{std::string(kInvalidBackend), 1}}));
  EXPECT_EQ(SharesOf(outbound, "outbound|443|edge.shop|tcp"), (Shares{{"outbound|443|edge.shop|tcp", 1}}));
  const auto& filters = outbound.listener_filters();
  EXPECT_TRUE(std::any_of(filters.begin(), filters.end(),
                          [](const auto& filter) { return filter.name() == "envoy.filters.listener.tls_inspector"; }));
}

TEST(TlsRoute, OfPostgresIsReadBehindItsQuestion) {
  model::World world = L4World(Protocol::kPostgres);
  AddTlsRoute(world, "db", {"db.example.com"}, "edge");
  const listener::Listener outbound = Outbound(world);
  const listener::FilterChain* chain = ChainNamed(outbound, "outbound|443|edge.shop|tls|shop/db");
  ASSERT_NE(chain, nullptr);
  EXPECT_EQ(chain->metadata().filter_metadata().at("weft.dev").fields().at("preamble").string_value(), "postgres");
}

TEST(TlsRoute, DoesNothingWhereNoClientHelloIsSeen) {
  model::World world = L4World(Protocol::kTcp);
  const listener::Listener before = Outbound(world);
  AddTlsRoute(world, "blind", {"a.example.com"}, "edge");
  EXPECT_EQ(Outbound(world).SerializeAsString(), before.SerializeAsString());
}

tls::UpstreamTlsContext ContextOf(const ProxyConfig& config, const std::string& cluster) {
  tls::UpstreamTlsContext context;
  ClusterNamed(config, cluster).transport_socket().typed_config().UnpackTo(&context);
  return context;
}

TEST(BackendTls, BeginsTowardsEndpointsWithoutASidecar) {
  model::World world = L4World();
  model::BackendTlsPolicy& policy = AddBackendTls(world, "old", "legacy");
  policy.names.push_back({model::SubjectAltName::Type::kUri, "spiffe://other/ns/a/sa/b"});
  policy.only_tls13 = policy.mesh_certificate = true;
  AddBackendTls(world, "of-web", "web");
  const auto config = Compiled(world).For("client");
  const tls::UpstreamTlsContext context = ContextOf(*config, "outbound|80|legacy.shop");
  const auto& common = context.common_tls_context();
  EXPECT_EQ(context.sni(), "old.example.com");
  EXPECT_EQ(common.validation_context().trusted_ca().inline_string(), "PEM");
  ASSERT_EQ(common.validation_context().match_typed_subject_alt_names_size(), 2);
  EXPECT_EQ(common.validation_context().match_typed_subject_alt_names(0).san_type(), tls::SubjectAltNameMatcher::DNS);
  EXPECT_EQ(common.validation_context().match_typed_subject_alt_names(1).matcher().exact(), "spiffe://other/ns/a/sa/b");
  EXPECT_EQ(common.tls_params().tls_minimum_protocol_version(), tls::TlsParameters::TLSv1_3);
  EXPECT_EQ(common.tls_certificate_sds_secret_configs(0).name(), "default");
  EXPECT_EQ(ContextOf(*config, "direct|80|legacy.shop|plain").sni(), "old.example.com");

  // Where sidecars are, mutual TLS stays, chosen by the endpoint.
  EXPECT_EQ(ClusterNamed(*config, "outbound|80|web.shop").transport_socket_matches_size(), 1);
  EXPECT_EQ(ContextOf(*config, "outbound|80|web.shop").sni(), "of-web.example.com");
  // On an undeclared port the client's own TLS is not wrapped once more.
  EXPECT_EQ(SharesOf(ListenerOf(*config, "outbound"), "outbound|7000|web.shop|tls"),
            (Shares{{"outbound|7000|web.shop|sealed", 1}}));
  EXPECT_EQ(ContextOf(*config, "outbound|7000|web.shop|tcp").sni(), "of-web.example.com");
  EXPECT_EQ(ContextOf(*config, "outbound|7000|web.shop|sealed").sni(), "");
  EXPECT_EQ(DanglingReferences(*config), std::vector<std::string>());
}

TEST(BackendTls, APortsOwnPolicyGoesBeforeTheServicesAndTheOlderBeforeTheYounger) {
  model::World world = L4World();
  AddBackendTls(world, "a-young", "legacy").meta.created = absl::FromUnixSeconds(200);
  AddBackendTls(world, "z-old", "legacy").meta.created = absl::FromUnixSeconds(100);
  EXPECT_EQ(ContextOf(*Compiled(world).For("client"), "outbound|80|legacy.shop").sni(), "z-old.example.com");
  AddBackendTls(world, "port", "legacy").targets[0].section = "p80";
  EXPECT_EQ(ContextOf(*Compiled(world).For("client"), "outbound|80|legacy.shop").sni(), "port.example.com");
}

TEST(BackendTls, WithoutACertificateToTrustNoneIsTrusted) {
  model::World world = L4World();
  AddBackendTls(world, "old", "legacy");
  world.config_maps.clear();
  const tls::UpstreamTlsContext context = ContextOf(*Compiled(world).For("client"), "outbound|80|legacy.shop");
  EXPECT_EQ(context.common_tls_context().validation_context().verify_certificate_hash(0), std::string(64, '0'));
  world.backend_tls_policies.begin()->second.system_roots = true;
  const tls::UpstreamTlsContext system = ContextOf(*Compiled(world).For("client"), "outbound|80|legacy.shop");
  EXPECT_EQ(system.common_tls_context().validation_context().trusted_ca().filename(),
            "/etc/ssl/certs/ca-certificates.crt");
  EXPECT_EQ(system.common_tls_context().validation_context().verify_certificate_hash_size(), 0);
}

TEST(BackendTls, IsNotForAPortThatClientsEncrypt) {
  model::World world = L4World();
  AddBackendTls(world, "edge", "edge");
  const auto config = Compiled(world).For("client");
  EXPECT_FALSE(ClusterNamed(*config, "outbound|443|edge.shop|tcp").has_transport_socket());
  EXPECT_EQ(config->Of(ResourceType::kCluster).Find("outbound|443|edge.shop|sealed"), nullptr);
}

}  // namespace
}  // namespace weft::control::compile
