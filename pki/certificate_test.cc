// What reads PEM text from others. Signing and chains are tested in control/ca.
#include "pki/certificate.h"

#include <gtest/gtest.h>

#include <string>

#include "pki/key.h"

namespace weft::pki {
namespace {

TEST(Certificate, BadPem) {
  EXPECT_FALSE(ReadCertificates("").ok());
  EXPECT_FALSE(ReadCertificates("hello").ok());
  auto status =
      ReadCertificates("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").status();
  EXPECT_NE(std::string(status.message()).find("certificate 1"), std::string::npos) << status;
  auto key = NewKeyPem();
  ASSERT_TRUE(key.ok());
  EXPECT_FALSE(SplitCertificates(*key).ok());
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
