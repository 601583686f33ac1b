#include "control/compile/compiler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "control/compile/names.h"
#include "control/compile/test_world.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"

namespace weft::control::compile {
namespace {

namespace listener = envoy::config::listener::v3;
namespace tls = envoy::extensions::transport_sockets::tls::v3;
using Hcm = envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;

std::set<std::string> ChainNames(const listener::Listener& from) {
  std::set<std::string> names;
  for (const auto& chain : from.filter_chains()) names.insert(chain.name());
  return names;
}

const listener::FilterChain& ChainNamed(const listener::Listener& from, const std::string& name) {
  static const auto& none = *new listener::FilterChain();
  const auto it = std::find_if(from.filter_chains().begin(), from.filter_chains().end(),
                               [&](const listener::FilterChain& chain) { return chain.name() == name; });
  return it == from.filter_chains().end() ? none : *it;
}

std::vector<std::string> UriSans(const envoy::config::core::v3::TransportSocket& socket) {
  tls::UpstreamTlsContext context;
  std::vector<std::string> sans;
  if (!socket.typed_config().UnpackTo(&context)) return sans;
  const auto& validation = context.common_tls_context().combined_validation_context().default_validation_context();
  for (const auto& san : validation.match_typed_subject_alt_names()) sans.push_back(san.matcher().exact());
  return sans;
}

// Names of the resources of which `b` has another content than `a`, or which only one has.
std::set<std::string> Changed(const ProxyConfig& a, const ProxyConfig& b) {
  std::map<std::string, std::set<const Resource*>> seen;
  for (const ProxyConfig* config : {&a, &b}) {
    for (const auto& type : config->types) {
      for (const ResourcePtr& resource : type->resources) {
        seen[std::string(ShortName(resource->type)) + " " + resource->name].insert(resource.get());
      }
    }
  }
  std::set<std::string> changed;
  for (const auto& [name, resources] : seen) {
    const std::string bare = name.substr(4);
    const bool in_both = a.Of((*resources.begin())->type).Find(bare) && b.Of((*resources.begin())->type).Find(bare);
    if (resources.size() > 1 || !in_both) changed.insert(name);
  }
  return changed;
}

model::PeerAuthentication& AddPolicy(model::World& world, model::MtlsMode mode) {
  model::PeerAuthentication policy;
  policy.meta.name = {"shop", "default"};
  policy.mode = mode;
  return world.peer_authentications[policy.meta.name] = policy;
}

TEST(Outbound, EachVirtualIpAndPortHasItsChain) {
  const Compiled compiled(Shop());
  const listener::Listener outbound = ListenerOf(*compiled.For("client"), "outbound");
  EXPECT_EQ(outbound.address().socket_address().address(), "0.0.0.0");
  EXPECT_EQ(outbound.address().socket_address().port_value(), 15001u);
  EXPECT_EQ(outbound.additional_addresses(0).address().socket_address().address(), "::");

  const listener::FilterChain& http = ChainNamed(outbound, "outbound|80|web.shop");
  EXPECT_EQ(http.filter_chain_match().destination_port().value(), 80u);
  ASSERT_EQ(http.filter_chain_match().prefix_ranges_size(), 2);
  EXPECT_EQ(http.filter_chain_match().prefix_ranges(0).prefix_len().value(), 32u);
  EXPECT_EQ(http.filter_chain_match().prefix_ranges(1).address_prefix(), "fd00:240::1");
  EXPECT_EQ(http.filter_chain_match().prefix_ranges(1).prefix_len().value(), 128u);
  EXPECT_EQ(http.filter_chain_match().application_protocols_size(), 0) << "declared HTTP waits for no first bytes";
  Hcm manager;
  ASSERT_TRUE(http.filters(0).typed_config().UnpackTo(&manager));
  EXPECT_EQ(manager.rds().route_config_name(), "outbound|80|web.shop");

  EXPECT_TRUE(ChainNames(outbound).count("outbound|9000|web.shop|tcp"));
  // Of an undeclared protocol: HTTP by its first bytes, everything else as bytes.
  const auto& detected = ChainNamed(outbound, "outbound|7000|web.shop").filter_chain_match();
  EXPECT_EQ(detected.transport_protocol(), "raw_buffer");
  EXPECT_EQ(detected.application_protocols(1), "http/1.1");
  EXPECT_TRUE(ChainNames(outbound).count("outbound|7000|web.shop|raw_buffer"));
  EXPECT_TRUE(ChainNames(outbound).count("outbound|7000|web.shop|tls"));
  EXPECT_EQ(outbound.default_filter_chain().name(), kPassthroughCluster);
}

TEST(Outbound, RegistryOnlyHasNoWayForTheRest) {
  model::World world = Shop();
  world.mesh.outbound = model::OutboundPolicy::kRegistryOnly;
  const auto config = Compiled(world).For("client");
  EXPECT_FALSE(ListenerOf(*config, "outbound").has_default_filter_chain());
  EXPECT_EQ(config->Of(ResourceType::kCluster).Find(kPassthroughCluster), nullptr);
}

TEST(Outbound, HeadlessEndpointsAreReachedByTheirAddressWithMutualTls) {
  const auto config = Compiled(Shop()).For("client");
  const listener::FilterChain chain = ChainNamed(ListenerOf(*config, "outbound"), "direct|5432|db.shop|5432|tcp");
  ASSERT_EQ(chain.filter_chain_match().prefix_ranges_size(), 2);
  EXPECT_EQ(chain.filter_chain_match().prefix_ranges(0).address_prefix(), "10.0.0.31");
  const auto cluster = ClusterNamed(*config, "direct|5432|db.shop|tcp");
  EXPECT_EQ(cluster.type(), envoy::config::cluster::v3::Cluster::ORIGINAL_DST);
  EXPECT_EQ(UriSans(cluster.transport_socket()), std::vector<std::string>{"spiffe://cluster.local/ns/shop/sa/db"});
  EXPECT_EQ(config->Of(ResourceType::kCluster).Find("outbound|5432|db.shop|tcp"), nullptr) << "nobody could use it";
  // Without a sidecar: plain.
  EXPECT_FALSE(ClusterNamed(*config, "direct|80|legacy.shop|plain").has_transport_socket());
}

TEST(Outbound, TwoServicesWithOneEndpointMakeNoEqualMatches) {
  // web, web-v1 and web-v2 have the same endpoints and ports: a listener with two equal matches would be refused as a
  // whole.
  model::World world = Shop();
  AddService(world, "twin", {"240.240.0.1"}, {Port(80, 8080, model::Protocol::kHttp)}, {{"app", "web"}});
  const Compiled compiled(world);
  std::set<std::string> seen;
  const listener::Listener outbound = ListenerOf(*compiled.For("client"), "outbound");
  for (const auto& chain : outbound.filter_chains()) {
    for (const auto& range : chain.filter_chain_match().prefix_ranges()) {
      const auto& match = chain.filter_chain_match();
      const std::string key = range.address_prefix() + "|" + std::to_string(match.destination_port().value()) + "|" +
                              match.transport_protocol() + "|" + std::to_string(match.application_protocols_size());
      EXPECT_TRUE(seen.insert(key).second) << key << " in " << chain.name();
    }
  }
}

TEST(Clusters, MutualEndpointsAreTakenByExactIdentityAndOthersPlain) {
  model::World world = Shop();
  AddWorkload(world, "web-old", "10.0.0.13", "web-old", {{"app", "web"}, {"version", "v1"}}).mutual_tls = false;
  world.workloads[{"shop", "web-v2-a"}].weight = 3;
  world.workloads[{"shop", "web-v2-a"}].locality = {"eu", "eu-1", ""};
  const auto config = Compiled(world).For("client");
  const auto cluster = ClusterNamed(*config, "outbound|80|web.shop");
  EXPECT_EQ(cluster.eds_cluster_config().service_name(), "outbound|80|web.shop");
  ASSERT_EQ(cluster.transport_socket_matches_size(), 1);
  const auto& match = cluster.transport_socket_matches(0);
  EXPECT_EQ(match.match().fields().at("mutual").string_value(), "true");
  EXPECT_EQ(UriSans(match.transport_socket()), std::vector<std::string>{"spiffe://cluster.local/ns/shop/sa/web"});
  EXPECT_FALSE(cluster.has_transport_socket());

  const auto endpoints = EndpointsNamed(*config, "outbound|80|web.shop");
  std::map<std::string, bool> mutual;
  std::map<std::string, std::string> versions;
  uint32_t weight = 0;
  for (const auto& locality : endpoints.endpoints()) {
    weight += locality.load_balancing_weight().value();
    for (const auto& entry : locality.lb_endpoints()) {
      const std::string& address = entry.endpoint().address().socket_address().address();
      EXPECT_EQ(entry.endpoint().address().socket_address().port_value(), 8080u);
      mutual[address] = entry.metadata().filter_metadata().count("envoy.transport_socket_match") > 0;
      versions[address] = entry.metadata().filter_metadata().at("weft.dev").fields().at("version").string_value();
    }
  }
  EXPECT_EQ(mutual, (std::map<std::string, bool>{
                        {"10.0.0.11", true}, {"10.0.0.12", true}, {"10.0.0.13", false}, {"10.0.0.21", true}}));
  EXPECT_EQ(versions["10.0.0.21"], "v2");
  EXPECT_EQ(weight, 6u);
}

TEST(Inbound, PermissiveTakesPlainAndStrictDoesNot) {
  const std::string port = "inbound|8080";
  const std::set<std::string> mutual = {port + "|mutual-http", port + "|mutual-tcp"};
  const std::set<std::string> plain = {port + "|plain-http", port + "|tls"};
  struct Case {
    model::MtlsMode mode;
    bool takes_mutual, takes_plain;
  };
  for (const Case& c : {Case{model::MtlsMode::kPermissive, true, true}, Case{model::MtlsMode::kStrict, true, false},
                        Case{model::MtlsMode::kDisable, false, true}}) {
    model::World world = Shop();
    AddPolicy(world, c.mode);
    const auto config = Compiled(world).For("web", {"10.0.0.11"});
    const listener::Listener inbound = ListenerOf(*config, "inbound");
    const std::set<std::string> names = ChainNames(inbound);
    for (const std::string& name : mutual)
      EXPECT_EQ(names.count(name) > 0, c.takes_mutual) << model::MtlsModeName(c.mode) << name;
    for (const std::string& name : plain)
      EXPECT_EQ(names.count(name) > 0, c.takes_plain) << model::MtlsModeName(c.mode) << name;
    EXPECT_EQ(names.count("inbound-passthrough|plain-tcp") > 0, c.takes_plain);
    EXPECT_FALSE(inbound.has_default_filter_chain()) << "it would take what strict refuses";
    EXPECT_EQ(ClusterNamed(*config, port).type(), envoy::config::cluster::v3::Cluster::ORIGINAL_DST);
  }
}

TEST(Inbound, MeshTlsIsKnownByItsAlpnAndAsksForACertificate) {
  const auto config = Compiled(Shop()).For("web", {"10.0.0.11"});
  const listener::FilterChain chain = ChainNamed(ListenerOf(*config, "inbound"), "inbound|8080|mutual-http");
  EXPECT_EQ(chain.filter_chain_match().transport_protocol(), "tls");
  EXPECT_EQ(chain.filter_chain_match().application_protocols(0), "weft-http/1.1");
  tls::DownstreamTlsContext context;
  ASSERT_TRUE(chain.transport_socket().typed_config().UnpackTo(&context));
  EXPECT_TRUE(context.require_client_certificate().value());
  EXPECT_EQ(context.common_tls_context().tls_certificate_sds_secret_configs(0).name(), "default");
  EXPECT_EQ(context.common_tls_context().combined_validation_context().validation_context_sds_secret_config().name(),
            "ROOTCA");
}

TEST(Inbound, OnePortCanBeStricterThanTheRest) {
  model::World world = Shop();
  AddPolicy(world, model::MtlsMode::kPermissive).port_modes[9000] = model::MtlsMode::kStrict;
  const std::set<std::string> names = ChainNames(ListenerOf(*Compiled(world).For("web"), "inbound"));
  EXPECT_FALSE(names.count("inbound|9000|plain-tcp"));
  EXPECT_TRUE(names.count("inbound|9000|mutual-tcp"));
  EXPECT_TRUE(names.count("inbound|7000|plain-tcp"));
}

TEST(Identity, AddressesChooseOnlyAmongTheWorkloadsOfTheIdentity) {
  const Compiled compiled(Shop());
  const auto names = [&](const ProxyIdentity& proxy) {
    std::vector<std::string> found;
    for (const model::WorkloadEntry* workload : compiled.compiler().WorkloadsOf(proxy))
      found.push_back(workload->meta.name.name);
    return found;
  };
  EXPECT_EQ(names({"shop", "web", {"10.0.0.21"}}), std::vector<std::string>{"web-v2-a"});
  EXPECT_EQ(names({"shop", "web", {}}).size(), 3u);
  EXPECT_TRUE(names({"shop", "client", {"10.0.0.31"}}).empty()) << "db's address, client's certificate";
  EXPECT_TRUE(names({"other", "web", {"10.0.0.21"}}).empty());
}

TEST(Identity, ComesFromTheCertificateAndElseFromTheNode) {
  google::protobuf::Struct metadata;
  (*metadata.mutable_fields())["NAMESPACE"].set_string_value("bank");
  (*metadata.mutable_fields())["INSTANCE_IPS"].set_string_value("10.0.0.1, FD00::1,nonsense");
  const auto verified = VerifiedIdentity("spiffe://cluster.local/ns/shop/sa/web", "cluster.local", metadata);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(*verified, (ProxyIdentity{"shop", "web", {"10.0.0.1", "fd00::1"}}));
  EXPECT_FALSE(VerifiedIdentity("spiffe://other/ns/shop/sa/web", "cluster.local", metadata).ok());
  EXPECT_EQ(ClaimedIdentity("shop/web/web-1", {}), (ProxyIdentity{"shop", "web", {}}));
  EXPECT_EQ(ClaimedIdentity("spiffe://x/ns/shop/sa/web", metadata).ns, "bank");
  EXPECT_EQ(ClaimedIdentity("node-1", {}), (ProxyIdentity{"default", "default", {}}));
}

TEST(Sharing, ProxiesOfOneKindHaveOneConfig) {
  const Compiled compiled(Shop());
  const auto first = compiled.For("web", {"10.0.0.11"});
  EXPECT_EQ(first, compiled.For("web", {"10.0.0.12"}));
  EXPECT_EQ(first->revision, 7);
  const auto client = compiled.For("client");
  EXPECT_NE(first, client);
  EXPECT_EQ(first->types[1], client->types[1]) << "endpoints are the same for all";
  EXPECT_EQ(*first->Of(ResourceType::kListener).Find("outbound"),
            *client->Of(ResourceType::kListener).Find("outbound"));
}

TEST(Sharing, AChangeTouchesOnlyWhatItIsAbout) {
  const auto cache = std::make_shared<ResourceCache>();
  const Compiled before(Shop(), cache);
  model::World world = Shop();
  world.revision = 8;
  const Compiled same(world, cache);
  EXPECT_TRUE(Changed(*before.For("web"), *same.For("web")).empty()) << "a new revision alone changes nothing";
  EXPECT_EQ(before.For("web")->Of(ResourceType::kListener).version,
            same.For("web")->Of(ResourceType::kListener).version);

  world.workloads[{"shop", "web-v2-a"}].weight = 5;
  const Compiled weighted(world, cache);
  EXPECT_EQ(Changed(*before.For("client"), *weighted.For("client")),
            (std::set<std::string>{"EDS outbound|80|web-v2.shop", "EDS outbound|80|web.shop",
                                   "EDS outbound|7000|web.shop", "EDS outbound|9000|web.shop"}));

  AddRoute(world, "canary", {RuleFor("/", {BackendOf("web-v1", 90), BackendOf("web-v2", 10)})});
  const Compiled routed(world, cache);
  EXPECT_EQ(Changed(*weighted.For("client"), *routed.For("client")),
            (std::set<std::string>{"RDS outbound|80|web.shop", "RDS outbound|7000|web.shop"}));

  world.workloads.erase({"shop", "db-1"});  // its address is in the listener, because it has no virtual IP
  EXPECT_EQ(Changed(*routed.For("client"), *Compiled(world, cache).For("client")),
            (std::set<std::string>{"LDS outbound"}));
}

TEST(Consistency, NothingPointsNowhere) {
  model::World world = Shop();
  AddRoute(world, "canary", {RuleFor("/", {BackendOf("web-v1", 1), BackendOf("nobody", 1)})});
  const Compiled compiled(world);
  EXPECT_TRUE(compiled.compiler().problems().empty());
  const auto config = compiled.For("web");
  EXPECT_EQ(DanglingReferences(*config), std::vector<std::string>());
  EXPECT_EQ((*config->Of(ResourceType::kRoute).Find("outbound|80|web.shop"))->sources,
            (std::vector<std::string>{"HTTPRoute/shop/canary", "Service/shop/web"}));

  ProxyConfig broken = *config;
  broken.types[static_cast<size_t>(ResourceType::kEndpoint)] = MakeTypeConfig({});
  const std::vector<std::string> problems = DanglingReferences(broken);
  EXPECT_NE(std::find(problems.begin(), problems.end(),
                      "CDS outbound|80|web-v1.shop: endpoints outbound|80|web-v1.shop does not exist"),
            problems.end());
}

TEST(AccessLog, FollowsTheMeshConfig) {
  model::World world = Shop();
  world.mesh.access_log.enabled = true;
  world.mesh.access_log.path = "/var/log/mesh.log";
  const auto config = Compiled(world).For("web");
  for (const auto& [name, chain] :
       {std::pair("outbound", "outbound|80|web.shop"), std::pair("inbound", "inbound|8080|mutual-http")}) {
    const listener::Listener in = ListenerOf(*config, name);
    Hcm manager;
    ASSERT_TRUE(ChainNamed(in, chain).filters(0).typed_config().UnpackTo(&manager));
    ASSERT_EQ(manager.access_log_size(), 1);
    EXPECT_EQ(manager.access_log(0).name(), "envoy.access_loggers.file");
  }
}

}  // namespace
}  // namespace weft::control::compile
