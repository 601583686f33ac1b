// ReadClientHello: what a client says in the clear before TLS begins: the name that it wants and the protocols that it
// speaks. A pure function over all bytes so far; the message may come in any number of segments and of records. Lists
// of cipher suites, groups and unknown extensions (GREASE, RFC 8701, among them) are stepped over, however long.
#ifndef WEFT_PROXY_DETECT_CLIENT_HELLO_H_
#define WEFT_PROXY_DETECT_CLIENT_HELLO_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::detect {

// Bytes after which an unfinished ClientHello or request line is taken for opaque. A ClientHello with post-quantum key
// shares has about 1.8 kB; TLS allows 16 MiB, nobody sends more than a few records.
inline constexpr size_t kMaxFirstBytes = 32 * 1024;

// What server_name is worth. A GREASE ECH extension looks exactly like a real one, that is its purpose (RFC 9849,
// section 6.2): Chromium, Firefox and BoringSSL send it to every server, and then the outer name is the true one.
// Nobody on the way can tell, so that kOuterWithEch means "may be hidden".
enum class NameKind : uint8_t {
  kNone,          // no name
  kPlain,         // a name, and nothing that could hide another
  kOuterWithEch,  // a name beside encrypted_client_hello (0xfe0d): the true one, or that of a front
  kHidden,        // the encrypted_server_name of drafts before ECH (0xffce), or ECH without a name outside
  kUnreadable,    // bytes that begin as TLS and are no ClientHello that we can read: malformed, too long, cut off
};
// The word for logs: "none", "plain", "outer", "hidden", "unreadable".
std::string_view Name(NameKind kind);
inline bool MayBeHidden(NameKind kind) {
  return kind == NameKind::kOuterWithEch || kind == NameKind::kHidden || kind == NameKind::kUnreadable;
}

struct ClientHello {
  std::string server_name;             // SNI host_name, lower case; empty: none
  std::vector<std::string> protocols;  // ALPN, in the client's order
  NameKind name_kind = NameKind::kNone;
};

enum class HelloState : uint8_t {
  kNeedMore,  // so far it could be one
  kComplete,
  kNotTls,  // also a ClientHello that every server must refuse: two names, two extensions of one type, broken lengths
};

// `bytes` begins with the first record. `hello` is written with kComplete only; bytes behind the message do not matter.
HelloState ReadClientHello(std::string_view bytes, ClientHello* hello);

}  // namespace weft::detect

#endif  // WEFT_PROXY_DETECT_CLIENT_HELLO_H_
