#include "proxy/detect/classify.h"

#include <openssl/bytestring.h>

#include <algorithm>
#include <optional>

namespace weft::detect {
namespace {

constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr uint8_t kHandshakeRecord = 22;      // RFC 8446 section 5.1
constexpr uint8_t kClientHelloMessage = 1;    // RFC 8446 section 4
constexpr uint16_t kServerNameExtension = 0;  // RFC 6066 section 3
constexpr uint16_t kAlpnExtension = 16;       // RFC 7301 section 3.1

CBS Bytes(std::string_view text) {
  CBS cbs;
  CBS_init(&cbs, reinterpret_cast<const uint8_t*>(text.data()), text.size());
  return cbs;
}

std::string_view View(const CBS& cbs) { return {reinterpret_cast<const char*>(CBS_data(&cbs)), CBS_len(&cbs)}; }

enum class Gathered : uint8_t { kNeedMore, kComplete, kNotTls };

// Puts the ClientHello together from the handshake records that it came in.
Gathered GatherClientHello(std::string_view bytes, std::string* message) {
  CBS rest = Bytes(bytes);
  size_t wanted = 4;  // type and length
  while (message->size() < wanted) {
    if (CBS_len(&rest) == 0) return Gathered::kNeedMore;
    uint8_t type = 0, major = 0, minor = 0;
    CBS record = rest;
    if (!CBS_get_u8(&record, &type) || type != kHandshakeRecord)
      return CBS_len(&rest) == 0 ? Gathered::kNeedMore : Gathered::kNotTls;
    if (!CBS_get_u8(&record, &major)) return Gathered::kNeedMore;
    if (major != 3) return Gathered::kNotTls;
    uint16_t length = 0;
    if (!CBS_get_u8(&record, &minor) || !CBS_get_u16(&record, &length)) return Gathered::kNeedMore;
    if (length == 0 || length > 16384 + 256) return Gathered::kNotTls;
    const size_t here = std::min<size_t>(length, CBS_len(&record));
    message->append(View(record).substr(0, here));
    if (message->size() >= 1 && static_cast<uint8_t>((*message)[0]) != kClientHelloMessage) return Gathered::kNotTls;
    if (message->size() >= 4) {
      wanted = 4 + (size_t{static_cast<uint8_t>((*message)[1])} << 16 |
                    size_t{static_cast<uint8_t>((*message)[2])} << 8 | size_t{static_cast<uint8_t>((*message)[3])});
      if (wanted > kMaxFirstBytes) return Gathered::kNotTls;
    }
    if (here < length) {
      if (message->size() >= wanted) break;
      return Gathered::kNeedMore;
    }
    CBS_skip(&record, here);
    rest = record;
  }
  message->resize(wanted);
  return Gathered::kComplete;
}

void ReadServerName(CBS extension, ClientHello* hello) {
  CBS names, name;
  uint8_t type;
  if (!CBS_get_u16_length_prefixed(&extension, &names)) return;
  while (CBS_get_u8(&names, &type) && CBS_get_u16_length_prefixed(&names, &name)) {
    if (type != 0) continue;  // host_name
    hello->server_name = std::string(View(name));
    std::transform(hello->server_name.begin(), hello->server_name.end(), hello->server_name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    return;
  }
}

void ReadProtocols(CBS extension, ClientHello* hello) {
  CBS list, protocol;
  if (!CBS_get_u16_length_prefixed(&extension, &list)) return;
  while (CBS_get_u8_length_prefixed(&list, &protocol)) hello->protocols.emplace_back(View(protocol));
}

// RFC 8446 section 4.1.2. False: not a ClientHello after all.
bool ParseClientHello(std::string_view message, ClientHello* hello) {
  CBS body = Bytes(message.substr(4));
  uint16_t version;
  CBS session, ciphers, compression, extensions;
  if (!CBS_get_u16(&body, &version) || !CBS_skip(&body, 32) || !CBS_get_u8_length_prefixed(&body, &session) ||
      !CBS_get_u16_length_prefixed(&body, &ciphers) || !CBS_get_u8_length_prefixed(&body, &compression)) {
    return false;
  }
  if (CBS_len(&body) == 0) return true;  // no extensions at all
  if (!CBS_get_u16_length_prefixed(&body, &extensions)) return false;
  while (CBS_len(&extensions) > 0) {
    uint16_t type;
    CBS extension;
    if (!CBS_get_u16(&extensions, &type) || !CBS_get_u16_length_prefixed(&extensions, &extension)) return false;
    if (type == kServerNameExtension) ReadServerName(extension, hello);
    if (type == kAlpnExtension) ReadProtocols(extension, hello);
  }
  return true;
}

bool IsTokenByte(char c) {  // RFC 9110 section 5.6.2
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// method SP target SP "HTTP/1." DIGIT CRLF; leading empty lines are allowed (RFC 9112 section 2.2).
Protocol ClassifyText(std::string_view bytes) {
  while (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  if (bytes.empty() || bytes == "\r") return Protocol::kNeedMore;
  const std::string_view line = bytes.substr(0, bytes.find('\n'));
  const bool complete = line.size() < bytes.size();
  size_t at = 0;
  while (at < line.size() && IsTokenByte(line[at])) ++at;
  if (at == 0 || at > 32) return Protocol::kOpaque;
  if (at == line.size()) return complete ? Protocol::kOpaque : Protocol::kNeedMore;
  if (line[at] != ' ') return Protocol::kOpaque;
  for (const char c : line.substr(at)) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\r') return Protocol::kOpaque;
  }
  if (!complete) return Protocol::kNeedMore;
  const size_t version = line.rfind(" HTTP/1.");
  return version != std::string_view::npos && version >= at ? Protocol::kHttp1 : Protocol::kOpaque;
}

}  // namespace

Verdict Classify(std::string_view bytes) {
  Verdict verdict;
  if (bytes.empty()) return verdict;
  const bool too_long = bytes.size() >= kMaxFirstBytes;
  if (static_cast<uint8_t>(bytes[0]) == kHandshakeRecord) {
    std::string message;
    const Gathered gathered = GatherClientHello(bytes, &message);
    if (gathered == Gathered::kNeedMore && !too_long) return verdict;
    const bool tls = gathered == Gathered::kComplete && ParseClientHello(message, &verdict.hello);
    verdict.protocol = tls ? Protocol::kTls : Protocol::kOpaque;
    return verdict;
  }
  const size_t common = std::min(bytes.size(), kHttp2Preface.size());
  if (bytes.substr(0, common) == kHttp2Preface.substr(0, common)) {
    if (common == kHttp2Preface.size()) verdict.protocol = Protocol::kHttp2;
    return verdict;
  }
  verdict.protocol = ClassifyText(bytes);
  if (verdict.protocol == Protocol::kNeedMore && too_long) verdict.protocol = Protocol::kOpaque;
  return verdict;
}

}  // namespace weft::detect
