// Who is at the other end of a TLS connection: what routing, policy, metrics, logs and the forwarded-client-certificate
// header want of its certificate. Copied out once, in the handshake; the certificate itself is not kept parsed. Plain
// value.
#ifndef WEFT_PROXY_TLS_PEER_H_
#define WEFT_PROXY_TLS_PEER_H_

#include <cstdint>
#include <string>
#include <vector>

namespace weft::tls {

struct PeerIdentity {
  std::string uri;      // the first URI SAN; of a mesh peer its SPIFFE ID. Only characters of RFC 3986.
  std::string subject;  // RFC 2253, may be empty
  std::string issuer;
  std::vector<std::string> dns_names;  // only letters, digits, '-', '.', '_', '*'
  std::string serial;                  // lower case hex
  std::string sha256;                  // of the DER certificate, lower case hex (the Hash of x-forwarded-client-cert)
  int64_t not_after_unix = 0;
  uint64_t root = 0;      // RootId of the trusted certificate that vouches for it; 0: nobody does
  bool verified = false;  // its chain was checked against trusted roots; else believe nothing of it
};

}  // namespace weft::tls

#endif  // WEFT_PROXY_TLS_PEER_H_
