// BoringSSL (ours, static, hidden) and OpenSSL (gRPC's, shared) have the same symbol names.  Both live in one process
// only if each caller reaches its own: this test calls both by the same name.
#include <dlfcn.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace {

TEST(BoringSslBesideGrpc, OurCodeIsLinkedToBoringSsl) {
  EXPECT_STREQ(OpenSSL_version(OPENSSL_VERSION), "BoringSSL");
  bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  ASSERT_TRUE(context);
  EXPECT_TRUE(SSL_CTX_set1_curves_list(context.get(), "X25519MLKEM768:X25519"));
}

TEST(BoringSslBesideGrpc, SharedLibrariesStillSeeOpenSsl) {
  // Links gRPC for real, so that its OpenSSL is loaded.
  EXPECT_EQ(grpc::Version().substr(0, 2), "1.");
  auto credentials = grpc::SslCredentials(grpc::SslCredentialsOptions());
  EXPECT_NE(grpc::CreateChannel("127.0.0.1:1", credentials), nullptr);

  using VersionFunction = const char* (*)(int);
  auto version = reinterpret_cast<VersionFunction>(dlsym(RTLD_DEFAULT, "OpenSSL_version"));
  ASSERT_NE(version, nullptr) << "no libcrypto in this process: the test shows nothing";
  EXPECT_EQ(std::string(version(0)).substr(0, 9), "OpenSSL 3")
      << "BoringSSL's symbols leaked out of the binary: gRPC would call them";
}

}  // namespace
