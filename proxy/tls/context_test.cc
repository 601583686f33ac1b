// What contexts refuse, and which settings tell connections apart.

#include "proxy/tls/context.h"

#include "proxy/tls/tls_test_pair.h"

namespace weft::tls {
namespace {

TEST(Contexts, RefuseWhatCannotWork) {
  const auto server_error = [](auto change) {
    config::DownstreamTlsSpec spec = ServerSpec();
    change(spec);
    return std::string(ServerContext::Create(spec).status().message());
  };
  using Spec = config::DownstreamTlsSpec;
  struct Case {
    std::string error, part;
  };
  const Case cases[] = {
      {server_error([](Spec& s) { s.common.certificates.clear(); }), "tls_certificates: a server needs one"},
      {server_error([](Spec& s) {
         s.common.certificates[0].chain_pem.clear();
         s.common.certificates[0].sds_name = "default";
       }),
       "tls_certificates[0]: secret \"default\" has not come"},
      {server_error([](Spec& s) { s.common.certificates[0].key_pem = Authority().LeafFor(kPay).key_pem; }),
       "tls_certificates[0].private_key: not the key of the certificate"},
      {server_error([](Spec& s) { s.common.certificates[0].key_pem = "x"; }),
       "tls_certificates[0].private_key: private key"},
      {server_error([](Spec& s) { s.common.certificates[0].chain_pem = "x"; }),
       "tls_certificates[0].certificate_chain: no CERTIFICATE block"},
      {server_error([](Spec& s) { s.common.validation.reset(); }), "require_client_certificate: "},
      {server_error([](Spec& s) { s.common.validation->trusted_ca_pem.clear(); }),
       "validation context without trusted_ca"},
      {server_error([](Spec& s) { s.common.validation->trusted_ca_pem = "x"; }), "trusted_ca: "},
      // A list that nobody asks lets revoked certificates through.
      {server_error([](Spec& s) {
         s.common.validation->crl_pem = "x";
         s.common.validation->accept_untrusted = true;
       }),
       "crl: would not be asked"},
      {server_error([](Spec& s) {
         s.common.validation->crl_pem = "x";
         s.common.validation->trusted_ca_pem.clear();
         s.common.validation->certificate_sha256 = {std::string(64, '0')};
       }),
       "crl: would not be asked"},
      {server_error([](Spec& s) {
         s.common.validation->trusted_ca_pem.clear();
         s.common.validation->sds_name = "ROOTCA";
       }),
       "secret \"ROOTCA\" has not come"},
      {server_error([](Spec& s) {
         s.common.validation->sans[0].how = config::SanMatchSpec::How::kRegex;
         s.common.validation->sans[0].text = "(";
       }),
       "regex \"(\""},
      {server_error([](Spec& s) { s.common.parameters.cipher_suites = {"RC4-MD5"}; }), "cipher_suites"},
      {server_error([](Spec& s) { s.common.parameters.curves = {"P-999"}; }), "ecdh_curves"},
      {server_error([](Spec& s) {
         s.common.parameters.min_version = config::TlsVersion::kTls13;
         s.common.parameters.max_version = config::TlsVersion::kTls12;
       }),
       "minimum protocol version"},
      {server_error([](Spec& s) { s.common.alpn = {""}; }), "alpn_protocols"},
      {server_error([](Spec& s) { s.common.validation->spki_sha256_base64 = {"AAAA"}; }), "verify_certificate_spki"},
  };
  for (const Case& c : cases) {
    EXPECT_NE(c.error.find(c.part), std::string::npos) << "\"" << c.error << "\" lacks \"" << c.part << "\"";
  }
}

TEST(Contexts, SettingsHashSeesSettingsAndNotCertificates) {
  const config::UpstreamTlsSpec one = ClientSpec();
  EXPECT_EQ(SettingsHash(one), SettingsHash(ClientSpec(Authority().LeafFor(kCart))));
  config::UpstreamTlsSpec other = ClientSpec();
  other.common.validation->sans[0].text += "x";
  EXPECT_NE(SettingsHash(one), SettingsHash(other));
  other = ClientSpec();
  other.sni = "x";
  EXPECT_NE(SettingsHash(one), SettingsHash(other));
  other = ClientSpec();
  other.common.alpn = {"h2"};
  EXPECT_NE(SettingsHash(one), SettingsHash(other));
  other = ClientSpec();
  other.common.validation->max_verify_depth = 1;
  EXPECT_NE(SettingsHash(one), SettingsHash(other));
}

}  // namespace
}  // namespace weft::tls
