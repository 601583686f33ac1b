#include "proxy/config/validation_from_xds.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "proxy/base/address.h"
#include "proxy/config/values.h"
#include "schema/problem.h"
#include "weft/v1/signer.pb.h"

namespace weft::config {
namespace {

namespace core = envoy::config::core::v3;
namespace tls = envoy::extensions::transport_sockets::tls::v3;

// A file stays a path, which assemble/ reads and watches; everything else is bytes now.
void BytesFrom(bool has, const core::DataSource& source, const Place& place, std::string* bytes, std::string* file) {
  if (!has) return;
  if (source.has_filename() && !source.filename().empty() && source.filename() != "-") {
    if (source.has_watched_directory())
      place.Field("watched_directory").Note("accepted and ignored: files are looked at regularly");
    *file = source.filename();
    return place.Field("filename").Refer(Reference::Kind::kFile, *file);
  }
  auto text = ReadSource(source, place);
  if (!text) return;
  if (text->empty()) place.Problem("is empty");
  *bytes = *std::move(text);
}

SanMatchSpec SanOf(SanMatchSpec::Type type, const StringMatchSpec& match) {
  SanMatchSpec san;
  san.type = type;
  switch (match.how) {
    case StringMatchSpec::How::kExact: san.how = SanMatchSpec::How::kExact; break;
    case StringMatchSpec::How::kPrefix: san.how = SanMatchSpec::How::kPrefix; break;
    case StringMatchSpec::How::kSuffix: san.how = SanMatchSpec::How::kSuffix; break;
    case StringMatchSpec::How::kContains: san.how = SanMatchSpec::How::kContains; break;
    case StringMatchSpec::How::kRegex: san.how = SanMatchSpec::How::kRegex; break;
  }
  san.text = match.text;
  san.ignore_case = match.ignore_case;
  return san;
}

void ReadSans(const tls::CertificateValidationContext& message, const Place& place, std::vector<SanMatchSpec>* sans) {
  using Type = SanMatchSpec::Type;
  for (int i = 0; i < message.match_typed_subject_alt_names_size(); ++i) {
    const tls::SubjectAltNameMatcher& matcher = message.match_typed_subject_alt_names(i);
    const Place at = place.Field("match_typed_subject_alt_names", size_t(i));
    CheckFields(matcher, at, {.read = {"san_type", "matcher", "oid"}});
    const StringMatchSpec match = StringMatchOf(matcher.matcher(), at.Field("matcher"));
    switch (matcher.san_type()) {
      case tls::SubjectAltNameMatcher::URI: sans->push_back(SanOf(Type::kUri, match)); break;
      case tls::SubjectAltNameMatcher::DNS: sans->push_back(SanOf(Type::kDns, match)); break;
      case tls::SubjectAltNameMatcher::EMAIL: sans->push_back(SanOf(Type::kEmail, match)); break;
      case tls::SubjectAltNameMatcher::IP_ADDRESS: sans->push_back(SanOf(Type::kIp, match)); break;
      case tls::SubjectAltNameMatcher::OTHER_NAME: at.Field("san_type").Unsupported("OTHER_NAME"); break;
      default: at.Field("san_type").Problem("expected one of EMAIL, DNS, URI, IP_ADDRESS"); break;
    }
  }
  for (int i = 0; i < message.match_subject_alt_names_size(); ++i) {  // the older form: a name of any type
    const StringMatchSpec match =
        StringMatchOf(message.match_subject_alt_names(i), place.Field("match_subject_alt_names", size_t(i)));
    for (const Type type : {Type::kUri, Type::kDns, Type::kEmail, Type::kIp}) sans->push_back(SanOf(type, match));
  }
}

void ReadPins(const tls::CertificateValidationContext& message, const Place& place, ValidationSpec* spec) {
  for (int i = 0; i < message.verify_certificate_spki_size(); ++i) {
    std::string bytes;
    const std::string& text = message.verify_certificate_spki(i);
    if (!absl::Base64Unescape(text, &bytes) || bytes.size() != 32) {
      place.Field("verify_certificate_spki", size_t(i))
          .Problem("expected a SHA-256 in base64, found " + schema::Quoted(text));
    }
    spec->spki_sha256_base64.push_back(text);
  }
  for (int i = 0; i < message.verify_certificate_hash_size(); ++i) {
    std::string hex = absl::AsciiStrToLower(message.verify_certificate_hash(i));
    hex.erase(std::remove(hex.begin(), hex.end(), ':'), hex.end());
    if (hex.size() != 64 || hex.find_first_not_of("0123456789abcdef") != std::string::npos) {
      place.Field("verify_certificate_hash", size_t(i))
          .Problem("expected a SHA-256 in 64 hex digits, found " + schema::Quoted(message.verify_certificate_hash(i)));
    }
    spec->certificate_sha256.push_back(std::move(hex));
  }
}

std::optional<SignerSpec> SignerFromXds(const tls::PrivateKeyProvider& message, const Place& place) {
  CheckFields(message, place, {.read = {"provider_name", "typed_config"}});
  const Place config = place.Field("typed_config");
  weft::v1::UnixSigner signer;
  if (!message.has_typed_config() || !message.typed_config().Is<weft::v1::UnixSigner>()) {
    RefuseType(message.typed_config(), config, weft::v1::UnixSigner::descriptor()->full_name());
    return std::nullopt;
  }
  if (!Unpack(message.typed_config(), config, &signer)) return std::nullopt;
  CheckFields(signer, config, {.read = {"path", "timeout"}});
  SignerSpec spec;
  spec.socket_path = signer.path();
  if (!base::Address::FromPath(spec.socket_path) || spec.socket_path.empty()) {
    config.Field("path").Problem("expected the path of a unix socket, at most 107 bytes");
  }
  if (signer.has_timeout()) spec.timeout = PositiveDuration(signer.timeout(), config.Field("timeout"));
  return spec;
}

}  // namespace

std::string SecretNameFromXds(const tls::SdsSecretConfig& message, const Place& place) {
  CheckFields(message, place, {.read = {"name", "sds_config"}});
  if (message.name().empty()) place.Field("name").Problem("the name of the secret is empty");
  if (!message.has_sds_config()) {
    place.Field("name").Refer(Reference::Kind::kStaticSecret, message.name());
  } else if (message.sds_config().has_ads()) {
    CheckAds(message.sds_config(), place.Field("sds_config"), message.name());
  } else if (message.sds_config().config_source_specifier_case() ==
             core::ConfigSource::CONFIG_SOURCE_SPECIFIER_NOT_SET) {
    place.Field("sds_config").Problem("expected a source, such as `ads`");
  } else {  // istiod's agent serves the same secrets on a socket of its own
    place.Field("sds_config")
        .Note("the secret comes from the proxy's identity or over the ADS stream, not from this source");
  }
  return message.name();
}

CertificateSpec CertificateFromXds(const tls::TlsCertificate& message, const Place& place) {
  CheckFields(message, place,
              {.read = {"certificate_chain", "private_key", "private_key_provider", "ocsp_staple"},
               .ignored = {"watched_directory"}});
  CertificateSpec spec;
  if (!message.has_certificate_chain()) place.Problem("certificate_chain is missing");
  if (message.has_private_key() == message.has_private_key_provider()) {
    place.Problem(message.has_private_key() ? "both private_key and private_key_provider; expected one of them"
                                            : "private_key is missing");
  }
  BytesFrom(message.has_certificate_chain(), message.certificate_chain(), place.Field("certificate_chain"),
            &spec.chain_pem, &spec.chain_file);
  BytesFrom(message.has_private_key(), message.private_key(), place.Field("private_key"), &spec.key_pem,
            &spec.key_file);
  BytesFrom(message.has_ocsp_staple(), message.ocsp_staple(), place.Field("ocsp_staple"), &spec.ocsp_der,
            &spec.ocsp_file);
  if (message.has_private_key_provider()) {
    spec.signer = SignerFromXds(message.private_key_provider(), place.Field("private_key_provider"));
  }
  return spec;
}

std::vector<TicketKeySpec> TicketKeysFromXds(const tls::TlsSessionTicketKeys& message, const Place& place) {
  CheckFields(message, place, {.read = {"keys"}});
  if (message.keys().empty()) place.Field("keys").Problem("is empty; expected keys of 80 bytes, the newest first");
  std::vector<TicketKeySpec> keys;
  for (int i = 0; i < message.keys_size(); ++i) {
    BytesFrom(true, message.keys(i), place.Field("keys", size_t(i)), &keys.emplace_back().bytes, &keys.back().file);
  }
  return keys;
}

ValidationSpec ValidationFromXds(const tls::CertificateValidationContext& message, bool whole, const Place& place) {
  // What would be dropped here checks less than was asked for, so that most of it is refused.
  CheckFields(message, place,
              {.read = {"trusted_ca", "system_root_certs", "verify_certificate_spki", "verify_certificate_hash",
                        "match_typed_subject_alt_names", "match_subject_alt_names", "trust_chain_verification",
                        "max_verify_depth", "crl", "only_verify_leaf_cert_crl"},
               .ignored = {"watched_directory"}});
  ValidationSpec spec;
  BytesFrom(message.has_trusted_ca(), message.trusted_ca(), place.Field("trusted_ca"), &spec.trusted_ca_pem,
            &spec.trusted_ca_file);
  BytesFrom(message.has_crl(), message.crl(), place.Field("crl"), &spec.crl_pem, &spec.crl_file);
  spec.only_leaf_crl = message.only_verify_leaf_cert_crl();
  spec.system_roots = message.has_system_root_certs();
  ReadSans(message, place, &spec.sans);
  ReadPins(message, place, &spec);
  const auto trust = message.trust_chain_verification();
  spec.accept_untrusted = trust == tls::CertificateValidationContext::ACCEPT_UNTRUSTED;
  if (trust != tls::CertificateValidationContext::VERIFY_TRUST_CHAIN && !spec.accept_untrusted) {
    place.Field("trust_chain_verification").Problem("expected VERIFY_TRUST_CHAIN or ACCEPT_UNTRUSTED");
  }
  if (message.has_max_verify_depth()) spec.max_verify_depth = message.max_verify_depth().value();
  if (whole && !spec.sans.empty() && !message.has_trusted_ca() && !spec.system_roots) {
    place.Problem("names to match without trusted_ca: anybody could make a certificate with such a name");
  }
  return spec;
}

}  // namespace weft::config
