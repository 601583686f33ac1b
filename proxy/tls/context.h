// ServerContext and ClientContext: everything of a TLS configuration that connections share, compiled by assemble/ from
// a spec whose secrets are in place. Immutable after Create; one object serves all workers (BoringSSL's SSL_CTX is made
// for that), and a renewed certificate is a new object: connections keep the one that they began with. No type of the
// TLS library is named here.
//
// Ours where the spec says nothing: TLS 1.2 to 1.3; X25519MLKEM768, X25519, P-256; AES-128-GCM first where the CPU has
// AES (in TLS 1.3 BoringSSL decides exactly so); resumption by tickets whose keys all workers share and that change by
// themselves, never beyond the end of the client's certificate nor under other trust settings; no early data, no
// renegotiation, no key log.
#ifndef WEFT_PROXY_TLS_CONTEXT_H_
#define WEFT_PROXY_TLS_CONTEXT_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proxy/base/time.h"
#include "proxy/config/tls_spec.h"

struct ssl_ctx_st;

namespace weft::tls {

class ChainVerifier;
struct CertificateChoice;
struct LoadedCertificate;
struct TicketKey;

class ServerContext {
 public:
  // InvalidArgument names the field: no certificate, key and certificate that differ, a cipher or curve that does not
  // exist, a client certificate required without anything to check it with, a secret or file that is not in place yet.
  static absl::StatusOr<std::shared_ptr<const ServerContext>> Create(const config::DownstreamTlsSpec& spec);
  ~ServerContext();

  const std::string& local_uri() const { return local_uri_; }  // URI SAN of the first certificate, or empty
  int64_t not_after_unix() const { return not_after_unix_; }   // the first to end
  bool checks_clients() const { return verifier_ != nullptr; }
  // For a connection that another context accepted: whether what vouched for its client (PeerIdentity::root) is still
  // trusted.
  bool StillTrusts(uint64_t root) const;

 private:
  friend class TlsStream;
  friend struct ServerCallbacks;
  ServerContext();
  absl::Status SetSessions(const config::DownstreamTlsSpec& spec, const std::vector<LoadedCertificate>& certificates);

  ssl_ctx_st* ctx_ = nullptr;
  std::unique_ptr<const ChainVerifier> verifier_;  // null: client certificates are not asked for
  std::unique_ptr<CertificateChoice> choice_;      // null: one certificate only, without OCSP answer
  std::vector<TicketKey> ticket_keys_;             // empty: the process' own
  std::string alpn_;                               // wire form, in order of preference
  bool require_client_certificate_ = false;
  bool require_sni_ = false;
  std::string local_uri_;
  int64_t not_after_unix_ = 0;
};

class ClientContext {
 public:
  static absl::StatusOr<std::shared_ptr<const ClientContext>> Create(const config::UpstreamTlsSpec& spec);
  ~ClientContext();

  const std::string& sni() const { return sni_; }
  bool auto_host_sni() const { return auto_host_sni_; }
  // The other end can only be a sidecar, what it carries is another protocol's.
  bool is_of_mesh() const { return needs_protocol_; }
  const std::string& local_uri() const { return local_uri_; }
  int64_t not_after_unix() const { return not_after_unix_; }  // INT64_MAX without a client certificate
  bool checks_server() const { return verifier_ != nullptr; }

 private:
  friend class TlsStream;
  friend struct StreamCallbacks;
  ClientContext();

  ssl_ctx_st* ctx_ = nullptr;
  std::unique_ptr<const ChainVerifier> verifier_;  // null: the server is not checked
  std::string sni_;
  std::string local_uri_;
  int64_t not_after_unix_ = INT64_MAX;
  // Some ALPN name is the mesh's own ("weft-…"): then the server must choose one, or it is no sidecar and would take
  // our bytes for something else.
  bool needs_protocol_ = false;
  bool auto_host_sni_ = false;
  bool server_must_have_sni_ = false;  // auto_sni_san_validation
  bool resume_ = true;
  uint64_t number_ = 0;  // tells contexts apart in the session cache
};

// A new key for session tickets in front of the process' own ones. Call it every kTicketKeyRotation, on the main
// thread.
inline constexpr base::Duration kTicketKeyRotation = std::chrono::hours(1);
void RotateTicketKeys();

// What is wrong with material before a context is made of it; of a secret that stands alone.
absl::Status CheckRevocationLists(const std::string& pem);
absl::Status CheckOcspStaple(const std::string& der, const std::string& chain_pem);
absl::Status CheckTicketKey(const std::string& bytes);

// A hash of what decides whether two connections are interchangeable: versions, ciphers, curves, ALPN, SNI, trusted
// roots and wanted names. Certificates and keys are left out on purpose, so that a renewal does not abandon pooled
// connections.
uint64_t SettingsHash(const config::UpstreamTlsSpec& spec);

}  // namespace weft::tls

#endif  // WEFT_PROXY_TLS_CONTEXT_H_
