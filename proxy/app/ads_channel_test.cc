#include "proxy/app/ads_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::app {
namespace {

config::ClusterSpec Cluster(config::Discovery discovery, std::vector<std::string> addresses,
                            std::string hostname = "") {
  config::ClusterSpec cluster;
  cluster.discovery = discovery;
  for (const std::string& address : addresses) {
    config::HostSpec& host = cluster.hosts.emplace_back();
    host.address = *base::Address::Parse(address);
    host.hostname = hostname;
  }
  return cluster;
}

TEST(AdsTarget, IsWhatGrpcReads) {
  EXPECT_EQ(AdsTarget(Cluster(config::Discovery::kStatic, {"10.0.0.1:15012", "[::1]:1", "10.0.0.2:15012"})),
            "ipv4:10.0.0.1:15012,10.0.0.2:15012");
  EXPECT_EQ(AdsTarget(Cluster(config::Discovery::kStatic, {"[fd00::1]:15012"})), "ipv6:[fd00::1]:15012");
  EXPECT_EQ(AdsTarget(Cluster(config::Discovery::kStrictDns, {"0.0.0.0:15012"}, "control.weft")),
            "dns:///control.weft:15012");
}

TEST(AdsTls, TheServerIsAlwaysChecked) {
  const config::ClusterSpec cluster = Cluster(config::Discovery::kStatic, {"10.0.0.1:15012"});
  config::UpstreamTlsSpec spec;
  EXPECT_EQ(AdsTls(spec, cluster).status().code(), absl::StatusCode::kFailedPrecondition);
  spec.common.validation.emplace();
  EXPECT_EQ(AdsTls(spec, cluster).status().code(), absl::StatusCode::kFailedPrecondition);
  spec.common.validation->trusted_ca_pem = "roots";
  auto tls = AdsTls(spec, cluster);
  ASSERT_TRUE(tls.ok());
  EXPECT_EQ(tls->roots_pem, "roots");
  EXPECT_EQ(tls->server_name, "10.0.0.1");
  EXPECT_EQ(tls->key_pem, "");
}

// A URI to match was dropped without a word, so that any server under the same roots would have done.
TEST(AdsTls, WhatCannotBeCheckedIsRefused) {
  const config::ClusterSpec cluster = Cluster(config::Discovery::kStrictDns, {"0.0.0.0:15012"}, "host");
  config::UpstreamTlsSpec spec;
  spec.common.validation.emplace().trusted_ca_pem = "roots";
  config::UpstreamTlsSpec pinned = spec;
  using San = config::SanMatchSpec;
  spec.common.validation->sans.push_back({San::Type::kUri, San::How::kExact, "spiffe://a/b", false});
  EXPECT_EQ(AdsTls(spec, cluster).status().code(), absl::StatusCode::kFailedPrecondition);
  spec.common.validation->sans.push_back({San::Type::kDns, San::How::kSuffix, "weft", false});
  EXPECT_EQ(AdsTls(spec, cluster).status().code(), absl::StatusCode::kFailedPrecondition);
  pinned.common.validation->certificate_sha256.push_back(std::string(64, '0'));
  EXPECT_EQ(AdsTls(pinned, cluster).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(AdsTls, NameIsTheOneAskedForThenTheOneSent) {
  const config::ClusterSpec cluster = Cluster(config::Discovery::kStrictDns, {"0.0.0.0:15012"}, "host");
  config::UpstreamTlsSpec spec;
  spec.common.validation.emplace().trusted_ca_pem = "roots";
  config::CertificateSpec& certificate = spec.common.certificates.emplace_back();
  certificate.chain_pem = "chain";
  certificate.key_pem = "key";
  EXPECT_EQ(AdsTls(spec, cluster)->server_name, "host");
  spec.sni = "sni";
  EXPECT_EQ(AdsTls(spec, cluster)->server_name, "sni");
  using San = config::SanMatchSpec;
  spec.common.validation->sans.push_back({San::Type::kUri, San::How::kExact, "spiffe://a/b", false});
  spec.common.validation->sans.push_back({San::Type::kDns, San::How::kExact, "wanted", false});
  EXPECT_EQ(AdsTls(spec, cluster)->server_name, "wanted");
  EXPECT_EQ(AdsTls(spec, cluster)->key_pem, "key");
  EXPECT_EQ(AdsTls(spec, cluster)->chain_pem, "chain");
}

}  // namespace
}  // namespace weft::app
