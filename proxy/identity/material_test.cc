#include "proxy/identity/material.h"

#include <gtest/gtest.h>

#include "pki/certificate.h"
#include "pki/test_authority.h"

namespace weft::identity {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);
constexpr char kCart[] = "spiffe://cluster.local/ns/shop/sa/cart";

std::string ErrorOf(const absl::StatusOr<Material>& material) {
  return material.ok() ? "" : std::string(material.status().message());
}

TEST(Material, AnAnswerIsSortedIntoChainAndRoots) {
  const pki::TestAuthority authority, second;
  const pki::TestLeaf leaf = authority.LeafFor(kCart);
  const auto blocks = pki::SplitCertificates(leaf.chain_pem);
  ASSERT_EQ(blocks->size(), 2u);
  // One certificate per string, or all in one: both are in use.
  const auto apart =
      MakeMaterial(leaf.key_pem, {(*blocks)[0], (*blocks)[1], authority.root_pem(), second.root_pem()}, kNow);
  const auto in_one = MakeMaterial(leaf.key_pem, {leaf.chain_pem + authority.root_pem() + second.root_pem()}, kNow);
  for (const auto& material : {apart, in_one}) {
    ASSERT_TRUE(material.ok()) << material.status();
    EXPECT_EQ(material->uri, kCart);
    EXPECT_EQ(material->chain_pem, leaf.chain_pem);
    EXPECT_EQ(material->roots_pem, authority.root_pem() + second.root_pem());
    EXPECT_EQ(material->not_after, absl::FromUnixSeconds(1'900'000'000));
    EXPECT_EQ(material->Certificate().key_pem, leaf.key_pem);
    EXPECT_EQ(material->Roots().trusted_ca_pem, material->roots_pem);
  }
}

TEST(Material, WhatCannotBeOurIdentityIsRefusedByName) {
  const pki::TestAuthority authority, foreign;
  const pki::TestLeaf leaf = authority.LeafFor(kCart);
  const auto refused = [&](const std::string& key, const std::string& chain, const std::string& root) {
    return ErrorOf(MakeMaterial(key, {chain, root}, kNow));
  };
  EXPECT_EQ(refused(leaf.key_pem, leaf.chain_pem, authority.root_pem()), "");
  EXPECT_NE(refused(authority.LeafFor(kCart).key_pem, leaf.chain_pem, authority.root_pem()).find("private key"),
            std::string::npos);
  EXPECT_NE(refused(leaf.key_pem, leaf.chain_pem, foreign.root_pem()).find("certificate chain"), std::string::npos);
  EXPECT_NE(ErrorOf(MakeMaterial(leaf.key_pem, {leaf.chain_pem}, kNow)).find("no root"), std::string::npos);
  EXPECT_NE(ErrorOf(MakeMaterial(leaf.key_pem, {}, kNow)).find("no certificate"), std::string::npos);
  EXPECT_NE(refused(leaf.key_pem, "rubbish", authority.root_pem()), "");

  pki::TestShape two;
  two.uri_sans = {kCart, "spiffe://cluster.local/ns/shop/sa/pay"};
  const pki::TestLeaf twofold = authority.Leaf(two);
  EXPECT_NE(refused(twofold.key_pem, twofold.chain_pem, authority.root_pem()).find("2 URIs"), std::string::npos);
  const pki::TestLeaf web = authority.LeafFor("https://example.com/");
  EXPECT_NE(refused(web.key_pem, web.chain_pem, authority.root_pem()).find("https://example.com/"), std::string::npos);
}

TEST(Material, RootsAreFoundByTheirKey) {
  const pki::TestAuthority authority, foreign;
  const std::string sha256 = pki::ReadCertificates(authority.root_pem())->front().spki_sha256;
  EXPECT_TRUE(HasRoot(foreign.root_pem() + authority.root_pem(), sha256));
  EXPECT_FALSE(HasRoot(foreign.root_pem(), sha256));
  EXPECT_FALSE(HasRoot("", sha256));
}

}  // namespace
}  // namespace weft::identity
