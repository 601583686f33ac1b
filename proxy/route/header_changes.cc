#include "proxy/route/header_changes.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "proxy/route/matchers.h"

namespace weft::route {
namespace {

std::string_view VersionName(http::Version version) {
  switch (version) {
    case http::Version::kHttp10: return "HTTP/1.0";
    case http::Version::kHttp11: return "HTTP/1.1";
    case http::Version::kHttp2: return "HTTP/2";
  }
  return "";
}

// Milliseconds, as Envoy's START_TIME without a format.
std::string WallTime(int64_t micros) {
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E3S%Ez", absl::FromUnixMicros(micros), absl::UTCTimeZone());
}

bool NamesAuthority(std::string_view name) { return name == ":authority" || http::EqualsIgnoreCase(name, "host"); }

}  // namespace

absl::StatusOr<ValueFormat> ValueFormat::Compile(const std::string& text) {
  ValueFormat format;
  std::string plain;
  auto flush = [&] {
    if (!plain.empty()) format.pieces_.push_back({std::nullopt, std::exchange(plain, "")});
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == '%') {
      plain += '%';
      ++i;
      continue;
    }
    const size_t end = text.find('%', i + 1);
    if (end == std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat("header value \"", text, "\" has a % that no other % closes"));
    }
    const std::string command = text.substr(i + 1, end - i - 1);
    auto parsed = config::ParseHeaderCommand(command);
    if (!parsed) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown command %", command, "% in a header value (write %% for a percent sign)"));
    }
    flush();
    format.pieces_.push_back({*std::move(parsed), ""});
    i = end;
  }
  flush();
  return format;
}

// The addresses and the time are written to `room`.
std::string_view ValueFormat::RenderPiece(const Piece& piece, const http::RequestHead& request,
                                          const http::Context& context, Room& room) {
  const http::ConnectionInfo& connection = context.connection;
  using Command = config::HeaderCommand::Kind;
  if (!piece.command) return piece.text;
  switch (piece.command->kind) {
    case Command::kRemoteAddress: return connection.peer.TextTo(room.data());
    case Command::kRemoteIp: return connection.peer.IpTo(room.data());
    case Command::kLocalAddress: return connection.local.TextTo(room.data());
    case Command::kLocalIp: return connection.local.IpTo(room.data());
    case Command::kPeerUri: return connection.peer_principal;
    case Command::kLocalUri: return connection.local_principal;
    case Command::kProtocol: return VersionName(request.version);
    case Command::kStartTime: {
      const std::string time = WallTime(context.reactor.clock().WallMicros());
      return {room.data(), time.copy(room.data(), room.size())};
    }
    case Command::kRequestField: {
      const auto value = FieldOf(request, piece.command->field);
      return value ? *value : FieldOf(request, piece.command->otherwise).value_or("");
    }
  }
  return "";
}

std::string_view ValueFormat::Render(const http::RequestHead& request, const http::Context& context,
                                     base::Arena& arena) const {
  Room room;
  std::string_view value("", 0);
  for (size_t i = 0; i < pieces_.size(); ++i) {
    const std::string_view piece = RenderPiece(pieces_[i], request, context, room);
    value = i == 0 ? arena.Copy(piece) : arena.Extend(value, piece);
  }
  return value;
}

absl::StatusOr<HeaderChanges> HeaderChanges::Compile(const config::HeaderChangesSpec& spec) {
  HeaderChanges changes;
  changes.removes_ = spec.remove;
  for (const auto& add : spec.add) {
    auto value = ValueFormat::Compile(add.value);
    if (!value.ok())
      return absl::InvalidArgumentError(absl::StrCat("header ", add.name, ": ", value.status().message()));
    changes.adds_.push_back({add.append, add.name, *std::move(value)});
  }
  return changes;
}

void HeaderChanges::Apply(const http::RequestHead& request, const http::Context& context,
                          http::Headers* headers) const {
  using Append = config::HeaderChangeSpec::Append;
  for (const std::string& name : removes_) headers->Remove(name);
  base::Arena& arena = headers->arena();
  for (const Addition& add : adds_) {
    if (NamesAuthority(add.name)) continue;
    const bool there = headers->Has(add.name);
    if (add.append == Append::kAddIfAbsent && there) continue;
    if (add.append == Append::kOverwriteIfExists && !there) continue;
    const std::string_view value = add.value.Render(request, context, arena);
    if (add.append == Append::kAppend || !there) {
      headers->AddView(arena.Copy(add.name), value);
    } else {
      headers->Set(add.name, value);
    }
  }
}

void HeaderChanges::ApplyToRequest(http::RequestHead* request, const http::Context& context) const {
  if (empty()) return;
  Apply(*request, context, &request->headers);
  for (const Addition& add : adds_) {
    if (NamesAuthority(add.name)) request->authority = add.value.Render(*request, context, request->arena);
  }
}

}  // namespace weft::route
