#include "pki/x509.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace weft::pki {
namespace {

// Keeps BoringSSL from asking a terminal for a password.
int NoPassword(char*, int, int, void*) { return 0; }

bssl::UniquePtr<BIO> ReadOnly(std::string_view text) {
  return bssl::UniquePtr<BIO>(BIO_new_mem_buf(text.data(), static_cast<ossl_ssize_t>(text.size())));
}

std::string Contents(BIO* bio) {
  const uint8_t* data = nullptr;
  size_t size = 0;
  if (!BIO_mem_contents(bio, &data, &size)) return "";
  return std::string(reinterpret_cast<const char*>(data), size);
}

std::string NameLine(const X509_NAME* name) {
  bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  if (!out || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) < 0) return "";
  return Contents(out.get());
}

std::string SerialHex(X509* certificate) {
  bssl::UniquePtr<BIGNUM> number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  if (!number) return "";
  bssl::UniquePtr<char> hex(BN_bn2hex(number.get()));
  return hex ? absl::AsciiStrToLower(hex.get()) : "";
}

void AddSans(X509* certificate, CertificateFacts& facts) {
  bssl::UniquePtr<GENERAL_NAMES> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (!names) return;
  for (size_t i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI && name->type != GEN_DNS) continue;
    const ASN1_IA5STRING* text = name->type == GEN_URI ? name->d.uniformResourceIdentifier : name->d.dNSName;
    std::string value(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                      static_cast<size_t>(ASN1_STRING_length(text)));
    (name->type == GEN_URI ? facts.uri_sans : facts.dns_sans).push_back(std::move(value));
  }
}

}  // namespace

std::string TakeSslError() {
  const uint32_t code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? absl::AsciiStrToLower(reason) : absl::StrCat("error ", code);
}

absl::Status SslError(const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(what, ": ", TakeSslError()));
}

absl::StatusOr<std::vector<bssl::UniquePtr<X509>>> ParseCertificates(std::string_view pem) {
  std::vector<bssl::UniquePtr<X509>> certificates;
  bssl::UniquePtr<BIO> in = ReadOnly(pem);
  if (!in) return SslError("reading certificates");
  for (;;) {
    bssl::UniquePtr<X509> next(PEM_read_bio_X509(in.get(), nullptr, NoPassword, nullptr));
    if (!next) break;
    certificates.push_back(std::move(next));
  }
  const uint32_t code = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
  if (!at_end) {
    return SslError(absl::StrCat("certificate ", certificates.size() + 1, " of the PEM text"));
  }
  ERR_clear_error();
  if (certificates.empty()) return absl::InvalidArgumentError("no CERTIFICATE block in the PEM text");
  return certificates;
}

absl::StatusOr<bssl::UniquePtr<EVP_PKEY>> ParsePrivateKey(std::string_view pem) {
  bssl::UniquePtr<BIO> in = ReadOnly(pem);
  if (!in) return SslError("reading a private key");
  bssl::UniquePtr<EVP_PKEY> key(PEM_read_bio_PrivateKey(in.get(), nullptr, NoPassword, nullptr));
  if (!key) return SslError("private key");
  return key;
}

absl::StatusOr<bssl::UniquePtr<EVP_PKEY>> NewP256Key() {
  bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  if (!ec || !key || !EC_KEY_generate_key(ec.get()) || !EVP_PKEY_set1_EC_KEY(key.get(), ec.get())) {
    return SslError("making a P-256 key");
  }
  return key;
}

absl::StatusOr<std::string> PrivateKeyPem(EVP_PKEY* key) {
  bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  if (!out || !PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr)) {
    return SslError("writing a private key");
  }
  return Contents(out.get());
}

absl::StatusOr<std::string> CertificatePem(X509* certificate) {
  bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  if (!out || !PEM_write_bio_X509(out.get(), certificate)) return SslError("writing a certificate");
  return Contents(out.get());
}

std::string SpkiSha256(EVP_PKEY* key) {
  uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return "";
  bssl::UniquePtr<uint8_t> owner(der);
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256(der, static_cast<size_t>(size), digest);
  return std::string(reinterpret_cast<const char*>(digest), sizeof digest);
}

absl::Status CheckPublicKey(EVP_PKEY* key) {
  switch (EVP_PKEY_id(key)) {
    case EVP_PKEY_EC: {
      const EC_KEY* ec = EVP_PKEY_get0_EC_KEY(key);
      const int curve = EC_GROUP_get_curve_name(EC_KEY_get0_group(ec));
      if (curve == NID_X9_62_prime256v1 || curve == NID_secp384r1) return absl::OkStatus();
      return absl::InvalidArgumentError("EC key is neither on P-256 nor on P-384");
    }
    case EVP_PKEY_RSA: {
      const int bits = EVP_PKEY_bits(key);
      if (bits >= 2048 && bits <= 4096) return absl::OkStatus();
      return absl::InvalidArgumentError(absl::StrCat("RSA key has ", bits, " bits, not 2048 to 4096"));
    }
    default: return absl::InvalidArgumentError("key is neither EC nor RSA");
  }
}

absl::Time ToTime(const ASN1_TIME* time) {
  int64_t seconds = 0;
  if (!ASN1_TIME_to_posix(time, &seconds)) {
    ERR_clear_error();
    return absl::InfinitePast();
  }
  return absl::FromUnixSeconds(seconds);
}

CertificateFacts Facts(X509* certificate) {
  CertificateFacts facts;
  facts.subject = NameLine(X509_get_subject_name(certificate));
  facts.issuer = NameLine(X509_get_issuer_name(certificate));
  facts.serial = SerialHex(certificate);
  AddSans(certificate, facts);
  facts.not_before = ToTime(X509_get0_notBefore(certificate));
  facts.not_after = ToTime(X509_get0_notAfter(certificate));
  facts.is_ca = X509_check_ca(certificate) == 1;
  facts.self_issued = X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) == 0;
  bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(certificate));
  if (key) facts.spki_sha256 = SpkiSha256(key.get());
  ERR_clear_error();
  return facts;
}

}  // namespace weft::pki
