// Compiled changes of header fields: removals first, then additions (envoy.config.core.v3.HeaderValueOption), whose
// values may hold commands such as %DOWNSTREAM_REMOTE_ADDRESS%. Immutable; any thread.
#ifndef WEFT_PROXY_ROUTE_HEADER_CHANGES_H_
#define WEFT_PROXY_ROUTE_HEADER_CHANGES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/config/header_command.h"
#include "proxy/config/route_spec.h"
#include "proxy/http/context.h"
#include "proxy/http/headers.h"
#include "proxy/http/message.h"

namespace weft::route {

// A text with commands in it.
class ValueFormat {
 public:
  // The error names the command that is not known.
  static absl::StatusOr<ValueFormat> Compile(const std::string& text);
  // The value, in `arena` or as long-lived as the format.
  std::string_view Render(const http::RequestHead& request, const http::Context& context, base::Arena& arena) const;

 private:
  // A command, or text.
  struct Piece {
    std::optional<config::HeaderCommand> command;
    std::string text{};
  };
  using Room = base::Address::Text;
  static std::string_view RenderPiece(const Piece& piece, const http::RequestHead& request,
                                      const http::Context& context, Room& room);
  std::vector<Piece> pieces_;
};

class HeaderChanges {
 public:
  static absl::StatusOr<HeaderChanges> Compile(const config::HeaderChangesSpec& spec);
  bool empty() const { return adds_.empty() && removes_.empty(); }
  // `headers` are those of the request, or of its response.
  void Apply(const http::RequestHead& request, const http::Context& context, http::Headers* headers) const;
  // Host is not a field of RequestHead::headers: changes of "host" and ":authority" set the authority.
  void ApplyToRequest(http::RequestHead* request, const http::Context& context) const;

 private:
  struct Addition {
    config::HeaderChangeSpec::Append append;
    std::string name;
    ValueFormat value;
  };
  std::vector<Addition> adds_;
  std::vector<std::string> removes_;
};

}  // namespace weft::route

#endif  // WEFT_PROXY_ROUTE_HEADER_CHANGES_H_
