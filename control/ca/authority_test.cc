#include "control/ca/authority.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ec_key.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "control/ca/enrollment.h"
#include "control/ca/memory_token_store.h"
#include "pki/certificate.h"
#include "pki/key.h"
#include "pki/private_file.h"
#include "pki/x509.h"

namespace weft::control::ca {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);
const pki::SpiffeId kCart{"cluster.local", "shop", "cart"};

std::string NewDirectory() {
  std::string path = ::testing::TempDir() + "/authority.XXXXXX";
  EXPECT_NE(::mkdtemp(path.data()), nullptr);
  return path + "/ca";
}

Options In(const std::string& directory) {
  Options options;
  options.directory = directory;
  options.trust_domain = "cluster.local";
  return options;
}

std::unique_ptr<CertificateAuthority> Open(const std::string& directory, absl::Time now = kStart) {
  auto authority = CertificateAuthority::Open(In(directory), now);
  EXPECT_TRUE(authority.ok()) << authority.status();
  return authority.ok() ? *std::move(authority) : nullptr;
}

std::string OpenError(const std::string& directory, absl::Time now = kStart) {
  auto authority = CertificateAuthority::Open(In(directory), now);
  return std::string(authority.status().message());
}

std::string Csr(const std::string& uri = "") { return *pki::MakeCsrPem(*pki::NewKeyPem(), uri); }

// The library's own chain building and purpose checks, at `now`.
bool Verifies(const std::string& chain_pem, const std::string& roots_pem, absl::Time now, int purpose) {
  auto chain = *pki::ParseCertificates(chain_pem);
  auto roots = *pki::ParseCertificates(roots_pem);
  bssl::UniquePtr<X509_STORE> store(X509_STORE_new());
  for (auto& root : roots) X509_STORE_add_cert(store.get(), root.get());
  bssl::UniquePtr<STACK_OF(X509)> others(sk_X509_new_null());
  for (size_t i = 1; i < chain.size(); ++i) {
    bssl::PushToStack(others.get(), bssl::UpRef(chain[i]));
  }
  bssl::UniquePtr<X509_STORE_CTX> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), chain[0].get(), others.get());
  X509_STORE_CTX_set_purpose(context.get(), purpose);
  X509_STORE_CTX_set_time_posix(context.get(), 0, absl::ToUnixSeconds(now));
  return X509_verify_cert(context.get()) == 1;
}

std::string Joined(const std::vector<std::string>& parts) {
  std::string all;
  for (const auto& part : parts) all += part;
  return all;
}

TEST(Authority, FirstStartMakesAndSecondStartLoads) {
  const std::string directory = NewDirectory();
  std::string root;
  {
    auto authority = Open(directory);
    root = authority->BundlePem();
    const auto facts = authority->Facts();
    EXPECT_EQ(facts.root_not_after, kStart + absl::Hours(24 * 3650));
    EXPECT_EQ(facts.issuing_not_after, kStart + absl::Hours(24 * 365));
    EXPECT_TRUE(facts.root_key_present);
  }
  for (const char* name : {"root.key", "root.pem", "issuing.pem"}) {
    struct stat st;
    ASSERT_EQ(::stat((directory + "/" + name).c_str(), &st), 0) << name;
    EXPECT_EQ(st.st_mode & 07777, 0600u) << name;
  }
  auto again = Open(directory, kStart + absl::Hours(1));
  EXPECT_EQ(again->BundlePem(), root);
  auto facts = pki::ReadCertificates(root);
  EXPECT_EQ(again->RootSha256(), facts->front().spki_sha256);
  EXPECT_EQ(facts->front().not_before, kStart - absl::Minutes(5));
  EXPECT_TRUE(facts->front().is_ca);
}

TEST(Authority, SignedChainVerifiesAndCarriesOnlyOurName) {
  auto authority = Open(NewDirectory());
  auto answer =
      authority->Sign(Csr("spiffe://cluster.local/ns/kube-system/sa/admin"), kCart, absl::Minutes(10), kStart);
  ASSERT_TRUE(answer.ok()) << answer.status();
  const std::string chain = Joined(answer->chain_pem);
  auto facts = *pki::ReadCertificates(chain);
  ASSERT_EQ(facts.size(), 2u);
  EXPECT_EQ(facts[0].uri_sans, std::vector<std::string>{kCart.ToString()});
  EXPECT_TRUE(facts[0].dns_sans.empty());
  EXPECT_EQ(facts[0].subject, "");
  EXPECT_FALSE(facts[0].is_ca);
  EXPECT_EQ(facts[0].not_before, kStart - absl::Minutes(5));
  EXPECT_EQ(facts[0].not_after, kStart + absl::Minutes(10));
  EXPECT_EQ(facts[0].serial, answer->serial);
  for (const int purpose : {X509_PURPOSE_SSL_CLIENT, X509_PURPOSE_SSL_SERVER}) {
    EXPECT_TRUE(Verifies(chain, authority->BundlePem(), kStart, purpose));
    EXPECT_FALSE(Verifies(chain, authority->BundlePem(), kStart + absl::Minutes(11), purpose));
  }
  auto other = Open(NewDirectory());
  EXPECT_FALSE(Verifies(chain, other->BundlePem(), kStart, X509_PURPOSE_SSL_CLIENT));
  EXPECT_EQ(answer->IstioChain().size(), 3u);
  EXPECT_EQ(answer->IstioChain().back(), authority->BundlePem());
}

TEST(Authority, WorkloadCertificateCannotSign) {
  auto authority = Open(NewDirectory());
  auto key = *pki::NewKeyPem();
  auto answer = authority->Sign(*pki::MakeCsrPem(key, ""), kCart, absl::Hours(1), kStart);
  auto leaf = *pki::ParseCertificates(answer->chain_pem[0]);
  EXPECT_EQ(X509_check_ca(leaf[0].get()), 0);
  EXPECT_EQ(X509_get_key_usage(leaf[0].get()), static_cast<uint32_t>(X509v3_KU_DIGITAL_SIGNATURE));
}

TEST(Authority, LifetimesAreBounded) {
  auto authority = Open(NewDirectory());
  const auto ends = [&](absl::Duration ttl, absl::Time now) {
    return authority->Sign(Csr(), kCart, ttl, now)->not_after - now;
  };
  EXPECT_EQ(ends(absl::ZeroDuration(), kStart), absl::Hours(1));
  EXPECT_EQ(ends(absl::Hours(1000), kStart), absl::Hours(24));
  EXPECT_EQ(ends(absl::Seconds(1), kStart), absl::Seconds(10));
  EXPECT_EQ(ends(absl::Seconds(60), kStart), absl::Seconds(60));
  const absl::Time late = kStart + absl::Hours(24 * 365) - absl::Hours(2);
  EXPECT_EQ(ends(absl::Hours(24), late), absl::Hours(2)) << "cut to the issuing certificate's end";
  EXPECT_FALSE(authority->Sign(Csr(), kCart, absl::Hours(1), late + absl::Hours(2)).ok());
}

std::string CsrOf(bssl::UniquePtr<EVP_PKEY> key) { return *pki::MakeCsrPem(*pki::PrivateKeyPem(key.get()), ""); }

bssl::UniquePtr<EVP_PKEY> EcKey(int curve) {
  bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(curve));
  EC_KEY_generate_key(ec.get());
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  EVP_PKEY_set1_EC_KEY(key.get(), ec.get());
  return key;
}

bssl::UniquePtr<EVP_PKEY> RsaKey(int bits) {
  bssl::UniquePtr<RSA> rsa(RSA_new());
  bssl::UniquePtr<BIGNUM> e(BN_new());
  BN_set_word(e.get(), RSA_F4);
  RSA_generate_key_ex(rsa.get(), bits, e.get(), nullptr);
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  EVP_PKEY_set1_RSA(key.get(), rsa.get());
  return key;
}

// A request for one key that is signed by another: the sender does not hold the key.
std::string CsrWithForeignSignature() {
  auto mine = *pki::NewP256Key();
  auto stolen = *pki::NewP256Key();
  bssl::UniquePtr<X509_REQ> request(X509_REQ_new());
  X509_REQ_set_pubkey(request.get(), stolen.get());
  X509_REQ_sign(request.get(), mine.get(), EVP_sha256());
  bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509_REQ(out.get(), request.get());
  const uint8_t* data = nullptr;
  size_t size = 0;
  BIO_mem_contents(out.get(), &data, &size);
  return std::string(reinterpret_cast<const char*>(data), size);
}

TEST(Authority, TableOfRequests) {
  auto authority = Open(NewDirectory());
  struct Case {
    const char* name;
    std::string csr;
    const char* error;  // null: signed
  };
  const Case cases[] = {
      {"P-256", Csr(), nullptr},
      {"P-384", CsrOf(EcKey(NID_secp384r1)), nullptr},
      {"RSA 2048", CsrOf(RsaKey(2048)), nullptr},
      {"RSA 1024", CsrOf(RsaKey(1024)), "RSA key has 1024 bits"},
      {"P-521", CsrOf(EcKey(NID_secp521r1)), "neither on P-256 nor on P-384"},
      {"foreign signature", CsrWithForeignSignature(), "its own signature does not verify"},
      {"empty", "", "certificate request"},
      {"text", "hello", "certificate request"},
      {"a key", *pki::NewKeyPem(), "certificate request"},
      {"huge", std::string(20000, 'x'), "over 16384"},
  };
  for (const Case& c : cases) {
    auto answer = authority->Sign(c.csr, kCart, absl::Hours(1), kStart);
    if (c.error == nullptr) {
      EXPECT_TRUE(answer.ok()) << c.name << ": " << answer.status();
      continue;
    }
    ASSERT_FALSE(answer.ok()) << c.name;
    EXPECT_TRUE(absl::IsInvalidArgument(answer.status())) << c.name << ": " << answer.status();
    EXPECT_NE(std::string(answer.status().message()).find(c.error), std::string::npos)
        << c.name << ": " << answer.status();
  }
  EXPECT_FALSE(authority->Sign(Csr(), {"other.domain", "a", "b"}, absl::Hours(1), kStart).ok());
}

TEST(Authority, DamagedFilesAreRefusedByName) {
  const std::string directory = NewDirectory();
  Open(directory);
  const std::string key = directory + "/root.key";
  const std::string good_key = *pki::ReadPrivateFile(key);

  ASSERT_EQ(::chmod(key.c_str(), 0644), 0);
  EXPECT_NE(OpenError(directory).find("root.key: mode 0644"), std::string::npos) << OpenError(directory);
  ASSERT_EQ(::chmod(key.c_str(), 0600), 0);

  ASSERT_TRUE(pki::WritePrivateFile(key, *pki::NewKeyPem()).ok());
  EXPECT_NE(OpenError(directory).find("root.key: not the private key of the certificate"), std::string::npos);
  ASSERT_TRUE(pki::WritePrivateFile(key, "rubbish").ok());
  EXPECT_NE(OpenError(directory).find("root.key: private key"), std::string::npos);
  ASSERT_TRUE(pki::WritePrivateFile(key, good_key).ok());
  EXPECT_EQ(OpenError(directory), "");

  const std::string issuing = directory + "/issuing.pem";
  const std::string good_issuing = *pki::ReadPrivateFile(issuing);
  const std::string foreign = NewDirectory();
  Open(foreign);
  ASSERT_TRUE(pki::WritePrivateFile(issuing, *pki::ReadPrivateFile(foreign + "/issuing.pem")).ok());
  EXPECT_NE(OpenError(directory).find("issuing.pem: not signed by the root"), std::string::npos);
  ASSERT_TRUE(pki::WritePrivateFile(issuing, good_issuing.substr(0, good_issuing.size() / 2)).ok());
  EXPECT_FALSE(OpenError(directory).empty());

  ::unlink(issuing.c_str());
  EXPECT_NE(OpenError(directory).find("issuing.pem"), std::string::npos) << "a lost file never leads to a new root";
  ASSERT_TRUE(pki::WritePrivateFile(issuing, good_issuing).ok());

  ::chmod(directory.c_str(), 0777);
  EXPECT_NE(OpenError(directory).find("mode 0777"), std::string::npos);
  ::chmod(directory.c_str(), 0700);

  Options other = In(directory);
  other.trust_domain = "example.org";
  EXPECT_NE(std::string(CertificateAuthority::Open(other, kStart).status().message())
                .find("made for spiffe://cluster.local, not for spiffe://example.org"),
            std::string::npos);
  EXPECT_NE(OpenError(directory, kStart - absl::Hours(1)).find("is the clock right?"), std::string::npos);
  EXPECT_NE(OpenError(directory, kStart + absl::Hours(24 * 3651)).find("root expired"), std::string::npos);
}

TEST(Authority, IssuingCertificateRenewsAtHalfLife) {
  const std::string directory = NewDirectory();
  auto authority = Open(directory);
  const auto before = authority->Facts();
  auto old_leaf = authority->Sign(Csr(), kCart, absl::Hours(24), before.issuing_renew_at);
  EXPECT_FALSE(*authority->RenewIssuing(before.issuing_renew_at - absl::Seconds(1)));
  EXPECT_EQ(authority->Facts().issuing_serial, before.issuing_serial);
  ASSERT_TRUE(*authority->RenewIssuing(before.issuing_renew_at));
  const auto after = authority->Facts();
  EXPECT_NE(after.issuing_serial, before.issuing_serial);
  EXPECT_EQ(after.issuing_not_after, before.issuing_renew_at + absl::Hours(24 * 365));
  // Certificates of the old one stay good, and a restart finds the new one.
  EXPECT_TRUE(Verifies(Joined(old_leaf->chain_pem), authority->BundlePem(), before.issuing_renew_at + absl::Hours(1),
                       X509_PURPOSE_SSL_CLIENT));
  EXPECT_EQ(Open(directory, before.issuing_renew_at)->Facts().issuing_serial, after.issuing_serial);
  // A start long after the end renews at once.
  EXPECT_NE(Open(directory, kStart + absl::Hours(24 * 800))->Facts().issuing_serial, after.issuing_serial);
}

TEST(Authority, RootKeyMayBeAway) {
  const std::string directory = NewDirectory();
  Open(directory);
  ASSERT_EQ(::unlink((directory + "/root.key").c_str()), 0);
  auto authority = Open(directory);
  EXPECT_FALSE(authority->Facts().root_key_present);
  EXPECT_TRUE(authority->Sign(Csr(), kCart, absl::Hours(1), kStart).ok());
  auto renewed = authority->RenewIssuing(kStart + absl::Hours(24 * 200));
  EXPECT_NE(std::string(renewed.status().message()).find("root.key is not there"), std::string::npos);
  EXPECT_EQ(OpenError(directory, kStart + absl::Hours(24 * 200)), "") << "it can still sign";
  EXPECT_NE(OpenError(directory, kStart + absl::Hours(24 * 366)), "");
}

TEST(Authority, SeveralRoots) {
  const std::string directory = NewDirectory();
  auto authority = Open(directory);
  auto other = Open(NewDirectory());
  ASSERT_TRUE(pki::WritePrivateFile(directory + "/extra_roots.pem", other->BundlePem()).ok());
  ASSERT_TRUE(authority->ReloadExtraRoots().ok());
  EXPECT_EQ(authority->BundlePem().find(other->BundlePem()) == std::string::npos, false);
  EXPECT_EQ(authority->Facts().roots, 2);
  EXPECT_EQ(authority->Sign(Csr(), kCart, absl::Hours(1), kStart)->roots_pem.size(), 2u);
  auto leaf = authority->Sign(Csr(), kCart, absl::Hours(1), kStart)->chain_pem[0];
  ASSERT_TRUE(pki::WritePrivateFile(directory + "/extra_roots.pem", leaf).ok());
  EXPECT_FALSE(authority->ReloadExtraRoots().ok());
  EXPECT_EQ(authority->Facts().roots, 2) << "the old bundle stays";
}

TEST(Authority, ServerCertificateHasNamesAndTheRoot) {
  auto authority = Open(NewDirectory());
  const pki::SpiffeId id{"cluster.local", "weft-system", "weft-control"};
  auto server = authority->IssueServer(id, {"weft-control.weft-system.svc"}, absl::Hours(24), kStart);
  ASSERT_TRUE(server.ok()) << server.status();
  auto facts = *pki::ReadCertificates(server->chain_pem);
  ASSERT_EQ(facts.size(), 3u);
  EXPECT_EQ(facts[0].uri_sans.front(), id.ToString());
  EXPECT_EQ(facts[0].dns_sans.front(), "weft-control.weft-system.svc");
  EXPECT_EQ(facts[2].spki_sha256, authority->RootSha256());
  EXPECT_TRUE(pki::CheckKeyMatches(server->chain_pem, server->key_pem).ok());
  EXPECT_TRUE(Verifies(server->chain_pem, server->roots_pem, kStart, X509_PURPOSE_SSL_SERVER));
}

class EnrollmentTest : public ::testing::Test {
 protected:
  std::unique_ptr<CertificateAuthority> authority_ = Open(NewDirectory());
  MemoryTokenStore store_;
  JoinTokens tokens_{store_, "cluster.local", authority_->RootSha256()};
  Enrollment enrollment_{*authority_, tokens_};
  std::string token_ = tokens_.Create("shop/cart", absl::Hours(1), 1, "anna", kStart)->text;
};

TEST_F(EnrollmentTest, TokenThenCertificate) {
  EnrollmentRequest request;
  request.csr_pem = Csr();
  request.bearer = token_;
  request.ttl = absl::Seconds(60);
  auto first = enrollment_.Create(request, kStart);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->identity, kCart);
  EXPECT_FALSE(first->renewal);

  request.bearer = "";
  request.peer_identity_uri = kCart.ToString();
  request.csr_pem = Csr("spiffe://cluster.local/ns/other/sa/name");
  auto second = enrollment_.Create(request, kStart);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->identity, kCart);
  EXPECT_TRUE(second->renewal);
}

TEST_F(EnrollmentTest, Refusals) {
  EnrollmentRequest request;
  request.csr_pem = "rubbish";
  request.bearer = token_;
  EXPECT_TRUE(absl::IsInvalidArgument(enrollment_.Create(request, kStart).status()));
  EXPECT_EQ(store_.List()->front().uses_taken, 0) << "a bad request costs no use";
  request.csr_pem = Csr();
  request.bearer = "";
  EXPECT_TRUE(absl::IsUnauthenticated(enrollment_.Create(request, kStart).status()));
  request.peer_identity_uri = "spiffe://elsewhere/ns/a/sa/b";
  EXPECT_FALSE(enrollment_.Create(request, kStart).ok()) << "another trust domain";
  request.peer_identity_uri = "https://cluster.local/";
  EXPECT_TRUE(absl::IsUnauthenticated(enrollment_.Create(request, kStart).status()));
  request.peer_identity_uri = "";
  request.bearer = token_;
  EXPECT_TRUE(enrollment_.Create(request, kStart).ok());
  EXPECT_TRUE(enrollment_.Create(request, kStart).ok()) << "the same key again";
  request.csr_pem = Csr();
  EXPECT_TRUE(absl::IsUnauthenticated(enrollment_.Create(request, kStart).status()));
}

}  // namespace
}  // namespace weft::control::ca
