// Transport sockets, TLS contexts and secrets (envoy.extensions.transport_sockets.tls.v3).
#include <string>
#include <utility>

#include "envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "proxy/config/from_xds.h"
#include "proxy/config/parts.h"
#include "proxy/config/validation_from_xds.h"
#include "proxy/config/values.h"
#include "schema/problem.h"

namespace weft::config {
namespace {

namespace core = envoy::config::core::v3;
namespace tls = envoy::extensions::transport_sockets::tls::v3;
using RawBuffer = envoy::extensions::transport_sockets::raw_buffer::v3::RawBuffer;

constexpr size_t kLongestSni = 255;  // RFC 1035: a name

TlsVersion VersionOf(tls::TlsParameters::TlsProtocol version, const Place& place) {
  switch (version) {
    case tls::TlsParameters::TLS_AUTO: return TlsVersion::kAuto;
    case tls::TlsParameters::TLSv1_2: return TlsVersion::kTls12;
    case tls::TlsParameters::TLSv1_3: return TlsVersion::kTls13;
    case tls::TlsParameters::TLSv1_0:
    case tls::TlsParameters::TLSv1_1:
      place.Problem("TLS before 1.2 is not safe (RFC 8996); expected TLSv1_2 or TLSv1_3");
      break;
    default: place.Problem("expected TLS_AUTO, TLSv1_2 or TLSv1_3"); break;
  }
  return TlsVersion::kAuto;
}

TlsParametersSpec ParametersFromXds(const tls::TlsParameters& message, const Place& place) {
  CheckFields(
      message, place,
      {.read = {"tls_minimum_protocol_version", "tls_maximum_protocol_version", "cipher_suites", "ecdh_curves"}});
  TlsParametersSpec spec;
  spec.min_version = VersionOf(message.tls_minimum_protocol_version(), place.Field("tls_minimum_protocol_version"));
  spec.max_version = VersionOf(message.tls_maximum_protocol_version(), place.Field("tls_maximum_protocol_version"));
  if (spec.min_version == TlsVersion::kTls13 && spec.max_version == TlsVersion::kTls12) {
    place.Field("tls_maximum_protocol_version").Problem("is below tls_minimum_protocol_version");
  }
  spec.cipher_suites.assign(message.cipher_suites().begin(), message.cipher_suites().end());
  spec.curves.assign(message.ecdh_curves().begin(), message.ecdh_curves().end());
  return spec;
}

ValidationSpec CombinedFromXds(const tls::CommonTlsContext::CombinedCertificateValidationContext& message,
                               const Place& place) {
  CheckFields(message, place, {.read = {"default_validation_context", "validation_context_sds_secret_config"}});
  if (!message.has_validation_context_sds_secret_config()) {
    place.Problem("validation_context_sds_secret_config is missing");
  }
  ValidationSpec spec =
      ValidationFromXds(message.default_validation_context(), false, place.Field("default_validation_context"));
  spec.sds_name = SecretNameFromXds(message.validation_context_sds_secret_config(),
                                    place.Field("validation_context_sds_secret_config"));
  return spec;
}

std::optional<ValidationSpec> ValidationOf(const tls::CommonTlsContext& message, const Place& place) {
  switch (message.validation_context_type_case()) {
    case tls::CommonTlsContext::kValidationContext:
      return ValidationFromXds(message.validation_context(), true, place.Field("validation_context"));
    case tls::CommonTlsContext::kValidationContextSdsSecretConfig: {
      ValidationSpec spec;
      spec.sds_name = SecretNameFromXds(message.validation_context_sds_secret_config(),
                                        place.Field("validation_context_sds_secret_config"));
      return spec;
    }
    case tls::CommonTlsContext::kCombinedValidationContext:
      return CombinedFromXds(message.combined_validation_context(), place.Field("combined_validation_context"));
    default: return std::nullopt;  // none, or one that CheckFields refused
  }
}

CommonTlsSpec CommonFromXds(const tls::CommonTlsContext& message, const Place& place) {
  CheckFields(message, place,
              {.read = {"tls_params", "tls_certificates", "tls_certificate_sds_secret_configs", "alpn_protocols",
                        "validation_context", "validation_context_sds_secret_config", "combined_validation_context"}});
  CommonTlsSpec spec;
  spec.parameters = ParametersFromXds(message.tls_params(), place.Field("tls_params"));
  for (int i = 0; i < message.tls_certificates_size(); ++i) {
    spec.certificates.push_back(
        CertificateFromXds(message.tls_certificates(i), place.Field("tls_certificates", size_t(i))));
  }
  for (int i = 0; i < message.tls_certificate_sds_secret_configs_size(); ++i) {
    CertificateSpec certificate;
    certificate.sds_name = SecretNameFromXds(message.tls_certificate_sds_secret_configs(i),
                                             place.Field("tls_certificate_sds_secret_configs", size_t(i)));
    spec.certificates.push_back(std::move(certificate));
  }
  spec.validation = ValidationOf(message, place);
  for (int i = 0; i < message.alpn_protocols_size(); ++i) {
    const std::string& name = message.alpn_protocols(i);
    if (name.empty() || name.size() > 255) {
      place.Field("alpn_protocols", size_t(i))
          .Problem("expected a name of 1 to 255 bytes, found " + schema::Quoted(name));
    }
    spec.alpn.push_back(name);
  }
  return spec;
}

OcspPolicy OcspPolicyOf(const tls::DownstreamTlsContext& message, const Place& place) {
  switch (message.ocsp_staple_policy()) {
    case tls::DownstreamTlsContext::LENIENT_STAPLING: return OcspPolicy::kLenient;
    case tls::DownstreamTlsContext::STRICT_STAPLING: return OcspPolicy::kStrict;
    case tls::DownstreamTlsContext::MUST_STAPLE: return OcspPolicy::kMust;
    default: place.Problem("expected LENIENT_STAPLING, STRICT_STAPLING or MUST_STAPLE"); break;
  }
  return OcspPolicy::kMust;
}

void ReadSessions(const tls::DownstreamTlsContext& message, const Place& place, DownstreamTlsSpec* spec) {
  spec->disable_resumption = message.disable_stateless_session_resumption();
  if (message.has_session_timeout()) {
    spec->session_timeout = DurationOf(message.session_timeout(), place.Field("session_timeout"));
  }
  if (message.has_session_ticket_keys()) {
    spec->common.ticket_keys = TicketKeysFromXds(message.session_ticket_keys(), place.Field("session_ticket_keys"));
  } else if (message.has_session_ticket_keys_sds_secret_config()) {
    spec->common.ticket_keys_sds_name = SecretNameFromXds(message.session_ticket_keys_sds_secret_config(),
                                                          place.Field("session_ticket_keys_sds_secret_config"));
  }
}

DownstreamTlsSpec ContextFromXds(const tls::DownstreamTlsContext& message, const Place& place) {
  CheckFields(message, place,
              {.read = {"common_tls_context", "require_client_certificate", "require_sni", "session_ticket_keys",
                        "session_ticket_keys_sds_secret_config", "disable_stateless_session_resumption",
                        "session_timeout", "ocsp_staple_policy"},
               .ignored = {"full_scan_certs_on_sni_mismatch", "disable_stateful_session_resumption"}});
  DownstreamTlsSpec spec;
  const Place common = place.Field("common_tls_context");
  spec.common = CommonFromXds(message.common_tls_context(), common);
  if (spec.common.certificates.empty()) common.Problem("a server needs a certificate: tls_certificates or SDS");
  spec.require_client_certificate = message.require_client_certificate().value();
  if (spec.require_client_certificate && !spec.common.validation) {
    place.Field("require_client_certificate")
        .Problem("there is no validation context to check the client's certificate with");
  }
  spec.require_sni = message.require_sni().value();
  spec.ocsp_policy = OcspPolicyOf(message, place.Field("ocsp_staple_policy"));
  ReadSessions(message, place, &spec);
  return spec;
}

UpstreamTlsSpec ContextFromXds(const tls::UpstreamTlsContext& message, const Place& place) {
  CheckFields(message, place,
              {.read = {"common_tls_context", "sni", "max_session_keys", "auto_host_sni", "auto_sni_san_validation"},
               .ignored = {"allow_renegotiation", "enforce_rsa_key_usage"}});
  UpstreamTlsSpec spec;
  const Place common = place.Field("common_tls_context");
  spec.common = CommonFromXds(message.common_tls_context(), common);
  if (!spec.common.validation) common.Note("no validation context: the server's certificate is not verified");
  spec.sni = message.sni();
  if (spec.sni.size() > kLongestSni) place.Field("sni").Problem("expected at most 255 bytes");
  spec.resume = !message.has_max_session_keys() || message.max_session_keys().value() > 0;
  spec.auto_host_sni = message.auto_host_sni();
  spec.auto_sni_san_validation = message.auto_sni_san_validation();
  if (spec.auto_sni_san_validation && !spec.common.validation) {
    place.Field("auto_sni_san_validation").Problem("there is no validation context to check the certificate with");
  }
  if (spec.auto_sni_san_validation && spec.sni.empty() && !spec.auto_host_sni) {
    place.Field("auto_sni_san_validation").Problem("there is no SNI to check: neither sni nor auto_host_sni");
  }
  return spec;
}

template <typename Context, typename Spec>
std::optional<Spec> SocketFromXds(const core::TransportSocket& socket, const Place& place) {
  CheckFields(socket, place, {.read = {"name", "typed_config"}});
  const Place config = place.Field("typed_config");
  if (!socket.has_typed_config()) {
    if (socket.name() != "envoy.transport_sockets.raw_buffer") place.Problem("typed_config is missing");
    return std::nullopt;
  }
  RawBuffer raw;  // unpacked, so that the type is linked: a YAML bootstrap may name it
  if (Unpack(socket.typed_config(), config, &raw)) return std::nullopt;
  Context context;
  if (socket.typed_config().Is<Context>()) {
    if (!Unpack(socket.typed_config(), config, &context)) return std::nullopt;
    return ContextFromXds(context, config);
  }
  RefuseType(socket.typed_config(), config, Context::descriptor()->name() + " or RawBuffer");
  return std::nullopt;
}

}  // namespace

std::optional<DownstreamTlsSpec> DownstreamTlsFromXds(const core::TransportSocket& socket, const Place& place) {
  return SocketFromXds<tls::DownstreamTlsContext, DownstreamTlsSpec>(socket, place);
}

std::optional<UpstreamTlsSpec> UpstreamTlsFromXds(const core::TransportSocket& socket, const Place& place) {
  return SocketFromXds<tls::UpstreamTlsContext, UpstreamTlsSpec>(socket, place);
}

SecretSpec SecretFromXds(const tls::Secret& message, Findings* findings) {
  const Place place(findings);
  CheckUnknown(message, place);
  CheckFields(message, place, {.read = {"name", "tls_certificate", "validation_context", "session_ticket_keys"}});
  SecretSpec spec;
  spec.name = message.name();
  if (spec.name.empty()) place.Field("name").Problem("the name is empty");
  switch (message.type_case()) {
    case tls::Secret::kTlsCertificate:
      spec.certificate = CertificateFromXds(message.tls_certificate(), place.Field("tls_certificate"));
      break;
    case tls::Secret::kValidationContext:
      spec.validation = ValidationFromXds(message.validation_context(), false, place.Field("validation_context"));
      break;
    case tls::Secret::kSessionTicketKeys:
      spec.ticket_keys = TicketKeysFromXds(message.session_ticket_keys(), place.Field("session_ticket_keys"));
      break;
    case tls::Secret::TYPE_NOT_SET:
      place.Problem("expected one of tls_certificate, validation_context, session_ticket_keys");
      break;
  }
  return spec;
}

}  // namespace weft::config
