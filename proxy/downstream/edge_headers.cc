#include "proxy/downstream/edge_headers.h"

#include <string>
#include <string_view>

#include "absl/random/random.h"

namespace weft::downstream {
namespace {

using config::ForwardClientCert;

constexpr std::string_view kForwardedFor = "x-forwarded-for";
constexpr std::string_view kForwardedProto = "x-forwarded-proto";
constexpr std::string_view kRequestId = "x-request-id";
constexpr std::string_view kClientCert = "x-forwarded-client-cert";

// A random UUID (RFC 9562 version 4) in the arena.
std::string_view NewRequestId(base::Arena& arena) {
  static thread_local absl::InsecureBitGen random;
  static constexpr char kHex[] = "0123456789abcdef";
  char* text = arena.Allocate(36);
  uint64_t bits = 0;
  for (int i = 0; i < 36; ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      text[i] = '-';
      continue;
    }
    if (i % 16 == 0 || bits == 0) bits = random() | (uint64_t{1} << 63);
    text[i] = kHex[bits & 15];
    bits >>= 4;
  }
  text[14] = '4';
  text[19] = kHex[8 | (bits & 3)];
  return {text, 36};
}

void ApplyClientCert(const config::HttpConnectionSpec& spec, const http::ConnectionInfo& connection,
                     http::RequestHead* request) {
  http::Headers& headers = request->headers;
  const bool mutual = !connection.peer_principal.empty();
  switch (spec.forward_client_cert) {
    case ForwardClientCert::kAlwaysForwardOnly: return;
    case ForwardClientCert::kForwardOnly:
      if (!mutual) headers.Remove(kClientCert);
      return;
    case ForwardClientCert::kSanitize: headers.Remove(kClientCert); return;
    case ForwardClientCert::kAppendForward:
    case ForwardClientCert::kSanitizeSet: break;
  }
  if (!mutual) {
    headers.Remove(kClientCert);
    return;
  }
  const std::string_view element =
      request->arena.Concat("By=", connection.local_principal, ";Hash=", connection.peer_certificate_sha256,
                            ";URI=", connection.peer_principal);
  const auto earlier = headers.GetJoined(kClientCert);
  if (spec.forward_client_cert == ForwardClientCert::kAppendForward && earlier) {
    headers.Set(kClientCert, request->arena.Concat(*earlier, ",", element));
  } else {
    headers.Set(kClientCert, element);
  }
}

}  // namespace

void ApplyRequestHeaders(const config::HttpConnectionSpec& spec, const http::ConnectionInfo& connection,
                         http::RequestHead* request) {
  http::Headers& headers = request->headers;
  if (request->scheme.empty()) request->scheme = connection.tls ? "https" : "http";
  if (spec.use_remote_address && !spec.skip_xff_append) {
    base::Address::Text room;
    const std::string_view ip = connection.peer.IpTo(room.data());
    const auto earlier = headers.GetJoined(kForwardedFor);
    headers.Set(kForwardedFor, earlier ? request->arena.Concat(*earlier, ",", ip) : ip);
  }
  const std::string_view proto = connection.tls ? "https" : "http";
  if (spec.use_remote_address && spec.xff_num_trusted_hops == 0) {
    headers.Set(kForwardedProto, proto);
  } else if (!headers.Has(kForwardedProto)) {
    headers.AddView(kForwardedProto, proto);
  }
  if (spec.generate_request_id) {
    // At the edge of the mesh nobody outside names our requests, unless it is wished for.
    if (spec.use_remote_address && !spec.preserve_external_request_id) headers.Remove(kRequestId);
    if (!headers.Has(kRequestId)) headers.AddView(kRequestId, NewRequestId(request->arena));
  }
  ApplyClientCert(spec, connection, request);
  if (!spec.via.empty()) headers.Add("via", spec.via);
}

void ApplyResponseHeaders(const config::HttpConnectionSpec& spec, http::ResponseHead* response) {
  using ServerHeader = config::HttpConnectionSpec::ServerHeader;
  http::Headers& headers = response->headers;
  switch (spec.server_header) {
    case ServerHeader::kOverwrite: headers.Set("server", spec.server_name); break;
    case ServerHeader::kAppendIfAbsent:
      if (!headers.Has("server")) headers.Add("server", spec.server_name);
      break;
    case ServerHeader::kPassThrough: break;
  }
  if (!spec.via.empty()) headers.Add("via", spec.via);
}

}  // namespace weft::downstream
