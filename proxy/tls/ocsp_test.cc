// Stapled OCSP answers: what is read of them, and what a server does when one has expired.

#include "proxy/tls/ocsp.h"

#include <openssl/bytestring.h>
#include <openssl/mem.h>

#include "pki/x509.h"
#include "proxy/tls/tls_test_pair.h"

namespace weft::tls {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);  // FakeClock

bssl::UniquePtr<X509> LeafOf(const pki::TestLeaf& leaf) {
  return std::move(pki::ParseCertificates(leaf.chain_pem)->front());
}

void PutTime(CBB* out, absl::Time time) {
  const std::string text = absl::FormatTime("%Y%m%d%H%M%SZ", time, absl::UTCTimeZone());
  CBB value;
  CBB_add_asn1(out, &value, CBS_ASN1_GENERALIZEDTIME);
  CBB_add_bytes(&value, reinterpret_cast<const uint8_t*>(text.data()), text.size());
  CBB_flush(out);
}

// An OCSPResponse (RFC 6960, 4.2.1) without a signature that means anything. `status`: 0 good, 1 revoked, 2 unknown.
std::string Answer(X509* about, uint8_t status, absl::Time from, absl::Time until, uint8_t responder_status = 0) {
  constexpr CBS_ASN1_TAG kExplicit = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED;
  constexpr uint8_t kBasic[] = {0x2b, 6, 1, 5, 5, 7, 48, 1, 1};
  constexpr uint8_t kSha1[] = {0x2b, 14, 3, 2, 26};
  CBB all, response, code, bytes, sequence, oid, octets, basic, data, responder, answers, answer, id, algorithm, hash;
  CBB_init(&all, 512);
  CBB_add_asn1(&all, &response, CBS_ASN1_SEQUENCE);
  CBB_add_asn1(&response, &code, CBS_ASN1_ENUMERATED);
  CBB_add_u8(&code, responder_status);
  CBB_add_asn1(&response, &bytes, kExplicit | 0);
  CBB_add_asn1(&bytes, &sequence, CBS_ASN1_SEQUENCE);
  CBB_add_asn1(&sequence, &oid, CBS_ASN1_OBJECT);
  CBB_add_bytes(&oid, kBasic, sizeof kBasic);
  CBB_add_asn1(&sequence, &octets, CBS_ASN1_OCTETSTRING);
  CBB_add_asn1(&octets, &basic, CBS_ASN1_SEQUENCE);
  CBB_add_asn1(&basic, &data, CBS_ASN1_SEQUENCE);
  CBB_add_asn1(&data, &responder, kExplicit | 2);
  CBB_add_asn1_octet_string(&responder, kSha1, sizeof kSha1);
  CBB_flush(&data);
  PutTime(&data, from);
  CBB_add_asn1(&data, &answers, CBS_ASN1_SEQUENCE);
  CBB_add_asn1(&answers, &answer, CBS_ASN1_SEQUENCE);
  CBB_add_asn1(&answer, &id, CBS_ASN1_SEQUENCE);
  CBB_add_asn1(&id, &algorithm, CBS_ASN1_SEQUENCE);
  CBB_add_asn1(&algorithm, &hash, CBS_ASN1_OBJECT);
  CBB_add_bytes(&hash, kSha1, sizeof kSha1);
  CBB_add_asn1_octet_string(&id, kSha1, sizeof kSha1);
  CBB_add_asn1_octet_string(&id, kSha1, sizeof kSha1);
  uint8_t* serial = nullptr;
  const int size = i2d_ASN1_INTEGER(X509_get0_serialNumber(about), &serial);
  CBB_add_bytes(&id, serial, static_cast<size_t>(size));
  OPENSSL_free(serial);
  CBB state, next;
  CBB_add_asn1(&answer, &state, CBS_ASN1_CONTEXT_SPECIFIC | status);
  CBB_flush(&answer);
  PutTime(&answer, from);
  CBB_add_asn1(&answer, &next, kExplicit | 0);
  PutTime(&next, until);
  uint8_t* der = nullptr;
  size_t der_size = 0;
  EXPECT_TRUE(CBB_finish(&all, &der, &der_size));
  std::string result(reinterpret_cast<const char*>(der), der_size);
  OPENSSL_free(der);
  return result;
}

TEST(Ocsp, ReadsDatesAndRefusesWhatIsNoGoodAnswer) {
  const auto leaf = LeafOf(Authority().LeafFor(kPay)), other = LeafOf(Authority().LeafFor(kPay));
  const std::string good = Answer(leaf.get(), 0, kNow, kNow + absl::Hours(1));
  const auto validity = CheckOcspAnswer(good, leaf.get());
  ASSERT_TRUE(validity.ok()) << validity.status();
  EXPECT_EQ(validity->from, absl::ToUnixSeconds(kNow));
  EXPECT_EQ(validity->until, absl::ToUnixSeconds(kNow + absl::Hours(1)));
  struct Case {
    std::string der, part;
  };
  for (const Case& c : {Case{Answer(other.get(), 0, kNow, kNow), "is about another certificate"},
                        {Answer(leaf.get(), 1, kNow, kNow), "revoked"},
                        {Answer(leaf.get(), 2, kNow, kNow), "does not know"},
                        {Answer(leaf.get(), 0, kNow, kNow, 3), "status is 3"},
                        {"", "no OCSPResponse"},
                        {"no DER", "no OCSPResponse"}}) {
    const std::string seen(CheckOcspAnswer(c.der, leaf.get()).status().message());
    EXPECT_NE(seen.find(c.part), std::string::npos) << seen << " lacks " << c.part;
  }
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(CheckOcspAnswer(good.substr(0, size), leaf.get()).ok()) << size << " bytes of it";
  }
}

TEST_F(TlsTest, AnExpiredStapleIsLeftOutOrForbidsTheCertificate) {
  const pki::TestLeaf material = Authority().LeafFor(kPay);
  config::DownstreamTlsSpec spec = ServerSpec(material);
  spec.common.certificates[0].ocsp_der =
      Answer(LeafOf(material).get(), 0, kNow - absl::Hours(1), kNow + absl::Hours(1));
  for (const auto policy : {config::OcspPolicy::kLenient, config::OcspPolicy::kStrict, config::OcspPolicy::kMust}) {
    spec.ocsp_policy = policy;
    clock_.SetWallMicros(absl::ToUnixMicros(kNow));
    const auto context = Server(spec);
    EXPECT_TRUE(Handshake(context, Client())->server.stream != nullptr);
    clock_.SetWallMicros(absl::ToUnixMicros(kNow + absl::Hours(2)));
    config::UpstreamTlsSpec fresh = ClientSpec();
    fresh.resume = false;
    auto late = Handshake(context, Client(fresh));
    if (policy == config::OcspPolicy::kLenient) {
      EXPECT_TRUE(late->server.stream != nullptr) << late->server.failure.detail;
    } else {
      EXPECT_EQ(late->server.failure.detail, "staple_expired: no certificate has a valid OCSP answer");
      EXPECT_EQ(late->server.failure.origin, base::Origin::kProxy);
    }
  }
  spec.common.certificates[0].ocsp_der.clear();
  EXPECT_NE(std::string(ServerContext::Create(spec).status().message()).find("ocsp_staple: missing"),
            std::string::npos);
}

}  // namespace
}  // namespace weft::tls
