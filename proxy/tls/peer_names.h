// The names in a peer's certificate. INTERNAL to proxy/tls: BoringSSL's types. Pure functions; any thread.
#ifndef WEFT_PROXY_TLS_PEER_NAMES_H_
#define WEFT_PROXY_TLS_PEER_NAMES_H_

#include <openssl/base.h>
#include <openssl/pool.h>
#include <openssl/stack.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "proxy/tls/peer.h"

namespace weft::tls {

// The subject alternative names that can stand in a log line.
struct PeerNames {
  std::vector<std::string> uri, dns, email, ip;
};

PeerNames ReadNames(X509* leaf);
std::unique_ptr<PeerIdentity> MakePeer(X509* leaf, const CRYPTO_BUFFER* der, const PeerNames& names);

// "*.example.com" of a certificate covers one label (RFC 6125, 6.4.3).
bool DnsCovers(const std::string& pattern, const std::string& name);
// Whether one of the peer's DNS names is `host` or covers it.
bool IsFor(const PeerIdentity& peer, const std::string& host);

// The peer's names and dates without any check (verified stays false). Null: it does not parse.
std::unique_ptr<PeerIdentity> ReadPeer(const STACK_OF(CRYPTO_BUFFER) * chain);

}  // namespace weft::tls

#endif  // WEFT_PROXY_TLS_PEER_NAMES_H_
