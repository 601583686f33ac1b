#include "proxy/tls/ocsp.h"

#include <openssl/asn1.h>
#include <openssl/bytestring.h>
#include <openssl/obj.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "proxy/base/parse_number.h"

namespace weft::tls {
namespace {

constexpr CBS_ASN1_TAG kExplicit0 = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0;
constexpr uint8_t kBasicOid[] = {0x2b, 6, 1, 5, 5, 7, 48, 1, 1};  // id-pkix-ocsp-basic
constexpr uint8_t kStatusRequest = 5;                             // TLS extension number
constexpr uint64_t kSuccessful = 0;

absl::Status Bad(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("not an OCSP answer: ", std::string(what)));
}

// GeneralizedTime "YYYYMMDDHHMMSSZ" (RFC 5280, 4.1.2.5.2).
bool ReadTime(CBS* in, int64_t* unix_seconds) {
  CBS text;
  if (!CBS_get_asn1(in, &text, CBS_ASN1_GENERALIZEDTIME)) return false;
  const std::string_view digits(reinterpret_cast<const char*>(CBS_data(&text)), CBS_len(&text));
  if (digits.size() != 15 || digits.back() != 'Z') return false;
  const auto number = [&](size_t at, size_t size) { return base::ParseNumber<int>(digits.substr(at, size)); };
  const auto year = number(0, 4), month = number(4, 2), day = number(6, 2), hour = number(8, 2), minute = number(10, 2),
             second = number(12, 2);
  if (!year || !month || !day || !hour || !minute || !second) return false;
  *unix_seconds = absl::ToUnixSeconds(
      absl::FromCivil(absl::CivilSecond(*year, *month, *day, *hour, *minute, *second), absl::UTCTimeZone()));
  return true;
}

// OCSPResponse → the SingleResponses of its BasicOCSPResponse.
absl::StatusOr<CBS> AnswersIn(std::string_view der) {
  CBS all, response, status, bytes, sequence, oid, octets, basic, data, answers, rest;
  CBS_init(&all, reinterpret_cast<const uint8_t*>(der.data()), der.size());
  if (!CBS_get_asn1(&all, &response, CBS_ASN1_SEQUENCE) || CBS_len(&all) != 0 ||
      !CBS_get_asn1(&response, &status, CBS_ASN1_ENUMERATED) || CBS_len(&status) != 1) {
    return Bad("no OCSPResponse in DER");
  }
  if (CBS_data(&status)[0] != kSuccessful) {
    return Bad(absl::StrCat("the responder's status is ", int{CBS_data(&status)[0]}, ", not successful"));
  }
  if (!CBS_get_asn1(&response, &bytes, kExplicit0) || !CBS_get_asn1(&bytes, &sequence, CBS_ASN1_SEQUENCE) ||
      !CBS_get_asn1(&sequence, &oid, CBS_ASN1_OBJECT) || !CBS_mem_equal(&oid, kBasicOid, sizeof kBasicOid) ||
      !CBS_get_asn1(&sequence, &octets, CBS_ASN1_OCTETSTRING) || !CBS_get_asn1(&octets, &basic, CBS_ASN1_SEQUENCE) ||
      !CBS_get_asn1(&basic, &data, CBS_ASN1_SEQUENCE)) {
    return Bad("no BasicOCSPResponse");
  }
  int has_version = 0;
  CBS_ASN1_TAG responder;
  size_t header = 0;
  if (!CBS_get_optional_asn1(&data, &rest, &has_version, kExplicit0) ||
      !CBS_get_any_asn1_element(&data, &rest, &responder, &header) ||
      !CBS_get_asn1(&data, &rest, CBS_ASN1_GENERALIZEDTIME) || !CBS_get_asn1(&data, &answers, CBS_ASN1_SEQUENCE)) {
    return Bad("no ResponseData");
  }
  return answers;
}

}  // namespace

absl::StatusOr<Validity> CheckOcspAnswer(std::string_view der, X509* leaf) {
  auto answers = AnswersIn(der);
  if (!answers.ok()) return answers.status();
  const ASN1_INTEGER* wanted = X509_get0_serialNumber(leaf);
  while (CBS_len(&*answers) > 0) {
    CBS answer, id, ignored, serial, next;
    CBS_ASN1_TAG status;
    size_t header = 0;
    if (!CBS_get_asn1(&*answers, &answer, CBS_ASN1_SEQUENCE) || !CBS_get_asn1(&answer, &id, CBS_ASN1_SEQUENCE) ||
        !CBS_get_asn1(&id, &ignored, CBS_ASN1_SEQUENCE) || !CBS_get_asn1(&id, &ignored, CBS_ASN1_OCTETSTRING) ||
        !CBS_get_asn1(&id, &ignored, CBS_ASN1_OCTETSTRING) || !CBS_get_asn1_element(&id, &serial, CBS_ASN1_INTEGER) ||
        !CBS_get_any_asn1_element(&answer, &ignored, &status, &header)) {
      return Bad("a SingleResponse that cannot be read");
    }
    const uint8_t* at = CBS_data(&serial);
    bssl::UniquePtr<ASN1_INTEGER> number(d2i_ASN1_INTEGER(nullptr, &at, static_cast<long>(CBS_len(&serial))));
    if (!number || ASN1_INTEGER_cmp(number.get(), wanted) != 0) continue;
    if ((status & CBS_ASN1_TAG_NUMBER_MASK) != 0) {
      return absl::InvalidArgumentError((status & CBS_ASN1_TAG_NUMBER_MASK) == 1
                                            ? "says that the certificate is revoked"
                                            : "does not know the certificate");
    }
    Validity validity;
    int has_next = 0;
    if (!ReadTime(&answer, &validity.from) || !CBS_get_optional_asn1(&answer, &next, &has_next, kExplicit0) ||
        (has_next && !ReadTime(&next, &validity.until))) {
      return Bad("dates that cannot be read");
    }
    return validity;
  }
  return absl::InvalidArgumentError("is about another certificate");
}

bool MustStaple(const X509* leaf) {
  bssl::UniquePtr<ASN1_OBJECT> feature(OBJ_txt2obj("1.3.6.1.5.5.7.1.24", /*dont_search_names=*/1));
  const int at = X509_get_ext_by_OBJ(leaf, feature.get(), -1);
  if (at < 0) return false;
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(X509_get_ext(leaf, at));
  CBS in, features;
  CBS_init(&in, ASN1_STRING_get0_data(value), static_cast<size_t>(ASN1_STRING_length(value)));
  if (!CBS_get_asn1(&in, &features, CBS_ASN1_SEQUENCE)) return false;
  uint64_t number = 0;
  while (CBS_get_asn1_uint64(&features, &number)) {
    if (number == kStatusRequest) return true;
  }
  return false;
}

}  // namespace weft::tls
