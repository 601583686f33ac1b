// TLS as a spec: what CommonTlsContext, DownstreamTlsContext and UpstreamTlsContext
// (envoy.extensions.transport_sockets.tls.v3) ask for, validated, with Envoy's defaults applied. Key material is PEM
// text: the conversion reads inline sources, assemble/ reads files and puts SDS secrets (and the reserved `default` and
// `ROOTCA` of identity/) in place of their names before it builds tls::ServerContext and tls::ClientContext, which
// refuse a spec that still names something. Plain values; any thread.
#ifndef WEFT_PROXY_CONFIG_TLS_SPEC_H_
#define WEFT_PROXY_CONFIG_TLS_SPEC_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/time.h"

namespace weft::config {

enum class TlsVersion : uint8_t { kAuto, kTls12, kTls13 };  // 1.0 and 1.1 are refused by the conversion

// TlsParameters. Empty lists: ours (tls/parameters.h), which are also what a mesh-internal context uses.
struct TlsParametersSpec {
  TlsVersion min_version = TlsVersion::kAuto;  // auto: 1.2 (Envoy)
  TlsVersion max_version =
      TlsVersion::kAuto;  // auto: 1.3 for servers; for clients 1.3 too (Envoy: 1.2, see docs/envoy_compat.md)
  std::vector<std::string> cipher_suites;  // TLS 1.2 names, BoringSSL's spelling; "[a|b]" groups of equal preference
  std::vector<std::string> curves;         // "X25519MLKEM768", "X25519", "P-256", "P-384", "P-521"
};

// private_key_provider with a weft.v1.UnixSigner: the private key lives in another process (docs/signer.md).
struct SignerSpec {
  std::string socket_path;
  base::Duration timeout = std::chrono::seconds(1);
};

// TlsCertificate. In the end chain_pem and key_pem are set; before that a file or a secret may stand for them.
struct CertificateSpec {
  std::string chain_pem;
  std::string key_pem;
  std::string chain_file;  // set: assemble/ reads it into chain_pem
  std::string key_file;
  std::string ocsp_der;  // ocsp_staple: an OCSPResponse (RFC 6960), empty: none
  std::string ocsp_file;
  std::optional<SignerSpec> signer;  // set: there is no key_pem, this process signs
  std::string sds_name;              // set: the secret of this name replaces the whole
};

// SubjectAltNameMatcher: a name in the peer's certificate of this type that matches.
struct SanMatchSpec {
  enum class Type : uint8_t { kUri, kDns, kEmail, kIp } type = Type::kUri;
  enum class How : uint8_t { kExact, kPrefix, kSuffix, kContains, kRegex } how = How::kExact;
  std::string text;          // of a kDns exact match: may be a host name that the certificate's wildcard covers
  bool ignore_case = false;  // never with kRegex
};

// CertificateValidationContext. One of the matches must hold when there is any. CombinedCertificateValidationContext is
// both: the fields here and the trusted_ca_pem of the secret.
struct ValidationSpec {
  std::string trusted_ca_pem;
  std::string trusted_ca_file;
  std::string sds_name;       // set: the secret gives trusted_ca_pem (and what it has of the rest)
  bool system_roots = false;  // the machine's CA bundle
  std::vector<SanMatchSpec> sans;
  std::vector<std::string> spki_sha256_base64;  // verify_certificate_spki
  std::vector<std::string> certificate_sha256;  // verify_certificate_hash, lower case hex without colons
  bool accept_untrusted = false;                // trust_chain_verification: ACCEPT_UNTRUSTED
  std::optional<uint32_t> max_verify_depth;
  std::string crl_pem;  // set: every certificate of the chain needs a list of its issuer, and must not stand in it
  std::string crl_file;
  bool only_leaf_crl = false;  // only_verify_leaf_cert_crl
};

struct TicketKeySpec {
  std::string bytes;
  std::string file;  // set: assemble/ reads it into bytes
};

// CommonTlsContext, and the ticket keys, which come from files and secrets like certificates.
struct CommonTlsSpec {
  TlsParametersSpec parameters;
  std::vector<CertificateSpec> certificates;
  std::optional<ValidationSpec> validation;  // none: the peer's certificate is not checked at all
  std::vector<std::string> alpn;             // in order of preference
  // Of a server: TlsSessionTicketKeys, 80 bytes each, the first one seals. Empty: the process' own.
  std::vector<TicketKeySpec> ticket_keys;
  std::string ticket_keys_sds_name;  // set: the secret of this name gives them
};

enum class OcspPolicy : uint8_t {
  kLenient,  // an expired answer is left out
  kStrict,   // a certificate whose answer expired is not used
  kMust,     // the same, and every certificate needs an answer
};

// DownstreamTlsContext.
struct DownstreamTlsSpec {
  CommonTlsSpec common;
  bool require_client_certificate = false;
  bool require_sni = false;
  bool disable_resumption = false;                // disable_stateless_session_resumption
  std::optional<base::Duration> session_timeout;  // none: ours (tls/ticket_keys.h)
  OcspPolicy ocsp_policy = OcspPolicy::kLenient;
};

// UpstreamTlsContext.
struct UpstreamTlsSpec {
  CommonTlsSpec common;
  std::string sni;
  bool resume = true;                    // false: max_session_keys is 0
  bool auto_host_sni = false;            // the endpoint's host name, where it has one, instead of `sni`
  bool auto_sni_san_validation = false;  // the certificate must be for the SNI that was sent, instead of `sans`
};

}  // namespace weft::config

#endif  // WEFT_PROXY_CONFIG_TLS_SPEC_H_
