// Identity, secrets and certificate files in the Snapshot.
#include <fstream>

#include "proxy/assemble/assembler_fixture.h"
#include "proxy/tls/context.h"

namespace weft::assemble {
namespace {

TEST_F(AssemblerTest, SecretsMayComeLate) {
  StartWithAds();
  const std::string chain =
      Chain("x", "route_config: " + Routes("r", "a"), ", transport_socket: " + Tls("Downstream", kSdsTls));
  Accept(ResourceType::kCluster,
         {StaticCluster("a", ", transport_socket: " + Tls("Upstream", kSdsTls)), StaticCluster("b")});
  Accept(ResourceType::kListener, {Listener("in", 10000, chain)});
  EXPECT_EQ(assembler_->WantedNames(ResourceType::kSecret), (Strings{"ROOTCA", "default"}));
  EXPECT_TRUE(ListenerNow("in")->chains[0]->needs_secret);
  EXPECT_FALSE(ClusterNow("a")->ready);
  EXPECT_TRUE(ClusterNow("a")->hosts.empty());  // nothing in plain text
  EXPECT_FALSE(assembler_->readiness().ready);

  const auto leaf = Authority().LeafFor("spiffe://cluster.local/ns/shop/sa/cart");
  auto other = Authority().LeafFor("spiffe://cluster.local/ns/shop/sa/pay");
  other.chain_pem = leaf.chain_pem;
  const auto refused = Offer(ResourceType::kSecret, {Secret("default", other)});
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_NE(refused[0].reason.find("tls_certificate.private_key"), std::string::npos) << refused[0].reason;
  EXPECT_EQ(DumpOf(ResourceType::kSecret, "default").refusal->failed_configuration.value().find("BEGIN PRIVATE"),
            std::string::npos);

  const auto plain = ClusterNow("b");
  Accept(ResourceType::kSecret,
         {Secret("default", leaf),
          "{name: ROOTCA, validation_context: {trusted_ca: {inline_string: " + Quoted(Authority().root_pem()) + "}}}"});
  EXPECT_FALSE(ListenerNow("in")->chains[0]->needs_secret);
  EXPECT_EQ(ListenerNow("in")->chains[0]->tls->local_uri(), "spiffe://cluster.local/ns/shop/sa/cart");
  ASSERT_EQ(ClusterNow("a")->hosts.size(), 1u);
  EXPECT_NE(ClusterNow("a")->hosts[0].tls, nullptr);
  EXPECT_EQ(ClusterNow("b"), plain);
  EXPECT_TRUE(assembler_->readiness().ready);

  const std::string shown = DumpOf(ResourceType::kSecret, "default").resource.value();
  EXPECT_EQ(shown.find("PRIVATE KEY"), std::string::npos);
  EXPECT_NE(shown.find("[redacted]"), std::string::npos);
  EXPECT_NE(shown.find("BEGIN CERTIFICATE"), std::string::npos);
  ASSERT_EQ(assembler_->certificates().size(), 2u);
  EXPECT_EQ(assembler_->certificates()[1].name, "default");
  EXPECT_EQ(assembler_->certificates()[1].uri, "spiffe://cluster.local/ns/shop/sa/cart");
}

TEST_F(AssemblerTest, ARenewedIdentityTouchesTlsOnly) {
  StartWithAds(true);
  const std::string chain =
      Chain("x", "route_config: " + Routes("r", "a"), ", transport_socket: " + Tls("Downstream", kSdsTls));
  Accept(ResourceType::kCluster,
         {StaticCluster("a", ", transport_socket: " + Tls("Upstream", kSdsTls)),
          StaticCluster("b", ", transport_socket: " + Tls("Upstream", kSdsTls)), StaticCluster("plain")});
  Accept(ResourceType::kListener,
         {Listener("in", 10000, chain), Listener("open", 10001, Chain("x", "route_config: " + Routes("r", "a")))});
  EXPECT_TRUE(assembler_->WantedNames(ResourceType::kSecret).empty());
  EXPECT_TRUE(ListenerNow("in")->chains[0]->needs_secret);
  EXPECT_EQ(assembler_->ClientTls("a").status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(SetIdentity(Authority().LeafFor("spiffe://cluster.local/ns/shop/sa/cart")).ok());
  Turn();
  const auto before = assembler_->snapshot();
  ASSERT_EQ(ClusterNow("a")->hosts.size(), 1u);
  EXPECT_EQ(ClusterNow("a")->hosts[0].tls, ClusterNow("b")->hosts[0].tls);  // the same settings, the same context
  EXPECT_TRUE(assembler_->readiness().ready);
  ASSERT_TRUE(assembler_->ClientTls("a").ok());
  EXPECT_FALSE((*assembler_->ClientTls("a"))->common.certificates[0].key_pem.empty());

  ASSERT_TRUE(SetIdentity(Authority().LeafFor("spiffe://cluster.local/ns/shop/sa/cart")).ok());
  Turn();
  const config::FilterChain &old_chain = *before->FindListener("in")->chains[0],
                            &new_chain = *ListenerNow("in")->chains[0];
  EXPECT_NE(new_chain.tls, old_chain.tls);
  EXPECT_EQ(new_chain.http->routes, old_chain.http->routes);
  const config::Host &old_host = before->FindCluster("a")->hosts[0], &new_host = ClusterNow("a")->hosts[0];
  EXPECT_NE(new_host.tls, old_host.tls);
  EXPECT_EQ(new_host.transport_key, old_host.transport_key);  // pooled connections stay
  EXPECT_EQ(new_host.state, old_host.state);
  EXPECT_EQ(ClusterNow("plain"), before->FindCluster("plain"));
  EXPECT_EQ(ListenerNow("open"), before->FindListener("open"));

  auto wrong = Authority().LeafFor("spiffe://cluster.local/ns/shop/sa/cart");
  wrong.key_pem = Authority().LeafFor("spiffe://cluster.local/ns/shop/sa/pay").key_pem;
  EXPECT_FALSE(SetIdentity(wrong).ok());
  const size_t count = published_.size();
  Turn();
  EXPECT_EQ(published_.size(), count);
}

TEST_F(AssemblerTest, ATransportIsChosenByTheEndpointsMetadata) {
  StartWithAds(true);
  ASSERT_TRUE(SetIdentity(Authority().LeafFor("spiffe://cluster.local/ns/shop/sa/cart")).ok());
  Accept(ResourceType::kCluster,
         {EdsCluster(
             "a", ", transport_socket_matches: [{name: mesh, match: {tls: mesh}, transport_socket: " +
                      Tls("Upstream", kSdsTls) +
                      "}, {name: plain, match: {}, transport_socket: {name: envoy.transport_sockets.raw_buffer}}]")});
  Accept(ResourceType::kEndpoint, {"{cluster_name: a, endpoints: [{lb_endpoints: [{endpoint: {address: "
                                   "{socket_address: {address: 10.0.0.1, port_value: 80}}}, "
                                   "metadata: {filter_metadata: {envoy.transport_socket_match: {tls: mesh}}}}, "
                                   "{endpoint: {address: {socket_address: {address: 10.0.0.2, port_value: 80}}}}]}]}"});
  ASSERT_EQ(ClusterNow("a")->hosts.size(), 2u);
  EXPECT_NE(ClusterNow("a")->hosts[0].tls, nullptr);
  EXPECT_EQ(ClusterNow("a")->hosts[1].tls, nullptr);
  EXPECT_NE(ClusterNow("a")->hosts[0].transport_key, ClusterNow("a")->hosts[1].transport_key);
}

TEST_F(AssemblerTest, CertificateFilesAreReadAgainWhenTheyChange) {
  const std::string folder = ::testing::TempDir() + "/assembler_files";
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder + name + ".new") << text;
    ASSERT_EQ(rename((folder + name + ".new").c_str(), (folder + name).c_str()), 0);
  };
  const auto leaf = Authority().LeafFor("spiffe://cluster.local/ns/shop/sa/cart");
  write("chain.pem", leaf.chain_pem);
  write("key.pem", leaf.key_pem);
  Make();
  Start("node: {id: a, cluster: b}\nstatic_resources:\n  clusters:\n  - " + StaticCluster("a") +
        "\n  listeners:\n  - " +
        Listener("in", 10000,
                 Chain("x", "route_config: " + Routes("r", "a"),
                       ", transport_socket: " +
                           Tls("Downstream", "{tls_certificates: [{certificate_chain: {filename: " + folder +
                                                 "chain.pem}, private_key: {filename: " + folder + "key.pem}}]}"))) +
        "\n");
  const auto first = ListenerNow("in")->chains[0]->tls;
  ASSERT_NE(first, nullptr);
  Turn(std::chrono::seconds(6));
  EXPECT_EQ(ListenerNow("in")->chains[0]->tls, first);

  const auto renewed = Authority().LeafFor("spiffe://cluster.local/ns/shop/sa/pay");
  write("chain.pem", renewed.chain_pem);  // half way: the key is still the old one
  Turn(std::chrono::seconds(6));
  EXPECT_EQ(ListenerNow("in")->chains[0]->tls, first);
  write("key.pem", renewed.key_pem);
  Turn(std::chrono::seconds(6));
  EXPECT_EQ(ListenerNow("in")->chains[0]->tls->local_uri(), "spiffe://cluster.local/ns/shop/sa/pay");
}

}  // namespace
}  // namespace weft::assemble
