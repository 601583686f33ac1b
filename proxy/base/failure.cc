#include "proxy/base/failure.h"

namespace weft::base {

std::string_view Name(FailureKind kind) {
  switch (kind) {
    case FailureKind::kMalformedRequest: return "malformed_request";
    case FailureKind::kHeadersTooLarge: return "headers_too_large";
    case FailureKind::kRequestBodyTooLarge: return "request_body_too_large";
    case FailureKind::kUnsupportedProtocol: return "unsupported_protocol";
    case FailureKind::kDownstreamClosed: return "downstream_closed";
    case FailureKind::kDownstreamIdle: return "downstream_idle";
    case FailureKind::kRequestHeaderTimeout: return "request_header_timeout";
    case FailureKind::kRequestTimeout: return "request_timeout";
    case FailureKind::kHttp10Refused: return "http10_refused";
    case FailureKind::kNoRoute: return "no_route";
    case FailureKind::kNoFilterChain: return "no_filter_chain";
    case FailureKind::kHiddenName: return "hidden_name";
    case FailureKind::kProxyHeader: return "proxy_header";
    case FailureKind::kUnknownDestination: return "unknown_destination";
    case FailureKind::kNoCluster: return "no_cluster";
    case FailureKind::kNoHealthyEndpoint: return "no_healthy_endpoint";
    case FailureKind::kNotAuthorized: return "not_authorized";
    case FailureKind::kOverflow: return "overflow";
    case FailureKind::kNoConfig: return "no_config";
    case FailureKind::kDraining: return "draining";
    case FailureKind::kUpgradeRefused: return "upgrade_refused";
    case FailureKind::kLoop: return "loop";
    case FailureKind::kOutOfResources: return "out_of_resources";
    case FailureKind::kConnectRefused: return "connect_refused";
    case FailureKind::kConnectFailed: return "connect_failed";
    case FailureKind::kConnectTimeout: return "connect_timeout";
    case FailureKind::kUpstreamTls: return "upstream_tls";
    case FailureKind::kUpstreamClosed: return "upstream_closed";
    case FailureKind::kUpstreamReset: return "upstream_reset";
    case FailureKind::kUpstreamProtocol: return "upstream_protocol";
    case FailureKind::kUpstreamTimeout: return "upstream_timeout";
    case FailureKind::kTryTimeout: return "try_timeout";
    case FailureKind::kDownstreamTls: return "downstream_tls";
    case FailureKind::kDownstreamCertificate: return "downstream_certificate";
    case FailureKind::kIoError: return "io_error";
    case FailureKind::kTimeout: return "timeout";
    case FailureKind::kCancelled: return "cancelled";
    case FailureKind::kInternal: return "internal";
  }
  return "internal";
}

std::string_view Name(Origin origin) {
  switch (origin) {
    case Origin::kProxy: return "proxy";
    case Origin::kDownstream: return "downstream";
    case Origin::kUpstream: return "upstream";
  }
  return "proxy";
}

std::string_view Name(Phase phase) {
  switch (phase) {
    case Phase::kAccept: return "accept";
    case Phase::kRequestHead: return "request_head";
    case Phase::kRouting: return "routing";
    case Phase::kConnect: return "connect";
    case Phase::kTls: return "tls";
    case Phase::kRequestSent: return "request_sent";
    case Phase::kResponse: return "response";
    case Phase::kBody: return "body";
  }
  return "routing";
}

}  // namespace weft::base
