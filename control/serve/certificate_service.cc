#include "control/serve/certificate_service.h"

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "control/serve/grpc_peer.h"

namespace weft::control::serve {
namespace {

constexpr int64_t kLongestValidity =
    100LL * 365 * 86400;  // far above what any authority gives; keeps the sums in range

std::string Bearer(const grpc::ServerContext& context) {
  constexpr size_t kSchemeBytes = 7;  // "Bearer "
  const auto header = context.client_metadata().find("authorization");
  if (header == context.client_metadata().end()) return "";
  const std::string value(header->second.data(), header->second.size());
  if (!absl::StartsWithIgnoreCase(value, "bearer ")) return "";
  return std::string(absl::StripAsciiWhitespace(value.substr(kSchemeBytes)));
}

grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.raw_code()), std::string(status.message()));
}

}  // namespace

grpc::Status CertificateService::CreateCertificate(grpc::ServerContext* context,
                                                   const istio::v1::auth::IstioCertificateRequest* request,
                                                   istio::v1::auth::IstioCertificateResponse* response) {
  const Surroundings& surroundings = fleet_.surroundings();
  Peer peer = PeerOf(*context, /*secure=*/true);
  // A connection that outlived its certificate renews nothing: a token is wanted, as on a new one.
  if (IsExpired(peer, surroundings.now())) peer.uri.clear();
  ca::EnrollmentRequest wanted;
  wanted.csr_pem = request->csr();
  wanted.ttl = absl::Seconds(std::clamp<int64_t>(request->validity_duration(), 0, kLongestValidity));
  wanted.bearer = Bearer(*context);
  wanted.peer_identity_uri = peer.uri;
  absl::StatusOr<ca::EnrollmentAnswer> answer = enrollment_.Create(wanted, surroundings.now());
  if (!answer.ok()) {
    fleet_.events().Note(Event::kCertificateRefused, peer.who(), true,
                         absl::StrCat("certificate refused to ", peer.uri.empty() ? peer.address : peer.uri, ": ",
                                      std::string(answer.status().message())),
                         surroundings.log, surroundings.now());
    return ToGrpc(answer.status());
  }
  for (std::string& pem : answer->certificate.IstioChain()) response->add_cert_chain(std::move(pem));
  signed_.fetch_add(1, std::memory_order_relaxed);
  surroundings.log(
      false, absl::StrCat("certificate ", answer->certificate.serial, " for ", answer->identity.ToString(),
                          answer->renewal ? " (renewal)" : " (join token)", " from ", peer.address, ", until ",
                          absl::FormatTime(absl::RFC3339_sec, answer->certificate.not_after, absl::UTCTimeZone())));
  return grpc::Status::OK;
}

}  // namespace weft::control::serve
