// Resources come, change, wait and go.
#include "proxy/assemble/assembler_fixture.h"

namespace weft::assemble {
namespace {

TEST_F(AssemblerTest, AStaticBootstrapBecomesASnapshot) {
  Make();
  Start("node: {id: a, cluster: b}\nstatic_resources:\n  listeners:\n  - " +
        Listener("in", 10000, Chain("main", "route_config: " + Routes("r", "named"))) + "\n  clusters:\n  - " +
        StaticCluster("fixed") +
        "\n  - {name: named, type: STRICT_DNS, dns_lookup_family: V4_ONLY, load_assignment: {cluster_name: named, "
        "endpoints: "
        "[{lb_endpoints: [{endpoint: {address: {socket_address: {address: a.test, port_value: 81}}}}]}]}}\n");
  ASSERT_EQ(published_.size(), 1u);
  EXPECT_EQ(now().generation, 1u);
  ASSERT_NE(ListenerNow("in"), nullptr);
  ASSERT_EQ(ListenerNow("in")->chains.size(), 1u);
  EXPECT_NE(ListenerNow("in")->chains[0]->http->routes, nullptr);
  ASSERT_EQ(ClusterNow("fixed")->hosts.size(), 1u);
  EXPECT_EQ(ClusterNow("fixed")->hosts[0].state->address.ToString(), "10.0.0.1:80");
  EXPECT_TRUE(ClusterNow("fixed")->ready);
  EXPECT_FALSE(ClusterNow("named")->ready);
  EXPECT_EQ(assembler_->readiness().waiting_for, Strings{"addresses of cluster named"});

  resolver_.Tell("a.test", {{*base::Address::FromIp("10.1.0.1", 0), *base::Address::FromIp("10.1.0.2", 0)}, ""});
  Turn();
  ASSERT_EQ(ClusterNow("named")->hosts.size(), 2u);
  EXPECT_EQ(ClusterNow("named")->hosts[1].state->address.ToString(), "10.1.0.2:81");
  EXPECT_EQ(ClusterNow("named")->hosts[1].state->hostname, "a.test");
  EXPECT_TRUE(assembler_->readiness().ready);
  EXPECT_EQ(published_[0]->FindCluster("fixed"), ClusterNow("fixed"));
  EXPECT_EQ(published_[0]->FindListener("in"), ListenerNow("in"));
}

TEST_F(AssemblerTest, WhatIsWrongWithTheBootstrapIsToldAllAtOnce) {
  Make();
  const auto leaf = Authority().LeafFor("spiffe://cluster.local/ns/shop/sa/cart");
  const std::string mismatch = "{tls_certificates: [{certificate_chain: {inline_string: " + Quoted(leaf.chain_pem) +
                               "}, private_key: {inline_string: " +
                               Quoted(Authority().LeafFor("spiffe://cluster.local/ns/shop/sa/pay").key_pem) + "}}]}";
  auto bootstrap = config::ParseBootstrap(
      "node: {id: a, cluster: b}\nstatic_resources:\n  clusters:\n  - " +
          StaticCluster("one", ", transport_socket: " + Tls("Upstream", mismatch)) + "\n  listeners:\n  - " +
          Listener(
              "two", 10000,
              Chain("x", "route_config: " + Routes("r", "one"), ", transport_socket: " + Tls("Downstream", mismatch))) +
          "\n",
      "test.yaml");
  ASSERT_TRUE(bootstrap.ok()) << bootstrap.status();
  const std::string text(assembler_->Start(*std::move(bootstrap)).message());
  EXPECT_NE(text.find("cluster one: transport_socket"), std::string::npos) << text;
  EXPECT_NE(text.find("listener two: filter_chains[0].transport_socket"), std::string::npos) << text;
}

TEST_F(AssemblerTest, OneEndpointMoreTouchesOneCluster) {
  StartWithAds();
  EXPECT_FALSE(assembler_->readiness().ready);
  Accept(ResourceType::kCluster, {EdsCluster("a"), EdsCluster("b"), StaticCluster("c")});
  EXPECT_EQ(assembler_->WantedNames(ResourceType::kEndpoint), (Strings{"a", "b"}));
  EXPECT_GT(wanted_changed_, 0);
  EXPECT_FALSE(ClusterNow("a")->ready);
  Accept(ResourceType::kEndpoint,
         {Assignment("a", {"10.0.0.1"}), Assignment("b", {"10.0.0.9"}), Assignment("stranger", {"10.0.0.8"})});
  Accept(ResourceType::kListener, {Listener("in", 10000, Chain("x", "route_config: " + Routes("r", "a")))});
  EXPECT_TRUE(assembler_->readiness().ready);
  EXPECT_EQ(assembler_->facts(ResourceType::kEndpoint).resources, 2u);
  EXPECT_EQ(now().revision, "1/3");

  const auto before = assembler_->snapshot();
  Accept(ResourceType::kEndpoint, {Assignment("a", {"10.0.0.1", "10.0.0.2"})});
  ASSERT_NE(assembler_->snapshot(), before);
  EXPECT_EQ(ClusterNow("a")->hosts.size(), 2u);
  EXPECT_EQ(ClusterNow("a")->hosts[0].state, before->FindCluster("a")->hosts[0].state);
  EXPECT_EQ(ClusterNow("a")->state, before->FindCluster("a")->state);
  EXPECT_EQ(ClusterNow("b"), before->FindCluster("b"));
  EXPECT_EQ(ClusterNow("c"), before->FindCluster("c"));
  EXPECT_EQ(ClusterNow("control"), before->FindCluster("control"));
  EXPECT_EQ(ListenerNow("in"), before->FindListener("in"));

  const size_t count = published_.size();
  Accept(ResourceType::kEndpoint, {Assignment("a", {"10.0.0.1", "10.0.0.2"})});
  EXPECT_EQ(published_.size(), count);  // nothing new
  Accept(ResourceType::kEndpoint, {"{cluster_name: a}"});
  EXPECT_TRUE(ClusterNow("a")->hosts.empty());
  EXPECT_TRUE(ClusterNow("a")->ready);
}

TEST_F(AssemblerTest, ChangesOfOneTurnAreOneSnapshot) {
  StartWithAds();
  const size_t count = published_.size();
  Offer(ResourceType::kCluster, {EdsCluster("a")});
  Offer(ResourceType::kEndpoint, {Assignment("a", {"10.0.0.1"})});
  Offer(ResourceType::kListener, {Listener("in", 10000, Chain("x", "route_config: " + Routes("r", "a")))});
  EXPECT_EQ(published_.size(), count);
  Turn();
  ASSERT_EQ(published_.size(), count + 1);
  EXPECT_EQ(ClusterNow("a")->hosts.size(), 1u);
}

// A route table that never came kept the whole proxy from ever being ready.
TEST_F(AssemblerTest, ReadinessWaitsForRoutesOnlyForAWhile) {
  StartWithAds();
  Accept(ResourceType::kCluster, {StaticCluster("a")});
  Accept(ResourceType::kListener, {Listener("late", 10000, Chain("x", Rds("missing"))),
                                   Listener("good", 10001, Chain("x", "route_config: " + Routes("r", "a")))});
  Turn(std::chrono::seconds(14));
  EXPECT_EQ(assembler_->readiness().waiting_for, Strings{"routes missing of listener late"});
  Turn(std::chrono::seconds(2));
  EXPECT_TRUE(assembler_->readiness().ready);
}

TEST_F(AssemblerTest, ABadResourceHarmsOnlyItself) {
  StartWithAds();
  Accept(ResourceType::kCluster, {StaticCluster("a"), StaticCluster("b"), StaticCluster("gone")});
  const auto before = assembler_->snapshot();
  const auto rejections =
      Offer(ResourceType::kCluster, {"{name: a, type: LOGICAL_DNS}", StaticCluster("b", ", connect_timeout: 7s"),
                                     StaticCluster("b"), StaticCluster("control"), StaticCluster("d")});
  Turn();
  ASSERT_EQ(rejections.size(), 3u);
  EXPECT_EQ(rejections[0].resource, "a");
  EXPECT_EQ(rejections[1].resource, "b");
  EXPECT_NE(rejections[1].reason.find("twice"), std::string::npos);
  EXPECT_EQ(rejections[2].resource, "control");
  EXPECT_EQ(ClusterNow("a"), before->FindCluster("a"));
  EXPECT_EQ(ClusterNow("b")->spec.connect_timeout, std::chrono::seconds(7));
  EXPECT_NE(ClusterNow("b")->hosts[0].transport_key, before->FindCluster("b")->hosts[0].transport_key);
  EXPECT_NE(ClusterNow("d"), nullptr);
  EXPECT_EQ(ClusterNow("gone"), nullptr);
  EXPECT_NE(ClusterNow("control"), nullptr);

  ResourceDump refused = DumpOf(ResourceType::kCluster, "a");
  EXPECT_EQ(refused.version, "1");
  ASSERT_TRUE(refused.refusal.has_value());
  EXPECT_EQ(refused.refusal->version, "2");
  EXPECT_EQ(refused.refusal->details, rejections[0].reason);
  EXPECT_EQ(assembler_->facts(ResourceType::kCluster).rejections, 3u);
  Accept(ResourceType::kCluster, {StaticCluster("a")});
  EXPECT_FALSE(DumpOf(ResourceType::kCluster, "a").refusal.has_value());
  EXPECT_EQ(ClusterNow("d"), nullptr);
}

TEST_F(AssemblerTest, AListenerWaitsForItsRoutesWhileItsEarlierVersionServes) {
  StartWithAds();
  Accept(ResourceType::kListener, {Listener("in", 10000, Chain("x", Rds("r1")))});
  EXPECT_EQ(assembler_->WantedNames(ResourceType::kRoute), Strings{"r1"});
  EXPECT_EQ(ListenerNow("in"), nullptr);
  EXPECT_TRUE(DumpOf(ResourceType::kListener, "in").warming);
  Accept(ResourceType::kRoute, {Routes("r1", "a")});
  ASSERT_NE(ListenerNow("in"), nullptr);
  const auto first = ListenerNow("in")->chains[0]->http->routes;
  ASSERT_NE(first, nullptr);

  Accept(ResourceType::kListener, {Listener("in", 10000,
                                            Chain("x", Rds("r1")) + ", " +
                                                Chain("y", Rds("r2"), ", filter_chain_match: {destination_port: 7}"))});
  EXPECT_EQ(assembler_->WantedNames(ResourceType::kRoute), (Strings{"r1", "r2"}));
  ASSERT_EQ(ListenerNow("in")->chains.size(), 1u);
  Accept(ResourceType::kRoute, {Routes("r2", "b")});
  ASSERT_EQ(ListenerNow("in")->chains.size(), 2u);
  EXPECT_EQ(ListenerNow("in")->chains[0]->http->routes, first);

  const auto untouched = ListenerNow("in")->chains[0];
  Accept(ResourceType::kRoute, {Routes("r2", "c")});  // only its chain is another one
  EXPECT_EQ(ListenerNow("in")->chains[0], untouched);

  Offer(ResourceType::kListener, {Listener("in", 10000, Chain("x", Rds("r3")))});
  EXPECT_EQ(assembler_->WantedNames(ResourceType::kRoute),
            (Strings{"r1", "r2", "r3"}));  // never without them in between
  Turn();
  ASSERT_EQ(ListenerNow("in")->chains.size(), 2u);
  EXPECT_EQ(assembler_->WantedNames(ResourceType::kRoute), (Strings{"r1", "r2", "r3"}));
  Turn(std::chrono::seconds(16));
  ASSERT_EQ(ListenerNow("in")->chains.size(), 1u);  // long enough
  EXPECT_EQ(ListenerNow("in")->chains[0]->http->routes, nullptr);
  EXPECT_EQ(assembler_->WantedNames(ResourceType::kRoute), Strings{"r3"});
  EXPECT_EQ(assembler_->facts(ResourceType::kRoute).resources, 0u);
  Accept(ResourceType::kRoute, {Routes("r3", "b")});
  EXPECT_NE(ListenerNow("in")->chains[0]->http->routes, nullptr);
  Accept(ResourceType::kListener, {});
  EXPECT_TRUE(now().listeners.empty());
}

TEST_F(AssemblerTest, AListenerThatPassesTrafficOnKnowsThatItCanLoop) {
  StartWithAds();
  const std::string tcp = std::string("{name: tcp, filters: [{name: tcp, typed_config: {") + kType +
                          "filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: x, cluster: pass}}]}";
  const std::string filter = std::string(", listener_filters: [{name: dst, typed_config: {") + kType +
                             "filters.listener.original_dst.v3.OriginalDst}}]";
  Accept(ResourceType::kListener, {Listener("out", 15001, tcp, filter)});
  EXPECT_TRUE(ListenerNow("out")->needs_original_destination);
  EXPECT_FALSE(ListenerNow("out")->needs_first_bytes);
  EXPECT_FALSE(ListenerNow("out")->loops_without_redirect);
  Accept(ResourceType::kCluster, {"{name: pass, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED}"});
  EXPECT_TRUE(ListenerNow("out")->loops_without_redirect);
  EXPECT_TRUE(ClusterNow("pass")->ready);
}

}  // namespace
}  // namespace weft::assemble
