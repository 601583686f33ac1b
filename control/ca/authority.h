// The mesh's certificate authority: a root, an issuing certificate signed by it, and workload certificates
// signed by the issuing one. No type of the TLS library is named here, so gRPC code may include this.
//
// Files in Options::directory, made all at once at the first start (a crash leaves either nothing or the
// whole set), each 0600 in a directory of 0700:
//   root.key     the root's private key; may be moved to a safe place: then the issuing certificate cannot
//                renew itself, which Facts() and the log say in time
//   root.pem     the root certificate, the trust anchor of every proxy
//   issuing.pem  the issuing certificate and its key in one file, so that a renewal is one rename
//   extra_roots.pem  (optional, written by the operator) further roots that proxies shall trust
//
// Lifetimes: root 10 years, issuing 1 year and renewed at its half with a new key, workload certificates
// 24 hours at most and 1 hour when the request does not say. A chain carries the issuing certificate, so a
// renewal needs nothing of the proxies. NotBefore is back-dated by 5 minutes everywhere, for peers whose
// clock is behind. All keys are P-256, all signatures ECDSA with SHA-256.
//
// Thread-safe. Time is an argument. Errors: absl::Status with the file or the fault named.
#ifndef WEFT_CONTROL_CA_AUTHORITY_H_
#define WEFT_CONTROL_CA_AUTHORITY_H_

#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pki/spiffe_id.h"

namespace weft::control::ca {

struct Options {
  std::string directory;     // DIR/ca; its parent must exist
  std::string trust_domain;  // "cluster.local"; a directory made for another one is refused

  absl::Duration root_lifetime = absl::Hours(24 * 3650);
  absl::Duration issuing_lifetime = absl::Hours(24 * 365);
  absl::Duration default_ttl = absl::Hours(1);
  absl::Duration max_ttl = absl::Hours(24);
  absl::Duration min_ttl = absl::Seconds(10);
  absl::Duration back_date = absl::Minutes(5);
};

// A certificate for a workload, as the answer to its request.
struct SignedCertificate {
  std::vector<std::string> chain_pem;  // leaf first, then the issuing certificate; no root
  std::vector<std::string> roots_pem;  // our root first, then the extra ones
  std::string serial;                  // hex, for the log
  absl::Time not_before;
  absl::Time not_after;

  // IstioCertificateResponse.cert_chain: leaf, issuing, every root (the proxy knows roots by their being
  // self-issued CA certificates).
  std::vector<std::string> IstioChain() const;
};

// A key and certificate for the control plane's own TLS port, made for gRPC's SslServerCredentials.
struct ServerCertificate {
  std::string key_pem;
  std::string chain_pem;  // leaf, issuing AND root: a proxy that has only a token looks for the root here
  std::string roots_pem;  // what client certificates are checked against
  absl::Time not_after;
};

// For metrics and `weft certs`.
struct AuthorityFacts {
  std::string trust_domain;
  absl::Time root_not_after;
  absl::Time issuing_not_after;
  absl::Time issuing_renew_at;
  std::string issuing_serial;
  bool root_key_present = false;
  int roots = 1;
};

// The SHA-256 (32 raw bytes) of the request's SubjectPublicKeyInfo, after every check that Sign makes of the
// request. InvalidArgument otherwise.
absl::StatusOr<std::string> RequestKeySha256(std::string_view csr_pem);

struct Material;  // material.h: keys and certificates in the TLS library's types

class CertificateAuthority {
 public:
  // Makes the files when the directory is missing or empty, else loads and checks them: permissions, each
  // key with its certificate, the chain, the trust domain, the dates.
  static absl::StatusOr<std::unique_ptr<CertificateAuthority>> Open(Options options, absl::Time now);

  ~CertificateAuthority();

  // Takes nothing but the public key from `csr_pem`, after checking the request's own signature and the
  // key (P-256, P-384, or RSA of 2048 to 4096 bits); the name is `id`, which must be of our trust domain.
  // ttl <= 0 means default_ttl; it is cut to [min_ttl, max_ttl] and to the issuing certificate's end.
  // A bad request is InvalidArgument.
  absl::StatusOr<SignedCertificate> Sign(std::string_view csr_pem, const pki::SpiffeId& id, absl::Duration ttl,
                                         absl::Time now) const;

  // A new key and a certificate with `id` and `dns_names` for the control plane itself. Call again well
  // before not_after (a third of the lifetime left).
  absl::StatusOr<ServerCertificate> IssueServer(const pki::SpiffeId& id, const std::vector<std::string>& dns_names,
                                                absl::Duration ttl, absl::Time now) const;

  // To be called from time to time (hourly is plenty): makes a new issuing certificate when the present
  // one is past its half. True when it did. FailedPrecondition when root.key is away and it is time.
  absl::StatusOr<bool> RenewIssuing(absl::Time now);

  // Reads extra_roots.pem again. The bundle changes for later calls of Sign and BundlePem.
  absl::Status ReloadExtraRoots();

  std::string BundlePem() const;          // every root, ours first
  const std::string& RootSha256() const;  // of our root's SubjectPublicKeyInfo: what a join token carries
  const std::string& trust_domain() const { return options_.trust_domain; }
  AuthorityFacts Facts() const;

 private:
  CertificateAuthority(Options options, std::unique_ptr<Material> material);

  const Options options_;
  std::string root_sha256_;  // constant after Open
  mutable std::shared_mutex mutex_;
  std::unique_ptr<Material> material_;  // guarded by mutex_
};

}  // namespace weft::control::ca

#endif  // WEFT_CONTROL_CA_AUTHORITY_H_
