#include "proxy/tls/revocation.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "absl/time/time.h"
#include "pki/x509.h"

namespace weft::tls {

absl::StatusOr<bssl::UniquePtr<STACK_OF(X509_CRL)>> ParseRevocationLists(std::string_view pem) {
  bssl::UniquePtr<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<ossl_ssize_t>(pem.size())));
  bssl::UniquePtr<STACK_OF(X509_CRL)> lists(sk_X509_CRL_new_null());
  for (;;) {
    bssl::UniquePtr<X509_CRL> list(PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr));
    if (!list) break;
    bssl::PushToStack(lists.get(), std::move(list));
  }
  const uint32_t error = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (!at_end) return pki::SslError("revocation list");
  ERR_clear_error();
  if (sk_X509_CRL_num(lists.get()) == 0) return absl::InvalidArgumentError("no X509 CRL block in it");
  return lists;
}

Validity ValidityOf(const STACK_OF(X509_CRL) * lists) {
  Validity validity;
  for (size_t i = 0; i < sk_X509_CRL_num(lists); ++i) {
    const X509_CRL* list = sk_X509_CRL_value(lists, i);
    const ASN1_TIME* next = X509_CRL_get0_nextUpdate(list);
    validity.Narrow(absl::ToUnixSeconds(pki::ToTime(X509_CRL_get0_lastUpdate(list))),
                    next == nullptr ? INT64_MAX : absl::ToUnixSeconds(pki::ToTime(next)));
  }
  return validity;
}

}  // namespace weft::tls
