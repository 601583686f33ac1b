#include "proxy/detect/client_hello.h"

#include <openssl/bytestring.h>

#include <algorithm>
#include <array>
#include <utility>

namespace weft::detect {
namespace {

constexpr uint8_t kHandshakeRecord = 22;                  // RFC 8446 section 5.1
constexpr size_t kRecordHeader = 5;                       // the same
constexpr size_t kLongestRecord = 16384 + 256;            // the same, section 5.2
constexpr uint8_t kClientHelloMessage = 1;                // RFC 8446 section 4
constexpr size_t kMessageHeader = 4;                      // type and length
constexpr uint16_t kServerName = 0;                       // RFC 6066 section 3
constexpr size_t kLongestName = 255;                      // RFC 1035
constexpr uint16_t kAlpn = 16;                            // RFC 7301 section 3.1
constexpr uint16_t kEncryptedClientHello = 0xfe0d;        // RFC 9849 section 5
constexpr uint8_t kOuter = 0;                             // the same
constexpr uint16_t kEncryptedServerNameOfDraft = 0xffce;  // draft-ietf-tls-esni-02 section 9.1
constexpr uint16_t kGreaseBits = 0x0f0f;                  // RFC 8701: 0x?a?a

uint8_t ByteAt(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }

CBS Bytes(std::string_view text) {
  CBS cbs;
  CBS_init(&cbs, reinterpret_cast<const uint8_t*>(text.data()), text.size());
  return cbs;
}
std::string_view View(const CBS& cbs) { return {reinterpret_cast<const char*>(CBS_data(&cbs)), CBS_len(&cbs)}; }

// Walks over the records that the message came in without copying: it is called anew with each segment.
class Records {
 public:
  explicit Records(std::string_view bytes) : rest_(bytes) {}

  enum class Step : uint8_t { kFragment, kNeedMore, kBad };
  // The part of the next record that is here.
  Step Next(std::string_view* fragment) {
    if (!rest_.empty() && ByteAt(rest_, 0) != kHandshakeRecord) return Step::kBad;
    if (rest_.size() > 1 && ByteAt(rest_, 1) != 3) return Step::kBad;
    if (rest_.size() < kRecordHeader) return Step::kNeedMore;
    const size_t length = size_t{ByteAt(rest_, 3)} << 8 | ByteAt(rest_, 4);
    if (length == 0 || length > kLongestRecord) return Step::kBad;
    *fragment = rest_.substr(kRecordHeader, length);
    if (fragment->empty()) return Step::kNeedMore;
    rest_.remove_prefix(kRecordHeader + fragment->size());  // all, when the record is not whole
    return Step::kFragment;
  }

 private:
  std::string_view rest_;
};

// The length of the whole message with its header; kNeedMore until all of it is here.
HelloState Measure(std::string_view bytes, size_t* message_size) {
  Records records(bytes);
  std::array<uint8_t, kMessageHeader> header{};
  size_t have = 0, wanted = kMessageHeader;
  while (have < wanted) {
    std::string_view fragment;
    switch (records.Next(&fragment)) {
      case Records::Step::kBad: return HelloState::kNotTls;
      case Records::Step::kNeedMore: return HelloState::kNeedMore;
      case Records::Step::kFragment: break;
    }
    for (size_t i = 0; have + i < kMessageHeader && i < fragment.size(); ++i) header[have + i] = ByteAt(fragment, i);
    have += fragment.size();
    if (header[0] != kClientHelloMessage) return HelloState::kNotTls;
    if (have < kMessageHeader || wanted != kMessageHeader) continue;
    wanted += size_t{header[1]} << 16 | size_t{header[2]} << 8 | header[3];
    if (wanted > kMaxFirstBytes) return HelloState::kNotTls;
  }
  *message_size = wanted;
  return HelloState::kComplete;
}

std::string Gather(std::string_view bytes, size_t message_size) {
  std::string message;
  message.reserve(message_size);
  Records records(bytes);
  for (std::string_view fragment; message.size() < message_size && records.Next(&fragment) == Records::Step::kFragment;)
    message += fragment.substr(0, message_size - message.size());
  return message;
}

// One host_name, as RFC 6066 has it; names of other types are stepped over. A server may not see another name than we.
bool ReadServerName(CBS extension, std::string* server_name) {
  CBS names, name;
  uint8_t type;
  if (!CBS_get_u16_length_prefixed(&extension, &names) || CBS_len(&extension) > 0) return false;
  while (CBS_len(&names) > 0) {
    if (!CBS_get_u8(&names, &type) || !CBS_get_u16_length_prefixed(&names, &name)) return false;
    if (type != 0) continue;
    const std::string_view text = View(name);
    if (!server_name->empty() || text.empty() || text.size() > kLongestName) return false;
    if (text.find('\0') != std::string_view::npos) return false;
    *server_name = text;
    std::transform(server_name->begin(), server_name->end(), server_name->begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  }
  return true;
}

bool IsGrease(std::string_view protocol) {
  if (protocol.size() != 2) return false;
  const uint16_t value = static_cast<uint16_t>(ByteAt(protocol, 0) << 8 | ByteAt(protocol, 1));
  return (value & kGreaseBits) == 0x0a0a && ByteAt(protocol, 0) == ByteAt(protocol, 1);
}

bool ReadProtocols(CBS extension, std::vector<std::string>* protocols) {
  CBS list, protocol;
  if (!CBS_get_u16_length_prefixed(&extension, &list) || CBS_len(&extension) > 0) return false;
  while (CBS_len(&list) > 0) {
    if (!CBS_get_u8_length_prefixed(&list, &protocol) || CBS_len(&protocol) == 0) return false;
    if (!IsGrease(View(protocol))) protocols->emplace_back(View(protocol));
  }
  return true;
}

struct Hiding {
  bool ech = false, draft = false;
};

bool ReadExtension(uint16_t type, CBS body, ClientHello* hello, Hiding* hiding) {
  switch (type) {
    case kServerName: return ReadServerName(body, &hello->server_name);
    case kAlpn: return ReadProtocols(body, &hello->protocols);
    case kEncryptedServerNameOfDraft: hiding->draft = true; return true;
    case kEncryptedClientHello: {  // the inner kind, behind a front that opened it, hides nothing
      uint8_t kind = kOuter;
      hiding->ech = !CBS_get_u8(&body, &kind) || kind == kOuter;
      return true;
    }
    default: return true;
  }
}

NameKind KindOf(const std::string& server_name, const Hiding& hiding) {
  if (hiding.draft || (hiding.ech && server_name.empty())) return NameKind::kHidden;
  if (hiding.ech) return NameKind::kOuterWithEch;
  return server_name.empty() ? NameKind::kNone : NameKind::kPlain;
}

// RFC 8446 section 4.1.2. False: not a ClientHello after all.
bool Parse(std::string_view message, ClientHello* hello) {
  CBS body = Bytes(message.substr(kMessageHeader));
  uint16_t version;
  CBS session, ciphers, compression, extensions;
  if (!CBS_get_u16(&body, &version) || !CBS_skip(&body, 32) || !CBS_get_u8_length_prefixed(&body, &session) ||
      !CBS_get_u16_length_prefixed(&body, &ciphers) || !CBS_get_u8_length_prefixed(&body, &compression)) {
    return false;
  }
  if (CBS_len(&body) == 0) return true;  // no extensions at all
  if (!CBS_get_u16_length_prefixed(&body, &extensions) || CBS_len(&body) > 0) return false;
  Hiding hiding;
  std::vector<uint16_t> seen;
  while (CBS_len(&extensions) > 0) {
    uint16_t type;
    CBS extension;
    if (!CBS_get_u16(&extensions, &type) || !CBS_get_u16_length_prefixed(&extensions, &extension)) return false;
    seen.push_back(type);
    if (!ReadExtension(type, extension, hello, &hiding)) return false;
  }
  std::sort(seen.begin(), seen.end());
  if (std::adjacent_find(seen.begin(), seen.end()) != seen.end()) return false;
  hello->name_kind = KindOf(hello->server_name, hiding);
  return true;
}

}  // namespace

std::string_view Name(NameKind kind) {
  switch (kind) {
    case NameKind::kNone: return "none";
    case NameKind::kPlain: return "plain";
    case NameKind::kOuterWithEch: return "outer";
    case NameKind::kHidden: return "hidden";
    case NameKind::kUnreadable: return "unreadable";
  }
  return "none";
}

HelloState ReadClientHello(std::string_view bytes, ClientHello* hello) {
  size_t size = 0;
  const HelloState state = Measure(bytes, &size);
  if (state != HelloState::kComplete) return state;
  ClientHello read;
  if (!Parse(Gather(bytes, size), &read)) return HelloState::kNotTls;
  *hello = std::move(read);
  return HelloState::kComplete;
}

}  // namespace weft::detect
