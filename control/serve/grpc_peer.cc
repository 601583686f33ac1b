#include "control/serve/grpc_peer.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "grpc/grpc_security_constants.h"
#include "grpcpp/security/auth_context.h"

namespace weft::control::serve {

Peer PeerOf(const grpc::ServerContextBase& context, bool secure) {
  Peer peer;
  peer.secure = secure;
  // "ipv4:10.0.0.7:4711", "ipv6:%5B::1%5D:4711"
  const std::string name = context.peer();
  peer.address = absl::StrReplaceAll(name.substr(name.find(':') + 1), {{"%5B", "["}, {"%5D", "]"}, {"%25", "%"}});
  const std::shared_ptr<const grpc::AuthContext> auth = context.auth_context();
  if (!secure || auth == nullptr || !auth->IsPeerAuthenticated()) return peer;
  const std::vector<grpc::string_ref> uris = auth->FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME);
  if (uris.size() == 1) peer.uri.assign(uris[0].data(), uris[0].size());
  const std::vector<grpc::string_ref> pem = auth->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (pem.size() != 1) return peer;
  auto certificates = pki::ReadCertificates(std::string_view(pem[0].data(), pem[0].size()));
  if (certificates.ok() && !certificates->empty()) peer.certificate = std::move(certificates->front());
  return peer;
}

}  // namespace weft::control::serve
