// What weft-control compiles, weft-proxy takes: no field of it is refused, and none is ignored that was meant.
#include <gtest/gtest.h>

#include <string>

#include "control/compile/test_world.h"
#include "proxy/config/from_xds.h"

namespace weft {
namespace {

using control::compile::Compiled;
using control::compile::Decode;
using control::compile::ProxyConfig;
using control::compile::ResourceType;

template <typename Message, typename Convert>
void ExpectTaken(const ProxyConfig& config, ResourceType type, Convert convert) {
  EXPECT_FALSE(config.Of(type).resources.empty());
  for (const auto& resource : config.Of(type).resources) {
    config::Findings findings;
    convert(Decode<Message>(*resource), &findings);
    EXPECT_TRUE(findings.ok()) << resource->name << ": " << findings.ToString();
    for (const config::FieldProblem& note : findings.notes) {
      // A locality's weight is there for gRPC, which drops a locality without one.
      const bool for_grpc = type == ResourceType::kEndpoint && note.field.ends_with("].load_balancing_weight");
      EXPECT_TRUE(for_grpc) << resource->name << ": " << note.field << ": " << note.what;
    }
  }
}

TEST(CompiledConfig, IsTakenWhole) {
  control::model::World world = control::compile::FullWorld();
  const auto proxy = Compiled(world).For("web");
  ExpectTaken<envoy::config::cluster::v3::Cluster>(*proxy, ResourceType::kCluster, config::ClusterFromXds);
  ExpectTaken<envoy::config::endpoint::v3::ClusterLoadAssignment>(*proxy, ResourceType::kEndpoint,
                                                                  config::EndpointsFromXds);
  ExpectTaken<envoy::config::listener::v3::Listener>(*proxy, ResourceType::kListener, config::ListenerFromXds);
  ExpectTaken<envoy::config::route::v3::RouteConfiguration>(*proxy, ResourceType::kRoute, config::RoutesFromXds);
}

TEST(CompiledConfig, MutualTlsIsThatOfExactlyTheEndpointsIdentities) {
  const auto proxy = Compiled(control::compile::Shop()).For("client");
  config::Findings findings;
  const config::ClusterSpec cluster =
      config::ClusterFromXds(control::compile::ClusterNamed(*proxy, "outbound|80|web.shop"), &findings);
  ASSERT_EQ(cluster.transport_matches.size(), 1u);
  ASSERT_TRUE(cluster.transport_matches[0].tls && cluster.transport_matches[0].tls->common.validation);
  const config::ValidationSpec& validation = *cluster.transport_matches[0].tls->common.validation;
  EXPECT_EQ(validation.sds_name, "ROOTCA");
  ASSERT_EQ(validation.sans.size(), 1u);
  EXPECT_EQ(validation.sans[0].text, "spiffe://cluster.local/ns/shop/sa/web");
  EXPECT_EQ(validation.sans[0].how, config::SanMatchSpec::How::kExact);
  EXPECT_EQ(cluster.service, "web");
  EXPECT_EQ(cluster.service_namespace, "shop");

  const config::EndpointsSpec endpoints =
      config::EndpointsFromXds(control::compile::EndpointsNamed(*proxy, "outbound|80|web.shop"), &findings);
  ASSERT_EQ(endpoints.hosts.size(), 3u);
  for (const config::HostSpec& host : endpoints.hosts) {
    EXPECT_EQ(host.transport_metadata, cluster.transport_matches[0].match) << "or it would be called without TLS";
    EXPECT_EQ(host.principal, "spiffe://cluster.local/ns/shop/sa/web");
  }
  EXPECT_TRUE(findings.ok()) << findings.ToString();
}

}  // namespace
}  // namespace weft
