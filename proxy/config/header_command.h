// The commands that a header value may hold between percent signs ("%PROTOCOL%"), after Envoy's header formatting. The
// one list of them: the conversions refuse what is not in it, route/ renders what is. Pure; any thread.
#ifndef WEFT_PROXY_CONFIG_HEADER_COMMAND_H_
#define WEFT_PROXY_CONFIG_HEADER_COMMAND_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weft::config {

struct HeaderCommand {
  enum class Kind : uint8_t {
    kRemoteAddress,
    kRemoteIp,
    kLocalAddress,
    kLocalIp,
    kPeerUri,
    kLocalUri,
    kProtocol,
    kStartTime,
    kRequestField,  // REQ(FIRST?OTHERWISE)
  } kind;
  std::string field;      // of kRequestField, lower case
  std::string otherwise;  // the field that is taken when the first is not there, or empty
};

// `text` without its percent signs. None: it is not in the list.
std::optional<HeaderCommand> ParseHeaderCommand(std::string_view text);

}  // namespace weft::config

#endif  // WEFT_PROXY_CONFIG_HEADER_COMMAND_H_
