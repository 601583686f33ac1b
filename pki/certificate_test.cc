// What reads PEM text from others. Signing and chains are tested in control/ca.
#include "pki/certificate.h"

#include <gtest/gtest.h>

#include <string>

#include "pki/key.h"
#include "pki/test_authority.h"

namespace weft::pki {
namespace {

TEST(Certificate, BadPem) {
  EXPECT_FALSE(ReadCertificates("").ok());
  EXPECT_FALSE(ReadCertificates("hello").ok());
  auto status = ReadCertificates("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").status();
  EXPECT_NE(std::string(status.message()).find("certificate 1"), std::string::npos) << status;
  auto key = NewKeyPem();
  ASSERT_TRUE(key.ok());
  EXPECT_FALSE(SplitCertificates(*key).ok());
}

TEST(Certificate, ChainsAreFollowedToARoot) {
  const TestAuthority authority, foreign;
  const TestLeaf leaf = authority.LeafFor("spiffe://td/ns/a/sa/b");
  const absl::Time inside = absl::FromUnixSeconds(1'700'000'000), after = absl::FromUnixSeconds(1'950'000'000);
  EXPECT_TRUE(CheckChain(leaf.chain_pem, authority.root_pem(), inside).ok());
  EXPECT_TRUE(CheckChain(leaf.chain_pem, foreign.root_pem() + authority.root_pem(), inside).ok());
  EXPECT_FALSE(CheckChain(leaf.chain_pem, foreign.root_pem(), inside).ok());
  EXPECT_NE(CheckChain(leaf.chain_pem, authority.root_pem(), after).message().find("expired"), absl::string_view::npos);
  EXPECT_TRUE(CheckChain(leaf.chain_pem, authority.root_pem(), std::nullopt).ok());
  // The right root behind a leaf of somebody else proves nothing.
  EXPECT_FALSE(CheckChain(foreign.LeafFor("spiffe://td/ns/a/sa/b").chain_pem + authority.root_pem(),
                          authority.root_pem(), inside)
                   .ok());
  EXPECT_FALSE(CheckChain(leaf.chain_pem, "rubbish", inside).ok());
}

TEST(Key, RequestsAreMadeForGoodKeysOnly) {
  auto key = NewKeyPem();
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_NE(key->find("BEGIN PRIVATE KEY"), std::string::npos);
  auto request = MakeCsrPem(*key, "spiffe://td/ns/a/sa/b");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_NE(request->find("BEGIN CERTIFICATE REQUEST"), std::string::npos);
  EXPECT_FALSE(MakeCsrPem("rubbish", "").ok());
}

}  // namespace
}  // namespace weft::pki
