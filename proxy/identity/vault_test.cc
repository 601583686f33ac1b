#include "proxy/identity/vault.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "pki/test_authority.h"
#include "proxy/identity/test_directory.h"

namespace weft::identity {
namespace {

Material NewMaterial(absl::Time received) {
  const pki::TestAuthority authority;
  const pki::TestLeaf leaf = authority.LeafFor("spiffe://cluster.local/ns/shop/sa/cart");
  return *MakeMaterial(leaf.key_pem, {leaf.chain_pem, authority.root_pem()}, received);
}

class VaultTest : public ::testing::Test {
 protected:
  Vault Open() { return *Vault::Open(directory_.path()); }
  TestDirectory directory_;
};

TEST_F(VaultTest, WhatIsStoredComesBack) {
  const Material material = NewMaterial(absl::FromUnixMillis(1'700'000'000'123));
  EXPECT_TRUE(absl::IsNotFound(Open().Load().status()));
  ASSERT_TRUE(Open().Store(material).ok());
  EXPECT_EQ(directory_.ModeOf("identity.pem"), 0600u);
  const auto loaded = Open().Load();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->uri, material.uri);
  EXPECT_EQ(loaded->key_pem, material.key_pem);
  EXPECT_EQ(loaded->chain_pem, material.chain_pem);
  EXPECT_EQ(loaded->roots_pem, material.roots_pem);
  EXPECT_EQ(loaded->received, material.received);
  // The next one replaces it whole.
  const Material next = NewMaterial(absl::FromUnixSeconds(1'700'001'000));
  ASSERT_TRUE(Open().Store(next).ok());
  EXPECT_EQ(Open().Load()->serial, next.serial);
}

TEST_F(VaultTest, FilesThatOthersCanReadAreRefused) {
  ASSERT_TRUE(Open().Store(NewMaterial(absl::FromUnixSeconds(1'700'000'000))).ok());
  ASSERT_EQ(::chmod(directory_.File("identity.pem").c_str(), 0640), 0);
  const auto loaded = Open().Load();
  EXPECT_TRUE(absl::IsPermissionDenied(loaded.status())) << loaded.status();
  EXPECT_NE(std::string(loaded.status().message()).find("chmod"), std::string::npos);
}

TEST_F(VaultTest, DamagedFilesAreToldFromMissingOnes) {
  const Material material = NewMaterial(absl::FromUnixSeconds(1'700'000'000));
  const std::string other_key = NewMaterial(absl::FromUnixSeconds(1'700'000'000)).key_pem;
  for (const std::string& text :
       {std::string(), std::string("rubbish"), material.key_pem, material.chain_pem,
        other_key + material.chain_pem + material.roots_pem, material.key_pem + material.chain_pem}) {
    directory_.Write("identity.pem", text);
    const auto loaded = Open().Load();
    EXPECT_TRUE(absl::IsDataLoss(loaded.status())) << loaded.status();
    EXPECT_NE(std::string(loaded.status().message()).find("identity.pem"), std::string::npos);
  }
  directory_.Write("identity.pem", material.key_pem + material.chain_pem + material.roots_pem);
  ASSERT_TRUE(Open().Load().ok()) << "written by hand, without the line that says when it came";
  EXPECT_EQ(Open().Load()->received, absl::InfinitePast());
}

TEST_F(VaultTest, EnrollmentKeyStaysUntilForgotten) {
  const std::string key = *Open().EnrollmentKey();
  EXPECT_EQ(directory_.ModeOf("enrolling.key"), 0600u);
  EXPECT_EQ(*Open().EnrollmentKey(), key);
  directory_.Write("enrolling.key", "cut off");
  const std::string fresh = *Open().EnrollmentKey();
  EXPECT_NE(fresh, key);
  EXPECT_EQ(*Open().EnrollmentKey(), fresh);
  Open().ForgetEnrollmentKey();
  EXPECT_FALSE(directory_.Has("enrolling.key"));
  EXPECT_NE(*Open().EnrollmentKey(), fresh);
}

TEST_F(VaultTest, DirectoryIsMadeOrRefused) {
  EXPECT_TRUE(Vault::Open(directory_.File("new/")).ok());
  EXPECT_EQ(directory_.ModeOf("new"), 0700u);
  EXPECT_FALSE(Vault::Open(directory_.File("no/such/parent")).ok());
  EXPECT_FALSE(Vault::Open("").ok());
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0777), 0);
  EXPECT_FALSE(Vault::Open(directory_.path()).ok()) << "others could put their own key there";
}

}  // namespace
}  // namespace weft::identity
