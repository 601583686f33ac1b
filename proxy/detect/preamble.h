// Preamble: what some protocols say in the clear before the ClientHello comes. Followed only where a filter chain
// declares it: nothing is guessed. Pure functions; the driver of the connection sends what they name, to the client in
// the server's place, and later, once the ClientHello has chosen one, to the server in the client's.
//
//   client          proxy                                server
//     SSLRequest  →
//                 ←  'S'
//     ClientHello →  its name chooses the server
//                                        SSLRequest  →
//                                                    ←  'S', eaten ('N': the connection ends with a word)
//                                        ClientHello →   from here on untouched
//
// Protocols in which the server speaks first (SMTP, IMAP, MySQL) have no name before a server was chosen: STARTTLS of
// those cannot be routed by SNI without speaking for the server, which we do not.
#ifndef WEFT_PROXY_DETECT_PREAMBLE_H_
#define WEFT_PROXY_DETECT_PREAMBLE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/config/l4_spec.h"

namespace weft::detect {

using config::Preamble;

struct ClientStep {
  enum class State : uint8_t {
    kNeedMore,
    kAnswer,  // eat `size` bytes, send `answer`, go on reading
    kTls,     // the preamble is done: eat `size` bytes, send `answer`, what follows is the ClientHello
    kOther,   // no preamble: the bytes are what they are (plain, or TLS at once as PostgreSQL 17 can)
  } state = State::kNeedMore;
  size_t size = 0;
  std::string_view answer{};
};
// `bytes`: all that the client has said and nobody has eaten.
ClientStep ReadClientPreamble(Preamble preamble, std::string_view bytes);

// What is sent to the server in the client's place.
std::string_view RequestOfTls(Preamble preamble);

enum class ServerAnswer : uint8_t {
  kAgreed,   // it waits for the ClientHello
  kRefused,  // it has no TLS
  kBroken,   // it said something else
};
// The server's answer to RequestOfTls() is this one byte.
ServerAnswer ReadServerAnswer(Preamble preamble, char answer);

}  // namespace weft::detect

#endif  // WEFT_PROXY_DETECT_PREAMBLE_H_
