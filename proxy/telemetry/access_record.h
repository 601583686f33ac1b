// AccessRecord: everything that a line of the access log can say about one request or opaque connection, as plain
// views. Filled by the data path when it has ended, read at once by AccessFormat. An empty text, a null pointer or a
// negative time means: not known.
#ifndef WEFT_PROXY_TELEMETRY_ACCESS_RECORD_H_
#define WEFT_PROXY_TELEMETRY_ACCESS_RECORD_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "proxy/base/address.h"
#include "proxy/base/time.h"

namespace weft::telemetry {

// Fields of the messages, by lower-case name; ":method", ":path", ":authority", ":scheme" and ":status" too.
class HeaderLookup {
 public:
  virtual std::optional<std::string_view> Request(std::string_view name) const = 0;
  virtual std::optional<std::string_view> Response(std::string_view name) const = 0;
  virtual std::optional<std::string_view> Trailer(std::string_view name) const = 0;

 protected:
  ~HeaderLookup() = default;
};

struct AccessRecord {
  static constexpr base::Duration kNot{-1};

  int64_t start_wall_micros = 0;  // of the request's head, or of the opaque connection
  // Since the start.
  base::Duration ended = kNot;
  base::Duration request_received = kNot;  // last byte of the request came
  base::Duration request_sent = kNot;      // last byte of it went to the endpoint
  base::Duration response_began = kNot;    // first byte of the endpoint's response
  std::string_view protocol;               // "HTTP/1.1"; empty of opaque connections
  int response_code = 0;
  std::string_view response_flag;          // "UF"
  std::string_view response_code_details;  // "via_upstream", or the word of the Failure
  std::string_view failure_detail;
  bool failed_upstream = false;  // the failure lies on the endpoint's side
  uint64_t bytes_received = 0, bytes_sent = 0;
  uint64_t connection_id = 0;
  uint32_t tries = 0;
  std::string_view cluster, route, virtual_host, filter_chain, listener;
  std::string_view server_name_kind;  // "none", "plain", "outer", "hidden"; empty: not TLS, or nobody looked
  std::string_view server_name, peer_principal, local_principal;
  const base::Address* upstream_host = nullptr;
  const base::Address* downstream_remote = nullptr;
  const base::Address* downstream_direct_remote = nullptr;  // who connected, whatever a PROXY header says
  const base::Address* downstream_local = nullptr;          // where the client was going
  const base::Address* downstream_direct_local = nullptr;   // our end of the socket
  const HeaderLookup* headers = nullptr;
};

}  // namespace weft::telemetry

#endif  // WEFT_PROXY_TELEMETRY_ACCESS_RECORD_H_
