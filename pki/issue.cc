#include "pki/issue.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/nid.h>
#include <openssl/rand.h>

#include <cstdint>
#include <utility>

namespace weft::pki {
namespace {

constexpr int kDigitalSignature = 0;  // RFC 5280, 4.2.1.3: bit numbers of KeyUsage
constexpr int kKeyCertSign = 5;
constexpr int kCrlSign = 6;
constexpr size_t kKeyIdBytes = 20;

bool SetSerial(X509* certificate) {
  uint8_t bytes[16];
  RAND_bytes(bytes, sizeof bytes);
  bytes[0] = static_cast<uint8_t>((bytes[0] & 0x7f) | 0x40);  // positive, and always 16 bytes long
  bssl::UniquePtr<BIGNUM> number(BN_bin2bn(bytes, sizeof bytes, nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool SetDates(X509* certificate, const CertificateShape& shape) {
  return ASN1_TIME_set_posix(X509_getm_notBefore(certificate), absl::ToUnixSeconds(shape.not_before)) &&
         ASN1_TIME_set_posix(X509_getm_notAfter(certificate), absl::ToUnixSeconds(shape.not_after));
}

bool SetNames(X509* certificate, const std::string& common_name, X509* issuer) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  if (!common_name.empty()) {
    const auto add = [subject](const char* field, const std::string& value) {
      return X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8, reinterpret_cast<const uint8_t*>(value.data()),
                                        static_cast<ossl_ssize_t>(value.size()), -1, 0) == 1;
    };
    if (!add("O", "Weft") || !add("CN", common_name)) return false;
  }
  return X509_set_issuer_name(certificate, issuer == nullptr ? subject : X509_get_subject_name(issuer)) == 1;
}

bool AddExtension(X509* certificate, int nid, void* value, bool critical) {
  return X509_add1_ext_i2d(certificate, nid, value, critical ? 1 : 0, X509V3_ADD_DEFAULT) == 1;
}

bool AddUse(X509* certificate, const CertificateShape& shape) {
  bssl::UniquePtr<BASIC_CONSTRAINTS> basic(BASIC_CONSTRAINTS_new());
  bssl::UniquePtr<ASN1_BIT_STRING> usage(ASN1_BIT_STRING_new());
  if (!basic || !usage) return false;
  if (shape.ca_path_length.has_value()) {
    basic->ca = ASN1_BOOLEAN_TRUE;
    basic->pathlen = ASN1_INTEGER_new();
    if (basic->pathlen == nullptr || !ASN1_INTEGER_set(basic->pathlen, *shape.ca_path_length) ||
        !ASN1_BIT_STRING_set_bit(usage.get(), kKeyCertSign, 1) || !ASN1_BIT_STRING_set_bit(usage.get(), kCrlSign, 1)) {
      return false;
    }
  } else if (!ASN1_BIT_STRING_set_bit(usage.get(), kDigitalSignature, 1)) {
    return false;
  }
  return AddExtension(certificate, NID_basic_constraints, basic.get(), true) &&
         AddExtension(certificate, NID_key_usage, usage.get(), true);
}

bool AddTlsUse(X509* certificate) {
  bssl::UniquePtr<EXTENDED_KEY_USAGE> uses(sk_ASN1_OBJECT_new_null());
  if (!uses) return false;
  for (const int nid : {NID_server_auth, NID_client_auth}) {
    // OBJ_nid2obj returns a static object that freeing leaves alone.
    if (!sk_ASN1_OBJECT_push(uses.get(), OBJ_nid2obj(nid))) return false;
  }
  return AddExtension(certificate, NID_ext_key_usage, uses.get(), false);
}

bool AddName(GENERAL_NAMES* names, int type, const std::string& value) {
  bssl::UniquePtr<GENERAL_NAME> name(GENERAL_NAME_new());
  bssl::UniquePtr<ASN1_IA5STRING> text(ASN1_IA5STRING_new());
  if (!name || !text || !ASN1_STRING_set(text.get(), value.data(), static_cast<ossl_ssize_t>(value.size()))) {
    return false;
  }
  GENERAL_NAME_set0_value(name.get(), type, text.release());
  return bssl::PushToStack(names, std::move(name));
}

bool AddSans(X509* certificate, const CertificateShape& shape) {
  if (shape.uri_sans.empty() && shape.dns_sans.empty()) return true;
  bssl::UniquePtr<GENERAL_NAMES> names(GENERAL_NAMES_new());
  if (!names) return false;
  for (const std::string& uri : shape.uri_sans) {
    if (!AddName(names.get(), GEN_URI, uri)) return false;
  }
  for (const std::string& dns : shape.dns_sans) {
    if (!AddName(names.get(), GEN_DNS, dns)) return false;
  }
  // RFC 5280, 4.2.1.6: critical when the subject is empty.
  return AddExtension(certificate, NID_subject_alt_name, names.get(), shape.common_name.empty());
}

bool AddKeyIds(X509* certificate, EVP_PKEY* subject_key, EVP_PKEY* issuer_key) {
  const std::string own = SpkiSha256(subject_key).substr(0, kKeyIdBytes);
  const std::string parent = SpkiSha256(issuer_key).substr(0, kKeyIdBytes);
  bssl::UniquePtr<ASN1_OCTET_STRING> id(ASN1_OCTET_STRING_new());
  bssl::UniquePtr<AUTHORITY_KEYID> authority(AUTHORITY_KEYID_new());
  if (!id || !authority || own.size() != kKeyIdBytes || parent.size() != kKeyIdBytes) return false;
  authority->keyid = ASN1_OCTET_STRING_new();
  return authority->keyid != nullptr && ASN1_STRING_set(id.get(), own.data(), kKeyIdBytes) &&
         ASN1_STRING_set(authority->keyid, parent.data(), kKeyIdBytes) &&
         AddExtension(certificate, NID_subject_key_identifier, id.get(), false) &&
         AddExtension(certificate, NID_authority_key_identifier, authority.get(), false);
}

}  // namespace

absl::StatusOr<bssl::UniquePtr<X509>> Issue(const CertificateShape& shape, EVP_PKEY* subject_key, X509* issuer,
                                            EVP_PKEY* issuer_key) {
  bssl::UniquePtr<X509> certificate(X509_new());
  if (!certificate || !X509_set_version(certificate.get(), X509_VERSION_3) || !SetSerial(certificate.get()) ||
      !SetDates(certificate.get(), shape) || !SetNames(certificate.get(), shape.common_name, issuer) ||
      !X509_set_pubkey(certificate.get(), subject_key) || !AddUse(certificate.get(), shape) ||
      (shape.for_tls && !AddTlsUse(certificate.get())) || !AddSans(certificate.get(), shape) ||
      !AddKeyIds(certificate.get(), subject_key, issuer_key) ||
      X509_sign(certificate.get(), issuer_key, EVP_sha256()) <= 0) {
    return SslError("building a certificate");
  }
  return certificate;
}

}  // namespace weft::pki
