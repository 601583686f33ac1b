#include "proxy/config/header_command.h"

#include <utility>

#include "absl/strings/ascii.h"

namespace weft::config {
namespace {

using Kind = HeaderCommand::Kind;

constexpr std::pair<std::string_view, Kind> kPlain[] = {
    {"DOWNSTREAM_REMOTE_ADDRESS", Kind::kRemoteAddress},
    {"DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", Kind::kRemoteIp},
    {"DOWNSTREAM_LOCAL_ADDRESS", Kind::kLocalAddress},
    {"DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", Kind::kLocalIp},
    {"DOWNSTREAM_PEER_URI_SAN", Kind::kPeerUri},
    {"DOWNSTREAM_LOCAL_URI_SAN", Kind::kLocalUri},
    {"PROTOCOL", Kind::kProtocol},
    {"START_TIME", Kind::kStartTime},
};

}  // namespace

std::optional<HeaderCommand> ParseHeaderCommand(std::string_view text) {
  for (const auto& [name, kind] : kPlain) {
    if (text == name) return HeaderCommand{kind, "", ""};
  }
  if (!text.starts_with("REQ(") || !text.ends_with(')') || text.size() <= 5) return std::nullopt;
  const std::string names = absl::AsciiStrToLower(std::string(text.substr(4, text.size() - 5)));
  const size_t question = names.find('?');
  if (question == std::string::npos) return HeaderCommand{Kind::kRequestField, names, ""};
  return HeaderCommand{Kind::kRequestField, names.substr(0, question), names.substr(question + 1)};
}

}  // namespace weft::config
