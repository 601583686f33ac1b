#include "proxy/downstream/edge_headers.h"

#include <array>
#include <cstring>
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

using Digits = std::array<char, 16>;

// Sixteen hexadecimal digits, eight at a time: each nibble gets a byte, each byte its character. Digit by digit a
// request id cost 560 instructions.
Digits HexOf(uint64_t bits) {
  Digits digits;
  for (size_t half = 0; half < 2; ++half) {
    uint64_t x = (bits >> (32 * half)) & 0xffffffff;
    x = (x | x << 16) & 0x0000ffff0000ffff;
    x = (x | x << 8) & 0x00ff00ff00ff00ff;
    x = (x | x << 4) & 0x0f0f0f0f0f0f0f0f;
    const uint64_t letters = ((x + 0x0606060606060606) >> 4) & 0x0101010101010101;  // 1 where the digit is above 9
    x += 0x3030303030303030 + letters * ('a' - '0' - 10);
    std::memcpy(digits.data() + 8 * half, &x, 8);
  }
  return digits;
}

// A random UUID (RFC 9562 version 4) in the arena.
std::string_view NewRequestId(base::Arena& arena) {
  static thread_local absl::InsecureBitGen random;
  // "xxxxxxxx-xxxx-4xxx-Yxxx-xxxxxxxxxxxx", Y one of 89ab.
  const uint64_t bits = random();
  const Digits high = HexOf(random()), low = HexOf(bits);
  char* text = arena.Allocate(36);
  std::memcpy(text, high.data(), 8);
  std::memcpy(text + 9, high.data() + 8, 4);
  std::memcpy(text + 14, high.data() + 12, 4);
  std::memcpy(text + 19, low.data(), 4);
  std::memcpy(text + 24, low.data() + 4, 12);
  text[8] = text[13] = text[18] = text[23] = '-';
  text[14] = '4';
  text[19] = "89ab"[bits & 3];
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
