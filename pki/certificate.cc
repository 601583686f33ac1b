#include "pki/certificate.h"

#include <openssl/err.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "pki/x509.h"

namespace weft::pki {

absl::StatusOr<std::vector<CertificateFacts>> ReadCertificates(std::string_view pem) {
  auto certificates = ParseCertificates(pem);
  if (!certificates.ok()) return certificates.status();
  std::vector<CertificateFacts> facts;
  for (const auto& certificate : *certificates) facts.push_back(Facts(certificate.get()));
  return facts;
}

absl::StatusOr<std::vector<std::string>> SplitCertificates(std::string_view pem) {
  auto certificates = ParseCertificates(pem);
  if (!certificates.ok()) return certificates.status();
  std::vector<std::string> blocks;
  for (const auto& certificate : *certificates) {
    auto block = CertificatePem(certificate.get());
    if (!block.ok()) return block.status();
    blocks.push_back(*std::move(block));
  }
  return blocks;
}

absl::Status CheckKeyMatches(std::string_view chain_pem, std::string_view key_pem) {
  auto chain = ParseCertificates(chain_pem);
  if (!chain.ok()) return chain.status();
  auto key = ParsePrivateKey(key_pem);
  if (!key.ok()) return key.status();
  if (!X509_check_private_key(chain->front().get(), key->get())) {
    (void)TakeSslError();
    return absl::InvalidArgumentError("the private key is not that of the certificate");
  }
  return absl::OkStatus();
}

absl::Status CheckChain(std::string_view chain_pem, std::string_view roots_pem, std::optional<absl::Time> at) {
  auto chain = ParseCertificates(chain_pem);
  if (!chain.ok()) return chain.status();
  auto roots = ParseCertificates(roots_pem);
  if (!roots.ok()) return roots.status();
  const auto stack = [](std::vector<bssl::UniquePtr<X509>>& from, size_t first) {
    bssl::UniquePtr<STACK_OF(X509)> all(sk_X509_new_null());
    for (size_t i = first; i < from.size(); ++i) bssl::PushToStack(all.get(), bssl::UpRef(from[i]));
    return all;
  };
  bssl::UniquePtr<STACK_OF(X509)> others = stack(*chain, 1), trusted = stack(*roots, 0);
  bssl::UniquePtr<X509_STORE> store(X509_STORE_new());  // empty; the context wants one
  bssl::UniquePtr<X509_STORE_CTX> context(X509_STORE_CTX_new());
  if (!X509_STORE_CTX_init(context.get(), store.get(), chain->front().get(), others.get()))
    return SslError("certificate chain");
  X509_STORE_CTX_set0_trusted_stack(context.get(), trusted.get());
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  if (at.has_value()) {
    X509_VERIFY_PARAM_set_time_posix(parameters, absl::ToUnixSeconds(*at));
  } else {
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_NO_CHECK_TIME);
  }
  const bool good = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("certificate chain: ", X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()))));
}

}  // namespace weft::pki
