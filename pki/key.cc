#include "pki/key.h"

#include <openssl/bio.h>
#include <openssl/nid.h>
#include <openssl/pem.h>

#include "pki/x509.h"

namespace weft::pki {
namespace {

// subjectAltName with the one URI, as a requested extension.
bool AddRequestedUri(X509_REQ* request, std::string_view uri) {
  bssl::UniquePtr<GENERAL_NAMES> names(GENERAL_NAMES_new());
  bssl::UniquePtr<GENERAL_NAME> name(GENERAL_NAME_new());
  bssl::UniquePtr<ASN1_IA5STRING> text(ASN1_IA5STRING_new());
  if (!names || !name || !text || !ASN1_STRING_set(text.get(), uri.data(), static_cast<ossl_ssize_t>(uri.size()))) {
    return false;
  }
  GENERAL_NAME_set0_value(name.get(), GEN_URI, text.release());
  if (!bssl::PushToStack(names.get(), std::move(name))) return false;
  bssl::UniquePtr<X509_EXTENSION> extension(X509V3_EXT_i2d(NID_subject_alt_name, /*crit=*/1, names.get()));
  bssl::UniquePtr<STACK_OF(X509_EXTENSION)> extensions(sk_X509_EXTENSION_new_null());
  return extension && extensions && bssl::PushToStack(extensions.get(), std::move(extension)) &&
         X509_REQ_add_extensions(request, extensions.get()) == 1;
}

}  // namespace

absl::StatusOr<std::string> NewKeyPem() {
  auto key = NewP256Key();
  if (!key.ok()) return key.status();
  return PrivateKeyPem(key->get());
}

absl::StatusOr<std::string> MakeCsrPem(std::string_view key_pem, std::string_view uri_san) {
  auto key = ParsePrivateKey(key_pem);
  if (!key.ok()) return key.status();
  bssl::UniquePtr<X509_REQ> request(X509_REQ_new());
  if (!request || !X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) ||
      !X509_REQ_set_pubkey(request.get(), key->get()) ||
      (!uri_san.empty() && !AddRequestedUri(request.get(), uri_san)) ||
      X509_REQ_sign(request.get(), key->get(), EVP_sha256()) <= 0) {
    return SslError("making a certificate request");
  }
  bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  const uint8_t* data = nullptr;
  size_t size = 0;
  if (!out || !PEM_write_bio_X509_REQ(out.get(), request.get()) || !BIO_mem_contents(out.get(), &data, &size)) {
    return SslError("writing a certificate request");
  }
  return std::string(reinterpret_cast<const char*>(data), size);
}

}  // namespace weft::pki
