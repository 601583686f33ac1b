#include "pki/test_authority.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <utility>

#include "pki/issue.h"
#include "pki/x509.h"

namespace weft::pki {
namespace {

const absl::Time kBegin = absl::FromUnixSeconds(1'500'000'000);
const absl::Time kEnd = absl::FromUnixSeconds(2'000'000'000);

bssl::UniquePtr<EVP_PKEY> NewRsaKey() {
  bssl::UniquePtr<RSA> rsa(RSA_new());
  bssl::UniquePtr<BIGNUM> e(BN_new());
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  BN_set_word(e.get(), RSA_F4);
  RSA_generate_key_ex(rsa.get(), 2048, e.get(), nullptr);
  EVP_PKEY_set1_RSA(key.get(), rsa.get());
  return key;
}

bssl::UniquePtr<EVP_PKEY> KeyOf(const std::string& csr_pem) {
  bssl::UniquePtr<BIO> in(BIO_new_mem_buf(csr_pem.data(), static_cast<ossl_ssize_t>(csr_pem.size())));
  bssl::UniquePtr<X509_REQ> request(PEM_read_bio_X509_REQ(in.get(), nullptr, nullptr, nullptr));
  return bssl::UniquePtr<EVP_PKEY>(X509_REQ_get_pubkey(request.get()));
}

}  // namespace

TestAuthority::TestAuthority() {
  auto key = *NewP256Key();
  CertificateShape shape;
  shape.common_name = "test root";
  shape.not_before = kBegin;
  shape.not_after = kEnd;
  shape.ca_path_length = 1;
  auto root = *Issue(shape, key.get(), nullptr, key.get());
  root_key_pem_ = *PrivateKeyPem(key.get());
  root_pem_ = *CertificatePem(root.get());
}

TestLeaf TestAuthority::Leaf(const TestShape& wanted) const {
  auto root_key = *ParsePrivateKey(root_key_pem_);
  auto roots = *ParseCertificates(root_pem_);
  auto issuing_key = *NewP256Key();
  CertificateShape middle;
  middle.common_name = "test issuing";
  middle.not_before = kBegin;
  middle.not_after = wanted.issuing_expired ? kBegin + absl::Hours(1) : kEnd;
  middle.ca_path_length = 0;
  auto issuing = *Issue(middle, issuing_key.get(), roots[0].get(), root_key.get());

  auto key = !wanted.csr_pem.empty() ? KeyOf(wanted.csr_pem) : wanted.rsa ? NewRsaKey() : *NewP256Key();
  CertificateShape shape;
  shape.uri_sans = wanted.uri_sans;
  shape.dns_sans = wanted.dns_sans;
  shape.not_before = wanted.not_before;
  shape.not_after = wanted.not_after;
  shape.for_tls = wanted.for_tls;
  auto leaf = *Issue(shape, key.get(), issuing.get(), issuing_key.get());
  const bool ours = wanted.csr_pem.empty();
  return {ours ? *PrivateKeyPem(key.get()) : std::string(),
          *CertificatePem(leaf.get()) + *CertificatePem(issuing.get())};
}

}  // namespace weft::pki
