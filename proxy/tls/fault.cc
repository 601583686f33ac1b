#include "proxy/tls/fault.h"

#include <utility>

namespace weft::tls {
namespace {

bool IsAboutCertificate(Fault fault) {
  switch (fault) {
    case Fault::kNoCertificate:
    case Fault::kExpired:
    case Fault::kNotYetValid:
    case Fault::kUntrustedIssuer:
    case Fault::kWrongTrustDomain:
    case Fault::kWrongIdentity:
    case Fault::kWrongUsage:
    case Fault::kRevoked:
    case Fault::kRevocationUnknown:
    case Fault::kBadCertificate: return true;
    default: return false;
  }
}

bool IsOurs(Fault fault) {
  switch (fault) {
    case Fault::kStapleExpired:
    case Fault::kSignerLost:
    case Fault::kSignerTimeout:
    case Fault::kSignerRefused:
    case Fault::kInternal: return true;
    default: return false;
  }
}

}  // namespace

std::string_view Name(Fault fault) {
  switch (fault) {
    case Fault::kNone: return "none";
    case Fault::kNoCertificate: return "no_certificate";
    case Fault::kExpired: return "certificate_expired";
    case Fault::kNotYetValid: return "certificate_not_yet_valid";
    case Fault::kUntrustedIssuer: return "untrusted_issuer";
    case Fault::kWrongTrustDomain: return "wrong_trust_domain";
    case Fault::kWrongIdentity: return "wrong_identity";
    case Fault::kWrongUsage: return "wrong_usage";
    case Fault::kRevoked: return "certificate_revoked";
    case Fault::kRevocationUnknown: return "revocation_unknown";
    case Fault::kBadCertificate: return "bad_certificate";
    case Fault::kRefusedByPeer: return "refused_by_peer";
    case Fault::kNotTls: return "not_tls";
    case Fault::kNothingInCommon: return "nothing_in_common";
    case Fault::kNoServerName: return "no_server_name";
    case Fault::kNoProtocol: return "no_common_protocol";
    case Fault::kStapleExpired: return "staple_expired";
    case Fault::kSignerLost: return "signer_lost";
    case Fault::kSignerTimeout: return "signer_timeout";
    case Fault::kSignerRefused: return "signer_refused";
    case Fault::kTimeout: return "handshake_timeout";
    case Fault::kClosed: return "closed_in_handshake";
    case Fault::kTruncated: return "truncated";
    case Fault::kProtocol: return "protocol_error";
    case Fault::kInternal: return "internal";
  }
  return "internal";
}

base::Failure ToFailure(Side side, const FaultReport& report) {
  base::Failure failure;
  failure.phase = base::Phase::kTls;
  failure.retry = base::RetrySafety::kNotSent;
  if (side == Side::kServer) {
    failure.kind = IsAboutCertificate(report.fault) ? base::FailureKind::kDownstreamCertificate
                                                    : base::FailureKind::kDownstreamTls;
    failure.origin = base::Origin::kDownstream;
  } else {
    failure.kind = base::FailureKind::kUpstreamTls;
    failure.origin = base::Origin::kUpstream;
  }
  if (IsOurs(report.fault)) failure.origin = base::Origin::kProxy;
  failure.detail = std::string(Name(report.fault));
  if (!report.text.empty()) failure.detail += ": " + report.text;
  return failure;
}

}  // namespace weft::tls
